"""The value function: whether it is trained, whether it learns, and the scale of what it is to predict."""

from __future__ import annotations

import numpy as np

from rlx.diagnosis import suggestions
from rlx.diagnosis.finding import Detection, Evidence, Severity
from rlx.diagnosis.rules.rule import ON_POLICY, OUTCOMES, Needs, Rule, measured, most, of_seeds, ratio
from rlx.diagnosis.signals import LARGE_TARGETS, Signals
from rlx.stats import Array, number

EV, LOSS = "train/explained_variance", "train/value_loss"
POOR = 0.05
VERY_LARGE, HUGE = 300.0, 1e5
LEARNED = 0.2
GROWTH = 10.0


def best_explained_S(signals: Signals) -> Array:
    """Return each seed's best window of explained variance; NaN where it is defined in too few windows."""
    ev_SW = signals.windowed(EV)[:, 1:] if signals.windows > 1 else signals.windowed(EV)
    known = np.isfinite(ev_SW)
    best_S = np.where(known, ev_SW, -np.inf).max(axis=1)
    return np.where(known.mean(axis=1) >= 0.25, best_S, np.nan)


def _not_trained(signals: Signals) -> Detection | None:
    weight = signals.setting("value_coef")
    if weight is None or weight > 0.001:
        return None
    evidence = [Evidence("algo.value_coef", weight, "below", 0.001)]
    what = f"algo.value_coef is {weight:g}, so nothing trains the value function"
    best_S = best_explained_S(signals) if signals.seeds else np.array([])
    if np.isfinite(best_S).any():
        evidence.append(measured(signals, f"{EV}, best window", best_S, np.isfinite(best_S), "below", LEARNED))
        what += f"; its best explained variance was {number(evidence[-1].value)}"
    return Detection(f"{what}.", tuple(evidence), "warning", "high", suggestions.train_the_value(signals))


def _out_of_scale(signals: Signals) -> Detection | None:
    name, size_S = signals.target_size_S
    best_S = best_explained_S(signals)
    blind_S = ~(np.nan_to_num(best_S, nan=-1.0) > LEARNED)
    poor_S = np.nan_to_num(best_S, nan=1.0) < POOR
    holds_S = np.nan_to_num(size_S) > np.where(blind_S, np.where(poor_S, LARGE_TARGETS, VERY_LARGE), HUGE)
    if not most(holds_S):
        return None
    evidence = (
        measured(signals, name, size_S, holds_S, "above", LARGE_TARGETS),
        measured(signals, f"{EV}, best window", best_S, holds_S & np.isfinite(best_S), "below", LEARNED),
    )
    follows = (
        f", and the value function does not follow them (explained variance at best {number(evidence[1].measured)})"
        if evidence[1].seeds and evidence[1].measured < LEARNED
        else ""
    )
    what = (
        f"The value function is to predict numbers of size {number(evidence[0].measured)} in "
        f"{of_seeds(evidence[0].seeds, len(signals.seeds))}{follows}."
    )
    return Detection(what, evidence if follows else evidence[:1], "warning", "high", suggestions.scale_rewards(signals))


def _large(signals: Signals) -> Detection | None:
    name, size_S = signals.target_size_S
    holds_S = np.nan_to_num(size_S) > LARGE_TARGETS
    if signals.config.env.normalize_reward or not most(holds_S):
        return None
    evidence = measured(signals, name, size_S, holds_S, "above", LARGE_TARGETS)
    what = f"Value targets are of size {number(evidence.measured)} in {of_seeds(evidence.seeds, len(signals.seeds))}."
    return Detection(what, (evidence,), "info", "low", suggestions.scale_rewards(signals))


def _not_learning(signals: Signals) -> Detection | None:
    best_S = best_explained_S(signals)
    holds_S = np.nan_to_num(best_S, nan=1.0) < POOR
    if not most(holds_S) or not signals.half_trained:
        return None
    evidence = measured(signals, f"{EV}, best window", best_S, holds_S, "below", POOR)
    told = (
        "never predicted returns better than a constant would"
        if evidence.measured <= 0
        else f"explained at most {100 * evidence.measured:.1f} % of the variance of returns"
    )
    what = f"In {of_seeds(evidence.seeds, len(signals.seeds))} the value function {told} (explained variance at best {number(evidence.measured)})."
    severity: Severity = "warning" if evidence.measured <= 0 else "info"
    return Detection(what, (evidence,), severity, "medium", suggestions.help_the_value(signals))


def _gradients_grow(signals: Signals) -> Detection | None:
    norm_SW = signals.windowed("train/gradient_norm")
    late_S, early_S = signals.late(norm_SW), signals.early(norm_SW)
    limit = signals.setting("max_grad_norm")
    if limit is None:
        return None
    growth_S = ratio(late_S, early_S)
    holds_S = (np.nan_to_num(growth_S) > GROWTH) & (np.nan_to_num(late_S) > limit)
    if not most(holds_S):
        return None
    last = (3 * signals.windows // 4, signals.windows - 1)
    evidence = measured(signals, "train/gradient_norm, late over early", growth_S, holds_S, "above", GROWTH, last)
    what = (
        f"Gradients grew {number(evidence.measured)}-fold over training and are clipped (at {limit:g}) in "
        f"{of_seeds(evidence.seeds, len(signals.seeds))}."
    )
    return Detection(what, (evidence,), "info", "medium", suggestions.smaller_policy_steps(signals))


JONES = "Jones, Debugging RL (2021)"
CAUSES: tuple[Rule, ...] = (
    Rule(
        "value-not-trained",
        "The value function is not trained",
        "Advantages are measured against the value function; an untrained one leaves them as noisy as bare returns, so "
        "learning is slower and less stable.",
        "Huang et al. 2022: the value loss has a coefficient of 0.5 everywhere",
        _not_trained,
        OUTCOMES | {"entropy-stuck", "entropy-collapsed", "targets-large"},
        needs_training=False,
        needs=Needs(ON_POLICY, ("value_coef",)),
    ),
    Rule(
        "targets-out-of-scale",
        "Rewards are far out of scale",
        "Networks learn numbers near 1. Targets this large make the value loss swamp the policy's share of the clipped "
        "gradient, and take the value function many updates to reach.",
        f"{JONES}: value targets and advantages within ±10, ideally ±3; 100 to 300 where the value function does not follow, 100,000 otherwise, are rlx's own thresholds",
        _out_of_scale,
        OUTCOMES | {"policy-does-not-move", "entropy-stuck", "targets-large", "learning-rate-unusual"},
        needs=Needs(ON_POLICY, metrics=(LOSS,)),
    ),
)
SYMPTOMS: tuple[Rule, ...] = (
    Rule(
        "value-function-not-learning",
        "The value function does not learn",
        "Without it advantages are noise, and the policy learns slowly or not at all.",
        f"{JONES}; Stable-Baselines3's documentation: explained variance below 0 is worse than a constant",
        _not_learning,
        frozenset(),
    needs=Needs(metrics=(EV,)),),
    Rule(
        "gradients-grow",
        "Gradients grow and are clipped",
        "Clipping keeps each step small, but steps of one length in a direction that is mostly noise are not learning.",
        "Huang et al. 2022, detail 11: global gradient clipping at 0.5; the factor of 10 is rlx's own",
        _gradients_grow,
        frozenset(),
    needs=Needs(settings=("max_grad_norm",), metrics=("train/gradient_norm",)),),
    Rule(
        "targets-large",
        "Value targets are large",
        "They need not do harm, but rewards scaled to about 1 make the defaults of PPO fit.",
        f"{JONES}: within ±10, ideally ±3",
        _large,
        frozenset(),
    needs=Needs(ON_POLICY, metrics=(LOSS,)),),
)  # fmt: skip
