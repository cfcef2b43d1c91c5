"""One update from the same state and minibatch, and the same replay buffer from the same seed, beside Stable-Baselines3's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from rlx.algorithms.off_policy.buffer import COLUMNS
from tests.algorithms.off_policy.models import (
    ENVIRONMENTS,
    FAST,
    advance,
    begin,
    fast_model,
    moments,
    stock_model,
    training_env,
    weights,
)

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("DQN", {}),
    ("DQN", {"policy_kwargs": {"net_arch": [256, 256]}, "max_grad_norm": 0.01, "gamma": 0.5}),
    ("DQN", {"policy_kwargs": {"net_arch": [], "activation_fn": torch.nn.Tanh}}),
    ("SAC", {}),
    ("SAC", {"policy_kwargs": {"net_arch": [256, 256]}, "ent_coef": 0.2}),
    (
        "SAC",
        {
            "policy_kwargs": {"net_arch": {"pi": [8], "qf": [16, 7, 9]}, "activation_fn": torch.nn.Tanh},
            "ent_coef": "auto_0.1",
            "target_entropy": -2.0,
        },
    ),
    ("TD3", {"policy_delay": 1}),
    ("TD3", {"policy_kwargs": {"net_arch": [256, 256]}, "policy_delay": 1}),
    ("TD3", {"policy_kwargs": {"net_arch": {"pi": [8, 5], "qf": [16]}}, "policy_delay": 1, "target_noise_clip": 0.1}),
]


def filled(algorithm: str, **changes: Any) -> tuple[Any, Any]:
    """Both, untrained, with the same rows, some of which a limit ended."""
    stock, fast = (
        make(algorithm, learning_starts=400, train_freq=400, **changes) for make in (stock_model, fast_model)
    )
    for model in (stock, fast):
        begin(model, 7)
        advance(model, 400)
    return stock, fast


def updated(model: Any, steps: int) -> dict[str, float]:
    np.random.seed(5)  # noqa: NPY002 — the stream that SB3 draws minibatches from
    torch.manual_seed(5)
    model.train(steps, model.batch_size)
    logged = dict(model.logger.name_to_value)
    model.logger.name_to_value.clear()
    return logged


@pytest.mark.parametrize(("algorithm", "changes"), VARIANTS)
def test_gradients_are_those_of_stock(algorithm: str, changes: dict[str, Any]) -> None:
    stock, fast = filled(algorithm, **changes)
    assert (weights(stock) == weights(fast)).all()
    before = weights(stock)
    logged, found = updated(stock, 1), updated(fast, 1)
    gradients = moments(stock)
    np.testing.assert_allclose(moments(fast), gradients, rtol=0, atol=1e-6)
    assert np.abs(gradients).max() > 1e-5
    assert np.abs(weights(stock) - before).max() > 1e-5
    for name in logged.keys() - {"train/learning_rate"}:
        if name.startswith("train"):
            assert found[name] == pytest.approx(logged[name], rel=1e-4, abs=1e-5), name
    updated(stock, 5)
    updated(fast, 5)
    assert np.quantile(np.abs(weights(stock) - weights(fast)), 0.999) < 2e-5


@pytest.mark.parametrize("algorithm", FAST)
@pytest.mark.parametrize("copies", [1, 3])
@pytest.mark.parametrize("native", [True, False])
def test_the_buffer_is_that_of_stock(algorithm: str, copies: int, native: bool) -> None:
    """Over the warm-up, and the first steps after it, before rounding decides an action."""
    changes = {"learning_starts": 300, "train_freq": 7, "learning_rate": 1e-5}
    stock = stock_model(algorithm, copies, **changes)
    fast = fast_model(algorithm, training_env(ENVIRONMENTS[algorithm], copies, native=native), **changes)
    for model in (stock, fast):  # one after the other: both draw from the global generators
        begin(model, 7)
        advance(model, 300 + 60)
    assert stock.num_timesteps == fast.num_timesteps > 360 - 7 * copies
    assert (stock._n_updates, stock._episode_num, stock.replay_buffer.pos) == (
        fast._n_updates,
        fast._episode_num,
        fast.replay_buffer.pos,
    )
    warm = 300 // copies
    for name in COLUMNS:
        ours, theirs = getattr(fast.replay_buffer, name), getattr(stock.replay_buffer, name)
        np.testing.assert_array_equal(ours[:warm], theirs[:warm].astype(np.float32), err_msg=name)
        np.testing.assert_allclose(
            ours[warm : fast.replay_buffer.pos], theirs[warm : fast.replay_buffer.pos], atol=2e-3, err_msg=name
        )
    if algorithm == "DQN":
        assert stock.exploration_rate == fast.exploration_rate
        assert stock._n_calls == fast._n_calls
        np.testing.assert_array_equal(fast.replay_buffer.observations, stock.replay_buffer.observations)


@pytest.mark.parametrize(
    ("algorithm", "changes"),
    [
        ("DQN", {"train_freq": (2, "episode"), "gradient_steps": -1}),
        ("SAC", {"train_freq": 3, "gradient_steps": -1, "target_update_interval": 2, "ent_coef": 0.1}),
        ("TD3", {"train_freq": (1, "episode"), "gradient_steps": 5, "policy_delay": 3}),
    ],
)
def test_a_training_begins_as_stock_does(algorithm: str, changes: dict[str, Any]) -> None:
    """Rollouts of whole episodes, as many gradient steps as steps, delays: counters, and weights but for rounding."""
    changes = {"learning_rate": 1e-4, **changes}
    stock, fast = stock_model(algorithm, **changes), fast_model(algorithm, **changes)
    for model in (stock, fast):
        begin(model, 7)
        advance(model, 140)
    for name in ("num_timesteps", "_n_updates", "_episode_num"):
        assert getattr(stock, name) == getattr(fast, name), name
    assert stock._n_updates > 3
    np.testing.assert_allclose(weights(fast), weights(stock), atol=1e-4)
