"""The contract in force, who approved it, what became of its budget, and its floor, as a report tells them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rlx.studies.contracts.contract import Contract
from rlx.studies.contracts.quantities import shown_bytes, shown_seconds, shown_steps
from rlx.studies.contracts.scope import ScopeEntry
from rlx.studies.ledger.line import Line
from rlx.studies.ledger.state import RESOURCES, StudyState
from rlx.studies.report_facts import AmendmentFacts, ApprovalFacts, BudgetFacts, FloorFacts
from rlx.studies.report_points import scores_facts
from rlx.studies.study import Study

TTY_LIMIT = "An approval by tty was typed in a terminal; a program with that account can fake a terminal."
FLAG_LIMIT = "An approval by flag is an option of the command: any program with that account can give it."
SIGNATURE_LIMIT = "An approval by signature was made with a key of studies/allowed_signers; what a key is worth is its keeper's matter."
LIMITS: Mapping[str, str] = {"flag": FLAG_LIMIT, "tty": TTY_LIMIT, "signature": SIGNATURE_LIMIT}
"""What each method of approval does not show."""


def contract_rows(contract: Contract, digest: str) -> Iterator[tuple[str, str]]:
    """Yield a contract in words: what, and how."""
    metric, seeds, screening = contract.metric, contract.seeds, contract.screening
    confirmation, evaluation, stop = contract.confirmation, contract.evaluation, contract.stop
    yield "baseline", f"run {contract.baseline.run} ({_short(contract.baseline.snapshot)})"
    engine = ", ".join(f"{name} {version}" for name, version in sorted(contract.task.engine.items()))
    yield "task", f"{contract.task.environment} ({_short(contract.task.hash)}{f'; engine {engine}' if engine else ''})"
    yield "better", f"{metric.direction} {metric.name} by more than {metric.minimum_effect:g}"
    yield (
        "a failed seed scores",
        "what random actions score" if metric.failure_score == "random" else f"{metric.failure_score:g}",
    )
    for rail in contract.guardrails:
        yield "guardrail", rail.name
    for key, entry in contract.scope.items():
        yield "may change", f"{key}: {_scope(entry)}"
    yield (
        "screening",
        f"{screening.trial_seeds} seeds each, the better {screening.keep:g} of them on {screening.promotion_seeds}, "
        f"{screening.survivors} at most to confirmation",
    )
    looks = (
        f", looks after {', '.join(map(str, confirmation.give_up_at))} may give up" if confirmation.give_up_at else ""
    )
    yield (
        "confirmation",
        f"{confirmation.slots} slots of 2 × {confirmation.seeds} fresh seeds{looks}; alpha {confirmation.alpha:g} in all, "
        f"guardrails one-sided at {confirmation.guardrail_alpha:g} each",
    )
    yield (
        "seeds",
        f"smoke {seeds.smoke}, selection {_seeds(seeds.selection.range)}, confirmation {_seeds(seeds.confirmation.range)}",
    )
    how = "deterministic" if evaluation.deterministic else "sampled"
    yield (
        "evaluation",
        f"{evaluation.episodes} held-out episodes, {how} actions; list {evaluation.selection_list} selects, a list of its "
        f"own from {evaluation.confirmation_lists_from} on confirms",
    )
    sources = ", ".join(contract.proposals.sources) or "people and agents alone"
    yield "proposals", f"{contract.proposals.per_round} a round, by {sources} ({contract.proposals.sampler})"
    hardware = contract.hardware
    yield "hardware", f"{hardware.device}, {hardware.jobs} at once, host {hardware.host}"
    yield "automation", contract.automation
    yield "approval takes", contract.approvals.require
    yield (
        "stops",
        f"after {stop.rounds} rounds, {stop.no_survivor_rounds} in a row without a survivor, {stop.failed_starts} failed "
        f"starts in a row{f', at {stop.deadline}' if stop.deadline else ''}",
    )
    yield "hash", digest


def setting_of(contract: Contract) -> str:
    """Return on which task, from which baseline, and what counts as better, in a sentence."""
    metric, rails = contract.metric, "; ".join(rail.name for rail in contract.guardrails)
    better = f"{metric.direction} {metric.name} by more than {metric.minimum_effect:g}"
    return (
        f"On {contract.task.environment}, from the run {contract.baseline.run}; better is: {better}"
        f"{f', with {rails}' if rails else ''}."
    )


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]


def _seeds(seeds: range) -> str:
    return f"{seeds.start}–{seeds.stop - 1}"


def _scope(entry: ScopeEntry) -> str:
    family = "" if entry.family == "algorithm" else f", family {entry.family}"
    if entry.values is not None:
        return f"{', '.join(json.dumps(value, ensure_ascii=False) for value in entry.values)}{family}"
    assert entry.range is not None
    return f"{entry.range[0]:g} to {entry.range[1]:g} ({entry.scale}){family}"


def approvals_of(study: Study) -> tuple[ApprovalFacts, ...]:
    """Return who approved what and how, and who took it back, in order."""
    return tuple(_approval(line) for line in study.ledger.of("approved", "revoked"))


def _approval(line: Line) -> ApprovalFacts:
    data = line.data
    return ApprovalFacts(
        seq=line.seq,
        time=line.time,
        by=line.actor.agent or line.actor.user,
        kind=line.actor.kind,
        method=str(data.get("method", "revoked")),
        items=tuple(map(str, data["items"])),
        exceptions=tuple(map(str, data.get("exceptions", []))),
        contract=str(data.get("contract", line.contract)),
    )


def amendments_of(study: Study) -> tuple[AmendmentFacts, ...]:
    """Return the changes of the approved contract, in order."""
    return tuple(
        AmendmentFacts(
            line.seq,
            line.time,
            line.actor.agent or line.actor.user,
            {
                key: pair
                for section, (old, new) in line.data["difference"].items()
                for key, pair in _leaves(section, old, new)
            },
        )
        for line in study.ledger.of("amended")
    )


def _leaves(key: str, old: Any, new: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield what differs between two values, down to what is no mapping."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in dict.fromkeys([*old, *new]):
            if old.get(name) != new.get(name):
                yield from _leaves(f"{key}.{name}", old.get(name), new.get(name))
    elif old != new:
        yield key, (_plain(old), _plain(new))


def _plain(value: Any) -> str:
    return "—" if value is None else json.dumps(value, ensure_ascii=False)


def budget_of(contract: Contract, state: StudyState) -> tuple[BudgetFacts, ...]:
    """Return what became of the budget, by resource."""
    spent, reserved, left = state.spent(), state.reserved(), state.left(contract.budget)
    return tuple(
        BudgetFacts(
            name,
            float(getattr(contract.budget, name)),
            round(spent[name], 1),
            round(reserved[name], 1),
            round(left[name], 1),
        )
        for name in RESOURCES
    )


def shown_resource(resource: str, value: float) -> str:
    """Return an amount of a resource in words, such as ``2.5M``."""
    rounded = max(0, round(value))
    if rounded == 0 or resource == "experiments":
        return str(rounded)
    shown = {"steps": shown_steps, "wall_clock": shown_seconds, "disk": shown_bytes}[resource]
    return shown(rounded)


def floor_facts(contract: Contract, state: StudyState) -> FloorFacts | None:
    """Return the noise floor; None before there is one."""
    floor = state.floor
    if floor is None:
        return None
    return FloorFacts(
        scores=scores_facts(contract, state, state.starts[floor["start"]]),
        mean=float(floor["mean"]),
        sd=float(floor["sd"]),
        sd_low=float(floor["sd_interval"][0]),
        sd_high=float(floor["sd_interval"][1]),
        detectable=float(floor["detectable"]),
        seeds=contract.confirmation.seeds,
        alpha=contract.slot_alpha,
        random=(floor.get("random") or {}).get(contract.metric.name),
    )
