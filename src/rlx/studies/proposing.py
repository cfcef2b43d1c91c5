"""Proposals of a round: what the rules of diagnosis suggest first, then the sampler's, on what is known by then.

Confirmation scores reach neither: the sampler learns from selection means of all candidates, failures included.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from rlx.config import read_json, sha256_of
from rlx.errors import ConfigError, DataDamaged
from rlx.experiments import Range, SamplerRow, Space, Tried, sampler
from rlx.studies.contracts.candidate import Candidate, EvidenceItem, Source, read_candidate, write_candidate
from rlx.studies.contracts.scope import ScopeEntry
from rlx.studies.course import overrides_of, scores_of
from rlx.studies.gate import override_refusal
from rlx.studies.study import Study
from rlx.studies.trainer import Trainer
from rlx.studies.validating import costs, next_id, present_round, propose_line, take_up, validate

DRAWN = ("algorithm",)
"""Families whose settings a sampler draws: the others need evidence that a draw does not have."""
ANALYSIS = "analysis.json"
MOST_REFUSED = 50
"""Proposals in a row that come to something tried, after which there is nothing more."""


def propose_round(study: Study, trainer: Trainer, count: int, number: int) -> int:
    """Propose candidates of a round, and validate them; those that people added come first.

    Args:
        study: The study, whose lock is held.
        trainer: Who says what they come to.
        count: How many there are to be.
        number: The round.

    Returns:
        How many valid candidates the round has.
    """
    valid = 0
    for name in take_up(study, number):
        valid += validate(study, trainer, name).refusal is None
    sources = study.contract.proposals.sources
    if "rules" in sources:
        wanted = count - valid if sources == ["rules"] else min(count // 2, count - valid)
        for candidate in list(_ruled(study, trainer))[: max(0, wanted)]:
            valid += _written(study, trainer, candidate, number)
    if "sampler" in sources:
        valid += _sampled(study, trainer, count - valid, number)
    return valid


def propose_some(study: Study, trainer: Trainer, count: int, source: str | None) -> list[str]:
    """Propose candidates outside a loop; returns their ids."""
    before = set(study.state.candidates)
    number = present_round(study)
    take_up(study)
    if source in (None, "rules"):
        for candidate in list(_ruled(study, trainer))[:count]:
            _written(study, trainer, candidate, number)
    made = len(set(study.state.candidates) - before)
    if source in (None, "sampler"):
        _sampled(study, trainer, count - made, number)
    return [name for name in study.state.candidates if name not in before]


def _written(study: Study, trainer: Trainer, candidate: Candidate, number: int) -> bool:
    """Write a candidate, unless it comes to something that was tried; returns whether it is valid."""
    if _is_tried(study, trainer, candidate.overrides):
        return False
    cost = None
    with suppress(ConfigError):  # a candidate that is refused is written, with the reason in the ledger
        cost = costs(study.contract, trainer.resolve(candidate.overrides))
    candidate = candidate.model_copy(update={"id": next_id(study), "cost": cost})
    write_candidate(study.folder, candidate)
    propose_line(study, read_candidate(study.folder, candidate.id), number)
    return validate(study, trainer, candidate.id).refusal is None


def _is_tried(study: Study, trainer: Trainer, overrides: Mapping[str, Any]) -> bool:
    try:
        snapshot = trainer.resolve(overrides).snapshot
    except ConfigError:
        return False  # it is written, refused with the reason, and counted
    tried = {each.snapshot for each in study.state.candidates.values()}
    return snapshot in tried or snapshot == trainer.resolve({}).snapshot


def _ruled(study: Study, trainer: Trainer) -> Iterator[Candidate]:
    """Yield what rules propose: those of diagnosis, then reward weights, where there is evidence for them."""
    from rlx.studies.reward_proposals import reward_proposals

    own = overrides_of(study, study.state.incumbent)  # candidates are complete: what was accepted stays
    for candidate in (*_from_rules(study), *reward_proposals(study, trainer)):
        yield candidate.model_copy(update={"overrides": {**own, **candidate.overrides}})


# --- rules --------------------------------------------------------------------------------------------------------------


def _from_rules(study: Study) -> Iterator[Candidate]:
    """Yield what diagnosis suggests for the baseline, as far as it lies in scope."""
    run = study.contract.baseline.run
    path = study.root / "runs" / run / ANALYSIS
    try:
        content = read_json(path)
        findings = content["findings"]
    except (OSError, ValueError, KeyError, TypeError, DataDamaged):
        return
    digest = f"sha256:{sha256_of(path)}"
    for finding in findings:
        for suggestion in finding.get("suggestions") or []:
            overrides = dict(suggestion["overrides"])
            if override_refusal(study, overrides):
                continue
            numbers = finding.get("evidence") or [{}]
            value = numbers[0].get("value")
            limit = numbers[0].get("threshold")
            item = EvidenceItem(
                kind="finding",
                run=run,
                rule=finding["id"],
                seeds=list(numbers[0].get("seeds") or []) or None,
                value=float(value) if isinstance(value, int | float) else None,
                threshold=float(limit) if isinstance(limit, int | float) else None,
                file=ANALYSIS,
                sha256=digest,
            )
            yield Candidate(
                id="c001",
                source=Source(kind="rule", rule=finding["id"], run=run),
                hypothesis=f"{suggestion['reason']} {suggestion['effect']}".strip()[:4000],
                evidence=[item],
                overrides=overrides,
            )


# --- sampler ------------------------------------------------------------------------------------------------------------


def space_of(study: Study) -> Space:
    """Return what the sampler draws from."""
    scope = {key: entry for key, entry in study.contract.scope.items() if entry.family in DRAWN}
    seed = int((study.state.contract or "sha256:0").partition(":")[2][:8], 16) % 1000
    return Space({key: _domain(entry) for key, entry in scope.items()}, seed=seed)


def _domain(entry: ScopeEntry) -> Any:
    if entry.values is not None:
        return list(entry.values)
    assert entry.range is not None
    low, high = entry.range
    return Range(low, high, log=entry.scale == "log")


def tried_of(study: Study, before: int | None = None) -> list[Tried]:
    """Return what a sampler may learn from: selection means of all candidates, failures included, in the order of ids.

    Args:
        study: The study.
        before: Only from lines before this one; None: all.
    """
    state, metric, found = study.state, study.contract.metric, []
    for candidate in state.candidates.values():
        starts = [state.ended_of(candidate.name, phase) for phase in ("promotion", "trial")]
        start = next(
            (each for each in starts if each is not None and (before is None or (each.ended_seq or 0) < before)), None
        )
        try:
            overrides = dict(read_candidate(study.folder, candidate.name).candidate.overrides)
        except ConfigError:
            continue
        if start is None:
            found.append(Tried(overrides, failed=candidate.status in ("debug", "rejected")))
            continue
        scores = scores_of(study, start, metric.name, metric.sign)
        found.append(Tried(overrides, sum(scores.values()) / len(scores), len(scores)))
    return found


def _sampled(study: Study, trainer: Trainer, count: int, number: int) -> int:
    if count <= 0 or not (space := space_of(study)):
        return 0
    row: SamplerRow = sampler(study.contract.proposals.sampler)
    row.check_needs()
    drawn = 1 + max((_number_of(each.source) for each in study.state.candidates.values()), default=-1)
    valid = refused = 0
    while valid < count and refused < MOST_REFUSED:
        settings = draw(study, space, row, drawn)
        if settings is None:
            break
        if _written(study, trainer, _candidate(study, settings, row, drawn), number):
            valid, refused = valid + 1, 0
        else:
            refused += 1
        drawn += 1
    return valid


def draw(study: Study, space: Space, row: SamplerRow, number: int) -> Mapping[str, Any] | None:
    """Return the sampler's proposal of a number; None where it has no more. It depends on the ledger alone."""
    known = replace(space, tried=tried_of(study) if row.cohort is not None else [])
    made = row.make(known)
    if row.remembers:
        for earlier in range(number):
            made.ask(earlier)
    return made.ask(number)


def _number_of(source: Mapping[str, Any]) -> int:
    return int(source.get("number", -1)) if source.get("kind") == "sampler" else -1


def _candidate(study: Study, settings: Mapping[str, Any], row: SamplerRow, number: int) -> Candidate:
    version = None
    if row.needs:
        import importlib.metadata

        version = f"{row.needs} {importlib.metadata.version(row.needs)}"
    seqs = [study.state.floor["seq"]] if study.state.floor else []
    seqs += [each["seq"] for each in study.state.screenings]
    said = ", ".join(f"{key}={json.dumps(value)}" for key, value in settings.items())
    evidence = EvidenceItem(kind="observations", seqs=seqs) if seqs else EvidenceItem(kind="floor")
    return Candidate(
        id="c001",
        source=Source(kind="sampler", sampler=row.name, number=number, version=version),
        hypothesis=f"Proposal {number} of {row.name} over the scope: {said}."[:4000],
        evidence=[evidence],
        overrides=dict(settings),
    )


def typed_candidate(  # noqa: PLR0913
    study: Study,
    overrides: Mapping[str, Any],
    because: str,
    evidence: list[EvidenceItem],
    replaces: str | None,
    family: str,
) -> Path:
    """Write a candidate that a person or agent typed; returns its file.

    Raises:
        ConfigError: What was typed is no candidate.
    """
    from pydantic import ValidationError

    from rlx.studies.ledger.ledger import actor

    who = actor("person")
    try:
        candidate = Candidate(
            id=next_id(study),
            family=family,  # type: ignore[arg-type]  # checked by the model
            source=Source(kind="agent" if who.kind == "agent" else "person", name=who.agent or who.user),
            hypothesis=because,
            evidence=evidence,
            overrides=dict(overrides),
            replaces=replaces,
        )
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()[:5])
        raise ConfigError(f"this is no candidate: {told}") from None
    return write_candidate(study.folder, candidate)
