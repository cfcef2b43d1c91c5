"""Studies of simulated trainings, made in a moment."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rlx.studies import (
    Consent,
    LoopCall,
    LoopResult,
    SimulatedTrainer,
    Study,
    begin_simulation,
    propose_round,
    run_loop,
)

FIRST = range(1000, 1008)
"""Seeds of the baseline."""
QUICK: dict[str, Any] = {
    "confirmation": {"alpha": 0.05, "guardrail_alpha": 0.05, "slots": 1, "seeds": 8, "give_up_at": [4]},
    "screening": {"trial_seeds": 2, "promotion_seeds": 4, "keep": 0.5, "survivors": 1},
    "proposals": {"sources": ["sampler"], "per_round": 3, "sampler": "sobol"},
    "stop": {"rounds": 1, "no_survivor_rounds": 2, "failed_starts": 5},
}
"""Sections of a contract of one short round."""


def gain(overrides: Mapping[str, Any], rng: np.random.Generator) -> float:
    """Draw a score that grows by five standard deviations with the setting."""
    return float(rng.normal(10 + 5 * float(overrides.get("algo.gain", 0.0)), 1))


def noise(_: Mapping[str, Any], rng: np.random.Generator) -> float:
    """Draw a score that nothing changes."""
    return float(rng.normal(10, 1))


def begun(
    root: Path, trainer: SimulatedTrainer | None = None, name: str = "toy/better", **sections: Any
) -> tuple[Study, SimulatedTrainer]:
    """Begin and approve a study in a new repository.

    Args:
        root: A folder.
        trainer: By default one whose setting truly helps.
        name: Of the study.
        sections: Of the contract.
    """
    if not (root / ".git").exists():
        subprocess.run(["git", "init", "-q", str(root)], check=True)
    trainer = trainer or SimulatedTrainer(gain, {"algo.gain": 0.0})
    return begin_simulation(root, name, {**QUICK, **sections}, trainer, FIRST), trainer


def run(study: Study, trainer: SimulatedTrainer, **options: Any) -> LoopResult:
    """Carry a study out."""
    consent = options.pop("consent", Consent(execute=True))
    call = LoopCall(
        consent, options.pop("jobs", 1), lambda one, count, turn: propose_round(one, trainer, count, turn), **options
    )
    return run_loop(study, trainer, call)


def decisions(study: Study) -> list[dict[str, Any]]:
    """Return what was decided, and by which numbers."""
    return [line.data for line in study.ledger.of("decided", "screened", "slot", "look")]
