"""Which metrics the names that people type ask for."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from rlx.algorithms import known_algorithm, vocabulary
from rlx.config import BUILT_IN, COMMON, Metric, is_component
from rlx.errors import RlxError, UsageError
from rlx.records import RunFolder
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
        "critic_loss",
        "actor_loss",
        "q_mean",
        "q_bias",
        "ent_coef",
        "dead_units",
        "action_saturation",
    )
)
"""What tells how updates go with rlx's own algorithms; a run has those that its algorithm logs."""


def chosen_metrics(names: Sequence[str], x: str, windows: int | None, folders: Sequence[RunFolder] = ()) -> Wanted:
    """Return what the names of metrics ask for: metrics, ``internals``, ``all``, or by default the returns.

    A metric may be named without its group where that is unmistakable (``approx_kl``); parts of the reward, which the
    environment names, are asked for with theirs (``reward/forward``).

    Args:
        names: As typed.
        x: ``steps`` or ``time``.
        windows: See :class:`Wanted`.
        folders: The runs that are to be drawn, whose own metrics may be asked for too.

    Raises:
        UsageError: There is no such metric; the message names the nearest.
    """
    metrics: dict[str, None] = dict.fromkeys(() if names else RETURNS)
    optional: dict[str, None] = {}
    groups = {"internals": (*INTERNALS, *_own_internals(folders)), "all": known_metrics(folders)}
    others, own = (*groups, "reward/NAME"), {key for folder in folders for key in _own_metrics(folder)}
    for name in names:
        if name in groups:
            optional |= dict.fromkeys(groups[name])
        else:
            metrics[name if is_component(name) else metric_named(name, groups["all"], others, own)] = None
    return Wanted(list(metrics), [metric for metric in optional if metric not in metrics], x, windows, "all" in names)


def _own_internals(folders: Sequence[RunFolder]) -> list[str]:
    """Return what tells how updates go with algorithms that are not rlx's own: every ``train/*`` that they log."""
    found: dict[str, None] = {}
    for folder in folders:
        metrics = _own_metrics(folder)
        if metrics and folder.snapshot.config.algo.name not in BUILT_IN:
            found |= dict.fromkeys(key for key, metric in metrics.items() if _is_internal(key, metric))
    return list(found)


def _is_internal(key: str, metric: Metric) -> bool:
    return key.startswith("train/") and key not in COMMON and not metric.is_counter


def _own_metrics(folder: RunFolder) -> Mapping[str, Metric]:
    """Return the metrics that a run was trained with; where it does not say, those of its algorithm; none of one that is not here."""
    if found := folder.documented:
        return found
    try:
        row = known_algorithm(folder.snapshot.config.algo.name)
    except RlxError:
        return {}
    return {} if row is None else {**COMMON, **row.metrics}


def known_metrics(folders: Sequence[RunFolder]) -> list[str]:
    """Return the metrics of fixed names that can be drawn: those known here, and those that runs were trained with."""
    return [key for key, metric in vocabulary_of(folders).items() if not metric.is_counter]


def vocabulary_of(folders: Sequence[RunFolder]) -> dict[str, Metric]:
    """Return all metrics that are known here or that runs were trained with; of several runs, the first has the word."""
    found: dict[str, Metric] = {}
    for folder in reversed(folders):
        found |= folder.documented
    return vocabulary(recorded=found)


def metric_named(name: str, known: Sequence[str], others: Sequence[str] = (), own: Collection[str] = ()) -> str:
    """Return the metric that a name asks for: itself, without its group, or the end of one (``kl``), if unmistakable.

    Args:
        name: As typed.
        known: The metrics there are.
        others: What may be asked for beside metrics, for the message.
        own: Those of them that the runs in question were trained with, which are meant before others.

    Raises:
        UsageError: There is none, or there are several; the message names the nearest.
    """
    if name in known:
        return name
    short = {key: key.rpartition("/")[2] for key in known}
    mine = [key for key in known if key in own]
    for same in (
        [key for key in mine if short[key] == name],
        [key for key in mine if short[key].endswith(f"_{name}")],
        [key for key in known if short[key] == name],
        [key for key in known if short[key].endswith(f"_{name}")],
    ):
        if len(same) == 1:
            return same[0]
        if same:
            raise UsageError(f"there are several metrics {name!r}; did you mean {' or '.join(same)}?")
    there = mine or known  # nobody is helped by a metric that the runs in question have not
    close = difflib.get_close_matches(name, [*there, *map(short.__getitem__, there), *others], 3, cutoff=0.5)
    nearest = list(dict.fromkeys(key for match in close for key in (*there, *others) if match in (key, short.get(key))))
    cure = f"did you mean {' or '.join(nearest)}?" if nearest else f"there are: {', '.join([*others, *there])}"
    raise UsageError(f"there is no metric {name!r}; {cure}")
