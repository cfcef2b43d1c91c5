"""Wrappers by the names that configs give them; see ``rlx.envs.space_wrappers``."""

from rlx.envs.space_wrappers import BoundActions, ByteImages, RoundActions

__all__ = ["BoundActions", "ByteImages", "RoundActions"]
