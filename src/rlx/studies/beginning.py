"""The beginning of a study: its task, its contract drafted from a finished run, and the ledger's first line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rlx.studies.trainer import Trainer


def created_data(baseline: Mapping[str, Any], trainer: Trainer, seen: Sequence[str]) -> dict[str, Any]:
    """Return what a `created` line says.

    Args:
        baseline: `run`, `snapshot`, and `seeds`: first and number of its finished ones.
        trainer: Who trains.
        seen: Runs of this task that existed before the contract.
    """
    facts, resolved = trainer.facts(), trainer.resolve({})
    return {
        "baseline": {**baseline, "resolved": resolved.snapshot},
        "task": facts.task,
        "code": facts.code,
        "trainer": trainer.name,
        "seen": list(seen),
    }
