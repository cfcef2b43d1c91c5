"""The files of a run: one reader and one writer for each format.

Promises: every file is written whole or not at all; what is read is checked and bounded; a checkpoint is read without
unpickling, so one from a stranger cannot run code; the state a run is in is evidence, not a guess.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
