"""The fast engine beside Stable-Baselines3's own code, and its compiled environments beside Gymnasium's."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3
import torch
from gymnasium import spaces
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from rlx.algorithms import algorithm
from rlx.algorithms.kernels.products import multiply
from rlx.algorithms.orthogonal import orthogonal_
from rlx.algorithms.ppo import engines as algorithms
from rlx.algorithms.ppo.learner import PPOLearner
from rlx.algorithms.ppo.playing import KernelActor, TorchActor, play_all
from rlx.config.schema import FinalEvalConfig, RunConfig
from rlx.config.snapshot import Snapshot
from rlx.envs import Environments, Normalizer, places_for
from rlx.envs.making import make_env
from rlx.envs.normalization import Moments
from rlx.envs.vector_envs import native
from rlx.errors import PolicyUnusable
from rlx.launch import compiled
from rlx.records import checkpoints
from rlx.records.metrics import read_rows
from rlx.training.actors import PolicyPlayer, load_player
from rlx.training.held_out_play import play_with
from rlx.training.one_seed import train_seed

torch.set_num_threads(1)

ACTIONS: dict[str, spaces.Space[Any]] = {
    "discrete": spaces.Discrete(3),
    "multidiscrete": spaces.MultiDiscrete([2, 4, 3]),
    "multibinary": spaces.MultiBinary(4),
    "box": spaces.Box(-0.5, 0.5, (3,), np.float32),
    "plane": spaces.Box(-1, 1, (2, 2), np.float32),
}


class Noise(gym.Env[Any, Any]):
    """Random observations and rewards; episodes end at random, or at a limit."""

    def __init__(self, act: str = "discrete", shape: tuple[int, ...] = (3,), number: str = "float32"):
        self.observation_space = spaces.Box(-10, 10, shape, np.dtype(number).type)
        self.action_space = ACTIONS[act]

    def _see(self) -> Any:
        return self.np_random.normal(2.0, 3.0, self.observation_space.shape).astype(self.observation_space.dtype)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return self._see(), {}

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(np.asarray(action, self.action_space.dtype)), action
        return self._see(), float(self.np_random.normal()), bool(self.np_random.random() < 0.1), False, {}


gym.register("Noise-v0", entry_point=Noise, max_episode_steps=12)


def config_of(engine: str = "auto", **sections: Any) -> RunConfig:
    data: dict[str, Any] = {
        "env": {"id": "Noise-v0", "num_envs": 3},
        "algo": {"rollout_steps": 16, "batch_size": 12, "update_epochs": 3, "total_timesteps": 480},
        "policy": {"hidden_sizes": [8, 8]},
        "eval": {"every": 240, "episodes": 3},
    }
    for section, values in sections.items():
        data[section] = {**data.get(section, {}), **values}
    data["algo"]["engine"] = engine
    return RunConfig.model_validate(data)


def built(config: RunConfig, seed: int = 0) -> Any:
    env = Environments(Path(), config, make_env(config.env))
    model = PPOLearner(config, env, seed, "cpu").model
    model.begin_segment(seed)
    return model


def weights(model: Any) -> np.ndarray:
    return torch.cat([parameter.detach().reshape(-1) for parameter in model.policy.parameters()]).numpy().copy()


def pair(**sections: Any) -> tuple[Any, Any]:
    """The same untrained algorithm on both engines, the stock one with a rollout, the fast one with a copy of it."""
    stock, fast = (built(config_of(engine, **sections)) for engine in (algorithms.STOCK, algorithms.FAST))
    assert (weights(stock) == weights(fast)).all()
    stock.collect_rollouts(stock.env, stock._segment_callback, stock.rollout_buffer, stock.n_steps)
    ours, theirs = fast.rollout_buffer, stock.rollout_buffer
    for name in (
        "observations",
        "actions",
        "rewards",
        "episode_starts",
        "values",
        "log_probs",
        "advantages",
        "returns",
    ):
        target = getattr(ours, name)
        target[:] = getattr(theirs, name).reshape(target.shape)
    ours.pos, ours.full = ours.buffer_size, True
    return stock, fast


def updated(model: Any) -> dict[str, float]:
    np.random.seed(7)  # noqa: NPY002 — the stream that SB3 draws minibatches from
    model._total_timesteps = 480
    model._update_current_progress_remaining(48, 480)
    model.train()
    logged = dict(model.logger.name_to_value)
    model.logger.name_to_value.clear()
    return logged


networks = st.fixed_dictionaries(
    {
        "hidden_sizes": st.one_of(
            st.lists(st.integers(1, 33), max_size=3),
            st.fixed_dictionaries(
                {"actor": st.lists(st.integers(1, 20), max_size=2), "critic": st.lists(st.integers(1, 20), max_size=3)}
            ),
        ),
        "activation": st.sampled_from(["tanh", "relu", "leaky_relu", "elu"]),
        "ortho_init": st.booleans(),
        "log_std_init": st.sampled_from([0.0, -1.0]),
    }
)
updates = st.fixed_dictionaries(
    {
        "batch_size": st.sampled_from([2, 3, 12, 48]),
        "update_epochs": st.integers(1, 4),
        "learning_rate": st.sampled_from([3e-4, {"start": 1e-3, "end": 1e-4}]),
        "clip_range": st.sampled_from([0.2, 0.02, {"start": 0.3, "end": 0.0}]),
        "clip_range_vf": st.sampled_from([None, 0.2, 0.01]),
        "entropy_coef": st.sampled_from([0.0, 0.02]),
        "value_coef": st.sampled_from([0.5, 1.0, 0.0]),
        "max_grad_norm": st.sampled_from([0.5, 0.01, 100.0]),
        "target_kl": st.sampled_from([None, 1e-4, 0.01]),
        "normalize_advantage": st.booleans(),
        "gamma": st.sampled_from([0.99, 0.5]),
        "gae_lambda": st.sampled_from([0.95, 1.0, 0.0]),
    }
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(act=st.sampled_from(sorted(ACTIONS)), policy=networks, algo=updates, width=st.integers(1, 6))
def test_one_update_agrees_with_stock(act: str, policy: dict[str, Any], algo: dict[str, Any], width: int) -> None:
    """Sixty networks of every shape, and the first that compiles the kernels."""
    stock, fast = pair(policy=policy, algo=algo, env={"kwargs": {"act": act, "shape": [width]}})
    before = weights(stock)
    expected, found = updated(stock), updated(fast)
    assert np.abs(weights(stock) - before).max() > 1e-5
    clipped = abs(expected["train/clip_fraction"] - found["train/clip_fraction"])
    assert clipped < 0.05
    assume(
        clipped < 1e-6
    )  # one sample in a hundred thousand is at the clip's edge but for rounding, which then decides its gradient
    np.testing.assert_allclose(weights(fast), weights(stock), rtol=0, atol=1e-5)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-3, abs=2e-5, nan_ok=True), name


@pytest.mark.parametrize("act", ACTIONS)
def test_the_first_actions_are_those_that_stock_draws(act: str) -> None:
    env = {"kwargs": {"act": act}, "num_envs": 32}
    buffers = []
    for engine in (algorithms.STOCK, algorithms.FAST):  # one after the other: both draw from torch's global generator
        model = built(config_of(engine, env=env, algo={"batch_size": 32}))
        model.collect_rollouts(model.env, model._segment_callback, model.rollout_buffer, model.n_steps)
        buffers.append(model.rollout_buffer)
    stock, fast = buffers
    np.testing.assert_allclose(fast.actions[0].reshape(32, -1), stock.actions[0].reshape(32, -1), atol=1e-5)
    np.testing.assert_allclose(fast.log_probs[0], stock.log_probs[0], atol=1e-5)
    np.testing.assert_allclose(fast.values[0], stock.values[0], atol=1e-5)


@pytest.mark.parametrize("number", ["float32", "float64"])
@pytest.mark.parametrize("normalize", [(True, True), (True, False), (False, True), (False, False)])
def test_whole_training_stays_beside_stock(normalize: tuple[bool, bool], number: str) -> None:
    """Stock trains too, and takes most of the time."""
    env = {
        "kwargs": {"number": number, "shape": (2, 2)},
        "normalize_observation": normalize[0],
        "normalize_reward": normalize[1],
    }
    histories: list[list[Any]] = []
    for engine in (algorithms.STOCK, algorithms.FAST):
        model = built(config_of(engine, env=env))
        history = []
        for _ in range(4):
            logged = model.iterate(480)
            history.append((model.rollout_buffer.rewards.copy(), weights(model), logged["train/explained_variance"]))
        histories.append([*history, (model.env if hasattr(model.env, "take") else model.env.venv).take()])
    (*stock, stock_episodes), (*fast, fast_episodes) = histories
    for (rewards, parameters, explained), (own_rewards, own_parameters, own_explained) in zip(stock, fast, strict=True):
        np.testing.assert_allclose(own_rewards, rewards, atol=1e-4)
        np.testing.assert_allclose(own_parameters, parameters, rtol=0, atol=1e-4)
        assert own_explained == pytest.approx(explained, abs=1e-3)
    assert fast_episodes.lengths == stock_episodes.lengths
    assert fast_episodes.returns == pytest.approx(stock_episodes.returns)


def test_from_the_same_seed_both_engines_walk_the_same_way() -> None:
    """Twelve updates of Acrobot: compiled dynamics, limits that cut episodes off, normalisation, minibatches."""
    env = {"id": "Acrobot-v1", "num_envs": 8, "normalize_observation": True, "kwargs": {}}
    algo = {"rollout_steps": 128, "batch_size": 128, "update_epochs": 4, "gae_lambda": 0.94}
    walks = []
    for engine in (algorithms.STOCK, algorithms.FAST):
        model = built(config_of(engine, env=env, algo=algo, policy={"hidden_sizes": [64, 64]}), seed=3)
        for _ in range(12):
            model.iterate(60_000)
        walks.append((weights(model), model.rollout_buffer.actions.astype(int)))
    (stock, stock_actions), (fast, fast_actions) = walks
    np.testing.assert_allclose(fast, stock, rtol=0, atol=1e-5)
    in_order = stock_actions.reshape(8, 128).T.reshape(128, 8, 1)  # the update of stock flattens copy by copy
    assert (fast_actions == in_order).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(1, 4), st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_advantages_are_those_of_stock(steps: int, copies: int, gamma: float, decay: float, seed: int) -> None:
    from stable_baselines3.common.buffers import RolloutBuffer

    from rlx.algorithms.ppo.kernels import Rollout
    from rlx.algorithms.ppo.kernels.advantages import estimate

    generator = np.random.default_rng(seed)
    buffer = RolloutBuffer(
        steps,
        ACTIONS["box"],
        ACTIONS["discrete"],
        gamma=gamma,
        gae_lambda=decay,
        n_envs=copies,  # type: ignore[arg-type]
    )
    buffer.rewards[:], buffer.values[:] = generator.normal(size=(2, steps, copies))
    buffer.episode_starts[:] = generator.random((steps, copies)) < 0.3
    last, dones = generator.normal(size=copies).astype(np.float32), generator.random(copies) < 0.5
    buffer.compute_returns_and_advantage(torch.from_numpy(last), dones)
    advantages, returns = np.zeros((2, steps, copies), np.float32)
    unused = np.zeros((steps, copies, 1), np.float32)
    rollout = Rollout(
        unused, unused, buffer.rewards, buffer.episode_starts, buffer.values, buffer.log_probs, advantages, returns
    )
    estimate(rollout, last, dones.astype(np.float32), gamma, decay)
    np.testing.assert_allclose(advantages, buffer.advantages, atol=1e-4)
    np.testing.assert_allclose(returns, buffer.returns, atol=1e-4)


# --- compiled environments --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [20_000, pytest.param(100_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("env_id", native.ENVIRONMENTS)
def test_compiled_environments_give_gymnasiums_bits(env_id: str, steps: int) -> None:
    assert native.stands_in(env_id, steps, 12345)


def test_a_compiled_environment_that_differs_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from gymnasium.envs.classic_control import CartPoleEnv

    made = CartPoleEnv.__init__

    def heavier(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        self.gravity = 9.81

    assert native.stands_in.__wrapped__("CartPole-v1")
    monkeypatch.setattr(CartPoleEnv, "__init__", heavier)
    assert not native.stands_in.__wrapped__("CartPole-v1")


def test_only_the_plain_environment_is_replaced() -> None:
    def plain(**env: Any) -> bool:
        return native.is_plain(config_of(env={"id": "CartPole-v1", **env}).env)

    assert plain()
    assert not plain(kwargs={"sutton_barto_reward": True})
    assert not plain(frame_stack=2)
    assert not plain(wrappers=["gymnasium.wrappers.ClipReward"])
    assert not plain(id="CartPole-v0")


@pytest.mark.parametrize("env_id", native.ENVIRONMENTS)
def test_training_gives_the_same_bits_in_compiled_and_in_gymnasiums_environments(
    tmp_path: Path, env_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {"id": env_id, "num_envs": 4, "normalize_observation": True, "normalize_reward": True}
    snapshot = Snapshot(config_of(env=env, algo={"rollout_steps": 64, "batch_size": 64, "total_timesteps": 2048}))
    train_seed(tmp_path, snapshot, 1, tmp_path / "native", lambda _: None)
    monkeypatch.setattr(native, "is_plain", lambda _: False)
    train_seed(tmp_path, snapshot, 1, tmp_path / "gymnasium", lambda _: None)
    loads = [checkpoints.load(tmp_path / name / "checkpoints" / "latest.zip") for name in ("native", "gymnasium")]
    assert checkpoints.weights_hash(loads[0]) == checkpoints.weights_hash(loads[1])
    rows = [read_rows(tmp_path / name / "metrics.jsonl") for name in ("native", "gymnasium")]
    for ours, theirs in zip(*rows, strict=True):
        assert ours == theirs


def _player(env_id: str, seed: int, *, normalized: bool, tied: float | None) -> tuple[Environments, Any, Any]:
    """Return an environment, torch's policy and a normaliser; ``tied``: how far apart its actions' outputs are."""
    config = config_of(env={"id": env_id}, policy={"hidden_sizes": [16, 16], "activation": ("tanh", "elu")[seed % 2]})
    env = Environments(Path(), config, make_env(config.env))
    torch.manual_seed(seed)
    policy = algorithm("ppo").make(config, env, seed, "cpu").model.policy
    with torch.no_grad():
        for parameter in policy.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
        if tied is not None:
            last = policy.action_net
            last.weight[:], last.bias[:] = last.weight[0], last.bias[0] + tied * torch.arange(len(last.bias))
    shape, generator = env.observation_space.shape, np.random.default_rng(seed)
    moments = Moments(0.01 * generator.normal(size=shape), generator.uniform(0.1, 2.0, shape), 9.0)
    normalizer = Normalizer({"": moments}, Moments(np.zeros(()), np.ones(()), 1.0)) if normalized else None
    return env, policy, normalizer


COMPILED_POLICIES = [
    *(("CartPole-v1", seed, None) for seed in range(20)),
    *((env_id, 1, None) for env_id in ("Acrobot-v1", "MountainCar-v0", "Pendulum-v1")),
    *(("CartPole-v1", 2, tied) for tied in (0.0, 1e-7, -1e-7)),
]


@pytest.mark.parametrize(("env_id", "seed", "tied"), COMPILED_POLICIES)
def test_episodes_at_once_are_those_step_by_step_and_torchs(env_id: str, seed: int, tied: float | None) -> None:
    """Bit by bit the kernels' own, alone and at once; torch is the oracle of what they do."""
    env, policy, normalizer = _player(env_id, seed, normalized=seed % 2 == 1, tied=tied)
    protocol = FinalEvalConfig(episodes=100 if env_id == "CartPole-v1" else 3)
    player = PolicyPlayer(KernelActor(policy), normalizer, deterministic=True)
    step_by_step = play_with(places_for(env.config), protocol, player)
    player.at_once = partial(play_all, player.actor, env, normalizer)
    assert play_with(places_for(env.config), protocol, player) == step_by_step
    oracle = PolicyPlayer(TorchActor(policy), normalizer, deterministic=True)
    theirs = play_with(places_for(env.config), protocol, oracle)
    if env_id == "Pendulum-v1":
        scores = [[episode.episode_return for episode in each] for each in (step_by_step, theirs)]
        assert scores[0] == pytest.approx(scores[1], rel=1e-4)
    elif not tied:  # where rounding chooses, theirs can be others
        assert theirs == step_by_step


def test_the_kernels_choose_what_torch_finds_likeliest_but_for_rounding() -> None:
    for seed in range(6):
        _, policy, _ = _player("Acrobot-v1", seed, normalized=False, tied=(None, 1e-7)[seed % 2])
        seen = np.random.default_rng(seed).normal(0.0, 3.0, (100, 6)).astype(np.float32)
        chosen = KernelActor(policy).act(seen, None, np.zeros(100, np.bool_), None, True)[0]
        alone = [KernelActor(policy).act(one[None], None, np.zeros(1, np.bool_), None, True)[0][0] for one in seen]
        assert chosen.tolist() == alone
        with torch.no_grad():
            theirs = policy.action_net(policy.mlp_extractor.policy_net(torch.as_tensor(seen))).numpy()
        lost = theirs.max(axis=1) - theirs[np.arange(100), chosen]
        assert (lost <= 1e-5 * (1 + np.abs(theirs).max(axis=1))).all()


def test_the_kernels_draw_what_torch_draws() -> None:
    for act in ACTIONS:
        config = config_of(env={"kwargs": {"act": act}})
        env = Environments(Path(), config, make_env(config.env))
        policy = algorithm("ppo").make(config, env, 0, "cpu").model.policy
        seen = np.random.default_rng(0).normal(0.0, 3.0, (20, 3)).astype(np.float32)
        drawn = []
        for actor in (KernelActor(policy), TorchActor(policy)):
            torch.manual_seed(1)
            drawn.append(actor.act(seen, None, np.zeros(20, np.bool_), None, False)[0])
        assert drawn[0] == pytest.approx(drawn[1], rel=1e-4, abs=1e-5)


@given(
    rows=st.integers(1, 70),
    depth=st.integers(1, 40),
    columns=st.integers(1, 70),
    turned=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_products_are_chains_of_fused_sums(rows: int, depth: int, columns: int, turned: bool, seed: int) -> None:
    """Whatever the tile: each element is the one that it is in a product of its row and its column alone."""
    generator = np.random.default_rng(seed)
    a, b = (generator.normal(size=shape).astype(np.float32) for shape in ((rows, depth), (depth, columns)))
    c = np.full((rows + 1, columns), np.nan, np.float32)
    multiply(np.ascontiguousarray(a.T) if turned else a, b, c[:rows], turned=turned)
    assert c[:rows] == pytest.approx(a.astype(np.float64) @ b, rel=1e-4, abs=1e-5)
    assert np.isnan(c[rows]).all()
    i, j, one = seed % rows, seed % columns, np.empty((1, 1), np.float32)
    multiply(a[i : i + 1], np.ascontiguousarray(b[:, j : j + 1]), one, turned=False)
    assert one[0, 0] == c[i, j]


@given(shape=st.tuples(st.integers(1, 9), st.integers(1, 9)), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_initial_weights_are_torchs_but_for_rounding(shape: tuple[int, int], seed: int) -> None:
    made = []
    for initialize in (torch.nn.init.orthogonal_, orthogonal_):
        torch.manual_seed(seed)
        made.append(initialize(torch.empty(*shape, 1), gain=1.4).numpy())
    assert made[0] == pytest.approx(made[1], abs=2e-5)


# --- what runs on which engine ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sections", "reason"),
    [
        ({}, None),
        ({"env": {"id": "MountainCarContinuous-v0"}}, None),
        ({"algo": {"use_sde": True}, "env": {"id": "Pendulum-v1"}}, "use_sde"),
        ({"policy": {"activation": "gelu"}}, "activation is 'gelu'"),
        ({"policy": {"type": "cnn"}}, "policy.type is 'cnn'"),
        ({"env": {"id": "FrozenLake-v1"}}, "observations are Discrete"),
        ({"env": {"id": "Blackjack-v1"}}, "observations are Tuple"),
    ],
)
def test_the_engine_says_why(sections: dict[str, Any], reason: str | None) -> None:
    config = config_of(**sections)
    made = make_env(config.env)
    engine = algorithms.choose_engine(config, made.observation_space, made.action_space)
    assert engine.name == (algorithms.STOCK if reason else algorithms.FAST)
    assert (reason or "covered") in engine.reason
    if reason:
        with pytest.raises(PolicyUnusable, match=r"algo\.engine: fast cannot train this run"):
            algorithms.choose_engine(config_of(algorithms.FAST, **sections), made.observation_space, made.action_space)


@pytest.mark.parametrize("engine", [algorithms.FAST, algorithms.STOCK])
@pytest.mark.parametrize("act", ACTIONS)
def test_stock_sb3_loads_acts_and_trains_on(tmp_path: Path, act: str, engine: str) -> None:
    snapshot = Snapshot(config_of(engine, env={"kwargs": {"act": act}}))
    train_seed(tmp_path, snapshot, 0, tmp_path, lambda _: None)
    path = tmp_path / "checkpoints" / "latest.zip"
    stock, checkpoint = stable_baselines3.PPO.load(path, device="cpu"), checkpoints.load(path)
    assert (type(stock), checkpoint.state.engine) == (stable_baselines3.PPO, engine)
    ours = load_player(tmp_path, snapshot.config, checkpoint, make_env(snapshot.config.env), deterministic=True)
    observations = np.random.default_rng(0).normal(2, 3, (1000, 3)).astype(np.float32)
    assert stock.predict(observations, deterministic=True)[0] == pytest.approx(
        ours.act(observations), rel=1e-4, abs=1e-5
    )
    before = weights(stock)
    venv = Environments(tmp_path, snapshot.config, make_env(snapshot.config.env)).vec_env()
    stock.set_env(venv)
    stock.learn(96, reset_num_timesteps=False)
    assert (weights(stock) != before).any()


@pytest.mark.parametrize("act", ACTIONS)
def test_going_on_from_a_stock_checkpoint_takes_its_optimizer_along(tmp_path: Path, act: str) -> None:
    """Weights and moments of one engine, loaded into the other, give the same next update."""
    env = {"env": {"kwargs": {"act": act}}}
    stock, fast = pair(**env)
    updated(stock)
    fast.policy.load_state_dict(stock.policy.state_dict())
    fast.policy.optimizer.load_state_dict(stock.policy.optimizer.state_dict())
    fast.begin_segment(0)
    _, again = pair(**env)
    for name in (
        "observations",
        "actions",
        "rewards",
        "values",
        "log_probs",
        "advantages",
        "returns",
        "episode_starts",
    ):
        getattr(fast.rollout_buffer, name)[:] = getattr(again.rollout_buffer, name)
    stock.rollout_buffer.generator_ready = True  # it is flat already
    updated(stock)
    updated(fast)
    np.testing.assert_allclose(weights(fast), weights(stock), rtol=0, atol=2e-5)


# --- compiling --------------------------------------------------------------------------------------------------------


def compile_all() -> None:
    """Stand in for the compiler, in whatever process it is called."""
    with Path(os.environ["COMPILED_INTO"]).open("a") as file:
        file.write(f"{os.getpid()}\n")


def test_compiling_happens_once_elsewhere_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "cache_folder", lambda: tmp_path / "kept")
    monkeypatch.setenv("COMPILED_INTO", str(tmp_path / "compiled"))
    said: list[str] = []
    for _ in range(2):
        compiled.ready("things", [compile_all], said.append)
    assert len(said) == 1
    assert said[0].startswith("compiling the fast engine for this machine, once")
    (process,) = (tmp_path / "compiled").read_text().split()
    assert int(process) != os.getpid()


def test_a_home_that_cannot_be_written_only_costs_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(compiled, "cache_folder", lambda: tmp_path / "file" / "below")
    done: list[str] = []
    compiled.ready("things", [lambda: done.append("compiled")], lambda _: None)
    assert done == ["compiled"]
    assert compiled.exact(lambda x: x + 1)(1) == 2


def test_machine_code_is_kept_by_the_hash_of_all_sources() -> None:
    here = Path(compiled.__file__).parents[1]
    assert all((here / name).exists() for name in compiled.SOURCES)
    users = {
        path
        for path in here.rglob("*.py")
        if re.search(r"^from rlx\.launch import .*\b(elementwise|exact|inlined)\b", path.read_text(), re.MULTILINE)
    }
    assert users
    assert all(any(path.is_relative_to(here / name) for name in compiled.SOURCES) for path in users)


def test_another_installation_compiles_for_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machine code is found by the path and time of its source: a mark of somebody else says nothing of it."""
    here = compiled.cache_folder()
    shutil.copytree(Path(compiled.__file__).parents[1], tmp_path / "rlx", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(compiled, "__file__", str(tmp_path / "rlx" / "launch" / "compiled.py"))
    other = compiled.cache_folder.__wrapped__()
    assert other != here
    (tmp_path / "rlx" / "launch" / "compiled.py").touch()
    assert compiled.cache_folder.__wrapped__() != other


def test_an_engine_that_cannot_train_is_refused_with_its_line_before_training(tmp_path: Path) -> None:
    from rlx.errors import ConfigError
    from rlx.experiments.resolving import resolve_run

    (tmp_path / "configs").mkdir()
    (tmp_path / "params.yaml").write_text("study: {runs: [a], baseline: a}\nenv: {id: CartPole-v1}\n")
    (tmp_path / "configs" / "a.yaml").write_text("policy: {activation: gelu}\nalgo:\n  engine: fast\n")
    with pytest.raises(ConfigError, match=r"a\.yaml:3.*algo\.engine.*policy\.activation is 'gelu'"):
        resolve_run(tmp_path, "a")


@pytest.mark.slow
def test_the_process_that_compiles_trains_to_the_same_bits(tmp_path: Path) -> None:
    """Code just compiled may round otherwise than code loaded from disk; nobody trains on the former."""
    script = (
        "import sys, hashlib; from pathlib import Path\n"
        "from rlx.training.one_seed import train_seed; from rlx.config.schema import RunConfig; from rlx.config.snapshot import Snapshot\n"
        "config = RunConfig.model_validate({'env': {'id': 'Pendulum-v1', 'num_envs': 4}, 'eval': {'every': 8192, 'episodes': 2},"
        " 'algo': {'total_timesteps': 8192, 'rollout_steps': 256}})\n"
        "bench = Path(sys.argv[1]); train_seed(bench, Snapshot(config), 0, bench, lambda _: None)\n"
        "print(hashlib.sha256((bench / 'metrics.jsonl').read_bytes()).hexdigest())"
    )
    fresh = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    hashes = []
    for name in ("compiling", "loading"):
        (tmp_path / name).mkdir()
        done = subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / name)], env=fresh, capture_output=True, text=True, check=True
        )
        hashes.append(done.stdout)
    assert hashes[0] == hashes[1]
