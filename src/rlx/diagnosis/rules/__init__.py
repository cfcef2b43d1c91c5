"""All rules, causes before what they cause.

Of two findings that fit one another's explanation, the rule that stands first here is taken for the cause.
"""

from __future__ import annotations

from rlx.diagnosis.rules import (
    actions,
    configuration,
    ending,
    episodes,
    evaluation,
    exploration,
    policy,
    progress,
    rewards,
    seeds,
    throughput,
    value,
)
from rlx.diagnosis.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    *ending.RULES,
    *actions.RULES,
    *value.CAUSES,
    *configuration.CAUSES,
    *episodes.CAUSES,
    *policy.RULES,
    *exploration.RULES,
    *evaluation.RULES,
    *throughput.RULES,
    *rewards.RULES,
    *progress.RULES,
    *exploration.SYMPTOMS,
    *seeds.RULES,
    *episodes.RULES,
    *value.SYMPTOMS,
    *configuration.SMELLS,
)
"""In the order in which causes are believed."""
