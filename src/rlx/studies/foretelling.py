"""What a contract can show, before anything of it is trained: from the seeds that its baseline has already."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from rlx.errors import RlxError
from rlx.records import RunFolder, read_episodes
from rlx.stats import minimum_detectable_effect
from rlx.studies.contracts.quantities import shown_steps
from rlx.studies.measures import measures
from rlx.studies.protocol.floor import guardrail_pass_rate
from rlx.studies.study import Study

FEW = 2
"""Seeds below which nothing is known of how they differ."""


def foretold(study: Study, steps_per_seed: int) -> Iterator[str]:
    """Yield what a contract can show, and what a slot costs, in lines.

    That is the gain that is seen four times in five, and how often an equal candidate is shown to keep each guardrail.

    Args:
        study: The study.
        steps_per_seed: Environment steps of a training.
    """
    contract = study.read_contract().contract
    confirmation, metric = contract.confirmation, contract.metric
    yield f"a slot costs {shown_steps(contract.slot_seeds * steps_per_seed)} steps at most"
    spread = spreads(study)
    sd = spread.get(metric.name)
    if sd is None:
        yield "what it can show is known when the floor is there"
        return
    seen = minimum_detectable_effect(sd, confirmation.seeds, contract.slot_alpha) or math.inf
    yield (
        f"a true gain of {metric.minimum_effect + seen:.3g} in {metric.name} or more is shown four times in five (sd between seeds "
        f"{sd:.3g}, minimum effect {metric.minimum_effect:g})"
    )
    for rail in contract.guardrails:
        own = spread.get(rail.metric)
        if rail.no_worse_than is None or own is None:
            continue
        rate = guardrail_pass_rate(rail.no_worse_than, own, confirmation.seeds, confirmation.guardrail_alpha)
        told = f"an equal candidate is shown to keep the guardrail {rail.name} in {rate:.0%} of confirmations"
        yield told + ("; that is less than half: widen it, or take more seeds" if rate < 0.5 else "")


def spreads(study: Study) -> dict[str, float]:
    """Return the standard deviation between the baseline's seeds of each metric that the contract names; none where nothing tells."""
    contract = study.read_contract().contract
    names = contract.metrics
    try:
        table = read_episodes(RunFolder(study.root / "runs" / contract.baseline.run).path / "eval")
    except (RlxError, OSError):
        return {}
    latest = table[table["checkpoint"] == "latest"]
    played = [
        [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]
        for _, rows in latest.groupby("seed")
    ]
    scores = [measures(names, rows) for rows in played]
    found = {}
    for name in names:
        values = [each[name] for each in scores if name in each]
        if len(values) >= FEW and len(values) == len(scores):
            found[name] = float(np.std(values, ddof=1))
    return found
