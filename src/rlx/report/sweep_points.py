"""The points of a sweep with what they score, as `rlx sweep` tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rlx.comparison import Comparison, Verdict
from rlx.report.comparison_words import headlines
from rlx.report.sweep_result import SweepResult

if TYPE_CHECKING:
    from rlx.experiments import Point


@dataclass(frozen=True)
class SweepPoint:
    """A point of a sweep.

    Attributes:
        id: Its experiment.
        state: How it stands: ``kept`` (made before), ``stopped``, ``new``, ``finished`` or ``failed``.
        settings: What it sets; empty: the config itself.
        error: Why it failed.
        return_mean: Mean held-out return.
        verdict: Against the baseline, corrected for the number of points.
        difference: To the baseline's mean return.
        ci_low: Lower end of the deciding interval of the difference.
        ci_high: Upper end.
        p_value: Of no difference, corrected.
    """

    id: str | None
    state: str
    settings: Mapping[str, Any]
    error: str | None
    return_mean: float | None
    verdict: Verdict | None
    difference: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None


@dataclass(frozen=True)
class Swept:
    """`rlx sweep SWEEP --json`.

    Attributes:
        format: Version of this schema.
        sweep: Its name.
        baseline: What the points were compared with.
        headlines: Sentences to repeat.
        points: In the order of the grid.
    """

    format: Literal[1]
    sweep: str
    baseline: str | None
    headlines: Sequence[str]
    points: Sequence[SweepPoint]


def swept(sweep: SweepResult) -> Swept:
    """Return a sweep as far as it is made; without a study, nothing is judged yet."""
    study, found = sweep.study, sweep.verdicts
    means = {run.run: float(run.scores_S.mean()) for run in study.scores} if study else {}
    points = [_point(point, found.get(point.name or ""), means) for point in sweep.points]
    return Swept(1, sweep.name, study.baseline if study else None, headlines(study) if study else [], points)


def _point(point: Point, found: Comparison | None, means: Mapping[str, float]) -> SweepPoint:
    difference = found.difference if found else None
    between = difference.interval if difference else None
    return SweepPoint(
        id=point.name,
        state=point.state,
        settings=point.settings,
        error=point.error,
        return_mean=means.get(point.name or ""),
        verdict=found.verdict if found else None,
        difference=difference.mean if difference else None,
        ci_low=between.low if between else None,
        ci_high=between.high if between else None,
        p_value=found.p_value if found else None,
    )
