"""Whether the policy plays as well when it is evaluated as it did in training."""

from __future__ import annotations

import numpy as np

from rlx.diagnosis import suggestions
from rlx.diagnosis.finding import Detection
from rlx.diagnosis.rules.progress import learned_S
from rlx.diagnosis.rules.rule import Rule, measured, most, of_seeds, which
from rlx.diagnosis.rules.seeds import groups
from rlx.diagnosis.signals import Signals, carried_forward
from rlx.stats import Array, number

BELOW = 0.3
ERRORS = 3.0
WINDOWS = 3
"""The lowest of the last windows stands for training, so that a return that swings is not mistaken for a gap."""


def _below(signals: Signals) -> Detection | None:
    scale = signals.scale
    played_S = signals.held_out_S
    if signals.config.env.differs_in_training:
        return None  # it scored in another environment
    if scale is None or scale.span <= 0 or not np.isfinite(played_S).any():
        return None
    late_S = carried_forward(signals.returns_SW)[:, -WINDOWS:].min(axis=1)
    gap_S = scale.place(late_S) - scale.place(played_S)
    errors = [
        s.held_out.returns_E.std() / np.sqrt(len(s.held_out.returns_E)) if s.held_out else 0 for s in signals.seeds
    ]
    error_S = np.array(errors) / scale.span
    rising_S = scale.place(late_S) > 0.2
    holds_S = (np.nan_to_num(gap_S) > BELOW + ERRORS * error_S) & rising_S & learned_S(signals)
    if not most(holds_S) and not _parts_the_seeds(signals, holds_S):
        return None
    last = (max(0, signals.windows - WINDOWS), signals.windows - 1)
    evidence = measured(signals, "training less held-out return, of the range from random to best", gap_S, holds_S, "above", BELOW, last)  # fmt: skip
    trained, played = float(np.median(late_S[holds_S])), float(np.median(played_S[holds_S]))
    what = (
        f"In {of_seeds(evidence.seeds, len(signals.seeds))} the policy that scored {number(trained)} or more in its last training "
        f"episodes scores {number(played)} in held-out ones."
    )
    return Detection(what, (evidence,), "warning", "high", suggestions.evaluate_as_trained(signals), advice=ADVICE)


def _parts_the_seeds(signals: Signals, holds_S: Array) -> bool:
    """Tell whether the seeds that play worse in evaluation are those that fall behind the others."""
    parted = groups(signals)
    return parted is not None and set(parted.worse) <= set(which(signals, holds_S))


ADVICE = (
    "Make sure that evaluation sees what training saw: the same wrappers, and a normaliser that is kept in the checkpoint "
    "(env.normalize_observation is; a wrapper's own statistics are not). If the policy needs its randomness "
    "(`rlx eval RUN:latest --stochastic` shows it), judge it with final_eval.deterministic: false."
)
RULES: tuple[Rule, ...] = (
    Rule(
        "evaluation-below-training",
        "The policy plays worse in evaluation than in training",
        "The score that is reported is of something else than what was trained: observations scaled otherwise, other "
        "wrappers, or actions without the randomness that the policy had come to rely on.",
        "Stable-Baselines3, RL tips and tricks (normalisation, deterministic actions); 30 % of the range is rlx's own threshold",
        _below,
        frozenset({"seeds-disagree"}),
    ),
)
