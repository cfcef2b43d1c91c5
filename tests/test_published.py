"""Published scores, reached with the published settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rlx import checkpoints
from rlx.actors import RandomActor, load_actor
from rlx.config.schema import FinalEvalConfig, RunConfig
from rlx.config.snapshot import Snapshot
from rlx.envs import make_env
from rlx.held_out_play import play_held_out
from rlx.known import settings_for
from rlx.training import train_seed


@pytest.mark.slow
def test_cartpole_with_rl_zoos_settings_scores_500(tmp_path: Path) -> None:
    """rl-zoo's benchmark: PPO on CartPole-v1 scores 500 ± 0 after 100,000 steps."""
    snapshot = Snapshot(RunConfig.model_validate(settings_for("CartPole-v1")[0]))
    train_seed(tmp_path, snapshot, 1, tmp_path, lambda _: None)
    checkpoint = checkpoints.load(tmp_path / "checkpoints" / "latest.zip")
    actor = load_actor(tmp_path, snapshot.config, checkpoint, make_env(snapshot.config.env), deterministic=True)
    returns = [e.episode_return for e in play_held_out(tmp_path, snapshot, FinalEvalConfig(episodes=100), actor)]
    assert np.mean(returns) == 500.0


def test_random_actions_on_cartpole_score_about_22(tmp_path: Path) -> None:
    """A uniformly random policy balances the pole for 22 steps on average."""
    snapshot = Snapshot(RunConfig.model_validate({"env": {"id": "CartPole-v1"}}))
    returns = [
        e.episode_return for e in play_held_out(tmp_path, snapshot, FinalEvalConfig(episodes=400), RandomActor())
    ]
    assert np.mean(returns) == pytest.approx(22.2, abs=3 * np.std(returns) / 20)


def test_mountain_car_gives_a_random_policy_minus_200(tmp_path: Path) -> None:
    """CleanRL's PPO with default settings stays at −200 ± 0 on MountainCar-v0: the floor is the random policy's."""
    snapshot = Snapshot(RunConfig.model_validate({"env": {"id": "MountainCar-v0"}}))
    returns = {e.episode_return for e in play_held_out(tmp_path, snapshot, FinalEvalConfig(episodes=50), RandomActor())}
    assert returns == {-200.0}
