"""Estimates, intervals, tests and power: arrays in, frozen dataclasses out. Pure; SciPy computes what it can.

The unit of replication is the training seed: an array ``_S`` has one score per seed, each the mean over that seed's
episodes; ``_T`` is time along a learning curve. How far every method here can be trusted at 3 to 20 seeds is measured
by ``python -m benchmarks.calibration`` and told in ``docs/statistics.md``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
