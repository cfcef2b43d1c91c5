"""Learning curves and other metrics as a matplotlib figure."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rlx.api.named_runs import root_and_names
from rlx.api.project import Project
from rlx.api.run import Run
from rlx.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot(
    *runs: Run | str,
    metrics: str | Sequence[str] = (),
    x: Literal["steps", "time"] = "steps",
    windows: int | None = None,
    project: str | Path | Project | None = None,
) -> Figure:
    """Draw runs as `rlx plot` does: a line per seed, the mean, its band; or the course of a search.

    The figure is nobody else's: ``pyplot`` does not know it, no display is needed, and matplotlib's settings stay as they are.
    A notebook shows it where it is the last line of a cell; ``figure.savefig("curves.png")`` writes it.

    Args:
        runs: Runs, or their names as `rlx info` takes them; or the name of one search.
        metrics: Names of metrics, ``internals`` or ``all``, as ``--metric`` takes them; by default the returns of training and
            validation episodes.
        x: Over environment steps, or over seconds of training.
        windows: Over how many windows of training to average; 0: none; by default 25, and 100 for ``train/*``.
        project: Whose runs, where they are names; by default the project of the current folder.

    Returns:
        The figure. What a run lacks is told by a warning.

    Raises:
        UsageError: There is no such metric, no run was named, or there are more than one picture can tell apart.
        Missing: There is no such run, or none has anything to show.
    """
    from rlx.experiments import has_trials, standing_trials
    from rlx.report import (
        MOST_RUNS,
        chosen_metrics,
        curve_picture,
        curve_sheet,
        named_folders,
        search_picture,
        without_constants,
    )

    root, names = root_and_names(runs, project)
    if not names:
        raise UsageError("rlx.plot: name at least one run")
    wanted = _checked(metrics, x, windows)
    if len(names) == 1 and has_trials(root, names[0]):
        return _settled(search_picture(standing_trials(root, names[0])))
    folders = named_folders(root, names)
    sheet = curve_sheet(root, folders, chosen_metrics(wanted, x, windows, folders))
    if len(sheet.runs) > MOST_RUNS:
        raise UsageError(f"{len(sheet.runs)} runs cannot be told apart in one picture; name at most {MOST_RUNS}")
    if "all" in wanted:
        sheet = without_constants(sheet)
    for note in sheet.notes:
        warnings.warn(note, stacklevel=2)
    return _settled(curve_picture(sheet))


def _checked(metrics: object, x: object, windows: object) -> list[str]:
    """Return the names of metrics, of which one may be given as it is.

    Raises:
        UsageError: Something is not of its kind.
    """
    if x not in ("steps", "time"):
        raise UsageError(f"x={x!r}: is steps or time")
    if windows is not None and (not isinstance(windows, int) or isinstance(windows, bool) or windows < 0):
        raise UsageError(f"windows={windows!r}: is a whole number, at least 0 (0: no averaging)")
    names = [metrics] if isinstance(metrics, str) else list(metrics) if isinstance(metrics, Iterable) else [metrics]
    if not all(isinstance(name, str) for name in names):
        raise UsageError(f"metrics={metrics!r}: is the name of a metric, or a list of names")
    return [str(name) for name in names]


def _settled(figure: Figure) -> Figure:
    """Return a figure whose ticks and layout are made, so that whoever shows it has it as rlx draws."""
    from rlx.report import styled

    styled(figure.draw_without_rendering)()
    return figure
