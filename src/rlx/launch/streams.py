"""Standard output and error as data may use them: it cannot steer a terminal, and no encoding makes them fail.

Text from files, environments and other people's commits is printed everywhere: in tables, messages, progress lines and by
the stages. So the streams themselves make control characters visible, and spell out what their encoding lacks; only rich
writes beneath them, for its own colours and bars, and it is given text that is visible already (:mod:`rlx.launch.terminal`).
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlx.stats import plain_text, visible

SPELLED = "rlx.spelled"
"""Error handler of codecs: what cannot be encoded is spelled with what can."""


class VisibleStream:
    """A text stream on which control characters show as ``\\x1b``, and move no cursor."""

    def __init__(self, stream: Any):
        """Write to ``stream``, which rich keeps using as it is."""
        self.rich_proxied_file = stream

    def write(self, text: str) -> int:
        """Write text; returns its length."""
        self.rich_proxied_file.write(visible(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":  # whoever wants to write bytes would go round this stream
            raise AttributeError(name)
        return getattr(self.rich_proxied_file, name)


@contextmanager
def visible_streams() -> Iterator[None]:
    """Let standard output and standard error show what is printed in this block, and never fail of its characters."""
    codecs.register_error(SPELLED, _spell)
    kept = sys.stdout, sys.stderr
    before = [_reconfigured(stream, SPELLED) for stream in kept]
    shown = [VisibleStream(stream or _nowhere()) for stream in kept]
    sys.stdout, sys.stderr = shown
    try:
        yield
    finally:
        for name, stream, ours, errors in zip(("stdout", "stderr"), kept, shown, before, strict=True):
            if getattr(sys, name) is ours:
                setattr(sys, name, stream)
            _reconfigured(stream, errors)


def _nowhere() -> Any:
    """Return what is written to where the caller has closed a stream."""
    return Path(os.devnull).open("w", encoding="utf-8")


def _reconfigured(stream: Any, errors: str | None) -> str | None:
    """Give a stream another error handler where it can have one; returns the one it had."""
    had: str | None = getattr(stream, "errors", None)
    if errors and had and hasattr(stream, "reconfigure"):
        stream.reconfigure(errors=errors)
    return had


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return plain_text(error.object[error.start : error.end]), error.end


def write_error(message: object) -> None:
    """Write a message on standard error, after a word in red where that is a terminal in colour."""
    plain = not sys.stderr.isatty() or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    beneath = getattr(sys.stderr, "rich_proxied_file", sys.stderr)
    beneath.write("error:" if plain else "\033[1;31merror:\033[0m")
    sys.stderr.write(f" {message}\n")


def write_bytes_out(content: bytes) -> None:
    """Write bytes to standard output: a document that was asked for there."""
    beneath = getattr(sys.stdout, "rich_proxied_file", sys.stdout)
    beneath.flush()
    beneath.buffer.write(content)
    beneath.buffer.flush()
