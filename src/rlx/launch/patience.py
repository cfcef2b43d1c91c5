"""Patience with an engine that does not answer: nothing is known then, which is told once, and so is its return."""

from __future__ import annotations

import time
from collections.abc import Callable

from rlx.launch.execution import Sight
from rlx.launch.failures import ENGINE_AWAY, Cause, Failure

LIMIT = 24 * 3600.0
"""Seconds after which a command gives up waiting; its jobs are left alone, and found by the next one."""


class Patience:
    """Tells people that an engine is away, and that it is back, once each."""

    def __init__(self, engine: str, say: Callable[[str], None]):
        self._engine, self._say = engine, say
        self._since: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has been away for longer than anybody waits."""
        return self._since is not None and time.monotonic() - self._since > LIMIT

    def away(self, why: str) -> None:
        """Note that it has not answered."""
        if self._since is None:
            self._since = time.monotonic()
            told = f" ({why})" if why else ""
            self._say(
                f"{self._engine} does not answer{told}: nothing is known of its tasks, which may go on; waiting for it"
            )

    def back(self) -> None:
        """Note that it has answered."""
        if self._since is not None:
            self._since = None
            self._say(f"{self._engine} answers again")

    def given_up(self) -> Sight:
        """Return what is to be said of a task when patience is over."""
        message = (
            f"{self._engine} has not answered for {LIMIT / 3600:g} hours; the same command finds what goes on there"
        )
        return Sight("gone", message, "", Failure(message, message, Cause(ENGINE_AWAY)), final=True)
