"""Train: the cross-entropy method on two gains; a CSV row per iteration, and the final policy as JSON."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import yaml

from walker.task import LONGEST, play

POPULATION, ELITE = 16, 4
STEPS_PER_ITERATION = POPULATION * LONGEST


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--log-dir", type=Path, default=Path("logs"))
    args = parser.parse_args()
    settings = {"spread": 1.0, "reward": {"push_cost": 0.1}} | (yaml.safe_load(args.config.read_text()) or {})
    draw = np.random.default_rng(args.seed)
    mean, spread = np.zeros(2), np.full(2, float(settings["spread"]))
    args.log_dir.mkdir(parents=True, exist_ok=True)
    with (args.log_dir / "progress.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["iteration", "return", "reward/distance", "reward/push"])
        for iteration in range(1, args.iterations + 1):
            tried = draw.normal(mean, spread, (POPULATION, 2))
            played = [play(gains, int(draw.integers(2**31)), settings["reward"]["push_cost"]) for gains in tried]
            best = tried[np.argsort([each.total for each in played])[-ELITE:]]
            mean, spread = best.mean(0), best.std(0) + 0.05
            parts = [np.mean([each.rewards[name] for each in played]) for name in ("distance", "push")]
            rows.writerow([iteration, sum(parts), *parts])
    (args.log_dir / "policy.json").write_text(json.dumps({"gains": mean.tolist()}))


if __name__ == "__main__":
    main()
