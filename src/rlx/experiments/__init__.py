"""The project under Git and DVC: what would be made, is made, kept, found, compared across commits, and is sound.

Promises: the workspace is not disturbed by an experiment; a command that is killed leaves something that the next one
finishes or clears; nothing from Git or a remote is written outside the project.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
