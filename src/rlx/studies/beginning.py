"""The beginning of a study: its task, its contract drafted from a finished run, and the ledger's first line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rlx.config import Snapshot, sha256_of, write_text
from rlx.errors import ConfigError, Missing, RlxError, UsageError
from rlx.records import RunFolder, read_metadata
from rlx.studies.advice import Plan, plan_budget
from rlx.studies.contracts.contract import FILE, read_contract
from rlx.studies.contracts.quantities import shown_steps
from rlx.studies.course import LEAST_FLOOR
from rlx.studies.study import NAME, Study
from rlx.studies.trainer import Trainer
from rlx.studies.usual_scope import usual_scope

SMOKE, SELECTION, CONFIRMATION = 900_000, 910_000, 920_000
"""First seeds by what they are for; where they were tried before, the next free ones."""
APART = 10_000
SHARE = 0.02
"""The minimum effect where none is judged by: of the way from random actions to the baseline's mean (as `rlx compare`)."""
IGNORED = "# Made by rlx: derived from ledgers.\nstate.json\n*.torn\n"
PER_ROUND = 6
DISK_PER_SEED = 5_000_000


@dataclass(frozen=True)
class Wish:
    """What whoever begins a study asks for.

    Attributes:
        run: The baseline.
        name: `task/study`, `study`, or None.
        budget: Steps; None: what the drafted rounds take.
        rounds: Rounds, which are slots, too.
        by_advice: Whether the budget is spent as :mod:`rlx.studies.advice` says.
        approval: `tty`, `signature` or `flag`.
    """

    run: str
    name: str | None = None
    budget: int | None = None
    rounds: int = 3
    by_advice: bool = False
    approval: str = "tty"


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


def study_folder(root: Path, wish: Wish) -> Path:
    """Return the folder of a new study.

    Raises:
        UsageError: The name cannot be one, or is taken.
    """
    task, _, own = (wish.name or f"{wish.run}/better").rpartition("/")
    task = task or wish.run
    for part in (task, own):
        if not re.fullmatch(NAME, part):
            raise UsageError(f"{wish.name!r} names no study: letters, digits, - and _, as in cartpole/better")
    folder = root / "studies" / task / own
    if folder.exists():
        raise UsageError(f"there is a study {task}/{own} already; --name gives another")
    others = [path for path in (root / "studies").glob(f"*/{own}") if path.is_dir()]
    if others:
        raise UsageError(
            f"{others[0].parent.name}/{own} has that name already, and experiments begin with it; --name gives another"
        )
    return folder


def begin(root: Path, wish: Wish, trainer: Trainer) -> Study:
    """Begin a study of a finished run: its folder, task card, drafted contract, and the ledger's first line.

    Raises:
        Missing: The run is not finished, or of another configuration than the project has now.
        UsageError: The name, or the budget.
    """
    folder = RunFolder(root / "runs" / wish.run)
    if not folder.path.is_dir() or not (root / "configs" / f"{wish.run}.yaml").is_file():
        raise Missing(
            f"there is no run {wish.run!r} of this project; a study begins from one of `configs/` that is finished"
        )
    summary, snapshot = folder.evaluation, folder.snapshot
    target = study_folder(root, wish)
    resolved = trainer.resolve({})
    if snapshot.training_part() != _planned(trainer).training_part():
        raise Missing(
            f"{wish.run}: was trained with another configuration or code than the project has now; `dvc repro` makes it anew"
        )
    tried = trainer.tried_seeds()
    score = summary.scores["latest"]
    first, count = snapshot.config.seed, len(score.seeds)
    plan = None
    if wish.by_advice:
        assert wish.budget is not None
        plan = plan_budget(wish.budget, resolved.steps, floor_trained=count < LEAST_FLOOR, rounds=wish.rounds)
    draft = _draft(wish, trainer, folder, snapshot, plan, tried)
    study = Study(root, target)
    baseline = {"run": wish.run, "snapshot": draft["baseline"]["snapshot"], "seeds": [first, count]}
    seen = sorted(each.name for each in (root / "runs").iterdir() if (each / "config_snapshot.yaml").is_file())
    text = contract_text(draft)
    write_text(root / "studies" / ".gitignore", IGNORED)
    write_text(target / FILE, text)
    try:
        read_contract(target / FILE, f"studies/{study.name}/{FILE}")
    except ConfigError:
        (target / FILE).unlink()
        target.rmdir()
        raise
    if not (target.parent / "task.md").exists():
        write_text(target.parent / "task.md", task_card(snapshot, folder, summary.task, summary.random_return))
    with study.locked():
        study.append("created", created_data(baseline, trainer, seen, _seconds_per_step(folder)))
    return study


def _seconds_per_step(folder: RunFolder) -> float | None:
    """Return how long a step took in a run's own training, one seed at a time; None where it does not say."""
    try:
        cost = read_metadata(folder.path)["cost"]
        return float(cost["training_seconds_all_seeds"]) / float(cost["environment_steps"])
    except (RlxError, KeyError, TypeError, ZeroDivisionError):
        return None


def _planned(trainer: Trainer) -> Snapshot:
    from rlx.studies.experiments_trainer import ExperimentsTrainer

    assert isinstance(trainer, ExperimentsTrainer)
    return trainer.base_snapshot()


def _draft(  # noqa: PLR0913
    wish: Wish, trainer: Trainer, folder: RunFolder, snapshot: Snapshot, plan: Plan | None, tried: set[int]
) -> dict[str, Any]:
    config, summary = snapshot.config, folder.evaluation
    score, resolved = summary.scores["latest"], trainer.resolve({})
    seeds = plan.seeds if plan else 16
    slots = wish.rounds
    effect = _minimum_effect(folder, score.estimate.mean, summary.random_return)
    needed = 2 * seeds * slots
    first = free_block(CONFIRMATION, needed, tried)
    protocol = summary.task["protocol"]
    spread = score.estimate.std or effect
    per_round = plan.candidates if plan else PER_ROUND
    budget = wish.budget or whole_budget(resolved.steps, seeds, slots, per_round)
    return {
        "format": 1,
        "question": f"Which {config.algo.name.upper()} settings learn {config.env.id} better within {resolved.steps:,} steps?",
        "baseline": {"run": wish.run, "snapshot": f"sha256:{sha256_of(folder.path / 'config_snapshot.yaml')}"},
        "task": {
            "environment": config.env.id,
            "hash": trainer.facts().task,
            "engine": {"train": summary.task["training_version"], "eval": summary.task["evaluation_version"]},
        },
        "metric": {"name": "return", "direction": "maximize", "minimum_effect": effect, "failure_score": "random"},
        "guardrails": [{"metric": "return_p10", "no_worse_than": round_number(max(3 * effect, 1.5 * spread))}],
        "scope": usual_scope(config.algo.model_dump()),
        "budget": {
            "steps": shown_steps(budget) if shown_steps(budget) in _exact(budget) else budget,
            "experiments": 20 + slots * (4 + per_round * 3),
            "wall_clock": "12h",
            "disk": f"{max(1, round((needed + 60) * DISK_PER_SEED / 1e9))}GB",
        },
        "hardware": {"device": config.device, "jobs": 2, "host": "any"},
        "seeds": {
            "smoke": free_block(SMOKE, 1, tried),
            "selection": {"first": free_block(SELECTION, 5, tried), "count": 5},
            "confirmation": {"first": first, "count": needed},
        },
        "screening": {
            "trial_seeds": 2, "promotion_seeds": 4 if plan else 5, "keep": 0.5, "survivors": 1
        },
        "confirmation": {
            "alpha": 0.05, "guardrail_alpha": 0.05, "slots": slots, "seeds": seeds,
            "give_up_at": plan.give_up_at if plan else [8],
        },
        "evaluation": {
            "episodes": protocol["episodes"], "deterministic": protocol["deterministic"], "selection_list": 1,
            "confirmation_lists_from": 2,
        },
        "proposals": {"sources": ["rules", "sampler"], "per_round": per_round, "sampler": "sobol"},
        "automation": "full",
        "approvals": {"require": wish.approval},
        "stop": {"rounds": wish.rounds, "no_survivor_rounds": max(2, wish.rounds), "failed_starts": 5, "deadline": None},
    }  # fmt: skip


def _exact(budget: int) -> tuple[str, ...]:
    """Return the short form of a budget where it loses nothing."""
    from rlx.studies.contracts.quantities import STEPS, amount

    short = shown_steps(budget)
    return (short,) if amount(short, STEPS, "8M") == budget else ()


def whole_budget(steps: int, seeds: int, slots: int, per_round: int) -> int:
    """Return what all rounds take, with the floor and smoke runs."""
    each = per_round * 2 + 3 * ((per_round + 1) // 2) + 2 * seeds
    return (slots * each + LEAST_FLOOR + 2) * steps


def _minimum_effect(folder: RunFolder, mean: float, random: float) -> float:
    judged = folder.judging
    if judged is not None and judged.minimum_effect is not None:
        return float(judged.minimum_effect)
    top = judged.threshold if judged is not None and judged.threshold is not None else mean
    return round_number(abs(top - random) * SHARE)


def round_number(value: float) -> float:
    """Return a number with three digits: a draft is for people."""
    return float(f"{value:.3g}")


def free_block(first: int, count: int, tried: set[int]) -> int:
    """Return the first seed of a block that nobody tried."""
    while tried & set(range(first, first + count)):
        first += APART * 10
    return first


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


def task_card(snapshot: Snapshot, folder: RunFolder, task: Mapping[str, Any], random: float) -> str:
    """Return `task.md`: what is measured, from the run's own records."""
    config = snapshot.config
    limit = task["protocol"]["step_limit"]
    lines = [
        f"# Task: {config.env.id}",
        "",
        "What a study on this task measures; its contract fixes it by hash. Found in the run's records; add what a reader of the",
        "environment's code should know: how reward is made, when episodes end, how it could be earned without the task.",
        "",
        f"- environment: `{config.env.id}`, arguments {dict(config.env.kwargs) or 'none'}, wrappers {list(config.env.wrappers) or 'none'}",
        *(f"- code: `{name}` (sha256 {digest[:12]}…)" for name, digest in snapshot.code.everything.items()),
        f"- held-out: {task['protocol']['episodes']} episodes per policy, at most {limit:,} steps each",
        f"- random actions score {random:.4g}",
        f"- first baseline: `{folder.path.name}`",
    ]
    return "\n".join(lines) + "\n"


def advice_words(root: Path, wish: Wish, trainer: Trainer) -> list[str]:
    """Return how a budget would be spent, in lines.

    Raises:
        UsageError: It is too small; the message says the least that can tell.
        Missing: The run is not finished.
    """
    folder = RunFolder(root / "runs" / wish.run)
    if not folder.path.is_dir():
        raise Missing(f"there is no run {wish.run!r} of this project")
    score, resolved = folder.evaluation.scores["latest"], trainer.resolve({})
    floor_trained = len(score.seeds) < LEAST_FLOOR
    assert wish.budget is not None
    plan = plan_budget(wish.budget, resolved.steps, floor_trained=floor_trained, rounds=wish.rounds)
    kept = -(-plan.candidates // 2)
    total = wish.rounds * plan.used + (LEAST_FLOOR if floor_trained else 0)
    per_round = " in each round" if wish.rounds > 1 else ""
    lines = [
        f"{wish.run}: {shown_steps(wish.budget)} steps are {wish.budget // resolved.steps} trainings of {resolved.steps:,} steps",
        f"plan{per_round}: {plan.candidates} candidates on 2 seeds, {kept} of them on 4, the best on {plan.seeds} fresh seeds beside "
        f"{plan.seeds} of {wish.run}: {total} trainings in all",
    ]
    if score.estimate.std:
        from rlx.stats import minimum_detectable_effect

        alpha = 0.05 / wish.rounds
        seen = minimum_detectable_effect(score.estimate.std, plan.seeds, alpha) or 0.0
        effect = _minimum_effect(folder, score.estimate.mean, folder.evaluation.random_return)
        lines.append(
            f"a true gain of {effect + seen:.3g} or more is seen four times in five (minimum effect {effect:g}, sd between seeds "
            f"{score.estimate.std:.3g})"
        )
    return lines
