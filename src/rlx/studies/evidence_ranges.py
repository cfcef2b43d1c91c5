"""Ranges of randomisation, held against the probes that a candidate cites."""

from __future__ import annotations

from rlx.studies.contracts.candidate import Candidate
from rlx.studies.study import Study


def randomization_refusal(study: Study, candidate: Candidate) -> str | None:
    """Return which range lies outside the safe range of a probe that the candidate cites; None where none does."""
    del study, candidate
    return None
