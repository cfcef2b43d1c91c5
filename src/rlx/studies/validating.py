"""Validation of candidates: everything about one that can be checked without starting anything."""

from __future__ import annotations

from dataclasses import dataclass

from rlx.errors import ConfigError, DataDamaged, Missing
from rlx.studies.contracts.candidate import ReadCandidate, candidate_ids, candidate_path, read_candidate
from rlx.studies.contracts.contract import Contract, hash_of_bytes
from rlx.studies.evidence_rules import evidence_refusal
from rlx.studies.gate import override_refusal, scope_refusal
from rlx.studies.study import Study
from rlx.studies.trainer import Resolved, Trainer


@dataclass(frozen=True)
class Validity:
    """What validation found.

    Attributes:
        candidate: Its id.
        refusal: Why it is not valid; None where it is.
        cost: Steps of each phase, where it is valid.
    """

    candidate: str
    refusal: str | None
    cost: dict[str, int]


def take_up(study: Study, number: int | None = None) -> list[str]:
    """Note candidates whose files people or agents have added; returns their ids.

    Args:
        study: The study, whose lock is held.
        number: Their round; None: the present one, or the next where screening of that has begun.

    Raises:
        ConfigError: One cannot be read, or ids are not in order.
    """
    known, new = study.state.candidates, []
    for name in candidate_ids(study.folder):
        if name in known:
            continue
        expected = next_id(study)
        if name != expected:
            raise ConfigError(f"candidates/{name}.yaml: ids are in order and never reused: the next is {expected}")
        propose_line(study, read_candidate(study.folder, name), number or present_round(study))
        new.append(name)
    return new


def present_round(study: Study) -> int:
    """Return the round that a candidate of now belongs to: the next one where screening has begun, so that none is ranked alone."""
    number = max(1, study.state.rounds)
    begun = any(each["round"] == number for each in study.state.screenings)
    return number + 1 if begun else number


def next_id(study: Study) -> str:
    """Return the id of the next candidate."""
    return f"c{1 + max((int(name[1:]) for name in study.state.candidates), default=0):03d}"


def propose_line(study: Study, found: ReadCandidate, number: int) -> None:
    """Append that a candidate was proposed, in a round."""
    source = found.candidate.source.model_dump(exclude_none=True)
    observations = sorted({seq for item in found.candidate.evidence for seq in item.seqs or []})
    study.append(
        "proposed",
        {
            "candidate": found.candidate.id,
            "sha256": found.hash,
            "source": source,
            "observations": observations,
            "round": number,
        },
    )


def validate(study: Study, trainer: Trainer, name: str) -> Validity:
    """Check a candidate that is proposed, and note what came of it; nothing starts.

    One that is refused is out of the round: it is rejected, with the reason, and stays in all counts. A file that was edited is
    another candidate tried: it is noted as one, as long as nothing was started or decided of the one before.
    """
    state = study.state.candidates.get(name)
    if state is None:
        raise Missing(f"{study.name}: there is no candidate {name!r}; `rlx study status {study.name}` lists them")
    if (why := _too_late(study, name)) is not None:
        return Validity(name, why, {})
    try:
        found = read_candidate(study.folder, name)
        refusal, cost, snapshot = _checked(study, trainer, found)
    except (ConfigError, Missing, DataDamaged) as error:
        refusal, cost, snapshot, found = str(error), {}, "", None
    if refusal is not None:
        if state.status in ("draft", "validated"):
            study.append("refused", {"check": "candidate", "candidate": name, "reason": refusal})
            if state.source.get("kind") in ("person", "agent"):
                return Validity(
                    name, refusal, {}
                )  # a draft: whoever wrote it may mend it, or have its exception approved
            rule = f"not valid: {refusal}"
            study.append(
                "decided", {"candidate": name, "status": "rejected", "rule": rule, "inputs": [], "numbers": {}}
            )
        return Validity(name, refusal, {})
    assert found is not None
    if state.status == "draft" or state.sha256 != found.hash:
        study.append("validated", {"candidate": name, "sha256": found.hash, "snapshot": snapshot, "cost": cost})
    return Validity(name, None, cost)


def _too_late(study: Study, name: str) -> str | None:
    """Return why an edited file is not looked at again: what was started of the old one, or decided, would count for the new one."""
    state = study.state.candidates[name]
    is_new = state.status in ("draft", "validated") and all(
        start.data["candidate"] != name for start in study.state.starts.values()
    )
    path = candidate_path(study.folder, name)
    if is_new or not path.is_file() or hash_of_bytes(path.read_bytes()) == state.sha256:
        return None
    return (
        f"candidates/{name}.yaml was edited after {name} was started or decided on; put it back (`git show "
        f"{study.ledger.anchor.name}:./studies/{study.name}/candidates/{name}.yaml`), and write the new one with "
        f"`rlx study propose --from {name} -S KEY=VALUE --because TEXT`"
    )


def _checked(  # noqa: PLR0911 — a refusal each
    study: Study, trainer: Trainer, found: ReadCandidate
) -> tuple[str | None, dict[str, int], str]:
    candidate, contract = found.candidate, study.contract
    if why := override_refusal(study, dict(candidate.overrides)):
        return why, {}, ""
    patch = None if candidate.patch is None else candidate.patch.model_dump()
    resolved, baseline = trainer.resolve(candidate.overrides, patch), trainer.resolve({})
    if why := scope_refusal(study, baseline, resolved, candidate.family):
        return why, {}, ""
    if resolved.snapshot == baseline.snapshot:
        return "it comes to the baseline itself", {}, ""
    for other in study.state.candidates.values():
        if other.name != candidate.id and other.snapshot == resolved.snapshot and candidate.replaces != other.name:
            return f"it comes to the same as {other.name}, which was tried", {}, ""
    if resolved.engine != baseline.engine:
        return f"its engine would be {resolved.engine}, and the baseline's is {baseline.engine}", {}, ""
    if why := evidence_refusal(study, candidate):
        return why, {}, ""
    return None, costs(contract, resolved), resolved.snapshot


def costs(contract: Contract, resolved: Resolved) -> dict[str, int]:
    """Return the steps that a candidate takes in each phase at most."""
    screening, confirmation = contract.screening, contract.confirmation
    more = screening.promotion_seeds - screening.trial_seeds
    return {
        "smoke": resolved.smoke_trainings * resolved.smoke_steps,
        "trial": screening.trial_seeds * resolved.steps,
        "promotion": more * resolved.steps,
        "confirmation": 2 * confirmation.seeds * resolved.steps,
    }
