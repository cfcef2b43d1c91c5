"""Scores from elsewhere: a CSV file with a row per run and seed, such as published results or another tool's."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd

from rlx.comparison import RunScores
from rlx.errors import DataDamaged

SCORE_NAMES = ("score", "return_mean", "return")


def read_score_table(path: Path) -> tuple[dict[str, list[str]], list[RunScores]]:
    """Read runs from a CSV file with the columns ``run``, ``seed``, a score (``score`` or ``return_mean``), and ``task``.

    ``seed`` may be missing: rows then count as seeds in their order. With ``task`` and more than one of them, each run
    name is a method with one run per task.

    Returns:
        The methods (their runs' names; empty for one task), and the runs.

    Raises:
        DataDamaged: The file is no such table; the message names the line.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (ValueError, OSError) as error:
        raise DataDamaged(f"{path}: cannot be read as CSV: {error}") from None
    table.columns = [str(name).strip() for name in table.columns]
    column = next((name for name in SCORE_NAMES if name in table), None)
    if column is None or "run" not in table:
        needed = f"needs the columns run, seed and {SCORE_NAMES[0]}"
        raise DataDamaged(f"{path}: {needed}; it has {', '.join(table.columns) or 'none'}")
    if not len(table):
        raise DataDamaged(f"{path}: has no rows")
    tasks = list(dict.fromkeys(table["task"])) if "task" in table else [""]
    several = len(tasks) > 1
    scores: dict[tuple[str, str], dict[int, float]] = {}
    for index, row in enumerate(table.to_dict("records")):
        line = f"{path}, line {index + 2}"
        if not row["run"].strip():
            raise DataDamaged(f"{line}: the run has no name")
        mine = scores.setdefault((row["run"], row.get("task", "")), {})
        seed = _seed(row["seed"], line) if "seed" in table else len(mine)
        if seed in mine:
            raise DataDamaged(f"{line}: seed {seed} of {row['run']} is there twice; give each seed its mean once")
        mine[seed] = _score(row[column], line)
    runs: list[RunScores] = []
    methods: dict[str, list[str]] = {}
    for (name, task), found in scores.items():
        label = f"{name} on {task}" if several else name
        runs.append(RunScores(label, found, {}, {"environment": task or "scores"}, {}))
        methods.setdefault(name, []).append(label)
    return (methods if several else {}), runs


def _seed(text: str, line: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise DataDamaged(f"{line}: the seed {text!r} is not a whole number") from None


def _score(text: str, line: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataDamaged(
            f"{line}: the score {text!r} is not a finite number; a run that failed has no score, say so instead"
        )
    return value
