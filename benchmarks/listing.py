"""How long `rlx ls` takes on a project with many runs, beside `dvc exp show` on the same: python benchmarks/listing.py.

With `--existing PYTHON`, also beside the package `rlx-workbench` from PyPI (0.3.0), installed for that interpreter: as many
runs in its own format, with the same metrics.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ENVIRONMENT = {**os.environ, "DVC_NO_ANALYTICS": "1"}


def call(folder: Path, *command: str, stdin: str | None = None) -> tuple[str, float]:
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr or done.stdout}")
    return done.stdout, time.perf_counter() - started


def project(folder: Path, runs: int, experiments: int) -> None:
    """Make a clone of this repository with copies of its run as folders, and commits of its results as experiments."""
    here = Path(__file__).parents[1]
    call(here, "git", "clone", "--quiet", str(here), str(folder))
    shutil.copytree(here / ".dvc" / "cache", folder / ".dvc" / "cache")
    call(folder, sys.executable, "-m", "dvc", "checkout", "--quiet")
    for index in range(runs):
        target = folder / "runs" / f"copy{index}"
        (target / "eval").mkdir(parents=True)
        for name in ("config_snapshot.yaml", "metadata.json", "eval/summary.json"):
            shutil.copyfile(folder / "runs" / "cartpole" / name, target / name)
    head = call(folder, "git", "rev-parse", "HEAD")[0].strip()
    stream = "".join(
        f"commit refs/exps/{head[:2]}/{head[2:]}/exp{index}\ncommitter b <b@localhost> {1_700_000_000 + index} +0000\n"
        f"data 1\nx\nfrom {head}\nM 100644 inline note{index}\ndata 1\nx\n"
        for index in range(experiments)
    )
    call(folder, "git", "fast-import", "--quiet", stdin=stream)


def existing(python: str, runs: int, project_with_runs: Path, folder: Path) -> None:
    """Print how long the existing tool takes for its help and for as many runs."""
    rlx = [python, "-m", "rlx"]
    call(folder, *rlx, "init", str(folder / "existing"))
    metrics = (project_with_runs / "runs" / "cartpole" / "metrics.jsonl").read_text().splitlines(keepends=True)[:196]
    for index in range(runs):
        run = folder / "existing" / "runs" / f"run{index}"
        (run / "eval").mkdir(parents=True)
        facts = {
            "run_id": run.name,
            "run_name": "run",
            "status": "completed",
            "environment": "CartPole-v1",
            "seed": index,
        }
        (run / "metadata.json").write_text(json.dumps(facts))
        (run / "metrics.jsonl").write_text("".join(metrics))
        shutil.copyfile(project_with_runs / "runs" / "cartpole" / "config_snapshot.yaml", run / "config_snapshot.yaml")
    text, first = call(folder / "existing", *rlx, "ls")
    again = min(call(folder / "existing", *rlx, "ls")[1] for _ in range(2))
    ours = min(call(project_with_runs, "rlx", "ls")[1] for _ in range(3))
    print(
        f"existing tool, ls  {again:6.2f} s (first {first:.2f} s), {text.count('run')} names   ratio {ours / again:.3f}"
    )
    help_there, help_here = (min(call(folder, *command, "--help")[1] for _ in range(5)) for command in (rlx, ["rlx"]))
    print(
        f"rlx --help         {help_here:6.2f} s   existing tool {help_there:6.2f} s   ratio {help_here / help_there:.3f}"
    )


def main() -> None:
    """Print seconds, and ratios to DVC's own listing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--experiments", type=int, default=500)
    parser.add_argument("--existing", metavar="PYTHON", help="An interpreter that has rlx-workbench.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        project(folder, arguments.runs, arguments.experiments)
        text, cold = call(folder, "rlx", "ls", "--csv")
        warm = min(call(folder, "rlx", "ls", "--csv")[1] for _ in range(5))
        table = min(call(folder, "rlx", "ls")[1] for _ in range(3))
        dvc = [sys.executable, "-m", "dvc", "exp", "show", "--csv", "-A"]
        first = call(folder, *dvc)[1]
        again = min(call(folder, *dvc)[1] for _ in range(2))
        if arguments.existing:
            existing(arguments.existing, arguments.runs, folder, Path(temporary))
    print(f"{len(text.splitlines()) - 1} rows: {arguments.runs} folders, {arguments.experiments} experiments")
    print(f"rlx ls, no index   {cold:6.2f} s   dvc exp show, first {first:6.2f} s   ratio {cold / first:.3f}")
    print(f"rlx ls, index      {warm:6.2f} s   dvc exp show, again {again:6.2f} s   ratio {warm / again:.3f}")
    print(f"rlx ls as a table  {table:6.2f} s")


if __name__ == "__main__":
    main()
