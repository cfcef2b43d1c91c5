"""A comparison in words, for the terminal and for ``comparison.md`` alike."""

from __future__ import annotations

from collections.abc import Collection

from rlx import stats
from rlx.comparison import UNITS, Comparison, MethodComparison, StudyComparison, seeds_in_words
from rlx.report.comparison_tables import comparison_grids, scores_grids
from rlx.report.text import setting
from rlx.stats import MISSING, interval, markdown_table, number, p_value

MOST_TOLD = 6
"""Comparisons on single environments that are told one by one beside a verdict over all of them."""


def headlines(study: StudyComparison) -> list[str]:
    """Return sentences that a person can repeat to a colleague: the summary first, then one per candidate.

    Before all of it stands which runs are not shown to have learned anything.
    """
    return [*unlearned(study), *verdicts(study)]


def unlearned(study: StudyComparison) -> list[str]:
    """Return which runs are not shown to beat random actions; nothing where all are, or it is not known."""
    low = [run for run in study.scores if run.is_above_random is False]
    if not low:
        return []
    names = ", ".join(f"{run.run} ({number(float(run.scores_S.mean()))})" for run in low[:MOST_TOLD])
    more = f" and {len(low) - MOST_TOLD} more" if len(low) > MOST_TOLD else ""
    random_returns = sorted({run.random_return for run in low if run.random_return is not None})
    scored = f" ({number(random_returns[0])})" if len(random_returns) == 1 else ""
    return [f"Not shown to beat random actions{scored}: {names}{more}."]


def verdicts(study: StudyComparison) -> list[str]:
    """Return the summary, where there is one, and each candidate's verdict."""
    if not study.comparisons:
        return [f"{study.baseline} stands alone: there is nothing to compare it with."]
    lines = [_method_headline(study, method) for method in study.methods if method.verdict is not None]
    if study.methods:
        left = f"Not every method has a run on {', '.join(study.left_out)}." if study.left_out else ""
        return [*lines, *([left] if left else [])]
    if study.left_out:
        lines.append("No verdict over environments: there are not two on which every method has a run.")
    if is_alone(study):
        return [full_verdict(study)]
    lines += [_summary(study)] if len(study.comparisons) > 2 and not study.methods else []
    return lines + [verdict_headline(study, comparison) for comparison in study.comparisons]


def is_alone(study: StudyComparison) -> bool:
    """Tell whether one comparison is all that a study answers."""
    return len(study.comparisons) == 1 and not study.methods and not study.left_out


def full_verdict(study: StudyComparison) -> str:
    """Return the verdict on a study's only candidate, with what would settle it: its size, how long it takes, the command."""
    (comparison,) = study.comparisons
    if not comparison.more_seeds:
        return verdict_headline(study, comparison)
    n, fresh = comparison.more_seeds["num_seeds"], " fresh" if "seed" in comparison.more_seeds else ""
    command = comparison.command if study.checkpoint is not None else None
    time = (
        f" ({_time(comparison.minutes)} where they were trained)" if command and comparison.minutes is not None else ""
    )
    what = f"train {n}{fresh} seeds each{time}" + (f": `{command}`" if command else "")
    return f"{verdict_headline(study, comparison)} To settle it, {what}."


def settling(comparison: Comparison, *, commands: bool = True) -> str | None:
    """Return what would settle a comparison, with the command and how long it takes here."""
    if comparison.next_step is None:
        return None
    time = "" if comparison.minutes is None else f" ({_time(comparison.minutes)} where they were trained)"
    command = f": `{comparison.command}`" if comparison.command and commands else ""
    return f"{comparison.next_step}{time if command else ''}{command}"


def _time(minutes: float) -> str:
    if minutes < 1:
        return "less than a minute"
    return (
        f"about {minutes:.0f} minute{'s' * (round(minutes) > 1)}"
        if minutes < 100
        else f"about {minutes / 60:.0f} hours"
    )


def _summary(study: StudyComparison) -> str:
    improved = [c for c in study.comparisons if c.verdict == "improved" and c.difference]
    many = sum(comparison.verdict != "not comparable" for comparison in study.comparisons)
    if not improved:
        return f"None of {many} runs is shown to improve on {study.baseline}."
    best = max(improved, key=lambda comparison: comparison.difference.mean if comparison.difference else 0.0)
    assert best.difference is not None
    gain = f"{number(best.difference.mean, sign=True)} {UNITS[study.metric]}"
    return f"{len(improved)} of {many} runs improved on {study.baseline}, the most {best.run}{_unless(best)}: {gain}."


def verdict_headline(study: StudyComparison, comparison: Comparison) -> str:
    """Return one candidate's verdict in a sentence."""
    run, baseline, difference = comparison.run, comparison.baseline, comparison.difference
    if difference is None:
        return f"{run} cannot be compared with {baseline}: {comparison.reason}."
    shown = f"{number(difference.mean, sign=True)} {UNITS[study.metric]} {_bracket(difference)}"
    seeds = seeds_in_words(comparison.seeds)
    words = {
        "improved": f"{run} improved on {baseline}{_unless(comparison)}: {shown}, {seeds}.",
        "regressed": f"{run} is worse than {baseline}{_unless(comparison)}: {shown}, {seeds}.",
        "equivalent": f"{run} is as good as {baseline}, to within {_effect(comparison)}: {shown}, {seeds}.",
        "inconclusive": f"{run} against {baseline} is inconclusive: {shown}, {seeds}.",
        "identical": f"{run} is identical to {baseline}: {comparison.reason}.",
    }
    return words[comparison.verdict]


def _unless(comparison: Comparison) -> str:
    """Return what would undo a verdict where one failing seed would: ``, unless one seed in 6 fails``."""
    better = comparison.seeds[comparison.verdict == "regressed"]
    return f", unless one seed in {better + 1} fails" if comparison.fragility == 1 else ""


def _effect(comparison: Comparison) -> str:
    return f"{comparison.minimum_effect:g}{' (derived)' if comparison.derived else ''}"


def _bracket(difference: stats.Estimate) -> str:
    found = difference.interval
    if found is None or found.low == found.high:
        return f"({found.method if found else 'no interval'})"
    return interval(found, sign=True)


def _method_headline(study: StudyComparison, method: MethodComparison) -> str:
    """Return one method's verdict in a sentence, with how many environments agree."""
    if method.verdict == "not comparable":
        return f"{method.method} cannot be compared with {study.baseline}: {method.reason}."
    found = method.difference
    if found is not None:
        shown = f"{number(found.mean, sign=True)} normalised score {_bracket(found)}"
    else:
        chance = method.improvement
        assert chance is not None
        shown = f"a seed of it beats one of {study.baseline}'s with probability {chance.mean:.2f} {interval(chance.interval)}"
    words = {
        "improved": f"improved on {study.baseline}",
        "regressed": f"is worse than {study.baseline}",
        "inconclusive": f"against {study.baseline} is inconclusive",
    }
    return f"{method.method} {words[str(method.verdict)]} over {method.tasks} environments: {shown}; {_each(study, method)}."


def _each(study: StudyComparison, method: MethodComparison) -> str:
    """Return on how many environments a method is better or worse by itself."""
    runs = study.groups.get(method.method, ())
    verdicts = [comparison.verdict for comparison in study.comparisons if comparison.run in runs]
    return f"better on {verdicts.count('improved')} of them, worse on {verdicts.count('regressed')}"


def shared_warnings(study: StudyComparison) -> list[str]:
    """Return the warnings that hold for every one of several comparisons, to be told once."""
    compared = [comparison.warnings for comparison in study.comparisons if comparison.difference is not None]
    return [each for each in compared[0] if all(each in other for other in compared)] if len(compared) > 1 else []


def beware_of_all(study: StudyComparison) -> str:
    """Return the warnings that hold for every comparison, as a sentence."""
    return f"Beware, of every verdict here: {'; '.join(shared_warnings(study))}."


def judgement(comparison: Comparison, *, commands: bool = True, told: Collection[str] = ()) -> list[str]:
    """Return what a verdict rests on, what weakens it, and what would settle it: a sentence each.

    Args:
        comparison: The verdict.
        commands: With the commands to type; scores from elsewhere have none.
        told: Warnings that stand elsewhere already.
    """
    lines = [f"{comparison.reason[0].upper()}{comparison.reason[1:]}."]
    if comparison.relative is not None and comparison.difference is not None and comparison.verdict != "identical":
        lines.append(f"Relative to the baseline's mean: {100 * comparison.relative:+.1f} %.")
    lines += [f"Beware: {warning}." for warning in comparison.warnings if warning not in told]
    if comparison.fragility is not None:
        more = (
            "one more seed that failed"
            if comparison.fragility == 1
            else f"{comparison.fragility} more seeds that failed"
        )
        lines.append(f"Fragility: {more} would take the verdict away.")
    if comparison.unexcluded is not None:
        which = "" if comparison.verdict in ("improved", "regressed") else " in either run"
        lines.append(f"Up to {100 * comparison.unexcluded:.0f} % failing seeds{which} are not excluded.")
    if found := settling(comparison, commands=commands):
        lines.append(f"To settle it: {found}.")
    return lines


OWN = "settings of its own"


def change_rows(comparison: Comparison) -> list[list[str]]:
    """Return what differs between the two runs, settings first: rows of name, baseline's and candidate's value.

    Of different algorithms these come first, and what only one of them has stands in one row.
    """
    rows = [[key, setting(old), setting(new)] for key, (old, new) in comparison.changes.items()]
    if comparison.own_settings is not None:
        families = comparison.families or (None, None)
        (_, *names), own = rows[0], comparison.own_settings
        rows[0] = [
            "algorithm",
            *(f"{name} ({kind})" if kind else name for name, kind in zip(names, families, strict=True)),
        ]
        rows.append([OWN, *(", ".join(f"{key} {setting(value)}" for key, value in each.items() if value is not None) or MISSING for each in (own.baseline, own.candidate))])  # fmt: skip
    return rows + [[key, setting(old), setting(new)] for key, (old, new) in comparison.provenance.items()]


def changed_settings(comparison: Comparison) -> list[str]:
    """Return the settings that differ, a few words each; of different algorithms without those that only one has."""
    rows = change_rows(comparison)[: len(comparison.changes)]
    return [f"{key} {old} → {new}" for key, old, new in rows]


def comparison_markdown(study: StudyComparison, *, pictures: bool = True) -> str:
    """Return ``comparison.md``; without ``pictures``, its text alone."""
    lines = ["# Comparison", "", *(f"{line}  " for line in headlines(study)), ""]
    lines[-2] = lines[-2].rstrip()
    drawn = {
        "All environments together": ["profiles"],
        "Environments": ["scores"],
        f"Methods against {study.baseline}": ["differences"],
        f"Differences to {study.baseline}": ["differences"],
        "Learning": ["learning_curves"],
    }
    if not study.methods:
        drawn[[grid.title for grid in scores_grids(study)][-1]] = ["scores", "profiles"]
    for grid in comparison_grids(study, timed=not pictures):
        lines += [f"## {grid.title}", "", markdown_table(grid.head, grid.rows, left=grid.left), ""]
        lines += [grid.note, ""] if grid.note else []
        for name in drawn.get(grid.title, []) if pictures else []:
            lines += [f"![{name.replace('_', ' ')}]({name}.png)", ""]
    shared = shared_warnings(study)
    lines += [beware_of_all(study), ""] if shared else []
    for comparison in study.comparisons if len(study.comparisons) <= MOST_TOLD or not study.methods else ():
        lines += [f"## {comparison.run} against {comparison.baseline}: {comparison.verdict}", ""]
        lines += [f"- {line}" for line in judgement(comparison, commands=study.checkpoint is not None, told=shared)]
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
    return markdown_table(["seeds each", "t", "boundary", "alpha spent", "crossed"], rows)


def _changes_section(comparison: Comparison) -> list[str]:
    rows = change_rows(comparison)
    if not rows:
        return ["Nothing differs in settings, code or libraries."]
    head = ["what differs", comparison.baseline, comparison.run]
    return [markdown_table(head, rows, left=3)]
