"""Results that are not here, or that lie here and belong to another configuration; and how a run's own are brought.

Git carries a run's configuration and DVC its results, so a `git checkout` or `git pull` alone leaves the old results beside
the new configuration. Results know the configuration that they come from; those of an older rlx, which do not, are held
against ``dvc.lock``.
"""

from __future__ import annotations

import functools
import hashlib
import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.config import MOST_BYTES, MOST_CONFIG_BYTES, parse_json, parse_yaml, read_bytes, read_snapshot
from rlx.errors import CommandFailed, DataDamaged, Missing
from rlx.records.dvc_cache import cached, has_remote
from rlx.records.dvc_lock import sections
from rlx.records.metadata_shape import check_metadata, not_metadata

SNAPSHOT, JUDGING = "config_snapshot.yaml", "judging.yaml"


def snapshot_hash(folder: Path) -> str | None:
    """Return the MD5 of a run's snapshot, by which its results know it; None where there is none.

    It is DVC's hash of the file, with line endings as Git keeps them.
    """
    return _file_hash(folder / SNAPSHOT)


@dataclass(frozen=True)
class Match:
    """Whether results say that they are of the configuration beside them; None where they do not say.

    Attributes:
        training: What ``metadata.json`` says.
        scores: What ``eval/summary.json`` says: its snapshot and its held-out episodes.
    """

    training: bool | None = None
    scores: bool | None = None


def match(folder: Path, metadata: Mapping[str, Any] | None, summary: Mapping[str, Any] | None) -> Match:
    """Return whether the results of a run folder are of its configuration, by what they say.

    Args:
        folder: The run folder.
        metadata: Its ``metadata.json``; None without one.
        summary: Its ``eval/summary.json``; None without one.
    """
    here = snapshot_hash(folder)
    training, scores = (_same((content or {}).get("snapshot"), here) for content in (metadata, summary))
    if summary is not None and scores is not False and _has_other_episodes(folder, summary):
        scores = False
    return Match(training, scores)


def _same(told: Any, here: str | None) -> bool | None:
    return None if told is None or here is None else bool(told == here)


def _has_other_episodes(folder: Path, summary: Mapping[str, Any]) -> bool:
    """Tell whether scores are of other held-out episodes than ``judging.yaml`` names."""
    try:
        wanted = parse_yaml(read_bytes(folder / JUDGING, MOST_CONFIG_BYTES))["final_eval"]
        played = summary["task"]["protocol"]
        return any(played[key] != value for key, value in wanted.items() if key in played)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, DataDamaged):
        return False  # an older run without one, or damage that is told elsewhere


def training_fits(folder: Path, found: Match, status: str | None) -> bool:
    """Tell whether what was trained is of the configuration beside it.

    Args:
        folder: The run folder.
        found: What its results say.
        status: That of ``metadata.json``; None without one.
    """
    return found.training if found.training is not None else status != "finished" or _fits_lock(folder)


def _fits_lock(folder: Path) -> bool:
    """Tell whether results are those that ``dvc.lock`` records, and for the configuration beside them."""
    path = re.escape(f"runs/{folder.name}/metadata.json")
    pattern = rf"^ +- path: {path}\n +hash: md5\n +md5: ([0-9a-f]{{32}})\n"
    recorded = re.search(pattern, _section(folder, "train"), re.MULTILINE)
    try:
        content = read_bytes(folder / "metadata.json")
    except (OSError, DataDamaged):
        return True
    return recorded is None or (recorded[1] == _md5(content) and is_recorded(folder))


def is_recorded(folder: Path) -> bool:
    """Tell whether ``dvc.lock`` records the training of a run folder with the configuration that it has now."""
    return _lists(folder, "train", SNAPSHOT)


def is_pullable(folder: Path) -> bool:
    """Tell whether `dvc pull` may bring what ``dvc.lock`` records for a run folder's configuration, and nothing here has it."""
    return is_recorded(folder) and not _is_cached(folder) and has_remote(folder.parent.parent)


def are_scores_recorded(folder: Path) -> bool:
    """Tell whether ``dvc.lock`` records scores of a run folder with the configuration and the judging that it has now."""
    return _lists(folder, "eval", SNAPSHOT) and _lists(folder, "eval", JUDGING)


def _lists(folder: Path, stage: str, name: str) -> bool:
    """Tell whether ``dvc.lock`` lists a file of a run folder, as it is now, in a stage of the run."""
    path = re.escape(f"runs/{folder.name}/{name}")
    pattern = rf"^ +- path: {path}\n +hash: md5\n +md5: {_file_hash(folder / name)}\n"
    return re.search(pattern, _section(folder, stage), re.MULTILINE) is not None


def check_own(folder: Path, name: str, *, scores: bool = True) -> None:
    """Refuse to read results that belong to another configuration than the one beside them.

    Args:
        folder: The run folder.
        name: What the run is called.
        scores: Whether its held-out scores are to be read, not only what training left.

    Raises:
        Missing: They do; the message says whose they are and what brings the run's own.
        DataDamaged: The configuration beside them cannot be read.
        DataDamaged: That cannot be told: ``metadata.json`` is none.
    """
    metadata, summary = content_of(folder / "metadata.json"), content_of(folder / "eval" / "summary.json")
    try:
        if metadata is not None:
            check_metadata(metadata)
    except ValueError as error:
        raise not_metadata(folder / "metadata.json", error) from None
    found = match(folder, metadata, summary)
    if not training_fits(folder, found, (metadata or {}).get("status")) or (scores and found.scores is False):
        read_snapshot(folder / SNAPSHOT)  # a damaged one is of no configuration, and that comes first
        raise Missing(f"{name} has no {'scores' if scores else 'results'} of its own here: {cure_of_study_run(folder)}")


def content_of(path: Path) -> dict[str, Any] | None:
    """Return what a JSON file of results says; None where it cannot be read, which whoever needs it tells."""
    try:
        found = parse_json(read_bytes(path))
    except (OSError, ValueError, DataDamaged):
        return None
    return found if isinstance(found, dict) else None


def cure_of_study_run(folder: Path) -> str:
    """Return where the results of a run folder are that has none of its own, and the command that brings them.

    Where results of another configuration are in their place, it says so first, and of which commit they are.
    """
    metadata = content_of(folder / "metadata.json")
    if metadata is None:
        return _cure(folder)
    found = match(folder, metadata, content_of(folder / "eval" / "summary.json"))
    if training_fits(folder, found, metadata.get("status")):
        return f"those here are of another configuration or judging; {_own(folder, are_scores_recorded(folder))}"
    return f"what is here is {_whose(folder)}, not of the configuration here; {_own(folder, is_recorded(folder))}"


def _whose(folder: Path) -> str:
    """Return which commit the results in a run folder belong to, in words."""
    from rlx.launch import git

    try:
        digest = _md5(read_bytes(folder / "metadata.json"))
        words = ("log", "--all", "--format=%h %s", f"-S{digest}", "--", "dvc.lock")
        found = git(folder.parent.parent, *words).splitlines()
    except (OSError, DataDamaged, CommandFailed):
        found = []
    if not found:
        return "of a configuration that no commit records"
    commit, _, subject = found[-1].partition(" ")  # the one that added it; a later one may have dropped it
    return f"of commit {commit} ({subject[:50]})"


def _own(folder: Path, recorded: bool) -> str:
    """Return the command that puts a run's own results in the place of others."""
    if recorded and _is_cached(folder):
        return "`dvc checkout` brings its own"
    if recorded and has_remote(folder.parent.parent):
        return "`dvc pull` brings its own"
    return "`dvc repro` makes its own"


def _cure(folder: Path) -> str:
    root, run = folder.parent.parent, folder.name
    if _is_cached(folder):
        return f"`rlx checkout {shlex.quote(run)}` lays its results out"
    if has_remote(root):
        return "`dvc pull` fetches its results"
    return (
        "its results are in the clone that made them: set a DVC remote there (`dvc remote add -d NAME URL`), commit .dvc/config "
        "and `dvc push`; or `dvc repro` makes them anew here"
    )


def _is_cached(folder: Path) -> bool:
    """Tell whether all that ``dvc.lock`` records of a run's training and scores is in DVC's cache."""
    outs = [_section(folder, stage).partition("\n    outs:\n")[2] for stage in ("train", "eval")]
    digests = re.findall(r"^ +md5: ([0-9a-f]{32}(?:\.dir)?)$", "\n".join(outs), re.MULTILINE)
    return bool(digests) and all(cached(folder.parent.parent, digest) for digest in digests)


def recorded_stages(root: Path, stage: str) -> dict[str, Any]:
    """Return what ``dvc.lock`` says of a stage, by run; what of it cannot be read is left out."""
    found: dict[str, Any] = {}
    for name, section in _lock_of(root).items():
        kind, _, run = name.partition("@")
        if kind == stage and run:
            with suppress(ValueError, TypeError, AttributeError):
                found[run] = next(iter(parse_yaml(section).values()))
    return found


def _section(folder: Path, stage: str) -> str:
    """Return what ``dvc.lock`` says of a stage of a run; empty where it says nothing."""
    return _lock_of(folder.parent.parent).get(f"{stage}@{folder.name}", "")


def _lock_of(root: Path) -> Mapping[str, str]:
    path = root / "dvc.lock"
    try:
        status = path.stat()
        return _lock(path, status.st_mtime_ns, status.st_size)
    except (OSError, DataDamaged):
        return {}


@functools.lru_cache(maxsize=4)
def _lock(path: Path, _changed: int, _size: int) -> Mapping[str, str]:
    """Return the stages of a ``dvc.lock``, read once while it stays as it is."""
    return sections(read_bytes(path, MOST_BYTES).decode("utf-8", "replace"))


def _file_hash(path: Path) -> str | None:
    try:
        return _md5(read_bytes(path, MOST_CONFIG_BYTES).replace(b"\r\n", b"\n"))
    except (OSError, DataDamaged):
        return None


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
