"""What to try in off-policy learning; see :mod:`rlx.diagnosis.suggestions`."""

from __future__ import annotations

import math
from typing import Any

from rlx.diagnosis.finding import Suggestion
from rlx.diagnosis.reward_scale import reward_size
from rlx.diagnosis.signals import Signals
from rlx.diagnosis.suggestions import USUAL_RATE, attempt, rounded, scale_observations, scale_rewards

USUAL_EPSILON, USUAL_FRACTION = 0.05, 0.2
USUAL_TAU = 0.005
TARGETS = 200
"""Target updates in a training, the fewest of rl-baselines3-zoo's DQN."""
FAST, FASTEST = 0.005, 0.01
"""Step sizes beyond rl-baselines3-zoo's largest, 0.004, and beyond what is ever usual."""
LARGE = 30.0
"""Observations and rewards beyond this are far from 1."""
APART = 100
"""Gradient steps between two target updates that keep targets still for a while."""


def update_as_often_as_stepped(signals: Signals) -> tuple[Suggestion, ...]:
    """For gradient steps that are far more, or fewer, than environment steps."""
    effect = "One gradient step per environment step: the return rises with the data."
    return (attempt(signals, {"algo.gradient_steps": -1}, "-1 makes as many gradient steps as steps were taken, all copies together.", effect),)  # fmt: skip


def update_targets(signals: Signals) -> tuple[Suggestion, ...]:
    """For a target network that is hardly ever updated."""
    interval = max(1, int(rounded(signals.config.algo.total_timesteps / TARGETS)))
    effect = "Action values rise with the return instead of standing still between two updates."
    reason = f"It makes {TARGETS} target updates or so in the budget."
    return (attempt(signals, {"algo.target_update_interval": interval}, reason, effect),)


def larger_replay(signals: Signals) -> tuple[Suggestion, ...]:
    """For a replay buffer that holds next to nothing."""
    size = min(100_000, signals.config.algo.total_timesteps)
    effect = "Minibatches hold transitions of many episodes; the return falls back less."
    return (attempt(signals, {"algo.buffer_size": size}, f"{size:,} transitions are usual for so short a budget.", effect),)  # fmt: skip


def replay_of_the_budget(signals: Signals) -> tuple[Suggestion, ...]:
    """For a replay buffer that is never filled."""
    size = signals.config.algo.total_timesteps
    return (attempt(signals, {"algo.buffer_size": size}, "No more steps are ever taken.", "The same policies, from less memory."),)  # fmt: skip


def learn_sooner(signals: Signals) -> tuple[Suggestion, ...]:
    """For learning that starts late."""
    start = max(1, int(rounded(signals.config.algo.total_timesteps / 20)))
    effect = "More of the budget is learned in."
    return (attempt(signals, {"algo.learning_starts": start}, "A twentieth of the budget fills many minibatches.", effect),)  # fmt: skip


def explore_as_usual(signals: Signals) -> tuple[Suggestion, ...]:
    """For a share of random actions that never falls, or falls before learning starts."""
    algo = signals.config.algo
    start, final = signals.setting("learning_starts") or 0.0, signals.setting("exploration_final_eps") or 0.0
    overrides: dict[str, Any] = {
        "algo.exploration_fraction": max(USUAL_FRACTION, min(0.5, rounded(2 * start / algo.total_timesteps)))
    }
    if final > 2 * USUAL_EPSILON:
        overrides["algo.exploration_final_eps"] = USUAL_EPSILON
    effect = "rollout/exploration_rate falls while the network learns, and the return follows."
    return (attempt(signals, overrides, "The share of random actions usually falls over a fifth of training, to a few per cent.", effect),)  # fmt: skip


def add_noise(signals: Signals) -> tuple[Suggestion, ...]:
    """For a deterministic policy that explores without noise."""
    effect = "The replay buffer holds actions near the policy's own, and the critics learn which are better."
    noise = {"type": "normal", "std": 0.1}
    return (attempt(signals, {"algo.action_noise": noise}, "0.1 of half of the range is the usual noise.", effect),)


def steer_entropy(signals: Signals) -> tuple[Suggestion, ...]:
    """For a weight of the entropy that has run away."""
    algo = signals.config.algo
    overrides = {f"algo.{name}": "auto" for name in ("target_entropy", "entropy_coef") if algo.setting(name) != "auto"}
    effect = "train/ent_coef settles, and stays well above 0."
    if overrides:
        return (attempt(signals, overrides, "`auto` steers the entropy to minus the number of action elements.", effect),)  # fmt: skip
    weight = rounded(0.05 * (reward_size(signals) or 1.0))
    return (attempt(signals, {"algo.entropy_coef": weight}, "A fixed weight of 5 % of a step's reward cannot run away.", effect),)  # fmt: skip


def calm_values(signals: Signals) -> tuple[Suggestion, ...]:
    """For action values that diverge, promise too much, or come from dead units."""
    found, effect = [], "train/q_max_abs stays near what episodes return."
    rate, tau, interval = (signals.setting(name) for name in ("learning_rate", "tau", "target_update_interval"))
    gradients, every = signals.setting("gradient_steps"), signals.config.algo.setting("train_freq")
    if tau is not None and tau < 0.5 and tau > 10 * USUAL_TAU:
        found.append(attempt(signals, {"algo.tau": USUAL_TAU}, "Targets that move slowly do not chase their own errors.", effect))  # fmt: skip
    if tau is not None and tau >= 0.5 and interval and gradients and isinstance(every, int):
        per_step = 1.0 if gradients < 0 else gradients / (every * signals.config.env.num_envs)
        if interval * per_step < APART / 2:
            still = int(rounded(math.ceil(APART / per_step)))
            found.append(attempt(signals, {"algo.target_update_interval": still}, f"Targets then stand still for {APART} gradient steps.", effect))  # fmt: skip
    if rate is not None and rate > FAST:
        found.append(attempt(signals, {"algo.learning_rate": USUAL_RATE}, f"The step size {rate:g} is {rate / USUAL_RATE:,.0f} times the usual {USUAL_RATE:g}.", effect))  # fmt: skip
    found += scale_rewards(signals)
    if rate is not None and rate <= FAST:
        found.append(attempt(signals, {"algo.learning_rate": rounded(rate / 3)}, "Smaller steps err less.", effect))
    return tuple(
        sorted(found, key=lambda each: not ("algo.learning_rate" in each.overrides and (rate or 0.0) > FASTEST))
    )


def unsaturate(signals: Signals) -> tuple[Suggestion, ...]:
    """For actions that lie at their bounds."""
    rate = signals.setting("learning_rate")
    found: list[Suggestion] = []
    effect = "train/action_saturation falls, and actions depend on the state again."
    sizes = signals.task.observation_size_D if signals.task else ()
    large_rewards = (reward_size(signals) or 0.0) > LARGE
    found += scale_observations(signals) if max(sizes, default=0.0) > LARGE else ()
    if rate is not None and rate > FAST:
        found.append(attempt(signals, {"algo.learning_rate": USUAL_RATE}, f"The step size {rate:g} drives the last layer out of its range.", effect))  # fmt: skip
    found += scale_rewards(signals) if large_rewards else ()
    if rate is not None and rate <= FAST:
        found.append(attempt(signals, {"algo.learning_rate": rounded(rate / 3)}, "Smaller steps keep the last layer in its range.", effect))  # fmt: skip
    return tuple(found)
