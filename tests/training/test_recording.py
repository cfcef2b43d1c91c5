"""What training records about itself, on environments where it is known: targets, time limits, parts of the reward."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlx.algorithms import vocabulary
from rlx.algorithms.ppo import engines as algorithms
from rlx.algorithms.ppo.learner import PPOLearner
from rlx.config.schema import RunConfig
from rlx.config.snapshot import Snapshot
from rlx.envs import Environments
from rlx.envs.making import make_env
from rlx.envs.reward_components import ComponentSums
from rlx.errors import NonFiniteValue
from rlx.launch.failures import cause_of
from rlx.records.metrics import checked, read_rows, write_rows
from rlx.report.documents import check_document
from rlx.training.one_seed import train_seed
from tests.conftest import Project

LIMIT = "gymnasium.wrappers.TimeLimit"
ENGINES = (algorithms.FAST, algorithms.STOCK)


class Alternating(gym.Env[Any, Any]):
    """Episodes of three steps; every other one is over then, the others are cut off by their time limit."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-1, 1, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        self.episode = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.episode = 1 if seed is not None else self.episode + 1
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        return np.zeros(1, np.float32), 1.0, self.steps == 3 and self.episode % 2 == 0, False, {}


gym.register("Alternating-v0", entry_point=Alternating, max_episode_steps=3)


def settings(env: dict[str, Any], **algo: Any) -> Snapshot:
    data: dict[str, Any] = {
        "env": {"num_envs": 2, **env},
        "algo": {"total_timesteps": 96, "rollout_steps": 12, "batch_size": 12, "update_epochs": 2, **algo},
        "policy": {"hidden_sizes": [4]},
        "checkpoint": {"save_every": 32},
        "eval": {"every": 96, "episodes": 1},
    }
    return Snapshot(RunConfig.model_validate(data))


def rows_of(folder: Path, snapshot: Snapshot) -> list[dict[str, Any]]:
    train_seed(folder, snapshot, 0, folder, lambda _: None)
    return read_rows(folder / "metrics.jsonl")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("normalize", [False, True])
def test_the_targets_of_an_update_are_those_of_its_rollout(engine: str, normalize: bool) -> None:
    config = settings({"id": "Pendulum-v1", "normalize_reward": normalize}, engine=engine).config
    env = Environments(Path(), config, make_env(config.env))
    model = PPOLearner(config, env, 0, "cpu").model
    model.begin_segment(0)
    logged = model.iterate(96)
    rollout = model.rollout_buffer
    expected = {
        "train/value_target_mean": np.mean(rollout.returns),
        "train/value_target_std": np.std(rollout.returns),
        "train/advantage_std": np.std(rollout.advantages),
    }
    assert {key: logged[key] for key in expected} == pytest.approx(expected, rel=1e-5)
    explained = 1 - np.var(rollout.returns - rollout.values) / np.var(rollout.returns)
    assert logged["train/explained_variance"] == pytest.approx(explained, abs=1e-4)  # it is still the same rollout
    assert (abs(logged["train/value_target_mean"]) < 10) == normalize


@pytest.mark.parametrize("vectorization", ["sync", "async"])
@pytest.mark.parametrize("engine", ENGINES)
def test_the_share_of_episodes_that_a_limit_ended(tmp_path: Path, engine: str, vectorization: str) -> None:
    if vectorization == "async":  # spawned processes know Gymnasium's environments only
        env = {"id": "Pendulum-v1", "kwargs": {"g": 9.0}, "wrappers": [{LIMIT: {"max_episode_steps": 5}}]}
    else:
        env = {"id": "Alternating-v0"}
    rows = rows_of(tmp_path, settings({**env, "vectorization": vectorization}, engine=engine, total_timesteps=48))
    share = 1.0 if vectorization == "async" else 0.5
    assert [row["rollout/truncated_share"] for row in rows] == [share] * 2


@pytest.mark.parametrize(("env_id", "share"), [("Pendulum-v1", 1.0), ("CartPole-v1", 0.0)])
def test_compiled_environments_tell_who_ended_an_episode(tmp_path: Path, env_id: str, share: float) -> None:
    rows = rows_of(tmp_path, settings({"id": env_id}, rollout_steps=60, batch_size=60, total_timesteps=480))
    assert {row.get("rollout/truncated_share") for row in rows if row["rollout/episodes"]} == {share}
    assert all("rollout/truncated_share" not in row for row in rows if not row["rollout/episodes"])


# --- parts of the reward ----------------------------------------------------------------------------------------------


class Parts(gym.Env[Any, Any]):
    """Episodes of two and of three steps in turn, whose ``info`` holds parts of the reward, and things like them."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-1, 1, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        self.episode = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.episode = 0 if seed is not None else self.episode + 1
        self.steps = 0
        return np.zeros(1, np.float32), {"reward_alive": 1000.0}

    def step(self, action: Any) -> Any:
        self.steps += 1
        over = self.steps == 2 + self.episode % 2
        info: dict[str, Any] = {
            "reward_alive": np.float32(1),
            "reward_late": self.steps if self.steps > 1 else None,
            "reward_holes": float("nan") if self.steps == 1 else np.array([0.5]),
            "reward_kind": "dense",
            "reward_huge": 1e308,
            "reward_over": 10**400,
            "reward_is-odd": 1.0,
            "reward_": 1.0,
            3: "number",
            "x_position": 5.0,
        }
        if over and self.episode % 2:
            info["reward_goal"] = 10.0
        return np.zeros(1, np.float32), 1.0, over, False, info


gym.register("Parts-v0", entry_point=Parts)


@pytest.mark.parametrize("engine", ENGINES)
def test_parts_of_the_reward_are_added_up_over_episodes(tmp_path: Path, engine: str) -> None:
    """Ten steps, ten of each copy in a rollout: two episodes of two steps, two of three, of which one has a goal each."""
    env = {"id": "Parts-v0", "normalize_reward": True}
    rows = rows_of(tmp_path, settings(env, engine=engine, rollout_steps=10, batch_size=20, total_timesteps=60))
    parts = [{key: value for key, value in row.items() if key.startswith("reward/")} for row in rows]
    late = (2 + 2 + 3) / 2  # 2, and 2 + 3, by episode
    expected = {"reward/alive": 2.5, "reward/late": late, "reward/holes": 0.75, "reward/goal": 5.0}
    assert [row["rollout/episodes"] for row in rows] == [8] * 3
    assert parts == [pytest.approx(expected)] * 3


def test_a_part_that_an_episode_lacks_counts_as_nothing_and_32_are_followed() -> None:
    sums = ComponentSums(1)
    sums.add(0, {f"reward_{index}": 1.0 for index in range(40)})
    sums.end(0)
    assert len(sums.take()) == 32
    sums.add(0, {"reward_0": 3})
    sums.end(0)
    sums.end(0)
    found = sums.take()
    assert (found["0"], found["1"], len(found)) == (1.5, 0.0, 32)
    assert sums.take() == {}
    for step in range(1000):  # keys that change with every step are not remembered
        sums.add(0, {f"at_{step}": 1})
    assert len(sums._layouts) <= 64
    sums.add(0, {"reward_0": 3})
    sums.forget()
    sums.end(0)
    assert sums.take() == {}


def test_a_running_total_counts_with_its_last_value_and_a_part_of_each_step_with_its_sum() -> None:
    rng, sums = np.random.default_rng(1), ComponentSums(1)
    rewards, other = rng.normal(size=100), rng.normal(size=100)
    totals = {"reward_score": rewards, "reward_alive_total": np.ones(100), "reward_drift_sum": other}
    steps = {"reward_total": rewards, "reward_alive": np.ones(100), "reward_clock": -0.01 * np.arange(100)}
    for step, reward in enumerate(rewards):
        info = {key: float(values[: step + 1].sum()) for key, values in totals.items()}
        sums.add(0, info | {key: float(values[step]) for key, values in steps.items()}, float(np.float32(reward)))
    sums.end(0)
    expected = {key.removeprefix("reward_"): float(values.sum()) for key, values in (totals | steps).items()}
    assert sums.take() == pytest.approx(expected)


@pytest.mark.parametrize("engine", ENGINES)
def test_parts_of_the_reward_go_on_as_they_were_after_a_kill(tmp_path: Path, engine: str) -> None:
    """Segments of 32 steps end in the middle of an episode; goals come in every other one only."""
    snapshot = settings({"id": "Parts-v0"}, engine=engine, rollout_steps=8, batch_size=16)
    expected = rows_of(tmp_path, snapshot)
    folder = tmp_path / "checkpoints"
    for path in folder.glob("*.zip"):
        if path.name != "step_32.zip":
            path.unlink()
    assert rows_of(tmp_path, snapshot) == expected
    assert "reward/goal" in expected[-1]


def test_every_reader_takes_parts_of_the_reward(study: Project) -> None:
    path = study.root / "runs/cartpole/metrics.jsonl"
    rows = read_rows(path)
    write_rows(path, [{**row, "reward/forward": row["step"] / 1000, "reward/ctrl": -1.0} for row in rows])
    content = json.loads(study.rlx("plot", "cartpole", "--metric", "reward/forward", "--json").stdout)
    (drawn,) = content["runs"][0]["metrics"].items()
    assert drawn[0] == "reward/forward"
    assert drawn[1]["mean"][-1] == pytest.approx(2, abs=0.2)
    everything = json.loads(study.rlx("plot", "cartpole", "--metric", "all", "--json").stdout)
    assert [name for name in everything["runs"][0]["metrics"] if name.startswith("reward/")] == [
        "reward/ctrl",
        "reward/forward",
    ]
    study.rlx("plot", "cartpole", "--metric", "reward/forward", "-o", "parts.svg")
    refused = study.rlx("plot", "cartpole", "--metric", "reward/nothing", check=False)
    assert "reports no reward_nothing in info" in " ".join(refused.stdout.split())


# --- failures as facts ------------------------------------------------------------------------------------------------


class Failing(gym.Env[Any, Any]):
    """Does something wrong in its last step: a value that is not a number, or an error."""

    def __init__(self, wrong: str, at: int):
        self.observation_space = spaces.Box(-1, 1, (1,), np.float32)
        self.action_space = spaces.Discrete(2)
        self.wrong, self.at, self.taken = wrong, at, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        self.taken += 1
        wrong = self.wrong if self.taken == self.at else ""
        if wrong == "error":
            raise RuntimeError("the simulator crashed")
        seen = np.full(1, np.inf if wrong == "observation" else 0, np.float32)
        return seen, float("nan") if wrong == "reward" else 1.0, self.taken % 4 == 0, False, {}


gym.register("Failing-v0", entry_point=Failing)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ("reward", {"kind": "non-finite", "step": 76, "what": "reward", "value": "nan"}),
        ("observation", {"kind": "non-finite", "step": 76, "what": "observation", "value": "inf"}),
        ("error", {"kind": "environment", "step": 75}),
    ],
)
def test_a_failure_tells_its_step_and_cause_also_after_a_restart(
    tmp_path: Path, engine: str, wrong: str, expected: dict[str, Any]
) -> None:
    def snapshot(at: int) -> Snapshot:
        env = {"id": "Failing-v0", "kwargs": {"wrong": wrong, "at": at}, "num_envs": 2}
        return settings(env, engine=engine, rollout_steps=8, batch_size=16)

    train_seed(tmp_path, snapshot(10_000), 0, tmp_path, lambda _: None)
    for path in (tmp_path / "checkpoints").glob("*.zip"):
        if path.name != "step_64.zip":
            path.unlink()
    with pytest.raises(Exception, match=r"crashed|not a finite number") as caught:  # six steps of each copy later
        train_seed(tmp_path, snapshot(6), 0, tmp_path, lambda _: None)
    assert cause_of(caught.value).to_data(last_step=64) == expected


def test_a_diverged_network_fails_as_weights(tmp_path: Path) -> None:
    for engine in ENGINES:
        diverging = settings({"id": "Pendulum-v1"}, engine=engine, learning_rate=1e30)
        with pytest.raises(NonFiniteValue) as caught:
            train_seed(tmp_path, diverging, 0, tmp_path / engine, lambda _: None)
        cause = cause_of(caught.value)
        assert (cause.kind, cause.step) == ("non-finite", 24)
        assert cause.what == "weights" or str(cause.what).startswith("train/")
        assert cause.value


def test_a_compiled_rollout_that_stops_counts_the_steps_it_took() -> None:
    config = settings({"id": "Pendulum-v1"}).config
    env = Environments(Path(), config, make_env(config.env))
    model = PPOLearner(config, env, 0, "cpu").model
    model.begin_segment(0)
    model.iterate(96)
    assert env.steps == 24
    env.arrays().source.state.state_NS[1, 1] = np.nan
    with pytest.raises(NonFiniteValue, match="copy 1 of 2, after 26 steps"):
        model.iterate(96)


def test_only_what_an_environment_raised_is_its_own() -> None:
    for raising, kind in ((lambda: gym.make("Failing-v0", wrong="error", at=1).unwrapped.step(0), "environment"),
                          (lambda: gym.make("Failing-v0"), "other")):  # fmt: skip
        with pytest.raises((RuntimeError, TypeError)) as caught:
            raising()
        assert cause_of(caught.value).kind == kind
    with pytest.raises(NonFiniteValue) as broken:
        checked({"seed": 1, "step": 64, "iteration": 1, "train/loss": float("-inf")}, vocabulary())
    assert (broken.value.what, broken.value.value) == ("train/loss", "-inf")


def test_metadata_and_info_have_the_facts_of_a_failure(study: Project) -> None:
    path = study.root / "runs/cartpole/metadata.json"
    metadata = json.loads(path.read_text())
    facts = {"kind": "non-finite", "step": 1280, "what": "train/value_loss", "value": "inf"}
    metadata["seeds"][1] |= {"status": "failed", "error": "train/value_loss became inf", "failure": facts}
    del metadata["seeds"][0]["failure"]  # as rlx wrote it before
    path.write_text(json.dumps(metadata | {"status": "failed"}))
    told = json.loads(study.rlx("info", "cartpole", "--json").stdout)
    assert told["seeds"]["failures"] == {"2": facts}
    check_document("info", json.dumps(told))
