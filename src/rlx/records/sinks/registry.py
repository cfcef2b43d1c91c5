"""The sinks that can be chosen by name: rlx's own, and those that installed packages add."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rlx.config import Parameters, Plugin, parameters_problem, plugins, read_parameters
from rlx.errors import ConfigError, PluginBroken, Problem, RlxError
from rlx.records.sinks.options import (
    MlflowOptions,
    TrackerOptions,
    TrackioOptions,
    WandbOptions,
    option_mistakes,
)
from rlx.records.sinks.place import trackers_folder
from rlx.records.sinks.sink import Sink
from rlx.stats import nearest, raised

GROUP = "rlx.sinks"
"""The entry points: each names something that makes a sink when it is called with the options of ``log``."""


@dataclass(frozen=True)
class SinkKind:
    """A kind of sink.

    Attributes:
        name: What it is called in ``log``.
        what: What it is, in a few words.
        made: Where what makes it is found: ``module:name``.
        needs: A module that it cannot do without.
        extra: The extra of rlx that installs that.
        options: What may be said of it; None: what it is called with. One with options is called with them and the folder of
            the trackers.
        variable: The environment variable that holds its key; empty where it has none.
    """

    name: str
    what: str
    made: str
    needs: str = ""
    extra: str = ""
    options: type[TrackerOptions] | None = None
    variable: str = ""

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


OWN = (
    SinkKind("tensorboard", "event files for TensorBoard", "rlx.records.sinks.tensorboard:TensorBoard"),
    SinkKind(
        "wandb",
        "Weights & Biases, offline unless it says otherwise",
        "rlx.records.sinks.wandb:Wandb",
        needs="wandb",
        extra="wandb",
        options=WandbOptions,
        variable="WANDB_API_KEY",
    ),
    SinkKind(
        "mlflow",
        "MLflow, in the project or on a server",
        "rlx.records.sinks.mlflow:Mlflow",
        needs="mlflow",
        extra="mlflow",
        options=MlflowOptions,
        variable="MLFLOW_TRACKING_TOKEN",
    ),
    SinkKind(
        "trackio",
        "Trackio, in the project",
        "rlx.records.sinks.trackio:Trackio",
        needs="trackio",
        extra="trackio",
        options=TrackioOptions,
    ),
)
OWN_SINKS = tuple(kind.name for kind in OWN)
"""The names of rlx's own, which no package may take."""


def sink_makers(chosen: Sequence[Any], root: Path | None = None) -> dict[str, Callable[[], Sink]]:
    """Return what makes a sink, by name, for each of those chosen.

    Args:
        chosen: As in ``log``: ``name`` or ``{name: {option: value}}``.
        root: The project; by default the current folder.

    Raises:
        ConfigError: One is unknown, or does not take its options; the message says which.
        PluginBroken: One is not installed, or broken.
    """
    folder = trackers_folder(root or Path.cwd())
    return {name: _chosen(name, options, folder) for name, options in map(_named, chosen)}


def chosen_sinks(root: Path) -> dict[str, Callable[[], Sink]]:
    """Return the sinks that a project's ``params.yaml`` chooses (without one: the default); see :func:`sink_makers`.

    Raises:
        ConfigError, PluginBroken: As :func:`sink_makers`, with the line; or ``params.yaml`` cannot be read.
    """
    folder, is_file = trackers_folder(root), (root / "params.yaml").is_file()
    found: dict[str, Callable[[], Sink]] = {}
    problems: list[Problem] = []
    for index, item in enumerate((read_parameters(root) if is_file else Parameters()).log.sinks):
        name, options = _named(item)
        try:
            found[name] = _chosen(name, options, folder)
        except PluginBroken as error:
            raise PluginBroken(_placed(root, ("log", "sinks", index), str(error))) from None
        except ConfigError as error:
            for problem in error.problems:
                inner = tuple(int(part) if part.isdigit() else part for part in problem.key.split("."))
                problems.append(_placed(root, ("log", "sinks", index, name, *inner), problem.message))
            if not error.problems:
                problems.append(_placed(root, ("log", "sinks", index), str(error)))
    if problems:
        raise ConfigError(problems)
    return found


def _placed(root: Path, path: tuple[str | int, ...], message: str) -> Problem:
    """Return a complaint at its line, without the numbers of items in its key."""
    problem = parameters_problem(root, path, message)
    return replace(problem, key=".".join(part for part in problem.key.split(".") if not part.isdigit()))


def _named(item: Any) -> tuple[str, Mapping[str, Any]]:
    return next(iter(item.items())) if isinstance(item, Mapping) else (item, {})


def _chosen(name: str, given: Mapping[str, Any], folder: Path) -> Callable[[], Sink]:
    own = {kind.name: kind for kind in OWN}
    kinds: dict[str, SinkKind | Plugin] = {**plugins(GROUP), **own}
    if name not in kinds:
        known = ", ".join(f"{each} ({_what(kind)})" for each, kind in sorted(kinds.items()))
        raise ConfigError(f"there is no sink {name!r}; {nearest(name, kinds, f'there are: {known}')}")
    kind = kinds[name]
    if isinstance(kind, SinkKind) and kind.options is not None:
        if mistakes := [*option_mistakes(kind.options, given, kind.variable)]:
            keys = [(".".join(map(str, path)), message) for path, message in mistakes]
            raise ConfigError([Problem(name, None, None, key, message) for key, message in keys])
        return partial(kind.load(), kind.options.model_validate(dict(given)), folder)
    return _maker(kind, name, given)


def _maker(kind: SinkKind | Plugin, name: str, options: Mapping[str, Any]) -> Callable[[], Sink]:
    try:
        make: Callable[[], Sink] = partial(_taking(options, kind.load(), name), **options)
        make()
    except RlxError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 — a sink is anybody's code
        given = f" with {', '.join(options)}" if options else ""
        raise ConfigError(f"{name} cannot be made{given}: {raised(error)}") from None
    return make


def _taking(options: Mapping[str, Any], make: Callable[..., Sink], name: str) -> Callable[..., Sink]:
    """Return what makes a sink; refuse options that it cannot take, since it takes none."""
    try:
        takes_any = bool(inspect.signature(make).parameters)
    except (TypeError, ValueError):  # it cannot be told, and is tried
        takes_any = True
    if options and not takes_any:
        raise ConfigError(f"{name} takes no options: write `{name}` alone")
    return make


def _what(kind: SinkKind | Plugin) -> str:
    return kind.what if isinstance(kind, SinkKind) else f"of {kind.package}"
