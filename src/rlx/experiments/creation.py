"""A new project, with Git and DVC set up and the first state committed."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlx.config import RunConfig, dump, write_bytes
from rlx.errors import CommandFailed, UsageError
from rlx.experiments.clone import set_up
from rlx.experiments.roster import sync_roster
from rlx.experiments.template import template_files
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


def create_project(folder: Path, env_id: str | None, remote: str | None = None, *, hooks: bool = True) -> list[str]:
    """Write a project into ``folder`` and commit it.

    Args:
        folder: A folder that does not exist, is empty, or is a Git repository without any file of the project's names.
        env_id: Start on this Gymnasium environment instead of the default study.
        remote: Where `dvc push` shall put results: a folder or a URL. Set before the first experiment, which carries it.
        hooks: Let results follow `git checkout`, by DVC's hook.

    Returns:
        What the caller should tell the user besides success.

    Raises:
        UsageError: A file would be overwritten, or the environment does not exist.
        CommandFailed: There is no Git; nothing is written.
    """
    git(Path.cwd(), "--version")
    files = {name: path.read_bytes() for name, path in template_files().items()}
    notes = []
    if env_id is not None:
        facts, wrappers = _check_environment(env_id)
        section, source = _settings(env_id, facts, wrappers)
        files = _for_environment(files, env_id, section, source)
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


def _check_environment(env_id: str) -> tuple[EnvironmentFacts, list[str]]:
    """Try an environment out; return what is known of it, and the wrappers that a policy needs around it.

    Raises:
        UsageError: It does not exist, or cannot be trained in.
    """
    from rlx.config import EnvConfig
    from rlx.experiments.environment_check import check_environment
    from rlx.experiments.environment_misfits import misfits

    if not env_id.strip():
        raise UsageError("--env: is empty; which Gymnasium environment? (`--env CartPole-v1`, or `--env module:ID`)")
    known = [[], *([wrapper] for module, wrapper in WRAPPERS.items() if env_id.startswith(f"{module}:"))]
    said = ""
    for wrappers in reversed(known):
        with tempfile.TemporaryDirectory(prefix="rlx-") as empty:
            facts = check_environment(Path(empty), EnvConfig(id=env_id, wrappers=wrappers, step_timeout=PATIENCE)).facts
        section, _ = _settings(env_id, facts, wrappers)
        problems = [each.message for each in facts.problems]
        problems = problems or [message for _, message in misfits(RunConfig.model_validate(section), facts)]
        if not problems:
            return facts, wrappers
        said = problems[0]
    raise UsageError(f"--env: {said}")


def _settings(env_id: str, facts: EnvironmentFacts, wrappers: list[str]) -> tuple[dict[str, Any], str]:
    """Return everything that `params.yaml` shall say of a run on an environment, and where that comes from."""
    from rlx.config import settings_for

    spaces = (None if space is None else space.data for space in (facts.observation_space, facts.action_space))
    section, source = settings_for(env_id, *spaces)
    total = section["algo"]["total_timesteps"]
    section["env"] |= {"wrappers": wrappers} if wrappers else {}
    return section | {"checkpoint": {"save_every": total // 4}, "eval": {"every": total // 10}}, source


def _for_environment(files: dict[str, bytes], env_id: str, section: Mapping[str, Any], source: str) -> dict[str, bytes]:
    """Return the project with a study of its own: a baseline on ``env_id`` and a variant to start from."""
    files = dict(files)
    shipped = [name for name in files if name.startswith("configs/")]
    for name in shipped:
        if not name.startswith("configs/bossfight"):
            del files[name]
    files["configs/baseline.yaml"] = (
        f"# The baseline: the base configuration as it stands in params.yaml.\nrun_name: {env_id} baseline\n".encode()
    )
    variant = {"run_name": f"{env_id} with an entropy bonus", "algo": {"entropy_coef": 0.01}}
    if section["algo"].get("entropy_coef") == 0.01:
        variant |= {"run_name": f"{env_id} without entropy bonus", "algo": {"entropy_coef": 0.0}}
    files["configs/variant.yaml"] = (
        f"# One change, to be judged against the baseline: make it yours.\n{dump(variant)}".encode()
    )
    files["configs/bossfight.yaml"] = _completed(files["configs/bossfight.yaml"].decode(), section).encode()
    files["params.yaml"] = _edited(files["params.yaml"].decode(), section, source).encode()
    return files


def _completed(text: str, section: Mapping[str, Any]) -> str:
    """Return a full config that also says what this project's base would otherwise decide for it."""
    yaml, defaults = _yaml(), RunConfig().model_dump()
    data: Any = yaml.load(text)
    for name in ("env", "algo", "policy"):
        for key in section[name]:
            data[name].setdefault(key, defaults[name][key])
    buffer = io.StringIO()
    yaml.dump(data, buffer)
    return buffer.getvalue()


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 120
    yaml.representer.add_representer(
        type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml


def _edited(text: str, section: Mapping[str, Any], source: str) -> str:
    """Return ``params.yaml`` with another base configuration: what it says is what the baseline is trained with."""
    yaml = _yaml()
    lines = text.splitlines(keepends=True)
    mark = next(index for index, line in enumerate(lines) if line.startswith("# --- The base configuration"))
    lines.insert(mark + 1, f"# {source}\n")
    data: Any = yaml.load("".join(lines))
    data["study"]["runs"][:] = ["baseline", "variant"]
    data["study"]["baseline"] = "baseline"
    data["num_seeds"] = STARTING_SEEDS
    defaults = RunConfig().model_dump()
    for name, values in section.items():
        said = {key: defaults[name][key] for key in data[name] if name in ("algo", "policy") and key != "name"} | values
        for key, value in said.items():
            if key not in data[name]:
                data[name].insert(len(data[name]) - 1, key, value)  # before the last, which holds the blank line behind
            elif data[name][key] != value:
                data[name][key] = value
    buffer = io.StringIO()
    yaml.dump(data, buffer)
    return buffer.getvalue()
