"""The only module that talks to Git and DVC: the state of the code, the study's roster, experiments."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.atomic import write_text
from rlx.errors import CommandFailed, ConfigError, Interrupted, Missing

RESULTS = ("config_snapshot.yaml", "eval", "plots", "metadata.json")
"""What the compare stage needs of each run, as paths in its folder."""
SINGLE_RUN = "RLX_SINGLE_RUN"
"""Set while ``rlx train`` runs the stages of one run alone: the compare stage, and so its roster, is not involved."""


def environment() -> dict[str, str]:
    """Return the environment for DVC and Git: our interpreter first on the path, nothing phones home."""
    folder = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", "")
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{path}", "DVC_NO_ANALYTICS": "1", "GIT_TERMINAL_PROMPT": "0"}


def git(root: Path, *arguments: str) -> str:
    """Run Git in ``root`` and return what it prints.

    Raises:
        CommandFailed: Git refused, or is not installed; its own words are in the message.
    """
    return _run(root, ["git", *arguments])


def git_blobs(root: Path, names: Sequence[str]) -> list[bytes | None]:
    """Return the content of ``REVISION:PATH`` objects, None for those that do not exist, in one call of Git."""
    if not names:
        return []
    wanted = "".join(f"{name}\n" for name in names).encode()
    command = ["git", "cat-file", "--batch"]
    done = subprocess.run(command, cwd=root, env=environment(), input=wanted, capture_output=True, check=False)
    if done.returncode:
        raise CommandFailed(f"`git cat-file --batch` failed: {done.stderr.decode(errors='replace').strip()}")
    found: list[bytes | None] = []
    rest = done.stdout
    position = 0
    for _ in names:
        end = rest.index(b"\n", position)
        header, position = rest[position:end], end + 1
        if header.endswith((b" missing", b" ambiguous")):
            found.append(None)
            continue
        size = int(header.split(b" ")[2])
        found.append(rest[position : position + size])
        position += size + 1
    return found


def dvc(root: Path, *arguments: str) -> str:
    """Run DVC in ``root`` and return what it prints; see :func:`git`."""
    return _run(root, [sys.executable, "-m", "dvc", *arguments])


def _run(root: Path, command: list[str]) -> str:
    shown = " ".join(["dvc", *command[3:]] if command[1:3] == ["-m", "dvc"] else command)
    try:
        done = subprocess.run(command, cwd=root, env=environment(), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise CommandFailed(f"`{shown}` cannot run: {command[0]} is not installed") from None
    if done.returncode:
        raise CommandFailed(f"`{shown}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout


@dataclass(frozen=True)
class GitState:
    """The code a run was made with: the commit, and the files that differ from it."""

    commit: str | None
    dirty: tuple[str, ...]


def git_state(root: Path) -> GitState:
    """Return the commit of ``root`` and its modified or untracked files; no commit outside Git."""
    try:
        commit = git(root, "rev-parse", "HEAD").strip()
        lines = git(root, "status", "--porcelain", "--untracked-files=all", "-z").split("\0")
    except CommandFailed:
        return GitState(None, ())
    results, entries, changed = re.compile(r"^(runs/|analysis/|dvc\.lock$)"), iter(lines), []
    for entry in entries:
        if entry[:1] in ("R", "C"):
            next(entries, None)  # the old name of a file that was renamed or copied
        if len(entry) > 3 and not results.match(entry[3:]):
            changed.append(entry[3:])
    return GitState(commit, tuple(sorted(changed)))


# --- the roster -------------------------------------------------------------------------------------------------------


def compare_deps(runs: Sequence[str]) -> list[str]:
    """Return what the compare stage must list for these runs, in order."""
    return [f"runs/{run}/{result}" for run in runs for result in RESULTS]


def check_roster(root: Path, runs: Sequence[str]) -> None:
    """Check that the compare stage in ``dvc.yaml`` depends on exactly the study's runs.

    Raises:
        ConfigError: It does not; the message carries the cure.
    """
    if os.environ.get(SINGLE_RUN):
        return
    listed = {dep.split("/")[1] for dep in _listed(_load_pipeline(root)) if dep.startswith("runs/")}
    if [dep for dep in _listed(_load_pipeline(root)) if dep.startswith("runs/")] != compare_deps(runs):
        missing, extra = [run for run in runs if run not in listed], sorted(listed - set(runs))
        facts = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"still lists {', '.join(extra)}"] * bool(extra)
        what = " and ".join(facts) or "lists their results incompletely or in another order"
        raise ConfigError(
            f"dvc.yaml: the compare stage is out of step with study.runs in params.yaml: it {what}; mend it with `rlx sync`"
        )


def sync_roster(root: Path, runs: Sequence[str]) -> bool:
    """Bring the compare stage's deps in ``dvc.yaml`` in step with the study's runs; comments stay.

    Returns:
        Whether anything had to change.
    """
    pipeline = _load_pipeline(root)
    listed = _listed(pipeline)
    wanted = [dep for dep in listed if not dep.startswith("runs/")] + compare_deps(runs)
    if listed == wanted:
        return False
    import io

    deps = pipeline["stages"]["compare"]["deps"]
    deps[:] = wanted
    buffer = io.StringIO()
    _yaml().dump(pipeline, buffer)
    write_text(root / "dvc.yaml", buffer.getvalue())
    return True


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _load_pipeline(root: Path) -> Any:
    from ruamel.yaml.error import YAMLError

    try:
        return _yaml().load((root / "dvc.yaml").read_text(encoding="utf-8"))
    except (YAMLError, OSError) as error:
        raise ConfigError(f"dvc.yaml: cannot be read: {error}") from None


def _listed(pipeline: Any) -> list[str]:
    try:
        return [str(dep) for dep in pipeline["stages"]["compare"]["deps"]]
    except (KeyError, TypeError):
        raise ConfigError(
            "dvc.yaml: has no stage `compare` with `deps`; `rlx init` in an empty folder shows how it should look"
        ) from None


# --- experiments ------------------------------------------------------------------------------------------------------


def experiment_names(root: Path) -> list[str]:
    """Return the names of all kept experiments."""
    refs = git(root, "for-each-ref", "--format=%(refname)", "refs/exps").split()
    return [
        ref.split("/")[4]
        for ref in refs
        if len(ref.split("/")) == 5 and not ref.startswith(("refs/exps/exec", "refs/exps/celery"))
    ]


def next_name(root: Path, run: str) -> str:
    """Return the first free ``<run>_NNN``, past every experiment and run folder of that name."""
    pattern = re.compile(rf"{re.escape(run)}_(\d{{3,}})")
    names = [*experiment_names(root), *(path.name for path in (root / "runs").glob(f"{run}_*"))]
    taken = [int(match[1]) for name in names if (match := pattern.fullmatch(name))]
    return f"{run}_{max(taken, default=0) + 1:03d}"


def add_new_files(root: Path) -> list[str]:
    """Stage untracked configs and code, which a DVC experiment would otherwise not see.

    Returns:
        The files staged.
    """
    listed = git(
        root, "ls-files", "--others", "--exclude-standard", "-z", "--", "configs", "envs", "policies", "stages"
    )
    files = [name for name in listed.split("\0") if name]
    if files:
        git(root, "add", "--", *files)
    return files


def run_experiment(root: Path, name: str, run: str, runs: Sequence[str], overrides: Sequence[str]) -> int:
    """Run all stages of one run as a DVC experiment in a temporary copy; the workspace is not touched.

    Args:
        root: The project.
        name: What to call the experiment.
        run: Whose stages to run.
        runs: The study's roster.
        overrides: ``KEY=VALUE`` as ``dvc exp run -S`` takes them.

    Returns:
        DVC's exit status (130 after Ctrl-C); its output, with the live progress of training, goes to the terminal.
    """
    settings = [*overrides]
    if run not in runs:
        settings.append(f"study.runs=[{','.join([*runs, run])}]")
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "exp", "run", "--quiet", "--temp", "-n", name]
    for setting in settings:
        command += ["-S", setting]
    command += [f"analyze@{run}", f"video@{run}"]
    process = subprocess.Popen(command, cwd=root, env={**environment(), SINGLE_RUN: run})
    interrupted = False
    while True:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            interrupted = True  # the terminal sent Ctrl-C to the stages too; wait until they have stopped
            continue
        return Interrupted.exit_code if interrupted else status


def export_experiment(root: Path, name: str, run: str) -> Path:
    """Copy the run of a kept experiment into the browsable folder ``runs/<name>/``, read-only.

    Raises:
        Missing: There is no such experiment, or its files are not in the cache.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc.scm import SCMError

    target = root / "runs" / name
    try:
        files = DVCFileSystem(url=str(root), rev=name)
        source = f"runs/{run}"
        for path in files.find(source):
            local = target / Path(path).relative_to(source)
            if local.name == ".gitignore":
                continue
            local.parent.mkdir(parents=True, exist_ok=True)
            files.get_file(path, str(local))
            local.chmod(0o444)
        write_text(target / ".gitignore", "*\n")  # Git and DVC keep the original
    except (DvcException, SCMError, OSError) as error:
        raise Missing(f"experiment {name}: its files cannot be fetched: {error}") from None
    return target
