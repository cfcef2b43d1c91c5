"""Trains healthy and broken runs, diagnoses them, applies the first suggestion, and prints what came of it.

    python -m benchmarks.diagnosis                    all of it: about three hours on two cores
    python -m benchmarks.diagnosis --runs 2 --only "reward x 10000"
    python -m benchmarks.diagnosis --write            keeps the results (of other cases the old), and the tables of docs/diagnosis.md

A run is five seeds, of algorithms with a replay buffer two. A healthy run is a false alarm if anything above info is found in it; a broken one is detected if the
first finding is the one that names its fault. The first suggestion is applied to ten fresh seeds and held against ten
seeds of the broken run by rlx's own verdict. Trained seeds are kept in --work, so a second call goes on.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.diagnosis import cases, off_policy_cases
from benchmarks.diagnosis.case import Case
from benchmarks.diagnosis.cases import BLIND
from benchmarks.diagnosis.report import markdown, with_tables
from benchmarks.diagnosis.training import make_project, nested, trained
from rlx.comparison import Criteria, compare
from rlx.diagnosis.diagnosing import diagnose
from rlx.diagnosis.finding import Diagnosis
from rlx.diagnosis.record import RunRecord
from rlx.experiments import record_of

HEALTHY, FAULTS = cases.HEALTHY + off_policy_cases.HEALTHY, cases.FAULTS + off_policy_cases.FAULTS
FRESH, JUDGED = 100_000, 10
RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[2] / "docs" / "diagnosis.md"


def folder_name(case: Case) -> str:
    """Return a name for files."""
    return re.sub(r"[^a-z0-9]+", "_", case.name.lower()).strip("_")


def records(root: Path, case: Case, runs: int) -> list[RunRecord]:
    """Train the seeds of a case and return them as runs."""
    folder = trained(root, folder_name(case), case.settings, range(runs * case.seeds))
    record = record_of(root, folder)
    seeds = {seed.seed: seed for seed in record.seeds}
    if case.blind_seed:
        blind = record_of(root, trained(root, folder_name(BLIND), BLIND.settings, range(runs * case.seeds)))
        seeds |= {seed.seed: seed for seed in blind.seeds if seed.seed % case.seeds == case.seeds - 1}
    parts = [range(first, first + case.seeds) for first in range(0, runs * case.seeds, case.seeds)]
    config = record.config.model_copy(update={"num_seeds": case.seeds})
    return [
        replace(record, seeds=tuple(seeds[s] for s in part), seeds_wanted=case.seeds, config=config) for part in parts
    ]


def told(root: Path, case: Case, runs: int) -> dict[str, Any]:
    """Return what the diagnosis says of the runs of a case."""
    found = [diagnose(record) for record in records(root, case, runs)]
    alarms = [[f.id for f in each.findings if f.severity != "info"] for each in found]
    firsts = Counter(each.findings[0].id if each.findings else "nothing" for each in found)
    content: dict[str, Any] = {
        "case": case.name,
        "runs": len(found),
        "seeds": case.seeds,
        "expected": list(case.expected),
        "first": dict(firsts.most_common()),
        "above_info": sum(bool(names) for names in alarms),
        "alarms": dict(Counter(name for names in alarms for name in names).most_common()),
        "detected": sum(firsts[name] for name in case.expected) if case.expected else None,
    }
    if case.expected:
        content["suggestion"] = _tried(root, case, found)
    return content


def _tried(root: Path, case: Case, found: list[Diagnosis]) -> dict[str, Any] | None:
    """Apply the suggestion that comes first most often to fresh seeds; None where there is none, or it changes no policy."""
    offered = Counter(
        json.dumps(dict(each.suggestions[0].overrides), sort_keys=True) for each in found if each.suggestions
    )
    if not offered or not case.improvable or not case.tried:
        why = "not tried" if offered and case.improvable else "no setting mends it"
        return {
            "overrides": json.loads(offered.most_common(1)[0][0]) if offered else None,
            "verdict": None,
            "why": why,
        }
    text, times = offered.most_common(1)[0]
    overrides = json.loads(text)
    before = trained(root, f"{folder_name(case)}_before", case.settings, range(FRESH, FRESH + JUDGED))
    after = trained(
        root, f"{folder_name(case)}_after", {**case.settings, **overrides}, range(2 * FRESH, 2 * FRESH + JUDGED)
    )
    base = before.scores("latest")
    candidate = after.scores("latest")
    same_task = base.task == candidate.task
    comparison = compare(base, [replace(candidate, task=base.task)], Criteria(alpha=0.05, minimum_effect=0.0))[0]
    difference = comparison.difference
    return {
        "overrides": overrides,
        "first_in": times,
        "verdict": comparison.verdict,
        "before": base.scores_S.mean(),
        "after": candidate.scores_S.mean(),
        "low": difference.interval.low if difference and difference.interval else None,
        "high": difference.interval.high if difference and difference.interval else None,
        "same_task": same_task,
    }


def main() -> None:
    """Train, diagnose, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=10, help="broken runs of each fault")
    parser.add_argument("--healthy-runs", type=int, default=20, help="healthy runs of each kind")
    parser.add_argument("--only", action="append", help="the name of a case; may be given several times")
    parser.add_argument("--work", type=Path, help="where trained seeds are kept (by default a temporary folder)")
    parser.add_argument("--write", action="store_true", help="keep the results and the tables of docs/diagnosis.md")
    asked = parser.parse_args()
    asked_cases = [case for case in (*HEALTHY, *FAULTS) if not asked.only or case.name in asked.only]
    if not asked_cases:
        sys.exit(f"there are: {', '.join(case.name for case in (*HEALTHY, *FAULTS))}")
    with tempfile.TemporaryDirectory() as temporary:
        root = asked.work or Path(temporary)
        make_project(root)
        results = {}
        for case in asked_cases:
            results[case.name] = told(root, case, asked.runs if case.expected else asked.healthy_runs)
            sys.stderr.write(f"{json.dumps(results[case.name])}\n")
    sys.stdout.write(f"{markdown({'cases': list(results.values())})}\n")
    if asked.write:
        kept = {found["case"]: found for found in json.loads(RESULTS.read_text(encoding="utf-8"))["cases"]} | results
        measured = [case for case in (*HEALTHY, *FAULTS) if case.name in kept]
        content = {
            "cases": [kept[case.name] for case in measured],
            "settings": {case.name: nested(case.settings) for case in measured},
        }
        RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), content), encoding="utf-8")


if __name__ == "__main__":
    main()
