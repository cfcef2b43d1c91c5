"""What a contract can show, before anything of it is trained: from the seeds that its baseline has already."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rlx.config import Section
from rlx.errors import RlxError
from rlx.records import RunFolder, read_episodes
from rlx.stats import minimum_detectable_effect
from rlx.studies.contracts.quantities import shown_steps
from rlx.studies.measures import measures
from rlx.studies.protocol.floor import guardrail_pass_rate
from rlx.studies.study import Study

FEW = 2
"""Seeds below which nothing is known of how they differ."""


class ForetoldGuardrail(Section):
    """How often a guardrail lets pass what is as good."""

    name: str
    """In words: the metric, and its margin."""
    kept: float
    """The share of confirmations in which a candidate that is equal to the incumbent is shown to keep it."""


class Foretold(Section):
    """What a contract can show, and what a slot costs, as far as that is known before its floor."""

    slot_steps: int
    """Environment steps that a slot of confirmation takes at most."""
    sd: float | None
    """Of the metric, between the baseline's seeds; null where nothing tells."""
    detectable: float | None
    """The smallest true gain, minimum effect included, that a slot shows four times in five; null where nothing tells, or where
    no gain is shown so often."""
    guardrails: list[ForetoldGuardrail]
    """Of those with a margin to the incumbent whose metric the baseline has."""


def foretold_of(study: Study, steps_per_seed: int) -> Foretold:
    """Return what a contract can show, and what a slot costs.

    Args:
        study: The study.
        steps_per_seed: Environment steps of a training.

    Raises:
        ConfigError, Missing: The contract cannot be read.
    """
    contract = study.read_contract().contract
    confirmation, metric = contract.confirmation, contract.metric
    spread = spreads(study)
    sd = spread.get(metric.name)
    seen = None if sd is None else minimum_detectable_effect(sd, confirmation.seeds, contract.slot_alpha)
    margins = [(rail, rail.no_worse_than, spread.get(rail.metric)) for rail in contract.guardrails]
    return Foretold(
        slot_steps=contract.slot_seeds * steps_per_seed,
        sd=sd,
        detectable=None if seen is None else metric.minimum_effect + seen,
        guardrails=[
            ForetoldGuardrail(
                name=rail.name,
                kept=guardrail_pass_rate(margin, own, confirmation.seeds, confirmation.guardrail_alpha),
            )
            for rail, margin, own in margins
            if margin is not None and own is not None
        ],
    )


def foretold(study: Study, steps_per_seed: int) -> Iterator[str]:
    """Yield what a contract can show, and what a slot costs, in lines; see :func:`foretold_of`."""
    found, metric = foretold_of(study, steps_per_seed), study.read_contract().contract.metric
    yield f"a slot costs {shown_steps(found.slot_steps)} steps at most"
    if found.sd is None:
        yield "what it can show is known when the floor is there"
        return
    told = f"sd between seeds {found.sd:.3g}, minimum effect {metric.minimum_effect:g}"
    if found.detectable is None:
        yield f"no true gain in {metric.name} is shown four times in five ({told})"
    else:
        yield f"a true gain of {found.detectable:.3g} in {metric.name} or more is shown four times in five ({told})"
    for rail in found.guardrails:
        line = f"an equal candidate is shown to keep the guardrail {rail.name} in {rail.kept:.0%} of confirmations"
        yield line + ("; that is less than half: widen it, or take more seeds" if rail.kept < 0.5 else "")


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
        if len(values) >= FEW and len(values) == len(scores) and np.isfinite(values).all():
            found[name] = float(np.std(values, ddof=1))
    return found
