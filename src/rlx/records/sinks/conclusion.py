"""What there is to tell of a run once it is evaluated: scores and verdict of each seed, film, plots, policies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.comparison import flatten
from rlx.config import Snapshot, read_json, sha256_of
from rlx.errors import DataDamaged
from rlx.records.bench import entry_for
from rlx.records.runs import RunFolder
from rlx.records.sinks.sink import HELD_OUT, OF_RUN, Artifact

_MEDIA = (("videos", "*.mp4", "video"), ("plots", "*.png", "plot"))
_POLICIES = ("latest.zip", "best.zip")


@dataclass(frozen=True)
class Conclusion:
    """What came of one seed.

    Attributes:
        run: The run, or the experiment.
        seed: The training seed.
        key: What its record is known by.
        summary: Scores of the seed and its run, and the verdict, by name.
        artifacts: Its policies, and with one seed of the run what tells of all.
    """

    run: str
    seed: int
    key: str
    summary: Mapping[str, float | str]
    artifacts: tuple[Artifact, ...]

    @property
    def digest(self) -> str:
        """A hash of all of it."""
        files = {artifact.name: sha256_of(artifact.path) for artifact in self.artifacts}
        content = json.dumps([self.key, dict(self.summary), files], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()


def shown_settings(snapshot: Snapshot) -> dict[str, Any]:
    """Return the effective configuration as sinks get it: by dotted key."""
    return flatten({key: value for key, value in snapshot.to_data().items() if key not in ("format", "code")})


def conclusions(root: Path, folder: RunFolder, verdict: Mapping[str, str]) -> list[Conclusion]:
    """Return what there is to tell of each seed of a run.

    Args:
        root: The project.
        folder: The run, evaluated.
        verdict: What was judged of it, by name.

    Raises:
        Missing, DataDamaged: A file of the run is not there, or cannot be read.
    """
    snapshot, scores = folder.snapshot, folder.evaluation.scores
    shown = _filmed(folder.path)
    bearer = shown if shown in snapshot.seeds else next(iter(snapshot.seeds))
    told = []
    for seed in snapshot.seeds:
        own = {"latest": HELD_OUT, "best": "held_out/best_return_mean"}
        summary: dict[str, float | str] = {
            own[name]: score.seeds[seed] for name, score in scores.items() if name in own and seed in score.seeds
        }
        summary |= {**_of_run(folder), **verdict}
        files = [*_policies(folder.path, seed), *(_media(folder.path) if seed == bearer else ())]
        key = entry_for(root, snapshot, seed).folder.name
        told.append(Conclusion(folder.path.name, seed, key, summary, tuple(files)))
    return told


def _of_run(folder: RunFolder) -> dict[str, float]:
    """Return the scores of all seeds together."""
    evaluation = folder.evaluation
    found = {"held_out/random_return_mean": evaluation.random_return}
    if score := evaluation.scores.get("latest"):
        found[f"{OF_RUN}return_mean"] = score.estimate.mean
        if interval := score.estimate.interval:
            found |= {f"{OF_RUN}ci_low": interval.low, f"{OF_RUN}ci_high": interval.high}
    return found


def _media(folder: Path) -> Iterator[Artifact]:
    for inner, pattern, kind in _MEDIA:
        for path in sorted((folder / inner).glob(pattern)):
            yield Artifact(f"{inner}/{path.name}", path, kind, of_run=True)


def _policies(folder: Path, seed: int) -> Iterator[Artifact]:
    for name in _POLICIES:
        path = folder / "checkpoints" / f"seed_{seed}" / name
        if path.is_file():
            yield Artifact(f"checkpoints/seed_{seed}/{name}", path, "model", of_run=False)


def _filmed(folder: Path) -> int | None:
    """Return the seed that the film shows."""
    try:
        seed = read_json(folder / "videos" / "median.json")["seed"]
    except (OSError, ValueError, KeyError, TypeError, DataDamaged):
        return None
    return seed if isinstance(seed, int) else None
