"""Kept experiments: their names, their browsable folders, which of them is the one that is about to be made again."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rlx.config import (
    FILE,
    MOST_CONFIG_BYTES,
    FinalEvalConfig,
    Judging,
    check_links,
    judging_from,
    parse_document,
    parse_yaml,
    place,
    read_bytes,
    read_json,
    write_json,
    write_text,
)
from rlx.errors import CommandFailed, ConfigError, DataDamaged, DataRefused, Missing, UsageError
from rlx.experiments.experiment import Experiment
from rlx.experiments.revisions import SMALL, commit_of, cure_of_commit, experiments, recorded, recorded_here
from rlx.experiments.untrusted import check_layout
from rlx.experiments.upgraded_files import as_now
from rlx.launch import git, git_blobs
from rlx.records import BENCH, LAYOUT, ORIGIN, RECORD, Origin, cached, lay_out, members, spent_file

FORMAT = 1
IGNORE_ALL = "*\n"
"""The ``.gitignore`` in an experiment's folder, by which it is known as one: Git and DVC keep the original."""
JUDGED = ("video", "engine")
"""Sections of ``params.yaml`` that stages after training depend on; how a run is judged has a file of its own."""
STAGES = ("stages/train.py", "stages/eval.py")


def experiment_named(root: Path, name: str) -> Experiment | None:
    """Return the kept experiment of a name."""
    return next((experiment for experiment in experiments(root) if experiment.name == name), None)


def reserve(root: Path, stem: str, name: str | None = None) -> Path:
    """Make the folder ``runs/<name>/`` of a new experiment; whoever else asks at the same moment gets another one.

    Args:
        root: The project.
        stem: Without a name it is the first free ``<stem>_NNN``, past every experiment, run folder and note on one.
        name: The name asked for.

    Raises:
        UsageError: The name is taken, or cannot be one.
    """
    taken = {experiment.name for experiment in experiments(root)}
    if name is not None:
        check_name(name)
        refusal = UsageError(f"there is an experiment or run {name!r} already; choose another --name, or none")
        if name in taken:
            raise refusal
        try:
            return _folder(root, name)
        except FileExistsError:
            raise refusal from None
    pattern = re.compile(rf"{re.escape(stem)}_(\d{{3,}})")
    names = [*taken, *(path.name.removesuffix(".yaml") for path in (root / "runs").glob(f"{stem}_*"))]
    number = max((int(match[1]) for each in names if (match := pattern.fullmatch(each))), default=0)
    while True:
        number += 1
        try:
            return _folder(root, f"{stem}_{number:03d}")
        except FileExistsError:
            continue


def check_name(name: str) -> None:
    """Refuse a name that an experiment cannot have.

    Raises:
        UsageError: It is not one word of letters, digits, - and _.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,99}", name):
        raise UsageError(f"--name {name!r}: use letters, digits, - and _, at most 100, a letter or digit first")


def _folder(root: Path, name: str) -> Path:
    folder = place(root / "runs", name, f"the experiment's name {name}")
    if folder.parent.exists() and not folder.parent.is_dir():
        raise UsageError(f"{folder.parent} is not a folder, so there is no place for results; move it away")
    folder.parent.mkdir(exist_ok=True)
    folder.mkdir()
    write_text(folder / ".gitignore", IGNORE_ALL)
    return folder


def same_as(root: Path, run: str, snapshot: str, judged: Mapping[str, Any], judging: Judging) -> str | None:
    """Return the kept experiment, or the committed run, with the same effective configuration, code, seeds and judging.

    Args:
        root: The project.
        run: The run's name.
        snapshot: Text of its snapshot.
        judged: The sections :data:`JUDGED` of its parameters, as plain values.
        judging: By what it is judged.

    Returns:
        A name to type, or None.
    """
    head = commit_of(root, "HEAD")
    if head is None:
        raise CommandFailed(
            "the Git repository has no commit yet, and experiments start from one; `git add -A && git commit -m Start`"
        )
    known = [(run, head), *((experiment.name, experiment.commit) for experiment in experiments(root))]
    texts = git_blobs(root, [f"{commit}:./runs/{run}/config_snapshot.yaml" for _, commit in known])
    for (name, commit), text in zip(known, texts, strict=True):
        if text is None or text.decode("utf-8", "replace") != snapshot:
            continue
        files = ("params.yaml", f"runs/{run}/{FILE}", *STAGES)
        parameters, found, *stages = git_blobs(root, [f"{commit}:./{path}" for path in files])
        here = [read_bytes(root / path) if (root / path).is_file() else None for path in STAGES]
        (runs,) = recorded(root, [commit])
        try:
            data = parse_yaml(parameters or b"") or {}
            same_protocol = {key: data.get(key) for key in JUDGED} == {key: judged.get(key) for key in JUDGED}
            same_protocol &= _judged_alike(found, data, judging)
        except (ValueError, AttributeError, ConfigError):
            continue
        same_protocol &= list(map(as_now, STAGES, stages)) == list(map(as_now, STAGES, here))
        if same_protocol and run in runs and "eval" in runs[run].outputs:
            return name if name != run or (root / "runs" / run / "eval").is_dir() else f"{run}@HEAD"
    return None


def _judged_alike(text: bytes | None, parameters: Mapping[str, Any], judging: Judging) -> bool:
    """Tell whether a commit's run was judged by the same; one older than its file, by what its parameters say."""
    if text is not None:
        return judging_from(parse_document(text.decode("utf-8", "replace"), FILE)).values() == judging.values()
    return FinalEvalConfig.model_validate(parameters.get("final_eval") or {}) == judging.final_eval


def export_kept(root: Path, origin: Origin, name: str) -> Path:
    """Make the browsable folder ``runs/<name>/`` of a kept run from Git and DVC's cache, read-only.

    Raises:
        Missing: There is no such run, or not all of its files are here.
        DataRefused: What the commit says is not to be written here, or the folder is somebody's; nothing was written.
    """
    (runs,) = recorded(root, [origin.commit])
    if origin.run not in runs:
        raise Missing(f"{name}: commit {origin.commit[:10]} holds no finished run {origin.run!r}")
    small = git_blobs(root, [f"{origin.commit}:./runs/{origin.run}/{name}" for name in SMALL])
    source = f"{name} (dvc.lock of commit {origin.commit[:10]})"
    folder = place(root / "runs", name, f"the name of experiment {name}")
    outputs = runs[origin.run].outputs
    check_layout(outputs, source)
    if folder.exists() and not is_ours(root, name):
        raise DataRefused(
            f"runs/{name} is there already, and is not the folder of an experiment: rlx writes nothing into it. Move it "
            f"away, then `rlx checkout {shlex.quote(name)}` again"
        )
    if (digest := outputs.get("metadata.json")) and cached(root, digest) is None:
        raise Missing(
            f"{name}: its files are not in this clone's DVC cache, nothing was written: {cure_of_commit(root, origin.commit)}"
        )
    shutil.rmtree(folder / BENCH, ignore_errors=True)  # its links lead to seeds that are no longer in training
    check_links(folder, LAYOUT)
    here = lay_out(root, outputs, folder, source)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / ".gitignore", IGNORE_ALL)
    for name_of_file, content in zip(SMALL, small, strict=True):
        if content is not None or name_of_file == SMALL[0]:
            write_text(folder / name_of_file, (content or b"").decode("utf-8", "replace"))
    (folder / RECORD).unlink(missing_ok=True)
    (folder / ORIGIN).unlink(missing_ok=True)
    write_json(folder / ORIGIN, {"format": FORMAT, "commit": origin.commit, "run": origin.run})
    for path in folder.rglob("*"):
        if path.relative_to(folder).parts[0] in LAYOUT and path.is_file() and not path.is_symlink():
            path.chmod(0o444)
    if not here:
        told = cure_of_commit(root, origin.commit)
        raise Missing(
            f"{name}: not all of its files are in this clone's DVC cache; what there is, is in runs/{name}/. "
            f"{told[0].upper()}{told[1:]}"
        )
    return folder


def shown_commit(folder: Path) -> str | None:
    """Return the commit that the browsable folder of an experiment shows; None where it does not say, as older ones."""
    try:
        return str(read_json(folder / ORIGIN)["commit"])
    except (OSError, ValueError, KeyError, TypeError, DataDamaged):
        return None


def shows(root: Path, folder: Path, experiment: Experiment) -> bool:
    """Tell whether the browsable folder of an experiment's name shows that experiment, and not another of the same name."""
    if (commit := shown_commit(folder)) is not None:
        return commit == experiment.commit
    (runs,) = recorded(root, [experiment.commit])
    try:
        digest = hashlib.md5(read_bytes(folder / "metadata.json"), usedforsecurity=False).hexdigest()
    except (OSError, DataDamaged):
        return True
    return digest in {run.outputs.get("metadata.json") for run in runs.values()}


def follow_renames(root: Path, kept: Sequence[Experiment]) -> None:
    """Let the browsable folders of experiments that `dvc exp rename` has renamed have their new names."""
    names = {experiment.name for experiment in kept}
    by_commit = {experiment.commit: experiment.name for experiment in kept}
    if all((root / "runs" / name).exists() for name in names):
        return
    for path in (root / "runs").glob(f"*/{ORIGIN}"):
        old = path.parent
        new = by_commit.get(shown_commit(old) or "")
        if old.name in names or new is None or (root / "runs" / new).exists() or not is_ours(root, old.name):
            continue
        with suppress(OSError):
            old.rename(old.with_name(new))


def is_ours(root: Path, name: str) -> bool:
    """Tell whether ``runs/<name>/`` is the folder of an experiment that rlx made: neither a run of the study nor a person's.

    Its mark is the ``.gitignore`` that keeps it from Git, or the record of what it is to be; and neither ``dvc.lock``, nor ``params.yaml``, nor Git know it.
    """
    folder = root / "runs" / name
    try:
        marked = read_bytes(folder / ".gitignore").decode("utf-8", "replace").strip() == IGNORE_ALL.strip()
    except (OSError, DataDamaged):
        marked = False
    return (marked or (folder / RECORD).is_file()) and not folder.is_symlink() and not is_of_study(root, name)


def is_of_study(root: Path, name: str) -> bool:
    """Tell whether a name is that of a run of the workspace: of the roster, of ``dvc.lock``, or with files in Git."""
    try:
        roster = (parse_yaml(read_bytes(root / "params.yaml", MOST_CONFIG_BYTES)).get("study") or {}).get("runs") or []
    except (OSError, ValueError, AttributeError, DataDamaged):
        roster = []
    return (
        name in roster
        or name in recorded_here(root)
        or bool(git(root, "ls-files", "-z", "--", f"runs/{name}/").strip("\0"))
    )


def remove(root: Path, experiment: Experiment) -> None:
    """Drop a kept experiment; its commit stays with Git until it cleans up.

    Raises:
        CommandFailed: Git refused: something else holds the reference, or has changed it meanwhile.
    """
    git(root, "update-ref", "--no-deref", "-d", experiment.reference, experiment.commit)


def remove_folder(root: Path, name: str, experiment: Experiment | None) -> list[str]:
    """Delete what rlx has put into the folder of an experiment, and the folder if nothing else is in it.

    Args:
        root: The project.
        name: Its name; :func:`is_ours` has said that the folder is rlx's.
        experiment: The experiment, where it is kept: then Git and DVC say which files are its.

    Returns:
        The files that stay, because somebody else has put them there, as paths in the folder.

    Raises:
        CommandFailed: Something cannot be deleted. The folder is then still known as an experiment's.
    """
    folder, held = root / "runs" / name, _held(root, experiment)
    last, stay = [folder / RECORD, folder / ".gitignore"], []
    try:
        for here, _, files in os.walk(folder, topdown=False, onerror=_raise):
            for path in (Path(here, file) for file in files):
                inner = path.relative_to(folder).as_posix()
                if not _is_own(inner, held):
                    stay.append(inner)
                elif path not in last:
                    path.unlink()
            _drop_empty(folder, Path(here))
        for path in [] if stay else last:
            path.unlink(missing_ok=True)
        if not stay:
            folder.rmdir()
        spent_file(root, name).unlink(missing_ok=True)
    except OSError as error:
        raise CommandFailed(
            f"runs/{name} cannot be deleted ({error.filename or folder}: {error.strerror}); {name} is not dropped. "
            f"`rlx rm {shlex.quote(name)}` again deletes the rest"
        ) from None
    return sorted(stay)


def _drop_empty(folder: Path, inner: Path) -> None:
    """Delete the folders in a folder in which nothing is left, links to folders too."""
    for entry in list(os.scandir(inner)):
        if entry.is_symlink() and inner == folder / BENCH:
            Path(entry.path).unlink()
        elif entry.is_dir(follow_symlinks=False) and not any(Path(entry.path).iterdir()):
            Path(entry.path).rmdir()


def _held(root: Path, experiment: Experiment | None) -> set[str] | None:
    """Return the files of an experiment that DVC keeps, by their paths in its folder; None where that is not known."""
    if experiment is None:
        return None
    held: set[str] = set()
    for record in recorded(root, [experiment.commit])[0].values():
        for output, digest in record.outputs.items():
            listing = cached(root, digest) if digest.endswith(".dir") else None
            held |= {f"{output}/{path}" for path in members(listing)} if listing else {output}
    return held


def _is_own(inner: str, held: set[str] | None) -> bool:
    """Tell whether a file in an experiment's folder is rlx's."""
    top, _, rest = inner.partition("/")
    if top not in LAYOUT:
        return False
    return not rest or top == BENCH or held is None or inner in held or top in held


def _raise(error: OSError) -> None:
    raise error
