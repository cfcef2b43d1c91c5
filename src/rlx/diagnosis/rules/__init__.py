"""All rules, causes before what they cause.

Of two findings that fit one another's explanation, the rule that stands first here is taken for the cause.
"""

from __future__ import annotations

from rlx.diagnosis.rules import (
    action_values,
    actions,
    configuration,
    ending,
    episodes,
    evaluation,
    exploration,
    exploring,
    policy,
    progress,
    replay,
    rewards,
    seeds,
    throughput,
    usual_settings,
    value,
)
from rlx.diagnosis.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    *ending.RULES,
    *actions.RULES,
    *value.CAUSES,
    *configuration.CAUSES,
    *replay.CAUSES,
    *exploring.CAUSES,
    *action_values.RULES,
    *usual_settings.STEP_SIZES,
    *action_values.SYMPTOMS,
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
    *replay.SMELLS,
)
"""In the order in which causes are believed."""
