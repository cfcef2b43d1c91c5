"""Every algorithm that is killed on the way ends with the same bits as if it had not been; its policy acts from a checkpoint alone."""

from __future__ import annotations

import os
import shutil
import signal
import time
import traceback
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.config import RunConfig, Snapshot, own_settings
from rlx.training.one_seed import train_seed
from tests.algorithms import toys
from tests.conftest import REPOSITORY

ON = {"rollout_steps": 64}
OFF = {"learning_starts": 200, "batch_size": 32, "buffer_size": 700, "iteration_steps": 250}
Q = {**OFF, "target_update_interval": 300, "exploration_fraction": 0.5}
SMALL = {"hidden_sizes": [16, 16]}
NOISE = {"type": "normal", "std": 0.1}
HER = {**OFF, "replay": {"type": "her", "n_sampled_goal": 4}}
RANGES = {"ranges": {"g": [7.0, 13.0]}}
STAGES = {"stages": [{"until": 0.4, "kwargs": {"g": 4.0}}, {"until": 1.0}], "interpolate": True}
STAGES_OF_LENGTH = {"stages": [{"until": 0.4, "kwargs": {"max_episode_steps": 20}}, {"until": 1.0}]}
MIXTURE = {"mixture": [{"weight": 2.0, "kwargs": {"g": 4.0}}, {"weight": 1.0}]}
CASES: dict[str, tuple[str, str, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "ppo": ("ppo", "CartPole-v1", ON, SMALL, {"normalize_observation": True}),
    "ppo-gsde": ("ppo", "Pendulum-v1", {**ON, "use_sde": True, "sde_sample_freq": 8}, SMALL, {}),
    "ppo-dict": ("ppo", "DictCartPole-v0", ON, SMALL, {"normalize_observation": True}),
    "ppo-image": ("ppo", "ImageCartPole-v0", {**ON, "update_epochs": 2}, {"type": "cnn", "hidden_sizes": []}, {}),
    "a2c": ("a2c", "CartPole-v1", {"learning_rate": {"start": 1e-3, "end": 0.0}}, SMALL, {}),
    "a2c-choices": ("a2c", "ManyChoices-v0", {}, SMALL, {}),
    "a2c-binary": ("a2c", "BinaryChoices-v0", {}, SMALL, {}),
    "trpo": ("trpo", "CartPole-v1", {**ON, "batch_size": 64}, SMALL, {}),
    "ars": ("ars", "CartPole-v1", {"n_delta": 4}, {}, {"normalize_observation": True}),
    "recurrent_ppo": (
        "recurrent_ppo",
        "CartPole-v1",
        {**ON, "update_epochs": 3},
        {**SMALL, "kwargs": {"lstm_hidden_size": 16}},
        {},
    ),
    "maskable_ppo": ("maskable_ppo", "MaskedCartPole-v0", ON, SMALL, {}),
    "dqn": ("dqn", "CartPole-v1", Q, SMALL, {}),
    "dqn-compiled": ("dqn", "CartPole-v1", {**Q, "total_timesteps": 16_000}, SMALL, {"kwargs": {}}),
    "dqn-stock": ("dqn", "CartPole-v1", {**Q, "engine": "stable-baselines3"}, SMALL, {}),
    "dqn-nstep": ("dqn", "CartPole-v1", {**Q, "return_steps": 3}, SMALL, {}),
    "dqn-discrete": ("dqn", "FrozenLake-v1", Q, SMALL, {}),
    "qrdqn-discrete": ("qrdqn", "FrozenLake-v1", Q, {**SMALL, "kwargs": {"n_quantiles": 20}}, {}),
    **{
        f"{name}-mixed": (name, "MixedCartPole-v0", algo, SMALL, {})
        for name, algo in {"a2c": {}, "trpo": {**ON, "batch_size": 64}, "ppo": ON, "dqn": Q, "qrdqn": Q}.items()
    },
    **{f"{name}-mixed": (name, "MixedPendulum-v0", OFF, SMALL, {}) for name in ("sac", "td3", "ddpg", "tqc")},
    "dqn-image": ("dqn", "ImageCartPole-v0", Q, {"type": "cnn"}, {"frame_stack": 2}),
    "qrdqn": ("qrdqn", "CartPole-v1", Q, {**SMALL, "kwargs": {"n_quantiles": 20}}, {}),
    "sac": ("sac", "Pendulum-v1", OFF, SMALL, {}),
    "sac-compiled": ("sac", "Pendulum-v1", {**OFF, "total_timesteps": 6_000}, SMALL, {"kwargs": {}}),
    "sac-stock": ("sac", "Pendulum-v1", {**OFF, "engine": "stable-baselines3"}, SMALL, {}),
    "sac-gsde": ("sac", "Pendulum-v1", {**OFF, "use_sde": True}, SMALL, {}),
    "sac-dict": ("sac", "DictPendulum-v0", OFF, SMALL, {"normalize_observation": True, "normalize_reward": True}),
    "sac-her": ("sac", "Reach-v0", HER, SMALL, {}),
    "td3": ("td3", "Pendulum-v1", {**OFF, "action_noise": NOISE}, SMALL, {}),
    "td3-stock": ("td3", "Pendulum-v1", {**OFF, "action_noise": NOISE, "engine": "stable-baselines3"}, SMALL, {}),
    "td3-image": ("td3", "ImagePendulum-v0", OFF, {"type": "cnn", "hidden_sizes": [16]}, {}),
    "ddpg": ("ddpg", "Pendulum-v1", {**OFF, "action_noise": {"type": "ornstein-uhlenbeck"}}, SMALL, {}),
    "ddpg-her": ("ddpg", "Reach-v0", HER, SMALL, {"normalize_observation": True}),
    "tqc": ("tqc", "Pendulum-v1", OFF, {**SMALL, "kwargs": {"n_quantiles": 5}}, {}),
    "crossq": ("crossq", "Pendulum-v1", OFF, SMALL, {}),
    "ppo-ranges": ("ppo", "Pendulum-v1", ON, SMALL, {"normalize_observation": True, "training": RANGES}),
    "ppo-stages": ("ppo", "Pendulum-v1", {**ON, "engine": "stable-baselines3"}, SMALL, {"training": STAGES}),
    "ppo-mixture": ("ppo", "Pendulum-v1", ON, SMALL, {"training": {**MIXTURE, "kwargs": {"max_episode_steps": 30}}}),
    "sac-ranges": ("sac", "Pendulum-v1", OFF, SMALL, {"training": {**RANGES, **STAGES_OF_LENGTH}}),
    "sac-stages-apart": ("sac", "Pendulum-v1", OFF, SMALL, {"vectorization": "isolated", "training": STAGES}),
    "sac-mixture-stock": (
        "sac",
        "Pendulum-v1",
        {**OFF, "engine": "stable-baselines3"},
        SMALL,
        {"vectorization": "async", "training": MIXTURE},
    ),
    "td3-image-ranges": (
        "td3",
        "ImagePendulum-v0",
        OFF,
        {"type": "cnn", "hidden_sizes": [16]},
        {"frame_stack": 2, "training": RANGES},
    ),
    "sbx_sac-stages": ("sbx_sac", "Pendulum-v1", OFF, SMALL, {"training": STAGES}),
    "sbx_ppo": ("sbx_ppo", "CartPole-v1", {**ON, "target_kl": 0.02}, SMALL, {}),
    "sbx_sac": ("sbx_sac", "Pendulum-v1", OFF, SMALL, {}),
    "sbx_sac-dict": ("sbx_sac", "DictPendulum-v0", OFF, SMALL, {"normalize_observation": True}),
    "sbx_td3": ("sbx_td3", "Pendulum-v1", {**OFF, "action_noise": NOISE}, SMALL, {}),
    "sbx_dqn": ("sbx_dqn", "CartPole-v1", Q, SMALL, {}),
    "sbx_crossq": ("sbx_crossq", "Pendulum-v1", OFF, SMALL, {}),
    "sbx_tqc": ("sbx_tqc", "Pendulum-v1", OFF, SMALL, {}),
}
LIMITED = {env: {"kwargs": {"max_episode_steps": 40}} for env in ("CartPole-v1", "Pendulum-v1")}
"""Shorter episodes, so that segments can be short."""
assert toys.Masked  # importing it registers its environments
QUICK = ("a2c", "ars", "dqn-discrete", "sac-her", "ppo-ranges", "ppo-stages", "ppo-mixture")
"""One for each way in which a state is kept or training's environment changes, and of each family that needs no extra; all others
are slow."""


def snapshot(case: str) -> Snapshot:
    name, env, algo, policy, more = CASES[case]
    own_settings(name)
    data = {
        "env": {"id": env, "num_envs": 2, **LIMITED.get(env, {}), **more},
        "algo": {"name": name, "total_timesteps": 1900, **algo},
        "policy": policy,
        "eval": {"every": 700, "episodes": 2, "deterministic": False},
        "checkpoint": {"save_every": 600},
        "device": "cpu",
    }
    return Snapshot(RunConfig.model_validate(data))


def begun(case: str, folder: Path) -> int:
    """Train a case in a process of its own; returns its id."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        warnings.simplefilter("ignore")  # of JAX's libraries among each other
        train_seed(REPOSITORY, snapshot(case), 7, folder, lambda _: None)
        status = 0
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        os._exit(status)


def ended(process: int) -> None:
    assert os.waitpid(process, 0)[1] == 0, "training failed"


def boundaries(folder: Path) -> list[Path]:
    return sorted((folder / "checkpoints").glob("step_*.zip"), key=lambda path: int(path.stem[5:]))


def rows(folder: Path) -> int:
    path = folder / "metrics.jsonl"
    return len(path.read_bytes().splitlines()) if path.exists() else 0


def killed_on_the_way(case: str, folder: Path) -> None:
    """Train, and kill the process in the middle of its second segment."""
    process = begun(case, folder)
    while not boundaries(folder):
        time.sleep(0.005)
        assert os.waitpid(process, os.WNOHANG) == (0, 0), "training ended before it could be killed"
    before = rows(folder)
    while rows(folder) == before:
        assert os.waitpid(process, os.WNOHANG) == (0, 0), "training ended before it could be killed"
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def differences(one: Path, other: Path) -> list[str]:
    """Return the members in which two checkpoints differ, byte for byte."""
    with zipfile.ZipFile(one) as a, zipfile.ZipFile(other) as b:
        names = {*a.namelist(), *b.namelist()}
        return sorted(n for n in names if n not in a.namelist() or n not in b.namelist() or a.read(n) != b.read(n))


def _marks(case: str) -> list[Any]:
    if case.startswith("sbx"):
        return [pytest.mark.component]  # the extra jax
    return [] if case in QUICK else [pytest.mark.slow]


@pytest.mark.parametrize("case", [pytest.param(case, marks=_marks(case)) for case in CASES])
def test_a_killed_training_ends_with_the_same_bits(case: str, tmp_path: Path) -> None:
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    straight.mkdir()
    killed.mkdir()
    ended(begun(case, straight))
    killed_on_the_way(case, killed)
    kept = boundaries(killed)
    assert kept
    assert len(kept) < len(boundaries(straight))
    ended(begun(case, killed))
    assert differences(boundaries(straight)[-1], boundaries(killed)[-1]) == []
    assert (straight / "metrics.jsonl").read_bytes() == (killed / "metrics.jsonl").read_bytes()
    for path in (straight / "checkpoints" / "replay").glob("*.npz"):
        assert path.read_bytes() == (killed / "checkpoints" / "replay" / path.name).read_bytes()


@pytest.fixture(scope="module")
def straight_sac(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nothing has disturbed."""
    folder = tmp_path_factory.mktemp("straight")
    ended(begun("sac", folder))
    return folder


@pytest.mark.parametrize("spoiled", ["gone", "pickled"])
def test_with_a_part_of_the_replay_buffer_spoiled_training_goes_back_and_ends_alike(
    spoiled: str, straight_sac: Path, tmp_path: Path
) -> None:
    straight, damaged = straight_sac, tmp_path / "damaged"
    shutil.copytree(straight, damaged)
    chunk = damaged / "checkpoints" / "replay" / "002.npz"
    if spoiled == "gone":
        chunk.unlink()
    else:
        np.savez(chunk, observations=np.array([print], dtype=object), allow_pickle=True)
    ended(begun("sac", damaged))
    assert differences(boundaries(straight)[-1], boundaries(damaged)[-1]) == []
    assert (straight / "metrics.jsonl").read_bytes() == (damaged / "metrics.jsonl").read_bytes()
    assert (straight / "checkpoints" / "best.zip").read_bytes() == (damaged / "checkpoints" / "best.zip").read_bytes()
