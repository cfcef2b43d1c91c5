"""Names of what belongs to studies: known by their folders, without reading any of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def of_studies(root: Path, names: Iterable[str]) -> set[str]:
    """Return those of some experiments that studies made: their names begin with a study's."""
    beginnings = tuple(f"{path.parent.name}_" for path in (root / "studies").glob("*/*/ledger.jsonl"))
    return {name for name in names if beginnings and name.startswith(beginnings)}
