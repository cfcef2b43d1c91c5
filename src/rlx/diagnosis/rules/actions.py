"""Whether the actions that a fresh policy tries fit the range of the environment's."""

from __future__ import annotations

import math

from rlx.diagnosis import suggestions
from rlx.diagnosis.finding import Detection, Evidence, Severity
from rlx.diagnosis.record import TaskFacts
from rlx.diagnosis.rules.rule import ON_POLICY, OUTCOMES, Needs, Rule
from rlx.diagnosis.rules.usual_settings import GREATEST_START, LEAST_START, POLICY
from rlx.diagnosis.signals import Signals
from rlx.stats import number

WIDE, NARROW = 10.0, 0.1
"""Half of an action's range, in standard deviations of the first policy's noise, beyond which it is hardly met, or hardly
ever left out."""
ASIDE = 2.0
"""Standard deviations that the range lies away from 0, where the first policy acts."""
RESCALE = {"gymnasium.wrappers.RescaleAction": {"min_action": -1.0, "max_action": 1.0}}


def _worst(task: TaskFacts, deviation: float) -> tuple[float, float, float, str] | None:
    """Return how far beyond its threshold the worst element's range is, its ends, and in what way; None where all fit."""
    worst: tuple[float, float, float, str] | None = None
    for low, high in zip(task.action_low_A, task.action_high_A, strict=True):
        half, aside = (high - low) / 2 / deviation, max(low, -high, 0.0) / deviation
        size, kind = max((half / WIDE, "wide"), (aside / ASIDE, "aside"), (NARROW / max(half, 1e-30), "narrow"))
        if size > 1 and (worst is None or size > worst[0]):
            worst = size, low, high, kind
    return worst


def _range(signals: Signals) -> Detection | None:
    task = signals.task
    if task is None or not task.action_low_A:
        return None
    start = signals.config.policy.log_std_init
    deviation = math.exp(min(start, 50.0))
    worst = _worst(task, deviation)
    if worst is None or (not LEAST_START <= start <= GREATEST_START and _worst(task, 1.0) is None):
        return None  # the noise is what to mend: `log-std-init-unusual` tells it
    size, low, high, kind = worst
    name = "half of the action's range over the standard deviation of the first actions"
    told = {
        "wide": "so at first only its middle is tried, and the policy has to move far to reach the rest",
        "narrow": "so nearly every action is cut to one of its ends",
        "aside": "so nearly every action is cut to the same end",
    }[kind]
    what = (
        f"Actions go from {number(low)} to {number(high)}, and a fresh policy acts around 0 with a standard deviation of "
        f"{number(deviation)}, {told}."
    )
    evidence = {
        "wide": Evidence(name, size * WIDE, "above", WIDE),
        "narrow": Evidence(name, NARROW / size, "below", NARROW),
        "aside": Evidence("distance of the action's range from 0 over the same", size * ASIDE, "above", ASIDE),
    }[kind]
    wrappers = [*signals.config.env.wrappers, RESCALE]
    tried = suggestions.attempt(
        signals,
        {"env.wrappers": wrappers},
        "Actions from -1 to 1 fit the first policy; the wrapper stretches them to the environment's range. In a config: "
        "`env: {wrappers: [gymnasium.wrappers.RescaleAction: {min_action: -1.0, max_action: 1.0}]}`.",
        "The return moves from the first updates on, and train/std stays of the size of the range.",
    )
    severity: Severity = "warning"
    return Detection(what, (evidence,), severity, "high", (tried,))


RULES: tuple[Rule, ...] = (
    Rule(
        "action-range-unusual",
        "Actions are far wider, narrower or elsewhere than the policy's",
        "A Gaussian policy starts around 0 with a standard deviation of exp(policy.log_std_init), of PPO 1 by default, whatever the range.",
        "Stable-Baselines3's documentation (tips and tricks): normalise actions to [-1, 1]; the factors are rlx's own thresholds",
        _range,
        OUTCOMES | POLICY | {"evaluation-below-training", "degenerate-episodes"},
        needs_training=False,
        needs=Needs(ON_POLICY, metrics=("train/std",)),
    ),
)
"""Of the environment's actions."""
