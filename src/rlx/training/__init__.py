"""Training a seed and a run's seeds, evaluating what came out, and filming it.

Promises: killed at any point, a training goes on to the same bits; evaluation plays fixed reset seeds that no training
sees; a failing seed does not stop the others.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
