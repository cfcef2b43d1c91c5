"""The points of a sweep with what they score, as `rlx sweep` tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rlx.comparison import Verdict
from rlx.report.comparison_words import headlines
from rlx.report.study_comparison import StudyComparison

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


def swept(name: str, points: Sequence[Point], study: StudyComparison | None) -> Swept:
    """Return a sweep as far as it is made; without a study, nothing is judged yet."""
    found = [_point(point, study) for point in points]
    return Swept(1, name, study.baseline if study else None, headlines(study) if study else [], found)


def _point(point: Point, study: StudyComparison | None) -> SweepPoint:
    run = next((run for run in study.scores if run.run == point.name), None) if study else None
    judged = next((each for each in study.comparisons if each.run == point.name), None) if study else None
    difference = judged.difference if judged else None
    interval = difference.interval if difference else None
    return SweepPoint(
        id=point.name,
        state=point.state,
        settings=point.settings,
        error=point.error,
        return_mean=float(run.scores_S.mean()) if run else None,
        verdict=judged.verdict if judged else None,
        difference=difference.mean if difference else None,
        ci_low=interval.low if interval else None,
        ci_high=interval.high if interval else None,
        p_value=judged.p_value if judged else None,
    )
