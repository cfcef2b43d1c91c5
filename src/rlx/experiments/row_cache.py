"""A cache of rows for `rlx ls`: what was read of each run, valid while its files and commits are the same.

Only a cache: delete it or damage it, and the same rows are read again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlx.config import read_json, write_text
from rlx.errors import DataDamaged
from rlx.launch import main_root

FORMAT = 5
Stamp = list[int] | None
"""Modification time in nanoseconds and size of a file; None where there is none."""
Plain = dict[str, Any]


@dataclass
class RunIndex:
    """Rows as plain values.

    Attributes:
        old: As the file had it: ``runs`` by name with their stamps, ``experiments`` by commit and name.
        runs: Those asked for or read now.
        fresh: Experiments read now, by commit and name: `dvc exp rename` changes one of the two.
        lasting: Which of them may be kept: those whose results are here.
    """

    old: dict[str, Any]
    runs: dict[str, Any] = field(default_factory=dict)
    fresh: dict[str, list[Plain]] = field(default_factory=dict)
    lasting: dict[str, list[Plain]] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> RunIndex:
        """Read the index of a project; an empty one where there is none that can be used."""
        try:
            content = read_json(_path(root))
            if content["format"] == FORMAT and isinstance(content["runs"], dict):
                return cls({"runs": dict(content["runs"]), "experiments": dict(content["experiments"])})
        except (OSError, ValueError, KeyError, TypeError, DataDamaged):
            pass
        return cls({"runs": {}, "experiments": {}})

    def row(self, name: str, stamps: Sequence[Stamp]) -> Plain | None:
        """Return what is known of a run folder whose files have these stamps."""
        known = self.old["runs"].get(name)
        if isinstance(known, dict) and known.get("stamps") == list(stamps) and isinstance(known.get("row"), dict):
            row: Plain = known["row"]
            return row if row.get("id") == name else None
        return None

    def keep(self, name: str, stamps: Sequence[Stamp], row: Plain) -> None:
        """Keep the row of a run folder."""
        self.runs[name] = {"stamps": list(stamps), "row": row}

    def experiment(self, commit: str, name: str) -> list[Plain] | None:
        """Return the rows of an experiment, if they are known."""
        key = f"{commit} {name}"
        if key in self.fresh:
            return self.fresh[key]
        known = self.old["experiments"].get(key)
        if isinstance(known, list) and all(isinstance(row, dict) and "id" in row for row in known):
            self.lasting[key] = known
            return known
        return None

    def add_experiment(self, commit: str, name: str, rows: list[Plain], *, lasting: bool) -> None:
        """Add the rows of an experiment; a commit never changes, but what of it is here may."""
        self.fresh[f"{commit} {name}"] = rows
        if lasting:
            self.lasting[f"{commit} {name}"] = rows

    def write(self, root: Path) -> None:
        """Write the index if anything changed; a folder that cannot be written does no harm."""
        content = {"runs": self.runs, "experiments": self.lasting}
        if content == self.old:
            return
        try:
            _path(root).parent.mkdir(parents=True, exist_ok=True)
            write_text(_path(root), json.dumps({"format": FORMAT, **content}))
        except OSError:
            return


def _path(root: Path) -> Path:
    return main_root(root) / ".dvc" / "tmp" / "rlx-index.json"
