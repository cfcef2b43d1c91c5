"""Starts: :func:`launch` is the only function of rlx's studies that starts anything.

Under the study's lock it makes the sixteen checks, appends `started`, and only then has the trainer begin, with that line's
hash. :func:`settle` takes in how it ended.
"""

from __future__ import annotations

import errno
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rlx.errors import ConfigError, Interrupted, RlxError
from rlx.stats import first_line, raised
from rlx.studies.gate import Asked, Checked, Consent, check_all
from rlx.studies.ledger.ledger import Refused
from rlx.studies.ledger.state import Started
from rlx.studies.study import Study
from rlx.studies.trainer import Cost, Outcome, StartCall, StartLost, StartPlan, Trainer

OVERHEAD = 20.0
"""Seconds that a start takes beside training, where no floor tells (rlx's own; measured on the default study)."""
GUESSED_BYTES = 2_000_000
"""Bytes that a seed leaves, where no floor tells."""
OVERTIME = 3.0
"""A start that takes so many times what the floor's pace foretells is ended."""
LEAST_PATIENCE = 600.0
"""Seconds before which none is."""


@dataclass
class Running:
    """A start that runs.

    Attributes:
        started: Its line.
        thread: In which the trainer is at work.
        call: What the trainer was given.
        outcome: How it ended; None before.
        limit: Seconds after which it is ended.
        began: When it began (monotonic).
        resumed: Whether it goes on after its process was gone: what that had trained is nobody's to tell, so all is paid.
    """

    started: Started
    thread: threading.Thread
    call: StartCall
    limit: float
    began: float = field(default_factory=time.monotonic)
    outcome: Outcome | None = None
    resumed: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return not self.thread.is_alive()


def cost_of(study: Study, trainer: Trainer, plan: StartPlan) -> Cost:
    """Return what a start takes at most: of steps exactly, of time and disk by the floor's pace.

    Raises:
        ConfigError: Its settings are refused.
    """
    resolved = trainer.resolve(plan.overrides, plan.patch)
    each = resolved.smoke_steps if plan.phase == "smoke" else resolved.steps
    if plan.steps is not None:
        return Cost(plan.steps, OVERHEAD, 0)
    new = trainer.new_trainings(plan)
    pace = (study.state.floor or {}).get("pace")
    per_seed = max(1, round(pace["bytes"] / max(1, pace["seeds"]))) if pace else GUESSED_BYTES
    seconds = OVERHEAD + new * each * (seconds_per_step(study) or 0.0) + len(plan.seeds) * seconds_to_play(study)
    return Cost(new * each, round(seconds, 1), per_seed * max(new, len(plan.seeds)))


def seconds_per_step(study: Study) -> float | None:
    """Return how long a step of training takes: as the floor showed, or the baseline's own training; None where nothing tells."""
    pace = (study.state.floor or {}).get("pace")
    if pace and pace["steps"]:
        return float(pace["seconds"]) / float(pace["steps"])
    known = study.state.created.get("seconds_per_step")
    return None if known is None else float(known)


def seconds_to_play(study: Study) -> float:
    """Return how long the held-out episodes of a seed take: as a floor that trained nothing showed; 0 where nothing tells."""
    pace = (study.state.floor or {}).get("pace")
    return float(pace["seconds"]) / max(1, pace["seeds"]) if pace and not pace["steps"] else 0.0


def ask(study: Study, trainer: Trainer, plan: StartPlan, consent: Consent) -> tuple[Asked, list[Checked]]:
    """Make the checks for a start; nothing begins."""
    from rlx.studies.trainer import Resolved

    resolved: Resolved | str
    try:
        resolved = trainer.resolve(plan.overrides, plan.patch)
        cost = cost_of(study, trainer, plan)
    except ConfigError as error:
        resolved, cost = str(error), Cost(0, 0.0, 0)
    asked = Asked(study, trainer, plan, cost, trainer.facts(), consent, trainer.resolve({}), resolved)
    return asked, check_all(asked)


def launch(  # noqa: PLR0913
    study: Study, trainer: Trainer, plan: StartPlan, consent: Consent, workers: int, say: Callable[[str], None]
) -> Running:
    """Start something, if every check lets it pass.

    Args:
        study: The study, whose lock this process holds.
        trainer: Who carries it out.
        plan: What is to be started.
        consent: What the call was given.
        workers: How many seeds may train at once.
        say: Takes in lines for people.

    Raises:
        Refused: A check refuses; the ledger says so, once per cause.
    """
    asked, checks = ask(study, trainer, plan, consent)
    refused = next((each for each in checks if each.refusal is not None), None)
    if refused is not None:
        _note_refusal(study, refused)
        raise Refused(f"{study.name}: {plan.experiment}: check {refused.number} ({refused.name}): {refused.refusal}")
    line = study.append("started", started_data(asked))
    return _begin(study, trainer, Started(line.seq, line.hash, line.data), plan, workers, say)


def resume(study: Study, trainer: Trainer, started: Started, workers: int, say: Callable[[str], None]) -> Running:
    """Go on with a start whose process is gone, under the same reservation; with the same bits."""
    running = _begin(study, trainer, started, plan_from(started), workers, say)
    running.resumed = True
    return running


def plan_from(started: Started) -> StartPlan:
    """Return the plan that a `started` line holds."""
    data = started.data
    return StartPlan(
        phase=data["phase"], candidate=data["candidate"], overrides=data["overrides"], block=tuple(data["block"]),
        list=data["list"], experiment=data["experiment"], metrics=tuple(data["metrics"]), episodes=data["episodes"],
        slot=data.get("slot"), arm=data.get("arm"), candidate_sha256=data.get("candidate_sha256"), look=data.get("look"),
        patch=data.get("patch"),
    )  # fmt: skip


def started_data(asked: Asked) -> dict[str, Any]:
    """Return what a `started` line says: the start with its device, seeds, what is expected of it, and what it cost to plan."""
    plan, cost, facts = asked.plan, asked.cost, asked.facts
    assert not isinstance(asked.resolved, str)
    found = {
        "phase": plan.phase,
        "candidate": plan.candidate,
        "candidate_sha256": plan.candidate_sha256,
        "overrides": dict(plan.overrides),
        "block": list(plan.block),
        "list": plan.list,
        "episodes": plan.episodes,
        "metrics": list(plan.metrics),
        "experiment": plan.experiment,
        "reserved": {"steps": cost.steps, "experiments": 1, "wall_clock": cost.wall_clock, "disk": cost.disk},
        "snapshot": asked.resolved.snapshot,
        "commit": facts.commit,
        "dirty": facts.dirty,
        "device": asked.study.contract.hardware.device,
        "host": facts.host,
        "versions": dict(facts.versions),
        "expected": ["episodes.csv", "summary.json", "metadata.json", "checkpoints"],
        "criterion": CRITERIA[plan.phase],
        "slot": plan.slot,
        "arm": plan.arm,
        "look": plan.look,
        "patch": None if plan.patch is None else dict(plan.patch),
    }
    return {key: value for key, value in found.items() if value is not None or key in ("commit", "dirty")}


RETRIES = 1
"""How often a start that was lost (its process or machine failed) is made again."""
DISK = "disk"
"""The reason of a start that met a full disk."""
CRITERIA = {
    "floor": "five seeds or more score: the noise floor",
    "reference": "the incumbent's score on the selection list",
    "smoke": "finite numbers, all metrics there, steps as planned",
    "trial": "in the better share of its round",
    "promotion": "mean above the incumbent's, no guardrail's point estimate failing",
    "confirmation": "beyond the minimum effect at the slot's alpha, every guardrail shown to hold",
    "probe": "evidence; nothing is promoted by it",
}
"""By what each phase lets a candidate go on."""


def _begin(  # noqa: PLR0913
    study: Study, trainer: Trainer, started: Started, plan: StartPlan, workers: int, say: Callable[[str], None]
) -> Running:
    call = StartCall(
        plan, started.seq, started.hash, study.name, workers, threading.Event(), say=say, hashes=_hashes(study, started)
    )
    limit = patience_of(study, trainer, started)
    running = Running(started, threading.Thread(), call, limit)

    def work() -> None:
        running.outcome = _carried_out(trainer, call)

    running.thread = threading.Thread(target=work, name=plan.experiment, daemon=True)
    running.thread.start()
    return running


def _hashes(study: Study, started: Started) -> frozenset[str]:
    """Return the lines that a start's experiment may carry: its own, and those of earlier starts of it that were broken off."""
    earlier = {
        each.hash
        for each in study.state.starts.values()
        if each.data["experiment"] == started.data["experiment"]
        and each.ended is not None
        and each.ended["status"] in ("interrupted", "lost")
    }
    return frozenset({started.hash, *earlier})


def patience_of(study: Study, trainer: Trainer, started: Started) -> float:
    """Return after how many seconds a start is ended; without end where nothing foretells it, or the trainer keeps time itself."""
    known = seconds_per_step(study) is not None and started.data["reserved"]["steps"] > 0
    if trainer.keeps_time or not known or study.state.floor is None:
        return math.inf
    return max(LEAST_PATIENCE, OVERTIME * float(started.data["reserved"]["wall_clock"]))


def resumption_refusal(study: Study, trainer: Trainer, started: Started, consent: Consent) -> str | None:
    """Return why a start whose process is gone may not go on; None where it may: approvals, consent, stop rules, task and code."""
    _, checks = ask(study, trainer, plan_from(started), consent)
    return next((each.refusal for each in checks if each.name in RESUMED and each.refusal), None)


RESUMED = ("ledger", "approval", "consent", "stop rules", "task", "commit")
"""Checks that are made again before a start goes on; the others hold for it as it was."""


def _carried_out(trainer: Trainer, call: StartCall) -> Outcome:  # noqa: PLR0911 — an end each
    try:
        return trainer.carry_out(call)
    except (Interrupted, KeyboardInterrupt):
        return Outcome("interrupted", reason="interrupted")
    except ConfigError as error:
        if (
            call.plan.candidate == "baseline" or call.plan.phase != "smoke"
        ):  # its smoke run was made of the same settings
            return Outcome("lost", reason=first_line(error)[:300])
        told = {"kind": "configuration", "message": first_line(error)[:300]}
        return Outcome("failed", failures=dict.fromkeys(call.plan.seeds, told), reason=told["message"])
    except StartLost as error:
        return Outcome("lost", steps=error.steps, reason=DISK if error.is_full else first_line(error)[:300])
    except (RlxError, OSError) as error:
        full = (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "No space left on device" in str(error)
        return Outcome("lost", reason=DISK if full else first_line(error)[:300])
    except Exception as error:  # noqa: BLE001 — whatever a trainer raises ends this start, and no other
        return Outcome("lost", reason=raised(error)[:300])


def settle(study: Study, started: Started, outcome: Outcome, *, resumed: bool = False) -> None:
    """Take in how a start ended: what it scored, what failed, and what it really cost.

    A start whose process or machine failed is made once more; after that, and where it ran out of time, its seeds without a score
    have failed. A full disk is nobody's fault: the start waits for room.
    """
    outcome = _judged(study, started, outcome)
    reserved = int(started.data["reserved"]["steps"])
    spent = {
        "steps": reserved
        if resumed
        else min(outcome.steps, reserved),  # what DVC took from its cache tells of the training that was then
        "experiments": 1,
        "wall_clock": study.clock.take(),
        "disk": outcome.bytes,
    }
    study.append(
        "ended",
        {
            "started": started.seq,
            "status": outcome.status,
            "scores": _keyed(outcome.scores),
            "failures": _keyed(outcome.failures),
            "random": dict(outcome.random),
            "spent": spent,
            "experiments": [dict(each) for each in outcome.experiments],
            "reason": outcome.reason,
        },
    )


def _judged(study: Study, started: Started, outcome: Outcome) -> Outcome:
    """Return an outcome with its failures: seeds of a start that is not to be made again, and has no score of them."""
    by_process = any(each["kind"] == "process" for each in outcome.failures.values())
    kind = "process" if by_process else {"timed-out": "timed-out", "lost": "process"}.get(outcome.status)
    if kind is None or outcome.reason == DISK:
        return outcome
    if outcome.status == "lost" and not outcome.failures and _is_measure(started):
        return (
            outcome  # what candidates are held against never fails for the machine's sake: that would be to their good
        )
    earlier = [
        each
        for each in study.state.starts.values()
        if each.ended is not None and each.ended["status"] == "lost" and each.ended["reason"] != DISK
        if each.data["experiment"] == started.data["experiment"]
    ]
    if kind == "process" and len(earlier) < RETRIES:
        return replace(outcome, status="lost", scores={}, failures={}, experiments=())
    rest = {seed: {"kind": kind, "message": outcome.reason} for seed in started.seeds if seed not in outcome.scores}
    return replace(outcome, status="failed", failures={**rest, **outcome.failures})


def _is_measure(started: Started) -> bool:
    """Tell whether candidates are held against what a start scores: the floor, the reference, the incumbent's arm."""
    return started.phase in ("floor", "reference") or started.data.get("arm") == "incumbent"


def _keyed(values: Mapping[int, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {str(seed): dict(values[seed]) for seed in sorted(values)}


def _note_refusal(study: Study, refused: Checked) -> None:
    cause = (refused.name, str(refused.refusal))
    if refused.number in (1, 3) or cause in study.state.refused:  # a broken ledger takes no line; a plan is no refusal
        return
    study.append("refused", {"check": refused.name, "number": refused.number, "reason": refused.refusal})
