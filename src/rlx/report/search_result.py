"""A search as people and programs read it: its trials by rank, and how what it found was confirmed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rlx.comparison import Comparison, StudyComparison, Verdict
from rlx.config import read_parameters
from rlx.experiments import find_run
from rlx.report.comparison_words import unlearned, verdict_headline
from rlx.report.study_comparison import compare_folders
from rlx.report.sweep_summary import looked_at_once
from rlx.report.text import Line, brief_setting
from rlx.stats import Grid, number

if TYPE_CHECKING:
    from rlx.experiments import Point, Rung, Trial, Trials

MOST_SHOWN = 15
"""Trials that a table in the terminal shows; `rlx ls --sweep` has them all."""


@dataclass(frozen=True)
class Optimism:
    """How much a search flattered a trial.

    Attributes:
        trial: Its number.
        id: The experiment that confirms it.
        search_score: What it scored in the search: the mean validation return of the last third of its trainings.
        search_seeds: Over how many seeds.
        confirmed_score: The same measure on fresh seeds.
        confirmed_seeds: How many those are.
        optimism: The first less the second: what choosing the best of many adds by luck.
    """

    trial: int
    id: str
    search_score: float | None
    search_seeds: int
    confirmed_score: float | None
    confirmed_seeds: int

    @property
    def optimism(self) -> float | None:
        """What choosing the best of many adds by luck."""
        if self.search_score is None or self.confirmed_score is None:
            return None
        return self.search_score - self.confirmed_score


@dataclass(frozen=True)
class SearchResult:
    """A search, as far as it is made.

    Attributes:
        name: Its name.
        trials: What was tried.
        winners: The trials that were confirmed.
        points: The experiments that confirm: the config itself first.
        study: Those experiments judged; None before.
        optimism: Of each winner.
        confirms: Whether the best are to be confirmed.
    """

    name: str
    trials: Trials
    winners: Sequence[Trial] = ()
    points: Sequence[Point] = ()
    study: StudyComparison | None = None
    optimism: Sequence[Optimism] = ()
    confirms: bool = True


@dataclass(frozen=True)
class SearchedTrial:
    """A trial.

    Attributes:
        trial: Its number; 0 is the config itself.
        rank: Its place: those trained on more seeds before others, then by score.
        state: ``running``, ``stopped`` (nobody makes the search just now), ``pruned`` (others went on), ``complete`` or ``failed``.
        settings: What it sets; empty: the config itself.
        cohort: With which others it competed.
        score: The mean over its seeds; failed ones count as the worst seen. Validation, never held-out episodes.
        seeds: On how many seeds it was trained.
        values: The score of each seed; null of one that failed.
        error: Why a seed failed.
        confirmed_by: The experiment that confirms it.
    """

    trial: int
    rank: int
    state: str
    settings: Mapping[str, Any]
    cohort: int
    score: float | None
    seeds: int
    values: Sequence[float | None]
    error: str | None
    confirmed_by: str | None


@dataclass(frozen=True)
class Confirmed:
    """How a trial was confirmed: by held-out episodes of trainings on fresh seeds, beside the config itself.

    Attributes:
        trial: Its number.
        id: Its experiment.
        verdict: Against the config itself, corrected for the number of trials confirmed.
        difference: To its mean return.
        ci_low: Lower end of the deciding interval of the difference.
        ci_high: Upper end.
        p_value: Of no difference, corrected.
        search_score: What it scored in the search.
        search_seeds: Over how many seeds.
        confirmed_score: The same measure on the fresh seeds.
        optimism: The one less the other: what the search flattered it by.
    """

    trial: int
    id: str
    verdict: Verdict | None
    difference: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    search_score: float | None
    search_seeds: int
    confirmed_score: float | None
    optimism: float | None


@dataclass(frozen=True)
class Searched:
    """`rlx sweep SWEEP --json` and `rlx ls --sweep SWEEP --json` of a search.

    Attributes:
        format: Version of this schema.
        sweep: Its name.
        config: The config it started from.
        ended: Whether nothing more is to be tried.
        baseline: The experiment of the config itself on fresh seeds.
        headlines: Sentences to repeat.
        confirmed: How the best were confirmed.
        trials: All trials, by number.
    """

    format: Literal[1]
    sweep: str
    config: str
    ended: bool
    baseline: str | None
    headlines: Sequence[str]
    confirmed: Sequence[Confirmed]
    trials: Sequence[SearchedTrial]


def judged_search(root: Path, result: SearchResult) -> SearchResult:
    """Return a search with its confirmation judged, as far as its experiments are there.

    Args:
        root: The project.
        result: The search; its optimism is filled in by whoever knows the measure.
    """
    there = [point.name for point in result.points if point.name and point.state in ("kept", "finished")]
    if len(there) < 2 or not result.points or result.points[0].name != there[0]:
        return result
    folders = [find_run(root, name) for name in dict.fromkeys(there)]
    study = compare_folders(folders, there[0], looked_at_once(read_parameters(root)).compare)
    return replace(result, study=study)


def searched(result: SearchResult) -> Searched:
    """Return a search as a document."""
    trials, study = result.trials, result.study
    rank = {trial.number: place for place, trial in enumerate(trials.ranked(), 1)}
    rows = [
        SearchedTrial(
            trial=trial.number,
            rank=rank[trial.number],
            state=trial.state,
            settings=trial.settings,
            cohort=trial.cohort,
            score=trial.score,
            seeds=trial.seeds,
            values=trial.values,
            error=trial.error,
            confirmed_by=trials.confirmed.get(trial.number),
        )
        for trial in trials.trials()
    ]
    confirmed = [_confirmed(result, each) for each in result.optimism]
    headlines = [line.text for line in search_lines(result) if line.weight]
    baseline = study.baseline if study else None
    return Searched(1, result.name, trials.header.config, trials.ended, baseline, headlines, confirmed, rows)


def _confirmed(result: SearchResult, each: Optimism) -> Confirmed:
    found = _comparisons(result).get(each.id)
    difference = found.difference if found else None
    between = difference.interval if difference else None
    return Confirmed(
        trial=each.trial,
        id=each.id,
        verdict=found.verdict if found else None,
        difference=difference.mean if difference else None,
        ci_low=between.low if between else None,
        ci_high=between.high if between else None,
        p_value=found.p_value if found else None,
        search_score=each.search_score,
        search_seeds=each.search_seeds,
        confirmed_score=each.confirmed_score,
        optimism=each.optimism,
    )


def _comparisons(result: SearchResult) -> dict[str, Comparison]:
    return {found.run: found for found in result.study.comparisons} if result.study else {}


def trial_settings(settings: Mapping[str, Any]) -> str:
    """Return what a trial sets, in words."""
    told = [f"{key.removeprefix('algo.')} {brief_setting(value)}" for key, value in settings.items()]
    return ", ".join(told) or "the config itself"


def trial_line(trial: Trial, rungs: int) -> str:
    """Return how a trial stands, in a line."""
    told = f"trial {trial.number} ({trial_settings(trial.settings)})"
    if trial.state == "failed":
        return f"{told}: failed: {trial.error}"
    seeds = f"{trial.seeds} seed{'s' * (trial.seeds != 1)}"
    ends = {"running": "goes on", "stopped": "stopped", "pruned": "others go on", "complete": "complete"}[trial.state]
    failed = f"; a seed failed: {trial.error}" if trial.error else ""
    return f"{told}: {number(trial.score)} over {seeds}{f', {ends}' if rungs > 1 else ''}{failed}"


def trials_grid(result: SearchResult, most: int | None = MOST_SHOWN) -> Grid:
    """Return trials by rank, at most so many; the config itself always."""
    ranked = result.trials.ranked()
    shown = [
        (place, trial) for place, trial in enumerate(ranked, 1) if most is None or place <= most or not trial.number
    ]
    keys = list(dict.fromkeys(key for trial in ranked for key in trial.settings))
    rows = [
        [
            str(place),
            str(trial.number),
            trial.state,
            str(trial.seeds),
            number(trial.score),
            *(brief_setting(trial.settings.get(key)) if trial.number else "config" for key in keys),
        ]
        for place, trial in shown
    ]
    left_out = len(ranked) - len(shown)
    more = f" {left_out} more: `rlx ls --sweep {result.name}`." if left_out else ""
    note = (
        "Score: mean validation return of the last third of training, over seeds used for nothing else. The highest is "
        f"partly luck.{more}"
    )
    head = ["rank", "trial", "state", "seeds", "score", *(key.removeprefix("algo.") for key in keys)]
    return Grid(f"{result.name}: {len(ranked)} trials", head, rows, note, left=0, below=5)


def plan_lines(name: str, rungs: Sequence[Rung], trials: int | None, steps: int | None) -> Iterator[Line]:
    """Yield what a search would try and cost, before it is made; ``steps`` is None where time alone ends it."""
    many = (
        "as many trials as the budget has room for" if trials is None else f"{trials} trials, the config itself first"
    )
    told = [
        f"{rung.seeds} seed{'s' * (rung.seeds != 1)}{f' × {rung.steps:,} steps' if rung.steps else ''}"
        for rung in rungs
    ]
    half = f"; of each cohort the better half goes on: {' → '.join(told)}" if len(rungs) > 1 else f", {told[0]} each"
    yield Line(f"{name}: {many}{half}", "bold")
    cost = "As many environment steps as the hours allow" if steps is None else f"{steps:,} environment steps in all"
    yield Line(f"{cost}, and the confirmation")


def search_lines(result: SearchResult) -> Iterator[Line]:
    """Yield how a search ended: the verdict on what it found, and how much it flattered it."""
    trials = result.trials.trials()
    if failed := [trial for trial in trials if trial.state == "failed"]:
        yield Line(f"{len(failed)} of {len(trials)} trials failed, such as {trial_line(failed[0], 1)}", aside=True)
    if not trials or not result.confirms or not result.winners:
        if told := _why_no_verdict(result, all_failed=len(failed) == len(trials)):
            yield Line(told, "bold")
        return
    if result.study is not None:
        for line in unlearned(result.study):
            yield Line(line, "bold")
    found = _comparisons(result)
    for each in result.optimism:
        if comparison := found.get(each.id):
            assert result.study is not None
            yield Line(f"Trial {each.trial}: {verdict_headline(result.study, comparison)}", "bold")
            seeds = comparison.more_seeds
            if seeds and "seed" not in seeds:
                told = f"To settle it, let `confirm.seeds` in the sweep's file be {seeds['num_seeds']} and run it again"
                yield Line(f"{told}: only the new seeds train.")
    for each in result.optimism:
        if (extra := each.optimism) is not None:
            flattered = "flattered it by" if extra >= 0 else "was short of it by"
            yield Line(
                f"Trial {each.trial} scored {number(each.search_score)} in the search ({each.search_seeds} seed{'s' * (each.search_seeds != 1)}); the same "
                f"measure on {each.confirmed_seeds} fresh seeds is {number(each.confirmed_score)}: the search {flattered} "
                f"{number(abs(extra))}."
            )
    yield from _next(result, found)


def _why_no_verdict(result: SearchResult, *, all_failed: bool) -> str:
    """Return why a search without winners has none; empty where it goes on."""
    if not result.trials.asked:
        return "Nothing was tried: the budget has no room for a single trial; raise `budget` in the sweep's file."
    if all_failed:
        return "No trial has a score: every one failed."
    if not result.confirms:
        return "Nothing is confirmed (confirm.top is 0): the highest score of many is partly luck, and no verdict."
    return "Nothing that was tried scored above the config itself: there is nothing to confirm." * result.trials.ended


def _next(result: SearchResult, found: Mapping[str, Comparison]) -> Iterator[Line]:
    best = next((each for each in result.optimism if each.id in found), None)
    if best is None or result.study is None:
        return
    compared = f"`rlx compare {result.study.baseline} {best.id}`"
    if found[best.id].verdict == "improved":
        yield Line(f"Next: `rlx promote {best.id}` makes it the configuration; {compared} shows more", aside=True)
    else:
        yield Line(f"Next: {compared}", aside=True)


def unfinished(result: SearchResult) -> list[str]:
    """Return which experiments of a confirmation failed, and why."""
    return [f"  {point.name or 'an experiment'}: {point.error}" for point in result.points if point.state == "failed"]
