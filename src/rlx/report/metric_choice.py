"""Which metrics the names that people type ask for."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from rlx.algorithms import vocabulary
from rlx.config import is_component
from rlx.errors import UsageError
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
    others = (*groups, "reward/NAME")
    for name in names:
        if name in groups:
            optional |= dict.fromkeys(groups[name])
        else:
            metrics[name if is_component(name) else metric_named(name, groups["all"], others)] = None
    return Wanted(list(metrics), [metric for metric in optional if metric not in metrics], x, windows, "all" in names)


def known_metrics() -> list[str]:
    """Return the metrics of fixed names that can be drawn."""
    return [key for key, metric in vocabulary().items() if not metric.is_counter]


def metric_named(name: str, known: Sequence[str], others: Sequence[str] = ()) -> str:
    """Return the metric that a name asks for: itself, without its group, or the end of one (``kl``), if unmistakable.

    Args:
        name: As typed.
        known: The metrics there are.
        others: What may be asked for beside metrics, for the message.

    Raises:
        UsageError: There is none, or there are several; the message names the nearest.
    """
    if name in known:
        return name
    short = {key: key.rpartition("/")[2] for key in known}
    for same in (
        [key for key in known if short[key] == name],
        [key for key in known if short[key].endswith(f"_{name}")],
    ):
        if len(same) == 1:
            return same[0]
        if same:
            raise UsageError(f"there are several metrics {name!r}; did you mean {' or '.join(same)}?")
    close = difflib.get_close_matches(name, [*known, *short.values(), *others], 3, cutoff=0.5)
    nearest = list(dict.fromkeys(key for match in close for key in (*known, *others) if match in (key, short.get(key))))
    cure = f"did you mean {' or '.join(nearest)}?" if nearest else f"there are: {', '.join([*others, *known])}"
    raise UsageError(f"there is no metric {name!r}; {cure}")
