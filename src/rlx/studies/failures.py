"""What a seed that failed scores: failures stay in every count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlx.studies.contracts.contract import Contract
from rlx.studies.ledger.state import StudyState


def score_of_failure(contract: Contract, state: StudyState, ended: Mapping[str, Any], metric: str) -> float | None:
    """Return what a seed without a score has in a metric; None where nobody knows.

    Of the deciding metric that is `failure_score`, if it is a number; else what random actions score, at the floor, or in the
    start itself where there is none yet.

    Args:
        contract: The contract in force.
        state: What follows from the ledger.
        ended: The facts of the end of its start.
        metric: Which metric.
    """
    given = contract.metric.failure_score
    if metric == contract.metric.name and not isinstance(given, str):
        return float(given)
    random = (state.floor or ended)["random"] or ended["random"]
    found = random.get(metric)
    return None if found is None else float(found)
