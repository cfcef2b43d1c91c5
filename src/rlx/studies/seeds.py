"""Seeds of trials, trained as tasks by the executor that the project chose, and what each scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from rlx.config import Snapshot, Timetable, step_timeout
from rlx.errors import DataDamaged, TrainingFailed
from rlx.launch import (
    CANCELLED,
    ENGINE_AWAY,
    NODE_LOST,
    PROCESS,
    SOFTWARE,
    TIME_LIMIT,
    Executor,
    Failure,
    Progress,
    Sight,
    Task,
    Terms,
    carry_out,
)
from rlx.records import Entry, bench_folder, fingerprint
from rlx.studies.objective import objective
from rlx.training import chosen_executor, terms_of, training_task

EVERY = 30.0
"""Seconds between two lines that say how far a rung is."""
NO_RESULT = (SOFTWARE, TIME_LIMIT, NODE_LOST, CANCELLED, ENGINE_AWAY)
"""Why a seed failed where the settings that are tried have no part in it: no score of theirs, and the search cannot go on with it."""


@dataclass(frozen=True)
class SeedWanted:
    """A seed of a trial.

    Attributes:
        snapshot: What it trains.
        seed: The training seed.
        name: What it is called, for people and for the executor.
    """

    snapshot: Snapshot
    seed: int
    name: str


@dataclass(frozen=True)
class SeedScore:
    """What came of a seed.

    Attributes:
        value: Its score; None where it failed.
        error: Why it failed.
    """

    value: float | None
    error: str | None = None


class SeedTrainer:
    """Trains seeds; one executor for all of a search, so that workers stay warm from rung to rung."""

    def __init__(self, root: Path, base: Snapshot, jobs: int, say: Callable[[str], None], title: str = "search"):
        self._root, self._say, self._title = root, say, title
        self._patience = step_timeout(root, base.config.env)
        self._terms = Terms(jobs, self._patience, self._event, base.config.portable)
        self._executor: _KeptOpen | None = None
        self._running: dict[tuple[int, str], float] = {}
        self._said = time.monotonic()

    def __enter__(self) -> SeedTrainer:
        """Begin; the executor is made when the first seed is to be trained."""
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Let go of the executor."""
        if self._executor is not None:
            self._executor.let_go()

    def train(self, wanted: Mapping[Any, SeedWanted]) -> dict[Any, SeedScore]:
        """Return what each seed scores, training those that are not finished; equal ones once.

        A seed whose process died is trained once more, from its newest checkpoint: what killed it may have been meant for
        others.

        Raises:
            TrainingFailed: Where it was to train, something is wrong that says nothing of what is tried (:data:`NO_RESULT`);
                seeds that are finished stay.
        """
        entries = {key: self._entry(one) for key, one in wanted.items()}
        outcomes: dict[Path, Any] = {entry.folder: note for entry in entries.values() if (note := entry.done)}
        todo = {entries[key].folder: self._task(one, entries[key]) for key, one in wanted.items()}
        outcomes |= self._carried_out({folder: task for folder, task in todo.items() if folder not in outcomes})
        died = {folder: task for folder, task in todo.items() if _has_died(outcomes[folder])}
        outcomes |= self._carried_out(
            {folder: replace(task, key=f"{task.key}, again") for folder, task in died.items()}
        )
        for key, one in wanted.items():
            _refuse_trouble(one, outcomes[entries[key].folder])
        return {key: _score(one, entries[key], outcomes[entries[key].folder]) for key, one in wanted.items()}

    def _entry(self, one: SeedWanted) -> Entry:
        return Entry(bench_folder(self._root) / fingerprint(self._root, one.snapshot, one.seed), one.seed)

    def _task(self, one: SeedWanted, entry: Entry) -> Task:
        return replace(training_task(self._root, one.snapshot, entry, self._patience), key=one.name)

    def _carried_out(self, todo: Mapping[Path, Task]) -> dict[Path, Any]:
        if not todo:
            return {}
        if self._executor is None:
            chosen = chosen_executor(self._root)
            terms = terms_of(self._root, chosen.name, self._terms, self._title)
            self._executor = _KeptOpen(chosen.start(terms))
        found: dict[Path, Any] = {}
        folders = {task.key: folder for folder, task in todo.items()}
        self._total, self._done = len(todo), 0

        def end(key: str, outcome: Any) -> None:
            found[folders[key]] = outcome
            self._done += 1
            self._tell()

        carry_out(self._executor, list(todo.values()), self._event, end)
        return found

    def _event(self, content: Any) -> None:
        if isinstance(content, str):
            self._say(content)
        elif isinstance(content, Progress):
            self._tell()

    def _tell(self) -> None:
        """Say now and then how far it is."""
        if time.monotonic() - self._said > EVERY and self._done < self._total:
            self._said = time.monotonic()
            self._say(f"{self._done} of {self._total} seeds trained")


def _has_died(outcome: Any) -> bool:
    """Tell whether the process that trained a seed is gone, for whatever reason."""
    return isinstance(outcome, Failure) and outcome.cause.kind == PROCESS


def _refuse_trouble(one: SeedWanted, outcome: Any) -> None:
    if isinstance(outcome, Failure) and outcome.cause.kind in NO_RESULT:
        cure = "once that is mended, the same command goes on; seeds that are finished stay"
        raise TrainingFailed(f"{one.name}: {outcome.message} ({outcome.cause.kind}); {cure}")


def _score(one: SeedWanted, entry: Entry, outcome: Any) -> SeedScore:
    if isinstance(outcome, Failure):
        return SeedScore(None, outcome.message)
    total = Timetable.of(one.snapshot.config, None).whole_steps
    with suppress(OSError, DataDamaged, KeyError):
        if (value := objective(entry.folder / "metrics.jsonl", total)) is not None:
            return SeedScore(value)
    return SeedScore(None, "its metrics.jsonl has no validation")


class _KeptOpen:
    """An executor that stays when tasks are done: those of the next rung follow."""

    def __init__(self, inner: Executor):
        self._inner = inner
        self.pause, self.tries = inner.pause, inner.tries

    def attach(self, tasks: Sequence[Task]) -> set[str]:
        """Pass it on."""
        return self._inner.attach(tasks)

    def submit(self, tasks: Sequence[Task]) -> None:
        """Pass it on."""
        self._inner.submit(tasks)

    def look(self) -> Mapping[str, Sight]:
        """Pass it on."""
        return self._inner.look()

    def cancel(self, keys: Iterable[str]) -> None:
        """Pass it on."""
        self._inner.cancel(keys)

    def close(self) -> None:
        """Stay open."""

    def let_go(self) -> None:
        """Close it."""
        self._inner.close()
