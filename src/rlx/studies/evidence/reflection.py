"""What the parts of a run's reward did in training, and whether its return can be trusted: `rlx study reflect`."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from rlx.diagnosis import (
    RunRecord,
    Signals,
    component_shares,
    components,
    saturated_components,
    traded_components,
)
from rlx.errors import Missing
from rlx.experiments import record_of
from rlx.records import snapshot_hash
from rlx.studies.evidence.final_policies import final_policies, finished_run, finished_seeds, versions_here
from rlx.studies.evidence.hacking import clauses, highest
from rlx.studies.evidence.trends import rank_correlation, slopes, trend

if TYPE_CHECKING:
    from rlx.stats import Array
    from rlx.studies.evidence.documents import ComponentReflection, Reflection, Trend

DOMINATES, IGNORED = 0.8, 0.01
"""Share of the components' sizes above which one dominates, and below which one is ignored: rlx's own thresholds."""
VALIDATION, RETURN, SUCCESS = "validation/return_mean", "rollout/return_mean", "rollout/success_rate"
HOW_TO_LOG = (
    "The environment reports no parts of its reward: put each into `info` at every step under a key that starts with "
    '`reward_` (`info["reward_forward"] = ...`, docs/files.md), and train again; rlx then logs them as `reward/<name>`'
)


def reflect(root: Path, run: str) -> Reflection:
    """Return the reflection of a finished run; nothing is written.

    Raises:
        Missing: There is no such run, or no seed of it has finished.
        DataDamaged: One of its files cannot be read.
    """
    folder = finished_run(root, run)
    record = record_of(root, folder)
    finished = finished_seeds(folder)
    if folder.is_evaluated:
        known = folder.evaluation.scores["latest"].policies
        policies = {seed: digest for seed, digest in known.items() if seed in finished}
    else:
        policies = {seed: policy.sha256 for seed, policy in final_policies(root, folder).items()}
    return reflection_of(record.only(finished), policies, snapshot_hash(folder.path))


def reflection_of(record: RunRecord, policies: dict[int, str], snapshot: str | None = None) -> Reflection:
    """Return the reflection of what is known of a run.

    Args:
        record: What it logged.
        policies: By seed, the hash of its final policy.
        snapshot: Hash of its configuration.

    Raises:
        Missing: It made too few iterations to be looked at.
    """
    from rlx.studies.evidence.documents import Reflection

    seen = _Seen(record)
    if not seen.signals.seeds:
        raise Missing(f"{record.run}: no seed made enough iterations to say anything of the course of its training")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # windows without a value are NaN, and looked at
        parts = tuple(sorted((_component(seen, name) for name in seen.names), key=lambda part: -part.share))
        validation = seen.trend_of(VALIDATION)
        fired = tuple(clauses(seen.signals, seen.trend_of(RETURN) or "none", validation))
        return Reflection(
            run=record.run,
            snapshot=snapshot,
            seeds=tuple(seen.signals.numbers),
            policies=policies,
            command=f"rlx study reflect {shlex.quote(record.run)}",
            versions=versions_here(),
            environment=record.config.env.id,
            window_steps=tuple(int(edge) for edge in seen.signals.edges[1:]),
            return_trend=seen.trend_of(RETURN) or "none",
            validation_trend=validation,
            success_trend=seen.trend_of(SUCCESS),
            held_out=_known(seen.signals.numbers, seen.signals.held_out_S),
            random_return=None if record.random is None else float(record.random.returns_E.mean()),
            components=parts,
            hacking_risk=highest(fired),
            fired=fired,
            not_looked_at=tuple(_not_looked_at(record, seen, validation)),
        )


@dataclass(frozen=True)
class _Seen:
    """A run's signals, and what several parts of a reflection need of them."""

    record: RunRecord

    @cached_property
    def signals(self) -> Signals:
        return Signals(self.record)

    @cached_property
    def names(self) -> list[str]:
        return components(self.signals)

    @cached_property
    def shares(self) -> dict[str, Array]:
        return component_shares(self.signals)

    @cached_property
    def saturated(self) -> frozenset[str]:
        return frozenset(saturated_components(self.signals))

    @cached_property
    def traded(self) -> dict[str, Literal["gained", "lost"]]:
        trade = traded_components(self.signals)
        return {} if trade is None else {trade.gained: "gained", trade.lost: "lost"}

    def slopes_of(self, metric: str) -> dict[int, float]:
        return slopes(self.signals.numbers, self.signals.edges[1:], self.signals.windowed(metric))

    def trend_of(self, metric: str) -> Trend | None:
        found = self.slopes_of(metric)
        return trend(found) if found else None


def _component(seen: _Seen, name: str) -> ComponentReflection:
    from rlx.studies.evidence.documents import ComponentReflection

    signals = seen.signals
    values_SW, validation_SW = signals.windowed(name), signals.windowed(VALIDATION)
    found, share = seen.slopes_of(name), float(np.median(seen.shares[name]))
    by_windows = [
        told
        for one_W, other_W in zip(values_SW, validation_SW, strict=True)
        if (told := rank_correlation(one_W, other_W)) is not None
    ]
    return ComponentReflection(
        name=name,
        windows=tuple(_plain(column_S) for column_S in values_SW.T),
        share=share,
        slopes=found,
        trend=trend(found),
        dominates=share > DOMINATES,
        ignored=share < IGNORED,
        saturated=name in seen.saturated,
        traded=seen.traded.get(name),
        with_validation_over_windows=float(np.median(by_windows)) if by_windows else None,
        with_held_out_over_seeds=rank_correlation(signals.late(values_SW), signals.held_out_S),
    )


def _plain(column_S: Array) -> float | None:
    """Return the median over seeds that have a value; None where none has."""
    known = column_S[np.isfinite(column_S)]
    return float(np.median(known)) if len(known) else None


def _known(seeds: list[int], values_S: Array) -> dict[int, float]:
    return {seed: float(value) for seed, value in zip(seeds, values_S, strict=True) if np.isfinite(value)}


def _not_looked_at(record: RunRecord, seen: _Seen, validation: Trend | None) -> Iterator[str]:
    """Yield what could not be looked at, and what to do about it."""
    if not seen.names:
        yield f"{HOW_TO_LOG}."
    elif len(seen.names) == 1:
        yield f"{seen.names[0]} is the only part that is reported, so shares and trades say nothing; report the others too."
    if validation is None:
        yield "There are too few validations to follow the validation return over training; a smaller eval.every gives more."
    if not np.isfinite(seen.signals.held_out_S).any():
        yield "There are no held-out episodes yet; `dvc repro` plays them."
    elif len(seen.signals.seeds) < 4:
        yield "Below four seeds no correlation over seeds is given."
    if seen.trend_of(SUCCESS) is None:
        yield "The environment reports no success (`is_success` in its info), so whether the return means success was not looked at."
    if record.random is None:
        yield "Random actions were not played, so length without return was not looked at."
