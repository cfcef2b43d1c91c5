"""Where stage files of older projects find this; see ``rlx.records.runs``."""

from rlx.records.runs import RunFolder, write_metadata

__all__ = ["RunFolder", "write_metadata"]
