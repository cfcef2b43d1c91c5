"""The analysis of a run as Markdown; the same words serve ``analysis.md`` and `rlx analyze`."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from rlx.report.analysis import Analyzed, Learned, PolicyOutcome
from rlx.report.diagnosis_words import diagnosis_markdown
from rlx.stats import MISSING, SEEDS_FOR_VERDICT, Grid, interval, leveled, number


def analysis_markdown(content: Analyzed, pictures: Mapping[str, str], curve: str | None) -> str:
    """Return the analysis as Markdown.

    Args:
        content: The analysis.
        pictures: By finding, the path of its picture.
        curve: The path of the picture of the learning curve; None leaves it out.
    """
    lines = [f"# {content.run} on {content.environment}", "", analysis_headline(content), ""]
    lines += diagnosis_markdown(content, pictures)
    for grid in analysis_grids(content):
        lines += [grid.to_markdown(), ""]
    if content.learning is None:
        lines += ["No training episode ended, so nothing can be said about learning.", ""]
    elif curve:
        lines += [f"![learning curve]({curve})", ""]
    return "\n".join(lines)


def analysis_headline(content: Analyzed) -> str:
    """Return the outcome in one or two sentences."""
    if content.outcome is None:
        steps = f" after {content.steps_per_seed:,} steps" if content.steps_per_seed else ""
        states = {
            "failed": "failed",
            "stopped": "was stopped",
            "running": "is in training",
            "evaluating": "is being evaluated",
            "resolved": "is not trained",
        }
        state = states.get(content.status, f"is {content.status}")
        return f"This run {state}{steps} and has no held-out scores; what follows is from its training."
    latest, random_return = content.outcome["latest"], content.random_return
    found = latest.interval
    shown = f" ({leveled(found)}, n = {found.n} seeds)" if found else ""
    text = f"The final policies score {number(latest.return_mean)}{shown} after {content.steps_per_seed:,} steps each."
    if latest.above_random_by_interval:
        return f"{text} Random actions score {number(random_return)}: this run learned."
    if found is None:
        return f"{text} Random actions score {number(random_return)}; with one seed, luck cannot be told from learning."
    return f"{text} Random actions score {number(random_return)}: that this run learned anything is not shown."


def analysis_grids(content: Analyzed) -> list[Grid]:
    """Return the tables: outcome, learning and stability over seeds, seed by seed, reward components."""
    found = []
    if content.outcome is not None:
        found.append(_outcome(content.outcome, content.random_return))
    if content.learning is not None:
        scores = content.outcome["latest"].seeds if content.outcome else {}
        found += [_course(content.learning), _seeds(content.learning, scores)]
    if content.reward_components:
        found.append(_components(content))
    return found


def _outcome(outcome: Mapping[str, PolicyOutcome], random_return: float | None) -> Grid:
    latest, best = outcome["latest"], outcome.get("best")
    rows = [["latest (judged)", *_outcome_cells(latest)]]
    if best:
        rows.append(["best (by validation)", *_outcome_cells(best)])
    rows.append(["random policy", number(random_return), MISSING, MISSING, MISSING])
    notes = []
    if latest.interval:
        found = latest.interval
        notes.append(f"Interval: {100 * found.level:g} %, {found.method}, over n = {found.n} training seeds.")
    else:
        notes.append(
            f"One seed has no spread to judge by, so there is no interval; train at least {SEEDS_FOR_VERDICT}."
        )
    if best and best.validation_return_of_choice is not None:
        notes.append(
            f"`best` was chosen at {number(best.validation_return_of_choice)} on validation episodes and scores "
            f"{number(best.return_mean)} on held-out ones."
        )
    if latest.success_rate is not None and latest.success_interval_over_episodes is not None:
        low, high = latest.success_interval_over_episodes
        notes.append(
            f"Success rate {100 * latest.success_rate:.1f} % of held-out episodes (over episodes, Wilson: "
            f"{100 * low:.1f}–{100 * high:.1f} %)."
        )
    head = ["policy", "mean return", "interval", "worst seed", "best seed"]
    return Grid("Outcome", head, rows, " ".join(notes))


def _outcome_cells(outcome: PolicyOutcome) -> list[str]:
    found = outcome.interval
    worst, best = outcome.worst_seed, outcome.best_seed
    return [
        number(outcome.return_mean),
        interval(found) if found else MISSING,
        f"{number(worst.return_mean)} (seed {worst.seed})",
        f"{number(best.return_mean)} (seed {best.seed})",
    ]


def _course(learning: Learned) -> Grid:
    """Return learning speed and stability over all seeds: the median, and the range."""
    rows = []
    for level, words in (("0.5", "steps to 50 %"), ("0.9", "steps to 90 %")):
        reached = [steps for steps in learning.steps_to[level].values() if steps is not None]
        never = len(learning.steps_to[level]) - len(reached)
        middle = f"{median(reached):,.0f}" if reached and never < len(reached) else "never"
        spread = f"{min(reached):,} to {max(reached):,}" if reached else MISSING
        rows.append([words, middle, spread + (f", never in {never}" if never else "")])
    for key, words in (
        ("area_under_curve", "mean level"),
        ("drop_from_best_window_to_last", "final drop"),
        ("late_swing", "late swing"),
        ("gain_in_last_window", "gain at the end"),
    ):
        known = [100 * value for value in getattr(learning, key).values() if value is not None]
        if known:
            middle, least, most = (round(value) for value in (median(known), min(known), max(known)))
            rows.append([words, f"{middle} %", f"{least} to {most} %"])
    scale = learning.scale
    low, high = float(scale["0"]), float(scale["1"])
    note = (
        f"Returns of training episodes, placed between {number(low)} (0 %) and {number(high)} (100 %); "
        f"{scale['meaning']}; training is cut into {len(learning.window_steps)} windows. Mean level: average over "
        "training; final drop: best window less last; late swing: standard deviation over the last quarter; gain at the "
        "end: last window less the quarter before."
    )
    return Grid("Learning and stability", ["over seeds", "median", "range"], rows, note)


def _seeds(learning: Learned, scores: Mapping[int, float]) -> Grid:
    rows = []
    for seed in sorted(learning.area_under_curve):
        shares = [
            getattr(learning, key).get(seed)
            for key in ("area_under_curve", "drop_from_best_window_to_last", "late_swing")
        ]
        steps = [learning.steps_to[level].get(seed) for level in ("0.5", "0.9")]
        rows.append(
            [
                str(seed),
                number(scores.get(seed)),
                *("never" if value is None else f"{value:,}" for value in steps),
                *(MISSING if value is None else f"{100 * value:.0f} %" for value in shares),
            ]
        )
    head = ["seed", "held-out return", "steps to 50 %", "steps to 90 %", "mean level", "final drop", "late swing"]
    return Grid("Seed by seed", head, rows)


def _components(content: Analyzed) -> Grid:
    found = content.reward_components
    total = sum(abs(each.late) for each in found.values()) or 1.0
    rows = [
        [name, number(each.early), number(each.late), f"{100 * abs(each.late) / total:.0f} %"]
        for name, each in found.items()
    ]
    note = "Sums per training episode, medians over seeds, over the first and last quarter of training; share: of the sizes of all, late."
    return Grid("Components of the reward", ["component", "early", "late", "share"], rows, note)
