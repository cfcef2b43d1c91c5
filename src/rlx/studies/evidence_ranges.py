"""Randomisation and curricula, held against the probes that a candidate cites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlx.errors import RlxError
from rlx.studies.contracts.candidate import Candidate, read_candidate
from rlx.studies.evidence.curriculum import check_curriculum
from rlx.studies.evidence.documents import Curriculum, Probe
from rlx.studies.evidence.randomization import check_ranges
from rlx.studies.keeping_evidence import kept
from rlx.studies.study import Study

RANGES, STAGES = "env.training.ranges", "env.training.stages"


def randomization_refusal(study: Study, candidate: Candidate) -> str | None:
    """Return which range no probe that the candidate cites shows to be safe, or that is widened too fast; None where all are."""
    ranges = ranges_of(candidate.overrides)
    if not ranges:
        return f"a candidate of family randomization sets {RANGES}"
    before = _incumbent_ranges(study)
    probes = [each for each in _cited(study, candidate, "probe") if isinstance(each, Probe)]
    for key, ends in ranges.items():
        told = ["no probe that it cites varied it"]
        for probe in probes:
            told = check_ranges({key: ends}, before, probe)
            if not told:
                break
        if told:
            return f"the range of {key}: {told[0]}"
    return None


def curriculum_refusal(study: Study, candidate: Candidate) -> str | None:
    """Return what of a curriculum its record does not bear; None where nothing is.

    Stages of which the last is the task itself need the record alone; generated environments a probe, too.
    """
    stages = candidate.overrides.get(STAGES)
    if not isinstance(stages, list):
        return f"a candidate of family curriculum sets {STAGES}"
    probes = [each for each in _cited(study, candidate, "probe") if isinstance(each, Probe)]
    for record in _cited(study, candidate, "curriculum"):
        if not isinstance(record, Curriculum):
            continue
        told = ["no probe that it cites shows its cases"]
        for probe in probes:
            told = check_curriculum(stages, record, probe, study.contract.task.hash)
            if not told:
                return None
        return f"its curriculum: {told[0]}"
    return "it cites no curriculum record"


def ranges_of(overrides: Mapping[str, Any]) -> dict[str, list[float]]:
    """Return the randomisation ranges that overrides set, by the parameter's name."""
    found: dict[str, list[float]] = {}
    for key, value in overrides.items():
        if key == RANGES and isinstance(value, Mapping):
            found |= {str(name): list(ends) for name, ends in value.items()}
        elif key.startswith(f"{RANGES}."):
            found[key.removeprefix(f"{RANGES}.")] = list(value)
    return found


def _incumbent_ranges(study: Study) -> dict[str, list[float]]:
    name = study.state.incumbent
    if name == "baseline":
        return {}
    return ranges_of(read_candidate(study.folder, name).candidate.overrides)


def _cited(study: Study, candidate: Candidate, kind: str) -> list[Any]:
    found = []
    for item in candidate.evidence:
        if item.kind == kind and item.sha256 is not None:
            try:
                found.append(kept(study, item.sha256))
            except RlxError:
                continue  # what cannot be read is refused before
    return found
