"""Rules of off-policy learning: each fault is the first finding, healthy runs are left alone, other families are not looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks.diagnosis.off_policy_cases import FAULTS, HEALTHY
from rlx.algorithms import algorithms
from rlx.config.schema import RunConfig
from rlx.diagnosis.diagnosing import diagnose
from rlx.diagnosis.finding import Diagnosis
from rlx.diagnosis.record import HeldOutEpisodes, RunRecord, SeedRecord, TaskFacts
from rlx.diagnosis.rules import RULES
from rlx.diagnosis.rules.replay import updates_per_step
from rlx.diagnosis.signals import Signals

UPDATES, EACH = 100, 200
LOW, HIGH, LENGTH = 20.0, 180.0, 100.0
ROWS = algorithms()
Values = dict[str, Any]


def config(name: str, **algo: Any) -> RunConfig:
    """A plain configuration of an off-policy algorithm."""
    usual = {
        "total_timesteps": UPDATES * EACH, "iteration_steps": EACH, "learning_starts": 500, "buffer_size": UPDATES * EACH,
    }  # fmt: skip
    if name == "dqn":
        usual |= {"target_update_interval": 50, "exploration_fraction": 0.2, "learning_rate": 1e-3}
    if name == "td3":
        usual["action_noise"] = {"type": "normal", "std": 0.1}
    return RunConfig.model_validate({"env": {"id": "Any-v0", "num_envs": 1}, "algo": {"name": name, **usual, **algo}})


def seed_of(seed: int, *, learns: bool = True, scale: float = 1.0, **metrics: Any) -> SeedRecord:
    """A seed as a training leaves it; metrics are ``group__name``."""
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, UPDATES)
    returns = LOW + (HIGH - LOW) / (1 + np.exp(-(x - 0.3) * 20)) if learns else np.full(UPDATES, LOW)
    returns = scale * (returns + rng.normal(0, 2, UPDATES))
    values: Values = {
        "rollout/return_mean": returns, "rollout/length_mean": np.full(UPDATES, LENGTH) + rng.normal(0, 1, UPDATES),
        "rollout/episodes": np.full(UPDATES, 2.0), "train/q_mean": 40 * x, "train/q_max_abs": 50 * x,
        "train/q_bias": rng.normal(0, 1, UPDATES), "train/dead_units": np.full(UPDATES, 0.2),
        "train/action_saturation": np.full(UPDATES, 0.1), "train/ent_coef": 0.2 - 0.15 * x,
    }  # fmt: skip
    values |= {
        key.replace("__", "/"): np.broadcast_to(np.asarray(v, float), UPDATES).copy() for key, v in metrics.items()
    }
    end = float(returns[-10:].mean())
    played = HeldOutEpisodes(end + scale * rng.normal(0, 5, 50), np.full(50, LENGTH) + rng.integers(0, 9, 50))
    return SeedRecord(seed, np.arange(1, UPDATES + 1) * EACH, values, held_out=played)


def told(run: RunConfig, make: Callable[[int], SeedRecord] | None = seed_of, **facts: Any) -> Diagnosis:
    """Return what is found in a run of five seeds; of one before training where there are none."""
    row, rng = ROWS[run.algo.name], np.random.default_rng(9)
    bounds = {} if run.algo.name == "dqn" else {"action_low_A": (-1.0,), "action_high_A": (1.0,)}
    task = TaskFacts(max_entropy=None, episode_limit=200, observation_size_D=(0.1, 0.5), **{**bounds, **facts})
    seeds = () if make is None else tuple(make(seed) for seed in range(5))
    random = (
        HeldOutEpisodes(LOW + rng.normal(0, 3, 100), np.full(100, LENGTH) + rng.integers(0, 9, 100)) if make else None
    )
    record = RunRecord(
        "anyrun", run.model_copy(update={"num_seeds": 5}), "finished" if make else "resolved", seeds, random, task, 5,
        family=row.family, metrics=row.metrics,
    )  # fmt: skip
    found = diagnose(record)
    assert not [line for line in found.unchecked if "could not be applied" in line]
    return found


def alarms(found: Diagnosis) -> list[str]:
    return [each.id for each in found.findings if each.severity != "info"]


@pytest.mark.parametrize("name", ["dqn", "qrdqn", "sac", "td3", "ddpg", "tqc", "crossq"])
def test_a_healthy_run_gives_nothing_above_info(name: str) -> None:
    noise = {"action_noise": {"type": "normal", "std": 0.1}} if name == "ddpg" else {}
    quantiles = {"exploration_fraction": 0.2, "target_update_interval": 50} if name == "qrdqn" else {}
    assert alarms(told(config(name, **noise, **quantiles))) == []
    assert alarms(told(config(name, **noise, **quantiles), None)) == []


SIGNS: dict[str, tuple[str, RunConfig, Values]] = {
    "q-diverges": ("q-diverges", config("dqn"), {"train__q_max_abs": np.geomspace(1, 1e6, UPDATES), "learns": False}),
    "q-overestimates": ("q-overestimates", config("dqn"), {"train__q_mean": 60.0, "train__q_bias": 50.0}),
    "dead units": ("units-die", config("sac"), {"train__dead_units": 0.8, "learns": False}),
    "saturated": ("actions-saturated", config("td3"), {"train__action_saturation": 0.53, "learns": False}),
    "large rewards": ("action-values-large", config("dqn"), {"scale": 1e4}),
    "weight gone": ("entropy-coefficient-collapsed", config("sac"), {"train__ent_coef": 1e-6, "learns": False}),
    "weight explodes": ("entropy-coefficient-explodes", config("sac"), {"train__ent_coef": np.linspace(1, 90, UPDATES), "learns": False}),
}  # fmt: skip


@pytest.mark.parametrize("case", SIGNS)
def test_what_training_shows_is_the_first_finding(case: str) -> None:
    expected, run, values = SIGNS[case]
    found = told(run, lambda seed: seed_of(seed, **values))
    assert found.findings[0].id == expected
    assert found.suggestions
    assert expected not in [finding.id for finding in told(run).findings]


SETTINGS: dict[str, tuple[RunConfig, dict[str, Any]]] = {
    "learning-starts-late": (config("sac", learning_starts=11_000), {"algo.learning_starts": 1000}),
    "buffer-too-small": (config("dqn", buffer_size=500), {"algo.buffer_size": 20_000}),
    "target-updates-rare": (config("dqn", target_update_interval=5_000), {"algo.target_update_interval": 100}),
    "updates-per-step-unusual": (config("sac", gradient_steps=20), {"algo.gradient_steps": -1}),
    "exploration-never-decays": (config("dqn", exploration_final_eps=0.5), {"algo.exploration_fraction": 0.2, "algo.exploration_final_eps": 0.05}),
    "exploration-ends-early": (config("dqn", exploration_fraction=0.01), {"algo.exploration_fraction": 0.2}),
    "deterministic-without-noise": (config("td3", action_noise=None), {"algo.action_noise": {"type": "normal", "std": 0.1}}),
    "entropy-coefficient-explodes": (config("sac", target_entropy=5.0), {"algo.target_entropy": "auto"}),
    "step-size-unusual": (config("sac", learning_rate=1e-6), {"algo.learning_rate": 0.0003}),
    "tau-unusual": (config("sac", tau=1.0), {"algo.tau": 0.005}),
    "entropy-coef-unusual": (config("sac", entropy_coef=50.0), {"algo.entropy_coef": "auto"}),
}  # fmt: skip


@pytest.mark.parametrize("expected", SETTINGS)
def test_a_setting_is_a_warning_before_training_a_remark_where_all_went_well_and_an_error_where_nothing_did(
    expected: str,
) -> None:
    run, overrides = SETTINGS[expected]
    before = told(run, None)
    assert (before.findings[0].id, before.findings[0].severity) == (expected, "warning")
    assert dict(before.suggestions[0].overrides) == overrides
    data = run.model_dump()
    for key, value in overrides.items():
        data["algo"][key.partition(".")[2]] = value
    assert expected not in [finding.id for finding in told(RunConfig.model_validate(data), None).findings]
    assert [f.severity for f in told(run).findings if f.id == expected] == ["info"]
    failed = told(run, lambda seed: seed_of(seed, learns=False))
    assert (failed.findings[0].id, failed.findings[0].severity) == (expected, "error")


@pytest.mark.parametrize(
    ("algo", "copies", "expected"),
    [
        ({"train_freq": 4, "gradient_steps": 1}, 1, 0.25),
        ({"train_freq": 4, "gradient_steps": 1}, 8, 0.25 / 8),
        ({"train_freq": 64, "gradient_steps": -1}, 4, 1.0),
        ({"train_freq": [2, "episode"], "gradient_steps": 50}, 1, 0.125),
    ],
)
def test_updates_per_step_count_all_copies(algo: dict[str, Any], copies: int, expected: float) -> None:
    run = config("sac", **algo)
    run = run.model_copy(update={"env": run.env.model_copy(update={"num_envs": copies})})
    task = TaskFacts(max_entropy=None, episode_limit=200)
    assert updates_per_step(Signals(RunRecord("r", run, "resolved", (), task=task, family="off-policy"))) == expected


def test_a_replay_buffer_that_is_never_filled_is_told_where_it_costs_memory() -> None:
    wide = {"observation_shape": (84, 84, 4), "is_image": True}
    large = config("dqn", buffer_size=1_000_000)
    assert "replay-never-filled" in [finding.id for finding in told(large, None, **wide).findings]
    assert "replay-never-filled" not in [finding.id for finding in told(large, None, observation_shape=(4,)).findings]


@pytest.mark.parametrize("name", ["dqn", "sac", "td3", "ars", "a2c", "trpo"])
def test_rules_look_only_at_what_an_algorithm_has(name: str) -> None:
    """A run of any algorithm that logs nothing but what every training logs is diagnosed without a rule failing."""
    run = RunConfig.model_validate({"env": {"id": "Any-v0"}, "algo": {"name": name, "total_timesteps": UPDATES * EACH}})

    def bare(seed: int) -> SeedRecord:
        found = seed_of(seed)
        return SeedRecord(seed, found.steps_U, {key: v for key, v in found.values.items() if key.startswith("rollout")})

    theirs = {rule.id for rule in RULES if rule.needs.families and ROWS[name].family not in rule.needs.families}
    assert not theirs & {finding.id for finding in told(run, bare).findings}


def test_the_cases_of_the_benchmark_are_configurations_and_name_rules() -> None:
    from benchmarks.diagnosis.training import config_of

    rules = {rule.id for rule in RULES}
    for case in (*HEALTHY, *FAULTS):
        config_of(case.settings, range(case.seeds))
        assert set(case.expected) <= rules
