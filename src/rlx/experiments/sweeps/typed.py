"""A grid typed on the command line, in Hydra's grammar: ``algo.learning_rate=0.0001,0.001 env=cartpole,acrobot``."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.config import compose_run
from rlx.errors import ConfigError, Missing, UsageError
from rlx.experiments.sweeps.grid import MOST_POINTS, Sweep
from rlx.stats import nearest

GROUP_KEYS = ("env", "algo")
"""Settings that, without a dot, choose a file of ``configs/<key>/``."""


@dataclass(frozen=True)
class TypedSweep(Sweep):
    """A sweep whose points may name files of groups, as they are typed: ``env: acrobot`` for ``configs/env/acrobot.yaml``.

    Attributes:
        defaults: The setting that says which files the config builds on.
        built_on: Which it builds on by itself.
    """

    defaults: str
    built_on: tuple[Any, ...]

    def overrides(self, point: dict[str, Any]) -> list[str]:
        """Return a point's settings as people type them after ``-S``, the files of its groups among the ``defaults``."""
        groups = {key: value for key, value in point.items() if _is_group(key, value)}
        if not groups:
            return super().overrides(point)
        before = [each for each in self.built_on if not (isinstance(each, dict) and groups.keys() & each.keys())]
        files = {self.defaults: [*before, *({group: name} for group, name in groups.items())]}
        return super().overrides({**files, **{key: value for key, value in point.items() if key not in groups}})


def typed_sweep(root: Path, config: str, settings: Sequence[str], num_seeds: int | None) -> Sweep:
    """Return the grid of a config and settings with several values each.

    Args:
        root: The project.
        config: The config's name.
        settings: ``KEY=VALUE,VALUE,…``; ``range(…)`` and ``choice(…)`` are understood.
        num_seeds: Seeds of each point; by default as many as the config says.

    Raises:
        UsageError: A setting cannot be read so, is a seed, or the name is also a sweep's.
        Missing: There is no such config.
    """
    _check_name(root, config, settings)
    values: dict[str, list[Any]] = {}
    for text in settings:
        key, found = _parsed(text)
        if key in ("seed", "num_seeds"):
            raise UsageError(f"{text}: seeds are no setting to compare; `--seeds N` trains each point on N of them")
        if key in values:
            raise UsageError(f"{text}: {key} is given twice; write all its values in one, separated by commas")
        values[key] = found
    if (count := math.prod(map(len, values.values()))) > MOST_POINTS:
        raise UsageError(
            f"these are {count:,} points; at most {MOST_POINTS:,} are tried: `search` in a sweep's file draws"
        )
    for group, name in ((key, each) for key, found in values.items() for each in found if _is_group(key, each)):
        _check_group(root, group, name)
    own = compose_run(root, config).own
    points = tuple(dict(zip(values, point, strict=True)) for point in itertools.product(*values.values()))
    defaults = f"{own.name}:{'' if ('defaults',) in own.keys else '+'}defaults"
    return TypedSweep(config, config, num_seeds, points, defaults, tuple(own.data.get("defaults", [])))


def _check_name(root: Path, name: str, settings: Sequence[str]) -> None:
    is_config = (root / "configs" / f"{name}.yaml").is_file()
    file = root / "sweeps" / f"{name}.yaml"
    if file.is_file() or Path(name).suffix == ".yaml":
        shown = f"sweeps/{name}.yaml" if file.is_file() else name
        told = f"{name} is a sweep ({shown}), whose settings stand in its file; leave out {settings[0]}"
        also = f", or rename the file to try settings of the config {name}" if is_config else ""
        raise UsageError(f"{told}{also}")
    if not is_config:
        known = sorted(path.stem for path in (root / "configs").glob("*.yaml"))
        raise Missing(f"there is no config {name!r} (a file configs/{name}.yaml); {nearest(name, known)}")


def _parsed(text: str) -> tuple[str, list[Any]]:
    """Return the key and the values of a setting.

    Raises:
        UsageError: It is not KEY=VALUES.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import Glob, IntervalSweep
    from hydra.errors import HydraException

    key, _, value = text.partition("=")
    if not value.strip() or not key.strip() or key.startswith(("+", "~")):
        raise UsageError(f"{text}: must be KEY=VALUES, such as algo.gamma=0.98,0.99")
    try:
        found = OverridesParser.create().parse_override(text)
        if isinstance(found._value, IntervalSweep | Glob):
            raise UsageError(f"{text}: a range is searched, not listed: `search` in a file of sweeps/ (docs/search.md)")
        values = list(found.sweep_iterator()) if found.is_sweep_override() else [found.value()]
    except HydraException:
        told = "cannot be read; write KEY=A,B with a value on each side of a comma, brackets closed, and quotes around what has commas"
        raise UsageError(f"{text}: {told}") from None
    values = [_plain(value) for value in values]
    if len({repr(value) for value in values}) < len(values):
        raise UsageError(f"{text}: lists a value twice")
    return key, values


def _plain(value: Any) -> Any:
    from hydra.core.override_parser.types import QuotedString

    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, str):  # an iterator gives values as they would be typed
        from yaml import YAMLError

        from rlx.config import parse_yaml

        try:
            return parse_yaml(value)
        except (ValueError, YAMLError):
            return value
    return value


def _check_group(root: Path, group: str, name: str) -> None:
    """Refuse a name that no file of a group has.

    Raises:
        ConfigError: There is none; the message lists those that there are.
    """
    known = sorted(path.stem for path in (root / "configs" / group).glob("*.yaml"))
    if name not in known:
        without = f"{group}.{'id' if group == 'env' else 'name'}=… needs none"
        raise ConfigError(
            f"{group}={name}: there is no configs/{group}/{name}.yaml ({without}); {nearest(name, known)}"
        )


def _is_group(key: str, value: Any) -> bool:
    return key in GROUP_KEYS and isinstance(value, str)
