"""How often the winner of a search is really better than what one had: python -m benchmarks.search [--repeats 6] [--write].

Two ways, with as many trainings each, on the same spaces and the same sampler (Optuna's TPE):

* rl-zoo's: each trial is one training with whatever seed, scored by its last validation; the best trial is the winner.
* rlx's: `rlx sweep`. Trials have selection seeds, the better half of each cohort goes on to more of them, scored by the last
  third of their validations; what wins is trained again on fresh seeds beside the config itself, and only what the verdict
  calls improved is claimed.

What is true is measured apart: the config and every winner on 20 seeds that neither way has seen, by the final validation.
A claim is right where that mean is higher than the config's by more than ``compare.minimum_effect`` of the task. Everything is
seeded. Results go into ``search.json`` beside this file (``--write``), from which the table of ``docs/search.md`` is made.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TRIALS, SINGLE, TRUE_SEEDS, FRESH_SEEDS, PARALLEL = 20, 40, 20, 10, 2
TASKS = {
    "CartPole": (
        "env: {id: CartPole-v1}\nalgo: {total_timesteps: 10000, learning_rate: 0.004, update_epochs: 15, gamma: 0.99}\neval: {every: 2000, episodes: 10}\n",
        {
            "algo.learning_rate": {"low": 1e-5, "high": 1e-2, "log": True},
            "algo.gamma": {"low": 0.9, "high": 0.999, "log": "from_one"},
            "algo.update_epochs": {"low": 1, "high": 20},
            "algo.clip_range": {"low": 0.1, "high": 0.4},
        },
        5.0,
    ),
    "Acrobot": (
        "env: {id: Acrobot-v1}\nalgo: {total_timesteps: 20000, learning_rate: 0.003, update_epochs: 10, gamma: 0.99, gae_lambda: 0.94}\n"
        "eval: {every: 4000, episodes: 10}\n",
        {
            "algo.learning_rate": {"low": 1e-5, "high": 1e-2, "log": True},
            "algo.gamma": {"low": 0.9, "high": 0.999, "log": "from_one"},
            "algo.update_epochs": {"low": 1, "high": 20},
            "algo.entropy_coef": {"choices": [0.0, 0.001, 0.01, 0.1]},
        },
        5.0,
    ),
}
"""By task: its config (settings that somebody has tuned a little), the space, and the smallest difference that counts."""
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Claim:
    """What one search says.

    Attributes:
        task: Where.
        way: ``zoo`` or ``rlx``.
        claimed: Whether it says that it found something better.
        settings: What won; empty: nothing did.
        score: What that scored in the search.
        true: Its mean over seeds that the search has not seen.
        own: The config's own.
        trainings: How many trainings the search took, with its confirmation.
    """

    task: str
    way: str
    claimed: bool
    settings: Mapping[str, Any]
    score: float | None
    true: float | None
    own: float
    trainings: int


def project(folder: Path, task: str) -> Path:
    """Make a project with the task's config."""
    root = folder / task.lower()
    rlx = [sys.executable, "-c", "from rlx.cli import main; main()"]
    subprocess.run([*rlx, "init", str(root)], check=True, capture_output=True)
    (root / "configs" / "task.yaml").write_text(TASKS[task][0])
    (root / "sweeps").mkdir(exist_ok=True)
    git = ["git", "-C", str(root), "-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost"]
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "task"], check=True)
    return root


class Truth:
    """Final validations of settings on many seeds, each trained once."""

    def __init__(self, root: Path):
        from rlx.experiments import Variations, plan
        from rlx.studies import SeedTrainer

        self.variations = Variations(root, plan(root, "task", []))
        self.trainer = SeedTrainer(root, self.variations.base.snapshot, PARALLEL, lambda _: None)

    def finals(self, settings: Mapping[str, Any], seeds: range) -> list[float]:
        """Return the last validation return of a training on each seed; a failed one is left out."""
        from rlx.errors import ConfigError
        from rlx.records import bench_folder, fingerprint, iterate_rows
        from rlx.studies import METRIC, SeedWanted

        try:
            snapshot = self.variations.snapshot(settings)
        except ConfigError:
            return []
        wanted = {seed: SeedWanted(snapshot, seed, f"{sorted(settings.items())}, seed {seed}") for seed in seeds}
        scored = self.trainer.train(wanted)
        root, found = self.variations.root, []
        for seed in seeds:
            if scored[seed].value is not None:
                rows = iterate_rows(bench_folder(root) / fingerprint(root, snapshot, seed) / "metrics.jsonl")
                found.append([float(row[METRIC]) for row in rows if METRIC in row][-1])
        return found


def as_zoo(truth: Truth, space: Mapping[str, Any], repeat: int) -> tuple[dict[str, Any], float]:
    """Search as rl-zoo does; returns the winner's settings and score."""
    from rlx.experiments import SAMPLERS, Space, Tried
    from rlx.experiments.sweeps.domains import read_domain

    drawn = Space({key: read_domain(value) for key, value in space.items()}, seed=repeat)
    sampler, seeds = SAMPLERS["tpe"].make(drawn), random.Random(repeat)
    for number in range(SINGLE):
        settings = dict(sampler.ask(number) or {})
        seed = seeds.randrange(10_000_000, 20_000_000)
        found = truth.finals(settings, range(seed, seed + 1))
        drawn.tried.append(Tried(settings, found[0] if found else None, 1, not found))
    best = max((tried for tried in drawn.tried if tried.value is not None), key=lambda tried: tried.value or 0.0)
    return dict(best.settings), float(best.value or 0.0)


def as_rlx(root: Path, space: Mapping[str, Any], repeat: int) -> dict[str, Any]:
    """Search as `rlx sweep` does; returns its document."""
    name = f"search-{repeat}"
    said = {"config": "task", "search": space, "sampler": "tpe", "trials": TRIALS, "seeds": [1, 2, 4], "seed": repeat}
    (root / "sweeps" / f"{name}.yaml").write_text(json.dumps({**said, "confirm": {"top": 1, "seeds": FRESH_SEEDS}}))
    command = [sys.executable, "-c", "from rlx.cli import main; main()", "sweep", name, "--json"]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


class Task:
    """A task's project, and what is known of its config."""

    def __init__(self, folder: Path, name: str):
        self.name, self.root = name, project(folder, name)
        self._truth, self._seeds = Truth(self.root), range(30_000_000, 30_000_000 + TRUE_SEEDS)
        self._own = self._true({})

    def _true(self, settings: Mapping[str, Any]) -> float:
        return statistics.fmean(self._truth.finals(settings, self._seeds))

    def claims(self, repeat: int) -> list[Claim]:
        """Search both ways, and measure what is true of what they found."""
        space = TASKS[self.name][1]
        settings, score = as_zoo(self._truth, space, repeat)
        zoo = Claim(self.name, "zoo", True, settings, score, self._true(settings), self._own, SINGLE)
        done = as_rlx(self.root, space, repeat)
        trained = sum(trial["seeds"] for trial in done["trials"])
        if not done["confirmed"]:
            return [zoo, Claim(self.name, "rlx", False, {}, None, None, self._own, trained)]
        (best,) = done["confirmed"]
        settings, claimed = done["trials"][best["trial"]]["settings"], best["verdict"] == "improved"
        trainings = trained + 2 * FRESH_SEEDS
        true = self._true(settings)
        return [zoo, Claim(self.name, "rlx", claimed, settings, best["search_score"], true, self._own, trainings)]

    def close(self) -> None:
        """Let its workers go."""
        self._truth.trainer.__exit__(None, None, None)


def table(found: list[Claim]) -> str:
    """Return what came out as a table."""
    lines = [
        "| task | way | searches | said to be better | of those really better | winner − config | score that won − its true mean | trainings |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for task in dict.fromkeys(claim.task for claim in found):
        for way, name in (("zoo", "one unseeded training a trial"), ("rlx", "`rlx sweep`")):
            mine = [claim for claim in found if (claim.task, claim.way) == (task, way)]
            said = [claim for claim in mine if claim.claimed]
            right = [claim for claim in said if (claim.true or 0.0) - claim.own > TASKS[task][2]]
            gains = [claim.true - claim.own for claim in mine if claim.true is not None]
            flattered = [
                claim.score - claim.true for claim in mine if claim.score is not None and claim.true is not None
            ]
            cells = [task, name, len(mine), len(said), len(right), _mean(gains), _mean(flattered)]
            lines.append(
                f"| {' | '.join(map(str, cells))} | {statistics.fmean(claim.trainings for claim in mine):.0f} |"
            )
    return "\n".join(lines)


def _mean(values: list[float]) -> str:
    return f"{statistics.fmean(values):+.1f}" if values else "—"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=6)
    parser.add_argument("--tasks", default=",".join(TASKS))
    parser.add_argument("--write", action="store_true", help="keep the results beside this file")
    arguments = parser.parse_args()
    found: list[Claim] = []
    with tempfile.TemporaryDirectory(prefix="rlx-search-") as folder:
        tasks = [Task(Path(folder), name) for name in arguments.tasks.split(",")]
        for repeat in range(arguments.repeats):
            for task in tasks:
                found += task.claims(repeat)
                print(table(found), flush=True)
                if arguments.write:
                    text = json.dumps([vars(claim) for claim in found], indent=1)
                    (HERE / "search.json").write_text(text + "\n")
        for task in tasks:
            task.close()


if __name__ == "__main__":
    main()
