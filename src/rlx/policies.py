"""Where stage files of older projects find this; see ``rlx.algorithms.policies``."""

from rlx.algorithms.policies import device_for, register

__all__ = ["device_for", "register"]
