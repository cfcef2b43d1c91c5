"""Which evidence a candidate needs, by its family, and whether what it cites is there."""

from __future__ import annotations

from pathlib import Path

from rlx.config import is_plain_path, sha256_of
from rlx.studies.contracts.candidate import Candidate, EvidenceItem
from rlx.studies.study import Study

NEEDED = {
    "algorithm": (),
    "code": ("review",),
    "reward": ("reflection", "review"),
    "randomization": ("probe",),
    "curriculum": ("curriculum",),
}
"""Kinds of evidence that a family needs, beside one piece of any kind. Code that changes a reward needs what a reward does; that a
patch does is for its review to say."""


def evidence_refusal(study: Study, candidate: Candidate) -> str | None:
    """Return what is wrong with the evidence of a candidate; None where nothing is."""
    for item in candidate.evidence:
        if why := _unresolved(study, item):
            return f"evidence: {item.kind}: {why}"
    lacking = [kind for kind in NEEDED[candidate.family] if all(item.kind != kind for item in candidate.evidence)]
    if lacking and not _excepted(study, candidate):
        return f"a candidate of family {candidate.family} needs {' and '.join(lacking)}, or an exception that a person approved"
    if candidate.family in ("randomization", "curriculum") and not _excepted(study, candidate):
        from rlx.studies.evidence_ranges import curriculum_refusal, randomization_refusal  # both import SciPy

        check = randomization_refusal if candidate.family == "randomization" else curriculum_refusal
        return check(study, candidate)
    return None


def _excepted(study: Study, candidate: Candidate) -> bool:
    """Tell whether a person approved the exception that a candidate asks for."""
    approved = {name for item in study.state.approved.values() for name in item["exceptions"]}
    return candidate.exception is not None and candidate.id in approved


def _unresolved(study: Study, item: EvidenceItem) -> str | None:  # noqa: PLR0911 — a refusal each
    if item.kind == "observations":
        missing = [seq for seq in item.seqs or [] if not 0 <= seq < len(study.ledger.lines)]
        return f"the ledger has no line {missing[0]}" if missing else None
    if item.kind in ("floor", "note"):  # nothing of a candidate starts before there is a floor
        return None
    if item.kind == "finding":
        return _finding(study.root, item)
    assert item.sha256 is not None
    digest = item.sha256.removeprefix("sha256:")
    path = study.folder / "evidence" / f"{digest}.json"
    if not path.is_file() or path.is_symlink():
        return f"there is no evidence/{digest[:12]}….json"
    if sha256_of(path) != digest:
        return f"evidence/{digest[:12]}….json was edited"
    if item.kind in ("reflection", "probe") and (why := _of_another_run(study, digest)):
        return why
    known = study.state.evidence.get(f"sha256:{digest}", study.state.evidence.get(digest))
    if known is None:
        return f"evidence/{digest[:12]}….json is not in the ledger"
    return None if known == item.kind else f"evidence/{digest[:12]}….json is a {known}"


def _of_another_run(study: Study, digest: str) -> str | None:
    """Return of which run a reflection is, where that is neither the baseline nor the incumbent."""
    from rlx.studies.evidence.files import read_evidence

    found = read_evidence(study.folder / "evidence", digest)
    run, item_kind = found.run, found.kind
    incumbent = study.state.incumbent
    own = [each["name"] for start in study.state.starts.values() if start.ended and start.data["candidate"] == incumbent
           for each in start.ended["experiments"]]  # fmt: skip
    baseline = study.contract.baseline.run
    wanted = [baseline, *own] if item_kind == "probe" else [baseline] if incumbent == "baseline" else own
    return None if run in wanted else f"is of {run}, and the incumbent is {incumbent}"


def _finding(root: Path, item: EvidenceItem) -> str | None:
    """Check that the file that a finding was read from is there and is what it was."""
    if item.file is None or item.sha256 is None:
        return "needs file and sha256"
    name = f"runs/{item.run}/{item.file}" if "/" not in item.file else item.file
    path = root / name
    if not is_plain_path(name) or not path.is_file():
        return f"there is no {name}"
    return None if sha256_of(path) == item.sha256.removeprefix("sha256:") else f"{name} was made anew, or edited, since"
