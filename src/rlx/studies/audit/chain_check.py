"""The checks `chain` and `head`: the ledger against itself, against Git, and against what was noted of it elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rlx.config import read_json
from rlx.errors import CommandFailed, DataDamaged, UsageError
from rlx.launch import git, git_blobs, main_root
from rlx.studies.audit.book import Book
from rlx.studies.audit.lines import ZEROS, Entry
from rlx.studies.audit.report import Findings

LEAST_HEAD = 8
"""Hex digits of a head that must be given at least."""


def check_chain(book: Book, found: Findings) -> None:
    """Check every line's hash, number and predecessor, Git's reference, and the head that was noted on this machine."""
    reading = book.reading
    found.checked = len(reading.entries)
    for number, told in reading.faults:
        found.add(f"ledger.jsonl:{number}: {told}", file="ledger.jsonl")
    if reading.torn:
        found.notes.append(
            f"ledger.jsonl ends in {reading.torn} bytes without a line end: a crash's; the next command moves them aside"
        )
    if reading.entries and reading.entries[0].event != "created":
        found.add("the first line is not that the study was created", reading.entries[0].seq)
    for entry in reading.entries[1:]:
        if entry.event == "created":
            found.add("the study is created a second time", entry.seq)
    for entry, why in book.unreadable:
        found.add(f"a {entry.event} line that makes no sense where it stands ({why})", entry.seq)
    noted = _noted(book)
    if noted is not None and noted not in {ZEROS, *(entry.hash for entry in reading.entries)}:
        found.add(
            f"the ledger does not hold {noted[:15]}, which was its last line when it was last written on this machine"
        )
    _reference(book, found, was_written_here=noted is not None)


def _noted(book: Book) -> str | None:
    path = main_root(book.root) / ".dvc" / "tmp" / "rlx-studies" / book.folder.parent.name / f"{book.folder.name}.json"
    try:
        return str(read_json(path)["head"])
    except (OSError, ValueError, KeyError, TypeError, DataDamaged):
        return None


def _reference(book: Book, found: Findings, *, was_written_here: bool) -> None:
    """Hold the ledger against the commits that were made as it was appended to."""
    name = f"refs/rlx/studies/{book.name}"
    try:
        told = git(book.root, "log", "--format=%H%x09%P%x09%s%x09%b%x00", "--end-of-options", name)
    except CommandFailed:
        if was_written_here:
            found.add(f"{name} is not there, though the study was written on this machine: somebody deleted it")
        else:
            found.notes.append(f"{name} is not in this clone: `git fetch origin '{name}:{name}'` fetches it")
        return
    commits = [text.strip().split("\t") for text in reversed(told.split("\0")) if text.strip()]
    problems = _held_against(name, commits, book.entries)
    for told, seq in problems[:1]:  # what follows a first difference differs, too
        found.add(told, seq, file="ledger.jsonl")
    if problems:
        return
    head = commits[-1][0]
    (blob,) = git_blobs(book.root, [f"{head}:./{(book.folder / 'ledger.jsonl').relative_to(book.root)}"])
    if blob is None or not (book.folder / "ledger.jsonl").read_bytes().startswith(blob):
        found.add(f"{name} ({head[:10]}) holds another ledger.jsonl than the folder", file="ledger.jsonl")
    known = int(_subject(commits[-1][2]) or 0)
    if (ahead := len(book.entries) - 1 - known) > 1:
        found.add(f"the last {ahead} lines were appended without {name}: not by rlx", known + 1, file="ledger.jsonl")
    elif ahead == 1:
        found.notes.append(f"{name} lacks the last line: a crash came between, or it was written by hand")


def _held_against(
    name: str, commits: Sequence[Sequence[str]], entries: Sequence[Entry]
) -> list[tuple[str, int | None]]:
    """Return where a reference's commits, the oldest first, and the ledger's lines differ: what, and the line's number."""
    by_seq = {entry.seq: entry for entry in entries}
    last, before, problems = -1, "", list[tuple[str, int | None]]()
    for commit, parents, subject, *body in commits:
        seq = _subject(subject)
        digest = body[0].strip() if body else ""
        if seq is None or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            problems.append((f"{name}: commit {commit[:10]} is none that rlx makes", None))
            continue
        if parents != before:
            problems.append((f"{name}: commit {commit[:10]} does not follow the one before it alone: a fork", None))
        if seq <= last:
            problems.append((f"{name}: commit {commit[:10]} is of line {seq + 1}, after one of line {last + 1}", None))
        if seq not in by_seq:
            problems.append((f"{name} has line {seq + 1} ({digest[:15]}), which the ledger lacks", None))
        elif by_seq[seq].hash != digest:
            problems.append((f"is not the line that {name} has ({digest[:15]}): the ledger was rewritten", seq))
        last, before = seq, commit
    return problems


def _subject(text: str) -> int | None:
    found = re.fullmatch(r"rlx: study \S+: ([0-9]+) [a-z]+", text)
    return int(found[1]) if found else None


def digits_of(head: str) -> str:
    """Return the hex digits of a head as somebody typed it.

    Raises:
        UsageError: It is none.
    """
    digits = head.strip().removeprefix("sha256:").rstrip("….").lower()
    if not re.fullmatch(rf"[0-9a-f]{{{LEAST_HEAD},64}}", digits):
        raise UsageError(f"{head!r:.80} is no head: {LEAST_HEAD} to 64 hex digits are, as `rlx study audit` prints")
    return digits


def check_head(book: Book, found: Findings, head: str | None) -> None:
    """Check that a head which was kept elsewhere is the hash of a line."""
    if head is None:
        found.skip("no --head was given")
        return
    found.checked = 1
    wanted = digits_of(head)
    line = next((entry for entry in book.entries if entry.hash.removeprefix("sha256:").startswith(wanted)), None)
    if line is None:
        found.add(f"the ledger has no line with the hash {head}: it is not the one that this head was kept of")
    elif line is not book.entries[-1]:
        found.notes.append(f"it is line {line.number}'s; {len(book.entries) - line.number} lines follow it")
