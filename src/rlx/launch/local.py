"""The executor ``local``: worker processes of this machine, which are warm after their first task and end with the command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rlx.launch.execution import Sight, Terms
from rlx.launch.failures import Failure
from rlx.launch.task import Task, perform_leased
from rlx.launch.worker_pool import Assignment, Limits, WorkerPool


class Local:
    """Runs tasks in a :class:`rlx.launch.worker_pool.WorkerPool`.

    What a task emits comes at once. A worker that dies, or in which an environment does not return, is seen and named, so
    its task has failed and is not started again.
    """

    pause, tries = 0.0, 1

    def __init__(self, terms: Terms):
        limits = Limits(terms.step_timeout)
        self._pool = WorkerPool(terms.slots, limits, terms.on_event, self._note, portable=terms.portable)
        self._keys: list[str] = []
        self._gone: dict[str, Sight] = {}
        self._cancelled = False

    def attach(self, tasks: Sequence[Task]) -> set[str]:
        """Find none: workers end with the command that started them."""
        return set()

    def submit(self, tasks: Sequence[Task]) -> None:
        """Queue tasks; each is done as it is said here, whatever others write into its ``spec.json`` while it waits."""
        first = len(self._keys)
        self._keys += [task.key for task in tasks]
        for number, task in enumerate(tasks, first):
            self._pool.add(Assignment(number, perform_leased, (task.folder, task.spec)))

    def look(self) -> Mapping[str, Sight]:
        """Return how the tasks are, after waiting for news of them for a moment."""
        self._pool.turn()
        waiting = self._pool.waiting
        return {
            key: self._gone.get(key) or Sight("waiting" if number in waiting else "running")
            for number, key in enumerate(self._keys)
        }

    def cancel(self, keys: Iterable[str]) -> None:
        """Kill the workers of tasks, with all that they have started."""
        self._cancelled = True
        wanted = set(keys)
        for number, key in enumerate(self._keys):
            if key in wanted:
                self._pool.drop(number)
                self._gone.setdefault(key, Sight("gone", "cancelled"))

    def close(self) -> None:
        """Let workers close their environments and end; after a cancellation at once."""
        try:
            while not self._cancelled and self._pool.is_busy:
                self._pool.turn()
        except BaseException:
            self._pool.stop(gently=False)
            raise
        self._pool.stop(gently=not self._cancelled)

    def _note(self, number: int, content: Any) -> None:
        failure = content if isinstance(content, Failure) else None
        self._gone[self._keys[number]] = Sight("gone", failure.message if failure else "", failure=failure)
