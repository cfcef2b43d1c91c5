"""What the presets of ``rlx init --env ID --algo NAME`` score: python -m benchmarks.presets [--only NAME] [--seeds 10].

Each pair of an algorithm and an environment is trained by the commands that a person would type, in a fresh project: `rlx init`,
`rlx train baseline --seeds N`, `rlx info --json`. Held-out mean, its 95 % interval and the cost go into `results.json` beside this
file after each pair, from which `docs/presets.md` is made (`python -m rlx.config.presets.reference > docs/presets.md`). Pairs whose
environment is not installed are left out. ``--list`` names the pairs, cheapest first; ``--most-steps`` bounds those that are trained.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium

import rlx
from rlx.config.presets import all_presets

RESULTS = Path(__file__).with_name("results.json")
FORMAT = 1


@dataclass(frozen=True)
class Pair:
    """An algorithm and an environment for which something is tuned."""

    algorithm: str
    environment: str
    steps: int

    @property
    def name(self) -> str:
        """What ``--only`` calls it."""
        return f"{self.algorithm}-{self.environment}"

    @property
    def env_id(self) -> str | None:
        """The newest version of the environment that is registered here."""
        found = [
            spec for spec in gymnasium.registry.values() if spec.name == self.environment and spec.version is not None
        ]
        newest = max(found, key=lambda spec: int(spec.version or 0), default=None)
        return None if newest is None else newest.id


def pairs(only: list[str], most_steps: int | None = None) -> Iterator[Pair]:
    """Yield the pairs, cheapest first; those of some algorithms, environments or names where they are said."""
    every = [
        Pair(algorithm, environment, entry.algo["total_timesteps"])
        for algorithm, presets in all_presets().items()
        for environment, entry in presets.entries.items()
    ]
    for pair in sorted(every, key=lambda pair: pair.steps):
        is_wanted = not only or {pair.name, pair.algorithm, pair.environment} & {*only}
        if is_wanted and (most_steps is None or pair.steps <= most_steps):
            yield pair


def _call(folder: Path, *words: str) -> str:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-c", "from rlx.cli import main; main()", *words]
    done = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"rlx {' '.join(words)} failed:\n{done.stdout[-1500:]}{done.stderr[-2000:]}")
    return done.stdout


def measured(pair: Pair, env_id: str, seeds: int) -> dict[str, Any]:
    """Train a preset in a fresh project; return its score and what it cost."""
    with tempfile.TemporaryDirectory(prefix="rlx-presets-") as folder:
        _call(Path(folder), "init", "project", "--env", env_id, "--algo", pair.algorithm, "--no-hooks")
        project, began = Path(folder) / "project", time.perf_counter()
        _call(project, "train", "baseline", "--seeds", str(seeds), "--name", "preset", "--quiet")
        seconds = time.perf_counter() - began
        info = json.loads(_call(project, "info", "preset", "--json"))
    score = info["scores"]["latest"]
    return {
        "algorithm": pair.algorithm,
        "environment": env_id,
        "seeds": len(score["seeds"]),
        "steps": pair.steps,
        "mean": score["return_mean"],
        "low": score["ci_low"],
        "high": score["ci_high"],
        "random": info["random_return"],
        "seconds": round(seconds, 1),
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "versions": {"rlx": rlx.__version__, "python": platform.python_version(), "gymnasium": gymnasium.__version__},
    }


def main() -> None:
    """Measure pairs, and keep what each gives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", action="append", default=[], help="an algorithm, an environment, or such as ppo-CartPole"
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--most-steps", type=lambda text: int(float(text)), help="leave out what trains longer")
    parser.add_argument("--list", action="store_true", help="name the pairs and train nothing")
    asked = parser.parse_args()
    wanted = list(pairs(asked.only, asked.most_steps))
    if not wanted:
        raise SystemExit(f"no preset is called {', '.join(asked.only) or 'so'}; --list names them")
    for pair in wanted:
        env_id = pair.env_id
        if asked.list or env_id is None:
            print(f"{pair.name}: {pair.steps:,} steps{'' if env_id else ', its environment is not installed'}")
            continue
        try:
            result = measured(pair, env_id, asked.seeds)
        except RuntimeError as error:
            print(f"{pair.name}: {error}", file=sys.stderr)
            continue
        known = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {"format": FORMAT, "results": {}}
        known["results"] = dict(sorted({**known["results"], pair.name: result}.items()))
        RESULTS.write_text(json.dumps(known, indent=1) + "\n")
        print(f"{pair.name}: {result['mean']:.1f} [{result['low']}, {result['high']}], {result['seconds']:.0f} s")


if __name__ == "__main__":
    main()
