"""Asking for an experiment: the one that is what is asked for is found, gone on with, or begun."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rlx.config import FILE as JUDGING, MOST_CONFIG_BYTES, parse_yaml, read_bytes
from rlx.errors import RlxError, UsageError
from rlx.experiments.code import START
from rlx.experiments.continuing import begun_again, told_changes
from rlx.experiments.kept import JUDGED, STAGES, same_as
from rlx.experiments.making import has_workplace, start, whole_run
from rlx.experiments.planning import Plan
from rlx.experiments.record import read_record
from rlx.experiments.workplace import workplaces_folder
from rlx.launch import git, git_blobs
from rlx.records import AT_WORK, RECORD, RunFolder, lock_of


@dataclass(frozen=True)
class Started:
    """What asking for an experiment came to.

    Attributes:
        name: The experiment that is what was asked for.
        how: ``new``: it was reserved just now, and is to be made; ``stopped``: it was begun before, and is to be made; ``there``: it
            had been made already; ``in the making``: another process makes it.
    """

    name: str
    how: Literal["new", "stopped", "there", "in the making"]


def start_once(root: Path, plan: Plan, *, name: str | None = None) -> Started:
    """Reserve the experiment of a whole run, unless there is one with equal configuration, code, judging and seeds.

    One that was stopped is gone on with, unless another name is asked for.

    Args:
        root: The project.
        plan: The experiment.
        name: See :func:`rlx.experiments.kept.reserve`.

    Raises:
        UsageError: The name is taken, by an unfinished experiment too; what differs is told.
    """
    with lock_of(root, "planning"):  # two who ask for the same at once are to see each other
        if same := same_as(root, plan.run, plan.snapshot.to_yaml(), plan.judged, plan.judging):
            return Started(same, "there")
        begun = list(_begun(root, plan))
        if twin := next((folder.name for folder in begun if folder.state in AT_WORK), None):
            return Started(twin, "in the making")
        stopped = [folder for folder in begun if name in (None, folder.name) and _goes_on(root, folder, plan)]
        for folder in stopped[:1]:
            begun_again(root, folder, plan.record(whole_run(plan.run)))
            return Started(folder.name, "stopped")
        if name is not None:
            _check_not_begun(root, plan, name)
        return Started(start(root, plan, plan.record(whole_run(plan.run)), name=name).name, "new")


def _begun(root: Path, plan: Plan) -> Iterator[RunFolder]:
    """Yield the unfinished experiments that are made from an equal plan, whatever for."""
    text = plan.snapshot.to_yaml()
    for record in sorted((root / "runs").glob(f"*/{RECORD}")):
        folder = record.parent
        try:
            asked = read_record(folder)
            equal = asked is not None and (asked.run, asked.settings) == (plan.run, plan.settings)
            if equal and (folder / "config_snapshot.yaml").read_text(encoding="utf-8") == text:
                yield RunFolder(folder)
        except (RlxError, OSError, UnicodeDecodeError):
            continue


def _goes_on(root: Path, folder: RunFolder, plan: Plan) -> bool:
    """Tell whether an experiment from an equal plan was stopped, and would be judged, filmed and staged as a new one."""
    try:
        if folder.state != "stopped" or read_record(folder.path) != plan.record(whole_run(plan.run)):
            return False
        if (folder.path / JUDGING).read_text(encoding="utf-8") != plan.judging.to_yaml():
            return False
        return not has_workplace(root, folder.name) or _files_of(root, folder.name) == _files_of(root)
    except (RlxError, OSError, ValueError, AttributeError):
        return False


def _files_of(root: Path, name: str | None = None) -> list[Any]:
    """Return what else a result follows from: the protocol's sections and the stages, here or as an experiment started."""
    paths = ("params.yaml", *STAGES)
    texts: list[bytes | None] = []
    if name is None:
        texts += [read_bytes(root / path, MOST_CONFIG_BYTES) if (root / path).is_file() else None for path in paths]
    else:
        prefix = git(root, "rev-parse", "--show-prefix").strip()
        texts += git_blobs(workplaces_folder(root) / name, [f"{START}:{prefix}{path}" for path in paths])
    said = parse_yaml(texts[0] or b"")
    return [*(said.get(key) for key in JUDGED), *texts[1:]]


def _check_not_begun(root: Path, plan: Plan, name: str) -> None:
    """Refuse the name of an unfinished experiment that is another one, or failed.

    Raises:
        UsageError: It says what differs, and what to type.
    """
    folder = RunFolder(root / "runs" / name)
    if not (folder.path / RECORD).is_file():
        return
    changed = told_changes(folder.snapshot, plan.snapshot)
    told = f"of another configuration ({changed})" if changed else "with the same configuration"
    raise UsageError(
        f"there is an experiment {name!r} already, {folder.state}, {told}; `rlx resume {name}` goes on with it as it began, "
        f"`rlx rm {name}` drops it; or choose another --name, or none"
    )
