"""A small project under Git and DVC's cache whose results are stored ones: for what finds, keeps and shows runs."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from rlx.experiments import Record
from tests.conftest import REPOSITORY, Project, own

OUTPUTS = {
    "train": ("metadata.json", "metrics.jsonl"),
    "eval": ("eval",),
    "analyze": ("plots",),
}
"""What DVC keeps of a run here, by stage."""
RUNS = ("cartpole", "cartpole_epochs")


def stored_project(root: Path) -> Project:
    """Make a committed project of two finished runs; nothing of it was trained here."""
    shutil.copytree(REPOSITORY / "tests/data/documents/project", root)
    for name in ("dvc.yaml", ".gitignore", "stages"):
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root)
    project = Project(root)
    project.write(".dvc/config", "[core]\n    analytics = false\n")
    project.write(".dvc/.gitignore", "/config.local\n/tmp\n/cache\n")
    project.write(
        "runs/.gitignore", "".join(f"/*/{output}\n" for outputs in OUTPUTS.values() for output in outputs) + "/*.yaml\n"
    )
    for run in RUNS:
        own(root / "runs" / run)
    record(project)
    project.git("init", "-q", "-b", "main")
    project.commit("the study")
    return project


def record(project: Project) -> None:
    """Let DVC's cache hold the results that are in the folders of runs, and ``dvc.lock`` say so."""
    lines = ["schema: '2.0'", "stages:"]
    for run in RUNS:
        for stage, outputs in OUTPUTS.items():
            lines += [f"  {stage}@{run}:", f"    cmd: python -m stages.{stage} {run}", "    outs:"]
            for output in outputs:
                digest = keep(project, project.root / "runs" / run / output)
                lines += [f"    - path: runs/{run}/{output}", "      hash: md5", f"      md5: {digest}"]
    project.write("dvc.lock", "\n".join(lines) + "\n")


def keep(project: Project, path: Path) -> str:
    """Put a file or folder into DVC's cache as DVC does, and return its hash."""
    if path.is_file():
        return _object(project, path.read_bytes(), "")
    listing = [
        {"md5": keep(project, inner), "relpath": inner.relative_to(path).as_posix()}
        for inner in sorted(path.rglob("*"))
        if inner.is_file()
    ]
    return _object(project, json.dumps(listing).encode(), ".dir")


def _object(project: Project, content: bytes, kind: str) -> str:
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest() + kind
    path = object_of(project, digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return digest


def object_of(project: Project, digest: str) -> Path:
    """Return the place of an object in the project's cache."""
    return project.root / ".dvc/cache/files/md5" / digest[:2] / digest[2:]


def experiment(
    project: Project, name: str, run: str = "cartpole", *, gain: float = 5.0, author: Mapping[str, str] | None = None
) -> str:
    """Keep an experiment of a run that scored more, and return its commit; the workspace stays as it is.

    Args:
        project: The project.
        name: Its name.
        run: The run.
        gain: How much more its policies score.
        author: Variables by which Git knows who made it.
    """
    head = project.git("rev-parse", "HEAD").strip()
    folder = project.root / "runs" / run
    before = {path: path.read_text() for path in (folder / "eval/summary.json", folder / "config_snapshot.yaml")}
    for path, text in before.items():
        if path.suffix == ".json":
            content = json.loads(text)
            for checkpoint in content["checkpoints"].values():
                checkpoint["return_mean"] += gain
            path.write_text(json.dumps(content))
        else:
            path.write_text(text.replace("gamma: 0.98", f"gamma: 0.9{int(gain) % 8}"))
    original = (folder / "metadata.json").read_text()
    own(folder)
    record(project)
    project.git("add", "-A")
    tree = project.git("write-tree").strip()
    message = Record(run, (f"algo.gamma=0.9{int(gain) % 8}",), (f"analyze@{run}",)).to_message(name)
    variables = [f"{key}={value}" for key, value in (author or {}).items()]
    commit = project.run("env", *variables, "git", "commit-tree", tree, "-p", head, "-m", message).stdout.strip()
    project.git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/{name}", commit)
    for path, text in before.items():
        path.write_text(text)
    (folder / "metadata.json").write_text(original)
    project.git("reset", "-q", "--hard")
    return commit
