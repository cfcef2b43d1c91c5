"""Learners: what trains, and the networks it trains.

Promises: the same configuration and seed give the same bits; nothing outside knows which engine computes them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
