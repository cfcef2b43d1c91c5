"""How an off-policy algorithm uses its replay buffer: its size, when learning starts, how often it learns, from which targets."""

from __future__ import annotations

import numpy as np

from rlx.diagnosis import off_policy_suggestions as suggestions
from rlx.diagnosis.finding import Detection, Evidence
from rlx.diagnosis.rules.rule import OFF_POLICY, OUTCOMES, Needs, Rule, told_by_outcome
from rlx.diagnosis.rules.usual_settings import VALUES, ZOO_OFF
from rlx.diagnosis.signals import Signals
from rlx.stats import number

SMALL = 1000
LATE = 0.5
MOST_UPDATES, FEWEST_UPDATES = 4.0, 0.02
COPIES = 20
WHOLE = 0.5
"""A target update with tau at or above it is a copy rather than an average."""
MUCH_MEMORY = 2**30


def episode_steps(signals: Signals) -> float | None:
    """Return how long an episode is: late in training, or at most before training; None where that is not known."""
    seen_S = signals.late(signals.windowed("rollout/length_mean")) if signals.seeds else np.array([])
    if np.isfinite(seen_S).any():
        return float(np.nanmedian(seen_S))
    return None if signals.task is None or signals.task.episode_limit is None else float(signals.task.episode_limit)


def updates_per_step(signals: Signals) -> float | None:
    """Return the gradient steps per environment step, all copies together, after learning has started; None if not known.

    Where updates are counted in episodes, an episode is as long as :func:`episode_steps` says.
    """
    algo, gradients = signals.config.algo, signals.setting("gradient_steps")
    every = algo.setting("train_freq")
    if gradients is None:
        return None
    if gradients < 0:
        return 1.0
    if isinstance(every, int):
        return gradients / (every * signals.config.env.num_envs)
    episode = episode_steps(signals)
    return gradients / (every[0] * episode) if isinstance(every, list) and episode else None


def _unusual_updates(signals: Signals) -> Detection | None:
    found, algo = updates_per_step(signals), signals.config.algo
    if found is None or FEWEST_UPDATES <= found <= MOST_UPDATES:
        return None
    is_high = found > MOST_UPDATES
    if is_high and (
        (signals.has("param_resets") and algo.setting("param_resets"))
        or signals.config.policy.kwargs.get("dropout_rate")
    ):
        return None  # made for many updates
    evidence = Evidence(
        "gradient steps per environment step", found, "above" if is_high else "below", MOST_UPDATES if is_high else FEWEST_UPDATES
    )  # fmt: skip
    what, severity = told_by_outcome(
        signals,
        f"There are {number(found)} gradient steps per environment step, all copies together; usual is 0.25 to 1.",
    )
    return Detection(what, (evidence,), severity, "medium", suggestions.update_as_often_as_stepped(signals))


def _rare_targets(signals: Signals) -> Detection | None:
    interval, tau = signals.setting("target_update_interval"), signals.setting("tau")
    budget = signals.config.algo.total_timesteps
    if not interval or tau is None or tau < WHOLE or budget / interval >= COPIES:
        return None
    copies = int(budget // interval)
    evidence = Evidence("target updates in the whole budget", float(copies), "below", float(COPIES))
    what, severity = told_by_outcome(
        signals,
        f"The target network is updated {copies} time{'s' * (copies != 1)} in {budget:,} steps (every {interval:,.0f}), so rewards "
        f"are passed on over {copies} step{'s' * (copies != 1)} of bootstrapping or so.",
    )
    return Detection(what, (evidence,), severity, "high", suggestions.update_targets(signals))


def _small_buffer(signals: Signals) -> Detection | None:
    size, budget = signals.setting("buffer_size"), signals.config.algo.total_timesteps
    if size is None or size >= budget:
        return None
    copies, episode = signals.config.env.num_envs, episode_steps(signals)
    needed = max(float(SMALL), (episode or 0.0) * copies)
    if size >= needed:
        return None
    evidence = Evidence("algo.buffer_size", size, "below", needed)
    of_each = f"; an episode takes {number(episode)}" if episode and size < episode * copies else ""
    what, severity = told_by_outcome(
        signals, f"The replay buffer holds {size:,.0f} transitions, {number(size / copies)} of each copy{of_each}."
    )
    return Detection(what, (evidence,), severity, "high", suggestions.larger_replay(signals))


def _never_filled(signals: Signals) -> Detection | None:
    size, budget, task = signals.setting("buffer_size"), signals.config.algo.total_timesteps, signals.task
    if size is None or task is None or not task.observation_shape or size <= 2 * budget:
        return None
    reserved = 2.0 * size * float(np.prod(task.observation_shape)) * (1 if task.is_image else 4)
    if reserved <= MUCH_MEMORY:
        return None
    evidence = Evidence("algo.buffer_size over algo.total_timesteps", size / budget, "above", 2.0)
    what = (
        f"The replay buffer reserves {number(reserved / 2**30)} GiB for {size:,.0f} transitions, and the budget has {budget:,} steps: "
        "it is never filled."
    )
    return Detection(what, (evidence,), "info", "high", suggestions.replay_of_the_budget(signals))


def _late_start(signals: Signals) -> Detection | None:
    start, budget = signals.setting("learning_starts"), signals.config.algo.total_timesteps
    if start is None or start <= LATE * budget:
        return None
    evidence = Evidence("algo.learning_starts over algo.total_timesteps", start / budget, "above", LATE)
    what, severity = told_by_outcome(
        signals,
        f"Learning starts after {start:,.0f} of {budget:,} steps; until then actions are random and nothing is learned.",
    )
    return Detection(what, (evidence,), severity, "high", suggestions.learn_sooner(signals))


CAUSES: tuple[Rule, ...] = (
    Rule(
        "learning-starts-late",
        "Learning starts late in the budget",
        "Steps before it fill the replay buffer with random actions' transitions; what is left is too short to learn in.",
        f"{ZOO_OFF}: at most half of the budget (TD3 and DDPG on Pendulum)",
        _late_start,
        OUTCOMES | VALUES,
        needs_training=False,
        needs=Needs(OFF_POLICY, ("learning_starts",)),
    ),
    Rule(
        "buffer-too-small",
        "The replay buffer is very small",
        "Minibatches from the last few episodes are alike, so the network forgets what it does not see now.",
        f"Fedus et al. 2020 (Revisiting Fundamentals of Experience Replay), on capacity; {ZOO_OFF}: 10,000 and more; 1,000, or an episode of every copy, is rlx's own threshold",
        _small_buffer,
        OUTCOMES | VALUES,
        needs_training=False,
        needs=Needs(OFF_POLICY, ("buffer_size",)),
    ),
    Rule(
        "target-updates-rare",
        "The target network is hardly ever updated",
        "Between two updates values learn what the old target says, so a reward is passed on by one step for each.",
        f"{ZOO_OFF}: 200 and more target updates in a training; 20 is rlx's own threshold",
        _rare_targets,
        OUTCOMES | VALUES,
        needs_training=False,
        needs=Needs(OFF_POLICY, ("target_update_interval", "tau")),
    ),
    Rule(
        "updates-per-step-unusual",
        "Gradient steps per environment step are far from usual",
        "Many fit the first transitions so closely that later ones change little; few leave the data unused.",
        f"Nikishin et al. 2022 (The Primacy Bias in Deep RL), on many; {ZOO_OFF}: 0.25 to 1.25; more than 4 without resets or dropout, less than 0.02, are rlx's own thresholds",
        _unusual_updates,
        OUTCOMES | VALUES,
        needs_training=False,
        needs=Needs(OFF_POLICY, ("gradient_steps", "train_freq")),
    ),
)
SMELLS: tuple[Rule, ...] = (
    Rule(
        "replay-never-filled",
        "The replay buffer is larger than the budget",
        "Its memory is reserved, and a part of it is never written.",
        "arithmetic; twice the budget and 1 GiB of observations are rlx's own thresholds",
        _never_filled,
        needs_training=False,
        needs=Needs(OFF_POLICY, ("buffer_size",)),
    ),
)
