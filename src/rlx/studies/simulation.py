"""A trainer that trains nothing: scores drawn from known distributions, through the real gate, ledger and loop.

It measures the protocol (`benchmarks/studies.py`) and lets whoever changes it see in seconds what a study does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rlx.config import write_text
from rlx.studies.contracts.contract import hash_of_bytes
from rlx.studies.ledger.line import hash_of
from rlx.studies.study import Study
from rlx.studies.trainer import Facts, Outcome, Resolved, StartCall, StartPlan

Draw = Callable[[Mapping[str, Any], np.random.Generator], float | None]
"""Draws what a seed scores with some overrides; None: it fails."""
TASK = hash_of({"task": "simulation"})
CODE = hash_of({"code": "simulation"})
RANDOM = 0.0
"""What random actions score."""
STEPS = 1000
"""Steps of a seed."""


@dataclass
class SimulatedTrainer:
    """Draws scores.

    Attributes:
        draw: What a seed scores.
        base: The baseline's settings.
        salt: Of the chance.
        rails: Draws other metrics, by name.
        tried: Training seeds that count as tried before.
        before: Called before each start; may raise.
    """

    draw: Draw
    base: Mapping[str, Any]
    salt: int = 0
    rails: Mapping[str, Draw] = field(default_factory=dict)
    tried: set[int] = field(default_factory=set)
    before: Callable[[StartCall], None] = lambda _: None
    name: str = "simulation"
    keeps_time: bool = False
    trained: set[tuple[str, int]] = field(default_factory=set)

    def facts(self) -> Facts:
        """Return facts that never change."""
        devices = frozenset({"cpu"})
        return Facts(TASK, CODE, {"simulation": "1"}, "simulated", devices, "0" * 40, None, 10**12)

    def resolve(self, overrides: Mapping[str, Any], patch: Mapping[str, Any] | None = None) -> Resolved:
        """Return the baseline's settings with the overrides."""
        settings = {**self.base, **overrides, **({"patch": patch["sha256"]} if patch else {})}
        return Resolved(settings, hash_of(settings), STEPS, 64, "simulated")

    def new_trainings(self, plan: StartPlan) -> int:
        """Return how many seeds were not drawn yet."""
        snapshot = self.resolve(plan.overrides).snapshot
        return sum((snapshot, seed) not in self.trained for seed in plan.seeds)

    def tried_seeds(self) -> set[int]:
        """Return the seeds that count as tried."""
        return self.tried | {seed for _, seed in self.trained}

    def is_alive(self, experiment: str) -> bool:
        """Nothing outlives a simulation."""
        del experiment
        return False

    def unready(self, plan: StartPlan) -> str | None:
        """A simulation is always ready."""
        del plan
        return None

    def carry_out(self, call: StartCall) -> Outcome:
        """Draw what the seeds of a start score."""
        self.before(call)
        plan, scores, failures = call.plan, dict[int, dict[str, float]](), dict[int, dict[str, str]]()
        snapshot, steps = self.resolve(plan.overrides).snapshot, 0
        for seed in plan.seeds:
            if (snapshot, seed) not in self.trained:
                steps += 64 if plan.phase == "smoke" else STEPS
                if plan.phase != "smoke":
                    self.trained.add((snapshot, seed))
            rng = self._generator(snapshot, seed)
            value = self.draw(plan.overrides, rng)
            if value is None:
                failures[seed] = {"kind": "environment", "message": "simulated failure"}
                continue
            found = {plan.metrics[0]: float(value)}
            for metric in plan.metrics[1:]:
                drawn = self.rails[metric](plan.overrides, rng) if metric in self.rails else value
                found[metric] = float(value if drawn is None else drawn)
            scores[seed] = found
        random = dict.fromkeys(plan.metrics, RANDOM)
        status = "failed" if failures else "finished"
        facts = {"name": plan.experiment, "commit": "0" * 40, "seeds": sorted(scores)}
        return Outcome(
            status, scores, failures, random, steps, 1000 * len(plan.seeds), (facts,), "simulated" if failures else ""
        )

    def _generator(self, snapshot: str, seed: int) -> np.random.Generator:
        digest = hashlib.sha256(f"{self.salt}:{snapshot}:{seed}".encode()).digest()
        return np.random.default_rng(list(digest[:16]))


def begin_simulation(  # noqa: PLR0913
    root: Path,
    name: str,
    contract: Mapping[str, Any],
    trainer: SimulatedTrainer,
    seeds: Sequence[int],
    *,
    anchored: bool = True,
) -> Study:
    """Begin a study of a simulation, and approve it.

    Args:
        root: A project, or any folder of a Git repository.
        name: `task/study`.
        contract: Sections of the contract that are not those of :data:`SIMULATED`.
        trainer: What is simulated.
        seeds: The baseline's.
        anchored: Whether its ledger is committed at each line.
    """
    from rlx.studies.approving import Approval, approve
    from rlx.studies.contracts.contract import ITEMS
    from rlx.studies.drafting import created_data

    study = Study(root, root / "studies" / name)
    study.ledger.anchored = anchored
    said = {**SIMULATED, **contract}
    write_text(study.folder / "contract.yaml", json.dumps(said, indent=1))
    baseline = {"run": "simulated", "snapshot": said["baseline"]["snapshot"], "seeds": [seeds[0], len(seeds)]}
    with study.locked():
        study.append("created", created_data(baseline, trainer, []))
        approve(study, Approval(ITEMS, "flag"))
    return study


SIMULATED: dict[str, Any] = {
    "format": 1,
    "question": "Which of the simulated settings is better?",
    "baseline": {"run": "simulated", "snapshot": hash_of_bytes(b"simulated")},
    "task": {"environment": "Simulated-v0", "hash": TASK, "engine": {"train": 1, "eval": 1}},
    "metric": {"name": "return", "direction": "maximize", "minimum_effect": 0.5, "failure_score": "random"},
    "scope": {"algo.gain": {"range": [0.0, 1.0]}},
    "budget": {"steps": "10M", "experiments": 1000, "wall_clock": "10d", "disk": "100GB"},
    "seeds": {
        "smoke": 900000,
        "selection": {"first": 910000, "count": 5},
        "confirmation": {"first": 920000, "count": 96},
    },
    "approvals": {"require": "flag"},
}
"""A contract of a simulation."""
