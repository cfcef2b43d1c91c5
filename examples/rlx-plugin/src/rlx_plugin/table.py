"""A sink: the metrics of each seed as a CSV table, `runs/<run>/logs/seed_<seed>/table.csv`.

`log: [table]` takes the usual columns, `log: [{table: {metrics: [train/loss]}}]` others. rlx calls it from outside the training, so
what it does costs no step and changes no result; `rlx.records.Sink` says what each method promises.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

USUAL = ("rollout/return_mean", "validation/return_mean", "time/seconds")


class Table:
    """One seed's table: a line for each row of `metrics.jsonl`, an empty cell where the row has no such number."""

    def __init__(self, metrics: Sequence[str] = USUAL):
        if isinstance(metrics, str) or not all(isinstance(metric, str) for metric in metrics):
            raise TypeError(
                "metrics must be a list of names, such as [train/loss]"
            )  # rlx tells it with the option's line
        self.columns = ["step", *metrics]

    def open(self, place: Path, run: str, seed: int, key: str, config: Mapping[str, Any]) -> int:
        """Go on with a table that has these columns, or begin one; return the last step that it holds."""
        place.mkdir(parents=True, exist_ok=True)
        path = place / "table.csv"
        kept = path.read_text(encoding="utf-8") if path.is_file() else ""
        whole = kept[: kept.rfind("\n") + 1]  # what a kill cut in the middle of a line is sent again
        lines = list(csv.reader(whole.splitlines()))
        goes_on = bool(lines) and lines[0] == self.columns
        path.write_text(whole if goes_on else "", encoding="utf-8")
        self.file = path.open("a", encoding="utf-8", newline="")
        self.rows = csv.writer(self.file, lineterminator="\n")
        if not goes_on:
            self.rows.writerow(self.columns)
            return -1
        return max((int(line[0]) for line in lines[1:]), default=-1)

    def write(self, step: int, row: Mapping[str, float]) -> None:
        """Add a line."""
        self.rows.writerow([step, *(row.get(column, "") for column in self.columns[1:])])

    def flush(self) -> None:
        """Bring what was written to the disk's side of a kill."""
        self.file.flush()

    def close(self, state: str) -> None:
        """End the table, for now or for good."""
        self.file.close()
