"""The facts of one run, for `rlx info`: where it comes from, what it cost, what it scores, what there is of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlx.config import from_git, read_json
from rlx.errors import DataDamaged, Missing
from rlx.experiments import LINEAGE, asked_to_be, progress
from rlx.records import FILE as TASK, RunFolder, Score, cure_of_study_run, read_labels, read_metadata
from rlx.report.run_files import FACTS, damaged_files

FORMAT = 1


def facts_of_run(root: Path, folder: RunFolder) -> dict[str, Any]:
    """Return the facts as plain values; what a run does not have yet is null.

    Raises:
        ConfigError: Its snapshot cannot be read.
        DataDamaged: One of its other files cannot be read.
    """
    for error in damaged_files(folder, FACTS):
        raise error
    snapshot, labels = folder.snapshot, read_labels(root, folder.name)
    metadata = read_metadata(folder.path) if (folder.path / "metadata.json").exists() else {}
    problem = None
    try:
        folder.check_own_training()
    except Missing as error:
        metadata, problem = {}, str(error)
    try:
        summary = folder.evaluation
    except Missing:
        summary = None
    seeds = metadata.get("seeds") or []
    return {
        "format": FORMAT,
        "run": folder.name,
        "folder": str(folder.path),
        "title": snapshot.config.run_name,
        "status": (state := folder.state),
        "problem": problem or (f"not here: {cure_of_study_run(folder.path)}" if state == "elsewhere" else None),
        "progress": progress(folder.path) if state == "running" else None,
        "environment": snapshot.config.env.id,
        "algorithm": snapshot.config.algo.name,
        "tags": list(labels.tags),
        "note": labels.note or None,
        "continues": snapshot.config.checkpoint.start.run if snapshot.config.checkpoint.start else None,
        **_lineage(root, folder),
        "seeds": {
            "wanted": snapshot.seeds,
            "finished": [seed["seed"] for seed in seeds if seed["status"] == "finished"],
            "failed": {str(seed["seed"]): seed["error"] for seed in seeds if seed["status"] == "failed"},
            "failures": {str(seed["seed"]): failure for seed in seeds if (failure := seed.get("failure"))},
        },
        "scores": None if summary is None else {name: _score(score) for name, score in summary.scores.items()},
        "random_return": None if summary is None else summary.random_return,
        "engine": metadata.get("engine"),
        "cost": metadata.get("cost"),
        "started": metadata.get("started"),
        "ended": metadata.get("ended"),
        "seconds": metadata.get("seconds"),
        "git": metadata.get("git"),
        "versions": metadata.get("versions"),
        "host": metadata.get("host"),
        "sources": _sources(folder),
        "artifacts": sorted(path.name for path in folder.path.iterdir() if not path.name.startswith(".")),
    }


def _lineage(root: Path, folder: RunFolder) -> dict[str, str]:
    """Return what an experiment was made from and for, as far as it is of anything."""
    record = asked_to_be(root, folder)
    return {name: value for name in LINEAGE if record and (value := getattr(record, name)) is not None}


def _sources(folder: RunFolder) -> dict[str, str] | None:
    """Return where each value of the configuration comes from; None for runs that are older than that."""
    path = folder.path / TASK
    if not path.exists():
        return None
    try:
        found = read_json(path).get("sources")
        return None if found is None else {str(key): str(source) for key, source in found.items()}
    except (ValueError, AttributeError, OSError) as error:
        raise DataDamaged(
            f"{path}: does not say where values come from ({str(error)[:80]}); {from_git(path)}"
        ) from None


def _score(score: Score) -> dict[str, Any]:
    interval = score.estimate.interval
    return {
        "return_mean": score.estimate.mean,
        "ci_low": interval.low if interval else None,
        "ci_high": interval.high if interval else None,
        "seeds": {str(seed): value for seed, value in sorted(score.seeds.items())},
        "steps": {str(seed): value for seed, value in sorted(score.steps.items())},
    }
