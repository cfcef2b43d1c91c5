"""Evidence of a study: documents written into its folder and named in its ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rlx.config import read_document
from rlx.errors import ConfigError
from rlx.studies.evidence.curriculum_file import read_curriculum
from rlx.studies.evidence.files import read_evidence, write_evidence
from rlx.studies.evidence.review import read_review
from rlx.studies.study import Study

if TYPE_CHECKING:
    from rlx.studies.evidence.documents import Curriculum, Probe, Reflection, Review

FOLDER = "evidence"
"""Of a study's folder."""


def keep(study: Study, document: Reflection | Review | Probe | Curriculum) -> str:
    """Write a document into a study's folder and name it in the ledger, where it is not there yet.

    Args:
        study: The study, whose lock is held.
        document: What to keep.

    Returns:
        ``sha256:`` and its hash, by which candidates cite it.
    """
    name, digest = write_evidence(study.folder / FOLDER, document)
    key = f"sha256:{digest}"
    if key not in study.state.evidence:
        study.append("evidence", {"file": f"{FOLDER}/{name}", "hash": key, "kind": document.kind})
    return key


def keep_review(study: Study, path: Path) -> str:
    """Read a review that a person or agent wrote, and keep it; returns its hash.

    Raises:
        ConfigError: It is not whole; the message names line and cure.
    """
    return keep(study, read_review(path, study.contract.baseline.run))


def keep_curriculum(study: Study, path: Path) -> str:
    """Read a curriculum's record that a person or agent wrote, and keep it; returns its hash.

    Raises:
        ConfigError: It is not whole, or names no probe of this study; the message names line and cure.
    """
    from rlx.studies.evidence.documents import Probe

    document = read_document(path)
    digest = str(document.data.get("probe", ""))
    if study.state.evidence.get(f"sha256:{digest.removeprefix('sha256:')}") != "probe":
        known = ", ".join(key[7:19] for key, kind in study.state.evidence.items() if kind == "probe") or "none yet"
        raise ConfigError([document.problem(("probe",), f"is the hash of no probe of this study; there are: {known}")])
    probe = kept(study, digest)
    assert isinstance(probe, Probe)
    return keep(study, read_curriculum(path, probe))


def kept(study: Study, digest: str) -> Reflection | Review | Probe | Curriculum:
    """Return a document of a study.

    Raises:
        Missing: There is none of that hash.
        DataDamaged: It was edited.
    """
    return read_evidence(study.folder / FOLDER, digest.removeprefix("sha256:"))
