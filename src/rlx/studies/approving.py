"""Approval: what stands outside the file that it approves, and which changes of an approved contract are allowed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.config import write_bytes
from rlx.errors import ConfigError, Problem
from rlx.launch import signatures
from rlx.studies.contracts.contract import METHODS, Contract, ReadContract, smallest_p
from rlx.studies.contracts.quantities import shown_bytes, shown_seconds, shown_steps
from rlx.studies.ledger.ledger import Refused
from rlx.studies.study import APPROVED, Study
from rlx.studies.trainer import Trainer

FEW = 16
"""Seeds below which a candidate that sometimes fails is accepted too often (docs/studies.md has the figures)."""
NAMESPACE = "rlx-study"
"""Of signatures (`ssh-keygen -Y`)."""


@dataclass(frozen=True)
class Approval:
    """What somebody approves.

    Attributes:
        items: Of :data:`ITEMS`.
        method: How.
        signature: Of the contract's hash, where it was signed.
        exceptions: Candidates whose exception from required evidence is approved.
    """

    items: tuple[str, ...]
    method: str
    signature: str | None = None
    exceptions: tuple[str, ...] = ()


def check_approvable(study: Study, trainer: Trainer) -> None:
    """Refuse a contract that cannot be what the study is about, or changes what may not change any more.

    Raises:
        ConfigError: Something in it is wrong; the message says what.
        Refused: It is an amendment that is not allowed.
    """
    read = study.read_contract()
    contract, facts = read.contract, trainer.facts()
    problems = []
    created = study.state.created
    if contract.baseline.model_dump() != {key: created["baseline"][key] for key in ("run", "snapshot")}:
        problems.append(read.document.problem(("baseline",), "is not the run that the study was begun with"))
    if contract.task.hash != facts.task:
        told = "is not the task as it is now (environment, its code, the held-out protocol, engine versions)"
        problems.append(read.document.problem(("task", "hash"), told))
    first, count = created["baseline"]["seeds"]
    own = set(range(first, first + count))
    problems += [
        read.document.problem(("seeds", name), f"has seeds of the baseline ({first}–{first + count - 1})")
        for name in ("selection", "confirmation")
        if own & set(getattr(contract.seeds, name).range)
    ]
    if created["trainer"] == "adapter":
        problems += _of_foreign(read)
    if problems:
        raise ConfigError(problems)
    if (before := approved_contract(study)) is not None and (why := forbidden(study, before, contract)):
        raise Refused(f"{study.name}: {why}; that would be a new study")


def _of_foreign(read: ReadContract) -> Iterator[Problem]:
    """Yield what a foreign repository cannot have: nobody plays random actions there, so a failed seed needs a number."""
    contract = read.contract
    if contract.metric.failure_score == "random":
        told = "must be a number: nobody plays random actions in a foreign repository"
        yield read.document.problem(("metric", "failure_score"), told, at_value=True)
    for index, rail in enumerate(contract.guardrails):
        if rail.metric != contract.metric.name:
            told = f"a seed that fails has no {rail.metric}, and nobody knows what random actions score there; guard {contract.metric.name}"
            yield read.document.problem(("guardrails", index), told)


def approve(study: Study, approval: Approval) -> None:
    """Note an approval of the contract as it stands; an amendment is noted before it.

    Raises:
        Refused: The method is weaker than the contract demands.
    """
    read, before = study.read_contract(), approved_contract(study)
    demands = [each.approvals.require for each in (read.contract, before) if each is not None]
    demand = max(demands, key=METHODS.index)  # an amendment cannot weaken the demand that it is approved by
    if METHODS.index(approval.method) < METHODS.index(demand):
        raise Refused(f"{study.name}: the contract demands approval by {demand}, and this is by {approval.method}")
    if before is not None and study.state.contract != read.hash:
        changes = differences(before, read.contract)
        study.append("amended", {"difference": changes, "old": study.state.contract, "new": read.hash})
    kept = study.folder / APPROVED / f"{read.hash.partition(':')[2]}.yaml"
    write_bytes(kept, (study.folder / "contract.yaml").read_bytes())
    study.append(
        "approved",
        {
            "items": list(approval.items),
            "method": approval.method,
            "signature": approval.signature,
            "contract": read.hash,
            "exceptions": list(approval.exceptions),
        },
    )


def revoke(study: Study, items: Sequence[str]) -> None:
    """Note that approvals are taken back: nothing starts until they are given again."""
    study.append("revoked", {"items": list(items)})


def approved_contract(study: Study) -> Contract | None:
    """Return the contract that was approved last; None where none was."""
    if study.state.contract is None:
        return None
    return study.approved_copy(study.state.contract).contract


def has_looked(study: Study) -> bool:
    """Tell whether anything was scored: from then on much of a contract is fixed."""
    return any(each.is_finished and each.phase not in ("smoke", "probe") for each in study.state.starts.values())


def forbidden(study: Study, old: Contract, new: Contract) -> str | None:  # noqa: PLR0911, PLR0912 — a refusal each
    """Return which change of an approved contract is not allowed; None where all are.

    Always: more budget, more slots, a narrower scope, tighter guardrails, other automation, other words of the question, stop rules.
    After the first look nothing else may change, but for moving `seeds.confirmation.first` ahead of seeds that were used.
    """
    if not has_looked(study):
        return None
    for name in ("metric", "task", "baseline", "evaluation", "screening", "hardware"):
        if name == "hardware":
            if old.hardware.device != new.hardware.device:
                return "hardware.device may not change after the first look"
            continue
        if getattr(old, name) != getattr(new, name):
            return f"{name} may not change after the first look"
    one, other = old.confirmation, new.confirmation
    if (one.alpha, one.guardrail_alpha, one.seeds, one.give_up_at) != (
        other.alpha, other.guardrail_alpha, other.seeds, other.give_up_at
    ):  # fmt: skip
        return "confirmation: alphas, seeds and looks may not change after the first look"
    if other.slots < one.slots:
        return "confirmation.slots may only grow"
    for key, entry in new.scope.items():
        if key not in old.scope or not entry.within(old.scope[key]):
            return f"scope.{key} is wider than before"
    if why := _looser(old, new):
        return why
    for name in ("steps", "experiments", "wall_clock", "disk"):
        if getattr(new.budget, name) < getattr(old.budget, name):
            return f"budget.{name} may only grow"
    if old.seeds.smoke != new.seeds.smoke or old.seeds.selection != new.seeds.selection:
        return "seeds.smoke and seeds.selection may not change after the first look"
    if new.seeds.confirmation.first < old.seeds.confirmation.first:
        return "seeds.confirmation.first may only move ahead"
    return None


def _looser(old: Contract, new: Contract) -> str | None:
    """Return which guardrail is gone or looser."""
    for rail in old.guardrails:
        held = any(_as_tight(rail, other) for other in new.guardrails)
        if not held:
            return f"the guardrail {rail.name} is gone, or looser"
    return None


def _as_tight(old: Any, new: Any) -> bool:
    if (old.metric, old.direction) != (new.metric, new.direction):
        return False
    if old.no_worse_than is not None:
        return new.no_worse_than is not None and new.no_worse_than <= old.no_worse_than
    if old.at_least is not None:
        return new.at_least is not None and new.at_least >= old.at_least
    return new.at_most is not None and new.at_most <= old.at_most


def differences(old: Contract, new: Contract) -> dict[str, list[Any]]:
    """Return what an amendment changes: old and new value by section."""
    one, other = old.model_dump(mode="json"), new.model_dump(mode="json")
    return {key: [one[key], other[key]] for key in one if one[key] != other[key]}


def warnings(study: Study) -> list[str]:
    """Return what whoever approves should know."""
    contract, found = study.read_contract().contract, []
    seeds = contract.confirmation.seeds
    if seeds < FEW:
        found.append(
            f"{seeds} seeds per arm: a candidate of equal mean that fails in one training of five is accepted in up to 11 % of "
            f"confirmations at 11 seeds, in 4–10 % at {FEW}; the report shows worst seeds and failing shares"
        )
    return found


def summary_lines(study: Study, steps_per_seed: int) -> list[str]:
    """Return what a contract comes to, in lines: question, scope, cost, and what it can show."""
    contract = study.read_contract().contract
    budget, confirmation = contract.budget, contract.confirmation
    scope = [
        f"  {key}: {entry.values if entry.values is not None else f'{entry.range[0]} to {entry.range[1]} ({entry.scale})'}"  # type: ignore[index]
        for key, entry in contract.scope.items()
    ]
    slot = shown_steps(contract.slot_seeds * steps_per_seed)
    return [
        f"{study.name}: {contract.question}",
        f"baseline {contract.baseline.run} on {contract.task.environment}; better is {contract.metric.direction} "
        f"{contract.metric.name} by more than {contract.metric.minimum_effect:g}",
        *(f"guardrail: {rail.name}" for rail in contract.guardrails),
        "may change:",
        *scope,
        f"budget: {shown_steps(budget.steps)} steps, {budget.experiments} experiments, {shown_seconds(budget.wall_clock)}, "
        f"{shown_bytes(budget.disk)}; automation {contract.automation}",
        f"confirmation: {confirmation.slots} slots of {contract.arms} × {confirmation.seeds} fresh seeds ({slot} steps each), "
        f"alpha {confirmation.alpha:g} in all ({contract.slot_alpha:.3g} for each candidate; the smallest p is {smallest_p(confirmation.seeds):.2g})",
    ]


def sign(study: Study, key: Path) -> str:
    """Sign the contract's hash with an SSH key; returns the signature.

    Raises:
        CommandFailed: `ssh-keygen` is not here, or refused.
    """
    return signatures.sign(study.read_contract().hash, key, NAMESPACE)


def verify(study: Study, signature: str, digest: str) -> str:
    """Return who signed a hash, by `studies/allowed_signers`.

    Raises:
        Refused: The signature is of nobody there, or of something else.
        CommandFailed: `ssh-keygen` is not here.
    """
    signers = study.root / "studies" / "allowed_signers"
    if not signers.is_file():
        raise Refused(f"{study.name}: there is no studies/allowed_signers, which says whose signatures count")
    name = signatures.signer_of(digest, signature, signers, NAMESPACE)
    if name is None:
        raise Refused(f"{study.name}: the signature is of nobody in studies/allowed_signers, or of something else")
    return name
