"""What the critics of an off-policy algorithm say: values that diverge or promise too much, units that are dead, actions at their bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from rlx.diagnosis import off_policy_suggestions as suggestions
from rlx.diagnosis.finding import Detection, Severity
from rlx.diagnosis.reward_scale import earnable, reward_size
from rlx.diagnosis.rules.rule import (
    OFF_POLICY,
    OUTCOMES,
    Needs,
    Rule,
    learned_nothing,
    measured,
    most,
    of_seeds,
    ratio,
    went_well,
)
from rlx.diagnosis.signals import Signals
from rlx.diagnosis.suggestions import scale_rewards
from rlx.stats import Array, number

LARGEST, BIAS = "train/q_max_abs", "train/q_bias"
BEYOND = 10.0
PROMISED = 1.0
LARGE = 1e3
MARGIN = 0.01
"""Of an action's bound, within which it counts as there (``train/action_saturation``)."""
DEAD, SATURATED = 0.6, 0.9


def _harm(signals: Signals) -> Severity:
    """Return how serious an odd signal is: a remark where the return came near its best."""
    if learned_nothing(signals):
        return "error"
    return "info" if went_well(signals) else "warning"


def _diverges(signals: Signals) -> Detection | None:
    bound = earnable(signals)
    late_S = signals.late(signals.windowed(LARGEST))
    if not bound:
        return None
    holds_S = np.nan_to_num(late_S, posinf=np.inf) > BEYOND * bound
    if not most(holds_S):
        return None
    evidence = measured(signals, LARGEST, late_S, holds_S, "above", BEYOND * bound, _last(signals))
    what = (
        f"Action values reach {number(evidence.measured)} in {of_seeds(evidence.seeds, len(signals.seeds))}, "
        f"{number(evidence.measured / bound)} times what these rewards could add up to ({number(bound)})."
    )
    severity: Severity = "error" if learned_nothing(signals) else "warning"
    return Detection(what, (evidence,), severity, "high", suggestions.calm_values(signals))


def _last(signals: Signals) -> tuple[int, int]:
    return 3 * signals.windows // 4, signals.windows - 1


def _overestimates(signals: Signals) -> Detection | None:
    bias_SW, mean_SW = signals.windowed(BIAS), signals.windowed("train/q_mean")
    if not np.isfinite(bias_SW).any():
        return None
    earned_SW = mean_SW - bias_SW
    size_S = np.nan_to_num(np.abs(earned_SW)).max(axis=1)
    half = signals.windows // 2
    share_S = ratio(_median(bias_SW[:, half:]), size_S)
    holds_S = np.nan_to_num(share_S) > PROMISED
    if not most(holds_S):
        return None
    name = f"{BIAS} over the largest discounted return that was earned"
    evidence = measured(signals, name, share_S, holds_S, "above", PROMISED, (half, signals.windows - 1))
    what = (
        f"In {of_seeds(evidence.seeds, len(signals.seeds))} the critics promise more than follows: by {number(evidence.measured)} times "
        "the largest discounted return that was earned, over the second half of training."
    )
    return Detection(what, (evidence,), _harm(signals), "medium", suggestions.calm_values(signals))


def _median(values_SW: Array) -> Array:
    """Return medians over windows, NaN where a seed has values in less than a quarter of them."""
    known_S = np.isfinite(values_SW).mean(axis=1) >= 0.25
    return np.array([np.nanmedian(row) if known else np.nan for row, known in zip(values_SW, known_S, strict=True)])


def _large(signals: Signals) -> Detection | None:
    reward = reward_size(signals)
    if reward is None or signals.config.env.normalize_reward or reward <= LARGE or not signals.seeds:
        return None
    holds_S = np.ones(len(signals.seeds), dtype=bool)
    evidence = measured(signals, "mean size of a step's reward", np.full(len(holds_S), reward), holds_S, "above", LARGE)
    what = f"Rewards are of size {number(reward)} per step, so action values are to reach {number(earnable(signals))} or so."
    return Detection(what, (evidence,), _harm(signals), "high", scale_rewards(signals))


def _units_die(signals: Signals) -> Detection | None:
    late_S = signals.late(signals.windowed("train/dead_units"))
    holds_S = np.nan_to_num(late_S) > DEAD
    if not most(holds_S):
        return None
    evidence = measured(signals, "train/dead_units", late_S, holds_S, "above", DEAD, _last(signals))
    what = (
        f"{100 * evidence.measured:.0f} % of the critics' rectified units are 0 for all of the newest transitions, late in training, in "
        f"{of_seeds(evidence.seeds, len(signals.seeds))}."
    )
    return Detection(what, (evidence,), _harm(signals), "medium", suggestions.calm_values(signals))


def saturable(signals: Signals) -> float:
    """Return the share of action elements at their bounds where the policy's own all are: noise takes some of them inside."""
    noise = signals.config.algo.setting("action_noise")
    spread = getattr(noise, "std", None) or (noise.get("std") if isinstance(noise, Mapping) else None)
    return 1.0 if not spread else 0.5 * (1 + math.erf(MARGIN / (spread * math.sqrt(2))))


def _saturated(signals: Signals) -> Detection | None:
    late_S = signals.late(signals.windowed("train/action_saturation"))
    threshold = SATURATED * saturable(signals)
    holds_S = np.nan_to_num(late_S) > threshold
    if not most(holds_S):
        return None
    evidence = measured(signals, "train/action_saturation", late_S, holds_S, "above", threshold, _last(signals))
    what = (
        f"{100 * evidence.measured:.0f} % of action elements lie at their bounds late in training, in "
        f"{of_seeds(evidence.seeds, len(signals.seeds))}; noise leaves {100 * saturable(signals):.0f} % there at most."
    )
    return Detection(what, (evidence,), _harm(signals), "medium", suggestions.unsaturate(signals))


HASSELT = "van Hasselt et al. 2018 (Deep RL and the Deadly Triad) call values beyond what rewards allow soft divergence"
SOKAR = "Sokar et al. 2023 (The Dormant Neuron Phenomenon in Deep RL): dead units grow with updates per step, and cost what can be learned"
CONSEQUENCES = frozenset({"step-size-unusual", "units-die", "actions-saturated", "q-overestimates", "tau-unusual"})
RULES: tuple[Rule, ...] = (
    Rule(
        "action-values-large",
        "Rewards are far out of scale",
        "Networks learn numbers near 1; values this large take many steps of the optimiser to reach, and their errors are as large.",
        "Jones, Debugging RL (2021): value targets within ±10, ideally ±3; a mean reward of 1,000 per step is rlx's own threshold",
        _large,
        OUTCOMES | {"step-size-unusual", "units-die", "actions-saturated", "q-overestimates", "q-diverges"},
        needs=Needs(OFF_POLICY, ("gamma",)),
    ),
    Rule(
        "q-diverges",
        "Action values diverge",
        "Targets are made of the critics' own values; where these grow without rewards that could pay for it, the policy follows errors.",
        f"{HASSELT}; ten times is rlx's own threshold",
        _diverges,
        OUTCOMES | CONSEQUENCES,
        needs=Needs(OFF_POLICY, ("gamma",), (LARGEST,)),
    ),
    Rule(
        "actions-saturated",
        "Actions lie at their bounds",
        "Behind a bounded action the gradient is almost 0, so the policy can hardly change its mind.",
        "Hausknecht and Stone 2016 (Deep RL in Parameterized Action Space), on bounded actions; 90 % of what the noise leaves at the bounds is rlx's own threshold",
        _saturated,
        OUTCOMES | {"step-size-unusual"},
        needs=Needs(OFF_POLICY, metrics=("train/action_saturation",)),
    ),
    Rule(
        "units-die",
        "Most of the critics' units are dead",
        "A unit that is 0 for every input takes no part and gets no gradient.",
        f"{SOKAR}; 60 % is rlx's own threshold (healthy DQN on CartPole has up to 45 %)",
        _units_die,
        OUTCOMES | {"step-size-unusual"},
        needs=Needs(OFF_POLICY, metrics=("train/dead_units",)),
    ),
)
SYMPTOMS: tuple[Rule, ...] = (
    Rule(
        "q-overestimates",
        "Action values promise more than follows",
        "The largest of several noisy estimates is too large on average, and targets are made of it.",
        "van Hasselt et al. 2016 (Double DQN); Fujimoto et al. 2018 (TD3); once the largest return is rlx's own threshold",
        _overestimates,
        OUTCOMES,
        needs=Needs(OFF_POLICY, metrics=(BIAS, "train/q_mean")),
    ),
)
