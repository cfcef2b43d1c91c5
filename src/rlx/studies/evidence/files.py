"""Evidence as files that their own hash names: ``evidence/<sha256>.json``; their one reader and one writer."""

from __future__ import annotations

import hashlib
import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlx.config import parse_json, read_bytes, write_bytes
from rlx.errors import DataDamaged, Missing
from rlx.stats import shown
from rlx.studies.ledger.line import canonical

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from rlx.studies.evidence.documents import Curriculum, Probe, Reflection, Review

    Evidence = Reflection | Review | Probe | Curriculum

MOST_EVIDENCE_BYTES = 16 * 2**20
"""Of one document: a probe of many parameters and seeds has a few hundred thousand."""
_HASH = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_CURE = "make the evidence anew; a document is never edited"


def canonical_json(document: Evidence) -> bytes:
    """Return a document as the bytes that its hash is of: sorted keys, no spaces, UTF-8, no line end."""
    return canonical(document.model_dump(mode="json")).encode()


def write_evidence(folder: Path, document: Evidence) -> tuple[str, str]:
    """Write a document into an evidence folder, atomically and flushed to the disk; one that is there already has the same bytes.

    Returns:
        The name of its file, and its SHA-256 in hexadecimal.
    """
    content = canonical_json(document)
    digest = hashlib.sha256(content).hexdigest()
    path = folder / f"{digest}.json"
    write_bytes(path, content)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)  # the name too, not the content alone
    finally:
        os.close(handle)
    return path.name, digest


def read_evidence(folder: Path, digest: str) -> Evidence:
    """Read the document of a hash.

    Args:
        folder: The evidence folder.
        digest: Its SHA-256 in hexadecimal, with ``sha256:`` before it or without.

    Raises:
        Missing: There is none.
        DataDamaged: What is called a hash is none, the file has other content than its name says, or it is no evidence.
    """
    found = _HASH.fullmatch(digest)
    if found is None:
        raise DataDamaged(f"{shown(digest)} is no hash of evidence: it has 64 hexadecimal digits")
    path = folder / f"{found[1]}.json"
    try:
        content = read_bytes(path, MOST_EVIDENCE_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        raise Missing(f"{path}: there is no such evidence; {_CURE}") from None
    except OSError as error:
        raise DataDamaged(f"{path}: cannot be read ({error.strerror}); {_CURE}") from None
    if hashlib.sha256(content).hexdigest() != found[1]:
        raise DataDamaged(f"{path}: its content is not what its name says: it was changed; {_CURE}")
    try:
        return parse_evidence(content)
    except ValueError as error:
        raise DataDamaged(f"{path}: is no evidence ({_brief(error)}); {_CURE}") from None


def parse_evidence(content: bytes) -> Evidence:
    """Read a document's bytes.

    Raises:
        ValueError: They are none.
    """
    parse_json(content)  # bounds of depth, size and numbers
    found: Evidence = _adapter().validate_json(content)
    return found


@cache
def _adapter() -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    from rlx.studies.evidence.documents import EvidenceDocument

    return TypeAdapter(EvidenceDocument)


def _brief(error: ValueError) -> str:
    """Return what is wrong with a document, in a line."""
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)[:200]
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg']}"[:200] if place else first["msg"][:200]
