"""What the settings of several algorithms of Stable-Baselines3's shape share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from rlx.config import AlgorithmConfig, Count, Positive, Section


class PerIteration(AlgorithmConfig):
    """Settings of an algorithm whose iteration is so many of its own units of work."""

    draws_from_python: ClassVar[bool] = False
    policy_defaults: ClassVar[Mapping[str, Any]] = {}
    iteration_steps: Positive = 1
    """Environment steps of an iteration, rounded up to whole updates: each gives one row of metrics, which are averages over it."""

    def unit(self, num_envs: int) -> int:
        """Return the steps between two updates, all copies together, as far as they are known before."""
        return num_envs

    def iteration(self, num_envs: int) -> int:
        """See :meth:`rlx.config.AlgorithmConfig.iteration`."""
        unit = self.unit(num_envs)
        return math.ceil(self.iteration_steps / unit) * unit


class StateDependentNoise(Section):
    """Exploration of continuous actions by gSDE."""

    shapes_policy: ClassVar[tuple[str, ...]] = ("use_sde",)
    use_sde: bool = False
    """Generalised state-dependent exploration (Raffin et al. 2021), for continuous actions only."""
    sde_sample_freq: Annotated[Count, Field(ge=-1)] = -1
    """Steps between two draws of the gSDE noise matrix; -1 draws once per rollout."""


class Noise(Section):
    """Noise on the actions of a deterministic policy, which are scaled to −1 … 1 there."""

    type: Literal["normal", "ornstein-uhlenbeck"] = "normal"
    """`normal`: fresh at each step; `ornstein-uhlenbeck`: wanders, as in DDPG's paper (Lillicrap et al. 2015)."""
    std: Annotated[float, Field(gt=0)] = 0.1
    """Its standard deviation. (Usually 0.1–0.5.)"""


class ReplayConfig(Section):
    """How transitions are replayed."""

    type: Literal["uniform", "her"] = "uniform"
    """`uniform`: each as likely as any other; `her`: hindsight experience replay (Andrychowicz et al. 2017), for environments
    with goals (observations `observation`, `achieved_goal`, `desired_goal`, and a method `compute_reward`)."""
    n_sampled_goal: Positive = 4
    """Of `her`: replayed transitions with a goal chosen in hindsight for each with its own. (Usually 4.)"""
    goal_selection_strategy: Literal["future", "final", "episode"] = "future"
    """Of `her`: which goals are chosen: reached later in the episode, at its end, or anywhere in it."""


def _train_freq(value: Any) -> Any:
    """Read ``4``, ``[4, step]`` or ``[1, episode]``; rl-zoo's tuples come as lists."""
    whole = value[0] if isinstance(value, list | tuple) and len(value) == 2 else value
    unit = value[1] if isinstance(value, list | tuple) and len(value) == 2 else "step"
    if isinstance(whole, float) and whole == int(whole):
        whole = int(whole)
    if isinstance(whole, bool) or not isinstance(whole, int) or whole < 1 or unit not in ("step", "episode"):
        raise PydanticCustomError("train_freq", "must be a whole number of steps ≥ 1, or such as [1, episode]")
    return whole if unit == "step" else [whole, unit]


TrainFreq = Annotated[int | list[Any], BeforeValidator(_train_freq)]
"""Steps (a whole number) or episodes (``[1, episode]``) of each copy between two updates."""


def _entropy(value: Any) -> Any:
    """Read a number ≥ 0, ``auto`` or ``auto_0.1``."""
    if isinstance(value, str):
        kind, _, start = value.partition("_")
        try:
            ok = kind == "auto" and (not start or 0 < float(start) < math.inf)
        except ValueError:
            ok = False
        if ok:
            return value
        try:
            value = float(value)
        except ValueError:
            value = None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise PydanticCustomError("entropy", "must be a number of at least 0, `auto` (learned), or such as `auto_0.1`")
    return float(value)


EntropyCoefficient = Annotated[float | str, BeforeValidator(_entropy)]
"""Weight of the entropy: fixed, or learned (from a beginning)."""


def _target_entropy(value: Any) -> Any:
    if value == "auto" or (isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)):
        return value if isinstance(value, str) else float(value)
    raise PydanticCustomError(
        "entropy", "must be a number (usually below 0), or `auto`: minus the number of action elements"
    )


TargetEntropy = Annotated[float | str, BeforeValidator(_target_entropy)]
