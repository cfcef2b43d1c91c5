"""How far a start in a foreign repository is, by what its commands have written so far; nothing is started or written."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from rlx.errors import RlxError
from rlx.studies.adapters.adapter import FILE, Adapter
from rlx.studies.adapters.claims import known_steps
from rlx.studies.adapters.foreign_seed import EVALUATE, TRAIN
from rlx.studies.adapters.found_files import found_files
from rlx.studies.adapters.metric_files import Written, read_learning
from rlx.studies.adapters.outcome import OUTCOME
from rlx.studies.adapters.places import start_folder
from rlx.studies.adapters.reading import validated_adapter
from rlx.studies.ledger.state import Started
from rlx.studies.study import Study


@dataclass(frozen=True)
class ForeignProgress:
    """How far a start is.

    Attributes:
        folder: Where its seeds are.
        stage: Which command is at work: train or evaluate; None between two.
        done: The share of its environment steps that is trained; None where nothing says.
        files: What the command at work writes.
        non_finite: What it logged last that is no finite number, by our names.
    """

    folder: Path
    stage: str | None
    done: float | None
    files: tuple[Path, ...]
    non_finite: tuple[str, ...]


def foreign_progress(study: Study, start: Started) -> ForeignProgress | None:
    """Return how far a start is; None where its adapter cannot be read, or nothing of it is there yet."""
    data, is_smoke = start.data, start.phase == "smoke"
    folder = start_folder(study.root, study.name, str(data["snapshot"]), int(data["list"]), is_smoke=is_smoke)
    try:
        adapter = validated_adapter(study.folder.parent / FILE)
    except (RlxError, OSError):
        return None
    if not folder.is_dir():
        return None
    ended = [seed for seed in start.seeds if (folder / f"seed_{seed}" / OUTCOME).is_file()]
    current = next(
        (place for seed in start.seeds if seed not in ended and (place := folder / f"seed_{seed}").is_dir()), None
    )
    if current is None:
        return ForeignProgress(folder, None, None if is_smoke else len(ended) / len(start.seeds), (), ())
    stage = EVALUATE if (current / f"{EVALUATE}.log").is_file() else TRAIN
    written = Written(current / "out", current / f"{TRAIN}.log")
    each = int(study.state.created["steps"])
    taken = each if stage == EVALUATE else min(each, _steps(adapter, written))
    return ForeignProgress(
        folder=folder,
        stage=stage,
        done=None if is_smoke else (len(ended) * each + taken) / (len(start.seeds) * each),
        files=(current / f"{stage}.log", *_files(adapter, written)),
        non_finite=_non_finite(adapter, written),
    )


def _steps(adapter: Adapter, written: Written) -> int:
    """Return the steps that a training says it has taken; 0 where only a search of what it printed would tell."""
    return 0 if adapter.train.steps.format == "stdout" else known_steps(adapter, written) or 0


def _files(adapter: Adapter, written: Written) -> tuple[Path, ...]:
    source = adapter.learning or adapter.train.steps
    try:
        return tuple(found_files(source.file, written.out)) if source.file else ()
    except (RlxError, OSError):
        return ()


def _non_finite(adapter: Adapter, written: Written) -> tuple[str, ...]:
    """Return what was logged last and is no finite number, by our names."""
    source = adapter.learning
    if source is None or source.format == "stdout":
        return ()
    try:
        curves = read_learning(source, written)
    except (RlxError, OSError):
        return ()
    return tuple(sorted(name for name, points in curves.items() if points and not math.isfinite(points[-1][1])))
