"""Verdicts: one run against another, several candidates corrected together, judged once or look by look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rlx import stats
from rlx.comparison.case import (
    FAILING_SHARE,
    REASONABLE,
    Case,
    Comparison,
    Criteria,
    Verdict,
    agreeing,
    is_beyond,
    relative_to,
    up_to_seeds,
    zone,
)
from rlx.comparison.differences import run_identity, task_differences
from rlx.comparison.runs import RunScores
from rlx.comparison.sequential import judge_by_looks
from rlx.comparison.unseen import Holds, demanded, equivalence, fragility, unexcluded
from rlx.stats import wording


def compare(baseline: RunScores, candidates: Sequence[RunScores], criteria: Criteria) -> list[Comparison]:
    """Judge each candidate against the baseline; the error rate holds over all of them together.

    Args:
        baseline: The run to compare with.
        candidates: The others.
        criteria: How to judge.

    Returns:
        One comparison per candidate, in their order.
    """
    return compare_pairs([(baseline, candidate) for candidate in candidates], criteria)


def compare_pairs(
    pairs: Sequence[tuple[RunScores, RunScores]], criteria: Criteria | Sequence[Criteria]
) -> list[Comparison]:
    """Judge pairs of (baseline, candidate) together, all alike or each by its own criteria; see :func:`compare`.

    Which differences matter may differ from pair to pair (environments have returns of their own); when it is looked,
    and the error rate, may not.
    """
    each = [criteria] * len(pairs) if isinstance(criteria, Criteria) else list(criteria)
    sound = [
        index
        for index, (base, run) in enumerate(pairs)
        if _hindrance(base, run) is None and run_identity(base, run) is None
    ]
    cases = [Case(*pairs[index], each[index], len(sound)) for index in sound]
    by_looks = any(one.looks is not None for one in each)
    judged = [judge_by_looks(case) for case in cases] if by_looks else _judge_once(cases)
    found = dict(zip(sound, judged, strict=True))
    return [found.get(index) or _unjudged(base, run) for index, (base, run) in enumerate(pairs)]


def _judge_once(cases: Sequence[Case]) -> list[Comparison]:
    """Judge with all the seeds there are, corrected over all the cases."""
    tests = [stats.permutation_test(case.candidate.scores_S, case.baseline.scores_S) for case in cases]
    adjusted = [tests[0].p] if len(tests) == 1 else stats.closed_test([_pair(case, 0.0) for case in cases])
    matters = any(case.criteria.minimum_effect for case in cases)
    beyond = stats.closed_test([_pair(case, case.criteria.minimum_effect) for case in cases]) if matters else adjusted
    return [_judge(*evidence) for evidence in zip(cases, tests, adjusted, beyond, strict=True)]


def _pair(case: Case, margin: float) -> stats.Pair:
    return stats.Pair(case.candidate.scores_S, case.baseline.scores_S, case.baseline.run, margin)


def _hindrance(baseline: RunScores, candidate: RunScores) -> str | None:
    """Return why two runs cannot be compared, or None."""
    if different := task_differences(candidate, baseline):
        return f"they measure different things: {'; '.join(different)}"
    if not (baseline.scores and candidate.scores):
        return "one of them has no finished seed"
    return None


def _unjudged(baseline: RunScores, candidate: RunScores) -> Comparison:
    blank = Case(baseline, candidate, Criteria(), 1).blank()
    if hindrance := _hindrance(baseline, candidate):
        return replace(blank, reason=hindrance, warnings=())
    both = candidate.scores_S, baseline.scores_S
    return replace(
        blank,
        verdict="identical",
        difference=replace(stats.difference_of_means(*both), interval=None),
        relative=relative_to(both[1], float(both[0].mean() - both[1].mean())),
        probability_of_improvement=stats.probability_of_improvement(*both),
        reason=run_identity(baseline, candidate) or "",
        warnings=(),
    )


def _judge(case: Case, test: stats.Test, p_value: float, p_beyond: float) -> Comparison:
    both = case.candidate.scores_S, case.baseline.scores_S
    verdict, reason, difference = _verdict(case, test, p_beyond)
    step: str | None = None
    settings: Mapping[str, int] = {}
    withstands = None
    if verdict in ("improved", "regressed"):
        withstands = fragility(case, verdict, _holding(case, verdict, p_beyond))
    if verdict == "inconclusive":
        step, settings = _next_step(case, test)
    elif verdict == "equivalent":
        verdict, (reason, step, settings) = equivalence(case, reason)
    elif more := demanded(case, withstands):
        verdict, reason, step, settings = "inconclusive", f"{reason}; but {more.reason}", more.step, more.settings
    return replace(
        case.blank(),
        verdict=verdict,
        difference=difference,
        relative=relative_to(both[1], difference.mean),
        p_value=p_value,
        p_beyond=p_beyond,
        test=test,
        probability_of_improvement=stats.probability_of_improvement(*both),
        reason=reason,
        next_step=step,
        more_seeds=settings,
        fragility=withstands,
        unexcluded=unexcluded(case, verdict),
    )


def _verdict(case: Case, test: stats.Test, p_beyond: float) -> tuple[Verdict, str, stats.Estimate]:
    """Return what was found, what it rests on, and the difference with an interval that agrees with it."""
    interval, effect, alpha = case.difference.interval, case.criteria.minimum_effect, case.criteria.alpha
    alone = case.difference_alone.interval
    if interval is None or alone is None:
        return "inconclusive", "one seed shows no spread: nothing can be said about luck", case.difference
    above = case.difference.mean > 0
    decided = is_beyond(alone, effect) and p_beyond <= alpha
    ended = agreeing(interval, effect, above=above, decided=decided)
    found = replace(case.difference, interval=ended)
    shown = f"the {100 * interval.level:.3g} % interval of the difference, {wording.interval(ended, sign=True)},"
    if ended.method == stats.NO_SPREAD:
        shown = f"the difference, {wording.number(interval.low, sign=True)} without any spread,"
    if effect > 0 and -effect < interval.low and interval.high < effect:
        return "equivalent", f"{shown} lies inside ±{effect:g}", found
    p = f"p = {wording.p_value(p_beyond)}{f' (of no more than ±{effect:g})' if effect else ''}"
    if decided:
        word: Verdict = "improved" if above else "regressed"
        if ended == interval:
            return word, f"{shown} excludes {zone(effect)}, and {p}", found
        return word, f"the test of all {case.family} candidates together excludes {zone(effect)}: {p}", found
    return "inconclusive", _why_open(case, test, shown, p), found


def _why_open(case: Case, test: stats.Test, shown: str, p: str) -> str:
    """Return why nothing was decided."""
    alpha, effect, (n, m) = case.criteria.alpha, case.criteria.minimum_effect, case.seeds
    if test.smallest_p > alpha:
        return f"{n} against {m} seeds cannot reach p ≤ {alpha:g} (the smallest is {test.smallest_p:.2g})"
    if case.difference.interval is not None and is_beyond(case.difference.interval, effect):
        return f"{p} is above {alpha:g}, though Welch's interval alone excludes {zone(effect)}"
    return f"{shown} includes {zone(effect)}"


def _holding(case: Case, verdict: Verdict, p_beyond: float) -> Holds:
    """Return whether other scores give a verdict too; in a family, at the correction that it had."""
    effect, alpha = case.criteria.minimum_effect, case.criteria.alpha
    alone = p_beyond if case.family == 1 else stats.closed_test([_pair(case, effect)])[0]
    correction = p_beyond / alone

    def holds(candidate_S: stats.Array, baseline_S: stats.Array) -> bool:
        interval = stats.difference_of_means(candidate_S, baseline_S, 1 - alpha).interval
        if interval is None or not (interval.low > effect if verdict == "improved" else interval.high < -effect):
            return False
        return stats.closed_test([stats.Pair(candidate_S, baseline_S, None, effect)])[0] * correction <= alpha

    return holds


def _next_step(case: Case, test: stats.Test) -> tuple[str, dict[str, int]]:
    """Say how many seeds would settle an inconclusive comparison, and with which settings.

    Where a verdict was possible this was a look, so more seeds are to be fresh ones, or counted look by look.
    """
    alpha, difference, effect = case.alpha, case.difference, case.criteria.minimum_effect
    enough, visible = stats.seeds_to_reach(alpha), stats.seeds_to_see(FAILING_SHARE, alpha)
    if enough is None:
        return f"no number of seeds reaches p ≤ {alpha:.2g}: compare fewer candidates, or raise compare.alpha", {}
    if difference.std is None or test.smallest_p > alpha:
        fewest = max(enough, stats.SEEDS_FOR_VERDICT)
        return f"train at least {fewest} seeds each", up_to_seeds(fewest)
    if difference.std == 0:
        text = f"nothing tells how much is luck; {visible} fresh seeds each would show failures of one training in five"
        return text, case.fresh_seeds(visible)
    seen, excess = f"the difference seen ({wording.number(difference.mean, sign=True)})", abs(difference.mean) - effect
    if excess < 0:
        needed = stats.seeds_for_equivalence(-excess, difference.std, alpha)
        needed = None if needed is None else max(needed, visible)
        shows = "that it is too small to matter"
    else:
        needed, shows = stats.seeds_needed(excess, difference.std, alpha), "it"
    n = min(case.seeds)
    detectable = effect + (stats.minimum_detectable_effect(difference.std, n, alpha) or 0.0)
    text = f"{case.counts} show a true difference of {wording.number(detectable)} four times in five"
    wanted = None if needed is None else max(needed, n + 1, enough)
    if wanted is None or wanted > REASONABLE:
        many = f"{wanted} seeds" if wanted else "more than 1000 seeds"
        return (
            f"{text}; {seen} would take {many} each to settle: decide which differences matter (minimum effect)",
            {},
        )
    return (
        f"{text}; if {seen} is the true one, {wanted} fresh seeds each would show {shows} (or seeds added look by "
        "look, `rlx compare --sequential`)",
        case.fresh_seeds(wanted),
    )
