"""Algorithms by name: those of rlx, of installed packages (entry points ``rlx.algorithms``), and of the project's own.

An algorithm of one's own is a page ``mine.py`` in the project's ``algorithms/``, imported when a config names it::

    from rlx.algorithms import AlgorithmConfig, register

    class Settings(AlgorithmConfig):
        name: Literal["mine"] = "mine"
        learning_rate: float = 1e-3

    @register("mine", Config=Settings, metrics={"train/loss": "what was minimised"}, actions=("discrete",))
    class Mine:
        def __init__(self, config, env, seed, device): ...

and a config says ``algo: {name: mine}``. The row is all that the workbench knows of it before it trains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from rlx.algorithms.learner import Actor, Learner
from rlx.algorithms.policies import device_for
from rlx.config import (
    BUILT_IN,
    COMMON,
    AlgorithmConfig as AlgorithmConfig,  # noqa: PLC0414 — the base class of an algorithm's settings, given by this room's door
    ForeignAlgorithm,
    Inconsistency,
    Metric,
    RunConfig,
    announce,
    complete_settings,
    installing,
    look_for_algorithm,
    metric_rows,
    own_settings,
    unknown_algorithm,
)
from rlx.errors import ConfigError, PolicyUnusable

if TYPE_CHECKING:
    from gymnasium import Space

    from rlx.algorithms.learner import Array
    from rlx.envs import Environments, Normalizer

Make = Callable[[RunConfig, "Environments", int, str], Learner]
KINDS = (("vector", "image", "dict", "discrete", "other"), ("discrete", "continuous", "multi"))
"""What an environment can show, and what it can take; see :func:`kinds`."""
FAMILIES = ("on-policy", "off-policy", "evolution")
METHODS = ("boundary", "advance", "state", "load_state", "policy")
"""What a learner has."""
GROUPS = ("", "rollout", "train", "validation")
"""Groups of metrics, in the order in which they are told."""
Made = TypeVar("Made", bound=Callable[..., Any])


@dataclass(frozen=True)
class Engine:
    """What computes the training of a run.

    Attributes:
        name: ``fast`` (compiled kernels), ``stable-baselines3``, or an algorithm of one's own.
        reason: Why this one, for ``metadata.json``.
        portable: Whether it gives the same bits on every x86 processor with AVX2 and FMA.
    """

    name: str
    reason: str
    portable: bool = False

    @property
    def is_compiled(self) -> bool:
        """Whether its code is compiled on this machine, once."""
        return self.name == "fast"


@dataclass(frozen=True)
class EpisodesAtOnce:
    """What was played at once; one element per episode.

    Attributes:
        returns_N: Undiscounted sums of rewards.
        lengths_N: Steps taken.
        limit: Steps after which the environment itself ends an episode.
        efforts_N: How large continuous actions were (:attr:`rlx.envs.Episode.effort`); None for others.
    """

    returns_N: Array
    lengths_N: Array
    limit: int
    efforts_N: Array | None = None


@dataclass(frozen=True)
class Export:
    """Members of a checkpoint for another library that is to open it, too.

    Attributes:
        members: Content by name.
        shared: Which of them hold a part of the state, by its path there (``policy/network``): kept once.
    """

    members: Mapping[str, bytes] = field(default_factory=dict)
    shared: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Algorithm:
    """A row of the registry.

    Attributes:
        name: As ``algo.name`` says it.
        Config: Its settings: what may stand under ``algo``, with ranges, defaults and meanings.
        make: Makes an untrained learner of ``(config, env, seed, device)``. ``seed`` alone decides its weights: no generator is
            seeded before. ``device`` is torch's name of one that is here; ``auto`` in the config is a GPU for the cnn alone.
        metrics: Every metric that it logs, beside those of every training, of which it may say more.
        observations: The kinds it handles: ``vector``, ``image``, ``dict``, ``discrete``, ``other``.
        actions: The kinds it handles: ``discrete``, ``continuous``, ``multi``.
        family: Which rules of diagnosis are meant for it.
        reads_policy: Whether the section ``policy`` means anything to it; else it has its defaults, and no config may have one.
        needs: Modules that it cannot do without and imports itself, when a learner is made (``jax``): looked for before anything runs.
        extra: The extra of rlx that installs them; empty for others.
        masks: What it does with the masks of environments that tell which actions are allowed: ``ignored``, or ``needed``.
        engine: Tells what computes a run, from its configuration and spaces.
        misfit: Tells why a run cannot be trained in its spaces, beyond their kinds; None where it can.
        play: A faster way than step by step to play episodes of reset seeds deterministically, from an actor, its environments
            and its normaliser; None where there is none (or, from the call, none for this environment).
        actor: A quicker way to act by ``state["policy"]`` than to make a whole learner; None where there is none.
        kernels: Makes sure that its own kernels are compiled on this machine, and tells before that takes a while; None where its
            compiled engine is PPO's.
        acts_compiled: Tells of a configuration and spaces whether its policies act through compiled kernels, whatever trains them.
        export: What of a learner another library can open.
        save_stock: Writes a learner's state as its library's own file, where checkpoints are none.
    """

    name: str
    Config: type[AlgorithmConfig]
    make: Make
    metrics: Mapping[str, Metric]
    observations: Sequence[str] = ("vector",)
    actions: Sequence[str] = ("discrete", "continuous")
    family: Literal["on-policy", "off-policy", "evolution"] = "on-policy"
    reads_policy: bool = True
    masks: Literal["ignored", "needed"] = "ignored"
    needs: Sequence[str] = ()
    extra: str = ""
    engine: Callable[[RunConfig, Any, Any], Engine] | None = None
    misfit: Callable[[RunConfig, Any, Any], Inconsistency | None] | None = None
    play: Callable[[Actor, Environments, Normalizer | None, Sequence[int]], EpisodesAtOnce | None] | None = None
    actor: Callable[[Environments, Mapping[str, Any], int], Actor] | None = None
    kernels: Callable[[Callable[[str], None]], None] | None = None
    acts_compiled: Callable[[RunConfig, Any, Any], bool] | None = None
    export: Callable[[Any], Export] | None = None
    save_stock: Callable[[Environments, Mapping[str, Any], Path], None] | None = None

    def __post_init__(self) -> None:
        """Refuse kinds and families that there are not."""
        told = {
            "observations": (self.observations, KINDS[0]),
            "actions": (self.actions, KINDS[1]),
            "family": ([self.family], FAMILIES),
        }
        for name, (said, known) in told.items():
            for one in said:
                if one not in known:
                    raise ValueError(f"the algorithm {self.name!r}: {name}: {one!r} is none of {', '.join(known)}")

    def check_needs(self) -> None:
        """Look for what it needs, without importing it.

        Raises:
            PolicyUnusable: Something is not installed; the message says how to install it.
        """
        for module in self.needs:
            if find_spec(module) is None:
                cure = f'pip install "rlx[{self.extra}]"' if self.extra else installing(module)
                raise PolicyUnusable(f"{self.name} needs {module}, which is not installed; `{cure}`")

    def engine_for(self, config: RunConfig, observation_space: Any, action_space: Any) -> Engine:
        """Return what computes a run."""
        if self.engine is not None:
            engine = self.engine(config, observation_space, action_space)
        else:
            engine = Engine(self.name, "the algorithm's own code")
        on_processor = device_for(config) == "cpu"
        return replace(engine, portable=on_processor and (engine.portable or config.portable))

    def is_compiled(self, config: RunConfig, observation_space: Any, action_space: Any) -> bool:
        """Return whether a run is trained, or its policies act, through compiled kernels."""
        acts = self.acts_compiled is not None and self.acts_compiled(config, observation_space, action_space)
        return acts or self.engine_for(config, observation_space, action_space).is_compiled

    def actor_of(self, env: Environments, policy: Mapping[str, Any], seed: int, device: str) -> Actor:
        """Return who acts by ``state["policy"]`` of a trained learner; what it draws comes from ``seed``."""
        if self.actor is not None:
            return self.actor(env, policy, seed)
        learner = self.make(env.config, env, env.config.seed, device)
        learner.load_state({"policy": dict(policy)})
        return learner.policy(seed)

    def refusal(self, observation_space: Space[Any], action_space: Space[Any], *, has_masks: bool) -> str | None:
        """Return why it cannot learn in an environment, in a sentence; None if it can.

        Args:
            observation_space: What it shows.
            action_space: What it takes.
            has_masks: Whether it tells which actions are allowed, by a method ``action_masks()``.
        """
        seen, taken = kinds(observation_space, action_space)
        wrong = [
            f"{what} are {kind}, and {self.name} handles {', '.join(able)}"
            for what, kind, able in (("observations", seen, self.observations), ("actions", taken, self.actions))
            if kind not in able
        ]
        found = [f"its {' and its '.join(wrong)}"] if wrong else []
        if self.masks == "needed" and not has_masks:
            found.append(f"it has no action_masks(), and {self.name} needs them")
        if not found:
            return None
        return f"{'; '.join(found)}; these fit: {', '.join(_fitting(seen, taken, has_masks=has_masks)) or 'none'}"

    def mask_users(self, observation_space: Space[Any], action_space: Space[Any]) -> list[str] | None:
        """Return which algorithms heed the masks of an environment that has some; None where this one does."""
        if self.masks == "needed":
            return None
        seen, taken = kinds(observation_space, action_space)
        fit = _fitting(seen, taken, has_masks=True)
        return [name for name in fit if _rows[name].masks == "needed"]


_rows: dict[str, Algorithm] = {}


def _fitting(seen: str, taken: str, *, has_masks: bool) -> list[str]:
    """Return the names of algorithms that can learn in an environment of these kinds."""
    return [
        row.name
        for row in algorithms().values()
        if seen in row.observations and taken in row.actions and (has_masks or row.masks == "ignored")
    ]


def register(
    name: str, *, Config: type[AlgorithmConfig], metrics: Mapping[str, Any], **facts: Any
) -> Callable[[Made], Made]:
    """Make a class (or function) of ``(config, env, seed, device)`` known as ``algo: {name: NAME}`` (a decorator).

    Args:
        name: What configs call it.
        Config: Its settings.
        metrics: Every metric it logs: a :class:`rlx.config.Metric`, or its meaning in words, by name.
        **facts: See :class:`Algorithm`.
    """

    def add(make: Made) -> Made:
        if name in BUILT_IN and _place_of(make) != BUILT_IN[name]:
            raise ValueError(f"the algorithm {name!r} is built in; choose another name")
        row = Algorithm(name=name, Config=Config, make=make, metrics=metric_rows(metrics), **facts)
        known = _rows.get(name)
        if known is not None and (places := _two_places(known.make, make)):
            raise ValueError(f"the algorithm {name!r} is registered twice, in {' and in '.join(places)}; rename one")
        announce(name, Config, row.family, {**COMMON, **row.metrics}, reads_policy=row.reads_policy)
        _rows[name] = row
        return make

    return add


@contextmanager
def in_place_of(row: Algorithm) -> Iterator[None]:
    """Let an algorithm be another row in a block, to watch its learners."""
    before = _rows[row.name]
    _rows[row.name] = row
    try:
        yield
    finally:
        _rows[row.name] = before


def _place_of(made: Any) -> str:
    """Return the module that a class or function is in."""
    return str(getattr(made, "__module__", "?"))


def _two_places(first: Any, second: Any) -> list[str]:
    """Return where two classes or functions are: their modules, or within one these; nothing where they are the same, made anew."""
    modules = [_place_of(first), _place_of(second)]
    if modules[0] != modules[1]:
        return modules
    names = [getattr(made, "__qualname__", "?") for made in (first, second)]
    return [] if names[0] == names[1] else [f"{module}.{name}" for module, name in zip(modules, names, strict=True)]


def algorithms() -> dict[str, Algorithm]:
    """Return all algorithms known so far, rlx's own first."""
    for name in BUILT_IN:
        own_settings(name)
    return dict(
        sorted(_rows.items(), key=lambda item: (item[0] not in BUILT_IN, item[0] != "ppo"))
    )  # whoever came first


def known_algorithm(name: str) -> Algorithm | None:
    """Return an algorithm that is known so far, or is one of rlx's own; no other is imported for it."""
    own_settings(name)
    return _rows.get(name)


def algorithm(name: str, root: Path | None = None) -> Algorithm:
    """Return an algorithm by name.

    Args:
        name: What ``algo.name`` says.
        root: The project, whose own algorithms are looked at too.

    Raises:
        PolicyUnusable: Nobody knows it.
        PluginBroken: A package brings it that cannot be imported.
        ConfigError: The project's own cannot be imported.
    """
    if look_for_algorithm(root, name) is None or name not in _rows:
        raise PolicyUnusable(f"algo.name: {unknown_algorithm(name)}")
    return _rows[name]


def vocabulary(
    name: str | None = None, recorded: Mapping[str, Metric] = {}, *, alone: bool = False
) -> dict[str, Metric]:
    """Return all metrics that are known here: those of every training, and those of all algorithms.

    Args:
        name: The algorithm whose word counts, where several log a metric of one name, and that says more of those of every
            training.
        recorded: What a run of it was trained with (its ``metadata.json``): the last word, but on what every training logs.
        alone: Leave out the metrics of the other algorithms, which are not imported then.
    """
    own = known_algorithm(name) if alone and name else None
    rows = ({own.name: own} if own else {}) if alone else algorithms()
    found: dict[str, Metric] = {}
    for row in rows.values():
        found = {**found, **{key: metric for key, metric in row.metrics.items() if key not in found}}
    mine = rows[name].metrics if name in rows else {}
    found |= mine
    found |= {key: _in_full(metric, mine.get(key, found.get(key))) for key, metric in recorded.items()}
    found = {**COMMON, **found, **COMMON, **{key: metric for key, metric in mine.items() if key in COMMON}}
    return dict(sorted(found.items(), key=lambda item: _place(item[1])))


def _in_full(recorded: Metric, row: Metric | None) -> Metric:
    """Return a recorded metric with what is not recorded of it, where its algorithm still means the same by it."""
    if row is None or row.summary != recorded.summary:
        return recorded
    return replace(row, unit=recorded.unit, usual=recorded.usual, per_episode=recorded.per_episode)


def _place(metric: Metric) -> int:
    return GROUPS.index(metric.group) if metric.group in GROUPS else len(GROUPS)


def trained_config(root: Path, config: RunConfig) -> tuple[Algorithm, RunConfig]:
    """Return the algorithm of a run that is to be trained or played, and its configuration with that one's settings.

    Raises:
        PolicyUnusable: Nobody knows the algorithm, or something that it needs is not installed.
        ConfigError: Its settings are not those that it had when the configuration was written.
    """
    row = algorithm(config.algo.name, root)
    row.check_needs()
    if not isinstance(config.algo, ForeignAlgorithm):
        return row, config
    try:
        settings = complete_settings(row.Config, config.algo)
    except ValueError as error:
        told = " ".join(str(error).split())[:300]
        raise ConfigError(f"algo: {row.name} has other settings now than when this was written: {told}") from None
    return row, config.model_copy(update={"algo": settings})


def kinds(observation_space: Any, action_space: Any) -> tuple[str, str]:
    """Return what an environment shows (vector, image, dict, discrete, other) and takes (discrete, continuous, multi)."""
    from gymnasium import spaces

    from rlx.envs import is_image

    seen = "image" if is_image(observation_space) else "vector"
    sees = {spaces.Dict: "dict", spaces.Discrete: "discrete", spaces.Box: seen}
    takes = {spaces.Discrete: "discrete", spaces.Box: "continuous"}
    return sees.get(type(observation_space), "other"), takes.get(type(action_space), "multi")
