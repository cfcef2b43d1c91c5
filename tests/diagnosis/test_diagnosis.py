"""The diagnosis: each signature is found, healthy curves are left alone, and what is suggested is a valid configuration."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from pydantic import Field
from scipy.optimize import isotonic_regression

from rlx.config import COMMON, AlgorithmConfig, ForeignAlgorithm
from rlx.config.checks import inconsistencies
from rlx.config.schema import RunConfig
from rlx.diagnosis.diagnosing import diagnose
from rlx.diagnosis.finding import Diagnosis
from rlx.diagnosis.record import HeldOutEpisodes, RunRecord, SeedFailure, SeedRecord, TaskFacts
from rlx.diagnosis.reference import render_rules
from rlx.diagnosis.rules import RULES, progress
from rlx.diagnosis.signals import Signals

UPDATES, ROLLOUT = 200, 2048
LOW, HIGH = 20.0, 500.0
TASK = TaskFacts(max_entropy=float(np.log(2)), episode_limit=500, observation_size_D=(0.1, 0.5))


def config(**changes: Any) -> RunConfig:
    """A plain configuration; keys are ``section__key``."""
    data: dict[str, Any] = {
        "env": {"id": "Any-v0", "num_envs": 8},
        "algo": {"total_timesteps": UPDATES * ROLLOUT, "rollout_steps": 256},
    }
    for name, value in changes.items():
        section, _, key = name.partition("__")
        if key:
            data.setdefault(section, {})[key] = value
        else:
            data[section] = value
    return RunConfig.model_validate(data)


def rising(rng: np.random.Generator, *, end: float = HIGH, at: float = 0.3) -> Any:
    """A return that rises from random's level to its end and stays there."""
    x = np.linspace(0, 1, UPDATES)
    return LOW + (end - LOW) / (1 + np.exp(-(x - at) * 20)) + rng.normal(0, 0.01 * (HIGH - LOW), UPDATES)


def healthy(seed: int, returns: Any | None = None, **metrics: Any) -> SeedRecord:
    """A seed as a good training leaves it."""
    rng = np.random.default_rng(seed)
    found = rising(rng) if returns is None else np.asarray(returns, dtype=float)
    x = np.linspace(0, 1, UPDATES)
    values = {
        "rollout/return_mean": found,
        "rollout/length_mean": found.copy(),
        "rollout/episodes": np.full(UPDATES, 10.0),
        "train/approx_kl": 0.01 * np.exp(-2 * x) + rng.uniform(0, 0.002, UPDATES),
        "train/clip_fraction": 0.1 * np.exp(-x) + rng.uniform(0, 0.01, UPDATES),
        "train/entropy_loss": -np.log(2) * (1 - 0.6 * x),
        "train/explained_variance": np.clip(2 * x, 0, 0.9) + rng.normal(0, 0.02, UPDATES),
        "train/gradient_norm": np.full(UPDATES, 1.0) + rng.uniform(0, 0.1, UPDATES),
        "train/value_loss": np.full(UPDATES, 2.0),
        "train/value_target_mean": np.full(UPDATES, 5.0),
        "train/value_target_std": np.full(UPDATES, 2.0),
    }
    values |= {
        name.replace("__", "/"): np.broadcast_to(np.asarray(v, float), UPDATES).copy() for name, v in metrics.items()
    }
    last = float(np.nanmean(found[-10:]))
    held_out = HeldOutEpisodes(last + rng.normal(0, 5, 50), np.abs(last + rng.normal(0, 5, 50)).round())
    steps = np.arange(1, UPDATES + 1) * ROLLOUT
    return SeedRecord(seed, steps, values, seconds_U=steps * 1e-4, held_out=held_out)


def record(seeds: list[SeedRecord] | None = None, run: RunConfig | None = None, **changes: Any) -> RunRecord:
    rng = np.random.default_rng(99)
    shown = [healthy(seed) for seed in range(5)] if seeds is None else seeds
    random = HeldOutEpisodes(LOW + rng.normal(0, 10, 100), LOW + rng.normal(0, 10, 100))
    content: dict[str, Any] = {"random": random, "task": TASK, "seeds_wanted": len(shown)} | changes
    return RunRecord("anyrun", run or config(), content.pop("status", "finished"), tuple(shown), **content)


def five(make: Any) -> list[SeedRecord]:
    return [make(seed) for seed in range(5)]


def ids(found: Diagnosis) -> list[str]:
    return [finding.id for finding in found.findings]


def alarms(found: Diagnosis) -> list[str]:
    assert not [line for line in found.unchecked if "could not be applied" in line]
    return [finding.id for finding in found.findings if finding.severity != "info"]


def test_a_healthy_run_gives_nothing_above_info() -> None:
    assert alarms(diagnose(record())) == []


def flat(seed: int) -> Any:
    return LOW + np.random.default_rng(seed).normal(0, 3, UPDATES)


def collapsing(seed: int) -> Any:
    found = rising(np.random.default_rng(seed))
    found[150:] = LOW + 30
    return found


def swinging(seed: int) -> Any:
    """Swings between windows, not within one."""
    found = rising(np.random.default_rng(seed))
    found[100:190] -= np.repeat(np.random.default_rng(seed).permutation([0, 350, 0, 350, 0, 0, 350, 0, 350]), 10)
    return found


CASES: dict[str, tuple[str, list[SeedRecord], RunConfig]] = {
    "too fast": (
        "policy-changes-too-fast",
        five(lambda s: healthy(s, flat(s), train__approx_kl=[3.0] * 10 + [0.0] * 190, train__entropy_loss=-0.001)),
        config(algo__learning_rate=0.1),
    ),
    "still": (
        "policy-does-not-move",
        five(lambda s: healthy(s, flat(s), train__approx_kl=1e-6, train__clip_fraction=0.0, train__entropy_loss=-np.log(2))),
        config(algo__learning_rate=1e-7),
    ),
    "certain": (
        "entropy-collapsed",
        five(lambda s: healthy(s, flat(s), train__entropy_loss=-0.01)),
        config(),
    ),
    "paid for randomness": (
        "entropy-coef-unusual",
        five(lambda s: healthy(s, flat(s), train__entropy_loss=-np.log(2))),
        config(algo__entropy_coef=1.0),
    ),
    "noise": (
        "noise-grows",
        five(lambda s: healthy(s, flat(s), train__std=np.linspace(1, 9, UPDATES))),
        config(algo__entropy_coef=0.05),
    ),
    "scale": (
        "targets-out-of-scale",
        five(lambda s: healthy(s, flat(s), train__value_target_mean=1e6, train__explained_variance=0.0)),
        config(),
    ),
    "no critic": (
        "value-not-trained",
        five(lambda s: healthy(s, train__explained_variance=-0.01)),
        config(algo__value_coef=0.0),
    ),
    "blind critic": (
        "value-function-not-learning",
        five(lambda s: healthy(s, train__explained_variance=np.random.default_rng(s).normal(-0.3, 0.1, UPDATES))),
        config(),
    ),
    "floor": ("never-left-the-floor", five(lambda s: healthy(s, flat(s))), config()),
    "collapse": ("collapse-after-success", five(lambda s: healthy(s, collapsing(s))), config()),
    "swings": ("unstable", five(lambda s: healthy(s, swinging(s))), config()),
    "one of five": ("seeds-disagree", [*(healthy(s) for s in range(4)), healthy(4, flat(4))], config()),
    "greedy": ("short-horizon", five(lambda s: healthy(s, flat(s))), config(algo__gamma=0.5)),
    "tiny rollouts": (
        "rollout-too-small",
        five(lambda s: healthy(s, collapsing(s))),
        config(env__num_envs=1, algo__rollout_steps=16, algo__batch_size=16),
    ),
    "slows down": (
        "throughput-decays",
        five(lambda s: dataclasses.replace(healthy(s), seconds_U=np.cumsum(np.linspace(0.1, 1, UPDATES)))),
        config(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_signature_is_the_first_finding(case: str) -> None:
    expected, seeds, run = CASES[case]
    found = diagnose(record(seeds, run))
    assert found.findings[0].id == expected
    assert found.findings[0].severity != "info"
    assert expected not in alarms(diagnose(record()))


def test_a_small_gain_over_many_noisy_episodes_is_learning() -> None:
    """Where single returns vary by more than any policy can gain, the mean over many episodes tells."""

    def gaining(seed: int) -> SeedRecord:
        rng = np.random.default_rng(seed)
        found = healthy(seed, np.linspace(-0.32, -0.05, UPDATES) + rng.normal(0, 0.03, UPDATES), rollout__episodes=1000)
        return dataclasses.replace(
            found, held_out=HeldOutEpisodes(rng.choice([-1.0, 1.0], 1000, p=[0.52, 0.48]), np.ones(1000))
        )

    rng = np.random.default_rng(5)
    noisy = HeldOutEpisodes(rng.choice([-1.0, 1.0], 1000, p=[0.66, 0.34]), np.ones(1000))
    assert "never-left-the-floor" not in ids(diagnose(record(five(gaining), random=noisy)))


def test_a_policy_that_plays_well_has_moved_unless_it_is_known_not_to_have() -> None:
    """Held-out episodes above random are no chance where the algorithm logs no KL; a KL near 0 says that they are."""

    def played(seed: int, **metrics: Any) -> SeedRecord:
        found = healthy(seed, flat(seed), **metrics)
        return dataclasses.replace(found, held_out=HeldOutEpisodes(np.full(50, HIGH), np.full(50, HIGH)))

    silent = ids(diagnose(record(five(lambda s: played(s, train__approx_kl=np.nan)))))
    still = ids(diagnose(record(five(lambda s: played(s, train__approx_kl=1e-9)))))
    assert "never-left-the-floor" not in silent
    assert "never-left-the-floor" in still


@pytest.mark.parametrize(("reached", "told"), [(0.65, False), (0.3, True)])
def test_a_goal_reached_more_often_in_shorter_episodes_is_no_return_at_randoms_level(
    reached: float, told: bool
) -> None:
    def reaching(seed: int) -> SeedRecord:
        """Episodes become a fifth as long; four end in a tenth of training, so that no window of them is clearly above random's."""
        rng = np.random.default_rng(seed)
        share_U = np.where(np.arange(UPDATES) < 60, 0.3, reached)
        shown = healthy(
            seed, rng.normal(share_U, 0.02), rollout__length_mean=np.linspace(100, 20, UPDATES), rollout__episodes=0.2
        )
        return dataclasses.replace(shown, held_out=None)

    random = HeldOutEpisodes(np.repeat([0.0, 1.0], [70, 30]), np.full(100, 100.0))
    found = diagnose(record(five(reaching), random=random))
    assert ("length-without-return" in {each.id for each in found.findings}) is told, ids(found)


def test_rewards_that_are_almost_never_met_are_no_success_that_was_lost() -> None:
    def rare(seed: int) -> SeedRecord:
        rng = np.random.default_rng(seed)
        found = healthy(seed, rng.binomial(60, 0.002, UPDATES) / 60, rollout__episodes=60)
        return dataclasses.replace(found, held_out=HeldOutEpisodes(np.zeros(50), np.full(50, 100.0)))

    nothing = HeldOutEpisodes(np.zeros(100), np.full(100, 100.0))
    assert alarms(diagnose(record(five(rare), random=nothing))) == ["never-left-the-floor"]


@pytest.mark.parametrize("status", ["running", "failed"])
def test_noise_is_not_stretched_where_random_actions_were_not_measured(status: str) -> None:
    seeds = five(lambda s: dataclasses.replace(healthy(s, flat(s)), held_out=None, status=status))
    assert alarms(diagnose(record(seeds, random=None, status=status))) == []


def test_few_long_episodes_in_a_window_are_no_swings() -> None:
    def sparse(seed: int) -> SeedRecord:
        rng = np.random.default_rng(seed)
        found = np.full(UPDATES, np.nan)
        found[::5] = rising(rng)[::5] * rng.lognormal(0, 0.4, UPDATES // 5)
        counts = np.where(np.isfinite(found), 1.0, 0.0)
        return dataclasses.replace(
            healthy(seed, found, rollout__episodes=counts),
            held_out=HeldOutEpisodes(HIGH * rng.lognormal(0, 0.4, 50), np.ones(50)),
        )

    assert "unstable" not in alarms(diagnose(record(five(sparse))))


def test_a_machine_that_fills_up_is_no_leak() -> None:
    def slower(seed: int) -> SeedRecord:
        """Trains two at a time on a machine that others fill: later seeds are slow from the start."""
        begin = 0.1 + 0.2 * (seed // 2)
        return dataclasses.replace(healthy(seed), seconds_U=np.cumsum(np.linspace(begin, 2.5 * begin, UPDATES)))

    assert "throughput-decays" not in alarms(diagnose(record(five(slower))))


def filled(seed: int, *, updates: float) -> SeedRecord:
    """Takes ever longer from the middle of training on, and its updates ``updates`` times as long."""
    longer = np.concatenate([np.full(UPDATES // 2, 0.1), np.linspace(0.1, 0.4, UPDATES // 2)])
    times = np.concatenate([np.full(UPDATES // 2, 0.02), np.linspace(0.02, 0.02 * updates, UPDATES // 2)])
    return dataclasses.replace(healthy(seed), seconds_U=np.cumsum(longer), update_seconds_U=times)


def test_what_slows_updates_of_the_network_down_is_no_leak_of_the_environment() -> None:
    assert "throughput-decays" not in alarms(diagnose(record(five(partial(filled, updates=4.0)))))
    assert "throughput-decays" in alarms(diagnose(record(five(partial(filled, updates=1.0)))))


def still(seed: int, *, effort: float = 0.002, gain: float = 0.0, **metrics: Any) -> SeedRecord:
    """Learned that actions cost something, and no more; every episode takes its 999 steps."""
    rng = np.random.default_rng(seed)
    found = healthy(
        seed, np.linspace(-30, -2, UPDATES) + rng.normal(0, 0.5, UPDATES), rollout__length_mean=999.0, **metrics
    )
    played = HeldOutEpisodes(rng.normal(gain, 0.01, 50), np.full(50, 999.0), effort)
    return dataclasses.replace(found, held_out=played)


IDLE = {
    "random": HeldOutEpisodes(np.random.default_rng(5).normal(-33.0, 1.0, 100), np.full(100, 999.0)),
    "task": TaskFacts(max_entropy=None, episode_limit=999, action_low_A=(-1.0,), action_high_A=(1.0,)),
    "still_return": 0.0,
}


def test_a_policy_that_learned_to_do_nothing_is_named() -> None:
    found = diagnose(record(five(still), **IDLE))
    assert (ids(found)[0], found.findings[0].severity) == ("doing-nothing-pays", "warning")
    assert "Every episode of training took 999 steps" in found.findings[0].what
    assert found.suggestions[0].overrides == {"algo.use_sde": True, "algo.sde_sample_freq": 16}
    failing = diagnose(record(five(partial(still, rollout__success_rate=0.0)), **IDLE))
    assert (ids(failing)[0], failing.findings[0].severity) == ("doing-nothing-pays", "error")
    assert "exploration is too small to meet the goal" in failing.findings[0].what


@pytest.mark.parametrize(
    ("changes", "around"),
    [
        ({"effort": 0.2}, {}),  # it acts
        ({"gain": 10.0}, {}),  # it scores more than doing nothing does: small corrections are all that is needed
        ({"rollout__success_rate": np.linspace(0, 1, UPDATES)}, {}),  # it succeeds
        ({"rollout__success_rate": np.where(np.arange(UPDATES) < 40, np.nan, 0.3)}, {}),  # … where episodes end at all
        ({}, {"still_return": -40.0}),  # doing nothing is worse than acting at random
    ],
)
def test_small_actions_that_are_right_are_left_alone(changes: dict[str, Any], around: dict[str, Any]) -> None:
    found = diagnose(record(five(partial(still, **changes)), **(IDLE | around)))
    assert "doing-nothing-pays" not in ids(found)


@pytest.mark.parametrize(
    ("ends", "severity"),
    [
        ((200.0, 180.0, 190.0, 210.0, 500.0), "info"),  # one is ahead of others that learn too
        ((20.0, 21.0, 19.0, 20.0, 500.0), "warning"),  # the others learned nothing
        ((490.0, 480.0, 495.0, 500.0, 60.0), "warning"),  # one is behind
    ],
)
def test_one_seed_ahead_of_others_that_learn_is_luck(ends: tuple[float, ...], severity: str) -> None:
    found = diagnose(record([healthy(s, rising(np.random.default_rng(s), end=end)) for s, end in enumerate(ends)]))
    (disagreement,) = [f for f in (*found.findings, *found.consequences) if f.id == "seeds-disagree"]
    assert disagreement.severity == severity


@pytest.mark.parametrize(("reach", "expected"), [(1.0, None), (500.0, "standard deviation of 20.09")])
def test_noise_that_is_unusual_is_told_before_a_range_that_would_fit_usual_noise(
    reach: float, expected: str | None
) -> None:
    task = TaskFacts(max_entropy=None, episode_limit=500, action_low_A=(-reach,), action_high_A=(reach,))
    found = diagnose(record([], config(policy__log_std_init=3.0), task=task, status="resolved"))
    assert "log-std-init-unusual" in ids(found)
    ranges = [finding.what for finding in found.findings if finding.id == "action-range-unusual"]
    assert bool(ranges) == (expected is not None)
    assert all(expected in what for what in ranges if expected)


def late(seed: int) -> Any:
    """Finds the goal at once, somewhere between 40 and 90 % of the budget."""
    rng = np.random.default_rng(seed)
    found = LOW + rng.normal(0, 3, UPDATES)
    found[int(UPDATES * rng.uniform(0.4, 0.9)) :] += HIGH - LOW
    return found


def stepwise(seed: int) -> Any:
    """Rises in four steps, the last ones late."""
    rng = np.random.default_rng(seed)
    return LOW + np.repeat([0.0, 0.2, 0.55, 1.0], UPDATES // 4) * (HIGH - LOW) + rng.normal(0, 3, UPDATES)


@pytest.mark.parametrize("course", [late, stepwise])
@pytest.mark.parametrize("first", [0, 10, 20])
def test_a_learner_that_is_late_and_steep_or_rises_in_steps_does_not_swing(course: Any, first: int) -> None:
    seeds = [healthy(seed, course(seed)) for seed in range(first, first + 5)]
    assert "unstable" not in alarms(diagnose(record(seeds)))


@pytest.mark.parametrize("setting", [{"policy__log_std_init": 3.0}, {"algo__gae_lambda": 0.0}])
def test_a_bad_setting_with_which_nothing_was_learned_is_an_error(setting: dict[str, float]) -> None:
    def nothing(seed: int) -> SeedRecord:
        rng = np.random.default_rng(seed)
        found = LOW + np.linspace(0, 60, UPDATES) + rng.normal(0, 3, UPDATES)  # rises a little in training
        return dataclasses.replace(
            healthy(seed, found), held_out=HeldOutEpisodes(LOW + rng.normal(0, 5, 50), np.ones(50))
        )

    found = diagnose(record(five(nothing), config(**setting)))
    assert (found.findings[0].id, found.findings[0].severity) == (
        f"{next(iter(setting)).partition('__')[2].replace('_', '-')}-unusual",
        "error",
    )
    assert alarms(diagnose(record(run=config(**setting)))) == []  # with which all went well


def test_an_update_of_one_step_has_no_kl_to_look_at() -> None:
    one = config(algo__update_epochs=1, algo__batch_size=ROLLOUT)
    seeds = five(lambda s: healthy(s, train__approx_kl=0.0, train__clip_fraction=0.0))
    assert alarms(diagnose(record(seeds, one))) == []


def test_noise_of_actions_that_grows_from_little_is_no_harm() -> None:
    small = config(policy__log_std_init=-2.0)
    seeds = five(lambda s: healthy(s, train__std=np.linspace(0.135, 0.32, UPDATES)))
    assert alarms(diagnose(record(seeds, small))) == []


def test_a_steady_success_rate_is_not_mistaken_for_a_falling_one() -> None:
    def steady(seed: int) -> SeedRecord:
        return healthy(
            seed, rollout__success_rate=np.random.default_rng(seed).binomial(2, 0.5, UPDATES) / 2, rollout__episodes=2
        )

    assert alarms(diagnose(record(five(steady)))) == []


def test_unusual_settings_of_a_good_run_are_remarks() -> None:
    odd = config(algo__gamma=0.9, algo__gae_lambda=0.3, algo__update_epochs=80)
    assert alarms(diagnose(record(run=odd))) == []


def test_an_unusual_setting_does_not_hide_an_evaluation_that_is_wrong() -> None:
    def spoiled(seed: int) -> SeedRecord:
        rng = np.random.default_rng(seed)
        return dataclasses.replace(
            healthy(seed), held_out=HeldOutEpisodes(rng.normal(50, 5, 50), rng.normal(50, 5, 50))
        )

    odd = config(algo__gae_lambda=0.3, env__wrappers=["envs.mine.RunningNorm"])
    found = diagnose(record(five(spoiled), odd))
    assert found.findings[0].id == "evaluation-below-training"
    assert dict(found.suggestions[0].overrides)["env.normalize_observation"] is True


def test_scores_in_another_environment_are_not_held_against_those_of_the_task() -> None:
    def spoiled(seed: int) -> SeedRecord:
        rng = np.random.default_rng(seed)
        return dataclasses.replace(
            healthy(seed), held_out=HeldOutEpisodes(rng.normal(50, 5, 50), rng.normal(50, 5, 50))
        )

    assert "evaluation-below-training" in ids(diagnose(record(five(spoiled), config())))
    bent = config(env__training={"kwargs": {"bonus": 2.0}, "ranges": {"length": [1.0, 2.0]}})
    found = diagnose(record(five(spoiled), bent))
    assert "evaluation-below-training" not in ids(found)
    (told,) = (finding for finding in found.findings if finding.id == "training-differs")
    assert "differ from the task in bonus, length" in told.what
    assert "training-differs" not in ids(diagnose(record()))


def test_seeds_that_fail_in_evaluation_alone_are_told_so() -> None:
    def some(seed: int) -> SeedRecord:
        rng = np.random.default_rng(seed)
        bad = HeldOutEpisodes(rng.normal(30, 5, 50), rng.normal(30, 5, 50))
        return dataclasses.replace(healthy(seed), held_out=bad) if seed < 2 else healthy(seed)

    found = diagnose(record(five(some)))
    assert alarms(found) == ["evaluation-below-training"]
    assert found.findings[0].consequences == ("seeds-disagree",)


def test_a_task_whose_episodes_never_end_says_what_was_not_looked_at() -> None:
    def endless(seed: int) -> SeedRecord:
        found = healthy(seed)
        nothing = {"rollout/return_mean": np.full(UPDATES, np.nan), "rollout/episodes": np.zeros(UPDATES)}
        return dataclasses.replace(found, values={**found.values, **nothing}, held_out=None)

    found = diagnose(record(five(endless)))
    assert any("No training episode ended" in line for line in found.unchecked)


def test_evaluation_far_below_training() -> None:
    def spoiled(seed: int) -> SeedRecord:
        rng = np.random.default_rng(seed)
        return dataclasses.replace(
            healthy(seed), held_out=HeldOutEpisodes(rng.normal(50, 5, 50), rng.normal(50, 5, 50))
        )

    own = config(env__wrappers=["envs.mine.RunningNorm", "envs.mine.Other"])
    found = diagnose(record(five(spoiled), own))
    assert alarms(found) == ["evaluation-below-training"]
    assert dict(found.suggestions[0].overrides) == {
        "env.wrappers": ["envs.mine.Other"],
        "env.normalize_observation": True,
    }
    assert all("env.wrappers" not in s.overrides for s in diagnose(record(five(spoiled))).suggestions)


class Bare(AlgorithmConfig):
    """An algorithm with the least that one has."""

    name: Literal["bare"] = "bare"
    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    gamma: float = 0.5


BARE = {
    "here": Bare(),
    "not here": ForeignAlgorithm(name="gone", learning_rate={"start": 0.1, "end": 0.0}, gamma=0.5),
    "odd": ForeignAlgorithm(name="gone", learning_rate="auto", gamma=None, entropy_coef="auto", rollout_steps=None),
}


@pytest.mark.parametrize("algo", BARE)
@pytest.mark.parametrize("name", CASES)
def test_every_rule_looks_at_an_algorithm_with_hardly_a_setting(name: str, algo: str) -> None:
    _, seeds, run = CASES[name]
    bare = run.model_copy(update={"algo": BARE[algo].model_copy(update={"total_timesteps": UPDATES * ROLLOUT})})
    told = record(seeds, bare)
    found = diagnose(told)
    assert not [line for line in found.unchecked if "could not be applied" in line]
    for rule in RULES:  # also by what a rule does not need to be asked
        detection = rule.check(Signals(told))
        for suggestion in detection.suggestions if detection else ():
            values = {key.removeprefix("algo."): value for key, value in suggestion.overrides.items() if "algo." in key}
            assert Signals(told).has(*values)
            type(bare.algo).model_validate(bare.algo.model_dump() | values)


def test_settings_of_an_algorithm_that_is_not_here_are_judged_as_they_stand() -> None:
    assert all(
        "learning-rate-unusual" in ids(diagnose(record(run=config().model_copy(update={"algo": BARE[algo]}))))
        for algo in ("here", "not here")
    )


def test_what_a_fresh_policy_of_ppo_does_is_told_of_ppo_alone() -> None:
    wide = dataclasses.replace(TASK, max_entropy=None, action_low_A=(-100.0,), action_high_A=(100.0,))
    assert "action-range-unusual" in ids(diagnose(record(task=wide)))
    assert "action-range-unusual" not in ids(diagnose(record(task=wide, family="off-policy")))
    assert "action-range-unusual" not in ids(diagnose(record(task=wide, metrics=COMMON)))
    page = render_rules()
    assert "- For on-policy algorithms that log `train/std`, before training, too." in page
    assert "- For all algorithms with `gamma`, before training, too." in page


def test_what_follows_from_a_finding_is_not_a_finding_of_its_own() -> None:
    _, seeds, run = CASES["too fast"]
    found = diagnose(record(seeds, run))
    assert ids(found).count("never-left-the-floor") == 0
    assert {"never-left-the-floor", "entropy-collapsed"} <= {other.id for other in found.consequences}
    assert found.findings[0].severity == "error"  # as its consequence: nothing was learned


def test_one_seed_of_many_is_no_fault_of_the_configuration() -> None:
    seeds = [*(healthy(s) for s in range(4)), healthy(4, train__approx_kl=2.0)]
    assert "policy-changes-too-fast" not in ids(diagnose(record(seeds)))


def test_a_single_last_value_changes_nothing() -> None:
    """No rule looks at a single last value."""
    seeds = []
    for seed in range(5):
        found = healthy(seed)
        for name, values in found.values.items():
            values[-1] = LOW if name.startswith("rollout/") else values[-1] * 50 + 7
        seeds.append(found)
    assert alarms(diagnose(record(seeds))) == []


@settings(max_examples=12, deadline=None)
@given(
    factor=st.floats(-3, 3).map(lambda power: 10.0**power),
    shift=st.sampled_from([0.0, -1e4, 123.0]),
    case=st.sampled_from(["floor", "collapse", "swings", "one of five", "certain"]),
)
def test_findings_do_not_depend_on_the_scale_of_returns(factor: float, shift: float, case: str) -> None:
    _, seeds, run = CASES[case]

    def scaled(values: Any) -> Any:
        return np.asarray(values) * factor + shift * factor

    def moved(seed: SeedRecord) -> SeedRecord:
        assert seed.held_out is not None
        values = {**seed.values, "rollout/return_mean": scaled(seed.values["rollout/return_mean"])}
        held_out = HeldOutEpisodes(scaled(seed.held_out.returns_E), seed.held_out.lengths_E)
        return dataclasses.replace(seed, values=values, held_out=held_out)

    plain = record(seeds, run)
    assert plain.random is not None
    other = dataclasses.replace(
        plain,
        seeds=tuple(moved(seed) for seed in seeds),
        random=HeldOutEpisodes(scaled(plain.random.returns_E), plain.random.lengths_E),
    )
    if abs(shift) * 0.02 < 10:  # where 2 % of random's return is less than its deviation
        assert ids(diagnose(other)) == ids(diagnose(plain))
    else:
        assert len(diagnose(other).findings) < 10  # and never an exception


numbers = st.floats(-1e6, 1e6) | st.just(float("nan"))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_any_numbers_give_a_diagnosis(data: Any) -> None:
    """Whatever was logged, there is an answer, and its sentences hold no NaN."""
    seeds = []
    for seed in range(data.draw(st.integers(0, 3))):
        updates = data.draw(st.integers(0, 30))
        names = data.draw(st.lists(st.sampled_from(sorted(healthy(0).values)), unique=True))
        values = {
            name: np.array(data.draw(st.lists(numbers, min_size=updates, max_size=updates)), float) for name in names
        }
        played = data.draw(st.none() | st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=5))
        held_out = None if played is None else HeldOutEpisodes(np.array(played), np.ones(len(played)))
        seeds.append(SeedRecord(seed, np.arange(1, updates + 1) * 64, values, held_out=held_out))
    random = data.draw(st.sampled_from([None, HeldOutEpisodes(np.zeros(5), np.ones(5))]))
    task = data.draw(st.sampled_from([None, TASK]))
    run = data.draw(st.sampled_from([CASES[name][2] for name in sorted(CASES)]))
    found = diagnose(record(seeds, run, random=random, task=task))
    assert not [line for line in found.unchecked if "could not be applied" in line]
    for finding in (*found.findings, *found.consequences):
        assert " nan" not in finding.what.lower()
        assert finding.evidence


@settings(max_examples=40, deadline=None)
@given(
    case=st.sampled_from(sorted(CASES)),
    envs=st.sampled_from([1, 3, 8, 16, 100]),
    rollout=st.sampled_from([1, 5, 16, 32, 250, 2048]),
    epochs=st.sampled_from([1, 10, 80]),
    rate=st.sampled_from([1e-8, 1e-4, 3e-4, 1e-3, 0.1]),
    steps=st.sampled_from([5_000, 100_000, 1_000_000]),
    seeds=st.sampled_from([1, 5, 900]),
)
def test_every_suggestion_is_a_valid_configuration(
    case: str, envs: int, rollout: int, epochs: int, rate: float, steps: int, seeds: int
) -> None:
    total = max(steps, envs * rollout)
    run = CASES[case][2]
    base = config(
        env__num_envs=envs, algo__rollout_steps=rollout, algo__batch_size=max(2, envs * rollout), num_seeds=seeds,
        algo__update_epochs=epochs, algo__learning_rate=rate, algo__total_timesteps=total, eval__every=total,
        algo__gamma=run.algo.gamma, algo__entropy_coef=run.algo.entropy_coef, algo__value_coef=run.algo.value_coef,
    )  # fmt: skip
    sound = not list(inconsistencies(base))
    for suggestion in diagnose(record(CASES[case][1], base)).suggestions:
        data = base.model_dump()
        for key, value in suggestion.overrides.items():
            section, _, name = key.rpartition(".")
            (data[section] if section else data)[name] = value
        changed = RunConfig.model_validate(data)
        assert changed != base
        assert not sound or not list(inconsistencies(changed)), suggestion
        assert suggestion.reason
        assert suggestion.effect
        assert suggestion.steps > 0


def test_suggestions_do_not_contradict_each_other() -> None:
    for _, seeds, run in CASES.values():
        offered = diagnose(record(seeds, run)).suggestions
        chosen: dict[str, Any] = {}
        for suggestion in offered:
            for key, value in suggestion.overrides.items():
                assert chosen.setdefault(key, value) == value


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"algo__learning_rate": 0.5}, "learning-rate-unusual"),
        ({"algo__clip_range": 0.001}, "clip-range-unusual"),
        ({"algo__gamma": 0.6}, "short-horizon"),
        ({"algo__value_coef": 0.0}, "value-not-trained"),
        ({"env__num_envs": 1, "algo__rollout_steps": 8, "algo__batch_size": 8}, "rollout-too-small"),
        ({"num_seeds": 2}, "few-seeds"),
        ({"device": "cuda"}, "gpu-for-small-network"),
        ({"algo__total_timesteps": 4096}, "few-updates"),
        ({"algo__target_kl": 1e-5}, "target-kl-unusual"),
    ],
)
def test_smells_are_found_before_training(changes: dict[str, Any], expected: str) -> None:
    before = RunRecord("anyrun", config(**changes), "resolved", (), task=TASK, seeds_wanted=5)
    assert expected in ids(diagnose(before))
    plain = RunRecord("anyrun", config(), "resolved", (), task=TASK, seeds_wanted=5)
    assert ids(diagnose(plain)) == []


def test_unscaled_observations_are_found_by_their_size() -> None:
    apart = dataclasses.replace(TASK, observation_size_D=(0.5, 0.007))
    assert "observations-not-scaled" in ids(diagnose(record(task=apart)))
    assert "observations-not-scaled" not in ids(
        diagnose(record(run=config(env__normalize_observation=True), task=apart))
    )


def test_a_non_finite_number_is_named_with_its_first_step_and_seed() -> None:
    late = SeedFailure("non-finite", "it became nan", "train/value_loss", 9000)
    soon = SeedFailure("non-finite", "it became nan", "reward", 4000)
    seeds = [
        healthy(0),
        *(dataclasses.replace(healthy(s), status="failed", failure=f) for s, f in ((1, late), (2, soon))),
    ]
    first = diagnose(record(seeds, status="failed")).findings[0]
    assert (first.id, first.severity) == ("non-finite", "error")
    assert "step 4,000" in first.what
    assert "seed 2" in first.what
    assert "reward" in first.what
    assert first.evidence[0].window == (4000, 9000)
    assert first.advice  # an environment that gives NaN cannot be mended by settings
    assert not first.suggestions


def test_a_stopped_run_says_how_far_it_was() -> None:
    short = dataclasses.replace(healthy(1), status="stopped", steps_U=healthy(1).steps_U[:50], held_out=None, seconds_U=None,
                                values={k: v[:50] for k, v in healthy(1).values.items()})  # fmt: skip
    found = diagnose(record([short], status="stopped", random=None))
    assert found.findings[0].id == "run-stopped"
    assert "102,400" in found.findings[0].what
    assert any("Random actions were not measured" in line for line in found.unchecked)


def test_sparse_tasks_that_truncate_themselves_do_not_end_whatever_is_done() -> None:
    def sparse(truncated: float) -> list[SeedRecord]:
        same = {"rollout__length_mean": 100.0, "rollout__truncated_share": truncated}
        return five(
            lambda s: dataclasses.replace(
                healthy(s, np.zeros(UPDATES), **same), held_out=HeldOutEpisodes(np.zeros(50), np.full(50, 100.0))
            )
        )

    nothing = HeldOutEpisodes(np.zeros(100), np.full(100, 100.0))
    own_limit = dataclasses.replace(TASK, episode_limit=None)
    found = diagnose(record(sparse(1.0), random=nothing, task=own_limit))
    assert "episodes-end-by-themselves" not in ids(found)
    assert found.suggestions
    assert "episodes-end-by-themselves" in ids(diagnose(record(sparse(0.0), random=nothing, task=own_limit)))


def test_facts_of_the_environment_are_causes() -> None:
    none = {"rollout__return_mean": np.nan, "rollout__length_mean": np.nan, "rollout__episodes": 0.0}
    endless = five(lambda s: healthy(s, **none))
    found = diagnose(record(endless, task=dataclasses.replace(TASK, episode_limit=None)))
    assert (found.findings[0].id, found.findings[0].severity) == ("episodes-never-end", "error")
    assert "environment-not-seeded" in alarms(diagnose(record(task=dataclasses.replace(TASK, seeded=False))))


def test_success_that_falls_while_the_return_rises() -> None:
    falling = five(lambda s: healthy(s, rollout__success_rate=np.linspace(0.9, 0.2, UPDATES)))
    assert alarms(diagnose(record(falling))) == ["success-falls-as-return-rises"]


def test_reward_components() -> None:
    def parts(seed: int) -> SeedRecord:
        return healthy(seed, reward__speed=np.linspace(1, 500, UPDATES), reward__safety=np.linspace(200, 5, UPDATES))

    found = ids(diagnose(record(five(parts))))
    assert "reward-component-traded" in found
    assert "reward-component-dominates" in found


def test_every_rule_is_complete_and_names_no_environment() -> None:
    names = [rule.id for rule in RULES]
    assert len(set(names)) == len(names)
    for rule in RULES:
        assert rule.title
        assert rule.why.endswith(".")
        assert rule.source
        assert set(rule.explains) <= set(names), rule.id
    import gymnasium

    folder = Path(__file__).parents[2] / "src" / "rlx" / "diagnosis"
    code = "\n".join(path.read_text() for path in folder.rglob("*.py")).replace("CleanRL's MountainCar-v0", "")
    stems = {name.partition("-v")[0].rpartition("/")[2] for name in gymnasium.registry}
    assert [stem for stem in stems if len(stem) > 5 and f'"{stem}' in code] == []


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=30))
def test_the_nearest_rising_curve_is_scipys(values: list[float]) -> None:
    theirs = isotonic_regression(np.array(values)).x
    assert progress.rising(np.array(values)) == pytest.approx(theirs, abs=1e-9)
