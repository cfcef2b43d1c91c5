"""Live progress of a run's seeds: bars in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from rich.progress import BarColumn, Progress as Bars, ProgressColumn, TaskID, TextColumn
from rich.text import Text

from rlx.launch.terminal import Terminal
from rlx.stats import number, visible

PLAIN_EVERY = 5.0
"""Seconds between two plain lines."""
EVALUATION_EVERY = 10.0
"""Seconds between two plain lines about evaluations."""
SPEED_OVER = 3600.0
"""Seconds over which steps per second are counted: iterations of some algorithms take minutes."""


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


class Shown:
    """Bars of rich in a terminal; elsewhere whoever shows something prints plain lines."""

    def __init__(self, console: Terminal | None, *columns: ProgressColumn, transient: bool = False):
        """Show tasks in these columns, between their names and bars and the field ``facts``."""
        self.console = console or Terminal()
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=10),
            *columns,
            TextColumn("{task.fields[facts]}", markup=False),
            console=self.console,
            transient=transient,
            speed_estimate_period=SPEED_OVER,
        )
        self._printed = time.monotonic()

    def __enter__(self) -> Self:
        """Start showing."""
        if self.console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop showing."""
        if self.console.is_terminal:
            self._bars.stop()

    def _is_time(self, seconds: float) -> bool:
        """Tell whether a plain line is due, so long after the last one."""
        now = time.monotonic()
        if self.console.is_terminal or now - self._printed < seconds:
            return False
        self._printed = now
        return True


class SeedProgress(Shown):
    """Shows how far each seed is: steps, steps per second, time left, newest return."""

    def __init__(self, run: str, seeds: Iterable[int], total: int, console: Terminal | None = None):
        """Show ``seeds`` of ``run``, each of which takes ``total`` environment steps."""
        super().__init__(console, TextColumn("{task.percentage:>3.0f}%", markup=False))
        self._run, self._total = run, total
        added = {seed: self._bars.add_task(f"seed {seed}", total=total, facts="waiting") for seed in seeds}
        self._tasks = {seed: self._bars.tasks[number] for seed, number in added.items()}
        self._running: dict[int, Any] = {}
        self._returns: dict[int, float] = {}

    def say(self, message: str) -> None:
        """Print a line above the bars; its text is shown as it is."""
        self.console.print(Text(visible(message)), soft_wrap=True)

    def update(self, event: Any) -> None:
        """Take in a :class:`rlx.launch.Progress`."""
        self._running[event.seed] = event
        if event.episode_return is not None:
            self._returns[event.seed] = event.episode_return
        task = self._tasks[event.seed]
        self._bars.update(task.id, completed=event.step)
        self._bars.update(task.id, facts=self._facts(event))
        if self._is_time(PLAIN_EVERY):
            self.say(self._line())

    def finish(self, seed: int, outcome: str) -> None:
        """Show that a seed has ended, and how."""
        self._running.pop(seed, None)
        self._bars.update(self._tasks[seed].id, facts=outcome)
        if not self.console.is_terminal:
            self.say(f"{self._run}: seed {seed} {outcome}")

    def _facts(self, event: Any) -> str:
        if event.doing:
            return f"{event.step:>9,} steps, {event.doing}"
        speed = self._tasks[event.seed].speed or 0.0
        left = shown_duration((self._total - event.step) / speed) if speed else "—"
        score = number(self._returns.get(event.seed))
        return f"{event.step:>9,} steps {speed:>6,.0f}/s {left:>6} left return {score:>6}"

    def _line(self) -> str:
        speed = sum(self._tasks[seed].speed or 0.0 for seed in self._running)
        done, total = sum(int(task.completed) for task in self._tasks.values()), self._total * len(self._tasks)
        left = shown_duration((total - done) / speed) if speed else "—"
        scores = " ".join(f"{seed}:{number(self._returns[seed])}" for seed in self._running if seed in self._returns)
        return (
            f"{self._run}: {100 * done // max(1, total)}% of {total:,} steps, {speed:,.0f} steps/s, {left} left"
            + (f", return by seed {scores}" if scores else "")
            + "".join(f"; seed {seed} is {event.doing}" for seed, event in self._running.items() if event.doing)
        )


class EpisodeProgress(Shown):
    """Shows how far evaluations are, which would otherwise be silent for as long as their episodes last."""

    def __init__(self, title: str, say: Callable[[str], None], console: Terminal | None = None):
        """Show evaluations.

        Args:
            title: What stands before plain lines.
            say: Prints a plain line.
            console: The terminal, where it is one.
        """
        super().__init__(console, transient=True)
        self._title, self._say = title, say
        self._tasks: dict[str, TaskID] = {}

    def event(self, content: Any) -> None:
        """Take in a line, or (who plays, :class:`rlx.training.evaluation.EpisodesPlayed`)."""
        if isinstance(content, str):
            self._say(f"{self._title}: {content}" if self._title else content)
            return
        name, played = content
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=played.total, facts="")
        self._bars.update(self._tasks[name], completed=played.ended, facts=shown_episodes(played))
        if self._is_time(EVALUATION_EVERY):
            shown = "; ".join(f"{task.description}: {task.fields['facts']}" for task in self._bars.tasks)
            self._say(f"{self._title}: evaluating, {shown}" if self._title else f"evaluating {shown}")


def shown_episodes(played: Any) -> str:
    """Return how far an evaluation is, for people."""
    return f"{played.ended} of {played.total} episodes, {played.steps:,} steps"
