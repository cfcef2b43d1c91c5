"""What was not seen: how few failing seeds would take a verdict away, and which share of failing seeds is not excluded.

A few seeds that all work say little about the one in ten that fails: with five of them, 45 % failing is not excluded. So every
verdict carries how many further seeds, had they failed, would undo it.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from rlx import stats
from rlx.comparison.case import FAILING_SHARE, REASONABLE, Case, Verdict

MOST_ADDED = 10
"""Failing seeds that are added at most; verdicts that withstand them all are not fragile."""
APART = 2.0
"""Two groups of seeds are apart by at least so many times the larger one's range."""

SHARE_OF_MEDIAN = 0.1
"""… and by at least this share of the median seed's score: where all others are equal, nothing else tells what is far."""

Holds = Callable[[stats.Array, stats.Array], bool]
"""Whether scores of candidate and baseline still give a verdict."""


def failing_return(case: Case) -> float:
    """Return what a failing seed scores: the mean return of random actions, or where that is unknown the worst seed seen."""
    known = [run.random_return for run in (case.candidate, case.baseline) if run.random_return is not None]
    return known[0] if known else min(case.candidate.worst[1], case.baseline.worst[1])


def is_failing_return_known(case: Case) -> bool:
    """Tell whether it is known what random actions score."""
    return case.candidate.random_return is not None or case.baseline.random_return is not None


def fragility(case: Case, verdict: str, holds: Holds) -> int | None:
    """Return the smallest number of failing seeds in the better arm with which a verdict is no longer given.

    Args:
        case: The two runs.
        verdict: ``improved`` or ``regressed``; others have no better arm.
        holds: Whether the verdict is given with other scores.

    Returns:
        None where it withstands :data:`MOST_ADDED` of them, or where there is none to withstand.
    """
    if verdict not in ("improved", "regressed"):
        return None
    low = failing_return(case)

    def withstands(added: int) -> bool:
        more = np.full(added, low)
        candidate_S, baseline_S = case.candidate.scores_S, case.baseline.scores_S
        if verdict == "improved":
            return holds(np.concatenate([candidate_S, more]), baseline_S)
        return holds(candidate_S, np.concatenate([baseline_S, more]))

    if not withstands(1):
        return 1
    if withstands(MOST_ADDED):
        return None
    return bisect.bisect_left(range(MOST_ADDED + 1), True, lo=2, key=lambda added: not withstands(added))


def failed_seeds(scores_S: stats.Array, random_return: float | None) -> int:
    """Return how many seeds have failed, by their scores: nearer to random actions than to the median seed, or far below it.

    Failures are told from noise where the others agree: their range is to be smaller than what they gain on random actions.
    Where it is not known what those score, the lower of two groups has failed, if they are apart (:data:`APART`) and it is
    the smaller one.
    """
    scores_S = np.sort(np.asarray(scores_S, dtype=float))
    median = float(np.median(scores_S))
    if random_return is not None:
        low = scores_S < (median + random_return) / 2
        learned = median > random_return and float(np.ptp(scores_S[~low])) < median - random_return
        return int(np.count_nonzero(low)) if learned and len(scores_S) > 2 else 0
    if len(scores_S) < 4:
        return 0
    gaps = np.diff(scores_S)
    at = int(np.argmax(gaps)) + 1
    larger = max(float(np.ptp(scores_S[:at])), float(np.ptp(scores_S[at:])))
    apart = float(gaps[at - 1]) > max(APART * larger, SHARE_OF_MEDIAN * abs(median))
    return at if apart and at < len(scores_S) / 2 else 0


def unexcluded_share(scores_S: stats.Array, random_return: float | None, alpha: float) -> float:
    """Return the largest share of failing seeds that a run's seeds do not exclude (Clopper & Pearson 1934, one-sided)."""
    return stats.largest_share(failed_seeds(scores_S, random_return), len(scores_S), 1 - alpha)


def left_open(case: Case) -> tuple[float, float]:
    """Return the largest loss that unseen failures may still cause in either run, and the share of seeds behind it.

    The share that is not excluded, times what one failing seed loses against the run's mean.
    """
    low, found = failing_return(case), []
    for run in (case.candidate, case.baseline):
        share = stats.largest_unseen_share(len(run.scores), 1 - case.criteria.alpha)
        found.append((share * max(0.0, float(run.scores_S.mean()) - low), share))
    return max(found)


def seeds_to_close(case: Case) -> int | None:
    """Return how many seeds each would leave no loss open that matters; None where no number does, or it is not needed."""
    effect, low = case.criteria.minimum_effect, failing_return(case)
    loss = max(float(run.scores_S.mean()) - low for run in (case.candidate, case.baseline))
    if effect <= 0 or loss <= 0:
        return None
    share = min(effect / loss, 0.999)
    return math.ceil(math.log(case.criteria.alpha) / math.log(1 - share))


class Open(NamedTuple):
    """Why a verdict is not given, and what would settle it."""

    reason: str
    step: str | None = None
    settings: Mapping[str, int] = {}


def unexcluded(case: Case, verdict: Verdict) -> float:
    """Return the share of failing seeds that is not excluded: in the better run, or of two that are alike in either."""
    candidate, baseline = (
        unexcluded_share(run.scores_S, run.random_return, case.criteria.alpha)
        for run in (case.candidate, case.baseline)
    )
    return {"improved": candidate, "regressed": baseline}.get(verdict, max(candidate, baseline))


def equivalence(case: Case, inside: str) -> tuple[Verdict, Open]:
    """Say ``equivalent`` only where failures that were not seen would not matter either.

    Args:
        case: Two runs whose interval lies inside the minimum effect.
        inside: That, in words.
    """
    effect, (loss, share) = case.criteria.minimum_effect, left_open(case)
    needed, enough = seeds_to_close(case), 0
    if not is_failing_return_known(case):
        enough = stats.seeds_to_see(FAILING_SHARE, case.criteria.alpha)
        needed = max(needed or 0, enough)
    if loss <= effect and min(case.seeds) >= enough:
        return "equivalent", Open(inside)
    told = f"no difference seen; up to {100 * share:.0f} % failing is not excluded ({inside})"
    if needed is None or needed > REASONABLE:
        many = f"{needed} seeds" if needed else "more seeds"
        step = f"{many} each would exclude failures that matter: decide which differences do (minimum effect)"
        return "inconclusive", Open(told, step)
    step = f"{needed} seeds each, none of them failing, would leave no failures open that matter"
    return "inconclusive", Open(told, step, case.fresh_seeds(needed))


def demanded(case: Case, withstands: int | None) -> Open | None:
    """Return why a verdict is too fragile for ``compare.fragility``; None where it is not."""
    if withstands is None or withstands > case.criteria.fragility:
        return None
    seeds = "one more seed that failed" if withstands == 1 else f"{withstands} more seeds that failed"
    n = 2 * min(case.seeds)
    return Open(
        f"{seeds} would take that away, and compare.fragility demands that it withstand {case.criteria.fragility}",
        f"{n} fresh seeds each would make it firmer, if none of them fails",
        case.fresh_seeds(n),
    )
