"""What a check of reference runs found: the table for people, and the JSON document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.regression.baselines import Baseline
from benchmarks.regression.drift import Drift
from benchmarks.regression.judging import ALPHA, POWER, Judged
from rlx.stats import MISSING, Grid, listed, markdown_table, mean_with_interval, number, p_value

FORMAT = 1


@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        judged: By reference run: whether it got worse.
        drifts: By reference run: what came of a stored seed.
        failed: By reference run that could not be trained: why.
        missing: Reference runs that have no baseline.
        left_out: How many others were not looked at, to be quick.
    """

    judged: Mapping[str, Judged]
    drifts: Mapping[str, Drift]
    failed: Mapping[str, str]
    missing: tuple[str, ...]
    left_out: int = 0

    @property
    def is_well(self) -> bool:
        """Whether nothing regressed, drifted or failed."""
        regressed = any(each.verdict == "regressed" for each in self.judged.values())
        return not (regressed or self.failed or any(each.verdict == "drifted" for each in self.drifts.values()))

    def to_json(self, baselines: Mapping[str, Baseline]) -> str:
        """Return everything as JSON."""
        content: dict[str, Any] = {
            "format": FORMAT,
            "ok": self.is_well,
            "alpha": ALPHA,
            "power": POWER,
            "judged": {
                name: {**asdict(each), "baseline_of": baselines[name].date} for name, each in self.judged.items()
            },
            "drift": {name: asdict(each) for name, each in self.drifts.items()},
            "failed": dict(self.failed),
            "missing": list(self.missing),
            "left_out": self.left_out,
        }
        return json.dumps(content, indent=2, allow_nan=False)


def regression_grid(report: Report) -> Grid:
    """Return the table of verdicts, a reference run a row."""
    head = ["reference run", "verdict", "stored seed", "then", "now", "now − then", "margin", "p", "loss noticed"]
    rows = [
        [
            name,
            each.verdict,
            f"{report.drifts[name].seed}: {report.drifts[name].verdict}",
            f"{number(each.stored_mean)} ({each.seeds[1]})",
            f"{number(each.fresh_mean)} ({each.seeds[0]})",
            f"[{number(each.low)}, {number(each.high)}]",
            number(each.margin),
            p_value(each.p_regressed if each.verdict == "regressed" else each.p_not_worse),
            MISSING if each.noticed is None else number(each.noticed),
        ]
        for name, each in report.judged.items()
    ]
    count = len(report.judged)
    note = (
        f"In brackets: seeds, and an interval that holds for all {count} together with {100 * (1 - ALPHA):.0f} %. p: of the verdict, or "
        f"of what would be `not worse`, over all together. Loss noticed: the smallest that would be called a regression with a "
        f"probability of {100 * POWER:.0f} %; smaller ones pass more often than not."
    )
    return Grid("Whether learning got worse", head, rows, note, left=3)


def words(report: Report) -> Iterator[str]:
    """Yield what is to be said below the table."""
    for name, each in report.drifts.items():
        if each.verdict == "explained":
            yield f"{name}: seed {each.seed} gives other bits than stored, and there is a reason: {'; '.join(each.why)}"
        elif each.verdict == "drifted":
            yield (
                f"{name}: seed {each.seed} gives other bits than stored, with the same versions: raise STAGE_VERSIONS['train'] if "
                "training changed on purpose, and measure the baseline again with --write"
            )
    for name, why in report.failed.items():
        yield f"{name}: could not be trained: {why}"
    if report.missing:
        yield f"without a baseline, so not judged: {listed(list(report.missing))}"
    unclear = [name for name, each in report.judged.items() if each.verdict == "unclear"]
    if unclear:
        yield f"neither shown to be worse nor shown not to be: {listed(unclear)}; more seeds (--seeds) tell"
    if report.left_out:
        told = "; ".join(
            f"{name} {number(each.noticed)}" for name, each in report.judged.items() if each.noticed is not None
        )
        yield (
            f"This quick check is small: {report.left_out} reference runs were not looked at, and in these a loss is noticed with "
            f"{100 * POWER:.0f} % from so much on: {told or 'not known, since no score has any spread'}"
        )
    yield "nothing regressed" if report.is_well else "learning got worse, or cannot be trusted to be as it was"


BEGIN, END = "<!-- baselines -->\n", "<!-- /baselines -->"


def with_table(page: str, baselines: Mapping[str, Baseline]) -> str:
    """Return `docs/reproducing.md` with the table of what is stored."""
    head = ["reference run", "steps per seed", "seeds", "random", "mean", "sd of seeds", "pinned bits", "CPU seconds"]
    rows = []
    for name, baseline in sorted(baselines.items()):
        kept = baseline.trained
        found = mean_with_interval(np.array(list(kept.scores.values())))
        cells = [f"{kept.cost['steps_per_seed']:,}", str(found.n), number(kept.random), number(found.mean)]
        pinned = "yes" if kept.engine["portable"] else "no"
        rows.append([name, *cells, number(found.std), pinned, f"{kept.cost['cpu_seconds']:.0f}"])
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}{markdown_table(head, rows)}\n{END}{rest.partition(END)[2]}"
