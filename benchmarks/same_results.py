"""Whether two checkouts of rlx give the same results: weights, metrics, episodes and verdicts, compared by content.

``python -m benchmarks.same_results OTHER`` makes the default study (and LunarLander's, where Box2D is installed) with the
code of this checkout and with that of the checkout at OTHER, each in a fresh project of its own template, and compares what
came out. Files may be called and laid out otherwise; numbers may not differ in a single bit. Prints ``equal``, or what
differs, and exits with 1 then.

What is compared, of every run: each tensor of the final and best policies and their optimisers, the normaliser's
statistics, every value of ``metrics.jsonl`` (``update``, as older versions called it, is ``iteration``), every
held-out episode, and each comparison's verdict, difference, interval and p-value.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import yaml

HERE = Path(__file__).parents[1]
STUDIES = {"default": None, "LunarLander": ["lunarlander", "lunarlander_no_entropy"]}
"""The rosters: None is the template's own."""
RENAMED = {"update": "iteration"}
JUDGED = ("run", "verdict", "p_value")


def make(checkout: Path, folder: Path, runs: list[str] | None) -> None:
    """Make a study in a fresh project with the code of a checkout."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(checkout / "src"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
    }

    def call(*command: str, where: Path) -> None:
        subprocess.run([sys.executable, "-m", *command], cwd=where, env=environment, check=True, stdout=sys.stderr)

    script = "import sys; from rlx.cli import main; sys.argv = ['rlx', 'init', sys.argv[1]]; main()"
    subprocess.run([sys.executable, "-c", script, str(folder)], env=environment, check=True, stdout=sys.stderr)
    if runs is not None:
        text = (folder / "params.yaml").read_text()
        study = {"runs": runs, "baseline": runs[0]}
        lines = [line for line in text.splitlines() if not line.startswith(("study:", "  runs:", "  baseline:"))]
        (folder / "params.yaml").write_text("\n".join(lines) + f"\nstudy: {json.dumps(study)}\n")
        sync = "import sys; from rlx.cli import main; sys.argv = ['rlx', 'sync']; main()"
        subprocess.run([sys.executable, "-c", sync], cwd=folder, env=environment, check=True, stdout=sys.stderr)
    call("dvc", "repro", where=folder)


def content(folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield everything that is compared, each under a name."""
    for run in yaml.safe_load((folder / "params.yaml").read_text())["study"]["runs"]:
        place = folder / "runs" / run
        for path in sorted(place.glob("checkpoints/seed_*/*.zip")):
            if path.stem in ("latest", "best"):
                yield from _checkpoint(f"{run} {path.parent.name} {path.stem}", path)
        for number, line in enumerate((place / "metrics.jsonl").read_text().splitlines()):
            row = {RENAMED.get(name, name): value for name, value in json.loads(line).items()}
            yield f"{run} metrics.jsonl row {number}", row
        text = (place / "eval" / "episodes.csv").read_text()
        for number, row in enumerate(csv.DictReader(io.StringIO(text))):
            yield f"{run} episode {number}", row
    found = json.loads((folder / "analysis" / "compare" / "comparison.json").read_text())
    for comparison in found["comparisons"]:
        judged = {name: comparison[name] for name in JUDGED} | {"difference": comparison.get("difference")}
        yield f"verdict on {comparison['run']}", judged


def _checkpoint(name: str, path: Path) -> Iterator[tuple[str, Any]]:
    with zipfile.ZipFile(path) as archive:
        for member in ("policy.pth", "policy.optimizer.pth"):
            loaded = torch.load(io.BytesIO(archive.read(member)), weights_only=True)
            yield from ((f"{name} {member} {part}", value) for part, value in _tensors(loaded, ""))
        if "rlx/normalizer.json" in archive.namelist():
            yield f"{name} normaliser", json.loads(archive.read("rlx/normalizer.json"))


def _tensors(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _tensors(value, f"{path}/{key}")
    else:
        yield path, tree.tolist() if isinstance(tree, torch.Tensor) else tree


def differences(one: Path, other: Path) -> list[str]:
    """Return the names of what two projects have not in common."""
    found, wanted = dict(content(one)), dict(content(other))
    return [name for name in {**found, **wanted} if name not in found or found[name] != wanted.get(name, found)]


def main() -> None:
    """Make, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("other", type=Path, help="another checkout of rlx")
    parser.add_argument("--study", choices=STUDIES, action="append", help="only this one (may be given twice)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="make the projects here, and leave them")
    asked = parser.parse_args()
    different = False
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        for name in asked.study or STUDIES:
            if name == "LunarLander" and importlib.util.find_spec("Box2D") is None:
                print(f"{name}: not compared: Box2D is not installed (pip install 'rlx[box2d]')")
                continue
            projects = {"here": HERE, "other": asked.other.resolve()}
            for side, checkout in projects.items():
                make(checkout, folder / name / side, STUDIES[name])
            found = differences(folder / name / "here", folder / name / "other")
            count = len(dict(content(folder / name / "here")))
            shown = "".join(f"\n  {each}" for each in found[:20])
            print(f"{name}: {'equal' if not found else f'{len(found)} of {count} differ'} ({count} values){shown}")
            different |= bool(found)
    sys.exit(different)


if __name__ == "__main__":
    main()
