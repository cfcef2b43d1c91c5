"""Masks: whoever heeds them never takes an action that is not allowed, in training, validation, evaluation and film.

The environment (`tests.cases.masked`) raises at any other action, and tells new masks at each step, so that those of another
step or copy would be caught.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, strategies as st
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported

import tests.cases.registered  # noqa: F401
from rlx.algorithms import AlgorithmConfig, algorithm, register, registry
from rlx.config import FinalEvalConfig, RunConfig, Snapshot, VideoConfig, algorithm_config
from rlx.envs import Environments, GymnasiumPlaces, make_env, places_for
from rlx.envs.masks import all_allowed, masks_of, sample_allowed, tells_masks
from rlx.errors import ConfigError, EnvironmentFailed, EnvironmentUnusable, Misfit, TrainingFailed
from rlx.experiments import resolve_run
from rlx.experiments.environment_check import check_environment
from rlx.records import EnvironmentFacts
from rlx.records.metrics import read_rows
from rlx.training.actors import PolicyPlayer, RandomPlayer
from rlx.training.evaluation import play
from rlx.training.filming import film_of_run
from rlx.training.held_out_play import evaluate_seed
from rlx.training.one_seed import train_seed
from rlx.training.shooting import Shooting, Shot

ID = "tests.cases.registered:Masked-v0"
KINDS = ["discrete", "discrete from 3", "multidiscrete", "multidiscrete grid", "multibinary"]
FORMS = ["vector", "image", "dict"]


class Drawing:
    """Draws among what is allowed, in training from the environments' masks and elsewhere from those it is given."""

    def __init__(self, config: RunConfig, env: Environments, seed: int, device: str):
        self.env, self.space = env, env.action_space

    def boundary(self, seed: int) -> None:
        self.env.reset(seed)

    def advance(self) -> Mapping[str, float]:
        masks = self.env.masks()
        assert masks is not None
        self.env.step(self.drawn(masks))
        return {"train/loss": 0.0}

    def drawn(self, masks: Any) -> Any:
        return np.stack([np.asarray(sample_allowed(self.space, mask)) for mask in masks])

    def state(self) -> dict[str, Any]:
        return {"policy": {"nothing": np.zeros(1)}}

    def load_state(self, state: Any) -> None:
        pass

    def policy(self, seed: int) -> Any:
        return self

    def act(self, observations: Any, memory: Any, starts_N: Any, masks: Any, deterministic: bool) -> Any:
        return self.drawn(masks), memory


class Settings(AlgorithmConfig):
    name: Literal["drawing"] = "drawing"


@pytest.fixture(autouse=True)
def drawing() -> Iterator[None]:
    register(
        "drawing", Config=Settings, metrics={"train/loss": "nothing"}, masks="needed",
        observations=("vector", "image", "dict"), actions=("discrete", "multi"),
    )(Drawing)  # fmt: skip
    yield
    for table in (registry._rows, algorithm_config._known, algorithm_config._facts):
        table.pop("drawing", None)  # type: ignore[attr-defined]


def settings(**env: Any) -> RunConfig:
    return RunConfig.model_validate(
        {
            "env": {"id": ID, "num_envs": 2, **env},
            "algo": {"name": "drawing", "total_timesteps": 120},
            "eval": {"every": 60, "episodes": 3},
            "checkpoint": {"save_every": 60},
        }
    )


def made(root: Path, **env: Any) -> Environments:
    config = settings(**env)
    return Environments(root, config, make_env(config.env))


@pytest.mark.parametrize("seen", FORMS)
@pytest.mark.parametrize("action", KINDS)
def test_nothing_illegal_is_taken_anywhere(tmp_path: Path, action: str, seen: str) -> None:
    config = settings(kwargs={"action": action, "seen": seen})
    snapshot = Snapshot(config)
    train_seed(tmp_path, snapshot, 0, tmp_path, lambda _: None)
    rows = read_rows(tmp_path / "metrics.jsonl")
    assert {row["validation/return_mean"] for row in rows if "validation/return_mean" in row} == {7.0}
    protocol = FinalEvalConfig(episodes=40)
    for who in (tmp_path / "checkpoints", "random"):
        for found in evaluate_seed(tmp_path, snapshot, protocol, who, lambda _: None).values():
            assert [episode.episode_return for episode in found["episodes"]] == [7.0] * 40
    if seen == "vector":
        shooting = Shooting([Shot(5, 17, "a"), Shot(6, 18, "b")], protocol, VideoConfig())
        film = film_of_run(
            tmp_path, snapshot, tmp_path / "checkpoints" / "latest.zip", shooting, tmp_path / "a.gif", lambda _: None
        )
        assert (film.total, film.steps, film.complete) == (7.0, 7, True)  # type: ignore[union-attr]


def test_the_environment_raises_where_masks_are_not_heeded(tmp_path: Path) -> None:
    """The control of the test above."""
    config = settings()
    places = places_for(config)
    drawer = Drawing(config, made(tmp_path), 0, "cpu")
    deaf = PolicyPlayer(drawer, None, deterministic=True)
    deaf.actor = drawer
    drawer.act = lambda seen, memory, starts_N, masks, d: (np.stack([drawer.space.sample() for _ in seen]), memory)  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="illegal"):
        play(deaf, places, [*range(40)], 100)


def test_a_policy_that_ignores_masks_is_given_none_and_idle_places_allow_all(tmp_path: Path) -> None:
    given: list[Any] = []

    class Noting(Drawing):
        def act(self, observations: Any, memory: Any, starts_N: Any, masks: Any, deterministic: bool) -> Any:
            given.append(masks)
            return self.drawn([all_allowed(self.space)] * 32 if masks is None else masks), memory

    config = settings(kwargs={"length": 1})
    actor = Noting(config, made(tmp_path), 0, "cpu")
    play(PolicyPlayer(actor, None, deterministic=True, masked=True), places_for(config), [0], 100)
    assert given[0].shape == (32, 5)
    assert given[0][1:].all()
    assert not given[0][0].all()
    with pytest.raises(AssertionError, match="illegal"):
        play(PolicyPlayer(actor, None, deterministic=True), places_for(config), [*range(64)], 100)
    assert given[-1] is None


@pytest.mark.parametrize("vectorization", ["sync", "async"])
@pytest.mark.parametrize("form", ["arrays", "vec_env", "normalized vec_env"])
def test_masks_are_those_of_each_copy_and_step(tmp_path: Path, form: str, vectorization: str) -> None:
    env = made(tmp_path, vectorization=vectorization, normalize_observation="normalized" in form)
    venv = env.arrays() if form == "arrays" else env.vec_env()
    alone = [gym.make(ID) for _ in range(2)]
    seen = env.reset(5)
    for copy, each in enumerate(alone):
        each.reset(seed=5 + copy)
    assert env.has_masks
    assert is_masking_supported(venv)
    for _ in range(20):
        masks = env.masks()
        assert masks is not None
        assert (masks == get_action_masks(venv)).all()
        assert masks.dtype == np.bool_
        assert (masks == [each.get_wrapper_attr("action_masks")() for each in alone]).all()
        actions = [int(np.flatnonzero(mask)[-1]) for mask in masks]
        step = env.step(np.array(actions))
        for copy, each in enumerate(alone):
            over = each.step(actions[copy])[2]
            assert over == step.ended_N[copy]
            if over:
                each.reset()
    assert seen.shape == (2, 3)
    assert venv.env_method("action_masks", indices=[1])[0].shape == (5,)
    env.close()


@pytest.mark.parametrize("vectorization", ["sync", "async"])
@pytest.mark.parametrize("form", ["arrays", "vec_env"])
@pytest.mark.parametrize("kwargs", [{"action": "box"}, {"wrong": "none"}])
def test_an_environment_without_masks_has_none(
    tmp_path: Path, kwargs: dict[str, Any], form: str, vectorization: str
) -> None:
    env = made(tmp_path, kwargs=kwargs, vectorization=vectorization)
    venv = env.arrays() if form == "arrays" else env.vec_env()
    env.reset(1)
    assert not env.has_masks
    assert env.masks() is None
    assert not is_masking_supported(venv)
    env.close()


def test_compiled_environments_have_none(tmp_path: Path) -> None:
    config = RunConfig.model_validate({"env": {"id": "CartPole-v1", "num_envs": 2}})
    env = Environments(tmp_path, config, make_env(config.env))
    env.reset(1)
    assert not env.has_masks
    assert env.masks() is None
    assert not is_masking_supported(env.arrays())
    assert places_for(config).masks(0) is None


WRONG = {
    "width": r"Masked-v0: action_masks\(\) after step 2 of an episode gave \[True, False\]; it has to return 5 truth values, one "
    r"for each choice of Discrete\(5\)",
    "numbers": r"Masked-v0: action_masks\(\) after step 2 of an episode gave array\(\[2, 2, 2, 2, 2\]\); it has to return 5",
    "nothing": r"Masked-v0: action_masks\(\) after step 2 of an episode allows no action; allow one, or end the episode before",
}


@pytest.mark.parametrize("vectorization", ["sync", "async"])
@pytest.mark.parametrize("seen", ["vector", "image"])
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_masks_are_told_in_training(tmp_path: Path, wrong: str, seen: str, vectorization: str) -> None:
    env = made(tmp_path, kwargs={"wrong": wrong, "seen": seen}, vectorization=vectorization)
    env.reset(1)
    with pytest.raises((Misfit, EnvironmentFailed), match=WRONG[wrong]):
        for _ in range(3):
            masks = env.masks()
            assert masks is not None
            env.step(masks.argmax(axis=1))
    env.close()


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_masks_are_told_in_evaluation_and_when_the_environment_is_tried(
    tmp_path: Path, wrong: str, forked_workers: None
) -> None:
    config = settings(kwargs={"wrong": wrong})
    with pytest.raises(Misfit, match=WRONG[wrong]):
        play(RandomPlayer(), places_for(config), [1], 100)
    problems = check_environment(tmp_path, config.env).facts.problems
    assert len(problems) == 1
    assert "Masked-v0: action_masks() after step 2" in problems[0].message


def test_a_part_of_which_nothing_is_allowed_is_named() -> None:
    env = gym.make("tests.cases.registered:Masked-v0", action="multidiscrete")
    env.reset(seed=0)
    env.unwrapped.mask = np.array([1, 1, 0, 0, 0, 0, 1, 1, 1], bool)  # type: ignore[attr-defined]
    with pytest.raises(Misfit, match=r"at the beginning of an episode allows no action of part 1 of MultiDiscrete"):
        masks_of(env, 0)


def test_masks_have_memory_of_their_own() -> None:
    env = gym.make(ID)
    env.reset(seed=0)
    mask = masks_of(env, 0)
    assert mask is not None
    env.unwrapped.mask[:] ^= True  # type: ignore[attr-defined]
    assert (mask != masks_of(env, 0)).all()


@given(st.data(), st.sampled_from([spaces.Discrete(6), spaces.MultiDiscrete([3, 1, 4]), spaces.MultiBinary(3)]))
def test_drawn_actions_are_all_those_that_are_allowed(data: st.DataObject, space: Any) -> None:
    parts = {"Discrete": [6], "MultiDiscrete": [3, 1, 4], "MultiBinary": [2, 2, 2]}[type(space).__name__]
    drawn = [data.draw(st.lists(st.booleans(), min_size=n, max_size=n).filter(any)) for n in parts]
    mask_W = np.concatenate([np.array(part, bool) for part in drawn])
    space.seed(0)
    taken = [np.ravel(sample_allowed(space, mask_W)) for _ in range(60)]
    assert all(space.contains(np.asarray(action).reshape(space.shape)) or space.shape == () for action in taken)
    for index, part in enumerate(drawn):
        assert {int(action[index]) for action in taken} == set(np.flatnonzero(part))


def test_an_algorithm_that_needs_masks_is_refused_where_there_are_none(tmp_path: Path) -> None:
    row = algorithm("drawing")
    space = spaces.Box(0, 1, (3,), np.float32), spaces.Discrete(2)
    assert row.refusal(*space, has_masks=True) is None
    refused = row.refusal(*space, has_masks=False) or ""
    assert refused.startswith("it has no action_masks(), and drawing needs them; these fit: ppo, a2c, dqn")
    assert "maskable_ppo" not in refused
    continuous = spaces.Box(-1, 1, (1,), np.float32)
    assert (row.refusal(space[0], continuous, has_masks=False) or "").startswith(
        "its actions are continuous, and drawing handles discrete, multi; it has no action_masks(), and drawing needs them; "
        "these fit: ppo, a2c, sac"
    )
    config = settings(kwargs={"wrong": "none"})
    with pytest.raises(TrainingFailed, match=r"Masked-v0: it has no action_masks\(\), and drawing needs them; these"):
        train_seed(tmp_path, Snapshot(config), 0, tmp_path, lambda _: None)


def resolved(root: Path, algo: str, wrong: str) -> Any:
    (root / "configs").mkdir(exist_ok=True)
    (root / "params.yaml").write_text("study: {runs: [a]}\n")
    (root / "configs" / "a.yaml").write_text(
        f"env: {{id: '{ID}', kwargs: {{wrong: '{wrong}'}}}}\nalgo: {{name: {algo}, total_timesteps: 50000}}\n"
    )
    return resolve_run(root, "a")


def test_resolve_refuses_and_notices(tmp_path: Path, forked_workers: None) -> None:
    with pytest.raises(EnvironmentUnusable, match=r"algo.name: it has no action_masks\(\), and drawing needs them"):
        resolved(tmp_path, "drawing", "none")
    base = (tmp_path / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(f"{base}eval: {{every: 100000}}\n")  # never happens; but masks come first
    with pytest.raises(
        ConfigError, match=r"(?s)^\S+ algo.name: it has no action_masks\(\).*\n.*eval.every: validation"
    ):
        resolve_run(tmp_path, "a")
    (tmp_path / "params.yaml").write_text(base)
    said = f"info: {ID}: its action_masks() are ignored by ppo; maskable_ppo, drawing use them"
    told = resolved(tmp_path, "ppo", "")
    assert said in told.notices
    assert told.facts.to_data()["masks"] is True
    assert not [line for line in told.notices if line.startswith("warning") and "illegal" in line]
    assert not told.facts.isolated_only
    assert told.facts.seeded
    assert said not in resolved(tmp_path, "drawing", "").notices
    without = resolved(tmp_path, "ppo", "none")
    assert not any("action_masks" in line for line in without.notices)
    assert "masks" not in without.facts.to_data()


def test_facts_of_before_have_no_masks() -> None:
    facts = EnvironmentFacts("CartPole-v1")
    data = facts.to_data()
    assert "masks" not in data
    assert EnvironmentFacts.from_data(data) == facts
    masked = replace(facts, masks=True)
    assert EnvironmentFacts.from_data(masked.to_data()) == masked


def test_a_wrapper_may_tell_them() -> None:
    class Telling(gym.Wrapper[Any, Any, Any, Any]):
        def action_masks(self) -> Any:
            return [True, False]

    env = gym.wrappers.TimeLimit(Telling(gym.make("CartPole-v1")), 9)
    assert tells_masks(env)
    places = GymnasiumPlaces(lambda: gym.wrappers.TimeLimit(Telling(gym.make("CartPole-v1")), 9))
    places.begin(3, 1)
    assert places.masks(3) is not None
    assert [episode.length for episode in play(RandomPlayer(), places, [1, 2], 9)] == [9, 9]


@pytest.mark.parametrize("seen", FORMS)
@pytest.mark.parametrize("vectorization", ["sync", "async"])
def test_sb3_contrib_trains_on_the_environments(tmp_path: Path, vectorization: str, seen: str) -> None:
    env = made(
        tmp_path,
        kwargs={"seen": seen, "action": "multidiscrete"},
        vectorization=vectorization,
        normalize_reward=True,
        normalize_observation=seen == "vector",
    )
    policy = {"vector": "MlpPolicy", "image": "CnnPolicy", "dict": "MultiInputPolicy"}[seen]
    model = MaskablePPO(policy, env.vec_env(), n_steps=16, batch_size=16, n_epochs=1, device="cpu", seed=0)
    model.learn(64)
    assert env.steps == 64
    env.close()
