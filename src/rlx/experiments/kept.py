"""Kept experiments: their names, their browsable folders, which of them is the one that is about to be made again."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlx.atomic import write_json, write_text
from rlx.dvc_cache import lay_out
from rlx.errors import CommandFailed, DataDamaged, Missing, UsageError
from rlx.experiments.revisions import Experiment, Origin, commit_of, experiments, recorded
from rlx.experiments.tools import dvc, git, git_blobs
from rlx.live import BENCH

FORMAT = 1
RECORD = "experiment.json"
JUDGED = ("final_eval", "video", "engine")
"""Sections of ``params.yaml`` that stages after training depend on."""
STAGES = ("stages/train.py", "stages/eval.py")


@dataclass(frozen=True)
class Record:
    """What an experiment was asked to be; in its folder until it is kept, to go on from after a stop.

    Attributes:
        run: The run it is of.
        settings: Its ``-S``, as DVC takes them.
        targets: The stages to make.
        parent: The run that it trains further, if it does.
    """

    run: str
    settings: tuple[str, ...]
    targets: tuple[str, ...]
    parent: str | None = None


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
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,99}", name):
            raise UsageError(f"--name {name!r}: use letters, digits, - and _, at most 100, a letter or digit first")
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


def _folder(root: Path, name: str) -> Path:
    folder = root / "runs" / name
    if folder.parent.exists() and not folder.parent.is_dir():
        raise UsageError(f"{folder.parent} is not a folder, so there is no place for results; move it away")
    folder.parent.mkdir(exist_ok=True)
    folder.mkdir()
    write_text(folder / ".gitignore", "*\n")  # Git and DVC keep the original
    return folder


def write_record(folder: Path, record: Record) -> None:
    """Write what an experiment was asked to be into its folder."""
    write_json(folder / RECORD, {"format": FORMAT, **asdict(record)})


def read_record(folder: Path) -> Record | None:
    """Read what the experiment of a folder was asked to be; None where the folder is not of an experiment.

    Raises:
        DataDamaged: The file is not such a record.
    """
    path = folder / RECORD
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        content.pop("format")
        return Record(**{**content, "settings": tuple(content["settings"]), "targets": tuple(content["targets"])})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataDamaged(
            f"{path}: is not the record of an experiment ({str(error)[:80]}); `rlx rm {folder.name}` deletes it"
        ) from None


def same_as(root: Path, run: str, snapshot: str, judged: Mapping[str, Any]) -> str | None:
    """Return the kept experiment, or the committed run, with the same effective configuration, code and seeds.

    Args:
        root: The project.
        run: The run's name.
        snapshot: Text of its snapshot.
        judged: The sections :data:`JUDGED` of its parameters, as plain values.

    Returns:
        A name to type, or None.
    """
    import yaml

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
        parameters, *stages = git_blobs(root, [f"{commit}:./{path}" for path in ("params.yaml", *STAGES)])
        here = [(root / path).read_bytes() if (root / path).is_file() else None for path in STAGES]
        (runs,) = recorded(root, [commit])
        try:
            data = yaml.safe_load(parameters or b"") or {}
            same_protocol = {key: data.get(key) for key in JUDGED} == {key: judged.get(key) for key in JUDGED}
        except (yaml.YAMLError, AttributeError):
            continue
        if same_protocol and stages == here and run in runs and "eval" in runs[run].outputs:
            return name if name != run or (root / "runs" / run / "eval").is_dir() else f"{run}@HEAD"
    return None


def export(root: Path, origin: Origin, name: str) -> Path:
    """Make the browsable folder ``runs/<name>/`` of a kept run from Git and DVC's cache, read-only.

    Raises:
        Missing: There is no such run, or not all of its files are here.
    """
    (runs,) = recorded(root, [origin.commit])
    if origin.run not in runs:
        raise Missing(f"{name}: commit {origin.commit[:10]} holds no finished run {origin.run!r}")
    (snapshot,) = git_blobs(root, [f"{origin.commit}:./runs/{origin.run}/config_snapshot.yaml"])
    folder = root / "runs" / name
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / ".gitignore", "*\n")
    shutil.rmtree(folder / BENCH, ignore_errors=True)
    write_text(folder / "config_snapshot.yaml", (snapshot or b"").decode("utf-8", "replace"))
    here = [lay_out(root, digest, folder / output) for output, digest in runs[origin.run].outputs.items()]
    (folder / RECORD).unlink(missing_ok=True)
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o444)
    if not all(here):
        cure = "`dvc fetch --all-commits` fetches them" if "@" in name else f"`dvc exp pull origin {name}` fetches them"
        raise Missing(
            f"{name}: not all of its files are in this clone's DVC cache; what there is, is in runs/{name}/. {cure}"
        )
    return folder


def remove(root: Path, names: Sequence[str]) -> None:
    """Drop kept experiments; their commits stay with Git until it cleans up.

    Raises:
        CommandFailed: DVC refused.
    """
    dvc(root, "--wait-for-lock", "exp", "remove", *names)


def reference_of(root: Path, experiment: Experiment) -> str:
    """Return the Git reference that keeps an experiment."""
    listed = git(root, "for-each-ref", "--format=%(refname)", "refs/exps").split()
    return next(
        ref
        for ref in listed
        if ref.split("/")[2:] == [experiment.baseline[:2], experiment.baseline[2:], experiment.name]
    )
