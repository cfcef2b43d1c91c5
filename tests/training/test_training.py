"""Training on environments whose values are known, and what a killed training leaves behind.

The probe environments are the field's (A. Jones, "Debugging RL, Without the Agonizing Pain"): each can only be solved
by one more part of the algorithm.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3
import torch
from gymnasium import spaces

from rlx.config.schema import FinalEvalConfig, RunConfig
from rlx.config.snapshot import Snapshot, read_snapshot
from rlx.envs.making import make_env
from rlx.errors import CheckpointDamaged, NonFiniteValue
from rlx.records import checkpoints
from rlx.records.metrics import read_rows
from rlx.training.actors import load_player
from rlx.training.held_out_play import play_held_out
from rlx.training.one_seed import train_seed

torch.set_num_threads(1)


class Probe(gym.Env[Any, Any]):
    """One of five tiny tasks; see :data:`PROBES`."""

    def __init__(self, kind: str = "value", act: str = "discrete"):
        self.kind = kind
        self.observation_space = spaces.Box(-1, 1, (1,), np.float32)
        self.action_space = {
            "discrete": spaces.Discrete(2),
            "box": spaces.Box(-1, 1, (2,), np.float32),
            "multidiscrete": spaces.MultiDiscrete([2, 3]),
            "multibinary": spaces.MultiBinary(3),
        }[act]

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps, self.sign = 0, float(self.np_random.choice([-1.0, 1.0]))
        return self._see(), {}

    def _see(self) -> np.ndarray:
        if self.kind == "discount":
            return np.array([float(self.steps)], np.float32)
        return np.array([0.0 if self.kind in ("value", "action") else self.sign], np.float32)

    def step(self, action: Any) -> Any:
        self.steps += 1
        first = float(np.ravel(action)[0])
        right = (
            first > 0.5
            if isinstance(self.action_space, spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary)
            else first > 0
        )
        reward = {
            "value": 1.0,
            "observation": self.sign,
            "discount": float(self.steps == 2),
            "action": 1.0 if right else -1.0,
            "both": self.sign * (1.0 if right else -1.0),
            "nan_reward": float("nan") if self.steps == 3 else 0.0,
            "nan_observation": 0.0,
            "crash": 0.0,
        }[self.kind]
        if self.kind == "crash" and self.steps == 3:
            raise RuntimeError("the simulator crashed")
        over = self.steps == (2 if self.kind == "discount" else 4 if self.kind.startswith(("nan", "crash")) else 1)
        seen = np.array([np.nan], np.float32) if self.kind == "nan_observation" and self.steps == 2 else self._see()
        return seen, reward, over, False, {"is_success": reward > 0}


gym.register("Probe-v0", entry_point=Probe)
ENGINES = ("fast", "stable-baselines3")


def settings(env: dict[str, Any], **changes: Any) -> Snapshot:
    data: dict[str, Any] = {
        "env": {"num_envs": 4, **env},
        "algo": {
            "total_timesteps": 4096,
            "rollout_steps": 64,
            "batch_size": 64,
            "update_epochs": 6,
            "learning_rate": 0.003,
            "gamma": 0.5,
        },
        "policy": {"hidden_sizes": [16]},
        "checkpoint": {"save_every": 2048},
        "eval": {"every": 2048, "episodes": 4},
    }
    for section, values in changes.items():
        data[section] = {**data.get(section, {}), **values} if isinstance(values, dict) else values
    return Snapshot(RunConfig.model_validate(data))


def trained(folder: Path, snapshot: Snapshot, seed: int = 0) -> checkpoints.Checkpoint:
    train_seed(folder, snapshot, seed, folder, lambda _: None)
    return checkpoints.load(folder / "checkpoints" / "latest.zip")


def critic(folder: Path, observation: float) -> float:
    path = folder / "checkpoints" / "latest.zip"
    with torch.no_grad():
        return float(
            stable_baselines3.PPO.load(path, device="cpu").policy.predict_values(torch.tensor([[observation]]))
        )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("kind", "values"),
    [("value", {0.0: 1.0}), ("observation", {1.0: 1.0, -1.0: -1.0}), ("discount", {0.0: 0.5, 1.0: 1.0})],
)
def test_the_critic_learns_known_values(tmp_path: Path, kind: str, values: dict[float, float], engine: str) -> None:
    snapshot = settings({"id": "Probe-v0", "kwargs": {"kind": kind}}, algo={"engine": engine})
    trained(tmp_path, snapshot)
    for observation, value in values.items():
        assert critic(tmp_path, observation) == pytest.approx(value, abs=0.1)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("act", ["discrete", "box", "multidiscrete", "multibinary"])
@pytest.mark.parametrize("kind", ["action", "both"])
def test_the_actor_learns_the_better_action(tmp_path: Path, kind: str, act: str, engine: str) -> None:
    snapshot = settings({"id": "Probe-v0", "kwargs": {"kind": kind, "act": act}}, algo={"engine": engine})
    checkpoint = trained(tmp_path, snapshot)
    actor = load_player(tmp_path, snapshot.config, checkpoint, make_env(snapshot.config.env), deterministic=True)
    episodes = play_held_out(tmp_path, snapshot, FinalEvalConfig(episodes=20), actor)
    assert [episode.episode_return for episode in episodes] == [1.0] * 20
    assert all(episode.success for episode in episodes)


def cartpole(**changes: Any) -> Snapshot:
    algo = {
        "total_timesteps": 4096,
        "rollout_steps": 64,
        "update_epochs": 2,
        "learning_rate": {"start": 0.001, "end": 0.0},
        **changes.pop("algo", {}),
    }
    env = {
        "id": "CartPole-v1",
        "normalize_observation": True,
        "normalize_reward": True,
        "kwargs": {},
        "num_envs": 2,
        **changes.pop("env", {}),
    }
    return settings(env, algo=algo, checkpoint={"save_every": 1}, eval={"every": 512}, **changes)


def hashes(folder: Path) -> dict[str, str]:
    files = [folder / "metrics.jsonl", *sorted((folder / "checkpoints").glob("*.zip"))]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# CartPole's boundaries stay 5 × 500 × 2 = 5000 steps apart, so these train a little longer to have some.
LONG = {"total_timesteps": 15_000}


def test_training_again_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        train_seed(tmp_path, cartpole(), 3, tmp_path / name, lambda _: None)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")
    train_seed(tmp_path, cartpole(), 4, tmp_path / "other", lambda _: None)
    assert hashes(tmp_path / "one") != hashes(tmp_path / "other")


def test_a_kill_just_before_the_end_still_names_latest_and_best(tmp_path: Path) -> None:
    train_seed(tmp_path, cartpole(), 3, tmp_path, lambda _: None)
    expected = hashes(tmp_path)
    for name in ("latest", "best"):
        (tmp_path / "checkpoints" / f"{name}.zip").unlink()
    (tmp_path / "checkpoints" / ".step_9.zip.abcd.zip").write_text("half")
    train_seed(tmp_path, cartpole(), 3, tmp_path, lambda _: None)
    assert hashes(tmp_path) == expected


def test_a_checkpoint_does_not_depend_on_the_other_seeds_of_its_run(tmp_path: Path) -> None:
    for name, count in (("one", 1), ("many", 7)):
        train_seed(tmp_path, cartpole(num_seeds=count, run_name=name, seed=count), 3, tmp_path / name, lambda _: None)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "many")


def test_a_damaged_checkpoint_is_named_and_passed_over(tmp_path: Path) -> None:
    snapshot = cartpole(algo=LONG)
    train_seed(tmp_path, snapshot, 3, tmp_path / "calm", lambda _: None)
    expected = hashes(tmp_path / "calm")
    newest = max((tmp_path / "calm" / "checkpoints").glob("step_*.zip"), key=lambda path: int(path.stem[5:]))
    data = bytearray(newest.read_bytes())
    data[len(data) // 2] ^= 1
    newest.write_bytes(bytes(data))
    lines: list[str] = []
    train_seed(tmp_path, snapshot, 3, tmp_path / "calm", lambda _: None, lines.append)
    (line,) = [line for line in lines if "is damaged" in line]
    assert line.startswith("seed 3: ")
    assert "the newest good checkpoint beside it is step_10240.zip; it is passed over" in line
    assert hashes(tmp_path / "calm") == expected


def test_validating_more_often_changes_nothing_in_training(tmp_path: Path) -> None:
    for name, every in (("often", 256), ("seldom", 4096)):
        snapshot = cartpole()
        config = snapshot.config.model_copy(
            update={"eval": snapshot.config.eval.model_copy(update={"every": every, "deterministic": False})}
        )
        train_seed(tmp_path, Snapshot(config), 3, tmp_path / name, lambda _: None)
    loads = [checkpoints.load(tmp_path / name / "checkpoints" / "latest.zip") for name in ("often", "seldom")]
    assert checkpoints.weights_hash(loads[0]) == checkpoints.weights_hash(loads[1])


def test_the_log_holds_every_number_of_the_update(tmp_path: Path) -> None:
    train_seed(tmp_path, cartpole(algo={"clip_range_vf": 0.2}), 0, tmp_path, lambda _: None)
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(128, 4096 + 1, 128))
    assert {key for row in rows for key in row if key.startswith("train/")} == {
        f"train/{name}"
        for name in (
            "advantage_std approx_kl clip_fraction clip_range clip_range_vf entropy_loss explained_variance gradient_norm "
            "learning_rate loss n_updates policy_gradient_loss value_loss value_target_mean value_target_std"
        ).split()
    }
    assert rows[0]["train/learning_rate"] > rows[-1]["train/learning_rate"] == 0.0
    assert [row["step"] for row in rows if "validation/return_mean" in row] == list(range(512, 4096 + 1, 512))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("nan_reward", r"Probe-v0 gave a reward that is not a finite number: nan .*copy 0 of 4, after 12 steps"),
        (
            "nan_observation",
            r"Probe-v0 gave an observation that is not a finite number: \[nan\] .*copy 0 of 4, after 8 steps",
        ),
    ],
)
def test_values_that_are_not_numbers_fail_by_name(tmp_path: Path, kind: str, message: str) -> None:
    with pytest.raises(NonFiniteValue, match=message):
        train_seed(tmp_path, settings({"id": "Probe-v0", "kwargs": {"kind": kind}}), 0, tmp_path, lambda _: None)


def test_a_diverging_update_fails_by_name(tmp_path: Path) -> None:
    snapshot = settings({"id": "Probe-v0", "kwargs": {"kind": "both", "act": "box"}}, algo={"learning_rate": 1e30})
    with pytest.raises(NonFiniteValue, match="training diverged; try a smaller algo"):
        train_seed(tmp_path, snapshot, 0, tmp_path, lambda _: None)


def test_observations_that_are_not_numbers_fail_in_evaluation_too(tmp_path: Path) -> None:
    from rlx.training.actors import RandomPlayer

    snapshot = settings({"id": "Probe-v0", "kwargs": {"kind": "nan_observation"}})
    with pytest.raises(
        NonFiniteValue, match=r"Probe-v0 gave nan as observation in step 2 of evaluation episode 0 \(reset seed \d+\)"
    ):
        play_held_out(tmp_path, snapshot, FinalEvalConfig(episodes=1), RandomPlayer())


def test_stock_sb3_loads_a_checkpoint_plays_it_and_trains_on(tmp_path: Path) -> None:
    snapshot = cartpole(env={"normalize_observation": False, "normalize_reward": False})
    checkpoint = trained(tmp_path, snapshot)
    stock = stable_baselines3.PPO.load(tmp_path / "checkpoints" / "latest.zip", device="cpu")
    ours = load_player(tmp_path, snapshot.config, checkpoint, make_env(snapshot.config.env), deterministic=True)
    observations = np.random.default_rng(0).normal(size=(1000, 4)).astype(np.float32)
    assert (stock.predict(observations, deterministic=True)[0] == ours.act(observations)).all()
    protocol = FinalEvalConfig(episodes=10)
    for episode in play_held_out(tmp_path, snapshot, protocol, ours):
        env = gym.make("CartPole-v1")
        observation, _ = env.reset(seed=episode.reset_seed)
        total, over = 0.0, False
        while not over:
            action = stock.predict(observation, deterministic=True)[0]
            observation, reward, terminated, truncated, _ = env.step(action)
            total, over = total + float(reward), terminated or truncated
        assert total == episode.episode_return
    assert (type(stock), stock.num_timesteps) == (stable_baselines3.PPO, 4096)
    stock.set_env(stable_baselines3.common.env_util.make_vec_env("CartPole-v1", 2))
    stock.learn(128, reset_num_timesteps=False)


def test_networks_and_wrappers_of_every_kind_train(tmp_path: Path) -> None:
    for index, changes in enumerate(
        (
            {"policy": {"hidden_sizes": {"actor": [8], "critic": [8, 8]}, "activation": "elu", "ortho_init": False}},
            {"env": {"frame_stack": 3, "wrappers": [{"gymnasium.wrappers.TimeLimit": {"max_episode_steps": 50}}]}},
            {"env": {"id": "Pendulum-v1"}, "algo": {"use_sde": True, "sde_sample_freq": 4, "target_kl": 0.01}},
        )
    ):
        snapshot = cartpole(**{**changes, "algo": {"total_timesteps": 256, **changes.get("algo", {})}})  # type: ignore[arg-type]
        folder = tmp_path / str(index)
        checkpoint = trained(folder, snapshot)
        actor = load_player(folder, snapshot.config, checkpoint, make_env(snapshot.config.env), deterministic=False)
        episodes = play_held_out(folder, snapshot, FinalEvalConfig(episodes=2, deterministic=False), actor)
        assert episodes == play_held_out(folder, snapshot, FinalEvalConfig(episodes=2, deterministic=False), actor)


def test_async_environments_give_the_same_bits(tmp_path: Path) -> None:
    for name in ("sync", "async"):
        train_seed(
            tmp_path,
            cartpole(env={"vectorization": name}, algo={"total_timesteps": 512}),
            0,
            tmp_path / name,
            lambda _: None,
        )
    weights = [
        checkpoints.weights_hash(checkpoints.load(tmp_path / name / "checkpoints" / "latest.zip"))
        for name in ("sync", "async")
    ]
    assert weights[0] == weights[1]


def test_read_snapshot_is_what_training_used(tmp_path: Path) -> None:
    snapshot = cartpole(algo={"total_timesteps": 256})
    (tmp_path / "c.yaml").write_text(trained(tmp_path, snapshot).config)
    assert read_snapshot(tmp_path / "c.yaml").training_part() == snapshot.training_part()


def test_a_checkpoint_of_the_first_format_is_read_and_trained_on(tmp_path: Path) -> None:
    """Stored by rlx 0.1 before format 2: ``checkpoint_format_1.zip`` after 1024 steps with seed 3."""
    stored = Path(__file__).parents[1] / "data" / "checkpoint_format_1.zip"
    checkpoint = checkpoints.load(stored)
    assert (checkpoint.state.step, checkpoint.state.engine) == (1024, "stable-baselines3")
    assert checkpoint.normalizer is not None
    (tmp_path / "snapshot.yaml").write_text(checkpoint.config)
    config = read_snapshot(tmp_path / "snapshot.yaml").config
    actor = load_player(tmp_path, config, checkpoint, make_env(config.env), deterministic=True)
    stock = stable_baselines3.PPO.load(stored, device="cpu")
    observations = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    assert (actor.act(observations) == stock.predict(checkpoint.normalizer(observations), deterministic=True)[0]).all()
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "step_1024.zip").write_bytes(stored.read_bytes())
    (tmp_path / "checkpoints" / "best_1024.zip").write_bytes(stored.read_bytes())
    algo = config.algo.model_copy(update={"total_timesteps": 2048})
    state = train_seed(tmp_path, Snapshot(config.model_copy(update={"algo": algo})), 3, tmp_path, lambda _: None)
    assert (state.step, state.boundary) == (2048, 2)


def test_a_checkpoint_of_a_later_format_is_refused(tmp_path: Path) -> None:
    trained(tmp_path, cartpole(algo={"total_timesteps": 256}))
    path = tmp_path / "checkpoints" / "latest.zip"
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    members["rlx/manifest.json"] = members["rlx/manifest.json"].replace(b'"format": 3', b'"format": 99')
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(CheckpointDamaged, match="has checkpoint format 99, and this rlx reads formats 1 to 3; upgrade"):
        checkpoints.load(path)
