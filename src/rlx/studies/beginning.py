"""The beginning of a study: its task, its contract drafted from a finished run, and the ledger's first line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.config import Snapshot, sha256_of, write_text
from rlx.errors import Missing, RlxError
from rlx.records import RunFolder, read_metadata
from rlx.stats import nearest
from rlx.studies.advice import Plan, plan_budget
from rlx.studies.contracts.quantities import shown_steps
from rlx.studies.course import LEAST_FLOOR
from rlx.studies.drafting import (
    PER_ROUND,
    begin_with,
    created_data,
    free_seeds,
    round_number,
    study_folder,
    whole_budget,
)
from rlx.studies.study import Study
from rlx.studies.trainer import Trainer
from rlx.studies.usual_scope import usual_scope

SHARE = 0.02
"""The minimum effect where none is judged by: of the way from random actions to the baseline's mean (as `rlx compare`)."""
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


def _folder_of(root: Path, run: str) -> RunFolder:
    """Return the folder of a run that has a configuration in ``configs/``."""
    known = [path.stem for path in sorted((root / "configs").glob("*.yaml")) if (root / "runs" / path.stem).is_dir()]
    if run not in known:
        named = (root / "configs" / f"{run}.yaml").is_file()
        told = f"`dvc repro` trains {run} first" if named else nearest(run, known)
        raise Missing(f"a study begins from a finished run of `configs/`, and there is no run {run!r}: {told}")
    return RunFolder(root / "runs" / run)


def begin(root: Path, wish: Wish, trainer: Trainer) -> Study:
    """Begin a study of a finished run: its folder, task card, drafted contract, and the ledger's first line.

    Raises:
        Missing: The run is not finished, or of another configuration than the project has now.
        UsageError: The name, or the budget.
    """
    folder = _folder_of(root, wish.run)
    summary, snapshot = folder.evaluation, folder.snapshot
    task, _, own = (wish.name or f"{wish.run}/better").rpartition("/")
    target = study_folder(root, task or wish.run, own)
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
    seen = [*_runs_on(root, snapshot.config.env.id)]
    begin_with(study, draft, created_data(baseline, trainer, seen, _seconds_per_step(folder)))
    if not (target.parent / "task.md").exists():
        write_text(target.parent / "task.md", task_card(snapshot, folder, summary.task, summary.random_return))
    return study


def _runs_on(root: Path, environment: str) -> Iterator[str]:
    """Yield the runs of a project on an environment; of what cannot be read nobody knows, so it counts."""
    for path in sorted((root / "runs").glob("*/config_snapshot.yaml")):
        with suppress(RlxError, OSError):
            if RunFolder(path.parent).snapshot.config.env.id != environment:
                continue
        yield path.parent.name


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
        "seeds": free_seeds(needed, tried),
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


def _minimum_effect(folder: RunFolder, mean: float, random: float) -> float:
    judged = folder.judging
    if judged is not None and judged.minimum_effect is not None:
        return float(judged.minimum_effect)
    top = judged.threshold if judged is not None and judged.threshold is not None else mean
    return round_number(abs(top - random) * SHARE)


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
    folder = _folder_of(root, wish.run)
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
