"""All seeds of a run: taken from the bench where they are finished, trained in parallel where they are not.

A seed to train is a task (:mod:`rlx.training.seed_task`) for the executor that the project chose.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.algorithms import trained_config
from rlx.config import Snapshot, Timetable, step_timeout
from rlx.errors import TrainingFailed
from rlx.launch import LOCAL, Failure, SeedProgress, Terms, carry_out, has_own_bits, shown_duration, worker_count
from rlx.records import (
    BENCH,
    FAILED,
    FINISHED,
    Entry,
    Followers,
    Sink,
    chosen_sinks,
    entry_for,
    is_pullable,
    iterate_rows,
    live_folder,
    logs_of,
    prune,
    show_bench,
    shown_settings,
    write_rows,
)
from rlx.training.executor_choice import chosen_executor, terms_of
from rlx.training.inheritance import take_recorded
from rlx.training.seed_task import training_task

OWN_BITS = "; this processor is no x86 with AVX2 and FMA: the results have bits of their own (docs/engine.md)"
PORTABLE = "; portable: torch and BLAS keep to code that every processor has, which can take 1.5 times as long (docs/engine.md)"


@dataclass(frozen=True)
class SeedOutcome:
    """How one seed ended.

    Attributes:
        seed: Which.
        status: ``finished`` or ``failed``.
        steps: Environment steps it has behind it.
        seconds: Wall-clock time spent training it, all sessions together (None if unknown).
        reused: Whether it was finished before and taken from the bench.
        error: One line, if it failed.
        failure: The facts of that (:meth:`rlx.launch.failures.Cause.to_data`).
        engine: What computed it, and why that (see :class:`rlx.algorithms.Engine`); None before that is known.
        planned: How many seeds the run was to have when this one was trained: seeds added later show by it.
        spent: Where its seconds went, by part (:data:`rlx.records.TRAINING`); None where nobody has noted that.
    """

    seed: int
    status: str
    steps: int
    seconds: float | None
    reused: bool
    error: str | None = None
    engine: dict[str, str] | None = None
    planned: int | None = None
    failure: dict[str, Any] | None = None
    spent: dict[str, float] | None = None


def train_run(
    root: Path, run: str, snapshot: Snapshot, on_change: Callable[[list[SeedOutcome]], None]
) -> list[SeedOutcome]:
    """Train every seed of a run that is not finished, and put what there is into ``runs/<run>/``.

    Args:
        root: The project.
        run: The run's name.
        snapshot: Its effective configuration.
        on_change: Called with the outcomes so far once the algorithm and the finished seeds are known, and whenever a seed has
            ended (to keep ``metadata.json`` up to date).

    Returns:
        The outcomes, in the order of the seeds. Finished seeds are exported even when others failed.

    Raises:
        ConfigError: ``params.yaml`` chooses a sink that cannot be used, or the algorithm is not here or another one now;
            nothing has been trained.
        KeyboardInterrupt: After every worker was stopped; the bench keeps what was done.
    """
    _, config = trained_config(root, snapshot.config)  # an algorithm that is not here is refused before anything runs
    sinks = chosen_sinks(root)
    entries = {seed: entry_for(root, snapshot, seed) for seed in snapshot.seeds}
    taken = take_recorded(root, snapshot, {seed: entry for seed, entry in entries.items() if not entry.done})
    kept = {seed: note for seed, entry in entries.items() if (note := entry.done)}
    for seed in kept:
        entries[seed].touch()
    show_bench(root / "runs" / run / "config_snapshot.yaml", {seed: entry.folder for seed, entry in entries.items()})
    outcomes = {s: _finished(s, note, reused=True) for s, note in kept.items()}
    on_change(_ordered(outcomes))
    missing = [seed for seed in entries if seed not in kept]
    total = Timetable.of(config, None).whole_steps
    try:
        with (
            SeedProgress(run, missing, total) as progress,
            _followers(root, sinks, run, snapshot, progress) as followers,
        ):
            for seed in kept:
                followers.catch_up(entries[seed])
            if on_bench := kept.keys() - taken.keys():
                why = "kept, since trained before with these settings and this code"
                progress.say(f"{run}: {why}: {_listed(on_bench)}")
            for source in dict.fromkeys(taken.values()):
                seeds = [seed for seed, run_name in taken.items() if run_name == source]
                progress.say(
                    f"{run}: {_listed(seeds)} taken from DVC's cache: {source} was trained so, as dvc.lock says"
                )
            if missing:
                if is_pullable(root / "runs" / run):
                    progress.say(
                        f"{run}: dvc.lock records its results: if they were pushed, `dvc pull` spares the training"
                    )
                _train(root, snapshot, missing, _Told(run, entries, outcomes, progress, followers, on_change))
    finally:
        finished = [seed for seed, outcome in outcomes.items() if outcome.status == "finished"]
        export_seeds(root / "runs" / run, entries, finished)
    prune(root)
    return _ordered(outcomes)


@dataclass(frozen=True)
class _Told:
    """Takes in what the workers tell, and passes it on to people and to ``metadata.json``."""

    run: str
    entries: dict[int, Entry]
    outcomes: dict[int, SeedOutcome]
    progress: SeedProgress
    followers: Followers
    on_change: Callable[[list[SeedOutcome]], None]

    def event(self, content: Any) -> None:
        """Show a line, or a sign of life."""
        if isinstance(content, str):
            self.progress.say(f"{self.run}: {content}")
            return
        if content.resumed_from:
            self.progress.say(f"{self.run}: seed {content.seed} goes on from step {content.resumed_from:,}")
        self.progress.update(content)
        self.followers.begin(self.entries[content.seed])

    def end(self, seed: int, result: Any) -> None:
        """Note how a seed has ended."""
        self.followers.end(self.entries[seed], FAILED if isinstance(result, Failure) else FINISHED)
        if isinstance(result, Failure):
            steps = _steps_behind(self.entries[seed])
            _write_error(self.entries[seed], result.details)
            facts = result.cause.to_data(steps)
            self.outcomes[seed] = SeedOutcome(
                seed, "failed", steps, None, reused=False, error=result.message, failure=facts
            )
            told = f"failed{_at_step(result.cause.step)}: {result.message}"
            shows_bars = self.progress.console.is_terminal
            self.progress.finish(seed, "failed" if shows_bars else told)
            if shows_bars:
                self.progress.say(f"{self.run}: seed {seed} {told}")
        else:
            self.outcomes[seed] = _finished(seed, result, reused=False)
            self.progress.finish(seed, f"finished in {shown_duration(result['seconds'])}")
        self.on_change(_ordered(self.outcomes))


def _followers(
    root: Path, sinks: Mapping[str, Callable[[], Sink]], run: str, snapshot: Snapshot, progress: SeedProgress
) -> Followers:
    """Return what has sinks follow the seeds of a run."""
    live = live_folder()
    name = live.name if live else run
    return Followers(sinks, name, shown_settings(snapshot), lambda line: progress.say(f"{run}: {line}"), root)


def _train(root: Path, snapshot: Snapshot, seeds: list[int], told: _Told) -> None:
    """Let the executor that was chosen train seeds."""
    chosen, slots = chosen_executor(root), worker_count(len(seeds))
    how = f"{slots} at a time" if chosen.name == LOCAL else f"by {chosen.name}"
    price = OWN_BITS if has_own_bits() else PORTABLE if snapshot.config.portable else ""
    told.event(f"training {_listed(seeds)}, {how}{price}")
    patience = step_timeout(root, snapshot.config.env, told.run)
    tasks = {task.key: task for seed in seeds for task in [training_task(root, snapshot, told.entries[seed], patience)]}
    by_key = dict(zip(tasks, seeds, strict=True))
    terms = Terms(slots, patience, told.event, snapshot.config.portable)
    doing = chosen.start(terms_of(root, chosen.name, terms, live.name if (live := live_folder()) else told.run))
    carry_out(doing, list(tasks.values()), told.event, lambda key, result: told.end(by_key[key], result))


def check(run: str, outcomes: list[SeedOutcome]) -> None:
    """Raise if any seed failed.

    Raises:
        TrainingFailed: Naming the seeds, their errors, and where their tracebacks are.
    """
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if failed:
        rest = "; the others are kept" if len(failed) < len(outcomes) else ""
        lines = [f"{run}: {len(failed)} of {len(outcomes)} seeds failed{rest}:"]
        live = live_folder()
        where = f"runs/{live.name}/{BENCH}" if live else f"runs/{run}/logs"
        lines += [
            f"  seed {one.seed}{_at_step(_failed_step(one))}: {one.error} (traceback: {where}/seed_{one.seed}/error.txt)"
            for one in failed
        ]
        if live is None:  # whoever makes an experiment says how it goes on
            lines.append("Mend the cause and run the same command again: only these seeds train.")
        raise TrainingFailed("\n".join(lines))


def export_seeds(folder: Path, entries: dict[int, Entry], finished: list[int]) -> None:
    """Put the checkpoints and metrics of finished seeds, and the logs of all, into a run folder."""
    for stale in ("logs", "checkpoints"):
        shutil.rmtree(folder / stale, ignore_errors=True)
    for seed, entry in entries.items():
        logs, checkpoints = folder / "logs" / f"seed_{seed}", folder / "checkpoints" / f"seed_{seed}"
        if logs_of(entry.folder).is_dir():
            shutil.copytree(logs_of(entry.folder), logs)
        if (entry.folder / "error.txt").is_file():
            logs.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(entry.folder / "error.txt", logs / "error.txt")
        if seed in finished:
            checkpoints.mkdir(parents=True)
            for path in (entry.folder / "checkpoints").glob("*.zip"):
                if not path.name.startswith(("best_", ".")):
                    shutil.copyfile(path, checkpoints / path.name)
            if (entry.folder / "checkpoints" / "replay").is_dir():
                shutil.copytree(entry.folder / "checkpoints" / "replay", checkpoints / "replay")
    if finished:
        paths = [entry.folder / "metrics.jsonl" for seed, entry in entries.items() if seed in finished]
        write_rows(folder / "metrics.jsonl", (row for path in paths for row in iterate_rows(path)))


def _finished(seed: int, note: dict[str, Any], *, reused: bool) -> SeedOutcome:
    facts = {"engine": note.get("engine"), "planned": note.get("planned"), "spent": note.get("spent")}
    return SeedOutcome(seed, "finished", note["steps"], note["seconds"], reused, **facts)


def _failed_step(outcome: SeedOutcome) -> int | None:
    step = (outcome.failure or {}).get("step")
    return None if step is None else int(step)


def _at_step(step: int | None) -> str:
    return f" at step {step:,}" if step is not None else ""


def _write_error(entry: Entry, details: str) -> None:
    entry.folder.mkdir(parents=True, exist_ok=True)
    (entry.folder / "error.txt").write_text(details, encoding="utf-8")


def _steps_behind(entry: Entry) -> int:
    path = entry.folder / "metrics.jsonl"
    rows = iterate_rows(path, tolerate_tail=True) if path.exists() else iter(())
    return max((int(row["step"]) for row in rows), default=0)


def _ordered(outcomes: dict[int, SeedOutcome]) -> list[SeedOutcome]:
    return [outcomes[seed] for seed in sorted(outcomes)]


def _listed(seeds: Any) -> str:
    """Return seeds as people write them: ``seed 3``, ``seeds 1–5``, ``seeds 1, 2, 7``."""
    ordered = sorted(seeds)
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"seeds {ordered[0]}–{ordered[-1]}"
    return f"seed{'s' * (len(ordered) > 1)} {', '.join(map(str, ordered))}"
