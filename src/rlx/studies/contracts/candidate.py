"""``candidates/c001.yaml``: one complete set of overrides of the baseline, with hypothesis and evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from rlx.config import Section, dump, problems_in, read_document, write_text
from rlx.errors import ConfigError, Missing
from rlx.studies.contracts.contract import SHA, hash_of_bytes

ID = r"c[0-9]{3,6}"
Hash = Annotated[str, Field(pattern=rf"^({SHA}|[0-9a-f]{{64}})$")]
Family = Literal["algorithm", "reward", "randomization", "curriculum", "code"]


class Source(Section):
    """Who proposed it."""

    kind: Literal["rule", "sampler", "person", "agent"]
    rule: str | None = None
    """Of diagnosis."""
    run: str | None = None
    """The run that the rule looked at."""
    sampler: str | None = None
    number: int | None = None
    """Which of the sampler's proposals."""
    version: str | None = None
    """Of the sampler's library."""
    name: str | None = None
    """Of the person or agent."""


class EvidenceItem(Section):
    """A piece of evidence; each is checked by hash."""

    kind: Literal["finding", "observations", "reflection", "probe", "review", "curriculum", "note", "floor"]
    run: str | None = None
    rule: str | None = None
    seeds: list[int] | None = None
    value: float | None = None
    threshold: float | None = None
    file: str | None = None
    sha256: Hash | None = None
    seqs: list[int] | None = None
    """Lines of the ledger."""
    text: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        lacking = {
            "finding": ("run", "rule"),
            "observations": ("seqs",),
            "note": ("text",),
            **dict.fromkeys(("reflection", "probe", "review", "curriculum"), ("sha256",)),
        }.get(self.kind, ())
        if absent := [name for name in lacking if getattr(self, name) in (None, "", [])]:
            raise PydanticCustomError("evidence", "{told}", {"told": f"a {self.kind} needs {', '.join(absent)}"})
        return self


class Expected(Section):
    """What would make it worth it; never evidence."""

    metric: str
    change: float


class Patch(Section):
    """A change of code, of family `code`."""

    file: str
    sha256: Hash
    touches: list[str]


class Candidate(Section):
    """A candidate."""

    format: Literal[1] = 1
    id: Annotated[str, Field(pattern=rf"^{ID}$")]
    family: Family = "algorithm"
    source: Source
    hypothesis: Annotated[str, Field(min_length=10, max_length=4000)]
    """Why it should be better, in a sentence."""
    evidence: Annotated[list[EvidenceItem], Field(min_length=1, max_length=100)]
    """What speaks for it; notes never alone."""
    overrides: Annotated[dict[str, Any], Field(max_length=200)]
    """Settings that differ from the baseline's, complete."""
    expected: Expected | None = None
    cost: dict[str, int] | None = None
    """Steps of each phase; computed by `validate`."""
    exception: str | None = None
    """Why required evidence is impossible; a person approves it."""
    patch: Patch | None = None
    replaces: str | None = None
    """The candidate that it is a mended form of."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if all(each.kind == "note" for each in self.evidence):
            raise PydanticCustomError(
                "evidence", "a note alone is no evidence; add a finding, observations or a document"
            )
        if (self.patch is not None) != (self.family == "code"):
            raise PydanticCustomError("patch", "family code has a patch, and no other has one")
        if not self.overrides and self.patch is None:
            raise PydanticCustomError("overrides", "must change something")
        return self


@dataclass(frozen=True)
class ReadCandidate:
    """A candidate as it stands in its file.

    Attributes:
        candidate: What it says.
        hash: ``sha256:`` of the file's bytes.
    """

    candidate: Candidate
    hash: str


def candidate_path(folder: Path, name: str) -> Path:
    """Return the file of a candidate in a study's folder."""
    return folder / "candidates" / f"{name}.yaml"


def read_candidate(folder: Path, name: str) -> ReadCandidate:
    """Read a candidate of a study.

    Raises:
        Missing: There is none of that name.
        ConfigError: Something in it is wrong.
    """
    path = candidate_path(folder, name)
    if not re.fullmatch(ID, name) or not path.is_file() or path.is_symlink():
        known = ", ".join(candidate_ids(folder)) or "none yet"
        raise Missing(f"there is no candidate {name!r}; there are: {known}")
    return _read(path.read_bytes(), path, name)


@lru_cache(maxsize=4096)
def _read(content: bytes, path: Path, name: str) -> ReadCandidate:
    """Return the candidate that some bytes are; a loop asks for each again and again."""
    document = read_document(path, f"candidates/{path.name}")
    problems = document.problems + problems_in(document, Candidate)
    absent = [key for key, info in Candidate.model_fields.items() if info.is_required() and key not in document.data]
    if not problems and absent:
        problems = [document.problem((), f"lacks {', '.join(absent)}")]
    if problems:
        raise ConfigError(problems)
    candidate = Candidate.model_validate(document.data)
    if candidate.id != name:
        raise ConfigError([document.problem(("id",), f"is {candidate.id}, and the file is {path.name}")])
    return ReadCandidate(candidate, hash_of_bytes(content))


def candidate_ids(folder: Path) -> list[str]:
    """Return the ids of all candidates that have a file, in order."""
    found = [path.stem for path in (folder / "candidates").glob("c*.yaml") if re.fullmatch(ID, path.stem)]
    return sorted(found, key=lambda name: int(name[1:]))


def write_candidate(folder: Path, candidate: Candidate) -> Path:
    """Write a new candidate's file; returns its path."""
    path = candidate_path(folder, candidate.id)
    write_text(path, dump(candidate.model_dump(exclude_none=True)))
    return path
