"""A new project, with Git and DVC set up and the first state committed."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rlx.atomic import write_bytes
from rlx.config.document import dump
from rlx.errors import CommandFailed, UsageError
from rlx.experiments import dvc, git, sync_roster
from rlx.experiments.tools import has_identity
from rlx.template import template_files

README = """# {name}

An rlx project: reinforcement-learning experiments as a DVC pipeline.

    dvc repro                                   # train, evaluate, film, analyse and compare the study
    rlx compare                                 # the verdicts
    rlx train {run} -S algo.learning_rate=0.001 # one experiment, beside the study

`params.yaml` says what is studied and how runs are judged; `configs/` holds a file per run; `envs/` and `policies/`
are Python packages for environments and networks of your own; `runs/` and `analysis/compare/` hold the results.
"""


STARTING_SEEDS = 5
"""Seeds of a new study on an environment of the person's choice: the fewest for a verdict, where training may be slow."""


def create_project(folder: Path, env_id: str | None, remote: str | None = None) -> list[str]:
    """Write a project into ``folder`` and commit it.

    Args:
        folder: A folder that does not exist, is empty, or is a Git repository without any file of the project's names.
        env_id: Start on this Gymnasium environment instead of the default study.
        remote: Where `dvc push` shall put results: a folder or a URL. Set before the first experiment, which carries it.

    Returns:
        What the caller should tell the user besides success.

    Raises:
        UsageError: A file would be overwritten, or the environment does not exist.
        CommandFailed: There is no Git; nothing is written.
    """
    git(Path.cwd(), "--version")
    files = {name: path.read_bytes() for name, path in template_files().items()}
    if env_id:
        _check_environment(env_id)
        files = _for_environment(files, env_id)
    run = "baseline" if env_id else "cartpole"
    files.setdefault("README.md", README.format(name=folder.resolve().name, run=run).encode())
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; choose another name")
    present = [name for name in files if (folder / name).exists() and name not in ("README.md", ".gitignore")]
    if present or (folder / "dvc.yaml").exists():
        listed = ", ".join(present[:5]) + (", …" if len(present) > 5 else "")
        raise UsageError(f"{folder} already has {listed}; rlx init never overwrites a file. Choose an empty folder")
    if (folder / "README.md").exists():
        del files["README.md"]
    for name, content in files.items():
        target = folder / name
        if name == ".gitignore" and target.exists():
            content = target.read_bytes().rstrip() + b"\n" + content  # noqa: PLW2901
        write_bytes(target, content)
    if env_id:
        sync_roster(folder, ["baseline", "variant"])
    return [*([_cost(env_id)] if env_id else []), *_commit(folder, [*files], remote)]


def _cost(env_id: str) -> str:
    """Return what the study of a new project on an environment will train."""
    from rlx.known import settings_for

    steps = settings_for(env_id)[0]["algo"].get("total_timesteps", 0)
    total = 2 * STARTING_SEEDS * steps
    return (
        f"the study trains 2 runs × {STARTING_SEEDS} seeds × {steps:,} steps = {total:,} steps; "
        f"what configs/baseline.yaml sets overrides params.yaml"
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


def _check_environment(env_id: str) -> None:
    from rlx.config.schema import EnvConfig
    from rlx.envs import make_env
    from rlx.errors import EnvironmentUnusable

    try:
        make_env(EnvConfig(id=env_id)).close()
    except EnvironmentUnusable as error:
        raise UsageError(f"--env: {error}") from None


def _threshold(env_id: str) -> float | None:
    """Return the return at which Gymnasium calls an environment solved, where it says so."""
    import gymnasium as gym

    threshold = gym.spec(env_id).reward_threshold
    return None if threshold is None else float(threshold)


def _for_environment(files: dict[str, bytes], env_id: str) -> dict[str, bytes]:
    """Return the project with a study of its own: a baseline on ``env_id`` and a variant to start from."""
    from rlx.known import settings_for

    files = dict(files)
    shipped = [name for name in files if name.startswith("configs/")]
    for name in shipped:
        if not name.startswith("configs/bossfight"):
            del files[name]
    section, source = settings_for(env_id)
    files["configs/baseline.yaml"] = (
        f"# {source}\n# What stands here overrides params.yaml.\nrun_name: {env_id} baseline\n{dump(section)}".encode()
    )
    variant = {"defaults": ["baseline"], "run_name": f"{env_id} with an entropy bonus", "algo": {"entropy_coef": 0.01}}
    if section["algo"].get("entropy_coef") == 0.01:
        variant |= {"run_name": f"{env_id} without entropy bonus", "algo": {"entropy_coef": 0.0}}
    files["configs/variant.yaml"] = (
        f"# One change, to be judged against the baseline: make it yours.\n{dump(variant)}".encode()
    )
    text = files["params.yaml"].decode()
    files["params.yaml"] = _edited(text, env_id, _threshold(env_id)).encode()
    return files


def _edited(text: str, env_id: str, threshold: float | None) -> str:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 120
    yaml.representer.add_representer(
        type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    data: Any = yaml.load(text)
    data["study"]["runs"][:] = ["baseline", "variant"]
    data["study"]["baseline"] = "baseline"
    data["env"]["id"] = env_id
    data["num_seeds"] = STARTING_SEEDS
    data["compare"]["minimum_effect"] = 0.0
    data["compare"]["threshold"] = threshold
    buffer = io.StringIO()
    yaml.dump(data, buffer)
    return buffer.getvalue()
