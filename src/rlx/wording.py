"""Where stage files of older projects find this; see ``rlx.stats.wording``."""

from rlx.stats.wording import number

__all__ = ["number"]
