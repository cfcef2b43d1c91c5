"""What Stable-Baselines3 does not log of off-policy learning: how action values lie, and which units are dead.

Looked at are the newest rows of the replay buffer, without a random draw, so that bits stay.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from gymnasium import spaces

from rlx.algorithms.frames import FrameReplayBuffer
from rlx.envs import Normalizer

LOOKED_AT, PICTURES_LOOKED_AT = 256, 64
"""How many of the newest rows are looked at; fewer images, which cost more."""
SATURATED = 0.99
"""Of an action's bound; beyond it the action counts as at the bound."""
MOST_REWARD = 10.0
"""Where Stable-Baselines3's ``VecNormalize`` clips a scaled reward."""
SETTLED = 0.05
"""Weight below which rewards that are yet to come do not matter to a discounted return."""


@torch.no_grad()
def looked_at(model: Any, normalizer: Normalizer | None, *, scales_rewards: bool) -> dict[str, float]:
    """Return what the newest rows of a replay buffer tell; nothing without one, or before anything was learned.

    The buffer keeps observations and rewards as the environment gives them; the run's normaliser scales them. Q is the action value of the action taken, as the critics have it (the smallest of several).
    """
    buffer = getattr(model, "replay_buffer", None)
    if buffer is None or not model._n_updates or not hasattr(model.policy, "set_training_mode"):
        return {}
    most = PICTURES_LOOKED_AT if isinstance(buffer, FrameReplayBuffer) else LOOKED_AT
    rows = min(buffer.size(), -(-most // buffer.n_envs))
    held = _newest(buffer, rows)
    actions_RA = held["actions"].reshape(rows * buffer.n_envs, -1)
    observations = _observations(model, held["observations"], normalizer)
    found: dict[str, float] = {}
    if isinstance(model.action_space, spaces.Box):
        found["train/action_saturation"] = float(np.mean(np.abs(actions_RA) > SATURATED))
    if not any(True for _ in model.policy.parameters()):
        return found  # JAX's networks
    training = bool(model.policy.training)
    model.policy.set_training_mode(False)
    with _inactive(model.policy) as units:
        q_RN = _values(model, observations, torch.as_tensor(actions_RA, device=model.device)).reshape(rows, -1)
    model.policy.set_training_mode(training)
    found |= {"train/q_mean": float(q_RN.mean()), "train/q_max_abs": float(np.abs(q_RN).max())}
    if units:
        found["train/dead_units"] = float(np.mean(np.concatenate(units)))
    rewards_RN = _rewards(held["rewards"], normalizer if scales_rewards else None)
    gaps = _gaps(q_RN, rewards_RN, held["dones"], held["timeouts"], model.gamma)
    if gaps is not None:
        found["train/q_bias"] = gaps
    return found


def _newest(buffer: Any, rows: int) -> dict[str, Any]:
    """Return the newest rows of a buffer: R rows of N copies each."""
    if isinstance(buffer, FrameReplayBuffer):
        return buffer.newest(rows)
    places = np.arange(buffer.pos - rows, buffer.pos) % buffer.buffer_size
    seen = buffer.observations
    taken = {key: array[places] for key, array in seen.items()} if isinstance(seen, dict) else seen[places]
    names = ("actions", "rewards", "dones", "timeouts")
    return {"observations": taken, **{name: getattr(buffer, name)[places] for name in names}}


def _observations(model: Any, held: Any, normalizer: Normalizer | None) -> Any:
    """Return observations as the critics see them, normalised where the run normalises."""

    def rows(array: np.ndarray[Any, Any], space: spaces.Space[Any]) -> np.ndarray[Any, Any]:
        """Join time and copies; the buffer keeps a number as an array of one."""
        return array.reshape(-1) if isinstance(space, spaces.Discrete) else array.reshape(-1, *array.shape[2:])

    space = model.observation_space
    seen = (
        {key: rows(array, space[key]) for key, array in held.items()} if isinstance(held, dict) else rows(held, space)
    )
    if normalizer is not None:
        seen = normalizer(seen)
    return model.policy.obs_to_tensor(seen)[0]


def _rewards(rewards_RN: np.ndarray[Any, Any], normalizer: Normalizer | None) -> np.ndarray[Any, Any]:
    if normalizer is not None:
        scale = float(np.sqrt(normalizer.returns.var + normalizer.epsilon))
        rewards_RN = np.clip(rewards_RN / scale, -MOST_REWARD, MOST_REWARD)
    return np.asarray(rewards_RN)


def _values(model: Any, observations: Any, actions_RA: torch.Tensor) -> np.ndarray[Any, Any]:
    """Return Q of each row."""
    if hasattr(model, "q_net"):
        values = model.q_net(observations).gather(1, actions_RA.long())[:, 0]
    elif hasattr(model, "quantile_net"):
        values = model.quantile_net(observations).mean(1).gather(1, actions_RA.long())[:, 0]
    else:
        critics = model.critic(observations, actions_RA.float())
        if isinstance(critics, torch.Tensor):  # quantiles of each critic
            values = critics.mean(-1).min(1).values
        else:
            values = torch.cat(critics, 1).min(1).values
    return np.asarray(values.double().cpu())


def _gaps(
    q_RN: np.ndarray[Any, Any],
    rewards_RN: np.ndarray[Any, Any],
    dones_RN: np.ndarray[Any, Any],
    timeouts_RN: np.ndarray[Any, Any],
    gamma: float,
) -> float | None:
    """Return by how much Q exceeds, on average, the discounted return that followed, over the rows where that is known.

    What would have followed an episode that its time limit cut is not known.
    """
    returns_N, weight_N = np.zeros(q_RN.shape[1]), np.ones(q_RN.shape[1])
    gaps: list[float] = []
    rows = zip(q_RN[::-1], rewards_RN[::-1], dones_RN[::-1] > 0, timeouts_RN[::-1] > 0, strict=True)
    for q_N, rewards_N, over_N, cut_N in rows:
        returns_N = rewards_N + gamma * np.where(over_N, 0.0, returns_N)
        weight_N = np.where(over_N & ~cut_N, 0.0, np.where(cut_N, gamma, weight_N * gamma))
        gaps += (q_N - returns_N)[weight_N < SETTLED].tolist()
    return float(np.mean(gaps)) if gaps else None


@contextmanager
def _inactive(policy: Any) -> Iterator[list[np.ndarray[Any, Any]]]:
    """Note of each rectifying layer that is passed through which units are 0 in all rows (Sokar et al. 2023, dormant at τ = 0)."""
    units: list[np.ndarray[Any, Any]] = []

    def note(_: Any, __: Any, output: torch.Tensor) -> None:
        units.append((output <= 0).flatten(1).all(0).cpu().numpy())

    hooks = [m.register_forward_hook(note) for m in policy.modules() if isinstance(m, torch.nn.ReLU)]
    try:
        yield units
    finally:
        for hook in hooks:
            hook.remove()
