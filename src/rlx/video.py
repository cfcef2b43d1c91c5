"""Where stage files of older projects find this; see ``rlx.training.video``."""

from rlx.training.video import film_run

__all__ = ["film_run"]
