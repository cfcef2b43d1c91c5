"""What synchronous halving over seeds costs and saves, by simulation: python -m benchmarks.halving [--repeats 2000].

Each repeat draws 20 points whose true scores are normal with standard deviation 1, and scores of seeds with noise around them.
Compared are training every point on all seeds, and halving by the rungs 1, 2, 4, … as `rlx sweep` does it
(:func:`rlx.experiments.survivors`). Printed are the seeds trained and the loss: how far the true score of the point with the
highest mean is below the best point's, with its standard error. Seeded; a few seconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from rlx.experiments import survivors

POINTS = 20
CASES = ((5, 1.0), (10, 1.0), (5, 2.0))
"""Seeds, and the standard deviation of their noise in units of that of true scores."""


def rungs_of(seeds: int) -> list[int]:
    """Return the rungs 1, 2, 4, … up to a number of seeds."""
    found = [2**power for power in range(20) if 2**power < seeds]
    return [*found, seeds]


def halving(scores_PS: np.ndarray, rungs: Sequence[int]) -> tuple[int, int]:
    """Return the point that halving ends with, and how many seeds it trained."""
    alive, trained, before = list(range(len(scores_PS))), 0, 0
    for rung in rungs:
        trained += len(alive) * (rung - before)
        means = {point: float(scores_PS[point, :rung].mean()) for point in alive}
        alive, before = (survivors(means) if rung < rungs[-1] else alive), rung
    return max(alive, key=lambda point: means[point]), trained


def main() -> None:
    """Simulate, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2000)
    repeats = parser.parse_args().repeats
    print("| seeds, noise | all trained | loss | halving trained | loss |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for seeds, noise in CASES:
        generator = np.random.default_rng([seeds, int(10 * noise)])
        losses, halved, trained = [], [], []
        for _ in range(repeats):
            true_P = generator.normal(size=POINTS)
            scores_PS = true_P[:, None] + noise * generator.normal(size=(POINTS, seeds))
            losses.append(true_P.max() - true_P[scores_PS.mean(axis=1).argmax()])
            point, count = halving(scores_PS, rungs_of(seeds))
            halved.append(true_P.max() - true_P[point])
            trained.append(count)
        shown = [f"{np.mean(each):.2f} ± {np.std(each) / repeats**0.5:.3f}" for each in (losses, halved)]
        print(f"| {seeds}, {noise:g} | {POINTS * seeds} | {shown[0]} | {np.mean(trained):.0f} | {shown[1]} |")


if __name__ == "__main__":
    main()
