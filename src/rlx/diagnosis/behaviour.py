"""What a run's metrics do, in words: level and trend, when they settled, the usual range, how seeds differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from rlx.config import Metric, Usual, is_component
from rlx.diagnosis.course import LARGEST, RELATIVE, Course, course_of
from rlx.diagnosis.rules.rule import of_seeds
from rlx.diagnosis.signals import FEWEST_UPDATES, Signals, mean_over
from rlx.stats import Array, wording

NO_EPISODE = "no training episode ended"
NO_SUCCESS = "the environment reports no success (`is_success` or `success` in its info), or no episode ended"
OLDER = "it was trained by an rlx that did not log this yet"
NO_VALIDATION = "no validation was played yet"
ABSENT = {
    "rollout/return_mean": NO_EPISODE,
    "rollout/length_mean": NO_EPISODE,
    "rollout/truncated_share": f"{NO_EPISODE}, or {OLDER}",
    "rollout/success_rate": NO_SUCCESS,
    "train/advantage_std": OLDER,
    "train/clip_range_vf": "algo.clip_range_vf is off",
    "train/explained_variance": "the returns did not vary",
    "train/std": "it is for continuous actions only",
    "train/value_target_mean": OLDER,
    "train/value_target_std": OLDER,
    "validation/return_mean": NO_VALIDATION,
    "validation/length_mean": NO_VALIDATION,
    "validation/success_rate": f"the environment reports no success, or {NO_VALIDATION}",
}
"""Why a metric is missing."""


@dataclass(frozen=True)
class Behaviour:
    """What one metric does in one run.

    Attributes:
        metric: Its name.
        logged: Whether any seed logged it.
        sentences: What is to be said of it.
        course: Its course in numbers; None where it was not logged, or in too few updates.
    """

    metric: str
    logged: bool
    sentences: tuple[str, ...]
    course: Course | None = None


def logged_metrics(signals: Signals) -> list[str]:
    """Return the metrics that any seed logged, in the order in which they come."""
    found = dict.fromkeys(name for seed in signals.record.seeds for name in seed.values)
    return [name for name in found if len(_values(signals, name))]


def behaviour_of(signals: Signals, explained: Metric) -> Behaviour:
    """Return what a metric does in a run; it may be any, logged or not."""
    metric = explained.name
    if explained.is_counter:
        return Behaviour(metric, bool(signals.record.seeds), (_counter(signals, metric),))
    known = _values(signals, metric)
    if not len(known):
        return Behaviour(metric, False, (_absent(signals, metric),))
    course = course_of(signals, metric, explained.usual)
    if course is None:
        return Behaviour(metric, True, (_short(known, signals),))
    with np.errstate(all="ignore"):
        context = CONTEXT.get(metric, _nothing)(signals, course)
        sentences = (_movement(course), *_gaps(signals, metric, course), *_seeds(signals, course))
        return Behaviour(metric, True, (*sentences, *_range(course, explained.usual), *context), course)


def notes(signals: Signals) -> Iterator[str]:
    """Yield what a reader must know of all the sentences."""
    record = signals.record
    if not record.seeds:
        if record.status == "resolved":
            yield "Nothing was trained yet, so there is nothing to tell of this run."
        return
    if len(signals.seeds) > 1:
        yield f"Numbers are medians over {len(signals.seeds)} seeds of means over {signals.windows} windows of training."
    elif signals.seeds:
        yield f"Numbers are means over {signals.windows} windows of training, of one seed: another may do otherwise."
    short = [str(seed.seed) for seed in record.seeds if len(seed.steps_U) < FEWEST_UPDATES]
    if short and signals.seeds:
        yield f"Seed{'s' * (len(short) > 1)} {', '.join(short)} made fewer than {FEWEST_UPDATES} updates and {'are' if len(short) > 1 else 'is'} left out."
    if record.status in ("running", "stopped"):
        yield f"The run is {record.status}: its end is the newest update so far."


def in_short(value: float) -> str:
    """Return a number as everywhere, very large ones with an exponent."""
    return f"{value:.3g}" if abs(value) >= 1e9 else wording.number(value + 0.0)  # no minus before 0


def usual_range(usual: Usual) -> str:
    """Return the usual range in a few words; empty where there is none."""
    if usual.low is None:
        return "" if usual.high is None else f"below {usual.high:g}"
    return f"above {usual.low:g}" if usual.high is None else f"{usual.low:g} to {usual.high:g}"


def _values(signals: Signals, metric: str) -> Array:
    """Return all values of all seeds that can be told."""
    parts = [seed.metric(metric) for seed in signals.record.seeds]
    values = np.concatenate(parts) if parts else np.array([])
    return np.asarray(values[np.isfinite(values) & (np.abs(values) < LARGEST)])


def _counter(signals: Signals, metric: str) -> str:
    seeds = signals.record.seeds
    if not seeds:
        return "No updates are known."
    if metric == "seed":
        numbers = sorted(seed.seed for seed in seeds)
        return (
            f"{len(numbers)} seeds, {numbers[0]} to {numbers[-1]}." if len(numbers) > 1 else f"Seed {numbers[0]} alone."
        )
    ends = [len(s.steps_U) if metric == "iteration" else int(s.steps_U[-1]) if len(s.steps_U) else 0 for s in seeds]
    between = f"{min(ends):,}" if min(ends) == max(ends) else f"{min(ends):,} to {max(ends):,}"
    return f"It ends at {between}{' in every seed' if len(ends) > 1 and min(ends) == max(ends) else ''}."


def _absent(signals: Signals, metric: str) -> str:
    if not any(len(seed.steps_U) for seed in signals.record.seeds):
        return "Not logged: no update was made yet."
    if is_component(metric):
        return "Not logged: the environment does not report it in its info, or no episode ended."
    reason = ABSENT.get(metric)
    return f"Not logged: {reason}." if reason else "Not logged."


def _short(values: Array, signals: Signals) -> str:
    """Tell of a metric that has values only in seeds with very few updates."""
    most = max(len(seed.steps_U) for seed in signals.record.seeds)
    told = in_short(float(np.median(values)))
    spread = (
        "" if np.ptp(values) == 0 else f" (from {in_short(float(values.min()))} to {in_short(float(values.max()))})"
    )
    few = f"at most {most} update{'s' * (most > 1)} a seed" if most < FEWEST_UPDATES else "a few updates of short seeds"
    return f"Median {told}{spread} in {few}: too little to tell a course."


def _movement(course: Course) -> str:
    """Return the sentence about level and trend."""
    ends = f"{in_short(course.early)} at first, {in_short(course.late)} at the end"
    small = abs(course.late - course.early) <= RELATIVE * max(abs(course.highest), abs(course.lowest))
    still: dict[str, str] = {
        "constant": f"Is {in_short(course.late)} throughout.",
        "flat": f"{'Hardly changes' if small else 'Shows no trend beyond its noise'}: {ends}.",
        "unknown": f"{ends}: too few values to tell a trend.",
        "oscillates": f"Goes up and down between {in_short(course.lowest)} and {in_short(course.highest)}, with no lasting trend: {ends}.",
    }
    return still.get(course.trend) or _moving(course)


def _moving(course: Course) -> str:
    """Return the sentence about a metric that rises, falls, or both."""
    start, late = f"Starts at {in_short(course.early)}", in_short(course.late)
    if course.turn is not None:
        up = course.trend == "rises then falls"
        top = in_short(course.highest if up else course.lowest)
        first, then = ("rises", "falls") if up else ("falls", "rises")
        end = " and stays near there" if course.settled is not None else ", still moving at the end"
        return f"{start}, {first} to {top} about step {course.turn:,}, then {then} to {late}{end}."
    if course.settled is not None:
        return f"{start}, {course.trend} to {late} by step {course.settled:,} and stays near there."
    return f"{start}, {course.trend} to {late} ({in_short(course.middle)} halfway), still moving at the end."


def _gaps(signals: Signals, metric: str, course: Course) -> Iterator[str]:
    """Yield where values are missing; validations are rare on purpose."""
    if metric.startswith("validation/"):
        return
    if course.first_step > 0:
        yield f"No value before step {course.first_step:,}."
    if course.last_step < int(signals.edges[-1]):
        yield f"No value after step {course.last_step:,}."


def _seeds(signals: Signals, course: Course) -> Iterator[str]:
    """Yield how seeds differ."""
    count = len(course.seeds)
    if count < len(signals.seeds):
        yield f"{len(signals.seeds) - count} of {len(signals.seeds)} seeds have no value."
    if count == 1:
        return
    moved = len(course.agreeing)
    agree = course.trend not in ("rises", "falls") or moved == count
    if course.alike and agree:
        yield f"{'Both' if count == 2 else f'All {count}'} seeds alike."
        return
    low, high = (choose(course.seeds, key=course.seeds.__getitem__) for choose in (min, max))
    ends = (
        "Seeds end alike"
        if course.alike
        else f"Seeds end between {in_short(course.seeds[low])} (seed {low}) and "
        f"{in_short(course.seeds[high])} (seed {high})"
    )
    yield f"{ends}." if agree else f"{ends}; {moved} of {count} clearly {_verb(course.trend, moved)}."


def _verb(trend: str, count: int) -> str:
    return trend if count == 1 else trend.removesuffix("s")


def _range(course: Course, usual: Usual) -> Iterator[str]:
    """Yield where the metric lies against the usual range, where that has numbers."""
    words = usual_range(usual)
    if not words:
        return
    outside = [seed for seed in course.seeds if seed in course.below_usual or seed in course.above_usual]
    if not outside:
        yield f"Within the usual range ({words}) throughout."
        return
    share = (
        "throughout" if course.share_outside >= 1 else f"for {max(1, round(100 * course.share_outside))} % of training"
    )
    median = " (median of these)" if len(outside) > 1 and course.share_outside < 1 else ""
    yield f"{_side(course, usual)} in {of_seeds(outside, len(course.seeds))}, {share}{median}."


def _side(course: Course, usual: Usual) -> str:
    if course.below_usual and course.above_usual:
        return f"Outside the usual range ({usual_range(usual)})"
    limit = usual.high if course.above_usual else usual.low
    assert limit is not None
    return f"{'Above' if course.above_usual else 'Below'} the usual {limit:g}"


def _nothing(_: Signals, __: Course) -> Iterator[str]:
    yield from ()


def _median(values_S: Array) -> float | None:
    known = values_S[np.isfinite(values_S) & (np.abs(values_S) < LARGEST)]
    return float(np.median(known)) if len(known) else None


def _kl(signals: Signals, _: Course) -> Iterator[str]:
    if (target := signals.setting("target_kl")) is not None:
        yield f"algo.target_kl is {target:g}, so epochs stop once a minibatch exceeds {1.5 * target:g}."


def _entropy(signals: Signals, _: Course) -> Iterator[str]:
    relative_SW = signals.relative_entropy_SW
    if relative_SW is None:
        return
    early, late = _median(relative_SW[:, 0]), _median(signals.late(relative_SW, 0.1))
    if early is not None and late is not None:
        yield f"Relative to uniform actions the entropy is {100 * early:.3g} % at first and {100 * late:.3g} % at the end."


def _gradient(signals: Signals, _: Course) -> Iterator[str]:
    limit = signals.setting("max_grad_norm")
    if limit is None:
        return
    norm_SW = signals.windowed("train/gradient_norm")
    clipped = _median(mean_over(np.where(np.isfinite(norm_SW), norm_SW > limit, np.nan)))
    if clipped is not None:
        share = "throughout" if clipped == 1 else f"for {max(1, round(100 * clipped))} % of training"
        exceeds = (
            f"exceeds algo.max_grad_norm ({limit:g}) {share}"
            if clipped
            else f"never exceeds algo.max_grad_norm ({limit:g})"
        )
        yield f"Its mean over a window {exceeds}."


def _return(signals: Signals, _: Course) -> Iterator[str]:
    random = signals.record.random
    mean = None if random is None else _median(mean_over(random.returns_E[None]))
    if mean is not None:
        yield f"Random actions score {in_short(mean)}."
    if (played := _median(signals.held_out_S)) is not None:
        yield f"The final policy scores {in_short(played)} in held-out episodes."


def _std(signals: Signals, _: Course) -> Iterator[str]:
    if signals.config.algo.name != "ppo":  # whose Gaussian policies start there
        return
    start = float(np.exp(signals.config.policy.log_std_init))
    if start < LARGEST:
        yield f"It began at exp(policy.log_std_init) = {in_short(start)}."


def _value_loss(signals: Signals, course: Course) -> Iterator[str]:
    spread = _median(signals.late(signals.windowed("train/value_target_std"), 0.1))
    if spread is not None and spread > 1e-9 and (ratio := course.late / spread**2) < LARGEST:
        yield f"At the end it is {100 * ratio:.3g} % of the variance of its targets."


CONTEXT: dict[str, Callable[[Signals, Course], Iterator[str]]] = {
    "rollout/return_mean": _return,
    "validation/return_mean": _return,
    "train/approx_kl": _kl,
    "train/entropy_loss": _entropy,
    "train/gradient_norm": _gradient,
    "train/std": _std,
    "train/value_loss": _value_loss,
}
"""What the run's configuration and other metrics add."""
