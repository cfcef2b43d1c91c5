"""What a file says of the settings to search, checked against what each algorithm has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rlx.config import (
    Document,
    KeyPath,
    Parameters,
    RunConfig,
    field_of,
    for_algorithm,
    look_for_algorithm,
    owners_of,
    problems_in,
    section_type,
    told_owners,
    unknown_algorithm,
)
from rlx.errors import Problem
from rlx.experiments.sweeps.domains import Mistake, read_domain
from rlx.experiments.sweeps.space import ALGORITHM, Domain, Range, Space
from rlx.stats import nearest

NO_SEARCH = {
    "seed": "a training seed is no setting: what suits one seed is luck; the file's `seeds:` says how many",
    "num_seeds": "how many seeds a trial has says the file's `seeds:`",
    "algo.total_timesteps": "trials are compared at one budget; set it in the config, or spend it in rungs with `steps:`",
    "run_name": "a title changes nothing",
    "device": "where a training runs changes nothing that can be searched",
    "portable": "it changes no result that can be searched",
}
"""Settings that no search may change, and why."""
NO_SECTION = {
    "eval": "validation is what trials are compared by, so it is the same for all",
    "checkpoint": "it does not change what is learned",
    "study": "it changes no training",
    "final_eval": "it changes no training",
    "compare": "it changes no training",
    "video": "it changes no training",
    "log": "it changes no training",
    "launch": "it changes no training",
    "engine": "it is the version of rlx",
}
INNER = 0.37
"""A share of a range: what lies there shows whether a setting takes any number between its bounds."""
SCORED_ON = ("env.id", "env.kwargs", "env.wrappers")
"""What makes two trials' returns incomparable."""


class SpaceReader:
    """Reads ``search`` or ``grid`` of a file; what is wrong is gathered, each with its line."""

    def __init__(self, root: Path, document: Document, config: RunConfig):
        self._root, self._document, self._config = root, document, config
        self._section = "search" if "search" in document.data else "grid"
        self.problems: list[Problem] = []
        self._models: dict[str, type[Parameters]] = {}
        self._domains: dict[str, Domain] = {}

    def space(self, seed: int) -> Space:
        """Return the space.

        Args:
            seed: What chance is drawn from.
        """
        said: Mapping[str, Any] = self._document.data[self._section]
        names = self._algorithms(said.get(ALGORITHM))
        only: dict[str, frozenset[str]] = {}
        for key, value in said.items():
            domain = self._domain(key, value)
            owners = self._owners(key, value, names)
            if domain is None or not owners:
                continue
            target = f"{key}.type" if key == "policy" else key
            self._domains[target] = domain
            self._check_values(key, target, domain, owners[0])
            if len(owners) < len(names):
                only[target] = frozenset(owners)
        return Space(self._domains, only, self._config.algo.name, seed)

    def uncountable(self) -> list[Problem]:
        """Return what a grid cannot list: ranges of any number."""
        told = "is a range of any number, and a grid needs its values: add `step`, or list them as `choices: [...]`"
        ranges = {key: domain for key, domain in self._domains.items() if isinstance(domain, Range)}
        return [self._problem((key,), told) for key, domain in ranges.items() if domain.values is None]

    def _algorithms(self, said: Any) -> list[str]:
        """Return the algorithms that trials may have, those that are known."""
        choices = said.get("choices") if isinstance(said, Mapping) else said
        names = choices if isinstance(choices, list) else [self._config.algo.name]
        found = []
        for index, name in enumerate(names):
            settings = look_for_algorithm(self._root, name) if isinstance(name, str) else None
            if settings is None:
                inner = ("choices", index) if isinstance(said, Mapping) else (index,)
                self._tell((ALGORITHM, *inner), unknown_algorithm(name), at_value=True)
            else:
                found.append(name)
                self._models[name] = for_algorithm(Parameters, settings)
        return found

    def _owners(self, key: str, value: Any, names: list[str]) -> list[str]:
        """Return those algorithms that have a setting and are meant, after telling what is wrong with it."""
        path = tuple(key.split("."))
        if told := _not_searched(key):
            self._tell((key,), told)
            return []
        owners = [name for name in names if _has(self._models[name], path)]
        if not owners and names:
            self._tell((key,), self._unknown(path, names))
        meant = self._meant(key, value, names)
        return [name for name in owners if name in meant]

    def _meant(self, key: str, value: Any, names: list[str]) -> list[str]:
        """Return the algorithms that ``when: {algo.name: …}`` means; without it, all."""
        when = value.get("when") if isinstance(value, Mapping) else None
        if when is None:
            return names
        wanted = when.get(ALGORITHM) if isinstance(when, Mapping) and set(when) == {ALGORITHM} else None
        wanted = [wanted] if isinstance(wanted, str) else wanted
        if not isinstance(wanted, list) or not wanted:
            self._tell((key, "when"), f"must be such as {{{ALGORITHM}: sac}}: settings depend on the algorithm alone")
            return names
        for name in wanted:
            if name not in names:
                self._tell((key, "when"), f"{name!r} is no algorithm of this search, which has: {', '.join(names)}")
        return [name for name in names if name in wanted]

    def _unknown(self, path: tuple[str, ...], names: list[str]) -> str:
        if path[0] == "algo" and len(path) > 1 and (others := owners_of(path[1])):
            return f"is a setting of {told_owners(others)}, not of {', '.join(names)}; leave it out, or choose that algorithm"
        model = self._models[names[0]]
        known = [
            f"{name}.{inner}" if section else name
            for name, field in model.model_fields.items()
            for section in [section_type(field.annotation)]
            for inner in (section.model_fields if section else [""])
        ]
        return f"there is no setting of that name; {nearest('.'.join(path), known, 'docs/configuration.md lists them')}"

    def _domain(self, key: str, value: Any) -> Domain | None:
        try:
            return value if self._section == "grid" and isinstance(value, list) else read_domain(value)
        except Mistake as mistake:
            self._tell((key, *mistake.path), str(mistake), at_value=mistake.at_value)
            return None

    def _check_values(self, key: str, target: str, domain: Domain, name: str) -> None:
        """Tell which of a setting's values are refused by its algorithm, by type or range."""
        for inner, value in _said(domain, grid=self._section == "grid"):
            content: Any = {"name": name, target.rpartition(".")[2]: value} if target.startswith("algo.") else value
            for part in reversed(target.split(".")[: 1 if target.startswith("algo.") else None]):
                content = {part: content}
            if target == ALGORITHM:
                continue
            for found in problems_in(Document(self._document.name, content), self._models[name])[:1]:
                self._tell((key, *inner), found.message, at_value=True)

    def _tell(self, path: KeyPath, message: str, *, at_value: bool = False) -> None:
        self.problems.append(self._problem(path, message, at_value=at_value))

    def _problem(self, path: KeyPath, message: str, *, at_value: bool = False) -> Problem:
        return self._document.problem((self._section, *path), message, at_value=at_value)


def _said(domain: Domain, *, grid: bool) -> Iterator[tuple[KeyPath, Any]]:
    """Yield the values that a file names, each with where it stands in its setting."""
    if isinstance(domain, Range):
        yield from ((("low",), domain.low), (("high",), domain.high), ((), domain.at(INNER)))
        return
    for index, value in enumerate(domain):
        yield ((index,) if grid else ("choices", index)), value


def _has(model: type[Parameters], path: tuple[str, ...]) -> bool:
    if path == ("policy",):
        return True
    _, info = field_of(model, path)
    return info is not None and (len(path) > 1 or section_type(info.annotation) is None)


def _not_searched(key: str) -> str | None:
    """Return why a setting cannot be searched; None of one that can."""
    if key in NO_SEARCH:
        return NO_SEARCH[key]
    if any(f"{key}.".startswith(f"{each}.") for each in SCORED_ON):
        return "trials would be scored on different tasks; a `grid` of experiments (without `seeds`) shows them beside each other"
    return NO_SECTION.get(key.partition(".")[0])
