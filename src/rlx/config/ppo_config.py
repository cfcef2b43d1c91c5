"""PPO's settings: the first member of the union that ``algo`` is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from rlx.config.algorithm_config import AlgorithmConfig, announce
from rlx.config.values import Count, NumberOrSchedule, Positive, Since

if TYPE_CHECKING:
    from rlx.config.document import Inconsistency


class PPOConfig(AlgorithmConfig):
    """Proximal policy optimisation (Schulman et al. 2017), as Stable-Baselines3 implements it."""

    draws_from_python: ClassVar[bool] = False
    shapes_policy: ClassVar[tuple[str, ...]] = ("use_sde",)
    other_names: ClassVar[dict[str, str]] = {
        **AlgorithmConfig.other_names,
        "n_steps": "rollout_steps",
        "n_epochs": "update_epochs",
        "ent_coef": "entropy_coef",
        "vf_coef": "value_coef",
    }
    name: Literal["ppo"] = "ppo"
    """The algorithm."""
    engine: Annotated[Literal["auto", "fast", "stable-baselines3"], Since("2026-11-21", older="auto", always=True)] = (
        "auto"
    )
    """What computes it: `fast` is compiled code for multilayer perceptrons on the CPU, `stable-baselines3` its own code
    for everything; `auto` takes the fast one where it can. The mathematics is the same."""
    total_timesteps: Positive = 100_000
    """Training budget of each seed in environment steps; rounded up to whole rollouts."""
    rollout_steps: Positive = 2048
    """Steps that each environment copy takes between two updates. (Usually 32–2048.) SB3: `n_steps`."""
    batch_size: Annotated[Count, Field(ge=2)] = 64
    """Minibatch size; divides `rollout_steps × num_envs`. (Usually 32–4096.)"""
    learning_rate: NumberOrSchedule = 3e-4
    """Adam's step size: a number, a schedule, or `lin_0.001` for a straight line to 0. (Usually 1e-4–1e-3.)"""
    gamma: Annotated[float, Field(ge=0, le=1)] = 0.99
    """Discount factor. (Usually 0.9–0.9999.)"""
    gae_lambda: Annotated[float, Field(ge=0, le=1)] = 0.95
    """Bias–variance trade of the advantage estimate; 1 is Monte Carlo, 0 is one-step. (Usually 0.8–1.)"""
    clip_range: NumberOrSchedule = 0.2
    """How far one update may move action probabilities: a number or a schedule. (Usually 0.1–0.3.)"""
    clip_range_vf: NumberOrSchedule | None = None
    """The same for the value function, in units of the (scaled) return; null switches it off."""
    entropy_coef: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the entropy bonus. (Usually 0–0.01.) SB3: `ent_coef`."""
    value_coef: Annotated[float, Field(ge=0)] = 0.5
    """Weight of the value loss. (Usually 0.5–1.) SB3: `vf_coef`."""
    update_epochs: Positive = 10
    """Passes over each rollout. (Usually 3–20.) SB3: `n_epochs`."""
    max_grad_norm: Annotated[float, Field(gt=0)] = 0.5
    """The gradient's norm is clipped to this. (Usually 0.5.)"""
    target_kl: Annotated[float, Field(gt=0)] | None = None
    """Stop an update's epochs when the policy moved 1.5 × this (KL divergence); null switches it off.
    (Usually 0.01–0.05.)"""
    normalize_advantage: bool = True
    """Scale the advantages of each minibatch to mean 0 and variance 1."""
    use_sde: bool = False
    """Generalised state-dependent exploration (Raffin et al. 2021), for continuous actions only."""
    sde_sample_freq: Annotated[Count, Field(ge=-1)] = -1
    """Steps between two draws of the gSDE noise matrix; -1 draws once per rollout."""

    def iteration(self, num_envs: int) -> int:
        """Return the steps of one rollout."""
        return self.rollout_steps * num_envs

    def optimizer_steps(self, updates: float, num_envs: int) -> int | None:
        """See :meth:`AlgorithmConfig.optimizer_steps`: each pass is a step for each minibatch (one that ends early counts whole)."""
        return round(updates * self.iteration(num_envs) / self.batch_size)

    def inconsistencies(self, num_envs: int) -> Iterator[Inconsistency]:
        """See :meth:`AlgorithmConfig.inconsistencies`."""
        rollout = self.iteration(num_envs)
        if self.batch_size > rollout or rollout % self.batch_size:
            nearest = nearest_divisors(rollout, self.batch_size)
            cure = f"try {' or '.join(map(str, nearest))}" if nearest else "raise rollout_steps"
            yield (
                ("algo", "batch_size"),
                f"{self.batch_size} does not divide rollout_steps × num_envs = {self.rollout_steps} × {num_envs} = {rollout}; {cure}",
            )
        if rollout > self.total_timesteps:
            yield (
                ("algo", "total_timesteps"),
                f"{self.total_timesteps} steps are less than one rollout (rollout_steps × num_envs = {rollout}); "
                f"raise it to at least {rollout}, or collect shorter rollouts",
            )

    @model_serializer(mode="wrap")
    def _as_ever(self, inner: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Keep the order in which snapshots have always had the keys."""
        data: dict[str, Any] = inner(self)
        first = {key: data[key] for key in ("name", "engine") if key in data}
        return first | data


def nearest_divisors(number: int, wanted: int) -> list[int]:
    """Return the divisors of ``number`` (2 or more) next below and next above ``wanted``."""
    small = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    divisors = sorted({*small, *(number // d for d in small)} - {1})
    below = [d for d in divisors if d < wanted][-1:]
    above = [d for d in divisors if d > wanted][:1]
    return below + above


announce("ppo", PPOConfig)
