"""Facts and verdicts in words, tables, pictures, pages and JSON, and the examination of a project.

Promises: the same facts give the same text; what is not known is said, never shown as zero.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
