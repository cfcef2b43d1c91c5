"""The sinks that can be chosen by name: rlx's own, and those that installed packages add."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rlx.config import Parameters, Plugin, parameters_problem, plugins, read_parameters
from rlx.errors import ConfigError, PluginBroken
from rlx.records.sinks.sink import Sink
from rlx.stats import nearest, raised

GROUP = "rlx.sinks"
"""The entry points: each names something that makes a sink when it is called with the options of ``log.sinks``."""


@dataclass(frozen=True)
class SinkKind:
    """A kind of sink.

    Attributes:
        name: What it is called in ``log.sinks``.
        what: What it is, in a few words.
        made: Where what makes it is found: ``module:name``.
        needs: A module that it cannot do without.
        extra: The extra of rlx that installs that.
    """

    name: str
    what: str
    made: str
    needs: str = ""
    extra: str = ""

    def load(self) -> Callable[..., Sink]:
        """Import what makes it.

        Raises:
            PluginBroken: What it needs is not installed; the message says how to install it.
        """
        if self.needs and importlib.util.find_spec(self.needs) is None:
            raise PluginBroken(
                f"{self.name} needs {self.needs}, which is not installed; `pip install 'rlx[{self.extra}]'`, "
                f"or leave it out"
            )
        module, _, name = self.made.partition(":")
        made: Callable[..., Sink] = getattr(importlib.import_module(module), name)
        return made


OWN = (SinkKind("tensorboard", "event files for TensorBoard", "rlx.records.sinks.tensorboard:TensorBoard"),)


def sink_makers(chosen: Sequence[Any]) -> dict[str, Callable[[], Sink]]:
    """Return what makes a sink, by name, for each of those chosen.

    Args:
        chosen: As in ``log.sinks``: ``name`` or ``{name: {option: value}}``.

    Raises:
        ConfigError: One is unknown, or does not take its options; the message says which.
        PluginBroken: One is not installed, or broken.
    """
    return {name: _maker(name, options) for name, options in map(_named, chosen)}


def chosen_sinks(root: Path) -> dict[str, Callable[[], Sink]]:
    """Return the sinks that a project's ``params.yaml`` chooses (without one: the default); see :func:`sink_makers`.

    Raises:
        ConfigError, PluginBroken: As :func:`sink_makers`, with the line; or ``params.yaml`` cannot be read.
    """
    if not (root / "params.yaml").is_file():
        return sink_makers(Parameters().log.sinks)
    found: dict[str, Callable[[], Sink]] = {}
    problems = []
    for index, item in enumerate(read_parameters(root).log.sinks):
        try:
            found |= sink_makers([item])
        except (ConfigError, PluginBroken) as error:
            placed = replace(parameters_problem(root, ("log", "sinks", index), str(error)), key="log.sinks")
            if isinstance(error, PluginBroken):
                raise PluginBroken(str(ConfigError([placed]))) from None
            problems.append(placed)
    if problems:
        raise ConfigError(problems)
    return found


def _named(item: Any) -> tuple[str, Mapping[str, Any]]:
    return next(iter(item.items())) if isinstance(item, Mapping) else (item, {})


def _maker(name: str, options: Mapping[str, Any]) -> Callable[[], Sink]:
    own = {kind.name: kind for kind in OWN}
    kinds: dict[str, SinkKind | Plugin] = {**plugins(GROUP), **own}
    if name not in kinds:
        known = ", ".join(f"{each} ({_what(kind)})" for each, kind in sorted(kinds.items()))
        raise ConfigError(f"there is no sink {name!r}; {nearest(name, kinds, f'there are: {known}')}")
    try:
        make: Callable[[], Sink] = partial(kinds[name].load(), **options)
        make()
    except PluginBroken:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 — a sink is anybody's code
        given = f" with {', '.join(options)}" if options else ""
        raise ConfigError(f"{name} cannot be made{given}: {raised(error)}") from None
    return make


def _what(kind: SinkKind | Plugin) -> str:
    return kind.what if isinstance(kind, SinkKind) else f"of {kind.package}"
