"""How often studies err: false acceptances, power, guardrails that leak; on simulated trainings, through the real gate and ledger.

    python -m benchmarks.studies [--studies N] [--jobs N] [--write]

A study each in a folder of its own: contract, approvals, loop, ledger and decisions are rlx's; only trainings are drawn from known
distributions. Noise studies have candidates that all equal the baseline; power studies have one true gain of 1.5 standard
deviations beyond the minimum effect among settings without effect; leaking studies have a gain that costs a guardrail more than
its margin. ``--write`` puts the tables into ``docs/studies.md``.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rlx.errors import RlxError
from rlx.studies import Consent, LoopCall, SimulatedTrainer, begin_simulation, propose_round, run_loop
from rlx.studies.simulation import Draw

DOC = Path(__file__).parent.parent / "docs" / "studies.md"
MINIMUM_EFFECT = 0.5
"""In standard deviations between seeds."""


@dataclass(frozen=True)
class Kind:
    """What is simulated.

    Attributes:
        name: What it is called.
        draw: What a seed scores.
        rail: What it scores in the guardrail; None: there is none.
        contract: Sections of the contract.
    """

    name: str
    draw: Draw
    rail: Draw | None = None
    contract: Mapping[str, Any] | None = None


def _gain(overrides: Mapping[str, Any]) -> float:
    """Return the share of the scope, one in six, in which a setting is truly better."""
    return float(overrides.get("algo.gain", 0.0) > 5 / 6)


def normal(_: Mapping[str, Any], rng: np.random.Generator) -> float:
    """Draw a score without any effect."""
    return float(rng.normal(10, 1))


def skewed(_: Mapping[str, Any], rng: np.random.Generator) -> float:
    """Draw a score whose distribution has a long left tail, sd 1."""
    return float(11 - rng.exponential(1))


def bimodal(_: Mapping[str, Any], rng: np.random.Generator) -> float:
    """Draw a score of trainings that fail in one of four, sd 1."""
    return float(10 + (0.5 if rng.random() < 0.75 else -1.732) + rng.normal(0, 0.2))


def ceiling(_: Mapping[str, Any], rng: np.random.Generator) -> float:
    """Draw a score that most trainings have at the top, as 500 of CartPole."""
    return float(min(11.0, rng.normal(10.8, 1)))


def better(overrides: Mapping[str, Any], rng: np.random.Generator, gain: float = MINIMUM_EFFECT + 1.5) -> float:
    """Draw a score of which one setting in six is truly better."""
    return float(rng.normal(10 + gain * _gain(overrides), 1))


def crashing(overrides: Mapping[str, Any], rng: np.random.Generator) -> float | None:
    """Draw a score, or a failure in half of the trainings, without any effect."""
    return None if rng.random() < 0.5 else normal(overrides, rng)


def costly(overrides: Mapping[str, Any], rng: np.random.Generator) -> float:
    """Draw a guardrail that the true gain costs twice its margin."""
    return float(rng.normal(5 - 2.0 * _gain(overrides), 1))


RAILED = {"guardrails": [{"metric": "length", "no_worse_than": 1.0}]}
ANY_GAIN = {"metric": {"name": "return", "direction": "maximize", "minimum_effect": 0.0, "failure_score": "random"}}
ADVISOR = {
    "confirmation": {"alpha": 0.05, "guardrail_alpha": 0.05, "slots": 1, "seeds": 11, "give_up_at": [6]},
    "screening": {"trial_seeds": 2, "promotion_seeds": 4, "keep": 0.5, "survivors": 1},
    "proposals": {"sources": ["sampler"], "per_round": 5, "sampler": "sobol"},
    "stop": {"rounds": 1, "no_survivor_rounds": 2, "failed_starts": 50},
}
KINDS = {
    "noise, normal": Kind("noise, normal", normal),
    "noise, no minimum effect": Kind("noise, no minimum effect", normal, contract=ANY_GAIN),
    "noise, skewed": Kind("noise, skewed", skewed),
    "noise, one in four fails": Kind("noise, one in four fails", bimodal),
    "noise, at the ceiling": Kind("noise, at the ceiling", ceiling),
    "noise, half crash": Kind("noise, half crash", crashing),
    "one true gain": Kind("one true gain", better),
    "one true gain, advisor": Kind("one true gain, advisor", better, contract=ADVISOR),
    "a gain that costs a guardrail": Kind("a gain that costs a guardrail", better, costly, RAILED),
}
ALWAYS: dict[str, Any] = {"stop": {"rounds": 3, "no_survivor_rounds": 3, "failed_starts": 10_000}}


@dataclass(frozen=True)
class Found:
    """How a study ended.

    Attributes:
        accepted: Candidates that were accepted.
        true: Whether one of them was truly better.
        best_wins: Whether "the best single seed wins" would have accepted something.
    """

    accepted: int
    true: bool
    best_wins: bool


def one_study(name: str, number: int) -> Found:
    """Make a study of a kind, and say how it ended."""
    kind = KINDS[name]
    root = Path(tempfile.mkdtemp(prefix="rlx-study-"))
    try:
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        rails = {"length": kind.rail} if kind.rail else {}
        trainer = SimulatedTrainer(kind.draw, {"algo.gain": 0.0}, salt=number, rails=rails)
        contract = {**ALWAYS, **(kind.contract or {})}
        study = begin_simulation(root, "toy/better", contract, trainer, range(1000, 1008), anchored=False)
        call = LoopCall(Consent(execute=True), 1, lambda one, count, turn: propose_round(one, trainer, count, turn))
        try:
            run_loop(study, trainer, call)
        except RlxError as error:
            raise RuntimeError(f"{name} {number}: {error}") from None
        state = study.state
        accepted = [each.name for each in state.candidates.values() if each.status == "accepted"]
        floor = state.floor
        best = max(floor["scores"].values()) if floor else float("inf")
        scores = [
            value["return"]
            for start in state.starts.values()
            if start.phase in ("trial", "promotion") and start.ended
            for value in start.ended["scores"].values()
        ]
        overrides = _overrides(study.folder, accepted)
        return Found(len(accepted), any(_gain(each) for each in overrides), bool(scores) and max(scores) > best)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _overrides(folder: Path, names: list[str]) -> list[dict[str, Any]]:
    import yaml

    return [yaml.safe_load((folder / "candidates" / f"{name}.yaml").read_text())["overrides"] for name in names]


def table(studies: int, jobs: int, chosen: Callable[[str], bool]) -> str:
    """Return the table of all kinds, as Markdown."""
    lines = [
        '| studies | of | accepted something | accepted the true gain | "best single seed wins" would have |',
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    with ProcessPoolExecutor(jobs) as pool:
        for name in filter(chosen, KINDS):
            found = list(pool.map(partial(one_study, name), range(studies), chunksize=4))
            accepted = sum(each.accepted > 0 for each in found)
            true = sum(each.true for each in found)
            naive = sum(each.best_wins for each in found)
            shown = f"{true / studies:.0%}" if "gain" in name else "–"
            lines.append(f"| {name} | {studies} | {accepted / studies:.1%} | {shown} | {naive / studies:.0%} |")
            print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> None:
    """Simulate, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="kinds whose names hold this")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    text = table(arguments.studies, arguments.jobs, lambda name: arguments.only in name)
    if arguments.write:
        marked = r"(<!-- studies: begin -->\n).*?(<!-- studies: end -->)"
        command = f"`python -m benchmarks.studies --studies {arguments.studies}`:\n\n"
        DOC.write_text(
            re.sub(marked, lambda found: f"{found[1]}{command}{text}\n{found[2]}", DOC.read_text(), flags=re.DOTALL)
        )


if __name__ == "__main__":
    main()
