"""`env.training` acts in training alone, by the steps trained, and the same wherever the copies are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlx.algorithms.ppo import engines as algorithms
from rlx.config import EnvConfig, RunConfig, Snapshot, recorded_snapshot
from rlx.config.schema import FinalEvalConfig
from rlx.envs import ChangingEnv, backend_of, make_env
from rlx.errors import EnvironmentUnusable
from rlx.records import RunFolder, checkpoints, results
from rlx.records.metrics import read_rows
from rlx.report import analyze_run
from rlx.training.held_out import evaluate_run, task_of
from rlx.training.one_seed import train_seed
from rlx.training.seeds import train_run

PAYING = "tests.cases.registered:Paying-v0"
STEPS = 400


def settings(training: dict[str, Any], engine: str = algorithms.FAST, **env: Any) -> Snapshot:
    data: dict[str, Any] = {
        "num_seeds": 1,
        "env": {"id": PAYING, "num_envs": 2, "training": training, **env},
        "algo": {"total_timesteps": STEPS, "rollout_steps": 10, "batch_size": 20, "update_epochs": 1, "engine": engine},
        "policy": {"hidden_sizes": [4]},
        "checkpoint": {"save_every": 100},
        "eval": {"every": 200, "episodes": 4},
    }
    return Snapshot(RunConfig.model_validate(data))


def rows(folder: Path, snapshot: Snapshot) -> list[dict[str, Any]]:
    train_seed(folder, snapshot, 0, folder, lambda _: None)
    return list(read_rows(folder / "metrics.jsonl"))


KINDS: dict[str, dict[str, Any]] = {
    "kwargs": {"kwargs": {"pay": 3.0}},
    "ranges": {"ranges": {"pay": [3.0, 4.0]}},
    "stages": {"stages": [{"until": 0.99, "kwargs": {"pay": 3.0}}, {"until": 1.0}]},
    "mixture": {"mixture": [{"weight": 1.0, "kwargs": {"pay": 3.0}}, {"weight": 1.0, "kwargs": {"pay": 4.0}}]},
}


@pytest.mark.parametrize("engine", [algorithms.FAST, algorithms.STOCK])
@pytest.mark.parametrize("kind", KINDS)
def test_validation_and_held_out_episodes_are_those_of_the_task(tmp_path: Path, kind: str, engine: str) -> None:
    snapshot, folder = settings(KINDS[kind], engine), tmp_path / "runs" / "a"
    trained = rows(folder / "bench", snapshot)
    assert all(row["rollout/return_mean"] >= 15.0 for row in trained[:-1])
    assert {row["validation/return_mean"] for row in trained if "validation/return_mean" in row} == {5.0}
    (folder / "checkpoints").mkdir()
    (folder / "bench" / "checkpoints").rename(folder / "checkpoints" / "seed_0")
    evaluate_run(tmp_path, "a", snapshot, FinalEvalConfig(episodes=3), lambda _: None)
    table = results.read_episodes(folder / "eval")
    assert set(table["return"]) == {5.0}
    assert set(table["checkpoint"]) == {"latest", "best", "random"}


def test_stages_change_by_the_steps_of_the_whole_training(tmp_path: Path) -> None:
    stages = [{"until": 0.375, "kwargs": {"pay": 3.0}}, {"until": 0.75, "kwargs": {"pay": 2.0}}, {"until": 1.0}]
    found = rows(tmp_path, settings({"stages": stages}))  # an iteration has two episodes of each copy, and ends them
    pays = [row["rollout/return_mean"] / 5 for row in found]
    # The first episode of a copy that begins at step 150 or later has what the second stage says, and so on.
    assert pays == [3.0] * 7 + [2.5] + [2.0] * 7 + [1.0] * 5
    assert len(checkpoints.numbered(tmp_path / "checkpoints")) > 2


def test_every_form_of_copies_trains_in_the_same_episodes(tmp_path: Path) -> None:
    """Copies in processes of their own take a second or two to start."""
    training = {**KINDS["ranges"], "stages": [{"until": 0.5, "kwargs": {"steps": 3}}, {"until": 1.0}]}
    apart = rows(tmp_path / "apart", settings(training, vectorization="isolated"))
    assert rows(tmp_path / "here", settings(training)) == apart
    stock = rows(tmp_path / "stock", settings(training, algorithms.STOCK))
    keys = ("rollout/return_mean", "rollout/length_mean", "step")
    for one, other in zip(stock, apart, strict=True):  # its rewards are float32
        assert [one[key] for key in keys] == pytest.approx([other[key] for key in keys])


def test_copies_and_episodes_differ_and_a_boundary_begins_anew() -> None:
    env = EnvConfig.model_validate({"id": PAYING, "training": {"ranges": {"pay": [1.0, 2.0]}}}).trained

    def pays(copy: ChangingEnv, seed: int | None, episodes: int) -> list[float]:
        found = []
        for episode in range(episodes):
            copy.reset(seed=None if episode else seed)
            found.append(copy.get_wrapper_attr("pay"))
        return found

    one, other = ChangingEnv(env, 1000), ChangingEnv(env, 1000)
    first = pays(one, 11, 4)
    assert len(set(first)) == 4
    assert pays(one, 12, 4) != first
    assert pays(other, 11, 4) == first  # whatever either did before
    assert pays(one, 11, 4) == first


def test_the_clock_of_stages_goes_on_through_resets_and_is_set_where_training_says_it() -> None:
    stages = [{"until": 0.5, "kwargs": {"pay": 3.0}}, {"until": 1.0}]
    env = EnvConfig.model_validate({"id": PAYING, "num_envs": 2, "training": {"stages": stages}})
    copy = ChangingEnv(env.trained, 100)

    def pay_after(steps: int, seed: int | None) -> float:
        for _ in range(steps):
            copy.step(0)
        copy.reset(seed=seed)
        return float(copy.get_wrapper_attr("pay"))

    found = [pay_after(0, 1), pay_after(20, None), pay_after(4, 2), pay_after(1, 3), pay_after(0, None)]
    assert found == [3.0, 3.0, 3.0, 1.0, 1.0]  # the 25th step of each of two copies is the 50th of 100
    copy.begin_at(40)
    assert pay_after(9, 4) == 3.0
    assert pay_after(5, None) == 1.0


def test_of_an_isolated_environment_one_is_open_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlx.envs import changing_env

    most, opened = {}, []
    for vectorization in ("sync", "isolated"):
        opened.clear()
        most[vectorization] = 0

        def making(env: EnvConfig, vectorization: str = vectorization) -> Any:
            made = make_env(env)
            opened.append(made)
            most[vectorization] = max(most[vectorization], len(opened))
            close = made.close
            made.close = lambda: (opened.remove(made), close())  # type: ignore[method-assign]
            return made

        monkeypatch.setattr(changing_env, "make_env", making)
        env = EnvConfig.model_validate({"id": PAYING, "vectorization": vectorization, "training": KINDS["mixture"]})
        copy = ChangingEnv(env.trained, 1000)
        for episode in range(20):
            copy.reset(seed=None if episode else 1)
        copy.close()
        assert opened == []
    assert most == {"sync": 2, "isolated": 1}


def test_other_spaces_end_the_training_with_the_arguments_that_made_them(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentUnusable, match=r"with \{'size': 2\}: its observations are .* of the task"):
        rows(tmp_path, settings({"stages": [{"until": 0.5, "kwargs": {"size": 2}}, {"until": 1.0}]}))


def test_compiled_dynamics_play_the_task_and_train_no_other() -> None:
    plain = EnvConfig(id="Pendulum-v1")
    other = EnvConfig.model_validate({"id": "Pendulum-v1", "training": {"ranges": {"g": [8.0, 12.0]}}})
    assert backend_of(plain, many=True).name == backend_of(other).name == "native"
    assert backend_of(other, many=True).name == "gymnasium"
    assert backend_of(EnvConfig(id="Pendulum-v1", training={"kwargs": {"g": 9.0}}), many=True).name == "gymnasium"
    with pytest.raises(EnvironmentUnusable, match=r"env\.training has episodes of other arguments"):
        backend_of(other.model_copy(update={"backend": "native"}), many=True)


def test_training_is_a_part_of_the_fingerprint_and_none_of_the_task() -> None:
    plain = settings({})
    assert "training" not in plain.to_data()["env"]
    for kind, training in KINDS.items():
        other = settings(training)
        assert other.training_part() != plain.training_part(), kind
        assert other.to_data()["env"]["training"].keys() == training.keys()
        assert recorded_snapshot(other.to_yaml(), "snapshot", "") == other, kind
        assert task_of(other, FinalEvalConfig()) == task_of(plain, FinalEvalConfig()), kind
        assert other.config.env.is_same(plain.config.env), kind


def test_learning_curves_are_of_the_task(tmp_path: Path, forked_workers: None) -> None:
    for name, training in (("bent", KINDS["ranges"]), ("plain", {})):
        snapshot, folder = settings(training), tmp_path / "runs" / name
        train_run(tmp_path, name, snapshot, lambda _: None)
        (folder / "config_snapshot.yaml").write_text(snapshot.to_yaml())
        evaluate_run(tmp_path, name, snapshot, FinalEvalConfig(episodes=3), lambda _: None)
        curves = analyze_run(RunFolder(folder)).curves
        assert curves is not None
        assert set(curves[0].values_T) == {5.0}, name
        assert len(curves[0].x_T) == (2 if training else 20), name  # validations, or updates


PARTS = {"kwargs": {"parts": True}}


def test_parts_of_the_reward_are_columns_of_held_out_episodes(tmp_path: Path) -> None:
    for name, env in (("with", PARTS), ("without", {})):
        snapshot, folder = settings(KINDS["kwargs"], **env), tmp_path / "runs" / name
        train_seed(folder / "bench", snapshot, 0, folder / "bench", lambda _: None)
        (folder / "checkpoints").mkdir()
        (folder / "bench" / "checkpoints").rename(folder / "checkpoints" / "seed_0")
        evaluate_run(tmp_path, name, snapshot, FinalEvalConfig(episodes=3), lambda _: None)
    table = results.read_episodes(tmp_path / "runs" / "with" / "eval")
    assert list(table) == [*results.COLUMNS, "reward/ctrl", "reward/forward"]
    assert set(table["reward/forward"]) == {10.0}
    assert set(table["reward/ctrl"]) == {-5.0}
    without = results.read_episodes(tmp_path / "runs" / "without" / "eval")
    assert list(without) == [*results.COLUMNS]
    assert without.equals(table[[*results.COLUMNS]])
    text = (tmp_path / "runs" / "without" / "eval" / "episodes.csv").read_text()
    assert text.splitlines()[1] == f"0,latest,0,{table['reset_seed'][0]},5.0,5,,False"


def test_an_episode_that_is_told_of_no_part_has_none_of_it(tmp_path: Path) -> None:
    plain = {"checkpoint": "latest", "reset_seed": 1, "return": 0.1, "length": 2, "success": None, "cut": False}
    told = [{"reward/a": 0.1 + 0.2}, {}, {"reward/a": float("inf")}]
    written = [{**plain, "seed": 0, "episode": index, **parts} for index, parts in enumerate(told)]
    results.write_episodes(tmp_path, results.episodes_table(written))
    read = results.read_episodes(tmp_path)["reward/a"].tolist()
    assert read[:2] == [0.1 + 0.2, 0.0]
    assert np.isnan(read[2])
