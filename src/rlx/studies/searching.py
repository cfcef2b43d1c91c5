"""A search: trials in cohorts, trained rung by rung, the better half going on, until nothing more is to be tried.

The controller is the only one who asks, tells and writes. What it asks next depends on what is in ``trials.jsonl`` and on
nothing else, so one that was killed goes on as if it had not been, and the number of workers, or who is faster, changes
nothing. It trains in a clone of the project made when the search began: edits of the project do not touch it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from filelock import Timeout

from rlx.config import Snapshot
from rlx.errors import ConfigError, Interrupted, PluginBroken, RlxError, UsageError
from rlx.experiments import (
    ALGORITHM,
    Header,
    Journal,
    Result,
    Sampler,
    Search,
    SearchWorkplace,
    Trial,
    Trials,
    TrialsFile,
    Tried,
    Variations,
    answered,
    cohort_cost,
    own_values,
    with_steps,
)
from rlx.launch import working_for
from rlx.records import lock_of, prune
from rlx.stats import raised
from rlx.studies.objective import METRIC
from rlx.studies.seeds import SeedTrainer, SeedWanted


@dataclass(frozen=True)
class Told:
    """Whom a search tells how it goes.

    Attributes:
        say: Takes in lines for people.
        trial: Takes in a trial after each of its rungs.
    """

    say: Callable[[str], None] = lambda _: None
    trial: Callable[[Trial], None] = lambda _: None


@dataclass(frozen=True)
class SearchCourse:
    """A search that has ended, or was ended by its budget.

    Attributes:
        trials: What was tried.
        own: What the config itself says of the settings that were searched.
        start: The config itself, as it was when the search began.
    """

    trials: Trials
    own: Mapping[str, Any]
    start: Snapshot


def run_search(root: Path, search: Search, jobs: int, told: Told, *, restart: bool = False) -> SearchCourse:
    """Make a search, or go on with it.

    Args:
        root: The project.
        search: What to do.
        jobs: How many seeds train at once on this machine; it changes no result.
        told: Whom to tell.
        restart: Begin anew, and keep the trials that there are beside the new ones.

    Raises:
        Interrupted: Ctrl-C; the same command goes on.
        UsageError: Another process is at it, or its trials are of another file, config or code.
        ConfigError: The config itself is refused.
        PluginBroken: The sampler fails.
    """
    lock = lock_of(root, f"{search.name}.search")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(f"the search {search.name} is being made by another process") from None
    try:
        place = SearchWorkplace(root, search.name)
        if restart:
            place.close()
        with place.opened() as here, working_for(root):
            return _Course(root, here, search, told).run(jobs, restart=restart)
    except KeyboardInterrupt:
        raise Interrupted(f"{search.name}: interrupted; the same command goes on, with the same trials") from None
    finally:
        lock.release()


@dataclass
class _Course:
    """How a search goes."""

    root: Path
    place: Path
    search: Search
    told: Told
    trials: Trials = field(init=False)

    def run(self, jobs: int, *, restart: bool) -> SearchCourse:
        """Go on until the end."""
        search = self.search
        self._variations = Variations.of(self.place, search.config)
        base = self._variations.base
        self._check_algorithms()
        self._own = own_values(search.space, base.config)
        self._file = TrialsFile(self.root / "sweeps" / search.name)
        header = Header(
            sweep=search.name,
            config=search.config,
            identity=search.identity,
            start=_start_of(base),
            rungs=search.rungs,
            metric=METRIC,
            space=search.said,
            own=self._own,
        )
        self.trials = self._file.begin(header) if restart else self._file.open(header)
        self._sampler = _Asked(search, self.trials, self._own)
        self._clock = _Clock(self._file.folder / "clock.json")
        self._journal = Journal(self._file.folder, search.name, search.space)
        if self.trials.ended and self._has_room():
            self._file.reopen(self.trials)
        if not self.trials.ended:
            with SeedTrainer(self.place, base, jobs, self.told.say, search.name) as trainer:
                self._all_cohorts(trainer)
            self._file.end(self.trials)
        return SearchCourse(self.trials, self._own, base)

    def _check_algorithms(self) -> None:
        """Refuse an algorithm that the environment does not suit, before anything runs.

        Raises:
            ConfigError: There is one.
        """
        names = self.search.space.get(ALGORITHM)
        others = [name for name in names if name != self.search.space.name] if isinstance(names, list) else []
        for name, found in zip(others, self._variations.snapshots([{ALGORITHM: name} for name in others]), strict=True):
            if isinstance(found, str):
                raise ConfigError(f"sweeps/{self.search.name}.yaml: algo.name: {name}: {found}")

    def _all_cohorts(self, trainer: SeedTrainer) -> None:
        cohort = 0
        while size := self._size(cohort):
            self._cohort(trainer, cohort, size)
            self._journal.add(self.trials, self._own)
            if len(self.trials.cohort(cohort)) < size:  # the sampler has no more
                return
            cohort += 1

    def _size(self, cohort: int) -> int:
        """Return how many trials a cohort has; 0: there is none.

        It follows from the cohorts before it alone, so that a search that goes on cuts it as it was.
        """
        before = sum(len(self.trials.cohort(earlier)) for earlier in range(cohort))
        left = (self.search.trials or 10**9) - before
        size = min(self.search.cohort or left, left)
        asked = len(self.trials.cohort(cohort))
        steps = self.search.budget.steps
        if steps is not None:
            spent = cohort_cost_of(self.trials, cohort, self._steps)
            while size > 0 and spent + cohort_cost(self.search.rungs, size, self._steps) > steps:
                size -= 1
        hours = self.search.budget.hours
        if hours is not None and not asked and self._clock.hours >= hours:
            return 0
        return max(asked, size)

    def _has_room(self) -> bool:
        """Tell whether the file allows more trials than there were.

        Raises:
            UsageError: It does, and with them the last cohort would have been another one.
        """
        cohorts = 1 + max((cohort for _, cohort in self.trials.asked.values()), default=-1)
        full = self.search.cohort
        if full is None or not self._size(cohorts):
            return False
        if not cohorts:  # the budget had no room for any
            return True
        if (last := len(self.trials.cohort(cohorts - 1))) != full and self.search.row.name != "grid":
            raise UsageError(
                f"{self._file.path}: its last cohort has {last} trials, and with more of them it would have had {full}: other "
                f"trials would have gone on. `rlx sweep {self.search.name} --restart` begins anew; what is trained is kept"
            )
        return True

    @property
    def _steps(self) -> int:
        return self._variations.base.config.algo.total_timesteps

    def _cohort(self, trainer: SeedTrainer, cohort: int, size: int) -> None:
        """Train a cohort to its last rung."""
        self._snapshots: dict[int, Snapshot | str] = {}
        parallel = self.search.parallel or size
        first = sum(len(self.trials.cohort(earlier)) for earlier in range(cohort))
        for start in range(first, first + size, parallel):
            block = self._asked(cohort, range(start, min(start + parallel, first + size)))
            self._rung(trainer, block, 0)
            if len(block) < min(parallel, first + size - start):
                break
            if parallel < size:
                self._sampler.tell(self.trials.scores(block, 0))
        for rung in range(1, len(self.search.rungs)):
            self._rung(trainer, self.trials.going_on(cohort, rung), rung)
        self._sampler.tell({trial.number: trial.score for trial in self.trials.trials(self.trials.cohort(cohort))})

    def _asked(self, cohort: int, numbers: range) -> list[int]:
        """Return the trials of some numbers, after asking for those that are not known yet."""
        new: dict[int, dict[str, Any]] = {}
        for number in numbers:
            if number in self.trials.asked:
                self._sampler.recall(number)
                continue
            settings = self._sampler.ask(number, new)
            if settings is None:
                break
            new[number] = settings
        if new:
            self._file.ask(self.trials, new, cohort)
        return [number for number in numbers if number in self.trials.asked]

    def _rung(self, trainer: SeedTrainer, trials: Sequence[int], rung: int) -> None:
        """Train trials at a rung, those whose results are not known, and note what came of them."""
        todo = [number for number in trials if self.trials.result(number, rung) is None]
        if not todo:
            return
        seeds = list(self.search.selection_seeds(self.trials.header.start))[: self.search.rungs[rung].seeds]
        wanted: dict[tuple[int, int], SeedWanted] = {}
        refused: dict[int, str] = {}
        self._plan(todo)
        for number in todo:
            snapshot = self._snapshots[number]
            if isinstance(snapshot, str):
                refused[number] = f"refused: {snapshot}"
                continue
            wanted |= {(number, seed): self._seed(snapshot, number, seed, rung) for seed in seeds}
        found = trainer.train(wanted)
        results = []
        for number in todo:
            values = tuple(found[number, seed].value if number not in refused else None for seed in seeds)
            errors = [found[number, seed].error for seed in seeds if number not in refused]
            error = refused.get(number) or next((each for each in errors if each), None)
            results.append(Result(number, rung, values, error))
        self._file.note(self.trials, results)
        self._clock.note()
        prune(self.root)
        for trial in self.trials.trials(todo):
            self.told.trial(trial)

    def _seed(self, snapshot: Snapshot, number: int, seed: int, rung: int) -> SeedWanted:
        steps = self.search.rungs[rung].steps
        name = f"trial {number}, seed {seed}" + (f", {steps} steps" if steps else "")
        return SeedWanted(with_steps(snapshot, steps), seed, name)

    def _plan(self, numbers: Sequence[int]) -> None:
        """Find out what trials train, or why their settings are refused."""
        new = [number for number in numbers if number not in self._snapshots]
        planned = self._variations.snapshots([self.trials.asked[number][0] for number in new])
        self._snapshots.update(zip(new, planned, strict=True))


def cohort_cost_of(trials: Trials, before: int, steps: int) -> int:
    """Return the environment steps that the cohorts before one have cost, planned ones, whatever failed.

    Args:
        trials: What was tried.
        before: The number of that cohort.
        steps: Environment steps of a seed where rungs do not say.
    """
    return sum(cohort_cost(trials.header.rungs, len(trials.cohort(each)), steps) for each in range(before))


def _start_of(base: Snapshot) -> str:
    """Hash what a search starts from: the config's settings, and the project's code that it uses."""
    return hashlib.sha256(json.dumps(base.training_part(), sort_keys=True).encode()).hexdigest()[:24]


class _Asked:
    """The sampler of a search, whose state follows from what the file holds."""

    def __init__(self, search: Search, trials: Trials, own: Mapping[str, Any]):
        self._search, self._trials, self._own = search, trials, own
        self._space = replace(search.space, tried=[], own=own)
        self._made: Any = None

    def ask(self, number: int, new: Mapping[int, dict[str, Any]]) -> dict[str, Any] | None:
        """Return the settings of a trial; None where there are no more. The first is the config itself.

        Args:
            number: The trial's.
            new: Settings of trials that were asked for just before, and stand in no file yet.
        """
        if number == 0:
            return {}
        if self._search.row.cohort is not None:  # else it learns nothing
            self._space.tried[:] = [*self._known(), *(Tried(settings) for trial, settings in new.items() if trial)]
        settings = self._answer(lambda sampler: sampler.ask(number - 1))
        if settings is None and number > 1:
            return None
        return answered(self._search.row, settings, f"trial {number}")

    def recall(self, number: int) -> None:
        """Have a sampler that remembers asked again for a trial whose settings are known."""
        if number > 0 and self._search.row.remembers:
            self._answer(lambda sampler: sampler.ask(number - 1))

    def tell(self, scores: Mapping[int, float | None]) -> None:
        """Tell what came of trials, in the order of their numbers; of one without a score there is nothing to tell."""
        for number, score in scores.items():
            if number > 0 and score is not None:
                self._answer(partial(_tell, number - 1, score))

    def _known(self) -> Iterator[Tried]:
        for trial in self._trials.trials():
            settings = trial.settings if trial.number else self._own
            failed = trial.state == "failed"
            yield Tried(settings, None if failed else trial.score, trial.seeds, failed)

    def _answer(self, function: Callable[[Any], Any]) -> Any:
        row = self._search.row
        try:
            if self._made is None:
                self._made = row.make(self._space)
            return function(self._made)
        except RlxError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginBroken(f"the sampler {row.name} failed: {raised(error)}") from error


def _tell(number: int, score: float, sampler: Sampler) -> None:
    sampler.tell(number, score)


class _Clock:
    """How long a search has taken, all its sessions together; of this machine, so it lies beside the trials."""

    def __init__(self, path: Path):
        self._path, self._began = path, time.monotonic()
        try:
            self._before = float(json.loads(path.read_text(encoding="utf-8"))["seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            self._before = 0.0

    @property
    def hours(self) -> float:
        """Hours so far."""
        return (self._before + time.monotonic() - self._began) / 3600

    def note(self) -> None:
        """Keep it for the next session."""
        self._path.write_text(json.dumps({"seconds": self.hours * 3600}), encoding="utf-8")
