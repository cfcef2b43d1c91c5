"""The facts of one run, for `rlx info`: where it comes from, what it cost, what it scores, what there is of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from rlx.config import from_git, read_json, told_sources
from rlx.errors import DataDamaged, Missing
from rlx.experiments import LINEAGE, asked_to_be, progress
from rlx.launch import Cause, shown_duration
from rlx.records import (
    FILE as TASK,
    WHOLE,
    RunFolder,
    Score,
    cure_of_study_run,
    read_labels,
    read_metadata,
    read_spent,
    replay_of,
    spent_file,
)
from rlx.report.run_files import FACTS, damaged_files
from rlx.stats import number

FORMAT: Literal[1] = 1
TOLD = {"plan": "plan", "resolve": "resolve", "train": "train", "eval": "evaluate", "video": "film", "analyze": "analyse",
        "keep": "keep"}  # fmt: skip
"""What phases are called to people."""


@dataclass(frozen=True)
class SeedFacts:
    """How the seeds of a run stand.

    Attributes:
        wanted: The training seeds.
        finished: Those that are finished.
        failed: Those that failed, with the error.
        failures: The same as facts, of runs that noted them.
    """

    wanted: Sequence[int]
    finished: Sequence[int]
    failed: Mapping[int, str | None]
    failures: Mapping[int, Cause]


@dataclass(frozen=True)
class CheckpointScore:
    """A run's held-out score with one of its checkpoints.

    Attributes:
        return_mean: Mean over seeds.
        ci_low: Lower end of its 95 % interval.
        ci_high: Upper end.
        seeds: Mean return of each seed.
        steps: Environment steps behind each seed's policy.
    """

    return_mean: float
    ci_low: float | None
    ci_high: float | None
    seeds: Mapping[int, float]
    steps: Mapping[int, int]


@dataclass(frozen=True)
class ReplayFacts:
    """The replay buffers that a run keeps beside its checkpoints.

    Attributes:
        bytes: Of all seeds together.
        written: When the newest part was (ISO 8601).
    """

    bytes: int
    written: str


@dataclass(frozen=True)
class RunFacts:
    """`rlx info RUN --json`.

    Attributes:
        format: Version of this schema.
        run: What it is called.
        folder: Where its files are (of runs read through Git: a disposable copy).
        title: Its ``run_name``.
        status: As in `rlx ls`.
        problem: Why its results are not here, or that those here are of another configuration, and the command that mends
            it.
        progress: While it runs: the share of its environment steps that is behind it.
        environment: Its environment's id.
        algorithm: Its algorithm.
        tags: Its tags.
        note: Its note.
        continues: The run that it trains further.
        parent: The run or experiment that it was made from; left out where there is none.
        study: The study that it was started for; left out likewise.
        candidate: The candidate of that study; left out likewise.
        seeds: How its seeds stand.
        scores: By checkpoint (``latest``, ``best``); None before evaluation.
        random_return: Mean return of random actions.
        engine: What computed it, and why that.
        cost: Steps and seconds.
        started: When, in ISO 8601.
        ended: When.
        seconds: Wall-clock time of the training stage.
        spent: Where the seconds went, by phase (plan, resolve, train, eval, video, analyze, keep, and whole: all of the command);
            left out where they are not known here.
        replay: Bytes of the replay buffers beside its checkpoints, all seeds together, and when the newest part was written (ISO 8601);
            left out where there are none.
        git: Commit, and files that differed from it.
        versions: Of Python and the libraries.
        host: The machine.
        sources: Where each value of the configuration comes from, by dotted key: a file, or ``default``.
        artifacts: What is in the folder.
    """

    format: Literal[1]
    run: str
    folder: str
    title: str | None
    status: str
    problem: str | None
    progress: float | None
    environment: str
    algorithm: str
    tags: Sequence[str]
    note: str | None
    continues: str | None
    parent: str | None = field(kw_only=True, default=None, metadata={"unless": None})
    study: str | None = field(kw_only=True, default=None, metadata={"unless": None})
    candidate: str | None = field(kw_only=True, default=None, metadata={"unless": None})
    seeds: SeedFacts
    scores: Mapping[str, CheckpointScore] | None
    random_return: float | None
    engine: Mapping[str, Any] | None
    cost: Mapping[str, Any] | None
    started: str | None
    ended: str | None
    seconds: float | None
    spent: Mapping[str, float] | None = field(kw_only=True, default=None, metadata={"unless": None})
    replay: ReplayFacts | None = field(kw_only=True, default=None, metadata={"unless": None})
    git: Mapping[str, Any] | None
    versions: Mapping[str, str | None] | None
    host: Mapping[str, Any] | None
    sources: Mapping[str, str] | None
    artifacts: Sequence[str]


def facts_of_run(root: Path, folder: RunFolder) -> RunFacts:
    """Return the facts; what a run does not have yet is None.

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
    return RunFacts(
        format=FORMAT,
        run=folder.name,
        folder=str(folder.path),
        title=snapshot.config.run_name,
        status=(state := folder.state),
        problem=problem or (f"not here: {cure_of_study_run(folder.path)}" if state == "elsewhere" else None),
        progress=progress(folder.path) if state == "running" else None,
        environment=snapshot.config.env.id,
        algorithm=snapshot.config.algo.name,
        tags=list(labels.tags),
        note=labels.note or None,
        continues=snapshot.config.checkpoint.start.run if snapshot.config.checkpoint.start else None,
        **_lineage(root, folder),
        seeds=_seeds(snapshot.seeds, metadata.get("seeds") or []),
        scores=None if summary is None else {name: _score(score) for name, score in summary.scores.items()},
        random_return=None if summary is None else summary.random_return,
        engine=metadata.get("engine"),
        cost=metadata.get("cost"),
        started=metadata.get("started"),
        ended=metadata.get("ended"),
        seconds=metadata.get("seconds"),
        spent=read_spent(spent_file(root, folder.path.name)) or None if problem is None else None,
        replay=_replay(folder.path / "checkpoints"),
        git=metadata.get("git"),
        versions=metadata.get("versions"),
        host=metadata.get("host"),
        sources=_sources(folder),
        artifacts=sorted(path.name for path in folder.path.iterdir() if not path.name.startswith(".")),
    )


def _replay(checkpoints: Path) -> ReplayFacts | None:
    if (found := replay_of(checkpoints)) is None:
        return None
    size, written = found
    return ReplayFacts(size, datetime.fromtimestamp(written, tz=UTC).isoformat(timespec="seconds"))


def _seeds(wanted: Sequence[int], known: Sequence[Mapping[str, Any]]) -> SeedFacts:
    return SeedFacts(
        wanted=wanted,
        finished=[seed["seed"] for seed in known if seed["status"] == "finished"],
        failed={seed["seed"]: seed["error"] for seed in known if seed["status"] == "failed"},
        failures={
            seed["seed"]: Cause(**{each.name: failure.get(each.name) for each in fields(Cause)})
            for seed in known
            if (failure := seed.get("failure"))
        },
    )


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


def _score(score: Score) -> CheckpointScore:
    interval = score.estimate.interval
    return CheckpointScore(
        return_mean=score.estimate.mean,
        ci_low=interval.low if interval else None,
        ci_high=interval.high if interval else None,
        seeds=dict(sorted(score.seeds.items())),
        steps=dict(sorted(score.steps.items())),
    )


def _cost_lines(facts: RunFacts) -> Iterator[tuple[str, str]]:
    if facts.cost:
        yield "cost", f"{facts.cost['environment_steps']:,} steps, {facts.seconds or 0:,.0f} s"
    if parts := (facts.cost or {}).get("training_seconds_by_part"):
        told = ", ".join(f"{part} {_seconds(seconds)}" for part, seconds in parts.items())
        yield "training", f"{told} (seconds, all seeds together)"
    if facts.spent:
        yield "time", told_spent(facts.spent)


def told_spent(spent: Mapping[str, float]) -> str:
    """Return where the seconds of a run went, in a phrase."""
    parts = [f"{TOLD[phase]} {_seconds(seconds)}" for phase, seconds in spent.items() if phase != WHOLE]
    if WHOLE not in spent:
        return ", ".join(parts)
    rest = spent[WHOLE] - sum(seconds for phase, seconds in spent.items() if phase != WHOLE)
    parts += [f"starting DVC and stages {_seconds(rest)}"] if rest > 0 else []
    return f"{_seconds(spent[WHOLE])} s: {', '.join(parts)}"


def time_line(root: Path, folder: RunFolder) -> str:
    """Return what is said at the end of a command about where its seconds went."""
    return f"Took {told_spent(read_spent(spent_file(root, folder.path.name)))}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds < 100 else f"{seconds:,.0f}"


def fact_lines(facts: RunFacts) -> Iterator[tuple[str, str]]:
    """Yield what `rlx info` shows: a name and a text each."""
    yield "run", facts.run + (f" ({facts.title})" if facts.title else "")
    done = "" if facts.progress is None else f", {100 * facts.progress:.0f} % of its environment steps"
    yield "status", f"{facts.status}{done}"
    if facts.problem:
        yield "results", facts.problem
    yield "environment", f"{facts.environment}, {facts.algorithm}"
    if facts.continues:
        yield "continues", facts.continues
    lineage = {"parent": facts.parent, "study": facts.study, "candidate": facts.candidate}
    yield from ((name, value) for name, value in lineage.items() if value is not None and value != facts.continues)
    if facts.tags:
        yield "tags", " ".join(facts.tags)
    if facts.note:
        yield "note", facts.note
    seeds = facts.seeds
    yield "seeds", f"{len(seeds.finished)} of {len(seeds.wanted)} finished"
    for seed, error in seeds.failed.items():
        yield f"seed {seed}", f"failed: {error}"
    for name, score in (facts.scores or {}).items():
        between = "" if score.ci_low is None else f" [{number(score.ci_low)}, {number(score.ci_high)}]"
        worst = min(score.seeds, key=lambda seed: score.seeds[seed])
        yield (
            name,
            f"mean return {number(score.return_mean)}{between}, worst seed {worst}: {number(score.seeds[worst])}",
        )
    if facts.random_return is not None:
        yield "random", f"mean return {number(facts.random_return)}"
    yield from _cost_lines(facts)
    if facts.replay:
        age = (datetime.now(tz=UTC) - datetime.fromisoformat(facts.replay.written)).total_seconds()
        told = f"{facts.replay.bytes / 1e6:,.1f} MB beside the checkpoints, written {shown_duration(max(0.0, age))} ago"
        yield "replay", f"{told}; `checkpoint.replay: none` keeps none"
    if facts.engine:
        same = "; the same bits on every processor with AVX2 and FMA" if facts.engine.get("portable") else ""
        yield "engine", f"{facts.engine['name']}: {facts.engine['reason']}{same}"
    if facts.git:
        dirty = facts.git.get("dirty") or []
        shown = ", ".join(dirty[:8]) + (f" and {len(dirty) - 8} more (--json lists them)" if len(dirty) > 8 else "")
        changed = f", with {len(dirty)} changed files: {shown}" if dirty else ""
        yield "code", f"{(facts.git.get('commit') or 'no commit')[:10]}{changed}"
    if facts.versions:
        yield "versions", ", ".join(f"{name} {version}" for name, version in facts.versions.items() if version)
    for index, line in enumerate(told_sources(facts.sources or {})):
        yield "values from" if index == 0 else "", line
    yield "files", f"{facts.folder}: {', '.join(facts.artifacts)}"
