"""How the run ended, where it did not end well."""

from __future__ import annotations

import shlex
from collections import Counter

from rlx.diagnosis import suggestions
from rlx.diagnosis.finding import Detection, Evidence
from rlx.diagnosis.record import SeedRecord
from rlx.diagnosis.rules.policy import HARM
from rlx.diagnosis.rules.rule import Rule, of_seeds
from rlx.diagnosis.rules.usual_settings import VALUES
from rlx.diagnosis.signals import Signals


def _failed(signals: Signals, kinds: tuple[str, ...]) -> list[SeedRecord]:
    return [seed for seed in signals.record.seeds if seed.failure is not None and seed.failure.kind in kinds]


def _proof(signals: Signals, failed: list[SeedRecord], metric: str) -> Evidence:
    steps = [seed.failure.step for seed in failed if seed.failure and seed.failure.step is not None]
    window = (min(steps), max(steps)) if steps else None
    return Evidence(metric, float(len(failed)), "above", 0.0, window, tuple(s.seed for s in failed), _all(signals))


def _all(signals: Signals) -> int:
    return max(signals.record.seeds_wanted, len(signals.record.seeds))


def _first(failed: list[SeedRecord]) -> SeedRecord:
    """Return the seed that failed at the earliest step."""
    return min(failed, key=lambda seed: (seed.failure.step is None, seed.failure.step or 0))  # type: ignore[union-attr]


def _non_finite(signals: Signals) -> Detection | None:
    failed = _failed(signals, ("non-finite",))
    if not failed:
        return None
    first = _first(failed)
    failure = first.failure
    assert failure is not None
    at = f"at step {failure.step:,} " if failure.step is not None else ""
    thing = failure.what or "a number"
    what = (
        f"In {of_seeds([s.seed for s in failed], _all(signals))} a number was not finite; first {at}in seed {first.seed}: "
        f"{thing}. {failure.message}"
    )
    theirs = thing.startswith(("reward", "observation"))
    advice = (
        "The environment gave that number: find where it divides by zero or overflows, or guard it with a wrapper "
        "(env.wrappers); training settings cannot mend it."
        if theirs
        else ""
    )
    tried = () if theirs else suggestions.tame(signals)
    return Detection(what, (_proof(signals, failed, f"{thing}: not finite"),), "error", "high", tried, advice)


def _seeds_failed(signals: Signals) -> Detection | None:
    failed = _failed(signals, ("environment", "process", "other"))
    if not failed:
        return None
    reasons = Counter(seed.failure.message for seed in failed if seed.failure)
    first = _first(failed)
    at = f" at step {first.failure.step:,}" if first.failure and first.failure.step is not None else ""
    told = "; ".join(
        f"{message} ({count} seeds)" if count > 1 else message for message, count in reasons.most_common(3)
    )
    where = {
        "environment": "in the environment's own code",
        "process": "because its process died",
    }.get(first.failure.kind if first.failure else "", "")
    numbers = [s.seed for s in failed]
    what = (
        f"{of_seeds(numbers, _all(signals)).capitalize()} failed, first seed {first.seed}{at} {where}".rstrip()
        + f": {told}"
    )
    path = first.failure.traceback if first.failure else ""
    seen = f"The traceback is in `{path}`; after" if path else "After"
    return Detection(
        what, (_proof(signals, failed, "failed seeds"),), "error", "high",
        advice=f"{seen} mending the cause, `rlx resume {shlex.quote(signals.record.run)}` (or `dvc repro`) trains only what is missing.",
    )  # fmt: skip


def _stopped(signals: Signals) -> Detection | None:
    record = signals.record
    if record.stale:
        how = "Its process is gone without a word: killed, out of memory, or the machine went down"
    elif record.status == "stopped":
        how = "It was stopped (Ctrl-C, or a signal to end)"
    else:
        return None
    known = [seed for seed in record.seeds if len(seed.steps_U)]
    total = record.config.algo.total_timesteps
    last = [int(seed.steps_U[-1]) for seed in known]
    finished = sum(steps >= total for steps in last)
    where = (
        f"before the first update of any seed" if not last  # noqa: F541
        else f"with {finished} of {_all(signals)} seeds at their end and the last update at step {max(min(last), 0):,}"
        if finished == len(last)
        else f"with {finished} of {_all(signals)} seeds at their end; the others had come to step {min(last):,} to {max(s for s in last if s < total):,} of {total:,}"
    )  # fmt: skip
    window = (0, max(last)) if last else None
    proof = Evidence("seeds at their end", float(finished), "below", float(_all(signals)), window, tuple(s.seed for s in known), _all(signals))  # fmt: skip
    return Detection(
        f"{how}, {where}.", (proof,), "error", "high",
        advice=f"`rlx resume {shlex.quote(record.run)}` (of the study: `dvc repro`) goes on from the last checkpoints and gives the same bits as never having stopped.",
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    Rule(
        "non-finite",
        "A number became NaN or infinite",
        "From there on nothing that is computed means anything, so rlx stops the seed at once.",
        "IEEE 754: every operation on NaN gives NaN",
        _non_finite,
        HARM
        | VALUES
        | {"policy-changes-too-fast", "targets-out-of-scale", "run-stopped", "clipping-heavy", "targets-large"},
        needs_training=False,
    ),
    Rule(
        "seed-failed",
        "Seeds failed",
        "A mean over the seeds that survived is a mean over luck: failed seeds stay in the denominator.",
        "Henderson et al. 2018: all seeds are to be reported",
        _seeds_failed,
        frozenset({"run-stopped"}),
        needs_training=False,
    ),
    Rule(
        "run-stopped",
        "Training was stopped before its end",
        "What follows is said of the part that was trained; there is no held-out score yet.",
        "status in metadata.json, and whether its process lives",
        _stopped,
        frozenset({"still-improving"}),
        needs_training=False,
    ),
)
