"""Whether the evidence that a candidate cites was there at its place."""

from __future__ import annotations

from collections.abc import Iterator

from rlx.studies.audit.book import Book
from rlx.studies.audit.lines import digest_of_bytes
from rlx.studies.audit.standing import Standing
from rlx.studies.contracts.candidate import Candidate

NEEDED = {"reward": ("reflection", "review"), "randomization": ("probe",), "curriculum": ("curriculum",)}
"""Kinds that a family needs."""
DOCUMENTS = ("reflection", "probe", "review", "curriculum")


def missing_evidence(book: Book, standing: Standing, candidate: Candidate) -> Iterator[str]:
    """Yield what a candidate cites and the study did not have, and what its family needs and it does not cite."""
    proposed = standing.candidates[candidate.id].seq
    for item in candidate.evidence:
        if item.kind == "observations" and any(seq < 0 or seq >= proposed for seq in item.seqs or []):
            yield f"{candidate.id} cites lines that came after it was proposed"
        if item.kind == "floor" and standing.floor is None:
            yield f"{candidate.id} cites a floor that was not there"
        if item.kind not in DOCUMENTS:
            continue
        name = str(item.sha256).removeprefix("sha256:")
        path = book.folder / "evidence" / f"{name}.json"
        if not path.is_file() or path.is_symlink():
            yield f"{candidate.id} cites evidence/{name[:12]}….json, which is not there"
        elif digest_of_bytes(path.read_bytes()) != f"sha256:{name}":
            yield f"evidence/{name[:12]}….json, which {candidate.id} cites, was edited"
        if standing.evidence.get(name) != item.kind:
            yield f"{candidate.id} cites {name[:12]}… as a {item.kind}, which the ledger did not have by then"
    kinds = {item.kind for item in candidate.evidence}
    lacking = [kind for kind in NEEDED.get(candidate.family, ()) if kind not in kinds]
    excepted = {name for item in standing.approved.values() for name in item["exceptions"]}
    if lacking and not (candidate.exception and candidate.id in excepted):
        yield f"{candidate.id} is of family {candidate.family} and lacks {' and '.join(lacking)}"
