"""A search as its file says it: a config, a space of settings, who proposes, and how seeds are spent on proposals."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from rlx.comparison import flatten
from rlx.config import Count, Document, Positive, RunConfig, Schedule, Section, compose_run, look_for_algorithm
from rlx.errors import ConfigError, UsageError
from rlx.experiments.sweeps.halving import Rung
from rlx.experiments.sweeps.samplers import GRID, TPE, GridSampler, SamplerRow, sampler
from rlx.experiments.sweeps.search_space import SpaceReader
from rlx.experiments.sweeps.space import ALGORITHM, Range, Space

MOST_TRIALS = 10_000
SEEDS = (1, 2, 4)
"""Seeds of a trial, rung by rung: the better half of the first goes on to the second, and so on."""
SELECTION, FRESH = 1_000_000, 2_000_000
"""The first training seeds of trials, and of confirmation: far from those that runs have, and from each other."""
APART = 1_000
"""Seeds that each search has of its own, more than any may spend on one trial; and how many such blocks there are."""
EXPLORES = "exploration_fraction"
"""The setting of an algorithm whose exploration ends after that share of the budget."""
ONLY_SEARCHES = ("search", "trials", "budget", "seeds", "steps", "cohort", "parallel", "seed", "confirm")
"""Keys by which a file is a search and no grid of experiments."""


def _one_or_several(value: Any) -> Any:
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else value


Rungs = Annotated[list[Positive], Field(min_length=1, max_length=20), BeforeValidator(_one_or_several)]


class BudgetSection(Section):
    """What a search may take: whichever is used up first ends it."""

    steps: Positive | None = None
    """Environment steps of all trials together; confirmation comes on top."""
    hours: Annotated[float, Field(gt=0)] | None = None
    """Hours; no cohort begins after that, so there are cohorts whoever proposes. How many trials there are then depends on the
    machine, which they are does not."""


class ConfirmSection(Section):
    """How what was found is confirmed, by held-out episodes of new trainings beside the config itself."""

    top: Annotated[Count, Field(ge=0, le=20)] = 1
    """How many of the best trials are confirmed; 0: none, the search ends with scores that flatter."""
    seeds: Annotated[Positive, Field(le=APART)] | None = None
    """Fresh seeds of each; by default as many as the config has."""


class SearchSection(Section):
    """What a file ``sweeps/<name>.yaml`` says of a search, beside `config` and the settings."""

    trials: Annotated[Positive, Field(le=MOST_TRIALS)] | None = None
    """How many settings are tried, the config's own among them."""
    budget: BudgetSection = BudgetSection()
    """What it may take, instead of `trials` or with it."""
    sampler: str | None = None
    """Who proposes: `tpe`, `sobol`, `random`, `grid`, or what an installed package adds."""
    seeds: Rungs | None = None
    """Training seeds of a trial: a number, or one for each rung, of which the better half of a cohort reaches the next."""
    steps: Rungs | None = None
    """Environment steps of a trial at each rung, where no schedule spans the budget; by default the config's, at all."""
    cohort: Annotated[Positive, Field(le=MOST_TRIALS)] | None = None
    """How many trials compete with each other, rung by rung, before the sampler learns what came of them."""
    parallel: Annotated[Positive, Field(le=1024)] | None = None
    """How many trials are proposed before the first of them is told; by default a cohort. It changes what is proposed;
    `--jobs` does not."""
    seed: Annotated[Count, Field(ge=0, lt=1000)] = 0
    """What the search's own chance is drawn from, the trials' selection seeds with it. No training seed."""
    confirm: ConfirmSection = ConfirmSection()
    """How what was found is confirmed."""


@dataclass(frozen=True)
class Search:
    """A search to make.

    Attributes:
        name: Its name.
        config: The config it starts from.
        space: What may be set.
        row: Who proposes.
        rungs: How seeds (and steps) are spent on a trial.
        trials: How many trials at most; None: as many as the budget has room for.
        cohort: How many compete; None: all.
        parallel: How many are proposed at once.
        seed: Of its own chance.
        budget: What it may take.
        confirm: How it ends.
        identity: A hash of everything that decides which trials there are.
        said: The settings as the file says them.
    """

    name: str
    config: str
    space: Space
    row: SamplerRow
    rungs: tuple[Rung, ...]
    trials: int | None
    cohort: int | None
    parallel: int | None
    seed: int
    budget: BudgetSection
    confirm: ConfirmSection
    identity: str
    said: Mapping[str, Any]

    def selection_seeds(self, start: str) -> range:
        """Return the training seeds of its trials.

        They follow from the search's name, its `seed`, and what it starts from: where a winner becomes the config, the next search
        selects and confirms on seeds that it has not won on. Of two searches one pair in a thousand has the same.

        Args:
            start: The hash of what it starts from (:attr:`rlx.experiments.Header.start`).
        """
        first = SELECTION + self._block(start)
        return range(first, first + self.rungs[-1].seeds)

    def fresh_seed(self, start: str) -> int:
        """Return the first training seed of confirmation; see :meth:`selection_seeds`."""
        return FRESH + self._block(start)

    def _block(self, start: str) -> int:
        own = int(hashlib.sha256(f"{self.name} {start}".encode()).hexdigest(), 16)
        return APART * ((own + self.seed) % APART)


def read_search(root: Path, name: str, document: Document, content: SearchSection) -> Search:
    """Return the search that a file asks for.

    Args:
        root: The project.
        name: Its name.
        document: The file, whose keys and types are fine.
        content: What it says.

    Raises:
        ConfigError: It cannot be made; the message names the line and the cure.
    """
    composed = compose_run(root, str(document.data["config"]))
    reader = SpaceReader(root, document, composed.config)
    space, problems = reader.space(content.seed), reader.problems
    row = _row(document, content, is_grid="search" not in document.data)
    if not problems and row.name == GRID:
        problems += reader.uncountable()
    rungs = _rungs(document, content, problems)
    if not problems:
        _check_steps(document, content, composed.config, space, problems)
        _check_size(document, content, row, problems)
    if problems:
        raise ConfigError(sorted(problems, key=lambda each: (each.line or 0, each.column or 0)))
    most = min(content.trials or MOST_TRIALS, _most(row, replace(space, own=own_values(space, composed.config))))
    bounded = content.trials is not None or row.name == GRID
    at_once = bounded and content.budget.hours is None
    cohort = content.cohort or row.cohort or (None if at_once else sampler(TPE).cohort)
    return Search(
        name=name,
        config=composed.own.name.rpartition("/")[2].removesuffix(".yaml"),
        space=space,
        row=row,
        rungs=rungs,
        trials=most if bounded else None,
        cohort=cohort,
        parallel=content.parallel,
        seed=content.seed,
        budget=content.budget,
        confirm=content.confirm,
        identity=_identity(document.data, content, cohort, row.name),
        said=document.data.get("search") or document.data["grid"],
    )


def _row(document: Document, content: SearchSection, *, is_grid: bool) -> SamplerRow:
    name = content.sampler or (GRID if is_grid else TPE)
    try:
        row = sampler(name)
        row.check_needs()
    except (UsageError, ConfigError) as error:
        path = ("sampler",) if content.sampler else ("search",)
        raise ConfigError([document.problem(path, str(error), at_value=bool(content.sampler))]) from None
    return row


def _rungs(document: Document, content: SearchSection, problems: list[Any]) -> tuple[Rung, ...]:
    seeds, steps = list(content.seeds or ([1] if content.steps else SEEDS)), list(content.steps or [])
    if steps and len(seeds) == 1:
        seeds *= len(steps)
    if steps and len(steps) == 1:
        steps *= len(seeds)
    if steps and len(steps) != len(seeds):
        told = f"has {len(steps)} rungs, and seeds has {len(seeds)}; give each as many numbers, or one for all"
        problems.append(document.problem(("steps",), told))
        return ()
    if max(seeds) > APART:
        problems.append(document.problem(("seeds",), f"a trial has at most {APART:,} seeds"))
    for key, values in (("seeds", seeds), ("steps", steps)):
        if any(second < first for first, second in itertools.pairwise(values)):
            problems.append(document.problem((key,), f"must rise from rung to rung, such as {sorted(set(values))}"))
    rungs = tuple(Rung(count, steps[index] if steps else None) for index, count in enumerate(seeds))
    if len(set(rungs)) < len(rungs):
        told = "has two rungs that are the same; what goes on must be trained further"
        problems.append(document.problem(("seeds",) if content.seeds else ("steps",), told))
    return rungs


def _check_steps(document: Document, content: SearchSection, config: Any, space: Space, problems: list[Any]) -> None:
    """Refuse rungs of steps where settings move over the whole budget: a shorter training is another one then."""
    if not content.steps:
        return
    last = content.steps[-1]
    if last != config.algo.total_timesteps:
        told = f"must end with the config's own budget, algo.total_timesteps {config.algo.total_timesteps}"
        problems.append(document.problem(("steps",), f"{told}, not {last}", at_value=True))
    if spanning := [*_schedules(config), *_schedules_of(space)]:
        told = f"{spanning[0]} moves over the whole budget, so a shorter training is no beginning of a longer one"
        problems.append(document.problem(("steps",), f"{told}; spend seeds instead: `seeds: {list(SEEDS)}`"))


def _schedules(config: Any) -> list[str]:
    """Return the settings of an algorithm that move over the budget."""
    names = type(config.algo).model_fields
    return [f"algo.{name}" for name in names if isinstance(getattr(config.algo, name), Schedule) or name == EXPLORES]


def _schedules_of(space: Space) -> list[str]:
    """Return the settings of a space that move over the budget, for some of their values."""
    found = [key for key in space if key == f"algo.{EXPLORES}"]
    for key, domain in space.items():
        choices = [] if isinstance(domain, Range) else domain
        if key == ALGORITHM:
            models = {name: look_for_algorithm(None, name) for name in choices}
            found += [
                f"{name}'s exploration" for name, model in models.items() if model and EXPLORES in model.model_fields
            ]
        found += [f"{key}: {value}" for value in choices if str(value).startswith("lin_")]  # the one schedule in a word
    return found


def _check_size(document: Document, content: SearchSection, row: SamplerRow, problems: list[Any]) -> None:
    if content.trials is None and row.name != GRID and content.budget == BudgetSection():
        told = "has no end; add a line such as `trials: 40`, or `budget: {steps: 2000000}`"
        problems.append(document.problem((), told))
    if content.parallel and content.cohort and content.parallel > content.cohort:
        told = f"is at most the cohort, {content.cohort}: more are never proposed at once"
        problems.append(document.problem(("parallel",), told, at_value=True))


def own_values(space: Space, config: RunConfig) -> dict[str, Any]:
    """Return what a config itself says of the settings of a space, those that apply to its algorithm."""
    said = flatten(config.model_dump())
    return space.fitting({key: said[key] for key in space if key in said})


def _most(row: SamplerRow, space: Space) -> int:
    """Return how many trials there can be: the config's own, and of a grid each of its points."""
    if row.name != GRID:
        return MOST_TRIALS
    grid, count = GridSampler(space), 0
    while grid.ask(count) is not None:
        count += 1
    return count + 1


def _identity(data: Mapping[str, Any], content: SearchSection, cohort: int | None, name: str) -> str:
    """Hash what decides which trials there are: not how many, where cohorts are of one size whatever their number."""
    facts = {key: data.get(key) for key in ("config", "search", "grid")}
    facts |= content.model_dump(exclude={"confirm", "budget", "trials"}) | {"sampler": name, "cohort": cohort}
    if cohort is None:
        facts["trials"] = content.trials
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=repr).encode()).hexdigest()[:24]


def shown_cost(search: Search, steps: int, trials: int) -> int:
    """Return the environment steps that a number of trials takes, all rungs of all cohorts, where each seed takes ``steps``.

    Args:
        search: The search.
        steps: Environment steps of a seed, where its rungs do not say.
        trials: How many.
    """
    size = search.cohort or trials
    full, rest = divmod(trials, size)
    return full * cohort_cost(search.rungs, size, steps) + cohort_cost(search.rungs, rest, steps)


def cohort_cost(rungs: tuple[Rung, ...], size: int, steps: int) -> int:
    """Return the environment steps of a cohort, whose better half reaches each next rung.

    Seeds that a rung shares with the one before it are not trained again, unless it asks for more steps.
    """
    total, before = 0, Rung(0, None)
    for rung in rungs:
        new = rung.seeds - before.seeds if rung.steps == before.steps or not before.seeds else rung.seeds
        total += size * new * (rung.steps or steps)
        before, size = rung, math.ceil(size / 2)
    return total
