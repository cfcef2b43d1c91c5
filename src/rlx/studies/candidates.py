"""What people and agents do with candidates: write their own, reject, revert."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlx.errors import ConfigError, Missing, UsageError
from rlx.studies.contracts.candidate import EvidenceItem
from rlx.studies.contracts.scope import scope_of
from rlx.studies.ledger.ledger import Refused
from rlx.studies.proposing import typed_candidate
from rlx.studies.study import Study, find_study
from rlx.studies.trainer import Trainer
from rlx.studies.validating import take_up, validate

SET = ("rejected", "debug", "reverted")
"""What a person can say of a candidate; `accepted` is the rule's alone."""


def own_candidate(  # noqa: PLR0913
    study: Study,
    trainer: Trainer,
    overrides: Mapping[str, Any],
    because: str,
    cited: Sequence[str],
    written: Mapping[str, str | None],
    replaces: str | None,
) -> str:
    """Write a candidate of somebody's own, and validate it; returns its id.

    Raises:
        ConfigError: A setting is out of scope, settings are of several families, or the candidate is not complete.
        Missing: Evidence that is cited is not there.
    """
    take_up(study)
    if replaces is not None and replaces not in study.state.candidates:
        raise Missing(f"there is no candidate {replaces!r}")
    families = set()
    for key in overrides:
        found = scope_of(key, study.contract.scope)
        if found is None:
            known = ", ".join(study.contract.scope)
            raise ConfigError(f"-S {key}: is not in scope; in scope are {known}")
        families.add(found[1].family)
    if len(families) > 1:
        raise ConfigError(
            f"its settings are of several families ({', '.join(sorted(families))}); propose one candidate each"
        )
    evidence = [_cited(study, digest) for digest in cited]
    evidence += [_written(study, kind, Path(file)) for kind, file in written.items() if file is not None]
    if study.state.floor is not None:
        evidence.append(EvidenceItem(kind="observations", seqs=[study.state.floor["seq"]]))
    elif not evidence:
        evidence.append(EvidenceItem(kind="floor"))
    path = typed_candidate(study, overrides, because, evidence, replaces, families.pop())
    take_up(study)
    validate(study, trainer, path.stem)
    return path.stem


def _cited(study: Study, digest: str) -> EvidenceItem:
    plain = digest.removeprefix("sha256:").removesuffix(".json")
    found = [path for path in (study.folder / "evidence").glob("*.json") if path.stem.startswith(plain)]
    if len(found) != 1 or not re.fullmatch(r"[0-9a-f]{6,64}", plain):
        known = ", ".join(sorted(path.stem[:12] for path in (study.folder / "evidence").glob("*.json"))) or "none yet"
        raise Missing(f"there is no one document {digest!r} in evidence/; there are: {known}")
    kind = study.state.evidence.get(f"sha256:{found[0].stem}")
    if kind is None:
        raise Missing(
            f"evidence/{found[0].name[:12]}… is not in the ledger; `rlx study reflect` or `probe` makes evidence"
        )
    return EvidenceItem(kind=kind, sha256=f"sha256:{found[0].stem}")  # type: ignore[arg-type]  # checked by the model


def _written(study: Study, kind: str, path: Path) -> EvidenceItem:
    """Keep a review or a curriculum's record that somebody wrote, and return what cites it."""
    from rlx.studies.keeping_evidence import keep_curriculum, keep_review

    digest = (keep_review if kind == "review" else keep_curriculum)(study, path)
    return EvidenceItem(kind=kind, sha256=digest)  # type: ignore[arg-type]  # checked by the model


def set_candidate(study: Study, name: str, status: str, reason: str) -> None:
    """Note what a person says of a candidate.

    Raises:
        Refused: `accepted`, or what the candidate's state does not allow.
    """
    found = study.state.candidates.get(name)
    if found is None:
        raise Missing(f"there is no candidate {name!r}; there are: {', '.join(study.state.candidates) or 'none yet'}")
    if status == "accepted":
        raise Refused(
            f"{study.name}: {name}: nobody can accept a candidate; the rule alone does, on confirmation scores"
        )
    if status not in SET:
        raise UsageError(f"{status!r} cannot be said of a candidate; there are {', '.join(SET)}")
    if status == "reverted":
        if found.status != "accepted":
            raise Refused(f"{study.name}: {name} is {found.status}; only one that was accepted can be reverted")
        study.append("reverted", {"candidate": name, "reason": reason})
        return
    if found.status in ("accepted", "rejected", "inconclusive", "reverted"):
        raise Refused(f"{study.name}: {name} is {found.status} already")
    slot = study.state.slot()
    inside = slot.number if slot is not None and name in slot.candidates else None
    data: dict[str, Any] = {
        "candidate": name,
        "status": status,
        "rule": f"a person: {reason}",
        "inputs": [],
        "numbers": {},
    }
    study.append("decided", {**data, **({"slot": inside} if inside else {})})


def accepted_overrides(root: Path, study: str, candidate: str) -> dict[str, Any]:
    """Return the overrides of a candidate that a study accepted.

    Raises:
        Refused: It was not accepted, or the study is frozen.
    """
    from rlx.studies.contracts.candidate import read_candidate

    found = find_study(root, study)
    state = found.state.candidates.get(candidate)
    status = "the incumbent's arm" if state is None else state.status
    if state is None or state.status != "accepted":
        raise Refused(
            f"{study}: {candidate} is {status}: only what a study accepted is promoted; `rlx study report {study}` says why"
        )
    if found.frozen:
        raise Refused(f"{study}: frozen: {found.frozen}")
    read = read_candidate(found.folder, candidate)
    if read.hash != state.sha256:
        raise Refused(f"{study}: candidates/{candidate}.yaml has changed since it was validated; take it from Git")
    return dict(read.candidate.overrides)
