"""How random the policy is: too soon certain, never certain, or ever noisier."""

from __future__ import annotations

import numpy as np

from rlx.config import HARDLY
from rlx.diagnosis import suggestions
from rlx.diagnosis.finding import Confidence, Detection, Severity
from rlx.diagnosis.rules.progress import smooth
from rlx.diagnosis.rules.rule import ON_POLICY, Needs, Rule, measured, most, of_seeds
from rlx.diagnosis.signals import Signals
from rlx.stats import Array, number

ENTROPY = "train/entropy_loss"
COLLAPSED, EARLY = 0.1, 0.2
STUCK = 0.95
SWINGS = 0.1
NOISE_GROWS = 2.0
NOISE_GONE = 0.1
NO_BETTER = 0.05
"""Of the way from random actions to doing nothing: who scores no more than this above the latter, is no better."""


def _certainty(signals: Signals) -> tuple[str, Array] | None:
    """Return how random the policy is (1: as at the start or uniform), per seed and window, and its name."""
    if signals.relative_entropy_SW is not None:
        return "train/entropy_loss, over that of the uniform policy", signals.relative_entropy_SW
    std_SW = signals.windowed("train/std")
    if not np.isfinite(std_SW).any():
        return None
    start = float(np.exp(signals.config.policy.log_std_init))
    return "train/std, over its start", std_SW / start


def _collapsed(signals: Signals) -> Detection | None:
    found = _certainty(signals)
    if found is None:
        return None
    name, random_SW = found
    early = max(1, round(EARLY * signals.windows))
    threshold = COLLAPSED if signals.relative_entropy_SW is not None else NOISE_GONE
    low_SW = np.nan_to_num(random_SW, nan=1.0) < threshold
    stays_S = low_SW[:, early:].mean(axis=1) > 0.8 if signals.windows > early else np.ones(len(low_SW), dtype=bool)
    holds_S = np.asarray(low_SW[:, :early].any(axis=1) & stays_S)
    if not most(holds_S):
        return None
    evidence = measured(
        signals, name, np.nanmin(random_SW[:, :early], axis=1), holds_S, "below", threshold, (0, early - 1)
    )
    what = (
        f"In {of_seeds(evidence.seeds, len(signals.seeds))} the policy became certain within the first "
        f"{signals.span_of(0, early - 1)[1]:,} steps: its randomness fell to {100 * evidence.measured:.2g} % and stayed there."
    )
    return Detection(what, (evidence,), "info", "medium", suggestions.keep_exploring(signals))


def _does_nothing(signals: Signals) -> Detection | None:
    still, random = signals.record.still_return, signals.record.random
    if still is None or random is None:
        return None
    gain = still - float(random.returns_E.mean())
    effort_S = np.array([s.held_out.effort if s.held_out else None for s in signals.seeds], dtype=float)
    success_SW = signals.windowed("rollout/success_rate")
    failed_S = np.nan_to_num(success_SW).max(axis=1) == 0
    as_still_S = np.nan_to_num(signals.held_out_S, nan=np.inf) <= still + NO_BETTER * gain
    holds_S = (np.nan_to_num(effort_S, nan=1.0) < HARDLY) & as_still_S & signals.held_out_above_S & failed_S
    if gain <= 0 or not most(holds_S):
        return None
    evidence = measured(
        signals, "size of the final policy's actions, over the largest", effort_S, holds_S, "below", HARDLY
    )
    score = float(np.median(signals.held_out_S[holds_S]))
    what = (
        f"In {of_seeds(evidence.seeds, len(signals.seeds))} the final policy hardly acts: its actions are "
        f"{100 * evidence.measured:.2g} % of the largest on average, and it scores {number(score)}, as doing nothing does "
        f"({number(still)}); random actions score {number(float(random.returns_E.mean()))}."
    )
    reported = np.isfinite(success_SW).any()
    lengths_SW = signals.windowed("rollout/length_mean")
    known = lengths_SW[np.isfinite(lengths_SW)]
    if reported:
        what += " No episode of training succeeded: its exploration is too small to meet the goal."
    elif len(known) and np.ptp(known) == 0:
        what += f" Every episode of training took {known[0]:,.0f} steps: if there is a goal, exploration never met it."
    severity: Severity = "error" if reported else "warning"
    return Detection(
        what, (evidence,), severity, "high" if reported else "medium", suggestions.explore_further(signals)
    )


def _stuck(signals: Signals) -> Detection | None:
    random_SW = signals.relative_entropy_SW
    if random_SW is None or not signals.half_trained:
        return None
    late_S = signals.late(random_SW)
    holds_S = np.nan_to_num(late_S) > STUCK
    if not most(holds_S):
        return None
    evidence = measured(
        signals, "train/entropy_loss, over that of the uniform policy", late_S, holds_S, "above", STUCK,
        (3 * signals.windows // 4, signals.windows - 1),
    )  # fmt: skip
    what = (
        f"At the end of training actions are still {100 * evidence.measured:.1f} % as random as uniform ones in "
        f"{of_seeds(evidence.seeds, len(signals.seeds))}."
    )
    bonus = signals.setting("entropy_coef") or 0.0
    severity: Severity
    confidence: Confidence
    severity, confidence = ("warning", "high") if bonus >= suggestions.LARGE_BONUS else ("info", "medium")
    return Detection(what, (evidence,), severity, confidence, suggestions.less_bonus(signals))


def _oscillates(signals: Signals) -> Detection | None:
    random_SW = signals.relative_entropy_SW
    if random_SW is None or signals.windows < 10 or not np.isfinite(random_SW).all():
        return None
    late_SW = random_SW[:, signals.windows // 2 :]
    swing_S = (late_SW - smooth(late_SW, 5)).std(axis=1)
    holds_S = (swing_S > SWINGS) & (np.ptp(late_SW, axis=1) > 3 * SWINGS)
    if not most(holds_S):
        return None
    name = "swing around its trend of train/entropy_loss, over that of the uniform policy"
    evidence = measured(signals, name, swing_S, holds_S, "above", SWINGS, (signals.windows // 2, signals.windows - 1))
    what = (
        f"The randomness of the policy swings by {100 * evidence.measured:.0f} % (standard deviation around its trend) over the "
        f"second half of training in {of_seeds(evidence.seeds, len(signals.seeds))}."
    )
    return Detection(what, (evidence,), "info", "medium", suggestions.smaller_policy_steps(signals))


def _noise_grows(signals: Signals) -> Detection | None:
    std_SW = signals.windowed("train/std")
    if not np.isfinite(std_SW).any():
        return None
    start = float(np.exp(signals.config.policy.log_std_init))
    late_S = signals.late(std_SW)
    threshold = max(NOISE_GROWS * start, 1.0)
    holds_S = np.nan_to_num(late_S) > threshold
    if not most(holds_S):
        return None
    last = (3 * signals.windows // 4, signals.windows - 1)
    evidence = measured(signals, "train/std", late_S, holds_S, "above", threshold, last)
    what = (
        f"The noise of actions grew from {number(start)} to {number(evidence.measured)} in "
        f"{of_seeds(evidence.seeds, len(signals.seeds))}."
    )
    confidence: Confidence = "high" if (signals.setting("entropy_coef") or 0.0) > 0 else "medium"
    severity: Severity = (
        "info" if signals.scale is not None and np.median(signals.late(signals.place_SW)) > 0.8 else "warning"
    )
    return Detection(what, (evidence,), severity, confidence, suggestions.less_bonus(signals))


JONES = "Jones, Debugging RL (2021)"
RULES: tuple[Rule, ...] = (
    Rule(
        "doing-nothing-pays",
        "The policy learned to do nothing",
        "Where every action costs something and the goal is never met by chance, standing still is the best that training "
        "can find: above random actions, and no step nearer to the goal.",
        "doing nothing is played in the same held-out episodes; OpenAI Gym's wiki describes the trap on its page of MountainCarContinuous-v0; "
        "5 % of the largest action, and of the way from random to still, are rlx's own thresholds",
        _does_nothing,
        frozenset(
            {
                "never-left-the-floor",
                "plateau",
                "still-improving",
                "degenerate-episodes",
                "value-function-not-learning",
                "noise-grows",
                "targets-large",
                "unstable",
                "evaluation-below-training",
                "length-without-return",
            }
        ),
    ),
    Rule(
        "noise-grows",
        "Actions become noisier",
        "Where the bonus for random actions pays more than the task, or the return does not depend on the actions, the "
        "noise grows without bound, and with it everything the policy has learned drowns.",
        "Andrychowicz et al. 2021 (What matters in on-policy RL), on the standard deviation of actions; a factor of 2 is rlx's own threshold",
        _noise_grows,
        frozenset({"never-left-the-floor", "plateau", "unstable", "value-function-not-learning"}),
        needs=Needs(ON_POLICY, ("entropy_coef",), ("train/std",)),
    ),
    Rule(
        "entropy-collapsed",
        "The policy became certain too soon",
        "A policy that always takes the same action meets nothing new, so what it has not found by then it will not find.",
        f"{JONES}: relative entropy starts near 1 and falls slowly; near 0 early means collapse; 10 % within the first fifth is rlx's own threshold",
        _collapsed,
        frozenset({"never-left-the-floor", "plateau", "seeds-disagree", "degenerate-episodes"}),
        needs=Needs(ON_POLICY, ("entropy_coef",), (ENTROPY,)),
    ),
)
SYMPTOMS: tuple[Rule, ...] = (
    Rule(
        "entropy-oscillates",
        "The policy wavers between certain and random",
        "Updates that undo each other mean steps that are too large.",
        f"{JONES}: oscillating entropy means that the learning rate is too high; 10 % around the trend is rlx's own threshold",
        _oscillates,
    needs=Needs(ON_POLICY, metrics=(ENTROPY,)),),
    Rule(
        "entropy-stuck",
        "Actions stay as random as at the start",
        "A policy that has learned something prefers some actions; one that stays uniform has not, or is paid for staying "
        "random by its entropy bonus.",
        f"{JONES}: entropy stuck near 1 means that nothing is learned",
        _stuck,
        frozenset({"plateau", "degenerate-episodes"}),
    needs=Needs(ON_POLICY, ("entropy_coef",), (ENTROPY,)),),
)  # fmt: skip
