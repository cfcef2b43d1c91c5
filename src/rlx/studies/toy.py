"""A toy study from beginning to end: whoever packs rlx, or changes it, sees in a moment whether studies hold together.

``python -m rlx.studies.toy FOLDER`` runs it in an empty folder and prints what went wrong; exit code 1 where something did.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rlx.errors import RlxError
from rlx.launch import git
from rlx.studies.gate import Consent
from rlx.studies.ledger.ledger import Refused, read_chain
from rlx.studies.loop import LoopCall, run_loop
from rlx.studies.proposing import propose_round
from rlx.studies.simulation import SimulatedTrainer, begin_simulation

GAIN = 5.0
SHORT: dict[str, Any] = {
    "confirmation": {"alpha": 0.05, "guardrail_alpha": 0.05, "slots": 1, "seeds": 8, "give_up_at": [4]},
    "screening": {"trial_seeds": 2, "promotion_seeds": 4, "keep": 0.5, "survivors": 1},
    "proposals": {"sources": ["sampler"], "per_round": 3, "sampler": "sobol"},
    "stop": {"rounds": 1, "no_survivor_rounds": 2, "failed_starts": 5},
}


def toy_study(folder: Path) -> list[str]:
    """Make a simulated study in an empty folder.

    Returns:
        What went wrong, in lines; none where all is as it should be: nothing starts without `--execute`, a true gain is accepted,
        and the ledger holds.
    """
    git(folder, "init", "--quiet")
    trainer = SimulatedTrainer(_better, {"algo.gain": 0.0})
    study = begin_simulation(folder, "toy/better", SHORT, trainer, range(1000, 1008))
    wrong = []

    def call(consent: Consent) -> LoopCall:
        return LoopCall(consent, 1, lambda one, count, turn: propose_round(one, trainer, count, turn))

    try:
        run_loop(study, trainer, call(Consent()))
        wrong.append("something started without --execute")
    except Refused:
        pass
    try:
        run_loop(study, trainer, call(Consent(execute=True)))
    except RlxError as error:
        wrong.append(f"the loop failed: {error}")
    if study.state.incumbent == "baseline":
        wrong.append("a gain of five standard deviations was not accepted")
    if (problem := read_chain(study.ledger.path).problem) is not None:
        wrong.append(f"the ledger does not hold: {problem}")
    return wrong


def _better(overrides: Mapping[str, Any], rng: np.random.Generator) -> float:
    return float(rng.normal(10 + GAIN * float(overrides.get("algo.gain", 0.0)), 1))


if __name__ == "__main__":
    wrong = toy_study(Path(sys.argv[1]))
    sys.exit("\n".join(wrong) or 0)
