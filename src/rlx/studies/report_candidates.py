"""Candidates as a report tells them, and how much was tried in all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rlx.errors import ConfigError, DataDamaged, Missing
from rlx.stats import first_line, number
from rlx.studies.contracts.candidate import Candidate, EvidenceItem, read_candidate
from rlx.studies.contracts.contract import Contract
from rlx.studies.contracts.scope import ScopeEntry
from rlx.studies.ledger.state import OPEN, CandidateState
from rlx.studies.report_facts import NOT_SHOWN, UNDECIDED, CandidateFacts, ConfirmationFacts, Tried, Verdict
from rlx.studies.report_points import screening_of
from rlx.studies.study import Study

SLOT_OPEN = "its slot is still open, and nothing is told of it before that"


def candidates_of(
    study: Study, contract: Contract, confirmations: tuple[ConfirmationFacts, ...]
) -> tuple[CandidateFacts, ...]:
    """Return all candidates, in the order in which they were proposed."""
    confirmed = {each.candidate: each.verdict for each in confirmations}
    confirmed |= {name: UNDECIDED for slot in study.state.slots if slot.is_open for name in slot.candidates}
    return tuple(_candidate(study, contract, each, confirmed) for each in study.state.candidates.values())


def _candidate(
    study: Study, contract: Contract, found: CandidateState, confirmed: Mapping[str, Verdict]
) -> CandidateFacts:
    said, problem = _file(study, found)
    verdict = UNDECIDED if found.status in OPEN else confirmed.get(found.name, NOT_SHOWN)
    expected = said.expected if said else None
    return CandidateFacts(
        id=found.name,
        round=found.round,
        family=said.family if said else "—",
        source=_source(found.source),
        hypothesis=said.hypothesis if said else "—",
        evidence=tuple(map(_evidence, said.evidence)) if said else (),
        overrides={key: json.dumps(value, ensure_ascii=False) for key, value in said.overrides.items()} if said else {},
        expected=f"{expected.metric} {number(expected.change, sign=True)}" if expected else "",
        exception=(said.exception or "") if said else "",
        replaces=(said.replaces or "") if said else "",
        status=found.status,
        phase=found.phase,
        verdict=NOT_SHOWN if found.status == "reverted" else verdict,
        reason=SLOT_OPEN if confirmed.get(found.name) == UNDECIDED else found.reason,
        screening=screening_of(contract, study.state, found.name),
        problem=problem,
    )


def _file(study: Study, found: CandidateState) -> tuple[Candidate | None, str]:
    """Return what a candidate's file says, and what is wrong with it."""
    try:
        read = read_candidate(study.folder, found.name)
    except (ConfigError, Missing, DataDamaged, OSError) as error:
        return None, f"its file cannot be read: {first_line(error)}"
    edited = "" if read.hash == found.sha256 else "its file was edited since the ledger took it up"
    return read.candidate, edited


def _source(source: Mapping[str, Any]) -> str:
    kind = str(source.get("kind", "—"))
    if kind == "rule":
        return f"rule {source.get('rule')} on {source.get('run')}"
    if kind == "sampler":
        version = f" ({source['version']})" if source.get("version") else ""
        return f"sampler {source.get('sampler')}, proposal {source.get('number')}{version}"
    return f"{kind} {source.get('name') or ''}".strip()


def _evidence(item: EvidenceItem) -> str:
    """Return a piece of evidence in words."""
    if item.kind == "finding":
        value = "" if item.value is None else f", value {number(item.value)}"
        limit = "" if item.threshold is None else f" against {number(item.threshold)}"
        return f"finding {item.rule} of {item.run}{value}{limit}{_hash(item.sha256)}"
    if item.kind == "observations":
        seqs = item.seqs or []
        return f"line{'s' * (len(seqs) != 1)} {', '.join(map(str, seqs))} of the ledger"
    if item.kind == "note":
        return f"note: {item.text}"
    if item.kind == "floor":
        return "the noise floor"
    named = f" of {item.run}" if item.run else ""
    return f"{item.kind}{named}{_hash(item.sha256)}"


def _hash(digest: str | None) -> str:
    return f" ({digest.removeprefix('sha256:')[:12]})" if digest else ""


def tried_facts(study: Study, contract: Contract) -> Tried:
    """Return how much was tried, with everything that failed or was refused."""
    state = study.state
    files = {
        (line.data["candidate"], line.data["sha256"]) for line in study.ledger.of("proposed", "validated")
    }  # an edited file is another candidate tried
    scored = {each.data["candidate"] for each in state.starts.values() if each.is_finished and each.phase == "trial"}
    return Tried(
        candidates=len(files),
        by_status=dict(sorted(Counter(each.status for each in state.candidates.values()).items())),
        trained=len(scored),
        promoted=sum(each.kept > 0 for each in state.candidates.values()),
        confirmed=len({name for slot in state.slots for name in slot.candidates}),
        slots=len(state.slots),
        alpha=state.alpha_spent(),
        alpha_total=contract.confirmation.alpha,
    )


def untried_of(study: Study, contract: Contract) -> Iterator[str]:
    """Yield what of the scope no candidate that was trained has tried, in sentences."""
    trained = {each.data["candidate"] for each in study.state.starts.values() if each.is_finished}
    values: dict[str, list[Any]] = {}
    for name in study.state.candidates:
        said, _ = _file(study, study.state.candidates[name])
        for key, value in said.overrides.items() if said and name in trained else ():
            values.setdefault(key, []).append(value)
    for key, entry in contract.scope.items():
        seen = [
            value for other, found in values.items() if other == key or other.startswith(f"{key}.") for value in found
        ]
        yield _untried(key, entry, seen)


def _untried(key: str, entry: ScopeEntry, seen: list[Any]) -> str:
    """Return how much of a setting's scope was tried."""
    if not seen:
        return f"{key} was never varied"
    if entry.values is not None:
        left = ", ".join(json.dumps(value) for value in entry.values if value not in seen)
        return f"{key}: no candidate tried {left}" if left else f"{key}: every value was tried"
    numbers = sorted({float(value) for value in seen if isinstance(value, int | float) and not isinstance(value, bool)})
    assert entry.range is not None
    low, high = entry.range
    if not numbers:
        return f"{key}: {len(seen)} values were tried"
    count = f"{len(numbers)} value{'s' * (len(numbers) != 1)}"
    return f"{key}: {count} between {numbers[0]:.4g} and {numbers[-1]:.4g} were tried, of {low:g} to {high:g}"
