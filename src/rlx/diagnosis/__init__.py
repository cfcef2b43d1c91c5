"""What happened in training, from what a run logged. Pure: arrays in, frozen dataclasses out.

Promises: each finding names its evidence and what to try; a rule whose threshold is not a definition names its source.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
