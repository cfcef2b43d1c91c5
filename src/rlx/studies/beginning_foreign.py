"""The beginning of a study of a repository that is not rlx's: its adapter first, then its contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rlx.config import Section, parse_document, write_text
from rlx.errors import UsageError
from rlx.studies.adapters.inspecting import inspect_repository
from rlx.studies.adapters.reading import read_adapter, unknowns
from rlx.studies.contracts.contract import hash_of_bytes
from rlx.studies.drafting import (
    PER_ROUND,
    begin_with,
    created_data,
    free_seeds,
    round_number,
    study_folder,
    whole_budget,
)
from rlx.studies.foreign_trainer import FILE as ADAPTER, ForeignTrainer
from rlx.studies.study import Study

CARD = "task.md"
"""In the folder of a task: the task card."""
HELP_SECONDS = 20.0
"""In which a training command's `--help` has to come."""


@dataclass(frozen=True)
class ForeignWish:
    """What whoever begins such a study asks for.

    Attributes:
        name: `task/study`.
        steps: Environment steps of a training.
        budget: Steps in all; None: what three rounds take.
        scope: `KEY=LOW:HIGH[:log]` or `KEY=A,B,C`, by the names that its command knows.
        failure_score: What a failing seed scores.
        minimum_effect: A gain that is not beyond it counts as none.
        approval: `tty`, `signature` or `flag`.
    """

    name: str
    steps: int
    scope: Sequence[str]
    failure_score: float
    budget: int | None = None
    minimum_effect: float = 0.0
    approval: str = "tty"


class AdapterDraft(Section):
    """What `rlx study init TASK --adapter REPO` wrote first (`--json`)."""

    format: Literal[1] = 1
    """Version of this document."""
    task: str
    """What the task is called."""
    adapter: str
    """The draft, relative to the project."""
    card: str
    """The task card, relative to the project."""
    commit: str
    """The commit that was looked at."""
    hint: str
    """Which hint fitted: generic, mjlab, holosoma."""
    unknown: list[str]
    """Keys of the adapter that nobody knows yet; the contract is drafted when there are none."""


def draft_adapter(root: Path, task: str, repository: Path, *, ask_help: bool = False) -> AdapterDraft:
    """Write the draft of an adapter and the task card, from the repository's sources; what nobody knows is `unknown`.

    Args:
        root: The project.
        task: What the task is called.
        repository: The repository's folder.
        ask_help: Whether its training command may be run with `--help`; else nothing of it runs.

    Raises:
        Missing: It is no Git repository.
    """
    found = inspect_repository(repository, root, help_timeout=HELP_SECONDS if ask_help else None)
    folder = Path("studies") / task
    write_text(root / folder / ADAPTER, found.adapter)
    if not (root / folder / CARD).exists():
        write_text(root / folder / CARD, found.card)
    adapter = read_adapter(root / folder / ADAPTER)
    return AdapterDraft(
        task=task,
        adapter=str(folder / ADAPTER),
        card=str(folder / CARD),
        commit=found.commit,
        hint=found.hint,
        unknown=[".".join(map(str, place)) for place, _ in unknowns(adapter)],
    )


def begin_foreign(root: Path, wish: ForeignWish) -> Study:
    """Begin a study by a task's adapter, in which nothing is unknown any more.

    Raises:
        ConfigError: Something in the adapter is, or does not fit.
        UsageError: The name, or the scope.
    """
    task, _, own = wish.name.partition("/")
    if not (task and own):
        raise UsageError(f"{wish.name!r} names no study of a repository; give --name TASK/STUDY, as walker/better")
    target = study_folder(root, task, own)
    trainer = ForeignTrainer(root, target, wish.steps)
    facts, adapter = trainer.facts(), trainer.adapter
    resolved = trainer.resolve({})
    tried = trainer.tried_seeds()
    slots, seeds = 3, 16
    needed = 2 * seeds * slots
    budget = wish.budget or whole_budget(wish.steps, seeds, slots, PER_ROUND)
    snapshot = hash_of_bytes(resolved.snapshot.encode())
    draft: dict[str, Any] = {
        "format": 1,
        "question": f"Which settings train {task} better within {wish.steps:,} steps?",
        "baseline": {"run": task, "snapshot": snapshot},
        "task": {"environment": task, "hash": facts.task, "engine": {}},
        "metric": {
            "name": "return", "direction": "maximize", "minimum_effect": wish.minimum_effect,
            "failure_score": round_number(wish.failure_score),
        },
        "guardrails": [],
        "scope": dict(scope_from(each) for each in wish.scope),
        "budget": {"steps": budget, "experiments": 20 + slots * (4 + PER_ROUND * 3), "wall_clock": "2d", "disk": "100GB"},
        "hardware": {"device": "cuda" if adapter.hardware.gpus else "cpu", "jobs": 1, "host": "any"},
        "seeds": free_seeds(needed, tried),
        "screening": {"trial_seeds": 2, "promotion_seeds": 5, "keep": 0.5, "survivors": 1},
        "confirmation": {"alpha": 0.05, "guardrail_alpha": 0.05, "slots": slots, "seeds": seeds, "give_up_at": [8]},
        "evaluation": {"episodes": 100, "deterministic": True, "selection_list": 1, "confirmation_lists_from": 2},
        "proposals": {"sources": ["sampler"], "per_round": PER_ROUND, "sampler": "sobol"},
        "automation": "full",
        "approvals": {"require": wish.approval},
        "stop": {"rounds": 3, "no_survivor_rounds": 2, "failed_starts": 5, "deadline": None},
    }  # fmt: skip
    study = Study(root, target)
    baseline = {"run": task, "snapshot": snapshot, "seeds": [draft["seeds"]["selection"]["first"], 0]}
    begin_with(study, draft, created_data(baseline, trainer, []))
    return study


def scope_from(text: str) -> tuple[str, dict[str, Any]]:
    """Return a setting and how far it may change, as typed.

    Raises:
        UsageError: It is neither ``KEY=LOW:HIGH[:log]`` nor ``KEY=A,B,C``.
    """
    key, equals, said = text.partition("=")
    if not equals or not key.strip() or not said.strip():
        raise UsageError(f"--scope {text}: must be KEY=LOW:HIGH[:log], or KEY=A,B,C")
    parts = said.split(":")
    if len(parts) in (2, 3):
        ends = [_value(each) for each in parts[:2]]
        if not all(isinstance(each, int | float) for each in ends) or (len(parts) == 3 and parts[2] != "log"):
            raise UsageError(
                f"--scope {text}: a range is two numbers, and `log` after them where it is a scale of factors"
            )
        return key.strip(), {"range": ends, "scale": "log" if len(parts) == 3 else "linear"}
    return key.strip(), {"values": [_value(each) for each in said.split(",")]}


def _value(text: str) -> Any:
    """Return what a word means in a config: ``1e-4`` is a number."""
    return parse_document(f"value: {text}", "--scope").data["value"]
