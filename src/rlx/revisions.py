"""Runs at Git revisions, kept experiments among them: read through Git and DVC's cache, nothing is checked out."""

from __future__ import annotations

import configparser
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.atomic import replacing
from rlx.errors import CommandFailed, Missing
from rlx.experiments import git, git_blobs
from rlx.project import main_root

VIEWED = ("eval", "plots", "metadata.json")
"""What of a run at a revision is laid out on disk for reading: the small results, neither checkpoints nor films."""
HASH = re.compile(r"[0-9a-f]{32}(\.dir)?")


@dataclass(frozen=True)
class Experiment:
    """A kept DVC experiment.

    Attributes:
        name: Its name.
        commit: The Git commit that holds it.
        baseline: The commit it started from.
        created: When, in seconds since 1970.
    """

    name: str
    commit: str
    baseline: str
    created: int


@dataclass(frozen=True)
class RecordedRun:
    """A run as a commit's ``dvc.lock`` records it.

    Attributes:
        run: Its name there.
        outputs: The hash of each output, by its path in the run folder.
    """

    run: str
    outputs: Mapping[str, str]


def experiments(root: Path) -> list[Experiment]:
    """Return all kept experiments, also of other branches and of colleagues, the newest first."""
    listed = git(root, "for-each-ref", "--format=%(refname) %(objectname) %(committerdate:unix)", "refs/exps")
    found = []
    for line in listed.splitlines():
        ref, commit, created = line.split(" ")
        parts = ref.split("/")
        if len(parts) == 5 and parts[2] not in ("exec", "celery", "stash"):
            found.append(Experiment(parts[4], commit, parts[2] + parts[3], int(created)))
    return sorted(found, key=lambda experiment: (-experiment.created, experiment.name))


def recorded(root: Path, commits: Sequence[str]) -> list[dict[str, RecordedRun]]:
    """Return the runs that each commit records; none where it has no ``dvc.lock``."""
    locks = git_blobs(root, [f"{commit}:dvc.lock" for commit in commits])
    return [{} if text is None else _runs_of(text.decode("utf-8", "replace")) for text in locks]


def _runs_of(lock: str) -> dict[str, RecordedRun]:
    """Read the outputs of the stages of each run. Only their sections are parsed: a lock is mostly parameters."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    outputs: dict[str, dict[str, str]] = {}
    for section in re.split(r"^(?=  \S)", lock, flags=re.MULTILINE):
        match = re.match(r"  (?:train|eval|analyze|video)@([\w-]+):\n", section)
        tail = section.find("\n    outs:\n")
        if match is None or tail < 0:
            continue
        content: Any = yaml.load(section[tail:], loader)
        for out in content.get("outs", []):
            path, digest = str(out.get("path", "")), str(out.get("md5", ""))
            prefix = f"runs/{match[1]}/"
            if path.startswith(prefix) and HASH.fullmatch(digest):
                outputs.setdefault(match[1], {})[path.removeprefix(prefix)] = digest
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


def cache_folder(root: Path) -> Path:
    """Return where DVC keeps its objects: as configured for this clone, for the project, or by default."""
    folder = main_root(root) / ".dvc"
    for name in ("config.local", "config"):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(folder / name, encoding="utf-8")
        except configparser.Error:
            continue
        if parser.has_option("cache", "dir"):
            return (folder / parser.get("cache", "dir").strip("'\"")).resolve() / "files" / "md5"
    return folder / "cache" / "files" / "md5"


def cached(root: Path, digest: str) -> Path | None:
    """Return the cached object with this hash, or None where this clone has not fetched it."""
    path = cache_folder(root) / digest[:2] / digest[2:]
    return path if path.is_file() else None


def read_output(root: Path, record: RecordedRun, output: str, member: str = "") -> bytes | None:
    """Return the bytes of an output of a recorded run, or of a file in an output folder; None where it is not here."""
    digest = record.outputs.get(output)
    path = cached(root, digest) if digest else None
    if path is None or not member:
        return path.read_bytes() if path else None
    entry = next((item["md5"] for item in _members(path) if item["relpath"] == member), None)
    inner = cached(root, entry) if entry else None
    return inner.read_bytes() if inner else None


def _members(listing: Path) -> list[dict[str, str]]:
    try:
        found: list[dict[str, str]] = json.loads(listing.read_bytes())
    except ValueError:
        return []
    return [item for item in found if HASH.fullmatch(str(item.get("md5"))) and ".." not in str(item.get("relpath"))]


def commit_of(root: Path, revision: str) -> str | None:
    """Return the commit that a revision names: a kept experiment, a branch, a tag, a hash; None where there is none."""
    for experiment in experiments(root):
        if experiment.name == revision:
            return experiment.commit
    try:
        return git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except CommandFailed:
        return None


def view(root: Path, commit: str, run: str) -> Path:
    """Lay out the small results of a run at a commit in a disposable folder, and return it.

    Raises:
        Missing: The commit has no such run, or this clone lacks its results; the message says how to fetch them.
    """
    target = main_root(root) / ".dvc" / "tmp" / "rlx-views" / commit / run
    if (target / ".complete").is_file():
        return target
    (record,) = (found.get(run) for found in recorded(root, [commit]))
    (snapshot,) = git_blobs(root, [f"{commit}:runs/{run}/config_snapshot.yaml"])
    if record is None or snapshot is None:
        raise Missing(f"commit {commit[:10]} holds no finished run {run!r}")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    (target / "config_snapshot.yaml").write_bytes(snapshot)
    for output in VIEWED:
        if output in record.outputs:
            _lay_out(root, commit, record.outputs[output], target / output)
    (target / ".complete").touch()
    return target


def _lay_out(root: Path, commit: str, digest: str, target: Path) -> None:
    source = cached(root, digest)
    if source is None:
        raise Missing(
            f"the results of commit {commit[:10]} are not in this clone's DVC cache: fetch them with "
            f"`dvc fetch --all-commits`, or `dvc exp pull origin NAME` for an experiment"
        )
    if not digest.endswith(".dir"):
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
        return
    for item in _members(source):
        _lay_out(root, commit, item["md5"], target / item["relpath"])
