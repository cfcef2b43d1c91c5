"""The noisy cross-entropy method for linear policies (Szita and Lőrincz 2006, Neural Computation 18, 2936–2941).

A normal distribution over weights gives candidates; each plays one episode; the distribution moves to the best of them. `register`
makes the row that rlx knows of it, and `rlx check-algorithm noisy_cem` tells whether a changed page still keeps the contract of
`rlx.algorithms.Learner`. Array names carry their axes: N copies of the environment, R rounds, W weights.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from rlx.algorithms import AlgorithmConfig, register
from rlx.config import Metric


class Settings(AlgorithmConfig):
    """What may stand under `algo`: ranges and meanings are rlx's manual of it."""

    name: Literal["noisy_cem"] = "noisy_cem"
    """The algorithm."""
    population: Annotated[int, Field(ge=2)] = 32
    """Candidates of an update; rounded up to whole rounds of the copies. (Usually 20–200.)"""
    elite: Annotated[float, Field(gt=0, le=1)] = 0.2
    """Share of the candidates that the distribution moves to. (Usually 0.1–0.3.)"""
    spread: Annotated[float, Field(gt=0)] = 1.0
    """Standard deviation of each weight at first. (Usually 0.5–3.)"""
    noise: Annotated[float, Field(ge=0)] = 0.05
    """Added to the standard deviations after each update, so that the search goes on. (Usually 0.01–0.3.)"""


METRICS = {
    "train/elite_return": "mean return of the elite",
    "train/spread": Metric(
        "train/spread",
        "mean standard deviation of the weights",
        lower="the candidates hardly differ, and the search ends",
    ),
}


@register(
    "noisy_cem",
    Config=Settings,
    metrics=METRICS,
    observations=("vector",),
    actions=("discrete",),
    family="evolution",
    reads_policy=False,
)
class CrossEntropy:
    """One seed in training; `rlx.algorithms.Learner` says what each method promises."""

    def __init__(self, config: Any, env: Any, seed: int, device: str):
        self.algo, self.env = config.algo, env
        self.shape = (int(env.action_space.n), int(np.prod(env.observation_space.shape)) + 1)  # one more: the bias
        self.mean_W = np.zeros(self.shape)
        self.spread_W = np.full(self.shape, self.algo.spread)

    def boundary(self, seed: int) -> None:
        """Begin fresh episodes; all candidates from now on are drawn from this seed."""
        self.rng, self.seen = np.random.default_rng(seed), self.env.reset(seed)
        self.is_fresh_N = np.ones(self.env.num_envs, dtype=bool)

    def advance(self) -> dict[str, float]:
        """Let every candidate play one episode, then move to the elite."""
        rounds, copies = -(-self.algo.population // self.env.num_envs), self.env.num_envs
        drawn = self.rng.standard_normal((rounds, copies, *self.shape))
        candidates_RN = self.mean_W + self.spread_W * drawn
        returns_RN = np.zeros((rounds, copies))
        round_N = np.where(self.is_fresh_N, 0, -1)  # -1: what is left of an episode that does not count
        while round_N.min() < rounds:
            counts_N = (round_N >= 0) & (round_N < rounds)
            weights_N = candidates_RN[np.clip(round_N, 0, rounds - 1), np.arange(copies)]
            step = self.env.step(choices(weights_N, self.seen))
            returns_RN[round_N[counts_N], np.flatnonzero(counts_N)] += step.rewards_N[counts_N]
            round_N = round_N + (step.ended_N & (round_N < rounds))
            self.seen = step.observations
        self.is_fresh_N = step.ended_N
        best = np.argsort(-returns_RN, axis=None, kind="stable")[: max(1, round(self.algo.elite * returns_RN.size))]
        elite = candidates_RN.reshape(-1, *self.shape)[best]
        self.mean_W, self.spread_W = elite.mean(axis=0), elite.std(axis=0) + self.algo.noise
        return {
            "train/elite_return": float(returns_RN.reshape(-1)[best].mean()),
            "train/spread": float(self.spread_W.mean()),
        }

    def state(self) -> dict[str, Any]:
        """Return everything that `boundary` does not make anew."""
        return {"policy": {"mean": self.mean_W.copy()}, "spread": self.spread_W.copy()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take a state over; `policy` alone is enough to act."""
        self.mean_W = np.array(state["policy"]["mean"])
        if "spread" in state:
            self.spread_W = np.array(state["spread"])

    def policy(self, seed: int) -> Linear:
        """Return the present mean, which draws nothing."""
        return Linear(self.mean_W.copy())


class Linear:
    """Takes the action whose weights like an observation best."""

    def __init__(self, weights: Any):
        self.weights = weights

    def act(self, observations: Any, memory: Any, starts_N: Any, masks: Any, deterministic: bool) -> Any:
        """Return the best action of each row, and no memory."""
        return choices(np.broadcast_to(self.weights, (len(observations), *self.weights.shape)), observations), memory


def choices(weights_N: Any, observations: Any) -> Any:
    """Return the action that each row's weights like best; the last weight of an action is its bias."""
    flat = np.asarray(observations, dtype=np.float64).reshape(len(weights_N), -1)
    return (np.einsum("nao,no->na", weights_N[:, :, :-1], flat) + weights_N[:, :, -1]).argmax(axis=1)
