"""Published scores, reached with the published settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from benchmarks.calibration.published import published_scores
from rlx import stats
from rlx.comparison import Criteria, RunScores, compare
from rlx.config.known import settings_for
from rlx.config.schema import FinalEvalConfig, RunConfig
from rlx.config.snapshot import Snapshot
from rlx.envs.making import make_env
from rlx.records import checkpoints
from rlx.training.actors import RandomPlayer, load_player
from rlx.training.held_out_play import play_held_out
from rlx.training.one_seed import train_seed


@pytest.mark.slow
def test_cartpole_with_rl_zoos_settings_scores_500(tmp_path: Path) -> None:
    """rl-zoo's benchmark: PPO on CartPole-v1 scores 500 ± 0 after 100,000 steps."""
    snapshot = Snapshot(RunConfig.model_validate(settings_for("CartPole-v1")[0]))
    train_seed(tmp_path, snapshot, 1, tmp_path, lambda _: None)
    checkpoint = checkpoints.load(tmp_path / "checkpoints" / "latest.zip")
    actor = load_player(tmp_path, snapshot.config, checkpoint, make_env(snapshot.config.env), deterministic=True)
    returns = [e.episode_return for e in play_held_out(tmp_path, snapshot, FinalEvalConfig(episodes=100), actor)]
    assert np.mean(returns) == 500.0


def test_random_actions_on_cartpole_score_about_22(tmp_path: Path) -> None:
    """A uniformly random policy balances the pole for 22 steps on average."""
    snapshot = Snapshot(RunConfig.model_validate({"env": {"id": "CartPole-v1"}}))
    returns = [
        e.episode_return for e in play_held_out(tmp_path, snapshot, FinalEvalConfig(episodes=400), RandomPlayer())
    ]
    assert np.mean(returns) == pytest.approx(22.2, abs=3 * np.std(returns) / 20)


def test_mountain_car_gives_a_random_policy_minus_200(tmp_path: Path) -> None:
    """CleanRL's PPO with default settings stays at −200 ± 0 on MountainCar-v0: the floor is the random policy's."""
    snapshot = Snapshot(RunConfig.model_validate({"env": {"id": "MountainCar-v0"}}))
    returns = {
        e.episode_return for e in play_held_out(tmp_path, snapshot, FinalEvalConfig(episodes=50), RandomPlayer())
    }
    assert returns == {-200.0}


def test_verdicts_on_published_scores_are_those_of_their_authors() -> None:
    """AdaStop's example (Mathieu et al. 2023): on Walker2d SAC comes first, then PPO; DDPG and TRPO are not told apart."""
    runs = {
        name: RunScores(name, dict(enumerate(scores)), {seed: f"{name}{seed}" for seed in range(len(scores))}, {}, {})
        for name, scores in published_scores("Walker2d").items()
    }
    assert {name: len(run.scores) for name, run in runs.items()} == dict.fromkeys(("PPO", "DDPG", "SAC", "TRPO"), 10)
    criteria = Criteria(alpha=0.05)
    others = [runs[name] for name in ("PPO", "DDPG", "TRPO")]
    assert [found.verdict for found in compare(runs["SAC"], others, criteria)] == ["regressed"] * 3
    others = [runs[name] for name in ("PPO", "SAC", "TRPO")]
    found = {each.run: each.verdict for each in compare(runs["DDPG"], others, criteria)}
    assert found == {"PPO": "improved", "SAC": "improved", "TRPO": "inconclusive"}


def test_published_means_and_interquartile_means_come_out() -> None:
    """Colas et al. 2019 published all scores; SciPy computes the same of them in its own way."""
    for scores in published_scores("HalfCheetah").values():
        found = stats.describe(scores.to_numpy())
        assert found.mean.mean == pytest.approx(np.mean(scores))
        assert found.iqm == pytest.approx(scipy_stats.trim_mean(scores, 0.25))
