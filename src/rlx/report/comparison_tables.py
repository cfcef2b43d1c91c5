"""The tables of a comparison, for the terminal and for ``comparison.md`` alike."""

from __future__ import annotations

from collections.abc import Iterator

from rlx import stats
from rlx.comparison import Learning
from rlx.report.grid import Grid
from rlx.report.study_comparison import UNITS, StudyComparison, task_name
from rlx.wording import MISSING, interval, number, p_value


def grids(study: StudyComparison) -> Iterator[Grid]:
    """Yield the tables of a comparison, the most important first."""
    yield from methods_grids(study)
    yield from scores_grids(study)
    yield from differences_grids(study)
    yield from learning_grids(study)
    yield from choices_grids(study)


def scores_grids(study: StudyComparison) -> Iterator[Grid]:
    """Yield one table of scores per task: scores of different tasks never stand in one ranking."""
    tasks = list(dict.fromkeys(task_name(run) for run in study.scores))
    measured = UNITS[study.metric]
    what = (
        f"Mean {measured} of each seed's {study.checkpoint} policy on held-out episodes; t" if study.checkpoint else "T"
    )
    for task in tasks:
        runs, rows = [run for run in study.scores if task_name(run) == task], []
        for run in runs:
            estimate = stats.mean_with_interval(run.scores_S)
            worst, score = run.worst
            name = f"{run.run} *" if run.run in study.baselines else run.run
            rows.append([name, number(estimate.mean), interval(estimate.interval), f"{number(score)} ({worst})"])
            rows[-1].append(str(estimate.n))
        known = [run.random_return for run in runs if run.random_return is not None]
        rows += [["random actions", number(known[0]), MISSING, MISSING, MISSING]] if known else []
        head = ["run", f"mean {measured}", "95 % interval", "worst (seed)", "seeds"]
        title = "Scores" if len(tasks) == 1 else f"Scores on {task}"
        yield Grid(title, head, rows, f"* baseline. {what} intervals over seeds." if task == tasks[-1] else "")


def differences_grids(study: StudyComparison) -> Iterator[Grid]:
    """Yield the table of differences to the baseline; none where nothing compares."""
    if not any(comparison.difference is not None for comparison in study.comparisons):
        return
    rows = [
        [
            comparison.run,
            number(comparison.difference.mean, sign=True),
            interval(comparison.difference.interval, sign=True),
            p_value(comparison.p_value),
            MISSING
            if comparison.probability_of_improvement is None
            else f"{comparison.probability_of_improvement:.2f}",
            comparison.verdict,
        ]
        for comparison in study.comparisons
        if comparison.difference is not None
    ]
    judged = [comparison for comparison in study.comparisons if comparison.test is not None or comparison.looks]
    levels = {c.difference.interval.level for c in judged if c.difference and c.difference.interval}
    level = f"{100 * max(levels):.3g} % interval" if levels else "interval"
    corrected = f", corrected for {len(judged)} candidates" if len(judged) > 1 else ""
    if study.criteria.looks:
        looks = ", ".join(map(str, study.criteria.looks))
        note = (
            f"Group-sequential permutation test at {looks} seeds each; the first verdict stands; repeated intervals"
            f"{corrected}."
        )
    else:
        note = f"Welch's t intervals; permutation tests of no difference, two-sided{corrected}."
    note += "".join(f" {line}" for line in effects(study))
    head = ["run", "difference", level, "p", "P(better)", "verdict"]
    yield Grid(f"Differences to {study.baseline}", head, rows, note)


def effects(study: StudyComparison) -> list[str]:
    """Return which differences count as too small to matter, a sentence for each such number."""
    found: dict[tuple[float, bool], list[str]] = {}
    for comparison in study.comparisons:
        if comparison.difference is not None and comparison.minimum_effect:
            found.setdefault((comparison.minimum_effect, comparison.derived), []).append(comparison.run)
    lines = []
    for (effect, derived), runs in found.items():
        who = f" (of {', '.join(runs)})" if len(found) > 1 else ""
        why = (
            ", derived, since nothing says it: 2 % of the way from random actions to the threshold, or else to the baseline"
            if derived
            else ""
        )
        lines.append(f"Differences up to ±{effect:g}{who} count as too small to matter{why}.")
    return lines


def learning_grids(study: StudyComparison) -> Iterator[Grid]:
    """Yield the tables of how fast runs learn."""
    rows = []
    for found in study.learning:
        if found.area is not None:
            row = [found.run, number(found.area.mean), interval(found.area.interval), MISSING, MISSING]
            if found.difference is not None:
                row[3:] = [number(found.difference.mean, sign=True), interval(found.difference.interval, sign=True)]
            rows.append(row)
    if rows:
        head = ["run", "area", "95 % interval", "difference", "95 % interval"]
        note = "Area under the learning curve: mean return of training episodes over the whole budget."
        yield Grid("Learning", head, rows, note)
    for threshold in dict.fromkeys(found.threshold for found in study.learning):
        asked = [found for found in study.learning if found.solved is not None and found.threshold == threshold]
        if threshold is None or not asked:
            continue
        rows = [[found.run, *_reached(found.reaching), _solved(found)] for found in asked]
        head = ["run", "steps", "95 % interval", "reached", "at the end"]
        note = (
            "Steps at which half of all trainings are there, by their learning curves (Kaplan–Meier: seeds that never "
            "get there count); reached: seeds that ever were; at the end: by held-out score, with Wilson's interval."
        )
        yield Grid(f"Reaching {threshold:g}", head, rows, note)


def _reached(reaching: stats.Reaching | None) -> list[str]:
    if reaching is None:
        return [MISSING] * 3
    low, high = ("…" if end is None else f"{end:,.0f}" for end in (reaching.low, reaching.high))
    median = MISSING if reaching.median_steps is None else f"{reaching.median_steps:,.0f}"
    between = MISSING if reaching.low is None and reaching.high is None else f"{low}–{high}"
    return [median, between, f"{reaching.reached}/{reaching.n}"]


def _solved(found: Learning) -> str:
    if found.solved is None or found.solved_interval is None:
        return MISSING
    low, high = (100 * end for end in (found.solved_interval.low, found.solved_interval.high))
    return f"{found.solved[0]}/{found.solved[1]} [{low:.0f}–{high:.0f} %]"


def choices_grids(study: StudyComparison) -> Iterator[Grid]:
    """Yield the table of what `best` checkpoints promised and hold; none where no run chose any."""
    if not study.choices:
        return
    rows = []
    for run in study.scores:
        if choice := study.choices.get(run.run):
            optimism = choice.optimism
            rows.append(
                [
                    run.run,
                    number(choice.validation),
                    number(choice.held_out.mean),
                    number(optimism.mean, sign=True),
                    interval(optimism.interval, sign=True),
                ]
            )
    head = ["run", "promised", "held-out", "optimism", "95 % interval"]
    note = (
        "`best` was chosen on validation episodes (promised); optimism is what it loses on held-out ones. Verdicts rest "
        "on the final policy, which nothing chose."
    )
    yield Grid("The best checkpoints", head, rows, note)


def methods_grids(study: StudyComparison) -> Iterator[Grid]:
    """Yield the tables of methods over several environments; none of runs on one."""
    if not study.methods:
        return
    rows = []
    for method in study.methods:
        name = f"{method.method} *" if method.method == study.baseline else method.method
        rows.append([name, number(method.iqm.mean), interval(method.iqm.interval), number(method.mean)])
    scales = "; ".join(
        f"{task}: 0 is {number(low)}, 1 is {number(high)}" for task, (low, high) in study.references.items()
    )
    note = f"* baseline. Normalised scores ({scales}); IQM with its stratified bootstrap interval."
    yield Grid("All environments together", ["method", "IQM", "95 % interval", "mean"], rows, note)
    judged = [
        [
            method.method,
            number(method.difference.mean, sign=True),
            interval(method.difference.interval, sign=True),
            p_value(method.p_value),
            f"{method.probability_of_improvement:.2f}",
            str(method.verdict),
        ]
        for method in study.methods
        if method.difference is not None
    ]
    head = ["method", "difference", "interval", "p", "P(better)", "verdict"]
    note = (
        "Mean normalised score, stratified Welch intervals; permutation tests within environments. compare.minimum_effect, "
        "which is in units of return, does not apply."
    )
    if study.criteria.looks:
        note = "Mean normalised score; group-sequential permutation test within environments, repeated intervals."
    yield Grid(f"Methods against {study.baseline}", head, judged, note)
