"""What a training takes from a finished one: its beginning, where it continues that, or a seed whole, where it is the same.

A seed that this clone has not trained is not on its bench. Where somebody else trained it and its results were pulled, they
are in DVC's cache: growing ``num_seeds`` or renaming a run trains it no second time.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from rlx.algorithms import trained_config
from rlx.config import Snapshot, cannot_go_on, carried_snapshot, opened, replacing
from rlx.errors import DataDamaged, DataRefused, Missing, TrainingFailed
from rlx.records import (
    Entry,
    cached,
    checkpoints,
    content_of,
    hash_of,
    is_whole,
    iterate_rows,
    member,
    members,
    recorded_stages,
    write_rows,
)


def take_over(root: Path, snapshot: Snapshot, seed: int, folder: Path) -> None:
    """Put what ``checkpoint.start`` names into a seed's bench folder, where it has not begun yet.

    Training then goes on from there as from a checkpoint of its own.

    Args:
        root: The project, whose DVC cache holds the earlier training.
        snapshot: The configuration of the training to come.
        seed: The training seed.
        folder: Its folder on the bench.

    Raises:
        Missing: The cache does not hold it; the message says what to fetch.
        TrainingFailed: The earlier training is as long already, had no such seed, or another network or scaling.
    """
    start = snapshot.config.checkpoint.start
    if start is None or checkpoints.numbered(folder / "checkpoints"):
        return
    listing, metrics = cached(root, start.checkpoints), cached(root, start.metrics)
    if listing is None or metrics is None:
        raise Missing(
            f"checkpoint.start: the checkpoints of {start.run} are not in this clone's DVC cache; "
            f"`dvc fetch --all-commits` (or `dvc exp pull origin {start.run}`) fetches them"
        )
    latest, best = (member(root, start.checkpoints, f"seed_{seed}/{name}.zip") for name in ("latest", "best"))
    if latest is None:
        raise TrainingFailed(f"checkpoint.start: {start.run} has no seed {seed} to go on from")
    earlier = checkpoints.load(latest)
    state, before = earlier.state, carried_snapshot(earlier.config, latest)
    if different := cannot_go_on(before.config, trained_config(root, snapshot.config)[1]):
        raise TrainingFailed(f"checkpoint.start: cannot go on from {start.run}: {'; '.join(different)}")
    if state.step >= snapshot.config.algo.total_timesteps:
        raise TrainingFailed(
            f"algo.total_timesteps: {start.run} has {state.step:,} steps behind it already; ask for more than that"
        )
    if best is not None and state.best is not None:
        _copy(best, folder / "checkpoints" / f"best_{state.best.step}.zip")
    write_rows(folder / "metrics.jsonl", (row for row in iterate_rows(metrics) if row["seed"] == seed))
    for chunk in earlier.replay.chunks if earlier.replay is not None else ():
        name = f"replay/{chunk.file}"
        kept = member(root, start.checkpoints, f"seed_{seed}/{name}")
        if kept is None:
            told = f"a part of {start.run}'s replay buffer ({name} of seed {seed}) is not in this clone's DVC cache"
            raise Missing(f"checkpoint.start: {told}; `dvc fetch --all-commits` fetches it")
        _copy(kept, folder / "checkpoints" / name)
    _copy(latest, folder / "checkpoints" / f"step_{state.step}.zip")


def take_recorded(root: Path, snapshot: Snapshot, missing: Mapping[int, Entry]) -> dict[int, str]:
    """Put the seeds that ``dvc.lock`` records as trained with these settings and this code onto the bench, as finished.

    Args:
        root: The project, whose DVC cache holds what was trained.
        snapshot: The configuration of the training to come.
        missing: The bench folders of its seeds that are not finished.

    Returns:
        The run that each of those taken is from.
    """
    taken: dict[int, str] = {}
    for run, content in recorded_stages(root, "train").items():
        try:
            outputs = {Path(out["path"]).name: str(out["md5"]) for out in content["outs"]}
            stages = {dep["path"]: dep["md5"] for dep in content["deps"]}
            if not _is_same_stage(root, stages) or not all(is_whole(root, md5) for md5 in outputs.values()):
                continue
            for seed, note in _finished(root, outputs, snapshot, missing.keys() - taken.keys()):
                with missing[seed].locked():
                    if not missing[seed].done:
                        _lay_down(root, outputs, seed, missing[seed].folder)
                        missing[seed].finish(note)
                taken[seed] = run
        except (KeyError, TypeError, ValueError, AttributeError, OSError, DataDamaged, DataRefused):
            continue  # what cannot be taken is trained
        if taken.keys() == missing.keys():
            break
    return taken


def _is_same_stage(root: Path, dependencies: Mapping[str, str]) -> bool:
    """Tell whether the train stage that made something is the one of the project."""
    return hash_of(root / "stages" / "train.py") == dependencies["stages/train.py"]


def _finished(
    root: Path, outputs: Mapping[str, str], snapshot: Snapshot, wanted: Collection[int]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the seeds, of those wanted, that a training with the same settings and code finished, with their notes."""
    metadata_at = cached(root, outputs["metadata.json"])
    metadata = (content_of(metadata_at) if metadata_at else None) or {}
    for row in metadata["seeds"]:
        latest = member(root, outputs["checkpoints"], f"seed_{row['seed']}/latest.zip")
        if row["seed"] not in wanted or row["status"] != "finished" or latest is None:
            continue
        with opened(latest) as archive:
            text = archive.read("rlx/config.yaml").decode()
        if carried_snapshot(text, latest).training_part() != snapshot.training_part():
            return
        engine = row.get("engine") or metadata["engine"]
        yield (
            row["seed"],
            {
                **{name: row[name] for name in ("steps", "seconds", "planned")},
                "engine": engine,
                "spent": row.get("spent"),
            },
        )


def _lay_down(root: Path, outputs: Mapping[str, str], seed: int, folder: Path) -> None:
    """Put what a finished training kept of a seed into its bench folder, as it was before it was exported.

    Raises:
        DataDamaged: DVC's cache has something else under one of the hashes; then nothing was written.
    """
    sources: dict[Path, Path] = {}
    for output in ("checkpoints", "logs"):
        listing = cached(root, outputs[output])
        for name, digest in (members(listing) if listing else {}).items():
            found = cached(root, digest) if name.startswith(f"seed_{seed}/") else None
            if found is not None:
                _check(found, digest)
                sources[folder / output / name.partition("/")[2]] = found
    metrics = cached(root, outputs["metrics.jsonl"])
    if metrics is None:
        raise DataDamaged("metrics.jsonl: is not in DVC's cache")
    _check(metrics, outputs["metrics.jsonl"])
    write_rows(folder / "metrics.jsonl", (row for row in iterate_rows(metrics) if row["seed"] == seed))
    for path, source in sources.items():
        _copy(source, path)


def _check(path: Path, digest: str) -> None:
    if hash_of(path) != digest:
        raise DataDamaged(f"{path}: is not what DVC's cache had there")


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)
