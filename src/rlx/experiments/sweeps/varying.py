"""What a trial trains: the config with some settings changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rlx.config import Document, Parameters, Snapshot, as_setting, for_algorithm, inconsistencies, problems_in
from rlx.errors import ConfigError, Problem, RlxError
from rlx.experiments.environment_misfits import misfits
from rlx.experiments.planning import Plan, plan
from rlx.experiments.sweeps.space import ALGORITHM


@dataclass(frozen=True)
class Variations:
    """The config of a search, as it was when that began, and what it becomes with other settings.

    Planning an experiment reads and merges files, which takes a third of a second. Where only the algorithm's own settings
    change, what the files said before is enough: the result is the same, checked by the same rules.

    Attributes:
        root: The project as it was then.
        base: The config itself.
    """

    root: Path
    base: Plan
    _known: dict[str, Snapshot] = field(default_factory=dict)

    def snapshot(self, settings: Mapping[str, Any]) -> Snapshot:
        """Return the effective configuration with settings changed.

        Raises:
            ConfigError: They do not fit together, or the environment; the message says which.
        """
        if not settings:
            return self.base.snapshot
        paths = [tuple(key.split(".")) for key in settings]
        if ALGORITHM in settings or any(path[0] != "algo" or len(path) > 2 for path in paths):
            return plan(self.root, self.base.run, [as_setting(key, value) for key, value in settings.items()]).snapshot
        return self._varied({path[1]: value for path, value in zip(paths, settings.values(), strict=True)})

    def _varied(self, values: Mapping[str, Any]) -> Snapshot:
        before = self.base.snapshot
        algo = {**before.config.algo.model_dump(), **values}
        document = Document(f"configs/{self.base.run}.yaml", {"algo": algo})
        model = for_algorithm(Parameters, type(before.config.algo))
        if problems := problems_in(document, model):
            raise ConfigError([Problem(document.name, None, None, each.key, each.message) for each in problems])
        try:
            config = before.config.model_copy(update={"algo": type(before.config.algo).model_validate(algo)})
        except ValidationError as error:
            raise ConfigError(f"{document.name}: its parts do not fit together: {error}") from None
        found = [*inconsistencies(config), *misfits(config, self.base.resolved.facts)]
        if found:
            told = [(".".join(map(str, path)), message) for path, message in found]
            raise ConfigError([Problem(document.name, None, None, key, message) for key, message in told])
        return replace(before, config=config)


def with_steps(snapshot: Snapshot, steps: int | None) -> Snapshot:
    """Return a configuration with another budget; None leaves it."""
    if steps is None:
        return snapshot
    algo = snapshot.config.algo.model_copy(update={"total_timesteps": steps})
    return replace(snapshot, config=snapshot.config.model_copy(update={"algo": algo}))


def refusal(error: RlxError) -> str:
    """Return why a trial's settings were refused, in a line."""
    return " ".join(str(error).split())[:300]
