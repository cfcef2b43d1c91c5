"""Makes the stored projects in ``tests/data/``: a small project with results, as rlx was at a commit (:data:`MADE_AT`).

It has an environment of its own, a stage that its owner edited, and everything that its owner had: Git's history, DVC's
cache and the bench. Run once for each commit, from the repository (``python -m tests.experiments.older_project COMMIT``); what it made
is stored, since later code cannot make it any more.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

DATA = Path(__file__).parents[1] / "data"
STORED = DATA / "older_project.tar.xz"
"""Of the last commit before the house was rebuilt, which trained and evaluated by older semantics."""
STORED_0_1 = DATA / "project_0_1.tar.xz"
"""Of the last commit before 0.2.0."""
MADE_AT = {"1d42f30": STORED, "942139e": STORED_0_1}
SHIPPED = ("dvc.yaml", "params.yaml", "stages", "configs", "envs", "policies", ".gitattributes", ".gitignore")
SHIPPED_SINCE = ("algorithms",)
"""What later commits ship besides."""
SHIPPED_OF_DVC = (".dvcignore", ".dvc/config", ".dvc/.gitignore", ".dvc/plots", "runs/README.md")
EDIT = '    print(f"{run}: trains on the machine of its owner")\n'
"""What the owner added to ``stages/train.py``."""
BEFORE = "    outcomes: list[SeedOutcome] = []\n"
SMALLER = (
    ("runs: [cartpole, cartpole_epochs]", "runs: [cartpole, bossfight]"),
    ("seed: 101", "seed: 1"),
    ("num_seeds: 20", "num_seeds: 2"),
    ("total_timesteps: 50000", "total_timesteps: 512"),
    ("hidden_sizes: [64, 64]", "hidden_sizes: [4]"),
    ("save_every: 25000", "save_every: 512"),
    ("every: 10000", "every: 512"),
    ("  episodes: 20\n", "  episodes: 2\n"),
    ("  episodes: 100\n", "  episodes: 4\n"),
    ("max_steps: 3000", "max_steps: 10"),
    ("max_width: 720", "max_width: 64"),
)
BOSSFIGHT = "run_name: small\nenv: {id: BossFight-v0}\n"


def make(code: Path, root: Path) -> None:
    """Make the project with the code of a checkout of a commit of :data:`MADE_AT`."""
    environment = {**os.environ, "PYTHONPATH": str(code / "src"), "DVC_NO_ANALYTICS": "1"}

    def call(*command: str) -> None:
        subprocess.run(command, cwd=root, env=environment, check=True)

    for name in (*SHIPPED, *SHIPPED_OF_DVC, *(each for each in SHIPPED_SINCE if (code / each).exists())):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (code / name).is_dir() else shutil.copy
        copy(code / name, root / name)
    parameters = (root / "params.yaml").read_text(encoding="utf-8")
    for old, new in SMALLER:
        assert old in parameters, old
        parameters = parameters.replace(old, new)
    (root / "params.yaml").write_text(parameters, encoding="utf-8")
    (root / "configs/bossfight.yaml").write_text(BOSSFIGHT, encoding="utf-8")
    stage = root / "stages/train.py"
    stage.write_text(stage.read_text(encoding="utf-8").replace(BEFORE, EDIT + BEFORE), encoding="utf-8")
    call("git", "init", "--quiet")
    call("git", "config", "user.name", "Owner")
    call("git", "config", "user.email", "owner@localhost")
    call(sys.executable, "-c", "from rlx.cli import main; main()", "sync")
    call("git", "add", "-A")
    call("git", "commit", "--quiet", "-m", "Start")
    call(sys.executable, "-m", "dvc", "repro")
    call("git", "add", "-A")
    call("git", "commit", "--quiet", "-m", "Results")


def is_kept(path: Path, root: Path) -> bool:
    """Tell whether a file of the project is stored: all but what `dvc checkout` brings back, and caches of Python's and DVC's."""
    name = path.relative_to(root).as_posix()
    listed = subprocess.run(["git", "check-ignore", "--quiet", name], cwd=root, check=False).returncode == 0
    if name.startswith(".dvc/tmp/"):
        return name.startswith(".dvc/tmp/rlx/") and path.suffix != ".lock"
    return name.startswith((".git/", ".dvc/cache/files/")) or not listed


def main(commit: str) -> None:
    """Make the archive of a commit."""
    repository = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory() as place:
        code, root = Path(place, "code"), Path(place, "project")
        root.mkdir()
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(code), commit], cwd=repository, check=True)
        try:
            make(code, root)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(code)], cwd=repository, check=True)
        shutil.rmtree(root / ".git" / "hooks", ignore_errors=True)
        with tarfile.open(MADE_AT[commit], "w:xz", preset=9) as archive:
            for path in sorted(path for path in root.rglob("*") if path.is_file() and is_kept(path, root)):
                archive.add(path, path.relative_to(root).as_posix())
    sys.stdout.write(f"{MADE_AT[commit]}: {MADE_AT[commit].stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
