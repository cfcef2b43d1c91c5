"""How long `rlx ls` takes on a project with many runs, beside `dvc exp show` on the same: python benchmarks/listing.py."""

from __future__ import annotations

import argparse
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


def main() -> None:
    """Print seconds, and ratios to DVC's own listing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--experiments", type=int, default=500)
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
    print(f"{len(text.splitlines()) - 1} rows: {arguments.runs} folders, {arguments.experiments} experiments")
    print(f"rlx ls, no index   {cold:6.2f} s   dvc exp show, first {first:6.2f} s   ratio {cold / first:.3f}")
    print(f"rlx ls, index      {warm:6.2f} s   dvc exp show, again {again:6.2f} s   ratio {warm / again:.3f}")
    print(f"rlx ls as a table  {table:6.2f} s")


if __name__ == "__main__":
    main()
