"""The small files of a run, each looked at by its own reader: a damaged one is said, also by whoever does not need it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from rlx.comparison import RunScores
from rlx.config import MOST_LINE_BYTES, MOST_TABLE_BYTES, check_file, from_dvc, read_json, require
from rlx.errors import DataDamaged, Missing
from rlx.records import RunFolder, parse_row, read_curve_table, read_facts, read_metadata
from rlx.report.analysis import Analyzed
from rlx.report.document import from_json
from rlx.stats import SeedCurve

Reader = Callable[[RunFolder], object]


def read_analysis(folder: RunFolder) -> Analyzed | None:
    """Read the ``analysis.json`` of a run; None where it has none, or one of an rlx that made no diagnosis.

    Raises:
        DataDamaged: It is not such a file.
    """
    path = folder.path / "analysis.json"
    if not path.exists():
        return None
    try:
        content = read_json(path)
        if "findings" not in content:
            return None
        return from_json(Analyzed, json.dumps(content))
    except (OSError, ValueError, TypeError) as error:
        told = " ".join(str(error).split())[:120]
        raise DataDamaged(f"{path}: is not an analysis ({told}); {from_dvc(path, path.parent.name)}") from None


def read_curves(folder: RunFolder) -> Mapping[int, SeedCurve] | None:
    """Return each seed's learning curve as the analysis of a run has it; None where there is none.

    A run that an older rlx has analysed has it in ``plots/learning_curve.csv`` alone.

    Raises:
        DataDamaged: The file cannot be read.
    """
    analysis = read_analysis(folder)
    return read_curve_table(folder.path) if analysis is None or analysis.curves is None else analysis.curves


def evidence_of(folder: RunFolder, checkpoint: str) -> RunScores:
    """Return the scores of a run with its learning curves, and with all that an honest comparison names beside them.

    Raises:
        Missing: It has no results.
        DataDamaged: One of its files cannot be read.
    """
    return replace(folder.evidence(checkpoint), curves=read_curves(folder) or {})


def _metadata(folder: RunFolder) -> object:
    path = folder.path / "metadata.json"
    if folder.is_evaluated and not path.exists():
        raise DataDamaged(f"{path}: is not there, and the run is evaluated; {from_dvc(path, folder.path.name)}")
    return read_metadata(folder.path)


def _metrics(folder: RunFolder) -> object:
    """Look at the end of the file alone: a long run's is long."""
    path = folder.path / "metrics.jsonl"
    if not path.exists():
        return None
    check_file(path, MOST_TABLE_BYTES)
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MOST_LINE_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines(keepends=True)
    try:
        require(bool(lines), "it is empty")
        return parse_row(lines[-1])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        told = f"its last line is not a row of metrics ({str(error)[:80]})"
        raise DataDamaged(f"{path}: {told}; {from_dvc(path, folder.path.name)}") from None


def _episodes(folder: RunFolder) -> object:
    from rlx.records import read_episodes  # loads pandas

    return read_episodes(folder.path / "eval")


FACTS: tuple[Reader, ...] = (
    lambda folder: folder.snapshot,
    lambda folder: folder.judging,
    lambda folder: read_facts(folder.path),
    _metadata,
    lambda folder: folder.evaluation,
    read_analysis,
)
TABLES: tuple[Reader, ...] = (_metrics, _episodes, lambda folder: read_curve_table(folder.path))


def damaged_files(folder: RunFolder, readers: tuple[Reader, ...] = FACTS + TABLES) -> Iterator[DataDamaged]:
    """Yield what is wrong with each file of a run that is there and cannot be read."""
    for read in readers:
        try:
            read(folder)
        except Missing:
            continue
        except DataDamaged as error:
            yield error
        except OSError as error:
            yield DataDamaged(f"{error.filename}: {error.strerror}")
