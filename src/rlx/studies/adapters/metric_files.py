"""What foreign programs write about themselves, read within bounds: one function for each format, and numbers that are finite."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.config import lines, read_bytes
from rlx.errors import DataDamaged, DataRefused, NonFiniteValue
from rlx.records import read_scalars
from rlx.stats import listed, shown
from rlx.studies.adapters.adapter import Learning, MetricFile
from rlx.studies.adapters.found_files import MOST_BYTES, found_file, found_files
from rlx.studies.adapters.printed_lines import printed_rows
from rlx.studies.adapters.wandb_files import read_run

MOST_ROWS = 1_000_000
STEP = "step"
"""Of TensorBoard: the events' own step."""
Row = Mapping[str, Any]
Points = list[tuple[int, float]]


@dataclass(frozen=True)
class Written:
    """Where a command has written.

    Attributes:
        out: The folder ``{out}``.
        printed: The file that took what it printed.
    """

    out: Path
    printed: Path


def read_rows(source: MetricFile, written: Written) -> list[Row]:
    """Return the rows of a file of metrics.

    Args:
        source: Which file, and what it is.
        written: Where it is.

    Raises:
        Missing: There is no such file.
        DataDamaged: It does not hold what its format promises.
        DataRefused: It leads out of ``out``, is too large, or its pattern takes too long.
    """
    if source.format == "stdout":
        rows: list[Row] = list(printed_rows(source.pattern or "", written.printed))
    else:
        path = found_file(source.file or "", written.out)
        rows = {"csv": _csv_rows, "jsonl": _jsonl_rows, "json": _json_rows, "wandb": _wandb_rows}[source.format](path)
    if not rows:
        raise DataDamaged(f"{_name(source, written.out)}: holds nothing")
    return rows


def read_number(source: MetricFile, field: str, reduce: str, written: Written) -> float:
    """Return one number of a file: the last of a column, or its mean.

    Raises:
        NonFiniteValue: It is NaN or infinite.
        DataDamaged: There is no such column, or it holds something else; and as :func:`read_rows`.
    """
    where = _name(source, written.out)
    if source.format == "tensorboard":
        scalars = read_scalars(found_files(source.file or "", written.out))
        points = _events_of(scalars, field, where)
        values: Sequence[Any] = [step for step, _ in points] if field == STEP else [value for _, value in points]
    else:
        values = column(read_rows(source, written), field, where)
    numbers = [finite(value, f"{where}: {field}") for value in values]
    return numbers[-1] if reduce == "last" else math.fsum(numbers) / len(numbers)


def read_learning(source: Learning, written: Written) -> dict[str, Points]:
    """Return how training went: by our names, steps and values; values that are not finite are left in.

    Raises as :func:`read_rows`.
    """
    where = _name(source, written.out)
    if source.format == "tensorboard":
        scalars = read_scalars(found_files(source.file or "", written.out))
        return {name: _events_of(scalars, field, where) for name, field in source.metrics.items()}
    step = "_step" if source.format == "wandb" else source.step
    rows = read_rows(source, written)
    found: dict[str, Points] = {}
    for name, field in source.metrics.items():
        column(rows, field, where)
        pairs = [(value_in(row, step), value_in(row, field)) for row in rows]
        found[name] = [
            (int(finite(at, f"{where}: {step}")), number(value, f"{where}: {field}"))
            for at, value in pairs
            if at not in (None, "") and value not in (None, "")
        ]
    return found


def column(rows: Sequence[Row], field: str, where: str) -> list[Any]:
    """Return the values of a field in all rows that have it; a list in a single row is a column.

    Raises:
        DataDamaged: No row has it.
    """
    values = [value for row in rows if (value := value_in(row, field)) is not None and value != ""]
    if len(rows) == 1 and values and isinstance(values[0], list):
        values = values[0]
    if not values:
        known = sorted({str(key) for row in rows[:1000] for key in row})
        raise DataDamaged(f"{where}: has no {shown(field)}; it has {listed(known, 12) or 'nothing'}")
    return values


def value_in(row: Row, field: str) -> Any:
    """Return a value of a row; dots in a field that the row does not have lead into mappings."""
    if field in row:
        return row[field]
    place: Any = row
    for part in field.split("."):
        place = place.get(part) if isinstance(place, dict) else None
    return place


def number(value: Any, where: str) -> float:
    """Return a number that a file says, finite or not.

    Raises:
        DataDamaged: It says something else.
    """
    try:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise DataDamaged(f"{where}: {shown(str(value)[:40])} is not a number")


def finite(value: Any, where: str) -> float:
    """Return a number that a file says; raises as :func:`number`, and NonFiniteValue where it is NaN or infinite."""
    found = number(value, where)
    if not math.isfinite(found):
        raise NonFiniteValue(f"{where} is {found}", where, str(found))
    return found


def _name(source: MetricFile, out: Path) -> str:
    return "what it printed" if source.format == "stdout" else (source.file or "").replace("{out}", str(out))


def _events_of(scalars: Mapping[str, Points], field: str, where: str) -> Points:
    if field == STEP:
        steps = sorted({step for points in scalars.values() for step, _ in points})
        if steps:
            return [(step, float(step)) for step in steps]
    if not scalars.get(field):
        raise DataDamaged(f"{where}: has no scalar {shown(field)}; it has {listed(sorted(scalars), 12) or 'none'}")
    return scalars[field]


def _csv_rows(path: Path) -> list[Row]:
    rows: list[Row] = []
    try:
        for row in csv.DictReader(line for _, line in lines(path)):
            if None in row or any(value is None for value in row.values()):
                raise DataDamaged(f"{path}: row {len(rows) + 1} has not as many columns as its header")
            rows.append(row)
            _check_count(path, len(rows))
    except csv.Error as error:
        raise DataDamaged(f"{path}: is not CSV: {error}") from None
    return rows


def _jsonl_rows(path: Path) -> list[Row]:
    rows: list[Row] = []
    for place, line in lines(path):
        if line.strip():
            rows.append(_mapping(_json(line, f"{path}:{place}"), f"{path}:{place}"))
            _check_count(path, len(rows))
    return rows


def _json_rows(path: Path) -> list[Row]:
    """Return the rows of a JSON file: a list of mappings; a mapping of lists of one length; or one mapping, a row."""
    content = _json(read_bytes(path, MOST_BYTES), str(path))
    if isinstance(content, dict):
        lengths = {len(value) if isinstance(value, list) else -1 for value in content.values()}
        if len(lengths) == 1 and lengths != {-1}:
            return [dict(zip(content, values, strict=True)) for values in zip(*content.values(), strict=True)]
        return [content]
    if not isinstance(content, list):
        raise DataDamaged(f"{path}: is neither a list nor a mapping")
    return [_mapping(row, f"{path}: row {index}") for index, row in enumerate(content)]


def _wandb_rows(path: Path) -> list[Row]:
    """Return the history of an offline run's log, or its summary as one row."""
    if path.suffix != ".wandb":
        return _json_rows(path)
    rows: list[Row] = list(read_run(path, MOST_BYTES))
    _check_count(path, len(rows))
    return rows


def _mapping(row: Any, where: str) -> Row:
    if not isinstance(row, dict):
        raise DataDamaged(f"{where}: is not a mapping")
    return row


def _json(content: str | bytes, where: str) -> Any:
    """Read JSON in which, as many programs write it, NaN may stand: whoever takes a number of it looks."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataDamaged(f"{where}: is not JSON: {error}") from None


def _check_count(path: Path, rows: int) -> None:
    if rows > MOST_ROWS:
        raise DataRefused(f"{path}: has more than {MOST_ROWS:,} rows; it is not read")
