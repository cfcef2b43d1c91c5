"""The file of a search as lines, for those who need not read what they say: whether it is there, is whole, and goes on."""

from __future__ import annotations

import json
from pathlib import Path

TRIALS = "trials.jsonl"
"""The file of a search, in ``sweeps/<name>/``."""


def trials_path(root: Path, sweep: str) -> Path:
    """Return where a project's search has its file."""
    return root / "sweeps" / sweep / TRIALS


def whole_lines(path: Path) -> bytes:
    """Return the file without a last line that a kill has cut; nothing where there is no file."""
    content = path.read_bytes() if path.is_file() else b""
    return content[: content.rfind(b"\n") + 1]


def is_unfinished(lines: bytes) -> bool:
    """Tell whether the search of such lines has begun and not ended."""
    ends = [line for line in lines.splitlines() if line.startswith(b'{"ended"')]
    return bool(lines) and not (ends and json.loads(ends[-1])["ended"])
