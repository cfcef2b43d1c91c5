"""The section ``algo``: what every algorithm's settings have, and which algorithms' settings are known by name.

``algo`` is a union told apart by ``name``: each algorithm has its own settings, ranges and meanings. PPO's are part of
this room; others are announced by whoever brings the algorithm (:func:`rlx.algorithms.register`), and looked for where a
configuration names one (:func:`look_for_algorithm`).
"""

from __future__ import annotations

import importlib
import math
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import ConfigDict, Field, create_model
from pydantic_core import PydanticCustomError

from rlx.config.metrics import Metric
from rlx.config.page_libraries import page_libraries
from rlx.config.plugin import every_plugin, plugins
from rlx.config.project import load_package, load_pages, pages, pages_saying
from rlx.config.values import Positive, Section
from rlx.stats import nearest

if TYPE_CHECKING:
    from rlx.config.document import Inconsistency

USUAL_DISCOUNT = 0.99
"""By which rewards are scaled (``env.normalize_reward``) where the algorithm itself discounts nothing."""
LIBRARIES = (
    *("a2c", "trpo", "recurrent_ppo", "maskable_ppo", "ars"),
    *("dqn", "sac", "td3", "ddpg", "tqc", "qrdqn", "crossq"),
)
JAX = ("sbx_ppo", "sbx_sac", "sbx_td3", "sbx_dqn", "sbx_crossq", "sbx_tqc")
BUILT_IN = {
    "ppo": "rlx.algorithms.ppo.row",
    **dict.fromkeys(LIBRARIES, "rlx.algorithms.sb3.rows"),
    **dict.fromkeys(JAX, "rlx.algorithms.sbx.rows"),
}
"""The modules that register rlx's own algorithms; light: none imports torch before a learner is made."""
PACKAGE = "algorithms"
"""The package of a project that registers its own."""
ZOO_NAMES = {"ppo_lstm": "recurrent_ppo"}
"""What rl-zoo calls algorithms otherwise than rlx does: understood as pasted."""
MISNOMERS = {
    "ppolstm": "recurrent_ppo",
    "lstmppo": "recurrent_ppo",
    "ppomask": "maskable_ppo",
    "maskppo": "maskable_ppo",
}
"""What others call algorithms, in small letters without signs; rlx's own names are compared so, too."""
Model = TypeVar("Model", bound=Section)
_known: dict[str, type[AlgorithmConfig]] = {}
_facts: dict[str, dict[str, Any]] = {}
_without_policy: set[str] = set()


class AlgorithmConfig(Section):
    """What the settings of every algorithm have; a base class for those of an algorithm of one's own."""

    draws_from_python: ClassVar[bool] = True
    """Whether its learner may draw from Python's generator, which costs 40 µs a step to keep apart from environments."""
    shapes_policy: ClassVar[tuple[str, ...]] = ()
    """Settings that a training which goes on from another must share with it, since its weights are made by them."""
    other_names: ClassVar[dict[str, str]] = {"n_timesteps": "total_timesteps"}
    """Names under which its settings are understood, too: those that other libraries have for them."""
    libraries: ClassVar[tuple[str, ...]] = ()
    """Packages, beside those of every training, whose versions can change what it gives."""
    policy_defaults: ClassVar[Mapping[str, Any]] = {}
    """What `policy` is where it says nothing; what is not here has the defaults of every algorithm."""
    image_sizes: ClassVar[list[int] | None] = None
    """Hidden layers behind the cnn where `policy.hidden_sizes` says nothing; None: as behind any other network."""
    policy_arguments: ClassVar[Mapping[str, type]] = {}
    """What `policy.kwargs` may say with a built-in network, and of which type each is."""
    has_critic: ClassVar[bool] = True
    """Whether `policy.hidden_sizes` may tell an actor's from a critic's."""
    networks: ClassVar[tuple[str, ...]] = ("mlp", "cnn", "multi_input")
    """The built-in networks that it has."""
    policy_names: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "MlpPolicy": {"type": "mlp"},
        "MultiInputPolicy": {"type": "mlp"},
        "CnnPolicy": {"type": "cnn"},
    }
    """What the names of its library's policies mean in `policy`."""
    name: str
    """The algorithm."""
    total_timesteps: Positive = 100_000
    """Training budget of each seed in environment steps; rounded up to whole iterations."""

    def iteration(self, num_envs: int) -> int:
        """Return the environment steps of one iteration, all copies together, as far as they are known before.

        An iteration is the algorithm's natural unit of work (a rollout and its update); one row of metrics each.
        """
        return num_envs

    def optimizer_steps(self, updates: float, num_envs: int) -> int | None:
        """Return how many gradient steps a training has made, from its last ``train/n_updates``; None where that does not tell.

        What the libraries count differs: Stable-Baselines3's PPO counts passes over a rollout, others minibatches.
        """
        return None

    def inconsistencies(self, num_envs: int) -> Iterator[Inconsistency]:
        """Yield settings that are fine alone and wrong together, each with its key and what to do about it."""
        yield from ()

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name.upper() if self.name in BUILT_IN else self.name

    @property
    def discount(self) -> float:
        """The discount factor by which rewards are scaled."""
        return float(getattr(self, "gamma", USUAL_DISCOUNT))

    def setting(self, name: str) -> Any:
        """Return a setting that only some algorithms have; None where this one has not."""
        return getattr(self, name, None)


class ForeignAlgorithm(AlgorithmConfig):
    """The settings of an algorithm that is not here, as a snapshot or a checkpoint holds them: read, never trained."""

    model_config = ConfigDict(extra="allow")


def announce(
    name: str,
    model: type[AlgorithmConfig],
    family: str = "",
    metrics: Mapping[str, Metric] = {},
    *,
    reads_policy: bool = True,
) -> None:
    """Make the settings of an algorithm known, by the name that ``algo.name`` says.

    Args:
        name: The algorithm.
        model: Its settings.
        family: Which rules of diagnosis are meant for it.
        metrics: What it logs.
        reads_policy: Whether the section ``policy`` means anything to it.
    """
    _known[name] = model
    (_without_policy.discard if reads_policy else _without_policy.add)(name)
    if metrics:
        _facts[name] = {"family": family, "metrics": {key: metric.to_data() for key, metric in metrics.items()}}


def libraries_of(algo: AlgorithmConfig) -> tuple[str, ...]:
    """Return the packages, beside those of every training, whose versions can change what an algorithm gives.

    They are those that its settings name, and of one that rlx has not itself: what its page imports, and the package that brings it
    by an entry point.
    """
    if algo.name in BUILT_IN:
        return algo.libraries
    plugin, settings = plugins("rlx.algorithms").get(algo.name), _known.get(algo.name)
    bringing = [plugin.entry.dist.name] if plugin and plugin.entry.dist else []
    imported = page_libraries(settings.__module__) if settings else ()
    return tuple(dict.fromkeys((*algo.libraries, *imported, *bringing)))


def recorded_facts(name: str) -> dict[str, Any]:
    """Return what ``metadata.json`` keeps of an algorithm, so that its runs are read without it: ``family`` and ``metrics``."""
    own_settings(name)  # of rlx's own they are known from the start
    return dict(_facts.get(name, {}))


def settings_named(algo: Any) -> type[AlgorithmConfig] | None:
    """Return the settings of the algorithm that a section ``algo`` names; None of an unknown one."""
    name = algo.get("name", "ppo") if isinstance(algo, Mapping) else getattr(algo, "name", "ppo")
    return _known.get(name) if isinstance(name, str) else None


def reads_policy(name: str) -> bool:
    """Return whether the section ``policy`` means anything to an algorithm that is known."""
    return name not in _without_policy


def own_settings(name: str) -> type[AlgorithmConfig] | None:
    """Return the settings of one of rlx's own algorithms, which is registered then; None of any other one."""
    if name not in BUILT_IN:
        return None
    importlib.import_module(BUILT_IN[name])
    return _known[name]


def look_for_algorithm(root: Path | None, name: str) -> type[AlgorithmConfig] | None:
    """Return the settings of an algorithm, which is registered then; None where nobody has it.

    It is looked for among rlx's own, among installed packages (entry points ``rlx.algorithms``), and in the project's
    ``algorithms/``: in what that package imports, and in its modules of that name or that quote it, so that a page costs those alone
    who name it. All places are looked at, since of two algorithms of one name none is taken. One that was found in a project is looked
    for again, since it may have been another project's.

    Args:
        root: The project; None asks for what is known beside projects, or was found before.
        name: What ``algo.name`` says.

    Raises:
        PluginBroken: A package brings it that cannot be imported, or two do.
        ConfigError: Importing the project's own fails, another project's was imported in this process, or two have that name.
    """
    known = own_settings(name) or _known.get(name)
    if root is None and known is not None:
        return known
    is_packed = name not in BUILT_IN and _look_in_packages(name)
    is_elsewhere = is_packed or (known is not None and known.__module__.partition(".")[0] != PACKAGE)
    if root is not None and not _look_in_project(root, name, is_elsewhere=is_elsewhere):
        return None
    return _known.get(name)


def _look_in_packages(name: str) -> bool:
    """Import the installed package that brings an algorithm; return whether one does."""
    bringing = [plugin for plugin in every_plugin("rlx.algorithms") if plugin.name == name]
    if len(bringing) > 1:
        raise bringing[1].broken(f"the package {bringing[0].package} adds an algorithm {name!r}, too")
    for plugin in bringing:
        plugin.load()  # registers it
        if name not in _known:
            raise plugin.broken(f"{plugin.entry.value} registers no algorithm {name!r} (rlx.algorithms.register)")
    return bool(bringing)


def _look_in_project(root: Path, name: str, *, is_elsewhere: bool) -> bool:
    """Import what may register an algorithm in a project; return whether there may be one of that name here.

    Of one that is known elsewhere, nothing is imported unless a page says that name, too.
    """
    registering = rf"register\(\s*[\"']{re.escape(name)}[\"']" if name in BUILT_IN else None
    if is_elsewhere and not pages_saying(root, PACKAGE, name, registering):
        return True
    if load_package(root, PACKAGE) is None:
        return is_elsewhere
    load_pages(root, PACKAGE, name, registering)
    return True


def unknown_algorithm(name: object) -> str:
    """Return what to tell of a name that no algorithm has."""
    package = sys.modules.get(PACKAGE)
    own = {page for folder in getattr(package, "__path__", ()) for page in pages(Path(folder).parent, PACKAGE)}
    others = {*_known, *plugins("rlx.algorithms"), *(own if package else ())}
    names = [*BUILT_IN, *sorted(others - {*BUILT_IN})]
    plain = re.sub(r"[^a-z0-9]", "", str(name).lower())
    if plain == "her":
        return "'her' is a way to replay, not an algorithm: write such as `algo: {name: sac, replay: {type: her}}`"
    meant = MISNOMERS.get(plain) or next((known for known in names if known.replace("_", "") == plain), None)
    hint = f"did you mean `{meant}`?" if meant else nearest(str(name), names, "docs/plugins.md says how to add one")
    return f"{name!r} is not allowed; one of {', '.join(map(repr, names))}; {hint}"


def algorithm_settings(value: Any) -> AlgorithmConfig:
    """Validate a section ``algo`` by the algorithm that it names."""
    if isinstance(value, AlgorithmConfig):
        return value
    if not isinstance(value, dict):
        raise PydanticCustomError("dict_type", "must be a mapping")
    name = value.get("name", "ppo")
    model = _known.get(name) if isinstance(name, str) else None
    if model is None:
        raise PydanticCustomError("algorithm", "{told}", {"told": unknown_algorithm(name)})
    return model.model_validate(value)


@cache
def for_algorithm(model: type[Model], settings: type[AlgorithmConfig]) -> type[Model]:
    """Return a configuration's model whose section ``algo`` is of one algorithm, with its keys, ranges and defaults."""
    field: Any = (settings, Field(default_factory=settings))
    return create_model(model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__, algo=field)


def whole_iterations(steps: float, iteration: int) -> int:
    """Return a number of environment steps rounded up to whole iterations."""
    return math.ceil(steps / iteration) * iteration
