"""``metrics.jsonl``: one row per seed and iteration, of documented metrics; its one reader and one writer."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rlx.config import LARGEST_INTEGER, Metric, from_dvc, is_component, lines, replacing
from rlx.errors import DataDamaged, NonFiniteValue, TrainingFailed


def checked(row: Mapping[str, Any], documented: Mapping[str, Metric]) -> dict[str, Any]:
    """Return ``row`` with undefined numbers left out and numpy scalars made plain.

    Raises:
        TrainingFailed: It has a metric that nobody says the meaning of.
        NonFiniteValue: A number is NaN or infinite.
    """
    result: dict[str, Any] = {}
    for key, value in row.items():
        metric = documented.get(key)
        if metric is None and not is_component(key):
            raise TrainingFailed(f"{key}: the algorithm logs it and does not say what it means; add it to its metrics")
        number = value if type(value) is int else float(value)
        if not math.isfinite(number):
            if metric is not None and metric.may_be_undefined:
                continue
            raise NonFiniteValue(
                f"{key} became {number} at step {row.get('step')} (iteration {row.get('iteration')}): training diverged; "
                f"try a smaller step size (algo.learning_rate, where the algorithm has it) or env.normalize_reward: true",
                what=key,
                value=str(number),
            )
        result[key] = number
    return result


class MetricsWriter:
    """Appends rows to one seed's ``metrics.jsonl`` as training goes."""

    def __init__(self, path: Path, after_step: int, documented: Mapping[str, Metric]):
        """Open ``path``, keeping the rows up to ``after_step`` and dropping later ones (work that was lost).

        A row may have the metrics that are ``documented``, and parts of the reward.
        """
        self._documented = documented
        rows = iterate_rows(path, tolerate_tail=True) if path.exists() else iter(())
        write_rows(path, (row for row in rows if row["step"] <= after_step))
        self._file = path.open("a", encoding="utf-8")

    def append(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Write one row and return it as written; see :func:`checked`."""
        plain = checked(row, self._documented)
        self._file.write(_line(plain))
        self._file.flush()
        return plain

    def sync(self) -> None:
        """Make sure that everything written survives a power cut."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a whole ``metrics.jsonl`` atomically, row by row (a long run's need not fit into memory)."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(map(_line, rows))


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, allow_nan=False) + "\n"


def read_rows(path: Path, *, tolerate_tail: bool = False) -> list[dict[str, Any]]:
    """Read a whole ``metrics.jsonl``; see :func:`iterate_rows`."""
    return list(iterate_rows(path, tolerate_tail=tolerate_tail))


def iterate_rows(path: Path, *, tolerate_tail: bool = False) -> Iterator[dict[str, Any]]:
    """Read a ``metrics.jsonl`` row by row.

    Args:
        path: The file.
        tolerate_tail: Accept an unfinished last line, as a killed process leaves it.

    Raises:
        DataDamaged: A line is not a row.
    """
    try:
        rows = lines(path)
        for number, line in rows:
            try:
                row = parse_row(line)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                if tolerate_tail and next(rows, None) is None:
                    return
                cure = from_dvc(path, path.parent.name)
                raise DataDamaged(f"{path}:{number}: is not a row of metrics ({str(error)[:80]}); {cure}") from None
            yield row
    except OSError as error:
        raise DataDamaged(f"{path}: cannot be read: {error.strerror}") from None


def parse_row(line: str) -> dict[str, Any]:
    """Read one line of ``metrics.jsonl``.

    Raises:
        ValueError: It is no row: not whole, or with something that is not a number.
    """
    if not line.endswith("\n"):
        raise ValueError("it is cut")
    row: dict[str, Any] = json.loads(line)
    if isinstance(row, dict) and "update" in row:  # as older versions called it
        row = {("iteration" if name == "update" else name): value for name, value in row.items()}
    for name in ("step", "seed"):
        if type(row[name]) is not int or not 0 <= row[name] < LARGEST_INTEGER:
            raise ValueError(f"its {name} is no whole number")
    for name, value in row.items():
        if type(value) not in (int, float) or not abs(value) <= sys.float_info.max:
            raise ValueError(f"{name[:40]} is not a finite number")
    return row
