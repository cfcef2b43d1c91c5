"""Scores from elsewhere: a CSV file with a row per run and seed, such as published results or another tool's."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rlx.comparison import RunScores
from rlx.config import ReferenceScore, read_bytes, require
from rlx.errors import DataDamaged, Missing

SCORE_NAMES = ("score", "return_mean", "return")
LARGEST = 1e100


def read_score_table(path: Path) -> tuple[dict[str, list[str]], list[RunScores]]:
    """Read runs from a CSV file with the columns ``run``, ``seed``, a score (``score`` or ``return_mean``), and ``task``.

    ``seed`` may be missing: rows then count as seeds in their order. With ``task`` and more than one of them, each run
    name is a method with one run per task.

    Returns:
        The methods (their runs' names; empty for one task), and the runs.

    Raises:
        Missing: There is no such file.
        DataDamaged: The file is no such table; the message names the line.
    """
    return scores_in(_rows(path))


def scores_in(rows: Iterable[tuple[str, Mapping[str, str]]]) -> tuple[dict[str, list[str]], list[RunScores]]:
    """Return methods and runs, as :func:`read_score_table` does, of rows from anywhere.

    Args:
        rows: Of each what to call it in a message, and its cells by column.

    Raises:
        DataDamaged: A cell is not what its column holds.
    """
    scores: dict[tuple[str, str], dict[int, float]] = {}
    for line, row in rows:
        run, task = _name(row, "run", line), _name(row, "task", line) if "task" in row else ""
        mine = scores.setdefault((run, task), {})
        seed = _seed(row["seed"], line) if "seed" in row else len(mine)
        if seed in mine:
            raise DataDamaged(f"{line}: seed {seed} of {run} is there twice; give each seed its mean once")
        mine[seed] = _score(next(row[name] for name in SCORE_NAMES if name in row), line)
    several = len({task for _, task in scores}) > 1
    runs: list[RunScores] = []
    methods: dict[str, list[str]] = {}
    for (name, task), found in scores.items():
        label = f"{name} on {task}" if several else name
        runs.append(RunScores(label, found, {}, {"environment": task or "scores"}, {}))
        methods.setdefault(name, []).append(label)
    return (methods if several else {}), runs


def read_references(path: Path, tasks: Sequence[str]) -> dict[str, ReferenceScore]:
    """Read the scores that count as 0 and as 1 from a CSV file with the columns ``task``, ``low`` and ``high``.

    Args:
        path: The file; tasks that are not judged are passed over.
        tasks: Those that are.

    Raises:
        DataDamaged: The file is no such table, or lacks a task; the message names the line.
    """
    found: dict[str, ReferenceScore] = {}
    for line, row in _rows(path, ("task", "low", "high")):
        task = _name(row, "task", line)
        if task in found:
            raise DataDamaged(f"{line}: {task} is there twice")
        low, high = (_score(row[end], line) for end in ("low", "high"))
        if not high > low:
            raise DataDamaged(f"{line}: high ({high:g}) is not above low ({low:g})")
        found[task] = ReferenceScore(low=low, high=high)
    if lacking := [task for task in tasks if task not in found]:
        raise DataDamaged(f"{path}: has no reference scores of {', '.join(lacking[:5])}")
    return {task: found[task] for task in tasks}


def _rows(path: Path, needed: Sequence[str] = ()) -> list[tuple[str, dict[str, str]]]:
    """Return the rows with what to call their lines; blank lines count, but are no rows.

    Args:
        path: The file.
        needed: Its columns; by default those of scores.
    """
    try:
        text = read_bytes(path).decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
        head = [name.strip() for name in reader.fieldnames or []]
        reader.fieldnames = head
        rows = [(f"{path}, line {reader.line_num}", row) for row in reader]
    except FileNotFoundError:
        raise Missing(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataDamaged(f"{path}: cannot be read as CSV: {str(error)[:120]}") from None
    lacking = set(needed) - set(head) if needed else "run" not in head or not any(name in head for name in SCORE_NAMES)
    if lacking:
        *first, last = needed or ("run", "seed", SCORE_NAMES[0])
        columns = f"{', '.join(first)} and {last}"
        told = f"needs the columns {columns}, separated by commas"
        raise DataDamaged(f"{path}: {told}; it has {', '.join(head)[:120] or 'none'}")
    if not rows:
        raise DataDamaged(f"{path}: has no rows")
    for line, row in rows:
        if None in row or None in row.values():
            raise DataDamaged(f"{line}: has not as many cells as the first line has names")
    return rows


def _name(row: Mapping[str, str], column: str, line: str) -> str:
    if not row[column].strip():
        raise DataDamaged(f"{line}: the {column} has no name")
    return row[column].strip()


def _seed(text: str, line: str) -> int:
    try:
        require(len(text) <= 18, text)
        return int(text)
    except ValueError:
        raise DataDamaged(f"{line}: the seed {text[:40]!r} is not a whole number") from None


def _score(text: str, line: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) < LARGEST:
        raise DataDamaged(
            f"{line}: the score {text!r} is not a finite number; give a training that failed the return it is worth, such "
            "as the lowest possible: leaving it out would flatter the run"
        )
    return value
