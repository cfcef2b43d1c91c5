"""Which metrics the names that people type ask for."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from rlx.errors import UsageError
from rlx.metrics import VOCABULARY, is_component
from rlx.report.metric_curves import RETURNS, Wanted

INTERNALS = tuple(
    f"train/{name}"
    for name in (
        "approx_kl",
        "clip_fraction",
        "entropy_loss",
        "explained_variance",
        "value_loss",
        "gradient_norm",
        "std",
    )
)
"""What tells how PPO's updates go."""


def chosen_metrics(names: Sequence[str], x: str, windows: int | None) -> Wanted:
    """Return what the names of metrics ask for: metrics, ``internals``, ``all``, or by default the returns.

    A metric may be named without its group where that is unmistakable (``approx_kl``); parts of the reward, which the
    environment names, are asked for with theirs (``reward/forward``).

    Raises:
        UsageError: There is no such metric; the message names the nearest.
    """
    metrics: dict[str, None] = dict.fromkeys(() if names else RETURNS)
    optional: dict[str, None] = {}
    groups = {"internals": INTERNALS, "all": known_metrics()}
    for name in names:
        if name in groups:
            optional |= dict.fromkeys(groups[name])
        else:
            metrics[_metric(name)] = None
    return Wanted(list(metrics), [metric for metric in optional if metric not in metrics], x, windows, "all" in names)


def known_metrics() -> list[str]:
    """Return the metrics of fixed names that can be drawn."""
    return [key for key in VOCABULARY if "/" in key]


def _metric(name: str) -> str:
    known = known_metrics()
    if name in known or is_component(name):
        return name
    same = [key for key in known if key.partition("/")[2] == name]
    if len(same) == 1:
        return same[0]
    short = {key.partition("/")[2]: key for key in known}
    close = difflib.get_close_matches(name, [*known, *short, "internals", "all"], 3, cutoff=0.5)
    nearest = same or list(dict.fromkeys(short.get(key, key) for key in close))
    cure = (
        f"did you mean {' or '.join(nearest)}?"
        if nearest
        else f"there are: internals, all, {', '.join(known)}, reward/NAME"
    )
    raise UsageError(f"--metric: there is no metric {name!r}; {cure}")
