"""Runs of different algorithms: what differs in kind, what each took, and the score at equal environment steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlx.algorithms import algorithms
from rlx.comparison import Bars, RunScores, StudyComparison, judge
from rlx.config.schema import CompareConfig, RunConfig
from rlx.report.comparison_files import compared
from rlx.report.comparison_tables import comparison_grids
from rlx.report.comparison_words import change_rows, comparison_markdown
from rlx.report.document import to_json
from rlx.stats import SeedCurve

PPO = {
    "algo.name": "ppo",
    "algo.gamma": 0.99,
    "algo.learning_rate": 3e-4,
    "algo.clip_range": 0.2,
    "algo.target_kl": None,
}
SAC = {"algo.name": "sac", "algo.gamma": 0.98, "algo.learning_rate.start": 1e-3, "algo.learning_rate.end": 0.0, "algo.tau": 0.005, "env.num_envs": 1}  # fmt: skip


def run(name: str, config: dict[str, Any], steps: int, **facts: Any) -> RunScores:
    x_T = np.linspace(steps / 20, steps, 20)
    curves = {seed: SeedCurve(x_T, x_T / 100 + seed) for seed in range(5)}
    scores = {seed: 100.0 + seed for seed in range(5)}
    policies = {seed: f"{name}{seed}" for seed in range(5)}
    return RunScores(name, scores, policies, {"environment": "X-v0"}, config, None, steps, curves=curves, **facts)


ON = run(
    "on",
    PPO,
    10_240,
    family="on-policy",
    gradient_steps=3200,
    seconds=12.0,
    processor="one",
    provenance={"engine": "fast"},
)
OFF = run(
    "off",
    SAC,
    10_000,
    family="off-policy",
    gradient_steps=9900,
    seconds=300.0,
    processor="other",
    provenance={"engine": "sb3"},
)


def study(*runs: RunScores) -> StudyComparison:
    return judge(runs, runs[0].run, Bars(CompareConfig()), {})


def test_the_algorithm_is_told_first_and_only_what_both_have_is_held_together() -> None:
    (found,) = study(ON, OFF).comparisons
    rows = change_rows(found)
    assert rows[0] == ["algorithm", "ppo (on-policy)", "sac (off-policy)"]
    assert [row[0] for row in rows[1:]] == [
        "algo.gamma", "algo.learning_rate", "algo.learning_rate.end", "algo.learning_rate.start", "env.num_envs", "settings of its own", "engine",
    ]  # fmt: skip
    assert rows[-2][1:] == ["clip_range 0.2", "tau 0.005"]
    assert found.own_settings is not None
    assert found.own_settings.baseline == {"clip_range": 0.2, "target_kl": None}


def test_engines_of_different_algorithms_are_no_reason_to_beware() -> None:
    (found,) = study(ON, OFF).comparisons
    assert not found.warnings
    (same,) = study(ON, replace(OFF, config=PPO)).comparisons
    assert "different engine" in same.warnings[0]


def test_of_one_algorithm_every_setting_that_differs_is_told_and_no_effort() -> None:
    judged = study(ON, run("wider", {**PPO, "algo.clip_range": 0.3, "algo.target_kl": 0.02}, 10_240))
    (found,) = judged.comparisons
    assert found.changes == {"algo.clip_range": (0.2, 0.3), "algo.target_kl": (None, 0.02)}
    assert (found.own_settings, found.families, judged.efforts) == (None, None, ())


def test_efforts_are_told_with_the_return_at_equal_steps() -> None:
    judged = study(ON, run("long", PPO, 40_000, family="on-policy", gradient_steps=12_500))
    efforts = {found.run: found for found in judged.efforts}
    assert {found.at_steps for found in efforts.values()} == {10_240}
    there = efforts["long"].return_there
    assert there is not None
    assert there.mean == pytest.approx(102.0, abs=1)  # seeds 0 to 4 add 2, and the curve is 100 at 10,000 steps
    (found,) = judged.comparisons
    assert found.warnings[0].startswith("their budgets differ (10,240 and 40,000 environment steps)")


def test_budgets_that_only_whole_iterations_round_apart_are_equal() -> None:
    judged = study(ON, OFF)
    assert not [warning for found in judged.comparisons for warning in found.warnings if "budgets" in warning]
    assert len(judged.efforts) == 2


def test_no_clock_and_no_machine_enters_a_versioned_document() -> None:
    judged, other = study(ON, OFF), study(replace(ON, seconds=1.0, processor="else"), OFF)
    assert to_json(compared(judged)) == to_json(compared(other))
    assert comparison_markdown(judged) == comparison_markdown(other)
    (timed,) = [grid for grid in comparison_grids(judged) if grid.title == "What each run took"]
    assert "time" in timed.head
    assert "Trained on: on one, off other" in timed.note or "Trained on: off other, on one" in timed.note


@pytest.mark.parametrize(
    ("algo", "updates", "copies", "expected"),
    [
        ({"name": "ppo", "rollout_steps": 128, "batch_size": 64}, 40, 4, 40 * 8),
        ({"name": "recurrent_ppo", "rollout_steps": 128, "batch_size": 128}, 40, 4, 40 * 4),
        ({"name": "a2c"}, 200, 8, 200),
        ({"name": "sac"}, 1800, 1, 1800),
        ({"name": "trpo"}, 10, 1, None),
        ({"name": "ars"}, 10, 1, None),
    ],
)
def test_gradient_steps_by_what_each_algorithm_counts(
    algo: dict[str, Any], updates: int, copies: int, expected: int | None
) -> None:
    assert algorithms()
    config = RunConfig.model_validate({"env": {"id": "X-v0", "num_envs": copies}, "algo": algo})
    assert config.algo.optimizer_steps(updates, copies) == expected
