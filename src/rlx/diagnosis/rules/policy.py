"""How far the policy moves at each update: too far, or not at all."""

from __future__ import annotations

import numpy as np

from rlx.diagnosis import suggestions
from rlx.diagnosis.finding import Detection, Severity
from rlx.diagnosis.rules.progress import STILL_KL, learned_S
from rlx.diagnosis.rules.rule import ON_POLICY, Needs, Rule, measured, most, of_seeds
from rlx.diagnosis.signals import Signals, mean_over
from rlx.stats import Array, number

KL, CLIPPED = "train/approx_kl", "train/clip_fraction"
SUSTAINED_KL, SPIKE_KL = 0.05, 0.5
"""KL is normally below 0.02 and target_kl 0.01-0.05 (Spinning Up; Huang et al. 2022); a mean of 0.5 over a whole
window is ten times the largest usual target."""
MUCH_CLIPPED = 0.3
CERTAIN = 0.2
STILL_CLIPPED = 0.002
"""Two samples in a thousand."""
HUANG = "Huang et al. 2022 (The 37 implementation details of PPO): approx_kl is normally below 0.02"
SPINNING_UP = "OpenAI Spinning Up: target_kl is usually 0.01-0.05"


def _too_fast(signals: Signals) -> Detection | None:
    kl_SW = signals.windowed(KL)
    jumps_SW = np.nan_to_num(signals.windowed(KL, trimmed=False))[:, :-1]  # what follows a jump shows in later windows
    peak_S = jumps_SW.max(axis=1, initial=0.0)
    share_S = (np.nan_to_num(kl_SW) > SUSTAINED_KL).mean(axis=1)
    spike_S, sustained_S = peak_S > SPIKE_KL, share_S >= 0.5
    if not (most(spike_S) or most(sustained_S)):
        return None
    if most(spike_S):
        peaks = jumps_SW.argmax(axis=1)[spike_S]
        window = int(peaks.min()), int(peaks.max())
        first, last = signals.span_of(*window)
        evidence = measured(signals, f"{KL}, highest window", peak_S, spike_S, "above", SPIKE_KL, window)
        what = (
            f"In {of_seeds(evidence.seeds, len(signals.seeds))} the policy jumped: approx_kl averaged "
            f"{number(evidence.measured)} (median over seeds) in its highest window, within steps {first:,} to {last:,}; "
            f"below 0.02 is usual."
        )
    else:
        evidence = measured(signals, KL, mean_over(kl_SW), sustained_S, "above", SUSTAINED_KL)
        what = (
            f"approx_kl stayed above {SUSTAINED_KL} for most of training in {of_seeds(evidence.seeds, len(signals.seeds))} "
            f"(mean {number(evidence.measured)}, where 0.02 is usual)."
        )
    severity: Severity = "warning" if most(spike_S) else "info"
    return Detection(what, (evidence,), severity, "high", suggestions.smaller_policy_steps(signals))


def _still(signals: Signals) -> Detection | None:
    epochs, steps, batch = (signals.setting(name) for name in ("update_epochs", "rollout_steps", "batch_size"))
    if not (epochs and steps and batch) or epochs * (steps * signals.config.env.num_envs // batch) < 2:
        return None  # both are measured before a step, so they are 0 where an update is one step
    half = max(1, signals.windows // 2)
    kl_SW, clipped_SW = signals.windowed(KL)[:, :half], signals.windowed(CLIPPED)[:, :half]
    known_S = np.isfinite(kl_SW).any(axis=1) & np.isfinite(clipped_SW).any(axis=1)
    slow_S = (np.nan_to_num(kl_SW).max(axis=1) < STILL_KL) & (np.nan_to_num(clipped_SW).max(axis=1) < STILL_CLIPPED)
    holds_S = known_S & slow_S & ~_certain(signals, half)
    if not most(holds_S):
        return None
    evidence = (
        measured(signals, KL, mean_over(kl_SW), holds_S, "below", STILL_KL, (0, half - 1)),
        measured(signals, CLIPPED, mean_over(clipped_SW), holds_S, "below", STILL_CLIPPED, (0, half - 1)),
    )
    what = (
        f"In {of_seeds(evidence[0].seeds, len(signals.seeds))} the policy hardly changed over the first half of training: "
        f"approx_kl {number(evidence[0].measured)} and {100 * evidence[1].measured:.2g} % of samples clipped."
    )
    severity: Severity = "info" if most(learned_S(signals)) else "warning"
    return Detection(what, evidence, severity, "high", suggestions.larger_policy_steps(signals))


def _certain(signals: Signals, half: int) -> Array:
    """Tell which seeds' policies cannot move because they are certain of every action already."""
    random_SW = signals.relative_entropy_SW
    if random_SW is None:
        return np.zeros(len(signals.seeds), dtype=bool)
    return np.asarray(np.nan_to_num(mean_over(random_SW[:, :half]), nan=1.0) < CERTAIN)


def _much_clipped(signals: Signals) -> Detection | None:
    clipped_SW = signals.windowed(CLIPPED)
    holds_S = (np.nan_to_num(clipped_SW) > MUCH_CLIPPED).mean(axis=1) >= 0.5
    if not most(holds_S):
        return None
    evidence = measured(signals, CLIPPED, mean_over(clipped_SW), holds_S, "above", MUCH_CLIPPED)
    what = (
        f"{100 * evidence.measured:.0f} % of samples left the clip range, for most of training, in "
        f"{of_seeds(evidence.seeds, len(signals.seeds))}."
    )
    return Detection(what, (evidence,), "info", "low", suggestions.smaller_policy_steps(signals))


HARM = frozenset({
    "never-left-the-floor", "collapse-after-success", "collapse-in-some-seeds", "unstable", "entropy-collapsed", "seeds-disagree",
    "degenerate-episodes", "value-function-not-learning", "gradients-grow",
    "learning-rate-unusual", "noise-grows", "entropy-oscillates",
})  # fmt: skip

RULES: tuple[Rule, ...] = (
    Rule(
        "policy-changes-too-fast",
        "The policy changes too fast",
        "PPO's objective holds only near the policy that collected the data; after a large step the policy is trained on "
        "data that is not its own, and a jump in KL goes with a drastic loss of performance.",
        f"{HUANG}; {SPINNING_UP}; Schulman, Nuts and Bolts of Deep RL (2017)",
        _too_fast,
        HARM | {"clipping-heavy"},
    needs=Needs(ON_POLICY, metrics=(KL,)),),
    Rule(
        "policy-does-not-move",
        "The policy does not move",
        "Updates this small change nothing that counts: the same budget would learn more with larger ones.",
        "Jones, Debugging RL (2021): a KL near 0 means that the learning rate can go up; that the clip fraction is too is rlx's own condition",
        _still,
        frozenset({
            "never-left-the-floor", "entropy-stuck", "degenerate-episodes", "value-function-not-learning",
            "still-improving", "learning-rate-unusual", "seeds-disagree", "plateau",
        }),
    needs=Needs(ON_POLICY, ("update_epochs", "rollout_steps", "batch_size"), (KL, CLIPPED)),),
    Rule(
        "clipping-heavy",
        "Many samples are clipped",
        "Clipped samples give no gradient, so much of each later epoch is wasted.",
        "no firm source: 0.3 is a rule of thumb (in Stable-Baselines3's own sample log a KL of 0.038 goes with 0.24)",
        _much_clipped,
        frozenset(),
    needs=Needs(ON_POLICY, metrics=(CLIPPED,)),),
)  # fmt: skip
