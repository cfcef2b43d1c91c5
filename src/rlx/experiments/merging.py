"""Merging two branches of a project: the roster by union, ``dvc.lock`` by stage, what stages write by running them.

Two people who each add a run change the same lines of ``params.yaml``, ``dvc.yaml``, ``dvc.lock`` and the study's
``summary.json``, and Git calls that a conflict. It is none: what each side added, both keep. `rlx sync --merge` and the
merge driver of :mod:`rlx.experiments.clone` merge these files here; what is changed on both sides is left to people.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from rlx.config import MOST_BYTES, has_marks, parse_yaml, read_bytes, with_list, write_bytes
from rlx.errors import CommandFailed
from rlx.experiments.repository import answer
from rlx.launch import environment, git, git_blobs
from rlx.records import Labels, Lock, labels_from, labels_text, read_lock

WRITTEN = ("config_snapshot.yaml", "judging.yaml", "task.json")
"""Files of a run that the resolve stage writes: either side's will do, since it runs after a merge."""
SUMMARY = "analysis/compare/summary.json"


@dataclass(frozen=True)
class Sides:
    """A file as the two branches have it, and as it was where they parted; None where one has no such file."""

    base: bytes | None
    ours: bytes | None
    theirs: bytes | None


@dataclass(frozen=True)
class Merged:
    """A file that was merged.

    Attributes:
        content: What it holds now; of what was changed on both sides, one side's or Git's marks.
        conflicts: What was changed on both sides, in words; empty where nothing was.
    """

    content: bytes
    conflicts: tuple[str, ...] = ()


def way_of(name: str) -> Callable[[Sides], Merged] | None:
    """Return how a file of a project is merged, by its path in it; None for those that are a person's alone."""
    parts = PurePosixPath(name).parts
    if name == "params.yaml":
        return _parameters
    if name == "dvc.yaml":
        return _pipeline
    if name == "dvc.lock":
        return _lock
    if len(parts) == 2 and parts[0] == "runs" and name.endswith(".yaml"):
        return _labels
    if name == SUMMARY or (len(parts) == 3 and parts[0] == "runs" and parts[2] in WRITTEN):
        return _either
    return None


def _either(sides: Sides) -> Merged:
    """Take ours, or theirs where there is none: a stage writes it again."""
    return Merged(sides.ours if sides.ours is not None else sides.theirs or b"")


def _labels(sides: Sides) -> Merged:
    """Merge what two people say of a run: the tags and the notes of both."""
    found = [labels_from(side or b"") for side in (sides.base, sides.ours, sides.theirs)]
    tags, notes = (union(*(getattr(each, name) for each in found)) for name in ("tags", "notes"))
    return Merged(labels_text(Labels(tuple(tags), tuple(notes))).encode("utf-8"))


def union(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """Return what both sides have, without what either has taken out: ours in order, then what they added."""
    gone = {item for item in base if item not in ours or item not in theirs}
    return [item for item in dict.fromkeys([*ours, *theirs]) if item not in gone]


def _parameters(sides: Sides) -> Merged:
    return merged_with_lists(sides, [("study", "runs")], "params.yaml")


def _pipeline(sides: Sides) -> Merged:
    return merged_with_lists(sides, [("stages", "compare", "deps")], "dvc.yaml")


def merged_with_lists(sides: Sides, paths: Iterable[Sequence[str]], name: str) -> Merged:
    """Merge a YAML file line by line, and some lists of it by union.

    Args:
        sides: The file.
        paths: The keys that lead to each list of words.
        name: What it is called in messages.
    """
    texts = [(side or b"").decode("utf-8", "surrogateescape") for side in (sides.base, sides.ours, sides.theirs)]
    for path in paths:
        lists = [_list_in(text, path) for text in texts]
        if lists[1] is not None and lists[2] is not None:
            common = union(lists[0] or [], lists[1], lists[2])
            texts = [
                with_list(text, path, common, name) if found is not None else text
                for text, found in zip(texts, lists, strict=True)
            ]
    content, conflicts = by_lines(*(text.encode("utf-8", "surrogateescape") for text in texts))
    return Merged(content, (name,) if conflicts else ())


def _list_in(text: str, path: Sequence[str]) -> list[str] | None:
    """Return a list of words in a YAML text; None where it is not there, or not read."""
    try:
        found: Any = parse_yaml(text.encode("utf-8", "surrogateescape"))
        for part in path:
            found = found[part]
        return [str(item) for item in found] if isinstance(found, list) else None
    except (ValueError, KeyError, TypeError):
        return None


def by_lines(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, bool]:
    """Return a text merged as Git merges, and whether lines were changed on both sides: then it has Git's marks."""
    with tempfile.TemporaryDirectory(prefix="rlx-") as folder:
        paths = [Path(folder) / name for name in ("ours", "base", "theirs")]
        for path, content in zip(paths, (ours, base, theirs), strict=True):
            path.write_bytes(content)
        command = ["git", "merge-file", "-p", "-L", "ours", "-L", "base", "-L", "theirs", "--", *map(str, paths)]
        done = subprocess.run(command, env=environment(), capture_output=True, check=False)
    if done.returncode < 0 or done.returncode > 127:
        raise CommandFailed(f"`git merge-file` failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout, done.returncode > 0


# --- dvc.lock ---------------------------------------------------------------------------------------------------------


def _lock(sides: Sides) -> Merged:
    """Merge ``dvc.lock`` stage by stage: what one side changed counts."""
    base, ours, theirs = (
        read_lock((side or b"").decode("utf-8", "surrogateescape")) for side in (sides.base, sides.ours, sides.theirs)
    )
    merged, conflicts = merge_locks(base, ours, theirs)
    return Merged(merged.text().encode("utf-8", "surrogateescape"), tuple(conflicts))


def merge_locks(base: Lock, ours: Lock, theirs: Lock) -> tuple[Lock, list[str]]:
    """Return the stages of two locks together, and the runs that were trained on both sides with different settings."""
    stages, runs = {}, dict[str, None]()
    for name in dict.fromkeys([*ours.stages, *theirs.stages]):
        before, mine, other = (lock.stages.get(name) for lock in (base, ours, theirs))
        if other in (mine, before):
            found = mine
        elif mine == before:
            found = other
        else:  # `compare` and `resolve` list other runs and configs now, so they run again whichever is kept
            found = mine if mine is not None else other
            stage, _, run = name.partition("@")
            if stage not in ("resolve", "compare") and mine and other and asked(mine) != asked(other):
                runs[run or stage] = None
        if found is not None:
            stages[name] = found
    return Lock(ours.head if ours.stages else theirs.head, stages, ours.tail or theirs.tail), list(runs)


def asked(section: str) -> Any:
    """Return what a stage was made from: its command, files and settings, without what came of it."""
    return section.partition("\n    outs:\n")[0]


# --- A merge that is under way ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settled:
    """What `rlx sync --merge` did.

    Attributes:
        files: The files that were merged.
        runs: Runs that both sides trained with different settings; one side's results are kept.
        left: Files that Git still calls unmerged, or that have its marks: a person's to settle.
    """

    files: tuple[str, ...]
    runs: tuple[str, ...]
    left: tuple[str, ...]


def settle_conflicts(root: Path) -> Settled:
    """Merge every file of the project that is in conflict and that rlx knows how to merge.

    Raises:
        CommandFailed: Git refused.
        ConfigError: A side of a file cannot be read.
    """
    files, runs = [], dict[str, None]()
    for name in in_conflict(root):
        way = way_of(name)
        if way is None:
            continue
        sides = sides_of(root, name)
        if _was_taken_out(root, name, sides):
            git(root, "rm", "--quiet", "--force", "--", name)
            files.append(name)
            continue
        done = way(sides)
        write_bytes(root / name, done.content)
        if name == "dvc.lock":
            runs |= dict.fromkeys(done.conflicts)
        if name == "dvc.lock" or not done.conflicts:
            git(root, "add", "--", name)
            files.append(name)
    return Settled(tuple(files), tuple(runs), tuple(in_conflict(root)))


def _was_taken_out(root: Path, name: str, sides: Sides) -> bool:
    """Tell whether one side deleted what stages write of a run, and the study has no such run."""
    parts = PurePosixPath(name).parts
    deleted = sides.base is not None and (sides.ours is None or sides.theirs is None)
    if not deleted or len(parts) != 3 or parts[0] != "runs":
        return False
    runs = _list_in(read_bytes(root / "params.yaml", MOST_BYTES).decode("utf-8", "replace"), ("study", "runs"))
    return runs is not None and parts[1] not in runs


def in_conflict(root: Path) -> list[str]:
    """Return the files of the project that Git calls unmerged, or that rlx reads and that have marks of a conflict."""
    listed = (answer(root, "ls-files", "--unmerged", "-z") or "").split("\0")
    names = dict.fromkeys(entry.partition("\t")[2] for entry in listed if entry)
    for name in ("params.yaml", "dvc.yaml", "dvc.lock", SUMMARY, *_configs(root)):
        path = root / name
        if path.is_file() and has_marks(read_bytes(path, MOST_BYTES)):
            names[name] = None
    return list(names)


def _configs(root: Path) -> Iterable[str]:
    for folder, pattern in (("configs", "**/*.yaml"), ("runs", "*/*.yaml"), ("runs", "*/task.json")):
        yield from (path.relative_to(root).as_posix() for path in sorted((root / folder).glob(pattern)))


def sides_of(root: Path, name: str) -> Sides:
    """Return a file in conflict as the two sides have it: as Git's index does, or else as its marks say."""
    base, ours, theirs = git_blobs(root, [f":{stage}:./{name}" for stage in (1, 2, 3)])
    if ours is not None or theirs is not None:
        return Sides(base, ours, theirs)
    content = read_bytes(root / name, MOST_BYTES)
    parted = _parting(root)
    (base,) = git_blobs(root, [f"{parted}:./{name}"]) if parted else (None,)
    return Sides(base, _side(content, "ours"), _side(content, "theirs"))


def _parting(root: Path) -> str | None:
    """Return the commit at which the sides of a merge, just made or under way, parted; None where Git does not know."""
    for there, here in (("MERGE_HEAD", "HEAD"), ("HEAD^2", "HEAD^1")):
        if answer(root, "rev-parse", "--verify", "--quiet", there):
            return answer(root, "merge-base", here, there) or None
    for picked in ("CHERRY_PICK_HEAD", "REBASE_HEAD"):
        if found := answer(root, "rev-parse", "--verify", "--quiet", f"{picked}^"):
            return found
    return None


def _side(content: bytes, which: str) -> bytes:
    """Return one side of a text with marks of conflicts, ``git add``ed as it was."""
    kept, now = [], "both"
    for line in content.splitlines(keepends=True):
        if line.startswith(b"<<<<<<<"):
            now = "ours"
        elif line.startswith(b"|||||||") and now == "ours":
            now = "base"
        elif line.startswith(b"=======") and now in ("ours", "base") and line.strip() == b"=======":
            now = "theirs"
        elif line.startswith(b">>>>>>>") and now == "theirs":
            now = "both"
        elif now in ("both", which):
            kept.append(line)
    return b"".join(kept)
