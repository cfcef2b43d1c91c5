"""What a sweep tries: ``sweeps/<name>.yaml``, a config and a grid of settings."""

from __future__ import annotations

import difflib
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from rlx.config import Section, as_setting, problems_in, read_document
from rlx.errors import ConfigError, Missing

MOST_POINTS = 1000


class SweepFile(Section):
    """A file ``sweeps/<name>.yaml``."""

    config: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_\-]*$")]
    """The config that every point changes."""
    num_seeds: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Seeds of each point; by default as many as the config says."""
    grid: Annotated[dict[str, Annotated[list[Any], Field(min_length=1)]], Field(min_length=1)]
    """Settings, and the values to try of each; every combination is a point."""


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


def read_sweep(root: Path, name: str) -> Sweep:
    """Read a sweep.

    Args:
        root: The project.
        name: A file, or the name of one in ``sweeps/``.

    Raises:
        Missing: There is none; the message lists the nearest.
        ConfigError: Something in it is wrong; the message names the line.
    """
    path = next((path for path in (Path(name), root / "sweeps" / f"{name}.yaml", root / name) if path.is_file()), None)
    if path is None:
        known = sorted(each.stem for each in (root / "sweeps").glob("*.yaml"))
        guess = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {guess[0]}?" if guess else f"there are: {', '.join(known) or 'none'}"
        raise Missing(f"there is no sweep {name!r} (a file sweeps/{Path(name).stem or 'NAME'}.yaml); {hint}")
    shown = str(path.resolve().relative_to(root)) if path.resolve().is_relative_to(root) else str(path)
    document = read_document(path, shown)
    problems = document.problems + problems_in(document, SweepFile)
    for key, example in (("config", "cartpole"), ("grid", "{algo.learning_rate: [0.001, 0.0003]}")):
        if not problems and key not in document.data:
            problems.append(document.problem((), f"has no {key}; add a line such as `{key}: {example}`"))
    for key, values in (document.data.get("grid") or {}).items() if not problems else ():
        if len({repr(value) for value in values}) < len(values):
            problems.append(document.problem(("grid", key), "lists a value twice"))
    if not path.stem.replace("-", "").replace("_", "").isalnum():
        problems.append(document.problem((), f"its name {path.stem!r} names experiments: use letters, digits, - and _"))
    if problems:
        raise ConfigError(problems)
    content = SweepFile.model_validate(document.data)
    points = [dict(zip(content.grid, values, strict=True)) for values in itertools.product(*content.grid.values())]
    if len(points) > MOST_POINTS:
        raise ConfigError(
            [document.problem(("grid",), f"has {len(points):,} points; at most {MOST_POINTS:,} are tried")]
        )
    return Sweep(path.stem, content.config, content.num_seeds, tuple(points))
