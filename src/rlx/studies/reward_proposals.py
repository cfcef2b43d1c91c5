"""Proposals for a reward: one weight at a time, doubled or halved, of components that a reflection names.

They cite the incumbent's reflection and a review; without both there are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from rlx.errors import RlxError
from rlx.studies.contracts.candidate import Candidate, EvidenceItem, Source
from rlx.studies.evidence.documents import Reflection
from rlx.studies.evidence_rules import evidence_refusal
from rlx.studies.keeping_evidence import kept
from rlx.studies.study import Study
from rlx.studies.trainer import Trainer

FACTORS = (2.0, 0.5)
FAMILY: Literal["reward"] = "reward"
TRAINING, TASK = "env.training.kwargs.", "env.kwargs."


def reward_proposals(study: Study, trainer: Trainer) -> Iterator[Candidate]:
    """Yield a candidate for each weight of a named component and each factor, as far as it is in scope."""
    evidence = _evidence(study)
    scope = {key: entry for key, entry in study.contract.scope.items() if entry.family == FAMILY}
    if evidence is None or not scope:
        return
    reflection, items = evidence
    settings = trainer.resolve({}).settings
    for component, why in named(reflection):
        for key, entry in scope.items():
            value = settings.get(key, settings.get(key.replace(TRAINING, TASK)))
            if not _is_weight_of(key, component) or isinstance(value, bool) or not isinstance(value, int | float):
                continue
            for factor in FACTORS:
                changed = float(f"{value * factor:.6g}")
                if entry.refusal(changed) is None:
                    yield _candidate(study, {key: changed}, (component, why, factor), items)


def named(reflection: Reflection) -> Iterator[tuple[str, str]]:
    """Yield the components that a reflection has something to say of, and what."""
    for each in reflection.components:
        told = [
            *(["dominates"] if each.dominates else []),
            *(["is ignored"] if each.ignored else []),
            *(["is saturated"] if each.saturated else []),
            *([f"{each.traded} in a trade"] if each.traded else []),
        ]
        if told:
            yield each.name, " and ".join(told)


def _is_weight_of(key: str, component: str) -> bool:
    """Tell whether a setting's name has the component's in it: `ctrl_cost_weight` of `reward/ctrl`."""
    words = re.split(r"[^a-z0-9]+", key.rpartition(".")[2].lower())
    own = [
        word
        for word in re.split(r"[^a-z0-9]+", component.removeprefix("reward/").lower())
        if word not in ("", "reward")
    ]
    return bool(own) and all(
        any(word.startswith(each) or each.startswith(word) for word in words if word) for each in own
    )


def _evidence(study: Study) -> tuple[Reflection, list[EvidenceItem]] | None:
    """Return the newest reflection of the incumbent and what to cite; None where that or a review is missing."""
    known = study.state.evidence
    reviews = [digest for digest, kind in known.items() if kind == "review"]
    for digest in reversed([digest for digest, kind in known.items() if kind == "reflection"]):
        items = [EvidenceItem(kind="reflection", sha256=digest)]
        items += [EvidenceItem(kind="review", sha256=each) for each in reviews[-1:]]
        try:
            found = kept(study, digest)
        except RlxError:
            continue
        probe = _candidate(study, {"env.training.kwargs.x": 1.0}, ("", "", 1.0), items)
        if isinstance(found, Reflection) and reviews and evidence_refusal(study, probe) is None:
            return found, items
    return None


def _candidate(
    study: Study, overrides: Mapping[str, Any], told: tuple[str, str, float], items: list[EvidenceItem]
) -> Candidate:
    component, why, factor = told
    (key, value), *_ = overrides.items()
    return Candidate(
        id="c001",
        family=FAMILY,
        source=Source(kind="rule", rule="reward-weights", run=study.contract.baseline.run),
        hypothesis=f"{component} {why}: {'doubling' if factor > 1 else 'halving'} {key} to {value:g} shifts what training rewards.",
        evidence=items,
        overrides=dict(overrides),
    )
