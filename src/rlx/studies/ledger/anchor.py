"""The anchor of a ledger outside itself: the study's folder, committed to a reference that no branch has."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rlx.errors import CommandFailed
from rlx.launch import git
from rlx.studies.ledger.line import Line

REFS = "refs/rlx/studies"
DERIVED = ("state.json",)
"""What of a study's folder is derived, and in no commit."""
NOBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "rlx"), ("EMAIL", "rlx@localhost"))
}


@dataclass(frozen=True)
class Anchor:
    """The reference of a study.

    Attributes:
        root: The project.
        folder: The study's folder.
    """

    root: Path
    folder: Path

    @property
    def name(self) -> str:
        """The reference."""
        return f"{REFS}/{self.folder.parent.name}/{self.folder.name}"

    @property
    def commit(self) -> str | None:
        """The commit it is at; None where there is none, or no Git."""
        try:
            return self._git("rev-parse", "--verify", "--quiet", self.name).strip() or None
        except CommandFailed:
            return None

    @property
    def head(self) -> str | None:
        """Hash of the line that it is at; None where there is none."""
        commit = self.commit
        return self._hash_at(commit) if commit else None

    def move(self, lines: Sequence[Line]) -> None:
        """Commit the folder as it is after the last of its lines.

        Raises:
            CommandFailed: The reference is at a line that is none of these, or was moved meanwhile.
        """
        old, line = self.commit, lines[-1]
        if told := self.missing(lines, old):
            raise CommandFailed(told)
        with tempfile.TemporaryDirectory(prefix="rlx-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            names = [
                str(path.relative_to(self.root))
                for path in sorted(self.folder.rglob("*"))
                if path.is_file() and not path.is_symlink() and path.name not in DERIVED
            ]
            self._git("add", "--force", "--", *names, variables=index)
            tree = self._git("write-tree", variables=index).strip()
        parents = ["-p", old] if old else []
        message = f"rlx: study {self.folder.parent.name}/{self.folder.name}: {line.seq} {line.event}\n\n{line.hash}"
        commit = self._git("commit-tree", tree, *parents, "-m", message, variables=NOBODY).strip()
        self._git("update-ref", self.name, commit, old or "0" * 40)

    def missing(self, lines: Sequence[Line], commit: str | None = None) -> str | None:
        """Return what the reference knows and the lines lack; None where they go on from it, or there is none."""
        commit = commit or self.commit
        head = self._hash_at(commit) if commit else None
        if head is None or head in {line.hash for line in lines}:
            return None
        return f"{self.name} is at line {head[:15]}, which the ledger does not have"

    def _hash_at(self, commit: str) -> str | None:
        with suppress(CommandFailed, IndexError, ValueError):
            told = self._git("show", "--no-patch", "--format=%b", "--end-of-options", commit).split()
            return told[-1] if told[-1].startswith("sha256:") else None
        return None

    def _git(self, *arguments: str, variables: dict[str, str] | None = None) -> str:
        return git(self.root, *arguments, variables=variables)
