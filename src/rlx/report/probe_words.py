"""A probe, and the plan of one, as tables and sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rlx.report.text import Line
from rlx.stats import MISSING, Grid, number

if TYPE_CHECKING:
    from rlx.studies import PlannedParameter, Probe, ProbedParameter, ProbeFailure, ProbePlan, ProbePoint

PREFIX = "env.kwargs."


def probe_plan_grid(plan: ProbePlan) -> Grid:
    """Return what a probe would try, a row for each parameter."""
    rows = [
        [each.parameter.key, _which(plan, each), value(each.nominal), str(len(each.values)), each.parameter.scale]
        for each in plan.parameters
    ]
    return Grid(f"A probe of {plan.run}", ["parameter", "which", "nominal", "values", "scale"], rows, "", 2)


def _which(plan: ProbePlan, each: PlannedParameter) -> str:
    """Return the values that are tried, or the range that a sequence is drawn from."""
    if plan.design == "one":
        return " ".join(map(value, each.values))
    return f"{value(each.parameter.low)} to {value(each.parameter.high)}"


def probe_plan_lines(plan: ProbePlan) -> Iterator[Line]:
    """Yield what a probe would cost, and the command that carries it out."""
    seeds = len(plan.policies)
    points = 1 + len(plan.points)
    how = (
        "one parameter at a time"
        if plan.design == "one"
        else "all parameters together (Sobol), which gives no safe range"
    )
    yield Line(
        f"{plan.episodes} episodes × {points} points × {seeds} seed{'s' * (seeds > 1)}, and {plan.episodes} episodes of "
        f"random actions, each of at most {plan.episode_limit:,} steps: at most {plan.steps:,} environment steps. "
        f"Nothing is trained. Varied: {how}."
    )
    if seeds < 2:
        yield Line(
            "One seed has no interval over seeds, so this probe can show no safe range; train more seeds.", "bold"
        )
    yield Line(f"Nothing was played. To play it: `{plan.command}`", "bold")


def probe_grids(found: Probe) -> list[Grid]:
    """Return a table of each parameter's values; of a Sobol design one of all points."""
    if found.design == "one":
        return [_grid(each) for each in found.parameters]
    names = list(found.joint[0].settings) if found.joint else []
    head = [*(name.removeprefix(PREFIX) for name in names), "mean", "bound", "passes"]
    rows = [[value(point.settings[name]) for name in names] + _scores(point) for point in found.joint]
    return [Grid("All parameters together, for report only", head, rows, "", 0)]


def probe_lines(found: Probe) -> Iterator[Line]:
    """Yield what a probe says, most important first."""
    weight = "bold" if found.verdict != "holds" else ""
    yield Line(found.reason, weight)
    for each in found.parameters:
        yield from _parameter_lines(each)
    if found.design == "sobol":
        told = [point.passes for point in found.joint]
        yield Line(
            f"{sum(bool(each) for each in told)} of {len(told)} points pass. A design of all together shows no safe range."
        )
    for point, failure in _failures(found):
        where = ", ".join(f"{key}={value(one)}" for key, one in point.settings.items()) or "the task itself"
        seed = "random actions" if failure.seed is None else f"seed {failure.seed}"
        yield Line(f"{where}: {seed} could not be played: {failure.message}")
    yield Line(
        f"Over {len(found.seeds)} seed{'s' * (len(found.seeds) != 1)}, {found.episodes} episodes each on list {found.list_seed}; "
        f"{found.steps:,} environment steps played, none trained. bound: one-sided lower 95 % t bound over seeds.",
        "dim",
    )


def _parameter_lines(each: ProbedParameter) -> Iterator[Line]:
    """Yield where one parameter is safe, and why not beyond."""
    if each.safe is None:
        if any(point.passes is not None for point in each.points):
            yield Line(f"{each.parameter}: no safe range, since nominal ({value(each.nominal)}) does not pass.", "bold")
        return
    low, high = each.safe
    yield Line(f"{each.parameter}: safe from {value(low)} to {value(high)} (nominal {value(each.nominal)}).", "bold")
    ends = [
        f"below it fails at {value(each.first_failing_below)}"
        if each.first_failing_below is not None
        else "below it nothing was tried",
        f"above it fails at {value(each.first_failing_above)}"
        if each.first_failing_above is not None
        else "above it nothing was tried",
    ]
    yield Line(f"  {'; '.join(ends)}.")
    if each.gaps:
        yield Line(
            f"  {', '.join(map(value, each.gaps))} pass{'es' * (len(each.gaps) == 1)} too, but between there and nominal "
            "something fails: not safe."
        )


def _failures(found: Probe) -> Iterator[tuple[ProbePoint, ProbeFailure]]:
    """Yield one failure of each point that has some."""
    told = set()
    for point in (found.nominal, *(one for each in found.parameters for one in each.points), *found.joint):
        key = tuple(point.settings.items())
        nominal = any(point.settings == {each.parameter: each.nominal} for each in found.parameters)
        if point.failures and key not in told and not nominal:
            told.add(key)
            yield point, point.failures[0]


def _grid(each: ProbedParameter) -> Grid:
    rows = []
    for point in each.points:
        here = point.settings[each.parameter]
        safe = each.safe is not None and each.safe[0] <= here <= each.safe[1]
        mark = (
            "nominal"
            if here == each.nominal
            else "gap"
            if here in each.gaps
            else "error"
            if here in each.errors
            else ""
        )
        rows.append([value(here), *_scores(point), "safe" if safe else MISSING, mark])
    return Grid(each.parameter, ["value", "mean", "bound", "passes", "range", ""], rows, "", 0)


def _scores(point: ProbePoint) -> list[str]:
    passes = {True: "yes", False: "no", None: MISSING}[point.passes]
    return [number(point.mean), number(point.lower), passes]


def value(found: float) -> str:
    """Return a parameter's value as it is typed."""
    return f"{found:.6g}" if isinstance(found, float) else str(found)
