"""Patience with an engine that does not answer: nothing is known then, which is told once, and so is its return."""

from __future__ import annotations

from collections.abc import Callable


class Patience:
    """Tells people that an engine is away, and that it is back, once each."""

    def __init__(self, engine: str, say: Callable[[str], None]):
        self._engine, self._say = engine, say
        self.is_away = False

    def away(self, why: str) -> None:
        """Note that it has not answered."""
        if not self.is_away:
            self.is_away = True
            told = f" ({why})" if why else ""
            self._say(
                f"{self._engine} does not answer{told}: nothing is known of its tasks, which may go on; waiting for it"
            )

    def back(self) -> None:
        """Note that it has answered."""
        if self.is_away:
            self.is_away = False
            self._say(f"{self._engine} answers again")
