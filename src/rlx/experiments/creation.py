"""A new project, with Git and DVC set up and the first state committed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from rlx.config import RunConfig, write_bytes
from rlx.errors import CommandFailed, UsageError
from rlx.experiments.clone import set_up
from rlx.experiments.roster import sync_roster
from rlx.experiments.starting import for_environment, settings_of
from rlx.experiments.template import is_shipped, template_files
from rlx.launch import dvc, git, has_identity

if TYPE_CHECKING:
    from rlx.records import EnvironmentFacts

README = """# {name}

An rlx project: reinforcement-learning experiments as a DVC pipeline.

    dvc repro                                   # train, evaluate, film, analyse and compare the study
    rlx compare                                 # the verdicts
    rlx train {run} -S algo.learning_rate=0.001 # one experiment, beside the study

`params.yaml` says what is studied and how runs are judged; `configs/` holds a file per run; `envs/`, `policies/` and
`algorithms/` are Python packages for environments, networks and algorithms of your own; `runs/` and `analysis/compare/` hold the results.
"""


WRAPPERS = {"minigrid": "minigrid.wrappers.ImgObsWrapper"}
"""What observations of a package's environments need before a policy can read them, by the module in `module:ID`."""
APPENDED = (".gitignore", ".gitattributes")
"""Files of a new project that may be there already, and to which its lines are added."""
PATIENCE = 60.0
"""Seconds that one call of a new project's environment may take while it is checked."""
STARTING_SEEDS = 5
"""Seeds of a new study on an environment of the person's choice: the fewest for a verdict, where training may be slow."""


def create_project(
    folder: Path, env_id: str | None, remote: str | None = None, *, algorithm: str = "ppo", hooks: bool = True
) -> list[str]:
    """Write a project into ``folder`` and commit it.

    Args:
        folder: A folder that does not exist, is empty, or is a Git repository without any file of the project's names.
        env_id: Start on this Gymnasium environment instead of the default study.
        remote: Where `dvc push` shall put results: a folder or a URL. Set before the first experiment, which carries it.
        algorithm: Which of rlx's own, or of the pages that a project is made with, trains there.
        hooks: Let results follow `git checkout`, by DVC's hook.

    Returns:
        What the caller should tell the user besides success.

    Raises:
        UsageError: A file would be overwritten, or the environment or the algorithm does not exist, or they do not fit.
        CommandFailed: There is no Git; nothing is written.
    """
    git(Path.cwd(), "--version")
    files = {name: path.read_bytes() for name, path in template_files().items()}
    notes = []
    if env_id is not None:
        facts, wrappers = _check_environment(env_id, algorithm)
        section, source = settings_of(env_id, algorithm, facts, wrappers)
        files = for_environment(files, env_id, section, source, seeds=STARTING_SEEDS)
        notes = [source, _cost(section["algo"]["total_timesteps"])]
    run = "baseline" if env_id is not None else "cartpole"
    files.setdefault("README.md", README.format(name=folder.resolve().name, run=run).encode())
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; choose another name")
    present = [name for name in files if (folder / name).exists() and name not in ("README.md", *APPENDED)]
    if present or (folder / "dvc.yaml").exists():
        listed = ", ".join(present[:5]) + (", …" if len(present) > 5 else "")
        raise UsageError(f"{folder} already has {listed}; rlx init never overwrites a file. Choose an empty folder")
    if (folder / "README.md").exists():
        del files["README.md"]
    for name, content in files.items():
        target = folder / name
        if name in APPENDED and target.exists():
            content = target.read_bytes().rstrip() + b"\n" + content  # noqa: PLW2901
        write_bytes(target, content)
    if env_id is not None:
        sync_roster(folder, ["baseline", "variant"])
    return [*notes, *_commit(folder, [*files], remote), *set_up(folder, hooks=hooks)]


def is_project(folder: Path) -> bool:
    """Tell whether a folder is the top of a project already, in a repository of Git's."""
    named = all((folder / name).is_file() for name in ("dvc.yaml", "params.yaml", ".dvc/config"))
    return (
        named
        and "stages.compare" in (folder / "dvc.yaml").read_text(encoding="utf-8", errors="replace")
        and (folder / ".git").exists()
    )


def _cost(steps: int) -> str:
    """Return what the study of a new project on an environment will train."""
    total = 2 * STARTING_SEEDS * steps
    return (
        f"the study trains 2 runs × {STARTING_SEEDS} seeds × {steps:,} steps = {total:,} steps; "
        "params.yaml says with which settings"
    )


def _commit(folder: Path, files: list[str], remote: str | None) -> list[str]:
    """Make ``folder`` a Git repository of its own if it is not inside one, and commit the project's files."""
    notes = []
    try:
        top = Path(git(folder, "rev-parse", "--show-toplevel").strip())
    except CommandFailed:
        top = None
    if top is None:
        git(folder, "init", "--quiet")
    elif top.resolve() != folder.resolve():
        notes.append(
            f"{folder} is inside the Git repository {top}: DVC experiments need a repository of their own; made one here"
        )
        git(folder, "init", "--quiet")
    if remote is not None:
        place = remote if "://" in remote else str(Path(remote).resolve())
        dvc(folder, "remote", "add", "--quiet", "--default", "storage", place)
    git(folder, "add", "--force", "--", *files)
    identity = [] if has_identity(folder) else ["-c", "user.name=rlx", "-c", "user.email=rlx@localhost"]
    if identity:
        notes.append(
            "Git does not know who you are, so the first commit is rlx's: set `git config user.name` and `user.email`"
        )
    git(folder, *identity, "commit", "--quiet", "-m", "Start an rlx project", "--", *files)
    return notes


def _check_environment(env_id: str, algorithm: str) -> tuple[EnvironmentFacts, list[str]]:
    """Try an environment out; return what is known of it, and the wrappers that a policy needs around it.

    Raises:
        UsageError: It does not exist, or the algorithm does not, or cannot be trained in it.
    """
    from rlx.config import EnvConfig, unknown_algorithm
    from rlx.experiments.environment_check import check_environment
    from rlx.experiments.environment_misfits import misfits

    if not env_id.strip():
        raise UsageError("--env: is empty; which Gymnasium environment? (`--env CartPole-v1`, or `--env module:ID`)")
    if not is_shipped(algorithm):
        raise UsageError(f"--algo: {unknown_algorithm(algorithm)}")
    known = [[], *([wrapper] for module, wrapper in WRAPPERS.items() if env_id.startswith(f"{module}:"))]
    said = ""
    for wrappers in reversed(known):
        with tempfile.TemporaryDirectory(prefix="rlx-") as empty:
            facts = check_environment(Path(empty), EnvConfig(id=env_id, wrappers=wrappers, step_timeout=PATIENCE)).facts
        section, _ = settings_of(env_id, algorithm, facts, wrappers)
        problems = [f"--env: {each.message}" for each in facts.problems]
        problems = problems or [
            f"{'--algo' if path[0] == 'algo' and algorithm != 'ppo' else '--env'}: {message}"
            for path, message in misfits(RunConfig.model_validate(section), facts)
        ]
        if not problems:
            return facts, wrappers
        said = problems[0]
    raise UsageError(said)
