"""A sweep, the experiments of one name with numbers, in a paragraph and a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from rlx import stats
from rlx.comparison import Verdict, config_differences, flatten, task_name
from rlx.config import Parameters
from rlx.errors import RlxError
from rlx.experiments import Family, Row, family_of, find_origin, find_run, read_grid, rows
from rlx.records import RunFolder
from rlx.report.comparison_words import verdict_headline
from rlx.report.judged_runs import JudgedRuns, baseline_of, judge_runs, scores_or_why_not, state
from rlx.report.summarized import Summarized, Summed, as_one, scored
from rlx.report.text import setting
from rlx.stats import MISSING, Grid, interval, listed, number

APART = ("format", "run_name", "seed", "num_seeds")
"""Settings that make no two runs different in kind."""


@dataclass(frozen=True)
class SweptExperiment:
    """An experiment of a sweep.

    Attributes:
        id: What to type for it.
        rank: Its place by mean return; None where it cannot be ranked.
        status: As in `rlx ls`.
        changes: Settings in which it differs: key → [its config's, its own].
        return_mean: Mean held-out return.
        ci_low: Lower end of its 95 % interval.
        ci_high: Upper end.
        seeds: How many seeds that is of.
        verdict: Against the baseline, corrected for the number of experiments.
        difference: To the baseline, with the deciding interval.
        problem: Why it has no scores.
    """

    id: str
    rank: int | None
    status: str | None
    changes: Mapping[str, tuple[Any, Any]] | None
    return_mean: float | None
    ci_low: float | None
    ci_high: float | None
    seeds: int | None
    verdict: Verdict | None
    difference: stats.Estimate | None
    problem: str | None


@dataclass(frozen=True, kw_only=True)
class SweepSummed(Summed):
    """`rlx summarize SWEEP --json`.

    Attributes:
        headline: Sentences to repeat.
        baseline: What its experiments were compared with.
        checkpoint: Which policies.
        experiments: Those that are ranked first.
    """

    kind: Literal["sweep"] = "sweep"
    headline: Sequence[str]
    baseline: str | None
    checkpoint: str
    experiments: Sequence[SweptExperiment]


@dataclass(frozen=True)
class _Sweep:
    """A sweep's experiments with results, judged together, and the others.

    Attributes:
        name: Its name.
        members: Every experiment, as its row in the list of runs.
        judged: Those with results, with the baseline where there is one.
        baseline: The run they are compared with, where it has results.
        ranked: The experiments with results on the baseline's environment (without a baseline: where all are on one),
            the highest mean first, with what differs from the baseline.
        apart: Those on other environments, whose returns say nothing about it, likewise.
    """

    name: str
    members: Sequence[Row]
    judged: JudgedRuns
    baseline: str | None
    ranked: Mapping[str, Mapping[str, tuple[Any, Any]]]
    apart: Mapping[str, Mapping[str, tuple[Any, Any]]]

    @property
    def scored(self) -> Mapping[str, Mapping[str, tuple[Any, Any]]]:
        """The experiments with results, those that are ranked first."""
        return {**self.ranked, **self.apart}


def looked_at_once(parameters: Parameters) -> Parameters:
    """Return how a sweep is judged: once, in the end, whatever looks the study plans."""
    return parameters.model_copy(update={"compare": parameters.compare.model_copy(update={"looks": None})})


def points_of(root: Path, sweep: str) -> list[Row]:
    """Return the experiments of a sweep; none where there are none.

    Those that are its points, whatever their names; where ``sweeps/`` has no such file (any more), those of the names
    ``<sweep>_001``, ``<sweep>_002``, … in the order of their numbers.
    """
    if (family := _family(root, sweep)) is not None:
        known = {row.id: row for row in rows(root)}
        names = [point.name for point in family.points if point.name]
        return [known.get(name) or Row(name, "run", "finished") for name in names]
    pattern = re.compile(rf"(?:.*@)?{re.escape(sweep)}_(\d{{3,}})")
    found = [(int(match[1]), row.id, row) for row in rows(root) if (match := pattern.fullmatch(row.id))]
    return [row for _, _, row in sorted(found, key=lambda each: each[:2])]


def _family(root: Path, sweep: str) -> Family | None:
    try:
        return family_of(root, read_grid(root, sweep)) if (root / "sweeps" / f"{sweep}.yaml").is_file() else None
    except RlxError:  # its file is not what was tried
        return None


def _baseline(root: Path, parameters: Parameters, name: str, folders: Sequence[RunFolder]) -> RunFolder | None:
    """Return the run that a sweep is judged against: its config itself, or where nothing tells which, the study's baseline."""
    if (family := _family(root, name)) is not None:
        return family.judged(root, family.to_make)[0]
    for folder in folders[:1]:
        origin = folder.origin or find_origin(root, folder)
        config = RunFolder(root / "runs" / origin.run) if origin else None
        if config and config.path.is_dir() and not isinstance(scores_or_why_not(config, parameters), str):
            return config
        return baseline_of(root, parameters, folder)
    return None


def summarize_sweep(root: Path, parameters: Parameters, name: str, members: Sequence[Row]) -> Summarized:
    """Sum up a sweep: every experiment by rank, judged against its config, corrected together.

    Args:
        root: The project.
        parameters: How to judge.
        name: The sweep's name.
        members: Its experiments (:func:`points_of`).
    """
    sweep = _gathered(root, parameters, name, members)
    rank = {run: place for place, run in enumerate(sweep.ranked, 1)}
    content = SweepSummed(
        name=name,
        summary=as_one(list(_sentences(sweep))),
        headline=sweep.judged.headlines if sweep.baseline else [],
        baseline=sweep.baseline,
        checkpoint=parameters.compare.checkpoint,
        experiments=[_experiment(sweep, run, rank.get(run)) for run in [*sweep.scored, *sweep.judged.without]],
    )
    return Summarized(content, _grid(sweep))


def judge_sweep(root: Path, parameters: Parameters, name: str, members: Sequence[Row]) -> JudgedRuns:
    """Judge a sweep's experiments against its config, corrected together; see :func:`summarize_sweep`."""
    return _gathered(root, parameters, name, members).judged


def _gathered(root: Path, parameters: Parameters, name: str, members: Sequence[Row]) -> _Sweep:
    folders, without = [], {}
    for row in members:
        try:
            folders.append(find_run(root, row.id))
        except RlxError as error:
            without[row.id] = state(row, parameters) if row.status != "finished" else f"cannot be read: {error}"
    parameters = looked_at_once(parameters)
    baseline = _baseline(root, parameters, name, folders)
    folders = [folder for folder in folders if baseline is None or folder.path != baseline.path]
    together = [baseline, *folders] if baseline else folders
    judged = judge_runs(together, baseline.name if baseline else "", parameters)
    scores = [run for run in judged.study.scores if not baseline or run.run != baseline.name] if judged.study else []
    against = _settings(baseline or (judged.folders[scores[0].run] if scores else None))
    differing = {run.run: config_differences(against, _settings(judged.folders[run.run])) for run in scores}
    every = judged.study.scores if judged.study else ()
    tasks = {task_name(run) for run in every if run.run == baseline.name} if baseline else set(map(task_name, every))
    ranked = [run.run for run in scores if tasks == {task_name(run)}]
    return _Sweep(
        name,
        members,
        replace(judged, without={**judged.without, **without}),
        baseline.name if baseline else None,
        {run: differing[run] for run in ranked},
        {run: changed for run, changed in differing.items() if run not in ranked},
    )


def _settings(folder: RunFolder | None) -> dict[str, Any]:
    flat = flatten(folder.snapshot.to_data()) if folder else {}
    return {key: value for key, value in flat.items() if key not in APART}


def _sentences(sweep: _Sweep) -> Iterator[str]:
    total, done, judged = len(sweep.members), len(sweep.scored), sweep.judged
    environments = sorted({row.environment for row in sweep.members if row.environment})
    steps = sorted({row.steps for row in sweep.members if row.steps})
    seeds = sorted({row.seeds for row in sweep.members if row.id in sweep.scored and row.seeds})
    many = f"{total} experiment{'s' * (total != 1)}" + (f" on {', '.join(environments)}" if environments else "")
    each = f", {_range(seeds)} seeds of {_range(steps)} environment steps each" if seeds and steps else ""
    have = "all of them have held-out scores" if done == total else f"{done} of them have held-out scores"
    yield f"{sweep.name} is a sweep of {many}; {have}{each}"
    best = next(iter(sweep.ranked), None)
    if best is not None and judged.study is not None:
        estimate = stats.mean_with_interval(next(run.scores_S for run in judged.study.scores if run.run == best))
        yield f"The highest mean return is that of {best} ({_settings_in_short(sweep.ranked[best]) or 'no setting differs'}): {scored(estimate)}"
        if len(sweep.ranked) > 1:
            yield f"Being the highest of {len(sweep.ranked)}, it is partly luck: confirm it on seeds that the sweep did not use"
        yield from _verdicts(sweep, best)
    if sweep.apart:
        them = f"{listed(list(sweep.apart))} {'are' if len(sweep.apart) > 1 else 'is'}"
        other = f"another environment than {sweep.baseline}" if sweep.baseline else "different environments"
        yield f"{them} on {other}: returns there say nothing about returns here, so no rank and no verdict"
    for name, problem in list(judged.without.items())[:3]:
        yield f"{name} {problem}"
    if len(judged.without) > 3:
        yield f"{len(judged.without) - 3} more have no scores: see the table"


def _range(values: Sequence[int]) -> str:
    return f"{values[0]:,}" if len(values) == 1 else f"{values[0]:,} to {values[-1]:,}"


def _verdicts(sweep: _Sweep, best: str) -> Iterator[str]:
    if sweep.baseline is None or sweep.judged.study is None:
        yield "Their config itself has no scores, nor has the study's baseline on their environment, so there are no verdicts"
        return
    found: dict[str, list[str]] = {}
    for each in sweep.judged.study.comparisons:
        found.setdefault(each.verdict, []).append(each.run)
    counts = [f"{len(runs)} {verdict} ({listed(runs)})" for verdict, runs in found.items()]
    together = ", all corrected together" if len(sweep.ranked) > 1 else ""
    yield f"Against {sweep.baseline}{together}: {', '.join(counts)}"
    if comparison := sweep.judged.comparison(best):
        yield verdict_headline(sweep.judged.study, comparison)


def _settings_in_short(differing: Mapping[str, tuple[Any, Any]]) -> str:
    """Return the settings of a run that differ, in short: ``gamma=0.9, learning_rate=0.002``."""
    last = [key.rpartition(".")[2] for key in differing]
    names = [key if last.count(short) > 1 else short for key, short in zip(differing, last, strict=True)]
    return ", ".join(f"{name}={setting(new)}" for name, (_, new) in zip(names, differing.values(), strict=True))


def _grid(sweep: _Sweep) -> Grid:
    table, study = [], sweep.judged.study
    scores = {run.run: stats.mean_with_interval(run.scores_S) for run in study.scores} if study else {}
    for rank, (run, differing) in enumerate(sweep.scored.items(), 1):
        estimate, comparison = scores[run], sweep.judged.comparison(run)
        verdict = comparison.verdict if comparison else MISSING
        shown_rank = str(rank) if run in sweep.ranked else MISSING
        table.append([shown_rank, run, _settings_in_short(differing) or "nothing", number(estimate.mean)])
        table[-1] += [interval(estimate.interval), verdict]
    if sweep.baseline:
        estimate = scores[sweep.baseline]
        table.append([MISSING, sweep.baseline, "baseline", number(estimate.mean), interval(estimate.interval), MISSING])
    status = {row.id: row.status for row in sweep.members}
    for run in sweep.judged.without:
        shown = status.get(run, MISSING)
        table.append([MISSING, run, MISSING, MISSING, MISSING, "no scores" if shown == "finished" else shown])
    head = ["", "experiment", "what differs", "mean return", "95 % interval", "verdict"]
    note = "Mean return on held-out episodes; intervals over seeds."
    if sweep.baseline:
        note += f" Verdicts against {sweep.baseline}; their error rate holds over all of them together."
    return Grid("Experiments", head, table, note, left=3)


def _experiment(sweep: _Sweep, run: str, rank: int | None) -> SweptExperiment:
    row = next((row for row in sweep.members if row.id == run), None)
    comparison = sweep.judged.comparison(run)
    study = sweep.judged.study
    scores = next((found.scores_S for found in study.scores if found.run == run), None) if study else None
    estimate = None if scores is None else stats.mean_with_interval(scores)
    found = estimate.interval if estimate else None
    return SweptExperiment(
        id=run,
        rank=rank,
        status=row.status if row else None,
        changes=sweep.scored.get(run),
        return_mean=estimate.mean if estimate else None,
        ci_low=found.low if found else None,
        ci_high=found.high if found else None,
        seeds=estimate.n if estimate else None,
        verdict=comparison.verdict if comparison else None,
        difference=comparison.difference if comparison else None,
        problem=sweep.judged.without.get(run),
    )
