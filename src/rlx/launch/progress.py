"""Live progress of a run's seeds: bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from rich.progress import BarColumn, Progress as Bars, TaskID, TextColumn
from rich.text import Text

from rlx.launch.terminal import Terminal
from rlx.stats import number, visible

PLAIN_EVERY = 5.0
"""Seconds between two plain lines."""
EVALUATION_EVERY = 10.0
"""Seconds between two plain lines about evaluations."""


@dataclass(frozen=True)
class Progress:
    """A sign of life from a training seed.

    Attributes:
        seed: Which.
        step: Environment steps taken.
        total: Environment steps it will take.
        episode_return: Mean return of the newest training episodes; None before the first ends.
        resumed_from: The step it went on from, in its first sign of life (0: from scratch).
        engine: What computes it (name and reason), in its first sign of life.
        doing: What it does besides stepping, where that takes long: ``validating: 3 of 20 episodes …``.
    """

    seed: int
    step: int
    total: int
    episode_return: float | None
    resumed_from: int | None = None
    engine: dict[str, str] | None = None
    doing: str = ""


def shown_duration(seconds: float) -> str:
    """Return a duration as people read it: ``45s``, ``3m05s``, ``2h10m``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


class SeedProgress:
    """Shows how far each seed is: steps, steps per second, time left, newest return."""

    def __init__(self, run: str, seeds: Iterable[int], total: int, console: Terminal | None = None):
        """Show ``seeds`` of ``run``, each of which takes ``total`` environment steps."""
        self._run, self._total = run, total
        self.console = console or Terminal()
        self._steps: dict[int, int] = dict.fromkeys(seeds, 0)
        self._first: dict[int, tuple[float, int]] = {}
        self._returns: dict[int, float] = {}
        self._doing: dict[int, str] = {}
        self._finished: set[int] = set()
        self._started = self._printed = time.monotonic()
        self._bars: Bars | None = None
        self._tasks: dict[int, TaskID] = {}

    def __enter__(self) -> SeedProgress:
        """Start showing."""
        if self.console.is_terminal:
            self._bars = Bars(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=10),
                TextColumn("{task.percentage:>3.0f}%", markup=False),
                TextColumn("{task.fields[facts]}", markup=False),
                console=self.console,
            )
            self._bars.start()
            for seed in self._steps:
                self._tasks[seed] = self._bars.add_task(f"seed {seed}", total=self._total, facts="waiting")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop showing."""
        if self._bars is not None:
            self._bars.stop()

    def say(self, message: str) -> None:
        """Print a line above the bars; its text is shown as it is."""
        self.console.print(Text(visible(message)), soft_wrap=True)

    def update(self, event: Any) -> None:
        """Take in a :class:`rlx.training.one_seed.Progress`."""
        now = time.monotonic()
        self._steps[event.seed] = event.step
        self._first.setdefault(event.seed, (now, event.step))
        self._doing[event.seed] = event.doing
        if event.episode_return is not None:
            self._returns[event.seed] = event.episode_return
        if self._bars is not None:
            self._bars.update(self._tasks[event.seed], completed=event.step, facts=self._facts(event.seed, now))
        elif now - self._printed >= PLAIN_EVERY:
            self._printed = now
            self.say(self._line(now))

    def finish(self, seed: int, outcome: str) -> None:
        """Show that a seed has ended, and how."""
        self._finished.add(seed)
        if self._bars is not None:
            self._bars.update(self._tasks[seed], facts=outcome)
        else:
            self.say(f"{self._run}: seed {seed} {outcome}")

    def _speed(self, seed: int, now: float) -> float:
        since, from_step = self._first[seed]
        return (self._steps[seed] - from_step) / (now - since) if now - since > 0.2 else 0.0

    def _facts(self, seed: int, now: float) -> str:
        if self._doing.get(seed):
            return f"{self._steps[seed]:>9,} steps, {self._doing[seed]}"
        speed = self._speed(seed, now)
        left = shown_duration((self._total - self._steps[seed]) / speed) if speed else "—"
        score = number(self._returns.get(seed))
        return f"{self._steps[seed]:>9,} steps {speed:>6,.0f}/s {left:>6} left return {score:>6}"

    def _line(self, now: float) -> str:
        running = [seed for seed in self._first if seed not in self._finished]
        speed = sum(self._speed(seed, now) for seed in running)
        done, total = sum(self._steps.values()), self._total * len(self._steps)
        left = shown_duration((total - done) / speed) if speed else "—"
        scores = " ".join(f"{seed}:{number(self._returns[seed])}" for seed in running if seed in self._returns)
        return (
            f"{self._run}: {100 * done // max(1, total)}% of {total:,} steps, {speed:,.0f} steps/s, {left} left"
            + (f", return by seed {scores}" if scores else "")
            + "".join(f"; seed {seed} is {self._doing[seed]}" for seed in running if self._doing.get(seed))
        )


class EpisodeProgress:
    """Shows how far evaluations are, which would otherwise be silent for as long as their episodes last."""

    def __init__(self, title: str, say: Callable[[str], None], console: Terminal | None = None):
        """Show evaluations.

        Args:
            title: What stands before plain lines.
            say: Prints a plain line.
            console: The terminal, where it is one.
        """
        self._title, self._say = title, say
        self._console = console or Terminal()
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}
        self._played: dict[str, Any] = {}
        self._printed = time.monotonic()

    def __enter__(self) -> EpisodeProgress:
        """Start showing."""
        if self._console.is_terminal:
            self._bars = Bars(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=10),
                TextColumn("{task.fields[facts]}", markup=False),
                console=self._console,
                transient=True,
            )
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop showing."""
        if self._bars is not None:
            self._bars.stop()

    def event(self, content: Any) -> None:
        """Take in a line, or (who plays, :class:`rlx.training.evaluation.EpisodesPlayed`)."""
        if isinstance(content, str):
            self._say(f"{self._title}: {content}" if self._title else content)
            return
        name, played = content
        self._played[name] = played
        if self._bars is not None:
            if name not in self._tasks:
                self._tasks[name] = self._bars.add_task(name, total=played.total, facts="")
            self._bars.update(self._tasks[name], completed=played.ended, facts=shown_episodes(played))
        elif time.monotonic() - self._printed >= EVALUATION_EVERY:
            self._printed = time.monotonic()
            shown = "; ".join(f"{name}: {shown_episodes(each)}" for name, each in self._played.items())
            self._say(f"{self._title}: evaluating, {shown}" if self._title else f"evaluating {shown}")


def shown_episodes(played: Any) -> str:
    """Return how far an evaluation is, for people."""
    return f"{played.ended} of {played.total} episodes, {played.steps:,} steps"
