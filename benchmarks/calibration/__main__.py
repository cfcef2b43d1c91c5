"""Simulate how often intervals and verdicts are right; print the tables that docs/statistics.md shows."""

from __future__ import annotations

import argparse
import json
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from benchmarks.calibration.intervals import coverage_of_differences, coverage_of_means
from benchmarks.calibration.report import TITLES, markdown, with_tables
from benchmarks.calibration.verdicts import cells, interval_cells
from benchmarks.calibration.worst import worst_cases

RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"


def main() -> None:
    """Run everything in as many processes as there are cores."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies the numbers of repeats [1.0]")
    parser.add_argument("--write", action="store_true", help="keep results.json and the tables in docs/statistics.md")
    parser.add_argument(
        "--seed", type=int, default=0, help="of the simulated scores, so that rates can be drawn anew [0]"
    )
    parser.add_argument(
        "--only", choices=TITLES, metavar="TABLE", help="simulate one table of verdicts; the others stay"
    )
    arguments = parser.parse_args()
    if arguments.only:
        _conclude(_one_table(arguments.only, arguments.scale, arguments.seed), write=arguments.write)
        return
    count = max(100, round(1000 * arguments.scale))
    situations = [*cells(arguments.scale), *interval_cells(arguments.scale)]
    with ProcessPoolExecutor(os.cpu_count(), initializer=threadpool_limits, initargs=(1,)) as pool:
        means = pool.submit(coverage_of_means, count, arguments.seed)
        differences = pool.submit(coverage_of_differences, count, arguments.seed)
        worst = pool.submit(worst_cases)
        found = list(pool.map(partial(_run, scale=arguments.scale, seed=arguments.seed), range(len(situations))))
        results = {
            "repeats": count,
            "worst": worst.result(),
            "means": means.result(),
            "differences": differences.result(),
            "verdicts": found,
        }
    _conclude(results, write=arguments.write)


def _one_table(name: str, scale: float, seed: int) -> dict[str, Any]:
    """Return the kept results with one table made anew."""
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    wanted = [i for i, cell in enumerate([*cells(scale), *interval_cells(scale)]) if cell.table == name]
    with ProcessPoolExecutor(os.cpu_count(), initializer=threadpool_limits, initargs=(1,)) as pool:
        found = list(pool.map(partial(_run, scale=scale, seed=seed), wanted))
    results["verdicts"] = [row for row in results["verdicts"] if row["table"] != name] + found
    return results


def _conclude(results: dict[str, Any], *, write: bool) -> None:
    """Print the tables, and keep them where that is asked for."""
    if write:
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")
    print(markdown(results))


def _run(index: int, scale: float, seed: int) -> dict[str, object]:
    """Simulate one situation, found by its number: closures do not travel between processes."""
    return [*cells(scale), *interval_cells(scale)][index].run(seed)


if __name__ == "__main__":
    main()
