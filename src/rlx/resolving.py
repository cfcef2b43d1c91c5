"""Where stage files of older projects find this; see ``rlx.experiments.resolving``."""

from rlx.experiments.resolving import resolve_run

__all__ = ["resolve_run"]
