"""The project in a paragraph and a table: its verdicts, its best run, what is unfinished and how to go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rlx import stats
from rlx.config import Parameters
from rlx.experiments import Row, rows
from rlx.records import AT_WORK
from rlx.report.document import part_of
from rlx.report.judged_runs import JudgedRuns, judge_study, state
from rlx.report.summarized import Summarized, Summed, as_one
from rlx.stats import MISSING, Grid, interval, number

UNFINISHED = ("stopped", "failed", *AT_WORK, "resolved", "unreadable")
TOLD = 3
"""So many verdicts, and so many unfinished runs, are told in the paragraph; the table has them all."""


@dataclass(frozen=True)
class RunInShort:
    """A run in a line.

    Attributes:
        id: What to type for it.
        kind: ``run`` (of the workspace) or ``experiment``.
        status: As in `rlx ls`.
        environment: Its environment's id.
        seeds: Seeds that are finished.
        seeds_wanted: Of how many.
        return_mean: Mean held-out return of the final policies.
        ci_low: Lower end of its 95 % interval.
        ci_high: Upper end.
        problem: Why it cannot be read, or what to do about it.
    """

    id: str
    kind: str
    status: str
    environment: str | None
    seeds: int | None
    seeds_wanted: int | None
    return_mean: float | None
    ci_low: float | None
    ci_high: float | None
    problem: str | None


@dataclass(frozen=True, kw_only=True)
class ProjectSummed(Summed):
    """`rlx summarize --json`.

    Attributes:
        headline: Verdicts of the study, as sentences.
        baseline: Its baseline.
        runs: Its runs.
        without_scores: Those without results, and why.
        experiments: Kept experiments beside it.
        best: The highest mean return on each environment.
        unfinished: What is stopped or failed, with the command that goes on.
    """

    kind: Literal["project"] = "project"
    headline: Sequence[str]
    baseline: str
    runs: Sequence[str]
    without_scores: Mapping[str, str]
    experiments: int
    best: Sequence[RunInShort]
    unfinished: Sequence[RunInShort]


def summarize_project(root: Path, parameters: Parameters) -> Summarized:
    """Sum up a project."""
    judged, everything = judge_study(root, parameters), rows(root)
    best = list(_best(everything))
    unfinished = [row for row in everything if row.status in UNFINISHED]
    kept = [row for row in everything if row.kind == "experiment"]
    sentences = [*_study(root, parameters, judged, everything), *_beside(everything, kept, best)]
    sentences += [f"{row.id} {state(row, parameters)}" for row in unfinished[:TOLD]]
    if len(unfinished) > TOLD:
        sentences.append(f"{len(unfinished) - TOLD} more are unfinished: `rlx ls` lists them")
    grid = _grid(parameters, judged, everything, [*best, *unfinished])
    content = ProjectSummed(
        name=root.name,
        summary=as_one(sentences),
        headline=judged.headlines,
        baseline=parameters.baseline,
        runs=parameters.study.runs,
        without_scores=judged.without,
        experiments=len(kept),
        best=[_in_short(row) for row in best],
        unfinished=[_in_short(row) for row in unfinished],
    )
    return Summarized(content, grid)


def _study(root: Path, parameters: Parameters, judged: JudgedRuns, everything: Sequence[Row]) -> Iterator[str]:
    runs = parameters.study.runs
    by_id = {row.id: row for row in everything}
    environments = list(dict.fromkeys(by_id[run].environment or "" for run in runs if run in by_id))
    where = f" on {' and '.join(filter(None, environments))}" if any(environments) else ""
    counts = sorted({by_id[run].seeds or 0 for run in judged.folders if run in by_id})
    seeds = f" with {counts[0]}{f' to {counts[-1]}' * (len(counts) > 1)} seeds each" if counts and counts[0] else ""
    yield f"The study of {root.name} has {len(runs)} run{'s' * (len(runs) != 1)}{where}{seeds}, judged against {parameters.baseline}"
    yield from judged.headlines[:TOLD]
    if len(judged.headlines) > TOLD:
        yield f"{len(judged.headlines) - TOLD} more verdicts are in the table"
    known = {row.id for row in everything if row.status in UNFINISHED}
    yield from (f"{run} {problem}" for run, problem in judged.without.items() if run not in known)


def _beside(everything: Sequence[Row], kept: Sequence[Row], best: Sequence[Row]) -> Iterator[str]:
    elsewhere = sum(row.status == "elsewhere" for row in kept)
    away = f", {elsewhere} of them not fetched here" if elsewhere else ""
    yield f"Beside it there {'is' if len(kept) == 1 else 'are'} {len(kept) or 'no'} kept experiment{'s' * (len(kept) != 1)}{away}"
    for row in best:
        rivals = sum(_has_scores(other) and other.environment == row.environment for other in everything)
        beware = f"; being the highest of {rivals}, it is partly luck" if rivals > 1 else ""
        yield f"The highest mean return on {row.environment} is that of {row.id}: {' '.join(_score(row))}{beware}"


def _has_scores(row: Row) -> bool:
    return row.return_mean is not None and row.status == "finished"


def _score(row: Row) -> list[str]:
    """Return a run's mean and interval as cells."""
    if row.ci_low is None or row.ci_high is None:
        return [number(row.return_mean), MISSING]
    method = stats.NO_SPREAD if row.ci_low == row.ci_high else "Student's t"
    return [number(row.return_mean), interval(stats.Interval(row.ci_low, row.ci_high, 0.95, method, row.seeds or 0))]


def _best(everything: Sequence[Row]) -> Iterator[Row]:
    """Yield the run with the highest mean return on each environment."""
    found = [row for row in everything if _has_scores(row)]
    for environment in sorted({row.environment or "" for row in found}):
        here = [row for row in found if (row.environment or "") == environment]
        yield max(here, key=lambda row: (row.return_mean or 0.0, row.id))


def _grid(parameters: Parameters, judged: JudgedRuns, everything: Sequence[Row], others: Sequence[Row]) -> Grid:
    by_id, table = {row.id: row for row in everything}, []
    shown = list(dict.fromkeys([*parameters.study.runs, *(row.id for row in others)]))
    baselines = judged.study.baselines if judged.study else set()
    for run in shown:
        row, comparison = by_id.get(run), judged.comparison(run)
        verdict = "baseline" if run in baselines else comparison.verdict if comparison else MISSING
        score = _score(row) if row and _has_scores(row) else [MISSING, MISSING]
        seeds = MISSING if row is None or row.seeds is None else f"{row.seeds}/{row.seeds_wanted}"
        table.append([run, row.status if row else "not made", *score, seeds, verdict])
    head = ["run", "status", "mean return", "95 % interval", "seeds", "verdict"]
    note = "The study, the highest means, and what is unfinished. `rlx ls` lists every run."
    return Grid("Runs", head, table, note, left=2)


def _in_short(row: Row) -> RunInShort:
    return part_of(RunInShort, row)
