"""Observation normalisation with fixed statistics, as it travels inside each checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Moments:
    """Running mean and variance of a quantity, after ``count`` samples (Chan et al. 1979, as SB3 updates them)."""

    mean: Array
    var: Array
    count: float

    def to_data(self) -> dict[str, Any]:
        """Return plain values; Python's float text restores every bit."""
        return {
            "mean": np.asarray(self.mean).tolist(),
            "var": np.asarray(self.var).tolist(),
            "count": float(self.count),
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Moments:
        """Read what :meth:`to_data` wrote."""
        return cls(np.asarray(data["mean"], np.float64), np.asarray(data["var"], np.float64), float(data["count"]))


@dataclass(frozen=True)
class Normalizer:
    """The statistics of a run's observations and discounted returns at one moment of training.

    Attributes:
        observation: By key of a dict observation, or under ``""`` for a plain one; empty when not normalised.
        returns: Of the discounted return, by which rewards are scaled; only training uses it.
        clip: Normalised observations are clipped to ± this.
        epsilon: Added to the variance.
    """

    observation: dict[str, Moments]
    returns: Moments
    clip: float = 10.0
    epsilon: float = 1e-8

    def __call__(self, observations: Any) -> Any:
        """Normalise a batch of observations (array, or dict of arrays; first axis is the batch) to float32."""
        if not self.observation:
            return observations
        if isinstance(observations, dict):
            return {key: self._one(self.observation.get(key), value) for key, value in observations.items()}
        return self._one(self.observation[""], observations)

    def _one(self, moments: Moments | None, value: Array) -> Array:
        if moments is None:
            return value
        scaled = (value - moments.mean) / np.sqrt(moments.var + self.epsilon)
        return np.clip(scaled, -self.clip, self.clip).astype(np.float32)

    def to_data(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "observation": {key: moments.to_data() for key, moments in self.observation.items()},
            "returns": self.returns.to_data(),
            "clip": self.clip,
            "epsilon": self.epsilon,
        }

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Normalizer:
        """Read what :meth:`to_data` wrote."""
        observation = {key: Moments.from_data(moments) for key, moments in data["observation"].items()}
        return cls(observation, Moments.from_data(data["returns"]), data["clip"], data["epsilon"])


def read_statistics(venv: Any) -> Normalizer:
    """Return the current statistics of Stable-Baselines3's ``VecNormalize``."""
    observation: dict[str, Moments] = {}
    if venv.norm_obs:
        by_key = venv.obs_rms if isinstance(venv.obs_rms, dict) else {"": venv.obs_rms}
        observation = {key: Moments(rms.mean.copy(), rms.var.copy(), rms.count) for key, rms in by_key.items()}
    returns = Moments(np.copy(venv.ret_rms.mean), np.copy(venv.ret_rms.var), venv.ret_rms.count)
    return Normalizer(observation, returns, venv.clip_obs, venv.epsilon)


def write_statistics(venv: Any, normalizer: Normalizer) -> None:
    """Set the statistics of Stable-Baselines3's ``VecNormalize``."""

    def put(rms: Any, moments: Moments) -> None:
        rms.mean, rms.var, rms.count = moments.mean.copy(), moments.var.copy(), moments.count

    put(venv.ret_rms, normalizer.returns)
    for key, moments in normalizer.observation.items():
        put(venv.obs_rms[key] if key else venv.obs_rms, moments)
