"""Where stage files of older projects find this; see ``rlx.training.held_out``."""

from rlx.training.held_out import evaluate_run

__all__ = ["evaluate_run"]
