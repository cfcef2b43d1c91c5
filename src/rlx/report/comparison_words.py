"""A comparison in words and tables, for the terminal and for ``comparison.md`` alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rlx import stats
from rlx.comparison import Comparison, Learning, MethodComparison
from rlx.report.study_comparison import StudyComparison, task_name
from rlx.report.text import setting, table
from rlx.wording import MISSING, interval, number, p_value


@dataclass(frozen=True)
class Grid:
    """A table before it is drawn.

    Attributes:
        title: What it shows.
        head: Column titles.
        rows: Cells as text.
        note: What a reader must know about it.
        left: How many columns, from the first, are text.
    """

    title: str
    head: list[str]
    rows: list[list[str]]
    note: str = ""
    left: int = 1


def headlines(study: StudyComparison) -> list[str]:
    """Return sentences that a person can repeat to a colleague: the summary first, then one per candidate."""
    if not study.comparisons:
        return [f"{study.baseline} stands alone: there is nothing to compare it with."]
    lines = [_method_headline(study, method) for method in study.methods if method.verdict is not None]
    lines += [_summary(study)] if len(study.comparisons) > 2 and not lines else []
    return lines + [_headline(study, comparison) for comparison in study.comparisons]


def _summary(study: StudyComparison) -> str:
    improved = [c for c in study.comparisons if c.verdict == "improved" and c.difference]
    many = len(study.comparisons)
    if not improved:
        return f"None of {many} runs is shown to improve on {study.baseline}."
    best = max(improved, key=lambda comparison: comparison.difference.mean if comparison.difference else 0.0)
    assert best.difference is not None
    gain = number(best.difference.mean, sign=True)
    return f"{len(improved)} of {many} runs improved on {study.baseline}, the most {best.run}: {gain} return."


def _headline(study: StudyComparison, comparison: Comparison) -> str:
    run, baseline, difference = comparison.run, comparison.baseline, comparison.difference
    if difference is None:
        return f"{run} cannot be compared with {baseline}: {comparison.reason}."
    shown = f"{number(difference.mean, sign=True)} return {_bracket(difference)}"
    n, m = comparison.seeds
    seeds = f"{n} seeds each" if n == m else f"{n} against {m} seeds"
    words = {
        "improved": f"{run} improved on {baseline}: {shown}, {seeds}.",
        "regressed": f"{run} is worse than {baseline}: {shown}, {seeds}.",
        "equivalent": f"{run} is as good as {baseline}, to within {study.criteria.minimum_effect:g}: {shown}, {seeds}.",
        "inconclusive": f"{run} against {baseline} is inconclusive: {shown}, {seeds}.",
        "identical": f"{run} is identical to {baseline}: {comparison.reason}.",
    }
    return words[comparison.verdict]


def _bracket(difference: stats.Estimate) -> str:
    found = difference.interval
    if found is None or found.low == found.high:
        return f"({found.method if found else 'no interval'})"
    return interval(found, sign=True)


def _method_headline(study: StudyComparison, method: MethodComparison) -> str:
    assert method.difference is not None
    shown = f"{number(method.difference.mean, sign=True)} normalised score {_bracket(method.difference)}"
    words = {
        "improved": f"improved on {study.baseline}",
        "regressed": f"is worse than {study.baseline}",
        "inconclusive": f"against {study.baseline} is inconclusive",
    }
    return f"{method.method} {words[str(method.verdict)]} over {len(study.references)} environments: {shown}."


def grids(study: StudyComparison) -> Iterator[Grid]:
    """Yield the tables of a comparison, the most important first."""
    if study.methods:
        yield from _methods_grids(study)
    yield from _scores_grids(study)
    if any(comparison.difference is not None for comparison in study.comparisons):
        yield _differences_grid(study)
    yield from _learning_grids(study)
    if study.choices:
        yield _choices_grid(study)


def _scores_grids(study: StudyComparison) -> Iterator[Grid]:
    """Yield one table of scores per task: scores of different tasks never stand in one ranking."""
    tasks = list(dict.fromkeys(task_name(run) for run in study.scores))
    what = f"Mean return of each seed's {study.checkpoint} policy on held-out episodes; t" if study.checkpoint else "T"
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
        head = ["run", "mean return", "95 % interval", "worst (seed)", "seeds"]
        title = "Scores" if len(tasks) == 1 else f"Scores on {task}"
        yield Grid(title, head, rows, f"* baseline. {what} intervals over seeds." if task == tasks[-1] else "")


def _differences_grid(study: StudyComparison) -> Grid:
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
    head = ["run", "difference", level, "p", "P(better)", "verdict"]
    return Grid(f"Differences to {study.baseline}", head, rows, note)


def _learning_grids(study: StudyComparison) -> Iterator[Grid]:
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
    if study.threshold is not None:
        rows = [[found.run, *_reached(found.reaching), _solved(found)] for found in study.learning]
        head = ["run", "steps", "95 % interval", "reached", "at the end"]
        note = (
            "Steps at which half of all trainings are there, by their learning curves (Kaplan–Meier: seeds that never "
            "get there count); reached: seeds that ever were; at the end: by held-out score, with Wilson's interval."
        )
        yield Grid(f"Reaching {study.threshold:g}", head, rows, note)


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


def _choices_grid(study: StudyComparison) -> Grid:
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
    return Grid("The best checkpoints", head, rows, note)


def _methods_grids(study: StudyComparison) -> Iterator[Grid]:
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
    note = "Mean normalised score, stratified Welch intervals; permutation tests within environments."
    yield Grid(f"Methods against {study.baseline}", head, judged, note)


def judgement(comparison: Comparison) -> list[str]:
    """Return what a verdict rests on, what weakens it, and what would settle it: a sentence each."""
    lines = [f"{comparison.reason[0].upper()}{comparison.reason[1:]}."]
    if comparison.relative is not None and comparison.difference is not None and comparison.verdict != "identical":
        lines.append(f"Relative to the baseline's mean: {100 * comparison.relative:+.1f} %.")
    lines += [f"Beware: {warning}." for warning in comparison.warnings]
    if comparison.next_step:
        lines.append(f"To settle it: {comparison.next_step}.")
    return lines


def changes(comparison: Comparison) -> list[list[str]]:
    """Return what differs between the two runs, settings first: rows of name, baseline's and candidate's value."""
    found = [*comparison.changes.items(), *comparison.provenance.items()]
    return [[key, setting(old), setting(new)] for key, (old, new) in found]


def to_markdown(study: StudyComparison, *, pictures: bool = True) -> str:
    """Return ``comparison.md``; without ``pictures``, its text alone."""
    lines = ["# Comparison", "", *(f"{line}  " for line in headlines(study)), ""]
    lines[-2] = lines[-2].rstrip()
    last_scores = [grid.title for grid in _scores_grids(study)][-1]
    drawn = {
        "All environments together": ["profiles"],
        last_scores: ["scores"] if study.methods else ["scores", "profiles"],
        f"Differences to {study.baseline}": ["differences"],
        "Learning": ["learning_curves"],
    }
    for grid in grids(study):
        lines += [f"## {grid.title}", "", table(grid.head, grid.rows, left=grid.left), ""]
        lines += [grid.note, ""] if grid.note else []
        for name in drawn.get(grid.title, []) if pictures else []:
            lines += [f"![{name.replace('_', ' ')}]({name}.png)", ""]
    for comparison in study.comparisons:
        lines += [f"## {comparison.run} against {comparison.baseline}: {comparison.verdict}", ""]
        lines += [f"- {line}" for line in judgement(comparison)]
        if comparison.looks:
            lines += ["", _looks_table(comparison)]
        if comparison.test is not None:
            lines += [
                f"- Test: {comparison.test.method}; the smallest p-value it can give is {p_value(comparison.test.smallest_p)}."
            ]
        lines += ["", *_changes_section(comparison), ""]
    return "\n".join(lines).rstrip() + "\n"


def _looks_table(comparison: Comparison) -> str:
    rows = [
        [
            str(look.n),
            number(look.statistic),
            number(look.boundary) if look.boundary < float("inf") else MISSING,
            p_value(look.spent),
            "yes" if look.crossed else "no",
        ]
        for look in comparison.looks
    ]
    return table(["seeds each", "t", "boundary", "alpha spent", "crossed"], rows)


def _changes_section(comparison: Comparison) -> list[str]:
    rows = changes(comparison)
    if not rows:
        return ["Nothing differs in settings, code or libraries."]
    head = ["what differs", comparison.baseline, comparison.run]
    return [table(head, rows, left=3)]
