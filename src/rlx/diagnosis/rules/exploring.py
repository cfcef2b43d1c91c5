"""How an off-policy algorithm explores: ε that never falls or falls too soon, no noise at all, a weight of the entropy that runs away."""

from __future__ import annotations

import math

import numpy as np

from rlx.diagnosis import off_policy_suggestions as suggestions
from rlx.diagnosis.finding import Detection, Evidence, Severity
from rlx.diagnosis.reward_scale import reward_size
from rlx.diagnosis.rules.rule import (
    OFF_POLICY,
    OUTCOMES,
    Needs,
    Rule,
    measured,
    most,
    of_seeds,
    told_by_outcome,
    went_well,
)
from rlx.diagnosis.rules.usual_settings import VALUES, ZOO_OFF
from rlx.diagnosis.signals import Signals
from rlx.stats import number

FINAL, FRACTION = 0.2, 0.9
WEIGHT = "train/ent_coef"
GONE, OUTWEIGHS = 1e-4, 10.0
"""Weights of the entropy, in units of the mean reward per step."""


def _never_decays(signals: Signals) -> Detection | None:
    final, fraction = signals.setting("exploration_final_eps"), signals.setting("exploration_fraction")
    if final is None or fraction is None or (final <= FINAL and fraction < FRACTION):
        return None
    if final > FINAL:
        evidence = Evidence("algo.exploration_final_eps", final, "above", FINAL)
        told = f"At the end of training {100 * final:.0f} % of actions are still random."
    else:
        evidence = Evidence("algo.exploration_fraction", fraction, "above", FRACTION)
        told = f"The share of random actions falls over {100 * fraction:.0f} % of training, so the policy is hardly ever tried."
    what, severity = told_by_outcome(signals, told)
    return Detection(what, (evidence,), severity, "high", suggestions.explore_as_usual(signals))


def _ends_early(signals: Signals) -> Detection | None:
    fraction, start = signals.setting("exploration_fraction"), signals.setting("learning_starts")
    if fraction is None or not start:
        return None
    decayed = fraction * signals.config.algo.total_timesteps
    if decayed >= start:
        return None
    evidence = Evidence("steps over which exploration falls", decayed, "below", start)
    what, severity = told_by_outcome(
        signals,
        f"Exploration has fallen to its end after {decayed:,.0f} steps, and learning starts after {start:,.0f}: what was learned is "
        "never tried with more than the last share of random actions.",
    )
    return Detection(what, (evidence,), severity, "high", suggestions.explore_as_usual(signals))


def _no_noise(signals: Signals) -> Detection | None:
    if not signals.is_off("action_noise") or signals.has("entropy_coef"):
        return None
    evidence = Evidence("algo.action_noise", 0.0, "below", 0.01)
    what, severity = told_by_outcome(
        signals, f"{signals.config.algo.name}'s policy is deterministic, and algo.action_noise is null: it tries nothing but its own action."
    )  # fmt: skip
    return Detection(what, (evidence,), severity, "high", suggestions.add_noise(signals))


def _collapsed(signals: Signals) -> Detection | None:
    reward = reward_size(signals)
    if not reward or not isinstance(signals.config.algo.setting("entropy_coef"), str):
        return None
    weight_SW = signals.windowed(WEIGHT) / reward
    holds_S = (np.nan_to_num(weight_SW, nan=np.inf) < GONE).mean(axis=1) >= 0.5
    if not most(holds_S):
        return None
    late_S = signals.late(weight_SW)
    evidence = measured(signals, f"{WEIGHT}, over the mean reward per step", late_S, holds_S, "below", GONE)
    what = (
        f"In {of_seeds(evidence.seeds, len(signals.seeds))} the learned weight of the entropy is next to nothing for most of training "
        f"({number(evidence.measured)} of a step's reward), so nothing keeps the policy from becoming certain."
    )
    severity: Severity = "info" if went_well(signals) else "warning"
    return Detection(what, (evidence,), severity, "medium", suggestions.steer_entropy(signals))


def _explodes(signals: Signals) -> Detection | None:
    algo, task = signals.config.algo, signals.task
    target, learned = algo.setting("target_entropy"), isinstance(algo.setting("entropy_coef"), str)
    most_entropy = len(task.action_low_A) * math.log(2) if task else 0.0
    if learned and most_entropy and isinstance(target, int | float) and target > most_entropy:
        evidence = Evidence("algo.target_entropy", float(target), "above", most_entropy)
        what, severity = told_by_outcome(
            signals,
            f"algo.target_entropy is {target:g}, and {len(task.action_low_A) if task else 0} action elements from -1 to 1 have at most "
            f"{most_entropy:.2g}: the weight of the entropy can only grow.",
        )
        return Detection(what, (evidence,), severity, "high", suggestions.steer_entropy(signals))
    reward = reward_size(signals) if signals.seeds else None
    if not reward or not learned:
        return None
    weight_SW = signals.windowed(WEIGHT) / reward
    late_S, early_S = signals.late(weight_SW), signals.early(weight_SW)
    holds_S = (np.nan_to_num(late_S) > OUTWEIGHS) & (late_S > early_S)
    if not most(holds_S):
        return None
    last = (3 * signals.windows // 4, signals.windows - 1)
    found = measured(signals, f"{WEIGHT}, over the mean reward per step", late_S, holds_S, "above", OUTWEIGHS, last)
    what = (
        f"The weight of the entropy grew to {number(found.measured)} times a step's reward in "
        f"{of_seeds(found.seeds, len(signals.seeds))}: the policy is paid for acting at random."
    )
    return Detection(what, (found,), "info" if went_well(signals) else "warning", "medium", suggestions.steer_entropy(signals))  # fmt: skip


HAARNOJA = "Haarnoja et al. 2018 (SAC Algorithms and Applications): the entropy is steered to minus the number of action elements"
STUCK = OUTCOMES | {"doing-nothing-pays", "length-without-return"}
CAUSES: tuple[Rule, ...] = (
    Rule(
        "exploration-never-decays",
        "Exploration never ends",
        "Episodes in which so many actions are random show little of what the policy can do, and the replay buffer holds no others.",
        f"{ZOO_OFF}: a last share of 0.01 to 0.18, after at most a quarter of training; 0.2 and nine tenths are rlx's own thresholds",
        _never_decays,
        STUCK | VALUES,
        needs_training=False,
        needs=Needs(OFF_POLICY, ("exploration_final_eps", "exploration_fraction")),
    ),
    Rule(
        "exploration-ends-early",
        "Exploration ends before learning starts",
        "Random actions are then tried only before there is anything to improve on.",
        f"{ZOO_OFF}: exploration falls over 2 times learning_starts or more",
        _ends_early,
        STUCK | VALUES,
        needs_training=False,
        needs=Needs(OFF_POLICY, ("exploration_fraction", "learning_starts")),
    ),
    Rule(
        "deterministic-without-noise",
        "A deterministic policy explores without noise",
        "After learning_starts the replay buffer sees one action per state, so the critics know nothing of the others.",
        f"{ZOO_OFF}: TD3 and DDPG have noise of 0.1 to 0.5 throughout",
        _no_noise,
        STUCK | VALUES,
        needs_training=False,
        needs=Needs(OFF_POLICY, ("action_noise",)),
    ),
    Rule(
        "entropy-coefficient-explodes",
        "The weight of the entropy grows without end",
        "The policy is paid for randomness more than for the task.",
        f"{HAARNOJA}; the uniform policy's entropy is ln 2 for each action element from -1 to 1; ten times a step's reward is rlx's own threshold",
        _explodes,
        STUCK | VALUES,
        needs_training=False,
        needs=Needs(OFF_POLICY, ("entropy_coef", "target_entropy"), (WEIGHT,)),
    ),
    Rule(
        "entropy-coefficient-collapsed",
        "The weight of the entropy is gone",
        "The policy becomes certain of what it has found first.",
        f"{HAARNOJA}; 1/10,000 of a step's reward is rlx's own threshold",
        _collapsed,
        STUCK,
        needs=Needs(OFF_POLICY, ("entropy_coef", "target_entropy"), (WEIGHT,)),
    ),
)
