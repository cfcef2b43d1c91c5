"""Scores from elsewhere, as they are at hand in Python: arrays, mappings, tables, or a CSV file."""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx.api.run import Run
from rlx.errors import UsageError

if TYPE_CHECKING:
    from rlx.comparison import RunScores

Table = "tuple[Mapping[str, Sequence[str]], Sequence[RunScores]]"


def is_scores(given: Any) -> bool:
    """Tell whether something is scores, or the name of a file of some, and no run."""
    if isinstance(given, Path):
        return True
    if isinstance(given, str):
        return given.endswith(".csv")
    return isinstance(given, Mapping | np.ndarray | list | tuple) or hasattr(given, "to_numpy")


def scores_from(
    given: Sequence[Any], names: Sequence[str] | None
) -> tuple[tuple[Mapping[str, Sequence[str]], Sequence[RunScores]], str]:
    """Return methods and runs, and what to call the table in messages.

    Args:
        given: One array per run; or one mapping by name, one table, or one CSV file.
        names: What to call arrays.

    Raises:
        UsageError: It is none of these.
        Missing: There is no such file.
        DataDamaged: A score is not a finite number, or a seed is there twice.
    """
    from rlx.report import read_score_table, scores_in

    first = given[0]
    if isinstance(first, str | Path) or _is_table(first) or _is_by_name(first):
        if len(given) > 1:
            raise UsageError("a table, a file, or a mapping by name holds all scores, and is given alone")
        if names is not None:
            raise UsageError("names= is for arrays of scores; these have names")
    if isinstance(first, str | Path):
        return read_score_table(Path(first)), str(first)
    if _is_table(first):
        return scores_in(_rows_of_table(first)), "the table"
    by_name = first if _is_by_name(first) else dict(zip(_names(given, names), given, strict=True))
    return scores_in(_rows_of_arrays(by_name)), "the scores"


def _is_table(given: Any) -> bool:
    return hasattr(given, "columns") and hasattr(given, "to_dict")


def _is_by_name(given: Any) -> bool:
    """Tell whether this is a mapping of scores by the name of a run, rather than of one run's scores by seed."""
    return isinstance(given, Mapping) and bool(given) and not all(np.ndim(value) == 0 and not isinstance(value, Mapping) for value in given.values())  # fmt: skip


def _names(given: Sequence[Any], names: Sequence[str] | None) -> list[str]:
    if names is None:
        if len(given) > len(string.ascii_lowercase):
            raise UsageError(f"{len(given)} arrays need names=")
        return list(string.ascii_lowercase[: len(given)])
    found = [str(name) for name in names]
    if len(found) != len(given) or len(set(found)) != len(found):
        raise UsageError(f"names= has {len(found)} names ({len(set(found))} different ones) for {len(given)} arrays")
    return found


def _rows_of_arrays(by_name: Mapping[Any, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    for name, scores in by_name.items():
        pairs: list[tuple[Any, Any]]
        if isinstance(scores, Mapping):
            pairs = list(scores.items())
        else:
            _check_no_runs(scores)
            array = np.asarray(scores)
            if array.ndim != 1:
                raise UsageError(f"{name}: has the shape {array.shape}; give one score for each seed")
            pairs = list(enumerate(array.tolist()))
        if not pairs:
            raise UsageError(f"{name}: has no scores")
        for seed, score in pairs:
            if isinstance(score, bool | np.bool_):
                raise UsageError(f"{name}, seed {seed}: {score} is no score; give a number for each seed")
            cells = {"run": str(name), "seed": _text(seed), "score": _text(score)}
            yield f"{name}, seed {seed}", cells


def _check_no_runs(scores: Any) -> None:
    """Refuse a list of runs, which are no scores.

    Raises:
        UsageError: There is a run, or the name of one, among them.
    """
    if any(isinstance(each, Run | str) for each in np.ravel(np.asarray(scores, dtype=object))):
        raise UsageError("runs are given one by one, not as a list: rlx.compare(one, other), or rlx.compare(*runs)")


def _rows_of_table(table: Any) -> Iterator[tuple[str, dict[str, str]]]:
    from rlx.report import SCORE_NAMES

    columns = [str(name) for name in table.columns]
    if "run" not in columns or not any(name in columns for name in SCORE_NAMES):
        raise UsageError(
            f"the table needs the columns run, seed and {SCORE_NAMES[0]}; it has {', '.join(columns) or 'none'}"
        )
    if not len(table):
        raise UsageError("the table has no rows")
    for number, row in enumerate(table.to_dict("records")):
        yield f"the table, row {number}", {str(key): _text(value) for key, value in row.items()}


def _text(value: Any) -> str:
    """Return a cell as text, numbers with every digit."""
    plain = value.item() if hasattr(value, "item") else value
    if isinstance(plain, float) and plain.is_integer() and abs(plain) < 2**53:
        return str(int(plain))
    return repr(plain) if isinstance(plain, float) else str(plain)
