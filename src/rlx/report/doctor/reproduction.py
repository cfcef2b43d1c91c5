"""`rlx doctor --reproduce RUN`: a seed trained again and its episodes played again, bit for bit, and what its score is unsure of."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

import rlx
from rlx.algorithms import device_for, trained_config
from rlx.config import FinalEvalConfig, Snapshot, Timetable, libraries_of
from rlx.errors import CheckpointDamaged, DataDamaged, Missing
from rlx.experiments import PastCode, code_of_run, find_run
from rlx.launch import SeedProgress, Terminal
from rlx.records import (
    RunFolder,
    checkpoint_difference,
    checkpoints,
    differing_circumstances,
    iterate_rows,
    metrics_difference,
    read_metadata,
    results,
)
from rlx.stats import Components, listed, variance_components
from rlx.training import NamedPolicy, kept_episodes, play_policies, retrain_seed

FILES = ("metrics.jsonl", "checkpoints", "eval/episodes.csv")
"""What is compared of a run, in this order; and what summary.json makes of it."""


@dataclass(frozen=True)
class ReproducedPart:
    """One of the things that are compared.

    Attributes:
        name: Which file or folder of the run.
        same: Whether the bits are the same; None where there is nothing to compare with, and ``first`` says why.
        compared: How many rows, checkpoints or episodes were compared.
        first: Where they first differ, in words; None where they do not.
    """

    name: str
    same: bool | None
    compared: int
    first: str | None


@dataclass(frozen=True)
class Reproduction:
    """`rlx doctor --reproduce RUN --json`.

    Attributes:
        format: Version of this schema.
        run: The run.
        seed: Which of its seeds was trained again.
        same: Whether everything that could be compared has the same bits.
        verdict: That in a line: ``same bits``, or where they first differ and why that may be.
        parts: What was compared.
        reasons: What is different from when the run was made, by which bits may differ.
        notes: What else a reader should know.
        score: Mean return of the run's final policies.
        repeated: The mean return of the seed's final policy when it was trained again; None where it was not played.
        variance: Where the uncertainty of the score comes from.
    """

    format: Literal[1]
    run: str
    seed: int
    same: bool
    verdict: str
    parts: tuple[ReproducedPart, ...]
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    score: float
    repeated: float | None
    variance: Components


def reproduce(root: Path, name: str, seed: int | None, say: Callable[[str], None]) -> Reproduction:
    """Train one seed of a run again in a folder that is thrown away, play its held-out episodes, and compare with what is kept.

    Args:
        root: The project.
        name: The run, as in :func:`rlx.experiments.find_run`.
        seed: Which seed; None: the first.
        say: Called with lines for people.

    Raises:
        Missing: There is no such run or seed, or it has no scores here.
        ConfigError: It cannot be trained here: its environment or the project's code of then is not there.
        TrainingFailed: The training or the playing failed.
    """
    folder = find_run(root, name)
    summary, snapshot = folder.evaluation, folder.snapshot
    folder.check_own_training()
    score = summary.scores["latest"]
    chosen = min(score.seeds) if seed is None else seed
    if chosen not in score.seeds:
        raise Missing(f"{folder.name} has no seed {chosen}; it has {listed(list(map(str, sorted(score.seeds))), 9)}")
    with code_of_run(root, folder, snapshot) as code, tempfile.TemporaryDirectory(prefix="rlx-reproduce-") as place:
        again = Path(place) / "seed"
        say(f"training seed {chosen} of {folder.name} again, in a folder that is thrown away")
        done = _trained(code.root, folder.name, snapshot, chosen, again, say)
        protocol = FinalEvalConfig.model_validate(summary.task["protocol"])
        labels = {"latest": again / "checkpoints" / "latest.zip", "best": again / "checkpoints" / "best.zip"}
        policies = [
            NamedPolicy(f"{folder.name}:{label}", folder.name, label, chosen, path) for label, path in labels.items()
        ]
        played = play_policies(code.root, policies, protocol, say)
        episodes, repeated = _episodes(folder, policies, [each.episodes for each in played], protocol)
        metrics, policy = _metrics(folder, again, chosen), _checkpoints(folder, again, chosen, summary)
        parts = (metrics, policy, episodes, _summary(score.seeds[chosen], repeated))
    reasons = tuple(_reasons(folder, snapshot, summary, done))
    is_same = all(part.same is not False for part in parts)
    table = results.read_episodes(folder.path / "eval")
    latest = table[table["checkpoint"] == "latest"].pivot(index="seed", columns="episode", values="return")
    repeat = 0.0 if is_same else repeated - score.seeds[chosen]
    return Reproduction(
        1,
        folder.name,
        chosen,
        is_same,
        _verdict(parts, reasons),
        parts,
        reasons,
        tuple(_notes(folder, code)),
        score.estimate.mean,
        repeated,
        variance_components(latest.to_numpy(dtype=float), repeat),
    )


def _trained(  # noqa: PLR0913
    root: Path, run: str, snapshot: Snapshot, seed: int, place: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """Train a seed again, showing how far it is."""
    steps = Timetable.of(trained_config(root, snapshot.config)[1], None).whole_steps
    with SeedProgress(run, [seed], steps, Terminal(stderr=True)) as progress:

        def event(content: Any) -> None:
            say(content) if isinstance(content, str) else progress.update(content)

        return retrain_seed(root, snapshot, seed, place, event, run)


def _metrics(folder: RunFolder, again: Path, seed: int) -> ReproducedPart:
    path = folder.path / FILES[0]
    if not path.is_file():
        return ReproducedPart(FILES[0], None, 0, _not_here(folder))
    rows = [row for row in iterate_rows(path) if row["seed"] == seed]
    first = metrics_difference(rows, iterate_rows(again / "metrics.jsonl"))
    return ReproducedPart(FILES[0], first is None, len(rows), first)


def _checkpoints(folder: RunFolder, again: Path, seed: int, summary: results.Summary) -> ReproducedPart:
    """Compare every checkpoint, the earliest first; where they are not here, the hashes of the evaluated policies."""
    kept = folder.path / "checkpoints" / f"seed_{seed}"
    made = again / "checkpoints"
    name = f"{FILES[1]}/seed_{seed}"
    if not kept.is_dir():
        return _policies(name, made, seed, summary)
    paths = [*reversed(checkpoints.numbered(kept)), *(kept / f"{each}.zip" for each in results.CHECKPOINTS)]
    for count, path in enumerate(paths):
        try:
            first = checkpoint_difference(path, made / path.name)
        except (CheckpointDamaged, DataDamaged, Missing) as error:
            first = _shortened(error, kept, made)
        if first is not None:
            return ReproducedPart(name, same=False, compared=count + 1, first=f"{path.name}: {first}")
    if first := _replay_difference(kept / "replay", made / "replay"):
        return ReproducedPart(name, same=False, compared=len(paths), first=first)
    found = _policies(name, kept, seed, summary)
    if found.same is False:
        return found
    return ReproducedPart(name, same=True, compared=len(paths), first=None)


def _shortened(error: Exception, kept: Path, made: Path) -> str:
    return str(error).replace(f"{made}/", "again: ").replace(f"{kept}/", "")


def _replay_difference(kept: Path, made: Path) -> str | None:
    """Return which part of a stored replay buffer is another; what is kept on one side alone was not needed there."""
    for path in sorted(kept.glob("*")) if kept.is_dir() else ():
        other = made / path.name
        if other.is_file() and other.read_bytes() != path.read_bytes():
            return f"replay/{path.name}: the transitions in it"
    return None


def _policies(name: str, made: Path, seed: int, summary: results.Summary) -> ReproducedPart:
    for label, score in summary.scores.items():
        found = checkpoints.weights_hash(checkpoints.load(made / f"{label}.zip"))
        if (said := score.policies[seed]) != found:
            first = f"{label}.zip: its weights have the hash {found[:12]}, and those that were evaluated {said[:12]}"
            return ReproducedPart(name, same=False, compared=len(summary.scores), first=first)
    return ReproducedPart(name, same=True, compared=len(summary.scores), first=None)


def _episodes(
    folder: RunFolder, policies: Sequence[NamedPolicy], played: Sequence[Sequence[Any]], protocol: FinalEvalConfig
) -> tuple[ReproducedPart, float]:
    """Compare the episodes of the policies that were trained again with those on record; also return the final one's mean."""
    repeated, compared = float(np.mean([each.episode_return for each in played[0]])), 0
    for policy, episodes in zip(policies, played, strict=True):
        known = kept_episodes(folder.path / "eval", policy, protocol.model_dump())
        if known is None:
            told = f"{policy.name}: {FILES[2]} does not have the episodes that summary.json tells of"
            return ReproducedPart(FILES[2], same=False, compared=compared, first=told), repeated
        for one, other in zip(known, episodes, strict=True):
            compared += 1
            if _facts(one) != _facts(other):
                told = (
                    f"{policy.name}, episode {one.index}: return {one.episode_return!r} in {one.length} steps stored, and "
                    f"{other.episode_return!r} in {other.length} again"
                )
                return ReproducedPart(FILES[2], same=False, compared=compared, first=told), repeated
    return ReproducedPart(FILES[2], same=True, compared=compared, first=None), repeated


def _summary(said: float, repeated: float) -> ReproducedPart:
    """Compare a seed's score on record with the mean of its episodes; sums in another order may round otherwise."""
    name = "eval/summary.json"
    if math.isclose(said, repeated, rel_tol=1e-12, abs_tol=1e-12):
        return ReproducedPart(name, same=True, compared=1, first=None)
    return ReproducedPart(
        name, same=False, compared=1, first=f"latest: a mean of {said!r} stored, and {repeated!r} again"
    )


def _facts(episode: Any) -> tuple[Any, ...]:
    return (episode.index, episode.reset_seed, episode.episode_return, episode.length, episode.success, episode.cut)


def _not_here(folder: RunFolder) -> str:
    return f"not here; `dvc pull` fetches it, if {folder.name} was pushed"


def _reasons(folder: RunFolder, snapshot: Snapshot, summary: results.Summary, done: dict[str, Any]) -> Iterator[str]:
    """Yield what is different from when the run was made, and can change bits."""
    for name, key in (("train", "training_version"), ("eval", "evaluation_version")):
        before, version = summary.task.get(key), rlx.STAGE_VERSIONS[name]
        if before is not None and before != version:
            yield f"another version of {'training' if name == 'train' else 'evaluation'}: {before} then, {version} now"
    try:
        metadata = read_metadata(folder.path)
    except (Missing, DataDamaged):
        yield "metadata.json is not here, so versions and processor of then are not known"
        return
    yield from differing_circumstances(metadata, done["engine"]["name"], libraries_of(snapshot.config.algo))
    used, now = (metadata.get("device") or {}).get("used"), device_for(snapshot.config)
    if used is not None and used != now:
        yield f"device {used} then, {now} now"
    if folder.seeded is False:
        yield "its environment is not determined by `reset(seed)` (task.json)"


def _notes(folder: RunFolder, code: PastCode) -> Iterator[str]:
    if code.commit:
        told = f"the project has another {listed(list(code.changed))} now; it was trained again with that of commit"
        yield f"{told} {code.commit[:12]}"
    try:
        dirty = (read_metadata(folder.path).get("git") or {}).get("dirty") or []
    except (Missing, DataDamaged):
        return
    if dirty:
        yield f"it was made with uncommitted changes: {listed(list(map(str, dirty)))}"


def _verdict(parts: Sequence[ReproducedPart], reasons: Sequence[str]) -> str:
    differing = next((part for part in parts if part.same is False), None)
    if differing is None:
        unseen = [part.name for part in parts if part.same is None]
        return "same bits" + (f"; not compared: {listed(unseen)}" if unseen else "")
    why = "; ".join(reasons) or (
        "nothing that is on record is different: versions, processor and code are those of then, so what is stored was changed "
        "since, or something that is not on record decides"
    )
    return f"differs: first in {differing.name}, {differing.first}. Why that may be: {why}"
