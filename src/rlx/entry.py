"""Where stage files of older projects find this; see ``rlx.cli.entry``."""

from rlx.cli.entry import run_stage

__all__ = ["run_stage"]
