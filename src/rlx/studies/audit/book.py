"""The files of a study, as the audit reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rlx.errors import DataDamaged, RlxError
from rlx.studies.audit.lines import Entry, Reading, digest_of_bytes, read_lines
from rlx.studies.audit.standing import Standing, walk
from rlx.studies.contracts.candidate import Candidate, read_candidate
from rlx.studies.contracts.contract import Contract, read_contract

NO_FILES = ("simulation",)
"""Trainers that leave no experiments."""
FOREIGN = "adapter"
"""The trainer of other repositories."""


@dataclass
class Book:
    """A study's folder.

    Attributes:
        root: The project.
        folder: `studies/<task>/<study>`.
    """

    root: Path
    folder: Path
    _contracts: dict[str, Contract] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """`task/study`."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @cached_property
    def reading(self) -> Reading:
        """The ledger."""
        return read_lines(self.folder / "ledger.jsonl")

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The ledger's lines."""
        return self.reading.entries

    @cached_property
    def end(self) -> Standing:
        """Where the study stands at its end."""
        standing = Standing()
        for _, each in self.walk():
            standing = each  # one object, which takes the last line in when the walk ends
        return standing

    @cached_property
    def unreadable(self) -> list[tuple[Entry, str]]:
        """Lines that make no sense where they stand, and why."""
        found: list[tuple[Entry, str]] = []
        for _ in walk(self.entries, found):
            pass
        return found

    def walk(self) -> Iterator[tuple[Entry, Standing]]:
        """Yield every line with where the study stood before it; after the last, the standing holds that too."""
        return walk(self.entries)

    @cached_property
    def is_simulated(self) -> bool:
        """Whether nothing was trained, so that there are no files."""
        return self.end.created.get("trainer") in NO_FILES

    @property
    def is_foreign(self) -> bool:
        """Whether another repository was trained, whose data lie in the study's folder."""
        return self.end.created.get("trainer") == FOREIGN

    def contract(self, digest: str | None) -> Contract:
        """Return the contract of a hash, from what was kept of it at its approval.

        Raises:
            DataDamaged: It is not there, or was edited.
        """
        if digest is None:
            raise DataDamaged("no contract was approved by then")
        if digest not in self._contracts:
            name = digest.removeprefix("sha256:")
            path = self.folder / "approved" / f"{name}.yaml"
            shown = f"approved/{name[:12]}….yaml"
            if not path.is_file() or path.is_symlink():
                raise DataDamaged(f"{shown}: is not there, so what was approved is not known")
            if digest_of_bytes(path.read_bytes()) != digest:
                raise DataDamaged(f"{shown}: was edited: it has another hash than its name")
            self._contracts[digest] = read_contract(path, shown).contract
        return self._contracts[digest]

    def candidate(self, name: str, digest: str) -> Candidate | None:
        """Return a candidate as its file has it; None where the file has another hash, or cannot be read."""
        try:
            found = read_candidate(self.folder, name)
        except RlxError:
            return None
        return found.candidate if found.hash == digest else None
