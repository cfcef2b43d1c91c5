"""Names of what belongs to studies, as their ledgers have them; no contract is read, and no chain checked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from rlx.config import parse_json, read_text

PART = re.compile(r"_part\d+$")
"""What a start that went on in several experiments calls the later ones."""


def of_studies(root: Path, names: Iterable[str], study: str = "*") -> set[str]:
    """Return those of some experiments that studies started. Of a ledger that cannot be read, all whose names begin with its study's.

    Args:
        root: The project.
        names: The experiments in question.
        study: The name of one study; by default all.
    """
    asked = set(names)
    found: set[str] = set()
    for path in (root / "studies").glob("*/*/ledger.jsonl"):
        if study not in ("*", path.parent.name):
            continue
        ours = {name for name in asked if name.startswith(f"{path.parent.name}_")}
        if not ours:
            continue
        try:
            started = _started(path)
        except (OSError, ValueError):
            found |= ours
        else:
            found |= {name for name in ours if PART.sub("", name) in started}
    return found


def _started(ledger: Path) -> set[str]:
    """Return the experiments that a ledger says were started, as far as its lines can be read."""
    found = set()
    for line in read_text(ledger).splitlines():
        with suppress(ValueError, KeyError, TypeError):
            content = parse_json(line)
            if content["event"] == "started":
                found.add(content["data"]["experiment"])
    return found
