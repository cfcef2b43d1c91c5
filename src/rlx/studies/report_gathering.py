"""A study's report, gathered from its ledger, its approved contract and its candidates' files."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from rlx.errors import ConfigError, Missing
from rlx.studies.contracts.contract import ReadContract, plain
from rlx.studies.ledger.ledger import Refused
from rlx.studies.report_candidates import candidates_of, tried_facts, untried_of
from rlx.studies.report_confirmed import confirmations_of, more_in_general
from rlx.studies.report_contract import amendments_of, approvals_of, budget_of, contract_rows, floor_facts, setting_of
from rlx.studies.report_facts import FORMAT, IMPROVED, AuditFacts, StudyFacts
from rlx.studies.report_verdict import (
    AGGREGATE,
    beware_of,
    headline_of,
    is_aggregate,
    not_shown_of,
    over_because,
    verdict_of,
)
from rlx.studies.study import Study


def facts_of_study(study: Study) -> StudyFacts:
    """Return everything that a study's report says.

    Args:
        study: The study, its ledger read.

    Raises:
        ConfigError, Missing: No contract can be read.
    """
    study = as_of(study, len(study.ledger.lines))
    contract, state = study.contract, study.state
    digest = state.contract or study.read_contract().hash
    confirmations = tuple(confirmations_of(study, contract))
    candidates = candidates_of(study, contract, confirmations)
    tried, floor, over = tried_facts(study, contract), floor_facts(contract, state), over_because(study)
    seen = tuple(map(str, state.created.get("seen", [])))
    verdict = verdict_of(study, over, confirmations)
    evidence: Literal["episodes", "aggregate"] = "aggregate" if is_aggregate(state) else "episodes"
    told = {"seen": seen, "confirmations": confirmations, "candidates": candidates}
    more = tuple(each.more for each in confirmations if each.more is not None)
    if floor is not None and verdict != IMPROVED:
        more += tuple(more_in_general(contract, state, floor.sd, floor.alpha))
    return StudyFacts(
        format=FORMAT,
        study=study.name,
        question=contract.question,
        setting=setting_of(contract),
        phase=study.phase,
        frozen=study.frozen,
        over=over,
        evidence=evidence,
        verdict=verdict,
        headline=headline_of(study, contract, verdict, confirmations, tried)
        + (f" ({AGGREGATE})" if evidence == "aggregate" else ""),
        beware=tuple(beware_of(study, contract, told)),
        contract=plain(contract),
        contract_hash=digest,
        contract_rows=tuple(contract_rows(contract, digest)),
        approvals=approvals_of(study),
        amendments=amendments_of(study),
        seen=seen,
        budget=budget_of(contract, state),
        floor=floor,
        incumbent=state.incumbent,
        candidates=candidates,
        confirmations=confirmations,
        open_slots=tuple(slot.number for slot in state.slots if slot.is_open),
        not_shown=tuple(not_shown_of(contract, confirmations, candidates, floor)),
        untried=tuple(untried_of(study, contract)),
        more=more,
        tried=tried,
        audits=tuple(
            AuditFacts(line.seq, line.time, bool(line.data["ok"]), str(line.data.get("file", "")))
            for line in study.ledger.of("audited")
        ),
        lines=len(study.ledger.lines),
        head=study.ledger.head,
    )


class _InForce(Study):
    """A study by the contract that its ledger says was approved last, whatever became of the file since."""

    def read_contract(self) -> ReadContract:
        """Return that contract; the file's where none was approved, or the copy of it is gone."""
        digest = self.state.contract
        if digest is not None:
            with suppress(ConfigError, Missing, Refused):
                return self.approved_copy(digest)
        return super().read_contract()


def as_of(study: Study, lines: int) -> Study:
    """Return a study as it was after so many lines of its ledger, with the contract that was in force."""
    earlier = _InForce(study.root, study.folder)
    earlier.ledger.lines = list(study.ledger.lines[:lines])
    earlier.broken = study.broken
    return earlier
