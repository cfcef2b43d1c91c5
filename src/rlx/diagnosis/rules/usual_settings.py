"""The ranges in which settings are usual, by family of algorithms and by algorithm where they differ: rows, and their rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from rlx.diagnosis import suggestions
from rlx.diagnosis.finding import Detection, Evidence
from rlx.diagnosis.rules.rule import OFF_POLICY, ON_POLICY, OUTCOMES, Needs, Rule, told_by_outcome, value_of
from rlx.diagnosis.signals import Signals


@dataclass(frozen=True)
class UsualSetting:
    """The range in which a setting is usual, and what to set it to otherwise.

    Attributes:
        key: The setting.
        low: Below it is unusual.
        high: Above it is unusual.
        value: A usual value.
        why: What an unusual one does.
        source: Where the range comes from.
        families: The families of algorithms that it is for.
        algorithms: The algorithms that it is for; empty: all of these families.
    """

    key: str
    low: float
    high: float
    value: Any
    why: str
    source: str
    families: frozenset[str] = ON_POLICY
    algorithms: frozenset[str] = frozenset()

    def is_for(self, signals: Signals) -> bool:
        """Tell whether it is for a run's algorithm."""
        of_these = not self.algorithms or signals.config.algo.name in self.algorithms
        return of_these and signals.record.family in self.families


ANDRYCHOWICZ = "Andrychowicz et al. 2021 (What matters in on-policy RL)"
HUANG = "Huang et al. 2022 (The 37 implementation details of PPO)"
ZOO = "the range in rl-baselines3-zoo's tuned settings, with a margin"
ZOO_OFF = "the range in rl-baselines3-zoo's dqn, qrdqn, sac, tqc, crossq, td3 and ddpg.yml"
OWN = "the margin is rlx's own"
DISCRETE = frozenset({"dqn", "qrdqn", "sbx_dqn"})
LEAST_START, GREATEST_START = -4.0, 1.5
"""Usual values of policy.log_std_init."""
LEARNING_RATE = UsualSetting(
    "algo.learning_rate", 1e-5, 1e-2, 0.0003,
    "Far smaller steps learn nothing within the budget, far larger ones destroy the policy at once.",
    f"{ANDRYCHOWICZ}: 3e-4 is a safe default; {ZOO}",
)  # fmt: skip
STEP_SIZE = UsualSetting(
    "algo.learning_rate", 1e-5, 1e-2, 0.0003,
    "Far smaller steps learn nothing within the budget; far larger ones throw the action values about, and their targets with them.",
    f"{ZOO_OFF}: 1e-4 to 4e-3; {OWN}", OFF_POLICY,
)  # fmt: skip
ROWS = (
    UsualSetting("algo.clip_range", 0.03, 0.6, 0.2, "The clip range is how far one update may move the policy.", f"Schulman et al. 2017: 0.1-0.3; {ZOO}"),
    UsualSetting("algo.gae_lambda", 0.5, 1.0, 0.95, "A small lambda trusts the value function's guesses almost alone.", f"{ANDRYCHOWICZ}: 0.9 and more; {ZOO}"),
    UsualSetting("algo.entropy_coef", 0.0, 0.1, 0.0, "A large bonus pays the policy for acting at random, whatever the task pays.", f"{HUANG}: 0.01 for Atari, 0 for MuJoCo; {ZOO}"),
    UsualSetting("algo.entropy_coef", 1e-5, 2.0, "auto", "", f"{ZOO_OFF}: learned (auto), or 0.005 to 0.1; {OWN}", OFF_POLICY),
    UsualSetting("algo.update_epochs", 1, 50, 10, "Many passes over one rollout train on data that is ever less the policy's own.", f"{ANDRYCHOWICZ}: 3-10; {ZOO}"),
    UsualSetting("algo.max_grad_norm", 0.02, np.inf, 0.5, "Gradients clipped to almost nothing leave Adam only its epsilon to divide by.", f"{HUANG}, detail 11: 0.5; {ZOO}"),
    UsualSetting("algo.max_grad_norm", 0.02, np.inf, 10.0, "", f"Stable-Baselines3's DQN: 10; {OWN}", OFF_POLICY),
    UsualSetting("algo.target_kl", 0.001, np.inf, 0.02, "Each update stops as soon as the policy has moved this far.", "OpenAI Spinning Up: 0.01-0.05"),
    UsualSetting("policy.log_std_init", LEAST_START, GREATEST_START, 0.0, "It is the logarithm of the first actions' noise.", f"{ANDRYCHOWICZ}: initial standard deviations of 0.5; {ZOO}"),
    UsualSetting("algo.tau", 5e-4, 0.2, 0.005, "Targets that move at once chase their own errors; targets that hardly move teach nothing new.", f"{ZOO_OFF}: 0.005 to 0.05; {OWN}", OFF_POLICY, frozenset({"sac", "tqc", "td3", "ddpg", "sbx_sac", "sbx_tqc", "sbx_td3"})),
    UsualSetting("algo.tau", 5e-3, 1.0, 1.0, "", f"{ZOO_OFF}: 1 (a copy) of DQN and QR-DQN; {OWN}", OFF_POLICY, DISCRETE),
    UsualSetting("algo.batch_size", 8, 8192, 256, "Few transitions make each step noise; very many make it slow.", f"{ZOO_OFF}: 32 to 2,048; {OWN}", OFF_POLICY),
    UsualSetting("algo.policy_delay", 1, 10, 2, "The actor learns once in so many steps of the critics.", f"{ZOO_OFF}: 2 or 3; {OWN}", OFF_POLICY),
    UsualSetting("algo.target_policy_noise", 0.0, 1.0, 0.2, "Targets are averaged over actions so far apart, of a range of 2.", f"Stable-Baselines3's TD3: 0.2; {OWN}", OFF_POLICY),
    UsualSetting("algo.return_steps", 1, 20, 1, "Returns over many steps are those of older policies, and noisy.", f"Stable-Baselines3's default: 1; {OWN}", OFF_POLICY),
    UsualSetting("algo.top_quantiles_to_drop_per_net", 0, 10, 2, "Quantiles that are dropped make the values pessimistic.", f"{ZOO_OFF}: 2 or 5; {OWN}", OFF_POLICY),
)  # fmt: skip
"""In the order of their rules; of one key the first says why."""
EFFECT = {
    "on-policy": "Learning as with usual settings: approx_kl about 0.005-0.02, and a return that rises.",
    "off-policy": "Learning as with usual settings: action values follow the return, and it rises.",
}


def _unusual(rows: Sequence[UsualSetting], signals: Signals) -> Detection | None:
    usual = next((row for row in rows if row.is_for(signals)), None)
    value = None if usual is None else value_of(signals, usual.key)
    if usual is None or value is None or usual.low <= value <= usual.high:
        return None
    below = value < usual.low
    evidence = Evidence(usual.key, value, "below" if below else "above", usual.low if below else usual.high)
    what, severity = told_by_outcome(
        signals,
        f"{usual.key} is {value:g}; usual is {usual.value}, and {'less' if below else 'more'} than {evidence.threshold:g} is rare.",
    )
    tried = suggestions.attempt(
        signals,
        {usual.key: usual.value},
        f"{value:g} is far from what is usual; {usual.value} is what most use.",
        EFFECT[signals.record.family],
    )
    return Detection(what, (evidence,), severity, "medium", (tried,))


POLICY = frozenset(
    {
        "policy-changes-too-fast",
        "policy-does-not-move",
        "entropy-stuck",
        "entropy-collapsed",
        "clipping-heavy",
        "noise-grows",
    }
)
"""What a setting of an on-policy algorithm does to its updates."""
VALUES = frozenset({"q-diverges", "q-overestimates", "units-die", "actions-saturated", "action-values-large"})
"""What a setting of an off-policy algorithm does to its critics."""


def _rule(rows: Sequence[UsualSetting], name: str | None = None) -> Rule:
    first = rows[0]
    section, _, setting = first.key.partition(".")
    check: Callable[[Signals], Detection | None] = partial(_unusual, tuple(rows))
    families = frozenset[str]().union(*(row.families for row in rows))
    explains = (POLICY if families >= ON_POLICY else frozenset()) | (VALUES if families >= OFF_POLICY else frozenset())
    return Rule(
        name or f"{setting.replace('_', '-')}-unusual",
        f"{first.key} is far from usual",
        first.why,
        "; ".join(dict.fromkeys(row.source for row in rows)),
        check,
        OUTCOMES | explains,
        needs_training=False,
        needs=Needs(families, (setting,)) if section == "algo" else Needs(families, metrics=("train/std",)),
    )


CAUSES = tuple(_rule(list(rows)) for _, rows in groupby(ROWS, lambda row: row.key))
SMELLS: tuple[Rule, ...] = (_rule([LEARNING_RATE]),)
STEP_SIZES = (_rule([STEP_SIZE], "step-size-unusual"),)
"""Of off-policy learning; believed before what is seen of the return, since no signal of a policy tells of it."""
