"""Simulate how often intervals and verdicts are right; print the tables that docs/statistics.md shows."""

from __future__ import annotations

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.calibration.intervals import coverage_of_differences, coverage_of_means
from benchmarks.calibration.report import markdown, with_tables
from benchmarks.calibration.verdicts import cells, interval_cells
from benchmarks.calibration.worst import worst_cases

RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


def main() -> None:
    """Run everything in as many processes as there are cores."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the numbers of repeats [1.0]")
    parser.add_argument("--write", action="store_true", help="keep results.json and the tables in docs/statistics.md")
    arguments = parser.parse_args()
    count = max(100, round(1000 * arguments.scale))
    situations = [*cells(arguments.scale), *interval_cells(arguments.scale)]
    with ProcessPoolExecutor(os.cpu_count(), initializer=threadpool_limits, initargs=(1,)) as pool:
        means, differences = pool.submit(coverage_of_means, count), pool.submit(coverage_of_differences, count)
        worst = pool.submit(worst_cases)
        found = list(pool.map(_run, range(len(situations)), [arguments.scale] * len(situations)))
        results = {
            "repeats": count,
            "worst": worst.result(),
            "means": means.result(),
            "differences": differences.result(),
            "verdicts": found,
        }
    if arguments.write:
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    print(markdown(results))


def _run(index: int, scale: float) -> dict[str, object]:
    """Simulate one situation, found by its number: closures do not travel between processes."""
    return [*cells(scale), *interval_cells(scale)][index].run()


if __name__ == "__main__":
    main()
