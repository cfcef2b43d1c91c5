"""The tables of a comparison, for the terminal and for ``comparison.md`` alike."""

from __future__ import annotations

from collections.abc import Iterator

from rlx import stats
from rlx.comparison import UNITS, Learning, StudyComparison, failed_seeds, task_name, trains_elsewhere
from rlx.report.effort_table import efforts_grids
from rlx.stats import MISSING, Grid, interval, listed, number, p_value


def comparison_grids(study: StudyComparison, *, timed: bool = True) -> Iterator[Grid]:
    """Yield the tables of a comparison, the most important first; those of a document that is versioned are not ``timed``."""
    yield from methods_grids(study)
    if study.methods:
        yield environments_grid(study)
    else:
        yield from scores_grids(study)
        yield from differences_grids(study)
        yield from efforts_grids(study, timed=timed)
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
        failed = {run.run: failed_seeds(run.scores_S, run.random_return) for run in runs}
        for run in runs:
            estimate = stats.mean_with_interval(run.scores_S)
            worst, score = run.worst
            name = f"{run.run} *" if run.run in study.baselines else run.run
            rows.append([name, number(estimate.mean), interval(estimate.interval), f"{number(score)} ({worst})"])
            rows[-1].append(str(estimate.n))
        known = [run.random_return for run in runs if run.random_return is not None]
        rows += [["random actions", number(known[0]), MISSING, MISSING, MISSING]] if known else []
        head = ["run", f"mean {measured}", "95 % interval", "worst (seed)", "seeds"]
        note = f"* baseline. {what} intervals over seeds." if task == tasks[-1] else ""
        if any(failed.values()):
            head.append("failed")
            rows = [[*row, _failed(failed[run.run], len(run.scores))] for row, run in zip(rows, runs, strict=False)] + [
                [*row, MISSING] for row in rows[len(runs) :]
            ]
            note += FAILED
        title = "Scores" if len(tasks) == 1 else f"Scores on {task}"
        yield Grid(title, head, rows, note.strip())


def _failed(failed: int, n: int) -> str:
    """Return how many seeds failed, with Wilson's interval of the share."""
    found = stats.success_interval(failed, n)
    return f"{failed}/{n} [{100 * found.low:.0f}–{100 * found.high:.0f} %]"


FAILED = (
    " Failed: seeds that score nearer to random actions than to the median seed (or, where that is not known, far below the "
    "others), with Wilson's interval; a mean over seeds that work and seeds that fail describes neither."
)


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
        if others := [scores.run for scores in study.scores if trains_elsewhere(scores)]:
            note += f" Those of {listed(others)} are not of the task (env.training): of validation episodes instead."
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
                    number(choice.held_out.mean),
                    number(choice.promised, sign=True),
                    number(optimism.mean, sign=True),
                    interval(optimism.interval, sign=True),
                ]
            )
    head = ["run", "held-out", "promised", "optimism", "95 % interval"]
    note = (
        "`best` was chosen on validation episodes. Promised: what it gains there on the final policy; optimism: what of that "
        "gain is not there on held-out episodes. Verdicts rest on the final policy, which nothing chose."
    )
    yield Grid("The best checkpoints", head, rows, note)


def methods_grids(study: StudyComparison) -> Iterator[Grid]:
    """Yield the tables of methods over several environments; none of runs on one."""
    if not study.methods:
        return
    scaled = any(method.iqm is not None for method in study.methods)
    rows = []
    for method in study.methods:
        name = f"{method.method} *" if method.method == study.baseline else method.method
        rank = method.rank
        row = [name, MISSING if rank is None else f"{rank.mean:.2f}", interval(rank.interval if rank else None)]
        if scaled and method.iqm is not None:
            row += [number(method.iqm.mean), interval(method.iqm.interval), number(method.mean)]
        rows.append(row)
    head = ["method", "mean rank", "95 % interval"] + (["IQM", "95 % interval", "mean"] if scaled else [])
    note = "* baseline. Rank by mean score on each environment, 1 the best; stratified bootstrap intervals."
    note += (
        " IQM and mean of normalised scores."
        if scaled
        else " No scores are normalised: give reference scores for that."
    )
    yield Grid("All environments together", head, rows, note)
    judged = []
    for method in study.methods:
        chance, found = method.improvement, method.difference
        if chance is None:
            continue
        row = [
            method.method,
            f"{chance.mean:.2f}",
            interval(chance.interval),
            p_value(method.p_value),
            str(method.verdict),
        ]
        if scaled:
            row[1:1] = [
                number(found.mean if found else None, sign=True),
                interval(found.interval if found else None, sign=True),
            ]
        judged.append(row)
    head = ["method", *(["difference", "interval"] if scaled else []), "P(better)", "interval", "p", "verdict"]
    how = "mean normalised score, Welch intervals" if scaled else "the chance that a seed beats one of the baseline's"
    note = f"By {how}; permutation tests within environments. A verdict depends on the two methods alone."
    if study.criteria.looks:
        note = "Mean normalised score; group-sequential permutation test within environments, repeated intervals."
    yield Grid(f"Methods against {study.baseline}", head, judged, note)


SUFFIXES = {"improved": " ▲", "regressed": " ▼", "equivalent": " =", "identical": " ≡"}


def environments_grid(study: StudyComparison) -> Grid:
    """Return the mean scores of each method on each environment, with the verdict there: one row per environment."""
    verdicts = {comparison.run: comparison.verdict for comparison in study.comparisons}
    method_of = {run: name for name, runs in study.groups.items() for run in runs}
    cells = {
        (task_name(run), method_of[run.run]): number(float(run.scores_S.mean()))
        + SUFFIXES.get(verdicts.get(run.run, ""), "")
        for run in study.scores
        if run.run in method_of
    }
    names = [method.method for method in study.methods]
    tasks = sorted({task for task, _ in cells})
    rows = [[task, *(cells.get((task, name), MISSING) for name in names)] for task in tasks]
    alpha = f"{study.criteria.alpha:g}"
    note = (
        f"Mean score over seeds; ▲ better and ▼ worse than {study.baseline} there, = as good, judged by itself (all "
        f"environments of a method together at alpha {alpha})."
    )
    return Grid("Environments", ["environment", *names], rows, note)
