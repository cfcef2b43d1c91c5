"""The networks of this project: importing this package makes them known by name (`policy.type`)."""

from policies import residual

__all__ = ["residual"]
