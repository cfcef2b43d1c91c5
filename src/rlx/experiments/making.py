"""Making an experiment from a plan: its folder, its workplace, its stages, and what is kept of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import Timeout

from rlx.config import is_full, write_json
from rlx.errors import Interrupted, Missing, RlxError, TrainingFailed, UsageError
from rlx.experiments import workplace
from rlx.experiments.code import START
from rlx.experiments.kept import experiment_named, export_kept, remove_folder, reserve
from rlx.experiments.planning import Plan
from rlx.experiments.record import Record, read_record, write_record
from rlx.experiments.search_workplace import is_of_search
from rlx.experiments.workplace import Verbosity, Workplace
from rlx.launch import signal_name
from rlx.records import (
    FORMAT,
    RECORD,
    WHOLE,
    Origin,
    Process,
    RunFolder,
    is_locked,
    lock_of,
    making,
    note_spent,
    read_metadata,
    spent_file,
)

ENDING = 10.0
"""Seconds that the stages of a killed ``rlx`` may need to end."""


def whole_run(run: str) -> tuple[str, ...]:
    """Return the stages that make everything there is of a run."""
    return f"analyze@{run}", f"video@{run}"


def start(root: Path, plan: Plan, record: Record, *, name: str | None = None, stem: str | None = None) -> Path:
    """Reserve the folder of a new experiment and note in it what is to be made.

    Args:
        root: The project.
        plan: The experiment.
        record: What it is asked to be (:meth:`Plan.record`), which stays with it.
        name: See :func:`reserve`.
        stem: Likewise; by default the run.

    Returns:
        The folder.
    """
    folder = reserve(root, stem or plan.run, name)
    try:
        spent_file(root, folder.name).unlink(missing_ok=True)  # of one of the same name that is gone
        plan.resolved.write(folder)
        _note(folder, "running")
        write_record(folder, record)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def make(root: Path, name: str, verbosity: Verbosity, *, again: str, since: float | None = None) -> RunFolder:
    """Make a reserved experiment, or go on with a stopped one, and export it.

    Args:
        root: The project.
        name: The experiment.
        verbosity: What comes to the terminal.
        again: The command that goes on with it, for messages.
        since: When the command began that makes this one experiment (seconds since 1970), to tell where the time went.

    Returns:
        Its browsable folder.

    Raises:
        Interrupted: Ctrl-C; finished seeds and checkpoints are kept.
        TrainingFailed: A stage failed.
        UsageError: Another process is making it.
    """
    folder = root / "runs" / name
    record = read_record(folder)
    if record is None:
        raise Missing(f"{name}: its folder does not say what it is to be")
    made = began = time.time()
    with _alone(root, name), making(root, name):
        _note(folder, "running")
        place = workplace.existing_workplace(root, name)
        status: int | None = None
        try:
            commit = workplace.collect(place) if place else None  # finished by processes that outlived their rlx
            if commit is None or place is None:
                place = _workplace(root, name)
                status = workplace.run_stages(place, record, verbosity)
                made = time.time()
                commit = workplace.collect(place)
        finally:
            if experiment_named(root, name) is None:
                _note(folder, "stopped" if status in (None, Interrupted.exit_code) else "failed")
        if commit is None:
            _raise(root, name, status, again)
        assert commit is not None
        shutil.rmtree(folder / "logs", ignore_errors=True)
        exported = export_kept(root, Origin(commit, record.run), name)
        workplace.close_workplace(place)
        if since is not None:
            ended = time.time()
            spent = {"plan": began - since, "keep": ended - made, WHOLE: ended - since}
            note_spent(spent_file(root, name), spent)
    return RunFolder(exported)


def _raise(root: Path, name: str, status: int | None, again: str) -> None:
    if status == Interrupted.exit_code:
        raise Interrupted(f"{name}: interrupted; finished seeds and checkpoints are kept, `{again}` goes on from them")
    if status == 0:
        raise TrainingFailed(f"{name}: nothing in it differs from the committed state, so DVC kept no experiment")
    if status is not None and status < 0:
        raise TrainingFailed(f"{name}: did not finish: DVC was killed by {signal_name(-status)}; `{again}` goes on")
    if is_full(root):
        raise TrainingFailed(f"{name}: did not finish, as the disk is full; make room, then `{again}` goes on")
    raise TrainingFailed(
        f"{name}: did not finish (see above; `rlx diagnose {name}` says more); after mending the cause, `{again}` goes on (with -v, DVC's words too)"
    )


def _workplace(root: Path, name: str) -> Workplace:
    try:
        return workplace.reopen_workplace(root, name)
    except Missing:
        return workplace.open_workplace(root, name)


def has_workplace(root: Path, name: str) -> bool:
    """Tell whether what a stopped experiment started from is still there."""
    return (workplace.workplaces_folder(root) / name / ".git" / START).is_file()


def begin_again(root: Path, name: str, plan: Plan) -> None:
    """Let an experiment that failed start from the workspace as it is now, code mended; what is trained stays."""
    record = read_record(root / "runs" / name)
    assert record is not None
    with _alone(root, name):
        workplace.close_workplace(Workplace(root, name, root))
        plan.resolved.write(root / "runs" / name)
        workplace.open_workplace(root, name)


def give_up(root: Path, name: str) -> list[str]:
    """Delete the folder and the workplace of an experiment that was not finished; see :func:`remove_folder`."""
    with _alone(root, name):
        stay = remove_folder(root, name, None)
        workplace.close_workplace(Workplace(root, name, root))
    return stay


def abandoned(root: Path) -> list[str]:
    """Return the workplaces of experiments that nobody can go on with: their folder in ``runs/`` is gone, or finished."""
    there = sorted(path.name for path in workplace.workplaces_folder(root).glob("*") if path.is_dir())
    return [name for name in there if not (root / "runs" / name / RECORD).is_file() and not is_of_search(root, name)]


def drop_abandoned(root: Path, name: str) -> bool:
    """Delete an abandoned workplace; returns whether it was one, and nobody was at work in it."""
    try:
        with _alone(root, name):
            if name not in abandoned(root):
                return False
            workplace.close_workplace(Workplace(root, name, root))
    except UsageError:
        return False
    return True


def is_in_the_making(root: Path, name: str) -> bool:
    """Tell whether a process makes an experiment just now."""
    return is_locked(root, f"{name}.making")


@contextmanager
def _alone(root: Path, name: str) -> Iterator[None]:
    """Keep everybody else, processes of a killed `rlx` included, from an experiment."""
    lock = lock_of(root, f"{name}.making")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UsageError(f"{name} is being made by another process; `rlx ls` shows how far it is") from None
    try:
        if left := _outlived(workplace.workplaces_folder(root) / name):
            raise UsageError(
                f"{name} is still being made by processes that outlived the `rlx` that started them: wait until they are done, "
                f"or stop them with `kill -INT {' '.join(map(str, left))}`; then run this again"
            )
        yield
    finally:
        lock.release()


def _outlived(folder: Path) -> list[int]:
    """Return the processes that still work in a folder; those whose ``rlx`` was killed are given time to end, as they do."""
    deadline = time.monotonic() + ENDING
    while (left := workplace.processes_in(folder)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return left


def _note(folder: Path, status: str) -> None:
    """Note in the folder's metadata how the experiment stands; what training noted stays."""
    try:
        content: dict[str, Any] = read_metadata(folder)
    except RlxError:
        content = {"format": FORMAT, "seeds": [], "seeds_wanted": RunFolder(folder).snapshot.seeds}
        config = RunFolder(folder).snapshot.config
        content |= {"run_name": config.run_name, "environment": config.env.id, "algorithm": config.algo.name}
    running = asdict(Process.own()) if status == "running" else None
    write_json(folder / "metadata.json", {**content, "status": status, "process": running})
