"""Where stage files of older projects find this; see ``rlx.config.files.atomic``."""

from rlx.config.files.atomic import write_json, write_text

__all__ = ["write_json", "write_text"]
