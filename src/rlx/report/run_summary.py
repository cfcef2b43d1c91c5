"""One run in a paragraph and a table."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rlx import stats
from rlx.comparison import Comparison
from rlx.config import Parameters
from rlx.records import RunFolder, Score, Summary
from rlx.report.comparison_words import changed_settings, verdict_headline
from rlx.report.judged_runs import JudgedRuns, baseline_of, judge_runs, judge_study, scores_or_why_not
from rlx.report.run_facts import RunFacts, facts_of_run
from rlx.report.summarized import Summarized, Summed, as_one, scored
from rlx.stats import MISSING, Grid, interval, listed, number

POLICIES = {"latest": "final", "best": "best"}


@dataclass(frozen=True, kw_only=True)
class RunSummed(Summed):
    """`rlx summarize RUN --json`.

    Attributes:
        problem: What of it cannot be read.
        headline: Its verdict, as a sentence.
        comparison: Its verdict.
        run: Its facts.
    """

    kind: Literal["run"] = "run"
    problem: str | None = None
    headline: str | None = None
    comparison: Comparison | None = None
    run: RunFacts


def summarize_run(root: Path, parameters: Parameters, folder: RunFolder) -> Summarized:
    """Sum up one run: what it is, what it scores, beside random actions and the baseline, what it cost.

    Raises:
        ConfigError: Its snapshot cannot be read.
        DataDamaged: One of its other files cannot be read.
        Missing: Its evaluation lacks the checkpoint that ``compare.checkpoint`` judges.
    """
    facts = facts_of_run(root, folder)
    judged, why_not = _judged(root, parameters, folder)
    problem = judged.without.get(folder.name) if judged else scores_or_why_not(folder, parameters)
    if isinstance(problem, str):
        sentences = [_what(facts, folder), *_unfinished(folder, facts, problem), *_made(facts)]
        unjudged = RunSummed(name=folder.name, summary=as_one(sentences), problem=problem, run=facts)
        return Summarized(unjudged, _seeds_grid(facts, folder.snapshot.seeds))
    comparison = judged.comparison(folder.name) if judged else None
    verdict = verdict_headline(judged.study, comparison) if judged and judged.study and comparison else None
    evaluated = folder.evaluation
    sentences = [_what(facts, folder), *_scores(evaluated, parameters.compare.checkpoint), verdict or why_not]
    if judged and judged.study and (mine := next((run for run in judged.study.scores if run.run == folder.name), None)):
        sentences[:0] = (
            [] if mine.is_above_random is not False else [f"{folder.name} is not shown to beat random actions"]
        )
    if comparison is not None:
        changed = changed_settings(comparison)
        sentences.append(f"What differs in the settings: {listed(changed, 6)}" if changed else "No setting differs")
        sentences += [f"Beware: {warning}" for warning in comparison.warnings]
    if diagnosis := _diagnosis(folder):
        sentences.append(diagnosis)
    grid = _scores_grid(folder, evaluated, judged, comparison.baseline if comparison else None)
    summary = as_one([*sentences, *_made(facts)])
    told = RunSummed(name=folder.name, summary=summary, headline=verdict, comparison=comparison, run=facts)
    return Summarized(told, grid)


def _diagnosis(folder: RunFolder) -> str | None:
    """Return the outcome of the diagnosis that the analyze stage made; None where there is none."""
    from rlx.report.diagnosis_words import diagnosis_headline
    from rlx.report.run_files import read_analysis

    content = read_analysis(folder)
    return (
        None
        if content is None
        else f"Diagnosis: {diagnosis_headline(content)} `rlx diagnose {shlex.quote(folder.name)}` tells more"
    )


def _judged(root: Path, parameters: Parameters, folder: RunFolder) -> tuple[JudgedRuns | None, str]:
    """Return the run beside its baseline; a run of the study is judged with the whole study, as its verdict is."""
    name = folder.name
    if name in parameters.study.runs and folder.path == (root / "runs" / name).resolve():
        judged = judge_study(root, parameters)
        is_baseline = judged.study is not None and name in judged.study.baselines
        return judged, "It is the study's baseline" if is_baseline else judged.headlines[0]
    baseline = baseline_of(root, parameters, folder)
    if baseline is None:
        environment = folder.snapshot.config.env.id
        return None, f"The study's baseline {parameters.baseline} has no scores on {environment} to compare it with"
    if baseline.path.resolve() == folder.path.resolve():
        return None, "It is the study's baseline"
    return judge_runs([baseline, folder], baseline.name, parameters), ""


def _what(facts: RunFacts, folder: RunFolder) -> str:
    config, seeds = folder.snapshot.config, facts.seeds
    title = f" ({facts.title})" if facts.title and facts.title != facts.run else ""
    wanted, done = len(seeds.wanted), len(seeds.finished)
    counted = f"{wanted} seed{'s' * (wanted != 1)}" if done == wanted else f"{done} of {wanted} seeds"
    state = "finished" if facts.status == "finished" else "finished so far"
    return (
        f"{facts.run}{title} trains {facts.algorithm.upper()} on {facts.environment}: {counted} of "
        f"{config.algo.total_timesteps:,} environment steps each {'are' if wanted != 1 else 'is'} {state}"
    )


def _scores(summary: Summary, checkpoint: str) -> list[str]:
    score, random_return = summary.scores[checkpoint], summary.random_return
    episodes = (summary.task.get("protocol") or {}).get("episodes")
    each = f" ({episodes} episodes each)" if episodes else ""
    lines = [f"Its {POLICIES[checkpoint]} policies have a mean held-out return of {scored(score.estimate)}{each}"]
    lines.append(f"Random actions score {number(random_return)}: {_learned(score.estimate, random_return)}")
    if len(score.seeds) > 1:
        worst = _worst(score)
        lines.append(f"The worst seed, {worst}, scores {number(score.seeds[worst])}")
    return lines


def _learned(estimate: stats.Estimate, random_return: float) -> str:
    found = estimate.interval
    if found is None:
        return "with one seed, luck cannot be told from learning"
    if found.low > random_return:
        return "this run learned"
    return "it is worse than that" if found.high < random_return else "that it learned anything is not shown"


def _worst(score: Score) -> int:
    return min(score.seeds, key=lambda seed: (score.seeds[seed], seed))


def _unfinished(folder: RunFolder, facts: RunFacts, problem: str) -> list[str]:
    lines = [f"{folder.name} {problem}"]
    lines += [f"Seed {seed} failed: {error}" for seed, error in list(facts.seeds.failed.items())[:3]]
    if not facts.scores:
        return [*lines, "There are no held-out scores yet"]
    if facts.status != "finished":
        lines.append("The scores in its folder are of an earlier training and are left out here")
    return lines


def _made(facts: RunFacts) -> list[str]:
    """Return what the run cost, what its code lacks in Git, and its note."""
    from rlx.launch import shown_duration

    lines, cost = [], facts.cost
    if cost and cost["environment_steps"]:
        seconds = shown_duration(cost["training_seconds_all_seeds"])
        lines.append(
            f"It cost {cost['environment_steps']:,} environment steps and {seconds} of training, all seeds together"
        )
    if dirty := (facts.git or {}).get("dirty"):
        lines.append(f"It was made with uncommitted changes of {listed(dirty, 6)}")
    return lines + [f"Note: {facts.note}"] * bool(facts.note)


def _scores_grid(folder: RunFolder, summary: Summary, judged: JudgedRuns | None, baseline: str | None) -> Grid:
    rows = [_row(f"{folder.name}, {POLICIES.get(name, name)}", score) for name, score in summary.scores.items()]
    if judged and judged.study and baseline and baseline in judged.folders:
        checkpoint = str(judged.study.checkpoint)
        score = judged.folders[baseline].evaluation.scores[checkpoint]
        rows.append(_row(f"{baseline} (baseline), {POLICIES[checkpoint]}", score))
    rows.append(["random actions", number(summary.random_return), MISSING, MISSING, MISSING])
    head = ["policies", "mean return", "95 % interval", "worst (seed)", "seeds"]
    note = "Held-out episodes; intervals over seeds. `best` was chosen on validation episodes."
    return Grid("Scores", head, rows, note)


def _row(name: str, score: Score) -> list[str]:
    worst = _worst(score)
    mean, found = number(score.estimate.mean), interval(score.estimate.interval)
    return [name, mean, found, f"{number(score.seeds[worst])} ({worst})", str(score.estimate.n)]


def _seeds_grid(facts: RunFacts, wanted: list[int]) -> Grid:
    """Return the seeds of an unfinished run: which are there, which failed, which are missing."""
    seeds = facts.seeds
    known = dict.fromkeys(seeds.finished, "finished") | dict.fromkeys(seeds.failed, "failed")
    return Grid("Seeds", ["seed", "state"], [[str(s), known.get(s, "not finished")] for s in wanted], "", 2)
