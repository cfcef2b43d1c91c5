"""Runs at Git revisions, kept experiments among them: read through Git and DVC's cache, nothing is checked out."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rlx.config import MOST_BYTES, check_settled, place, read_bytes
from rlx.errors import CommandFailed, DataDamaged, DataRefused, Missing
from rlx.experiments.experiment import Experiment, RecordedRun
from rlx.experiments.fetching import cure_of_revision, cures
from rlx.experiments.repository import answer
from rlx.launch import git, git_blobs, main_root
from rlx.records import HASH, RECORD, Origin, cached, lay_out, member, members, outputs_in, sections

VIEWED = ("eval", "plots", "metadata.json", "analysis.json")
"""What of a run at a revision is laid out on disk for reading: the small results, neither checkpoints nor films."""

NOBODY = "rlx@localhost"
"""Who commits experiments where Git does not know who its user is."""
COMPLETE = ".complete-2"
"""The file that says that all of it is there; its name changes when :data:`VIEWED` does."""


def experiments(root: Path) -> list[Experiment]:
    """Return all kept experiments, also of other branches and of colleagues, the newest first."""
    asked = "--format=" + "%09".join(
        f"%({field})" for field in ("refname", "objectname", "committerdate:unix", "authoremail:trim", "authorname")
    )
    found, authors = [], {}
    for line in git(root, "for-each-ref", asked, "refs/exps").splitlines():
        ref, commit, created, email, author = line.split("\t", 4)
        parts = ref.split("/")
        if len(parts) == 5 and re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", parts[2] + parts[3]):
            found.append(Experiment(parts[4], commit, parts[2] + parts[3], int(created), ref))
            authors[ref] = (email, author)
    names = [experiment.name for experiment in found]
    unfinished = {name for name in names if os.access(f"{root}/runs/{name}/{RECORD}", os.F_OK)}
    if len(set(names)) < len(names) or unfinished:
        found = _told_apart(root, found, authors, unfinished)
    return sorted(found, key=lambda experiment: (-experiment.created, experiment.name))


def _told_apart(
    root: Path, found: Sequence[Experiment], authors: Mapping[str, tuple[str, str]], unfinished: Collection[str]
) -> list[Experiment]:
    """Return experiments with names of their own: of two people's, this clone's owner's keeps it, else the older one.

    Args:
        root: The project.
        found: The experiments.
        authors: The address and the name of each one's author, by its reference.
        unfinished: Names of experiments that this clone's owner has begun: nobody else's has them.
    """
    owners = {answer(root, "config", "user.email") or NOBODY, NOBODY}
    taken, given, named = {experiment.name for experiment in found}, set[str](), []
    for experiment in sorted(
        found, key=lambda one: (authors[one.reference][0] not in owners, one.created, one.reference)
    ):
        name, (email, author) = experiment.name, authors[experiment.reference]
        if name in given or (name in unfinished and email not in owners):
            plain = unicodedata.normalize("NFKD", author).encode("ascii", "ignore").decode()
            who = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower() or "somebody"
            name = f"{experiment.name}~{who}"
            name = name if name not in taken else f"{name}-{experiment.commit[:7]}"
        taken.add(name)
        given.add(name)
        named.append(replace(experiment, name=name))
    return named


def recorded(root: Path, commits: Sequence[str]) -> list[dict[str, RecordedRun]]:
    """Return the runs that each commit records; none where it has no ``dvc.lock``."""
    locks = git_blobs(root, [f"{commit}:./dvc.lock" for commit in commits])
    return [{} if text is None else _runs_of(text.decode("utf-8", "replace")) for text in locks]


def recorded_here(root: Path) -> dict[str, RecordedRun]:
    """Return the runs that the workspace's ``dvc.lock`` records; none without one.

    Raises:
        DataDamaged: It has the marks of a merge conflict, or cannot be read.
    """
    try:
        text = read_bytes(root / "dvc.lock", MOST_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DataDamaged(f"dvc.lock: cannot be read: {error.strerror}") from None
    check_settled(root)
    if text and not text.endswith("\n"):
        raise DataDamaged("dvc.lock: is cut in its last line; `git checkout HEAD -- dvc.lock` brings it back")
    return _runs_of(text, strict=True)


def _runs_of(lock: str, *, strict: bool = False) -> dict[str, RecordedRun]:
    """Read the outputs of the stages of each run; damaged sections are passed over, or refused where it is ``strict``."""
    outputs: dict[str, dict[str, str]] = {}
    for stage, section in sections(lock).items():
        match = re.fullmatch(r"(?:train|eval|analyze|video)@([\w-]+)", stage)
        if match is None:
            continue
        try:
            outs = outputs_in(section)
        except (ValueError, AttributeError, TypeError) as error:
            if strict:
                told = f"dvc.lock: what it says of {stage} cannot be read ({str(error)[:80]})"
                raise DataDamaged(f"{told}; `git checkout HEAD -- dvc.lock` brings it back") from None
            continue
        for path, digest in outs:
            if strict and not HASH.fullmatch(digest):
                told = f"dvc.lock: an output of {stage} has no hash"
                raise DataDamaged(f"{told}; `git checkout HEAD -- dvc.lock` brings it back")
            outputs.setdefault(match[1], {})[path.removeprefix(f"runs/{match[1]}/")] = digest
    return {run: RecordedRun(run, found) for run, found in outputs.items()}


def changed(root: Path, commits: Sequence[tuple[str, str]]) -> list[dict[str, RecordedRun]]:
    """Return the runs that each commit made anew relative to its baseline: pairs of (commit, baseline).

    Where nothing differs from the baseline, all its runs.
    """
    after, before = recorded(root, [commit for commit, _ in commits]), recorded(root, [base for _, base in commits])
    found = []
    for now, then in zip(after, before, strict=True):
        anew = {run: record for run, record in now.items() if then.get(run) != record}
        found.append(anew or now)
    return found


def read_output(root: Path, record: RecordedRun, output: str, inner: str = "") -> bytes | None:
    """Return the bytes of an output of a recorded run, or of a file in an output folder; None where it is not here."""
    digest = record.outputs.get(output)
    path = None if digest is None else member(root, digest, inner) if inner else cached(root, digest)
    return read_bytes(path) if path else None


def commit_of(root: Path, revision: str) -> str | None:
    """Return the commit that a revision names: a kept experiment, a branch, a tag, a hash; None where there is none."""
    for experiment in experiments(root):
        if experiment.name == revision:
            return experiment.commit
    try:
        return git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except CommandFailed:
        return None


SMALL = ("config_snapshot.yaml", "judging.yaml", "task.json")
"""What Git itself holds of a run; older runs have the first alone."""


def view_of(root: Path, origin: Origin) -> Path:
    """Lay out the small results of a run at a commit in a disposable folder, and return it.

    Raises:
        Missing: The commit has no such run, or this clone lacks its results; the message says how to fetch them.
    """
    target = view_folder(root, origin)
    if (target / COMPLETE).is_file():
        return target
    record = _record(root, origin)
    small = git_blobs(root, [f"{origin.commit}:./runs/{origin.run}/{name}" for name in SMALL])
    if small[0] is None:
        raise Missing(f"commit {origin.commit[:10]} holds no finished run {origin.run!r}")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name, content in zip(SMALL, small, strict=True):
        if content is not None:
            (target / name).write_bytes(content)
    viewed = {output: record.outputs[output] for output in VIEWED if output in record.outputs}
    _require(root, origin, lay_out(root, viewed, target, _lock_of(origin)))
    (target / COMPLETE).touch()
    return target


def view_folder(root: Path, origin: Origin) -> Path:
    """Return the disposable folder in which a run at a commit is laid out; where the project is read-only, elsewhere."""
    folder = main_root(root) / ".dvc" / "tmp"
    if not os.access(folder if folder.is_dir() else folder.parent, os.W_OK):
        folder = Path(tempfile.gettempdir()) / f"rlx-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            raise DataRefused(f"{folder}: belongs to somebody else, who could change what is read there; delete it")
    return folder / "rlx-views" / origin.commit / origin.run


def add_to_view(root: Path, origin: Origin, path: str) -> Path:
    """Lay out one more output of a viewed run, or one file of an output folder, and return where it is.

    Args:
        root: The project.
        origin: The run.
        path: In the run folder: ``metrics.jsonl``, ``checkpoints/seed_1/latest.zip``.

    Raises:
        Missing: The run has no such file, or this clone lacks it.
    """
    folder = view_of(root, origin)
    target = place(folder, path, _lock_of(origin))
    if target.exists():
        return target
    record = _record(root, origin)
    output = next((name for name in record.outputs if path == name or path.startswith(f"{name}/")), None)
    digest = record.outputs[output] if output else None
    if output and digest and path != output:
        listing = cached(root, digest)
        _require(root, origin, listing is not None)
        assert listing is not None
        digest = members(listing).get(path.removeprefix(f"{output}/"))
    if digest is None:
        raise Missing(f"run {origin.run!r} of commit {origin.commit[:10]} has no {path}")
    _require(root, origin, lay_out(root, {path: digest}, folder, _lock_of(origin)))
    return target


def files_of(root: Path, origin: Origin, output: str) -> list[str]:
    """Return the paths of the files in an output folder of a run at a commit; none where it has no such folder."""
    digest = _record(root, origin).outputs.get(output)
    if digest is None:
        return []
    listing = cached(root, digest)
    _require(root, origin, listing is not None)
    return sorted(members(listing)) if listing else []


def _lock_of(origin: Origin) -> str:
    return f"dvc.lock of commit {origin.commit[:10]}"


def _record(root: Path, origin: Origin) -> RecordedRun:
    (found,) = recorded(root, [origin.commit])
    if origin.run not in found:
        raise Missing(f"commit {origin.commit[:10]} holds no finished run {origin.run!r}")
    return found[origin.run]


def cure_of_commit(root: Path, commit: str) -> str:
    """Return what brings the results of a commit here, as a sentence."""
    experiment = next((each for each in experiments(root) if each.commit == commit), None)
    return cures(root, [experiment])[0] if experiment else cure_of_revision(root)


def _require(root: Path, origin: Origin, here: bool) -> None:
    if not here:
        raise Missing(
            f"the results of {origin.run} at commit {origin.commit[:10]} are not in this clone's DVC cache: {cure_of_commit(root, origin.commit)}"
        )
