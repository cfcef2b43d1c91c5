"""rlx: a workbench for reinforcement-learning experiments.

Importing this package is cheap on purpose: torch, gymnasium, dvc and matplotlib load in the modules that need them.
"""

__version__ = "0.1.0"

STAGE_VERSIONS = {"train": 2, "eval": 1}
"""Versions of what training and evaluation compute; raised only when the same configuration would give other results.

A project pins them in ``params.yaml`` (``engine``), so that a library upgrade never changes results unannounced.
"""
