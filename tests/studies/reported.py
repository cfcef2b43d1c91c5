"""Simulated studies that reports and the monitor are tried on."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rlx.studies import Consent, LoopCall, SimulatedTrainer, Study, propose_round, run_loop
from tests.studies.simulated import begun

SMALL: dict[str, Any] = {
    "confirmation": {"slots": 1, "seeds": 8, "give_up_at": [5]},
    "proposals": {"per_round": 3, "sources": ["sampler"]},
    "screening": {"promotion_seeds": 5},
    "stop": {"rounds": 1},
}
"""A contract of one short round."""
Draw = Callable[[Mapping[str, Any], np.random.Generator], float | None]


def is_high(overrides: Mapping[str, Any]) -> bool:
    """Tell whether the simulated setting is in its upper half."""
    return float(overrides.get("algo.gain", 0.0)) > 0.5


def better(overrides: Mapping[str, Any], rng: np.random.Generator) -> float:
    """Draw a score that is six standard deviations higher where the simulated setting is in its upper half."""
    return float(10 + 6 * is_high(overrides) + rng.normal())


def forget(root: Path, study: str) -> None:
    """Delete Git's reference of a study and the note of its head: what somebody who rewrites a ledger would."""
    subprocess.run(["git", "update-ref", "-d", f"refs/rlx/studies/{study}"], cwd=root, check=True)
    shutil.rmtree(root / ".dvc" / "tmp" / "rlx-studies", ignore_errors=True)


@dataclass
class Simulated:
    """A study of a simulation.

    Attributes:
        root: Its project.
        draw: What a seed scores.
        contract: Sections of the contract that are not those of :data:`SMALL`.
        rails: Draws other metrics.
        salt: Of the chance.
    """

    root: Path
    draw: Draw
    contract: Mapping[str, Any] = field(default_factory=dict)
    rails: Mapping[str, Draw] = field(default_factory=dict)
    salt: int = 0
    name: str = "toy/study"

    def __post_init__(self) -> None:
        (self.root / ".dvc" / "tmp").mkdir(parents=True)
        (self.root / "dvc.yaml").write_text("stages: {}\n")
        (self.root / "runs").mkdir()
        self.trainer = SimulatedTrainer(self.draw, {"algo.gain": 0.0}, self.salt, self.rails)
        self.study, _ = begun(self.root, self.trainer, self.name, **{**SMALL, **self.contract})

    def run(self, propose: Callable[[Study, int, int], int] | None = None, starts: int | None = None) -> Study:
        """Run the loop, and return the study as a reader sees it."""

        def drawn(study: Study, count: int, number: int) -> int:
            return propose_round(study, self.trainer, count, number)

        run_loop(self.study, self.trainer, LoopCall(Consent(execute=True), 1, propose or drawn, starts=starts))
        return Study(self.root, self.study.folder).read()
