"""What the plugin must hold: its skills, aliases and agents, and what each may name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SkillRow:
    """A skill that must be there.

    Attributes:
        launches: The commands that train or play episodes which its text may name; others name none.
    """

    launches: tuple[str, ...] = ()


SKILLS: dict[str, SkillRow] = {
    "rlx-audit-task": SkillRow(),
    "rlx-make-contract": SkillRow(),
    "rlx-define-metrics": SkillRow(),
    "rlx-plan-baseline": SkillRow(),
    "rlx-analyze-run": SkillRow(),
    "rlx-propose-candidates": SkillRow(),
    "rlx-validate-candidate": SkillRow(),
    "rlx-reward-tuning": SkillRow(),
    "rlx-reward-reflection": SkillRow(),
    "rlx-reward-engineering": SkillRow(),
    "rlx-curriculum-design": SkillRow(),
    "rlx-dr-probe": SkillRow(("study probe",)),
    "rlx-dr-design": SkillRow(),
    "rlx-plan-parallel-batch": SkillRow(),
    "rlx-queue-batch": SkillRow(("study run",)),
    "rlx-monitor-training": SkillRow(),
    "rlx-audit-results": SkillRow(),
    "rlx-update-report": SkillRow(),
    "rlx-autoloop": SkillRow(("study run", "advisor run", "research")),
    "rlx-reward-review": SkillRow(),
}
ALIASES = ("rl-task-audit", "rl-experiment-plan", "rl-reward-curriculum-design", "rl-experiment-loop")
AGENTS = {"experiment-director": True, "metrics-analyst": False, "reward-reviewer": False}
"""Agents, and whether each has tools that write."""
WRITING_TOOLS = ("Write", "Edit", "MultiEdit", "NotebookEdit")

MOST_BODY_LINES = 60
MOST_ALIAS_LINES = 5
MOST_DESCRIPTION = 160
"""Characters."""
MOST_DESCRIPTIONS = 8_000
"""Characters of all descriptions together: about what Codex shows of them."""
SKILL_KEYS = ("name", "description", "license", "compatibility", "metadata")
AGENT_KEYS = ("name", "description", "tools")

LAUNCHING = ("train", "sweep", "resume", "check-algorithm", "study run", "study probe", "advisor run", "research")
"""Commands that train, or play episodes as evidence."""
DRY = ("study run", "study probe")
"""Those of them that start nothing without ``--execute``."""
A_PERSONS = ("study approve", "study set", "study close", "promote")
"""Commands that are a person's to type: a skill may say that they exist, and not have them typed."""
ANSWERING = ("--yes", "--take-over", "--sign", "--revoke", "--exception")
"""Options that answer for a person; no command of a skill has one."""
