"""What the drafts of all contracts share: names, free seeds, budgets, the text, and how a study's folder begins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from rlx.config import write_text
from rlx.errors import ConfigError, UsageError
from rlx.studies.contracts.contract import FILE, read_contract
from rlx.studies.course import LEAST_FLOOR
from rlx.studies.study import NAME, Study
from rlx.studies.trainer import Trainer

SMOKE, SELECTION, CONFIRMATION = 900_000, 910_000, 920_000
"""First seeds by what they are for; where they were tried before, the next free ones."""
APART = 100_000
"""How far on the next seeds are looked for."""
SELECTED = 5
"""Seeds of the selection block."""
PER_ROUND = 6
"""Candidates of a round."""
IGNORED = "# Made by rlx: derived from ledgers.\nstate.json\n*.torn\n"


def study_folder(root: Path, task: str, own: str) -> Path:
    """Return the folder of a new study.

    Raises:
        UsageError: The name cannot be one, or is taken.
    """
    for part in (task, own):
        if not re.fullmatch(NAME, part):
            raise UsageError(f"{task}/{own} names no study: letters, digits, - and _, as in cartpole/better")
    folder = root / "studies" / task / own
    if folder.exists():
        raise UsageError(f"there is a study {task}/{own} already; --name gives another")
    others = [path for path in (root / "studies").glob(f"*/{own}") if path.is_dir()]
    if others:
        raise UsageError(
            f"{others[0].parent.name}/{own} has that name already, and experiments begin with it; --name gives another"
        )
    return folder


def created_data(
    baseline: Mapping[str, Any], trainer: Trainer, seen: Sequence[str], seconds_per_step: float | None = None
) -> dict[str, Any]:
    """Return what a `created` line says.

    Args:
        baseline: `run`, `snapshot`, and `seeds`: first and number of its finished ones.
        trainer: Who trains.
        seen: Runs of this task that existed before the contract.
        seconds_per_step: How long a step of the baseline's training took; None where nobody knows.
    """
    facts, resolved = trainer.facts(), trainer.resolve({})
    return {
        "baseline": {**baseline, "resolved": resolved.snapshot},
        "task": facts.task,
        "code": facts.code,
        "trainer": trainer.name,
        "steps": resolved.steps,
        "seen": list(seen),
        "seconds_per_step": seconds_per_step,
    }


def begin_with(study: Study, draft: Mapping[str, Any], created: Mapping[str, Any]) -> None:
    """Write a drafted contract, and the ledger's first line.

    Raises:
        ConfigError: The draft is no contract; nothing is left of it.
    """
    path = study.folder / FILE
    write_text(study.root / "studies" / ".gitignore", IGNORED)
    write_text(path, contract_text(draft))
    try:
        read_contract(path, f"studies/{study.name}/{FILE}")
    except ConfigError:
        path.unlink()
        study.folder.rmdir()
        raise
    with study.locked():
        study.append("created", dict(created))


def free_seeds(needed: int, tried: set[int]) -> dict[str, Any]:
    """Return a contract's ``seeds`` of which nobody tried one.

    Args:
        needed: Seeds of all confirmations together.
        tried: Seeds that were tried on the task.
    """
    return {
        "smoke": _free_block(SMOKE, 1, tried),
        "selection": {"first": _free_block(SELECTION, SELECTED, tried), "count": SELECTED},
        "confirmation": {"first": _free_block(CONFIRMATION, needed, tried), "count": needed},
    }


def _free_block(first: int, count: int, tried: set[int]) -> int:
    while tried & set(range(first, first + count)):
        first += APART
    return first


def whole_budget(steps: int, seeds: int, slots: int, per_round: int) -> int:
    """Return what all rounds take, with the floor and smoke runs."""
    each = per_round * 2 + 3 * ((per_round + 1) // 2) + 2 * seeds
    return (slots * each + LEAST_FLOOR + 2) * steps


def round_number(value: float) -> float:
    """Return a number with three digits: a draft is for people."""
    return float(f"{value:.3g}")


COMMENTS = {
    "metric": "What counts as better: a gain that is not beyond minimum_effect counts as none.",
    "guardrails": "All must be shown to hold, or nothing is accepted.",
    "scope": "What candidates may change, and how far; everything else is locked.",
    "budget": "No start begins that could overdraw it.",
    "seeds": "Training seeds by what they are for; a confirmation's are never used twice.",
    "confirmation": "Seeds of each arm; early looks can only end a slot.",
    "automation": "none: plans only | each: every start is confirmed | round: one round per call | full",
    "approvals": "tty | signature | flag",
}


def contract_text(draft: Mapping[str, Any]) -> str:
    """Return a contract as YAML, a section a block, with what each is for."""
    lines = [
        "# The contract of a study. `rlx study approve` shows what it comes to, and asks; docs/studies.md explains it."
    ]
    for key, value in draft.items():
        comment = f"# {COMMENTS[key]}\n" if key in COMMENTS else ""
        if isinstance(value, dict) and value and all(isinstance(each, dict) for each in value.values()):
            body = "".join(f"  {name}: {_flow(each)}\n" for name, each in value.items())
            lines.append(f"{comment}{key}:\n{body}".rstrip("\n"))
        elif isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            body = "".join(f"  - {_flow(each)}\n" for each in value)
            lines.append(f"{comment}{key}:\n{body}".rstrip("\n"))
        elif key == "seeds":
            body = "".join(f"  {name}: {_flow(each)}\n" for name, each in value.items())
            lines.append(f"{comment}{key}:\n{body}".rstrip("\n"))
        else:
            lines.append(f"{comment}{key}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000, allow_unicode=True).strip()
    return text.removesuffix("\n...").removesuffix("...").strip()
