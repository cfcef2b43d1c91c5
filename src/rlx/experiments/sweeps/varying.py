"""What a trial trains: the config with some settings changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlx.config import (
    Document,
    Parameters,
    Snapshot,
    as_setting,
    for_algorithm,
    inconsistencies,
    own_settings,
    problems_in,
    recorded_snapshot,
)
from rlx.errors import ConfigError, RlxError, TrainingFailed
from rlx.experiments.environment_misfits import misfits
from rlx.experiments.planning import plan
from rlx.experiments.sweeps.space import ALGORITHM
from rlx.launch import Failure, run_alone
from rlx.records import EnvironmentFacts


@dataclass(frozen=True)
class Variations:
    """The config of a search, as it was when that began, and what it becomes with other settings.

    Planning an experiment reads and merges files and imports the project's code, which takes a third of a second, and happens in
    a process of its own: the code of the clone must not meet the project's in this one. Where only settings of one of rlx's own
    algorithms change, what the files said before is enough: the result is the same, checked by the same rules.

    Attributes:
        root: The project as it was then.
        run: The config's name.
        base: The config itself.
        facts: What the check of its environment found.
    """

    root: Path
    run: str
    base: Snapshot
    facts: EnvironmentFacts

    @classmethod
    def of(cls, root: Path, run: str) -> Variations:
        """Plan the config itself.

        Raises:
            ConfigError: It is refused, as :func:`plan` refuses it.
        """
        text, facts = _apart(root, run, [()])[0]
        if facts is None:
            raise ConfigError(text)
        return cls(root, run, _recorded(text), facts)

    def snapshots(self, settings: Sequence[Mapping[str, Any]]) -> list[Snapshot | str]:
        """Return the effective configuration with each of several settings changed, or why it is refused."""
        found: list[Snapshot | str | None] = [self._varied(each) for each in settings]
        apart = [index for index, each in enumerate(found) if each is None]
        typed = [tuple(as_setting(key, value) for key, value in settings[index].items()) for index in apart]
        planned = _apart(self.root, self.run, typed) if typed else []
        for index, (text, facts) in zip(apart, planned, strict=True):
            found[index] = _recorded(text) if facts is not None else _line(text)
        return [each for each in found if each is not None]

    def _varied(self, settings: Mapping[str, Any]) -> Snapshot | str | None:
        """Return a configuration, or why it is refused; None where that takes more than what was read before."""
        before = self.base
        if not settings:
            return before
        paths = [tuple(key.split(".")) for key in settings]
        is_own = own_settings(before.config.algo.name) is not None
        if not is_own or ALGORITHM in settings or any(path[0] != "algo" or len(path) > 2 for path in paths):
            return None
        values = {path[1]: value for path, value in zip(paths, settings.values(), strict=True)}
        algo = {**before.config.algo.model_dump(), **values}
        document = Document(f"configs/{self.run}.yaml", {"algo": algo})
        model = type(before.config.algo)
        found = [(each.key, each.message) for each in problems_in(document, for_algorithm(Parameters, model))]
        if not found:
            config = before.config.model_copy(update={"algo": model.model_validate(algo)})
            told = [*inconsistencies(config), *misfits(config, self.facts)]
            found = [(".".join(map(str, path)), message) for path, message in told]
            if not found:
                return replace(before, config=config)
        return _line("; ".join(f"{key}: {message}" for key, message in found))


def _apart(root: Path, run: str, overrides: Sequence[tuple[str, ...]]) -> list[tuple[str, EnvironmentFacts | None]]:
    """Plan a run with overrides in a process of its own; return each snapshot's text and facts, or why it is refused.

    Raises:
        TrainingFailed: That process died.
    """
    found = run_alone(plan_each, (root, run, list(overrides)))
    if isinstance(found, Failure):
        raise TrainingFailed(f"planning {run}: {found.message}")
    planned: list[tuple[str, EnvironmentFacts | None]] = found
    return planned


def plan_each(
    root: Path, run: str, overrides: Sequence[tuple[str, ...]], _: Callable[[Any], None]
) -> list[tuple[str, EnvironmentFacts | None]]:
    """Plan a run with each of several overrides, in a process of its own; see :func:`_apart`."""
    found: list[tuple[str, EnvironmentFacts | None]] = []
    for each in overrides:
        try:
            planned = plan(root, run, each)
            found.append((planned.snapshot.to_yaml(), planned.resolved.facts))
        except RlxError as error:
            found.append((str(error), None))
    return found


def _recorded(text: str) -> Snapshot:
    return recorded_snapshot(text, "a trial's snapshot", "start the search again")


def _line(text: str) -> str:
    return " ".join(text.split())[:300]


def with_steps(snapshot: Snapshot, steps: int | None) -> Snapshot:
    """Return a configuration with another budget; None leaves it."""
    if steps is None:
        return snapshot
    algo = snapshot.config.algo.model_copy(update={"total_timesteps": steps})
    return replace(snapshot, config=snapshot.config.model_copy(update={"algo": algo}))
