"""Where an experiment is made: a clone of the project beside the bench, as the workspace is, changes included.

DVC runs in the clone, and what it keeps is fetched from there. So nothing that happens to an experiment (Ctrl-C, a kill,
a full disk) touches the workspace, its index or its HEAD, experiments do not wait for each other's locks, and a stopped
one goes on from exactly what it started from. (`dvc exp run --temp` stashes and restores the workspace while it begins:
a kill at that moment leaves edits in the stash and HEAD detached.)
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from configobj import ConfigObj, ConfigObjError

from rlx.config import write_bytes
from rlx.errors import CommandFailed, ConfigError, Interrupted, Missing
from rlx.experiments.code import START, tracked_changes, untracked_sources
from rlx.experiments.data import bring_data
from rlx.experiments.record import Record
from rlx.experiments.revisions import NOBODY
from rlx.experiments.untrusted import check_lock
from rlx.launch import Watch, current_call, git, has_identity, in_background, in_terminal, main_root
from rlx.records import cache_root


@dataclass(frozen=True)
class Verbosity:
    """How stages are run, and where what they print goes.

    Attributes:
        quiet: Only errors come to the terminal.
        verbose: DVC's words come too.
        log: Everything goes into this file instead, and the process gets a session of its own.
        workers: How many workers training may use; None: one per core.
        watch: Told the process when it has started, and when it has ended.
        stopped: Tells whether everything was asked to stop.
    """

    quiet: bool = False
    verbose: bool = False
    log: Path | None = None
    workers: int | None = None
    watch: Watch | None = None
    stopped: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Workplace:
    """A clone in which one experiment is made.

    Attributes:
        project: The project's root.
        name: The experiment's name.
        root: The project's root in the clone.
    """

    project: Path
    name: str
    root: Path

    @property
    def clone(self) -> Path:
        """The clone, of which the project may be a folder."""
        return workplaces_folder(self.project) / self.name


def workplaces_folder(root: Path) -> Path:
    """Return the folder of all workplaces; disposable, as everything in ``.dvc/tmp``."""
    return main_root(root) / ".dvc" / "tmp" / "rlx-workplaces"


def open_workplace(root: Path, name: str) -> Workplace:
    """Clone the project as the workspace is: its commit, every change of a tracked file, and new configs and code.

    Raises:
        CommandFailed: Git refused.
    """
    clone = workplaces_folder(root) / name
    shutil.rmtree(clone, ignore_errors=True)
    clone.parent.mkdir(parents=True, exist_ok=True)
    top, prefix = Path(git(root, "rev-parse", "--show-toplevel").strip()), git(root, "rev-parse", "--show-prefix")
    git(root, "clone", "--quiet", "--shared", "--no-checkout", "--no-hardlinks", "--", str(top), str(clone))
    place = Workplace(root, name, clone / prefix.strip())
    _name_committer(clone)
    git(clone, "checkout", "--quiet", "--detach", git(root, "rev-parse", "HEAD").strip())
    for name_in_top in tracked_changes(root):
        _copy(top, name_in_top, clone, follow=False)
    for name_in_root in untracked_sources(root):
        _copy(root, name_in_root, place.root, follow=True)
    bring_data(root, name, place.root)
    git(clone, "add", "--all")
    tree = git(clone, "write-tree").strip()
    start = git(clone, "commit-tree", tree, "-p", "HEAD", "-m", "the state an experiment starts from").strip()
    git(clone, "update-ref", START, start)
    _configure(place)
    return place


def reopen_workplace(root: Path, name: str) -> Workplace:
    """Return the workplace of an experiment that was stopped, as it was when the experiment began.

    It is cloned anew: a killed DVC leaves locks, stashes and a detached HEAD behind, and none of them matters then.

    Raises:
        Missing: It is gone.
    """
    clone = workplaces_folder(root) / name
    fresh, old = clone.with_name(f".{name}.new"), clone.with_name(f".{name}.old")
    place = Workplace(root, name, clone / git(root, "rev-parse", "--show-prefix").strip())
    for folder in (fresh, old):
        shutil.rmtree(folder, ignore_errors=True)
    try:
        git(clone, "rev-parse", "--verify", "--quiet", START)
        top = git(root, "rev-parse", "--show-toplevel").strip()
        git(root, "clone", "--quiet", "--shared", "--no-checkout", "--no-hardlinks", "--", top, str(fresh))
        git(fresh, "fetch", "--quiet", "--", str(clone), f"{START}:{START}")
        git(fresh, "checkout", "--quiet", "--detach", f"{START}^")
        git(fresh, "read-tree", "--reset", "-u", START)
    except (CommandFailed, OSError):
        raise Missing(f"what experiment {name} started from is gone from {workplaces_folder(root)}") from None
    _name_committer(fresh)
    clone.rename(old)
    fresh.rename(clone)
    bring_data(root, name, place.root, old / place.root.relative_to(clone))
    shutil.rmtree(old, ignore_errors=True)
    _configure(place)
    return place


def existing_workplace(root: Path, name: str) -> Workplace | None:
    """Return the workplace of an experiment as it is, if there is one."""
    clone = workplaces_folder(root) / name
    if not (clone / ".git").is_dir():
        return None
    return Workplace(root, name, clone / git(root, "rev-parse", "--show-prefix").strip())


def _name_committer(clone: Path) -> None:
    if not has_identity(clone):
        git(clone, "config", "user.name", "rlx")
        git(clone, "config", "user.email", NOBODY)


def _copy(folder: Path, name: str, into: Path, *, follow: bool) -> None:
    """Make a file in the clone as it is in the workspace.

    Args:
        folder: Where it is.
        name: Its path there.
        into: The clone.
        follow: Copy what a link leads to (it is the person's own), not the link (as a commit would hold it).
    """
    source, target = folder / name, into / name
    for parent in reversed(PurePath(name).parents[:-1]):
        if (into / parent).is_symlink():  # a link in the commit, a folder in the workspace
            (into / parent).unlink()
    if target.is_dir() and not target.is_symlink():
        return  # a repository in the repository
    target.unlink(missing_ok=True)
    if source.is_file() or source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=follow and source.is_file())


def _configure(place: Workplace) -> None:
    """Let DVC in the clone use the project's cache, and nothing of the network; all else is as this clone's owner set it.

    What the owner wrote is read as lines: a ``ConfigObj`` that knows its file writes that file.

    Raises:
        ConfigError: It cannot be read.
    """
    own = place.project / ".dvc" / "config.local"
    try:
        lines = own.read_text(encoding="utf-8").splitlines() if own.is_file() else []
        settings = ConfigObj(lines, encoding="utf-8", interpolation=False)
    except (ConfigObjError, UnicodeDecodeError) as error:
        raise ConfigError(f".dvc/config.local: DVC cannot read it: {error}") from None
    settings.setdefault("cache", {})["dir"] = str(cache_root(place.project))
    settings.setdefault("exp", {})["auto_push"] = "false"
    write_bytes(place.root / ".dvc" / "config.local", b"\n".join(settings.write()) + b"\n")


def run_stages(place: Workplace, record: Record, verbosity: Verbosity) -> int:
    """Run stages in a workplace as a DVC experiment of its name.

    Args:
        place: Where.
        record: What to make.
        verbosity: What comes to the terminal.

    Returns:
        DVC's exit status (130 after Ctrl-C). The live progress of training goes to the terminal.
    """
    quiet = [] if verbosity.verbose else ["--quiet"]
    check_lock(place.root)
    command = [
        sys.executable,
        "-m",
        "dvc",
        "exp",
        "run",
        *quiet,
        f"--name={place.name}",
        f"--message={record.to_message(place.name)}",
    ]
    command += [f"--set-param={setting}" for setting in record.settings]
    live = place.project / "runs" / place.name
    call = replace(current_call(), project=str(place.project), run=record.run, live=str(live))
    variables = call.variables()
    if verbosity.workers is not None:
        variables["RLX_WORKERS"] = os.environ.get("RLX_WORKERS", str(verbosity.workers))
    if verbosity.log is None:
        return in_terminal([*command, "--", *record.targets], place.root, variables, quiet=verbosity.quiet)
    status = in_background([*command, "--", *record.targets], place.root, variables, verbosity.log, verbosity.watch)
    return Interrupted.exit_code if verbosity.stopped() else status


def collect(place: Workplace) -> str | None:
    """Fetch the experiment that was made in a workplace into the project.

    Returns:
        Its commit, or None if DVC kept no experiment there.
    """
    refs = git(place.clone, "for-each-ref", "--format=%(refname) %(objectname)", "refs/exps").splitlines()
    found = [line.split() for line in refs if line.split()[0].split("/")[4:] == [place.name]]
    if not found:
        return None
    ref, commit = found[0]
    git(place.project, "fetch", "--quiet", "--no-write-fetch-head", "--", str(place.clone), f"+{ref}:{ref}")
    return commit


def close_workplace(place: Workplace) -> None:
    """Delete a workplace."""
    shutil.rmtree(place.clone, ignore_errors=True)


def processes_in(folder: Path) -> list[int]:
    """Return the processes whose current folder is in ``folder``: those that outlived the `rlx` that started them."""
    import psutil

    found, top = [], str(folder.resolve())
    for process in psutil.process_iter(["pid"]):
        try:
            here = process.cwd()
        except psutil.Error:
            continue
        if here == top or here.startswith(f"{top}{os.sep}"):
            found.append(int(process.pid))
    return sorted(found)
