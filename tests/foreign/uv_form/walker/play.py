"""Play: held-out episodes of a policy, by the standard reward, as one JSON file of columns."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from walker.task import play


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--num-episodes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, required=True)
    args = parser.parse_args()
    gains = np.array(json.loads(args.checkpoint.read_text())["gains"])
    seeds = [int(seed) for seed in np.random.default_rng(args.seed).integers(2**31, size=args.num_episodes)]
    played = [play(gains, seed) for seed in seeds]
    columns = {
        "seed": seeds,
        "return": [each.total for each in played],
        "length": [each.length for each in played],
        "success": [each.success for each in played],
        "distance": [each.rewards["distance"] for each in played],
        "push": [each.rewards["push"] for each in played],
    }
    args.json.write_text(json.dumps(columns))


if __name__ == "__main__":
    main()
