"""Whether learning got worse: python -m benchmarks.regression [--quick] [--only NAME] [--json] [--write].

Each reference run (`references.yaml`) is trained again in a fresh project, with the configuration that its file in `baselines/`
has: one stored seed, whose bits must be the same or something on record says why (STAGE_VERSIONS, a library, a processor), and
as many other seeds as are stored, whose held-out scores are judged against the stored ones: non-inferiority with a margin, over
all reference runs together. Exit code 1: something regressed, drifted or failed.

``--quick`` takes two of them and five seeds of each: it notices only what its table says it would. ``--write`` measures
instead what has no file in `baselines/` yet, or what ``--only`` names anew, each kept as soon as it is known; the scores of a
preset as it stands go into `benchmarks/presets/results.json`, too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.regression.baselines import Baseline, read_baselines, write_baseline
from benchmarks.regression.drift import Drift, drift_of
from benchmarks.regression.judging import Scores, judge
from benchmarks.regression.preset_scores import note_preset
from benchmarks.regression.references import Reference, margins, quick, references
from benchmarks.regression.report import Report, regression_grid, with_table, words
from benchmarks.regression.trained import train

QUICK_SEEDS = 5
PAGE = Path(__file__).resolve().parents[2] / "docs" / "reproducing.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check reference runs, or measure them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two of them, five seeds each: some minutes")
    parser.add_argument("--only", action="append", default=[], help="an algorithm, or such as ppo-CartPole")
    parser.add_argument("--seeds", type=int, help="how many to train [default: as many as are stored]")
    parser.add_argument("--write", action="store_true", help="measure baselines instead")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    asked = parser.parse_args(arguments)
    wanted = {
        name: each for name, each in references().items() if not asked.only or {name, each.algorithm} & {*asked.only}
    }
    if not wanted:
        parser.error(f"no reference run is called {', '.join(asked.only)}; there are {', '.join(references())}")
    if asked.seeds is not None and asked.seeds < 2:
        parser.error("--seeds: at least 2")
    if asked.write:
        known = {} if asked.only else read_baselines()
        return _write([each for name, each in wanted.items() if name not in known], asked.seeds)
    baselines = {name: each for name, each in read_baselines().items() if name in wanted}
    missing = tuple(name for name in wanted if name not in baselines)
    chosen = {name: baselines[name] for name in quick() if name in baselines} if asked.quick else baselines
    report = _checked(chosen, asked.seeds or (QUICK_SEEDS if asked.quick else None), missing)
    report = replace(report, left_out=len(baselines) - len(chosen))
    if asked.json:
        print(report.to_json(baselines))
    else:
        print("\n".join([regression_grid(report).to_markdown(), "", *words(report)]))
    return 0 if report.is_well else 1


def _checked(baselines: dict[str, Baseline], seeds: int | None, missing: tuple[str, ...]) -> Report:
    """Train reference runs again and judge them together."""
    scores: dict[str, Scores] = {}
    drifts: dict[str, Drift] = {}
    failed: dict[str, str] = {}
    for name, baseline in baselines.items():
        count, last = seeds or len(baseline.trained.scores), max(baseline.trained.scores)
        print(f"{name}: training seed {last} again, and {count} others", file=sys.stderr, flush=True)
        try:
            again = train(baseline.trained.config, last, count + 1)
        except RuntimeError as error:
            failed[name] = str(error)
            continue
        drifts[name] = drift_of(baseline.trained, again, last)
        fresh = [score for seed, score in again.scores.items() if seed != last]
        scores[name] = Scores([*baseline.trained.scores.values()], fresh, margins()[baseline.environment])
    return Report(judge(scores) if scores else {}, drifts, failed, missing)


def _write(wanted: Iterable[Reference], seeds: int | None) -> int:
    """Measure baselines, each kept as soon as it is known; return 1 where one could not be."""
    failed = 0
    for reference in wanted:
        try:
            trained = train(reference.config, reference.config["seed"], seeds or reference.config["num_seeds"])
        except RuntimeError as error:
            print(f"{reference.name}: {error}", file=sys.stderr)
            failed = 1
            continue
        path = write_baseline(reference.name, trained)
        if reference.is_preset:
            note_preset(reference.name, trained)
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), read_baselines()), encoding="utf-8")
        print(f"{path.name}: {sorted(trained.scores.values())}, {trained.cost['cpu_seconds']} s of CPU", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
