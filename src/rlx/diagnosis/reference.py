"""The page ``docs/rules.md``: every rule with what it means, what it explains, and where it comes from."""

from __future__ import annotations

from rlx.diagnosis.rules import RULES
from rlx.diagnosis.rules.rule import Needs

HEAD = """# The rules of the diagnosis

<!-- Made by `python -m rlx.diagnosis.reference > docs/rules.md`. -->

In the order in which causes are believed: where two findings fit together, the one whose rule stands first here is taken
for the cause, and the other is listed as its consequence. How the diagnosis works, and how often it is right, is told in
[diagnosis.md](diagnosis.md).
"""


def whom(needs: Needs) -> str:
    """Return which runs a rule is for, in words."""
    words = [f"{' and '.join(sorted(needs.families)) or 'all'} algorithms"]
    for before, names in (("with", needs.settings), ("that log", needs.metrics)):
        if names:
            words.append(f"{before} {', '.join(f'`{name}`' for name in names)}")
    return " ".join(words)


def render_rules() -> str:
    """Return the page."""
    lines = [HEAD]
    for rule in RULES:
        when = "after training" if rule.needs_training else "before training, too"
        lines += [
            f"## {rule.id}",
            "",
            f"**{rule.title}.** {rule.why}",
            "",
            f"- For {whom(rule.needs)}, {when}.",
            f"- Source: {rule.source}.",
        ]
        if rule.explains:
            lines.append(f"- Can explain: {', '.join(f'`{name}`' for name in sorted(rule.explains))}.")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    sys.stdout.write(render_rules())
