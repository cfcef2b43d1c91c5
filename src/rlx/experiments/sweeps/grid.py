"""What a sweep tries: ``sweeps/<name>.yaml``, a config, a grid of settings, and how points are chosen from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from rlx.config import Document, as_setting, problems_in, read_document
from rlx.errors import ConfigError, Missing, PluginBroken, Problem, RlxError, UsageError
from rlx.experiments.sweeps.samplers import GRID, RANDOM, SOBOL, TPE, Choices, SamplerRow, answered, sampler
from rlx.experiments.sweeps.search import ONLY_SEARCHES, Search, SearchSection, read_search
from rlx.stats import nearest, raised

MOST_POINTS = 1000


class SweepFile(SearchSection):
    """A file ``sweeps/<name>.yaml``: a grid of experiments, or a search."""

    config: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_\-]*$")]
    """The config that every point changes."""
    num_seeds: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Seeds of each point; by default as many as the config says."""
    grid: Annotated[dict[str, Annotated[list[Any], Field(min_length=1)]], Field(min_length=1)] | None = None
    """Settings, and the values to try of each; every combination is a point."""
    search: Annotated[dict[str, Any], Field(min_length=1)] | None = None
    """Settings, and of each a range, ``{low, high, log, step}``, or ``{choices: [...]}``."""


@dataclass(frozen=True)
class Sweep:
    """A sweep to make.

    Attributes:
        name: Its name; its experiments are ``<name>_001`` and so on.
        config: The config it changes.
        num_seeds: Seeds of each point, if it says so.
        points: What each point sets.
    """

    name: str
    config: str
    num_seeds: int | None
    points: tuple[dict[str, Any], ...]

    def overrides(self, point: dict[str, Any]) -> list[str]:
        """Return a point's settings as people type them after ``-S``."""
        seeds = {} if self.num_seeds is None or "num_seeds" in point else {"num_seeds": self.num_seeds}
        return [as_setting(key, value) for key, value in {**point, **seeds}.items()]


def read_sweep(root: Path, name: str) -> Sweep | Search:
    """Read a sweep.

    Args:
        root: The project.
        name: A file, or the name of one in ``sweeps/``.

    Raises:
        Missing: There is none; the message lists the nearest.
        ConfigError: Something in it is wrong; the message names the line.
    """
    path = _path(root, name)
    shown = str(path.resolve().relative_to(root)) if path.resolve().is_relative_to(root) else str(path)
    document = read_document(path, shown)
    problems = document.problems + problems_in(document, SweepFile)
    if not problems:
        problems = list(_mistakes(document))
    if not path.stem.replace("-", "").replace("_", "").isalnum():
        problems.append(document.problem((), f"its name {path.stem!r} names experiments: use letters, digits, - and _"))
    if problems:
        raise ConfigError(problems)
    content = SweepFile.model_validate(document.data)
    if is_search(document):
        return read_search(root, path.stem, document, content)
    assert content.grid is not None
    try:
        row = sampler(content.sampler or GRID)
    except UsageError as error:
        raise ConfigError([document.problem(("sampler",), str(error), at_value=True)]) from None
    count = math.prod(map(len, content.grid.values()))
    if row.name == GRID and count > MOST_POINTS:
        raise ConfigError([document.problem(("grid",), f"has {count:,} points; at most {MOST_POINTS:,} are tried")])
    return Sweep(path.stem, content.config, content.num_seeds, tuple(_points(row, content.grid)))


def read_grid(root: Path, name: str) -> Sweep:
    """Read a sweep that is a grid of experiments; raises as :func:`read_sweep`, also for one that is a search."""
    found = read_sweep(root, name)
    if isinstance(found, Search):
        raise UsageError(f"{name} is a search, whose trials are no experiments; `rlx ls --sweep {name}` lists them")
    return found


def is_search(document: Document) -> bool:
    """Tell whether a file asks for a search: trials that compete, and no grid of experiments that are all judged."""
    return any(key in document.data for key in ONLY_SEARCHES) or document.data.get("sampler") in (SOBOL, RANDOM, TPE)


def _path(root: Path, name: str) -> Path:
    path = next((path for path in (Path(name), root / "sweeps" / f"{name}.yaml", root / name) if path.is_file()), None)
    if path is not None:
        return path
    if (root / "configs" / f"{name}.yaml").is_file():
        raise Missing(
            f"there is no sweep {name!r} (a file sweeps/{name}.yaml), but a config: say what to try of it, such as "
            f"`rlx sweep {name} algo.gamma=0.98,0.99`"
        )
    known = sorted(each.stem for each in (root / "sweeps").glob("*.yaml"))
    raise Missing(
        f"there is no sweep {name!r} (a file sweeps/{Path(name).stem or 'NAME'}.yaml); {nearest(name, known)}"
    )


def _mistakes(document: Document) -> Iterator[Problem]:
    """Yield what is missing in a file, or stands beside what it cannot stand beside."""
    data = document.data
    if "config" not in data:
        yield document.problem((), "has no config; add a line such as `config: cartpole`")
    if data.get("grid") is None and data.get("search") is None:
        example = "`grid: {algo.learning_rate: [0.001, 0.0003]}`"
        yield document.problem(
            (), f"has no grid; add a line such as {example}, or `search` with ranges (docs/search.md)"
        )
    if data.get("grid") is not None and data.get("search") is not None:
        yield document.problem(("search",), "stands beside `grid`; a list of values in a search is `{choices: [...]}`")
    for key, values in (data.get("grid") or {}).items():
        if len({repr(value) for value in values}) < len(values):
            yield document.problem(("grid", key), "lists a value twice")
        if key in ("seed", "num_seeds"):
            told = "seeds are no setting to compare; `num_seeds: 5` beside the grid trains each point on so many"
            yield document.problem(("grid", key), told)
    if is_search(document) and "num_seeds" in data:
        told = "is for grids of experiments; the trials of a search have `seeds`, such as [1, 2, 4]"
        yield document.problem(("num_seeds",), told)


def _points(row: SamplerRow, choices: Choices) -> Iterator[dict[str, Any]]:
    """Yield what a sampler asks for.

    Raises:
        PluginBroken: It raises something, asks for what is no setting, for nothing, or without end.
    """
    chosen = _answer(row, lambda: row.make(choices))
    for number in range(MOST_POINTS + 1):
        settings = _answer(row, partial(chosen.ask, number))
        if settings is None and number:
            return
        yield answered(row, settings, f"point {number}")
    raise PluginBroken(f"the sampler {row.name} asks for more than {MOST_POINTS:,} points")


def _answer(row: SamplerRow, function: Callable[[], Any]) -> Any:
    try:
        return function()
    except RlxError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginBroken(f"the sampler {row.name} failed: {raised(error)}") from error
