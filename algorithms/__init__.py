"""The algorithms of this project: importing this package makes them known by name (`algo.name`)."""

from algorithms import reinforce

__all__ = ["reinforce"]
