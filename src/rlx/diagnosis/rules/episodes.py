"""What the episodes themselves look like."""

from __future__ import annotations

import numpy as np

from rlx.diagnosis.finding import Detection, Evidence, Severity
from rlx.diagnosis.rules.rule import Rule, measured, most, of_seeds
from rlx.diagnosis.signals import EFFECT, Signals
from rlx.stats import Array, number

ENOUGH = 20


def _degenerate(signals: Signals) -> Detection | None:
    lengths = [s.held_out.lengths_E if s.held_out else np.array([]) for s in signals.seeds]
    spread_S = np.array([np.ptp(found) if len(found) >= ENOUGH else np.nan for found in lengths])
    mean_S = np.array([found.mean() if len(found) else np.nan for found in lengths])
    returns_S = np.array([np.ptp(s.held_out.returns_E) if s.held_out else np.nan for s in signals.seeds])
    alike_S = np.nan_to_num(spread_S, nan=1.0) == 0
    limit = signals.task.episode_limit if signals.task else None
    at_limit_S = mean_S == limit if limit else np.zeros(len(mean_S), dtype=bool)
    same_score_S = np.nan_to_num(returns_S, nan=1.0) == 0
    best_S = (
        signals.place_SW[:, -1] > 0.5
        if signals.scale is not None and signals.scale.measured
        else np.zeros(len(mean_S), bool)
    )
    holds_S = alike_S & np.where(at_limit_S, same_score_S & ~best_S, True)
    if not most(holds_S):
        return None
    evidence = measured(signals, "spread of held-out episode lengths", spread_S, holds_S, "below", 1.0)
    length = float(np.median(mean_S[holds_S]))
    ended = ", the limit," if limit and length == limit else ""
    what = (
        f"In {of_seeds(evidence.seeds, len(signals.seeds))} every held-out episode took {number(length)} steps{ended} "
        f"whatever its start."
    )
    if (same_score_S & holds_S).any():
        what += " They scored alike too."
    severity: Severity = "warning" if not ended and not most(best_S & holds_S) else "info"
    return Detection(
        what, (evidence,), severity, "medium",
        advice="Watch an episode (`rlx video RUN:latest`): does it end for the reason you meant, and does the start vary with the reset seed?",
    )  # fmt: skip


def _length_first(signals: Signals) -> Detection | None:
    """Episodes that change much in length while the return does not move: the agent learned to live, or to end."""
    if signals.scale is None or not signals.scale.measured or signals.record.random is None or signals.windows < 8:
        return None
    length_SW = signals.windowed("rollout/length_mean")
    random = signals.record.random.lengths_E
    late_S = signals.late(length_SW)
    ratio_S = late_S / max(float(random.mean()), 1.0)
    moved_S = (np.nan_to_num(ratio_S, nan=1.0) > 3) | (np.nan_to_num(ratio_S, nan=1.0) < 1 / 3)
    holds_S = moved_S & _at_random_level_S(signals) & ~signals.held_out_above_S
    if not most(holds_S):
        return None
    above = float(np.median(ratio_S[holds_S])) > 1
    evidence = measured(
        signals, "rollout/length_mean, late, over random actions'", ratio_S, holds_S, "above" if above else "below",
        3 if above else 1 / 3, (3 * signals.windows // 4, signals.windows - 1),
    )  # fmt: skip
    what = (
        f"Episodes became {'longer' if above else 'shorter'} ({number(evidence.measured)} times random actions' length) "
        f"while the return did not rise above random's in {of_seeds(evidence.seeds, len(signals.seeds))}."
    )
    return Detection(
        what, (evidence,), "info", "medium",
        advice="Look at the reward: is ending early (or never) worth as much to the agent as the task?",
    )  # fmt: skip


def _at_random_level_S(signals: Signals) -> Array:
    """Tell which seeds' return in the last quarter is no more than random's: itself, not merely within what few episodes can show.

    Where random actions reach a goal now and then, their episodes differ so much that no window of a few is clearly above them.
    """
    scale, late = signals.scale, slice(-max(1, signals.windows // 4), None)
    assert scale is not None
    episodes_SW = np.where(np.isfinite(signals.returns_SW), signals.episodes_SW, 0.0)[:, late]
    episodes_S = episodes_SW.sum(axis=1)
    total_S = (np.nan_to_num(signals.returns_SW[:, late]) * episodes_SW).sum(axis=1)
    error_S = np.sqrt(1 / np.maximum(episodes_S, 1.0) + 1 / scale.episodes)
    mean_S = total_S / np.maximum(episodes_S, 1.0)
    return np.asarray((episodes_S > 0) & (mean_S <= scale.low + scale.deviation * np.maximum(EFFECT, error_S)))


def _all_alike(signals: Signals) -> Detection | None:
    """Episodes of one length whatever is done in them, shorter than the limit, and ended as if their task were over.

    An environment that truncates its episodes itself (MiniGrid's do) has a time limit, whoever counts it: where the goal is
    rare, all episodes take that long.
    """
    random = signals.record.random
    if random is None or len(random.lengths_E) < ENOUGH or np.ptp(random.lengths_E) > 0:
        return None
    length = float(random.lengths_E[0])
    limit = signals.task.episode_limit if signals.task else None
    lengths_SW = signals.windowed("rollout/length_mean")
    known = np.isfinite(lengths_SW)
    holds_S = known.any(axis=1) & (np.where(known, np.abs(lengths_SW - length), 0).max(axis=1) < 1e-9)
    truncated_SW = signals.windowed("rollout/truncated_share")
    cut = np.isfinite(truncated_SW).any() and float(np.nanmean(truncated_SW)) > 0.5
    if length == limit or cut or not most(holds_S):
        return None
    evidence = measured(signals, "rollout/length_mean", np.full(len(holds_S), length), holds_S, "below", length + 1)
    what = (
        f"Every episode took {length:,.0f} step{'s' * (length != 1)}, with random actions and throughout training alike: "
        "the environment ends it whatever the agent does."
    )
    return Detection(
        what, (evidence,), "info", "high",
        advice="If that is not meant, look at what the environment returns as terminated and truncated, and at its wrappers.",
    )  # fmt: skip


def _endless(signals: Signals) -> Detection | None:
    """Nothing ends an episode: there is no limit, and none ended by itself."""
    if signals.task is None or signals.task.episode_limit is not None:
        return None
    steps = min((int(seed.steps_U[-1]) for seed in signals.seeds), default=0)
    if not steps or np.isfinite(signals.windowed("rollout/length_mean")).any():
        return None
    evidence = Evidence("training episodes that ended", 0.0, "below", 1.0)
    what = f"No episode ended in {steps:,} steps of training, and the environment has no limit on their length."
    return Detection(
        what, (evidence,), "error", "high",
        advice="Give it a limit: `env: {wrappers: [gymnasium.wrappers.TimeLimit: {max_episode_steps: 1000}]}`, or look at why "
        "it never returns terminated.",
    )  # fmt: skip


def _unseeded(signals: Signals) -> Detection | None:
    """`reset(seed)` does not determine an episode."""
    if signals.task is None or signals.task.seeded is not False:
        return None
    evidence = Evidence("resets with one seed that gave one episode", 0.0, "below", 1.0)
    what = "`reset(seed=...)` does not determine what follows, so no episode, training or verdict can be repeated."
    return Detection(
        what, (evidence,), "warning", "high",
        advice="Draw every random number of the environment from `self.np_random`, and call `super().reset(seed=seed)`.",
    )  # fmt: skip


CAUSES: tuple[Rule, ...] = (
    Rule(
        "episodes-never-end",
        "Episodes never end",
        "Nothing is learned of how episodes end, returns are never counted, and evaluation cuts them at its own limit.",
        "Gymnasium's documentation: an environment without an end needs a TimeLimit",
        _endless,
        frozenset({"never-left-the-floor", "degenerate-episodes", "value-function-not-learning", "entropy-stuck", "plateau"}),
    ),
    Rule(
        "environment-not-seeded",
        "The environment does not follow its seed",
        "Held-out episodes are then others each time: a difference between runs may be one between their episodes.",
        "Gymnasium's documentation of Env.reset; rlx's own check at resolve",
        _unseeded,
    ),
    Rule(
        "episodes-end-by-themselves",
        "Episodes end whatever the agent does",
        "Where nothing the agent does changes how long it goes on, there may be nothing to learn, or a bug in how episodes end.",
        "Schulman, Nuts and Bolts of Deep RL (the lecture of 2017, not its slides): look at episode lengths",
        _all_alike,
        frozenset({"never-left-the-floor", "degenerate-episodes", "value-function-not-learning", "entropy-stuck", "plateau"}),
    ),
)  # fmt: skip
RULES: tuple[Rule, ...] = (
    Rule(
        "length-without-return",
        "Episodes change in length, not in return",
        "The policy learned when to end an episode rather than how to score in it; a reward for each step, or a penalty, "
        "often pays for that.",
        "Schulman, Nuts and Bolts of Deep RL (the lecture of 2017, not its slides): episode length moves before the return",
        _length_first,
        frozenset(),
    ),
    Rule(
        "degenerate-episodes",
        "All episodes look the same",
        "Episodes that cannot be told apart by their length mean that the policy, or the environment, does one thing only.",
        "Schulman, Nuts and Bolts of Deep RL (the lecture of 2017, not its slides): look at episode lengths",
        _degenerate,
        frozenset(),
    ),
)
