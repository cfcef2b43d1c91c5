"""What can be seen in the configuration alone, before anything is trained."""

from __future__ import annotations

import numpy as np

from rlx.diagnosis import suggestions
from rlx.diagnosis.finding import Detection, Evidence, Severity
from rlx.diagnosis.rules import usual_settings
from rlx.diagnosis.rules.rule import ON_POLICY, OUTCOMES, Needs, Rule, smell
from rlx.diagnosis.rules.usual_settings import POLICY
from rlx.diagnosis.signals import Signals
from rlx.stats import SEEDS_FOR_VERDICT, listed, number

HORIZONS, SHORT, VERY_SHORT = 25.0, 20.0, 5.0
LONGEST = 10_000
SAMPLES = 128
UPDATES = 20
APART, LARGE = 30.0, 30.0
ANDRYCHOWICZ, ZOO = usual_settings.ANDRYCHOWICZ, usual_settings.ZOO


def episode_length(signals: Signals) -> float | None:
    """Return how long an episode is: late in training, else at most; None where neither is known."""
    seen = signals.late(signals.windowed("rollout/length_mean")) if signals.seeds else np.array([])
    limit = signals.task.episode_limit if signals.task else None
    longest = [float(np.nanmedian(seen))] if np.isfinite(seen).any() else []
    if limit is not None and limit <= LONGEST:
        longest.append(float(limit))
    return max(longest) if longest else None


def _short_horizon(signals: Signals) -> Detection | None:
    gamma = signals.setting("gamma")
    length = episode_length(signals)
    if gamma is None or gamma >= 1 or length is None:
        return None
    horizon = 1 / (1 - gamma)
    if horizon >= SHORT or HORIZONS * horizon >= length:
        return None
    evidence = (
        Evidence("algo.gamma", gamma, "below", 1 - 1 / SHORT),
        Evidence("episode length over 1/(1 - gamma)", length / horizon, "above", HORIZONS),
    )
    what = (
        f"algo.gamma is {gamma:g}, so rewards count for about {number(horizon)} steps ahead, and an episode has up to "
        f"{number(length)}."
    )
    severity: Severity = "warning" if horizon <= VERY_SHORT else smell(signals)
    return Detection(what, evidence, severity, "high", suggestions.look_further(signals))


def _small_rollout(signals: Signals) -> Detection | None:
    steps, copies = signals.setting("rollout_steps"), signals.config.env.num_envs
    if steps is None or steps * copies >= SAMPLES:
        return None
    samples = int(steps) * copies
    evidence = Evidence("algo.rollout_steps x env.num_envs", float(samples), "below", float(SAMPLES))
    what = f"Each update learns from {samples} samples ({int(steps)} steps of {copies} copies)."
    return Detection(what, (evidence,), smell(signals), "medium", suggestions.larger_rollouts(signals))


def _few_updates(signals: Signals) -> Detection | None:
    budget, steps = signals.config.algo.total_timesteps, signals.setting("rollout_steps")
    if not steps:
        return None
    rollout = int(steps) * signals.config.env.num_envs
    updates = -(-budget // rollout)
    if updates >= UPDATES:
        return None
    evidence = Evidence("updates in the whole budget", float(updates), "below", float(UPDATES))
    what = f"{budget:,} steps in rollouts of {rollout:,} are {updates} updates."
    return Detection(what, (evidence,), "info", "medium", suggestions.more_updates(signals))


def _few_seeds(signals: Signals) -> Detection | None:
    seeds = signals.config.num_seeds
    ended_early = signals.record.stale or signals.record.status in ("failed", "stopped")
    if seeds >= SEEDS_FOR_VERDICT or ended_early:
        return None
    what = f"The run has {seeds} seed{'s' * (seeds > 1)}; at least {SEEDS_FOR_VERDICT} are needed for a verdict."
    evidence = Evidence("num_seeds", float(seeds), "below", float(SEEDS_FOR_VERDICT))
    return Detection(what, (evidence,), "info", "high", suggestions.more_seeds(signals))


def unscaled(signals: Signals) -> tuple[float, float] | None:
    """Return the smallest and largest size of the elements of an observation where they need scaling; else None."""
    if signals.task is None or signals.config.env.normalize_observation:
        return None
    sizes = [size for size in signals.task.observation_size_D if size > 0]
    if not sizes or not (max(sizes) > LARGE or max(sizes) / min(sizes) > APART):
        return None
    return min(sizes), max(sizes)


def _observations(signals: Signals) -> Detection | None:
    found = unscaled(signals)
    if found is None:
        return None
    low, high = found
    if high / low > APART:
        name = "largest over smallest element of an observation (root mean squares)"
        evidence = Evidence(name, high / low, "above", APART)
    else:
        evidence = Evidence("largest element of an observation (root mean square)", high, "above", LARGE)
    what = f"Elements of an observation are between {number(low)} and {number(high)} in size under random actions."
    return Detection(what, (evidence,), "info", "medium", suggestions.scale_observations(signals))


def _gpu(signals: Signals) -> Detection | None:
    config = signals.config
    if not config.device.startswith(("cuda", "mps")) or config.policy.type != "mlp" or config.env.num_envs >= 64:
        return None
    evidence = Evidence("env.num_envs", float(config.env.num_envs), "below", 64.0)
    tried = suggestions.attempt(
        signals,
        {"device": "cpu"},
        "Small networks spend their time on transfers.",
        "The same result, several times faster.",
    )
    what = f"A small network trains on {config.device} with {config.env.num_envs} copies."
    return Detection(what, (evidence,), "info", "high", (tried,))


def _other_environment(signals: Signals) -> Detection | None:
    env = signals.config.env
    if not env.differs_in_training:
        return None
    training = env.training
    names = sorted({*training.kwargs, *training.ranges, *(name for kwargs in training.by_case for name in kwargs)})
    evidence = Evidence("arguments that env.training changes", float(len(names)), "above", 0.0)
    what = f"Episodes of training differ from the task in {listed(names)} (env.training); scores and validation are of the task."
    return Detection(what, (evidence,), "info", "high")


CAUSES: tuple[Rule, ...] = (
    Rule(
        "short-horizon",
        "The discount looks only a few steps ahead",
        "What pays later than that is worth nothing to the agent, so it learns to be greedy.",
        f"{ANDRYCHOWICZ}: gamma matters most, start from 0.99; a horizon below 20 steps and below 1/25 of an episode is rlx's own threshold",
        _short_horizon,
        OUTCOMES | POLICY | {"evaluation-below-training"},
        needs_training=False,
    needs=Needs(settings=("gamma",)),),
    Rule(
        "rollout-too-small",
        "Each update sees very few samples",
        "Advantages estimated from a few samples are mostly noise, and each update takes many steps along it.",
        f"{ANDRYCHOWICZ} use 2,048 samples per update; {ZOO}, where 128 is small",
        _small_rollout,
        OUTCOMES | POLICY,
        needs_training=False,
    needs=Needs(ON_POLICY, ("rollout_steps", "batch_size")),),
    Rule(
        "few-updates",
        "The budget allows few updates",
        "An on-policy algorithm needs tens to hundreds of updates to learn anything.",
        "no firm source: 20 updates is rlx's own threshold",
        _few_updates,
        frozenset({"never-left-the-floor", "still-improving", "policy-does-not-move", "entropy-stuck", "degenerate-episodes"}),
        needs_training=False,
    needs=Needs(ON_POLICY, ("rollout_steps",)),),
    *usual_settings.CAUSES,
)  # fmt: skip
SMELLS: tuple[Rule, ...] = (
    *usual_settings.SMELLS,
    Rule(
        "observations-not-scaled",
        "Observations are not scaled",
        "A network sees large elements and is blind to small ones; scaling all to the same size costs nothing.",
        f"{ANDRYCHOWICZ}: always use observation normalization; a factor of 30 is rlx's own threshold",
        _observations,
        needs_training=False,
    ),
    Rule(
        "training-differs",
        "Training has another environment than the task",
        "Returns of training episodes are not of the task, so their course is not to be held against random actions and scores.",
        "docs/concepts.md",
        _other_environment,
        needs_training=False,
    ),
    Rule(
        "few-seeds",
        "The run has few seeds",
        "The spread between seeds is the noise that every verdict is held against.",
        "Henderson et al. 2018; docs/statistics.md",
        _few_seeds,
        needs_training=False,
    ),
    Rule(
        "gpu-for-small-network",
        "A GPU is used for a small network",
        "For vector observations and few copies the transfers cost more than the GPU saves.",
        "Stable-Baselines3's documentation: PPO with a multilayer perceptron is meant to run on the CPU",
        _gpu,
        needs_training=False,
        needs=Needs(ON_POLICY),
    ),
)
