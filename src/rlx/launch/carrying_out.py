"""Bringing tasks to their ends with an executor: files first, then the executor's word, then again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from rlx.errors import PluginBroken
from rlx.launch.execution import Executor, Sight
from rlx.launch.failures import PROCESS, Cause, Failure
from rlx.launch.letting_go import was_let_go
from rlx.launch.task import Events, Task

GOING = 5.0
"""Seconds that the process of a task may take to go once ``done.json`` is there; what it has still to tell comes meanwhile."""

SETTLING = 10.0
"""Seconds at most from the news that a task is gone until it counts as lost, if its files do not tell how it ended."""
GONE = Sight("gone")


def carry_out(
    executor: Executor,
    tasks: Sequence[Task],
    on_event: Callable[[Any], None] = lambda _: None,
    on_end: Callable[[str, Any], None] = lambda _, __: None,
) -> None:
    """Let an executor do tasks that are not done yet; it is closed then.

    Args:
        executor: Who does them.
        tasks: What is to be done.
        on_event: Called with lines for people, and with whatever tasks emit that the executor itself does not hear.
        on_end: Called with a task's key and the content of its ``done.json`` (or a :class:`rlx.launch.Failure`) as soon as
            it has ended.

    Raises:
        KeyboardInterrupt: Passed on after every task has been cancelled; what they wrote stays.
    """
    try:
        course = _Course(executor, tasks, on_event, on_end)
        course.begin()
        while course.open:
            course.turn()
            if course.open and executor.pause:
                time.sleep(executor.pause)
    except BaseException:
        with suppress(PluginBroken):  # what ended it is what is told
            executor.cancel([task.key for task in tasks])
        raise
    finally:
        executor.close()


class _Course:
    """How tasks stand."""

    def __init__(
        self,
        executor: Executor,
        tasks: Sequence[Task],
        on_event: Callable[[Any], None],
        on_end: Callable[[str, Any], None],
    ):
        self._executor, self._on_event, self._on_end = executor, on_event, on_end
        self.open = {task.key: task for task in tasks}
        self._events = {task.key: Events(task.folder) for task in tasks}
        self._starts = dict.fromkeys(self.open, 0)
        self._ended: dict[str, float] = {}
        self._gone: dict[str, float] = {}
        self._begun: set[str] = set(self.open)
        """Those that may have come on since the last look: nothing is read of what still waits for its turn."""

    def begin(self) -> None:
        """Find what lives already, and start the rest."""
        living = self._executor.attach(list(self.open.values()))
        self.open |= {key: self.open[key].begun() for key in living}
        for key, task in [(key, task) for key, task in self.open.items() if key not in living]:
            if (done := task.done()) is not None:  # since it was asked for: by whoever started it before
                self._end(key, done)
        self._start([task for key, task in self.open.items() if key not in living], again=False)

    def _start(self, tasks: list[Task], *, again: bool) -> None:
        prepared = {task.key: task.prepared(again=again) for task in tasks}
        self.open |= prepared
        for key, task in prepared.items():
            self._events[key] = Events(task.folder)
            self._starts[key] += 1
            self._gone.pop(key, None)
        if prepared:
            self._executor.submit(list(prepared.values()))

    def turn(self) -> None:
        """Look once, and take in what has happened."""
        begun = [key for key in self._begun if key in self.open]
        ended = {key: outcome for key in begun if (outcome := self.open[key].outcome()) is not None}
        sights = self._executor.look()  # after the files: what a task emitted before it was gone has come by now
        for key in begun:
            for event in self._events[key].new():
                self._on_event(event)
        for key, outcome in ended.items():
            if self._has_told_all(key, sights):
                self._end(key, outcome)
        seen = {key: sights.get(key, GONE) for key in self.open}
        self._begun = {key for key, sight in seen.items() if sight.state != "waiting"}
        gone = [(key, sight) for key, sight in seen.items() if sight.state == "gone" and self._is_settled(key)]
        self._start([task for key, sight in gone if (task := self._to_start_again(key, sight))], again=True)

    def _has_told_all(self, key: str, sights: Mapping[str, Sight]) -> bool:
        """Tell whether nothing more is to come from a task that has ended: its process is gone, or had time to go."""
        since = self._ended.setdefault(key, time.monotonic())
        return sights.get(key, GONE).state == "gone" or time.monotonic() - since > GOING

    def _is_settled(self, key: str) -> bool:
        """Tell whether what a task that is gone has left can be seen: over a network files may come after the news."""
        if self.open[key].outcome() is not None:
            return True
        since = self._gone.setdefault(key, time.monotonic())
        return time.monotonic() - since >= min(SETTLING, self._executor.pause)

    def _to_start_again(self, key: str, sight: Sight) -> Task | None:
        """Return a task that was lost, to be started again; one that has failed for good has ended."""
        task = self.open[key]
        outcome = task.outcome()
        if outcome is None and was_let_go(task.folder, task.attempt):
            self._starts[key] -= 1
            return task
        if outcome is None and not sight.final and self._starts[key] < self._executor.tries:
            why = f" ({sight.reason})" if sight.reason else ""
            self._on_event(f"{key} was lost{why}; started again, from its newest checkpoint")
            return task
        self._end(key, outcome or sight.failure or _lost(sight))
        return None

    def _end(self, key: str, outcome: Any) -> None:
        del self.open[key]
        self._on_end(key, outcome)


def _lost(sight: Sight) -> Failure:
    where, why = sight.where and f" at {sight.where}", sight.reason and f": {sight.reason}"
    message = f"its process{where} is gone{why}, and left neither a result nor an error"
    return Failure(message, message, Cause(PROCESS))
