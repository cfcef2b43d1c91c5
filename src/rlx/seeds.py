"""Where stage files of older projects find this; see ``rlx.training.seeds``."""

from rlx.training.seeds import SeedOutcome, check, train_run

__all__ = ["SeedOutcome", "check", "train_run"]
