"""What may be said, and what it means for one run: reading YAML with places, composing a run's effective configuration.

Promises: a key, a type, a range or an inconsistency is refused with file, line and the nearest valid name, before anything
is made; a snapshot holds the whole effective configuration and is read without the code it speaks of. Also the project's
root and own packages, the vocabulary of metrics, and (in ``files``) how every file is read bounded and written whole.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
