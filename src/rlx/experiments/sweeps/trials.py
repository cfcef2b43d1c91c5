"""What a search tried and what came of it, as far as it is known; everything else of a search follows from that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rlx.experiments.sweeps.halving import Rung, mean_score, ranking, survivors


@dataclass(frozen=True)
class Header:
    """What a search is.

    Attributes:
        sweep: Its name.
        config: The config it starts from.
        identity: Hash of what decides which trials there are (:attr:`Search.identity`).
        start: Hash of that config with the project's code, as they were when it began.
        rungs: How seeds are spent.
        metric: What is compared.
        space: What each setting may be, as the sweep file says it.
        own: What the config itself says of those settings.
    """

    sweep: str
    config: str
    identity: str
    start: str
    rungs: tuple[Rung, ...]
    metric: str
    space: Mapping[str, Any]
    own: Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """What came of a trial at a rung.

    Attributes:
        trial: Its number.
        rung: Which, from 0.
        values: A score for each seed, in the order of the selection seeds; None of one that failed.
        error: Why the first of those failed.
    """

    trial: int
    rung: int
    values: tuple[float | None, ...]
    error: str | None = None


State = Literal["running", "stopped", "pruned", "complete", "failed"]


@dataclass(frozen=True)
class Trial:
    """A trial as it stands.

    Attributes:
        number: Its number; 0 is the config itself.
        settings: What it sets; empty: nothing, it is the config itself.
        cohort: With which others it competes.
        state: ``running``; ``stopped`` (it is to go on, and nobody makes the search); ``pruned`` (others of its cohort went on); ``complete`` (trained to the last rung); ``failed``.
        score: The mean of its seeds' values, where failed ones count as the worst seen; None without any.
        seeds: How many seeds that is of.
        values: By seed.
        error: Why a seed failed, if one did.
    """

    number: int
    settings: Mapping[str, Any]
    cohort: int
    state: State
    score: float | None
    seeds: int
    values: tuple[float | None, ...]
    error: str | None


@dataclass
class Trials:
    """What a search's file holds.

    Attributes:
        header: What the search is.
        asked: Settings and cohort of each trial, by number.
        results: What came of them, by trial and rung.
        ended: Whether nothing more is tried.
        confirmed: The experiments that confirm: by trial, its name.
        is_made: Whether a process makes the search.
    """

    header: Header
    asked: dict[int, tuple[dict[str, Any], int]] = field(default_factory=dict)
    results: dict[int, list[Result]] = field(default_factory=dict)
    ended: bool = False
    confirmed: dict[int, str] = field(default_factory=dict)
    is_made: bool = True
    _cohorts: dict[int, list[int]] = field(default_factory=dict)

    def add(self, number: int, settings: Mapping[str, Any], cohort: int) -> None:
        """Take in a trial that was asked."""
        self.asked[number] = (dict(settings), cohort)
        self._cohorts.setdefault(cohort, []).append(number)

    def take(self, result: Result) -> None:
        """Take in what came of a trial at its next rung."""
        self.results.setdefault(result.trial, []).append(result)

    def cohort(self, number: int) -> list[int]:
        """Return the trials of a cohort."""
        return list(self._cohorts.get(number, ()))

    def result(self, trial: int, rung: int) -> Result | None:
        """Return what came of a trial at a rung; None where it was not trained so far."""
        found = self.results.get(trial, ())
        return found[rung] if rung < len(found) else None

    def scores(self, trials: Iterable[int], rung: int) -> dict[int, float | None]:
        """Return the scores of trials of one cohort at a rung, those that have one."""
        found = [result for trial in trials if (result := self.result(trial, rung)) is not None]
        return {each.trial: mean_score(each.values, self._worst(each)) for each in found}

    def _worst(self, result: Result) -> float | None:
        """Return the lowest value known when a result was compared: of earlier cohorts, and of its own up to its rung."""
        known = [value for value in result.values if value is not None]
        if None in result.values:  # others need none
            cohort = self.asked[result.trial][1]
            for trial, results in self.results.items():
                theirs = self.asked[trial][1]
                reached = results if theirs < cohort else results[: result.rung + 1] if theirs == cohort else ()
                known += [value for other in reached for value in other.values if value is not None]
        return min(known, default=None)

    def going_on(self, cohort: int, rung: int) -> list[int]:
        """Return which trials of a cohort are trained at a rung, once the one before is complete."""
        members = self.cohort(cohort)
        for before in range(rung):
            members = survivors(self.scores(members, before))
        return members

    def trials(self, numbers: Iterable[int] | None = None) -> list[Trial]:
        """Return trials as they stand, by number; by default all."""
        wanted = list(self.asked) if numbers is None else sorted(numbers)
        cohorts = {self.asked[number][1] for number in wanted}
        alive = {number for cohort in cohorts for number in self._alive(cohort)}
        return [self._trial(number, alive) for number in wanted]

    def _alive(self, cohort: int) -> list[int]:
        """Return the trials of a cohort that are not out: all that go on from the newest rung that is complete."""
        members = self.cohort(cohort)
        for rung in range(len(self.header.rungs) - 1):
            scores = self.scores(members, rung)
            if len(scores) < len(members):
                break
            members = survivors(scores)
        return members

    def _trial(self, number: int, alive: set[int]) -> Trial:
        settings, cohort = self.asked[number]
        results = self.results.get(number)
        if not results:
            return Trial(number, settings, cohort, self._open, None, 0, (), None)
        newest = results[-1]
        score = self.scores([number], newest.rung)[number]
        state: State = "pruned"
        if all(value is None for value in newest.values):
            state = "failed"
        elif newest.rung == len(self.header.rungs) - 1:
            state = "complete"
        elif number in alive:
            state = self._open
        return Trial(number, settings, cohort, state, score, len(newest.values), newest.values, newest.error)

    @property
    def _open(self) -> State:
        return "running" if self.is_made else "stopped"

    def ranked(self) -> list[Trial]:
        """Return all trials, the best first: those of more seeds before those of fewer, then by score."""
        trials = {trial.number: trial for trial in self.trials()}
        order = ranking({number: trial.score for number, trial in trials.items()})
        return sorted((trials[number] for number in order), key=lambda trial: (trial.state == "failed", -trial.seeds))
