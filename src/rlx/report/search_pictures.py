"""A search as a picture: its history, which settings mattered, and the scores over each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from rlx.experiments import Range, Space, Tried, importances, recorded_space
from rlx.report.plots import COLOURS, styled, subplots
from rlx.report.text import setting

if TYPE_CHECKING:
    from rlx.experiments import Trial, Trials

OWN, FAILED = "the config itself", "failed"
LOOKS = {
    "complete": (COLOURS[0], "o"),
    "running": (COLOURS[5], "o"),
    "stopped": (COLOURS[5], "o"),
    "pruned": ("#9a9a9a", "o"),
    FAILED: (COLOURS[1], "x"),
    OWN: (COLOURS[6], "D"),
}
ACROSS = 3
"""Panels in a row."""


@styled
def search_picture(trials: Trials) -> Any:
    """Draw a search.

    One panel shows scores by trial and the best so far of those trained to the last rung; one the shares by which settings
    mattered (Optuna's PED-ANOVA; none where Optuna is not here or cannot tell); and one for each setting the scores over it.
    Larger points are means of more seeds; the config itself is a diamond.
    """
    space, all_trials = recorded_space(trials.header), trials.trials()
    panels = 2 + len(space)
    rows = math.ceil(panels / ACROSS)
    figure, axes = subplots(rows, ACROSS, figsize=(4 * ACROSS, 3.1 * rows), squeeze=False)
    flat = list(axes.flat)
    _history(flat[0], all_trials)
    settings = {trial.number: trial.settings if trial.number else trials.header.own for trial in all_trials}
    _importances(flat[1], space, [(settings[trial.number], trial) for trial in all_trials])
    for panel, key in zip(flat[2:], space, strict=False):
        _over(panel, key, space, [(settings[trial.number], trial) for trial in all_trials])
    for panel in flat[panels:]:
        panel.set_axis_off()
    figure.suptitle(
        f"{trials.header.sweep}: {len(all_trials)} trials of {trials.header.config}", fontsize=11, x=0.01, ha="left"
    )
    return figure


def _history(axes: Any, trials: Sequence[Trial]) -> None:
    _points(axes, [(trial.number, trial) for trial in trials])
    best, xs, ys = -math.inf, [], []
    for trial in trials:
        if trial.state == "complete" and trial.score is not None and trial.score > best:
            best = trial.score
            xs.append(trial.number)
            ys.append(best)
    if xs:
        axes.step(
            [*xs, trials[-1].number], [*ys, best], where="post", color=COLOURS[0], linewidth=1, label="best so far"
        )
    axes.set_title("history", fontsize=10, loc="left")
    axes.set_xlabel("trial")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylabel("score (validation return)")
    axes.legend(fontsize=8, loc="best")


def _points(axes: Any, points: Sequence[tuple[Any, Trial]]) -> None:
    """Draw trials at their places: by state, and by seeds; points of one look at once, since there may be thousands."""
    lowest = min((trial.score for _, trial in points if trial.score is not None), default=0.0)
    groups: dict[tuple[str, int], list[tuple[Any, float]]] = {}
    for x, trial in points:
        name = OWN if trial.number == 0 else FAILED if trial.score is None else trial.state
        groups.setdefault((name, trial.seeds), []).append((x, lowest if trial.score is None else trial.score))
    told = set[str]()
    for (name, seeds), places in groups.items():
        colour, marker = LOOKS[name]
        xs, ys = zip(*places, strict=True)
        label = "" if name in told else name
        told.add(name)
        axes.scatter(
            xs, ys, s=14 + 10 * seeds, color=colour, marker=marker, alpha=0.8, linewidths=1, label=label, zorder=3
        )


def _importances(axes: Any, space: Space, trials: Sequence[tuple[Mapping[str, Any], Trial]]) -> None:
    axes.set_title("what mattered", fontsize=10, loc="left")
    tried = [Tried(settings, trial.score, trial.seeds) for settings, trial in trials]
    found = importances(space, tried)
    if not found:
        axes.text(0.5, 0.5, "cannot be told", ha="center", va="center", transform=axes.transAxes, color="#666666")
        axes.set_xticks([])
        axes.set_yticks([])
        return
    names = list(reversed(found))
    axes.barh([_short(name) for name in names], [found[name] for name in names], color=COLOURS[0], height=0.6)
    axes.set_xlabel("share (PED-ANOVA)")


def _over(axes: Any, key: str, space: Space, trials: Sequence[tuple[Mapping[str, Any], Trial]]) -> None:
    domain = space[key]
    points = [(settings[key], trial) for settings, trial in trials if key in settings]
    axes.set_title(_short(key), fontsize=10, loc="left")
    if isinstance(domain, Range):
        _points(
            axes,
            [(1 - value if domain.log == "from_one" else value, trial) for value, trial in points if _is_number(value)],
        )
        _scale(axes, domain)
        return
    names = [setting(value) for value in domain]
    names += [each for each in dict.fromkeys(setting(value) for value, _ in points) if each not in names]
    _points(axes, [(names.index(setting(value)), trial) for value, trial in points])
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.5, len(names) - 0.5)


def _scale(axes: Any, domain: Range) -> None:
    """Give an axis the scale of a range, with its own numbers on it."""
    if not domain.log:
        axes.xaxis.set_major_locator(MaxNLocator(integer=domain.is_whole))
        return
    axes.set_xscale("log")
    from_one = domain.log == "from_one"
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{1 - x if from_one else x:.6g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    if from_one:
        axes.invert_xaxis()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(key: str) -> str:
    return key.removeprefix("algo.")
