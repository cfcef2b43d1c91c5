"""Environments, one or many copies: made as the run's configuration says, watched, recorded and normalised.

Promises: what comes out has the declared shapes and types or is refused by name; episodes are counted in the
environment's own units; training and held-out reset seeds never meet; an environment cannot change our generators.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
