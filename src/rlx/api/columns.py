"""The tables that runs give: which columns they have, of which type, and what stands in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlx.records import PART, RANDOM, Summary

if TYPE_CHECKING:  # takes a fifth of a second, and who only lists runs has no table
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        dtype: Its type, as pandas calls it.
        meaning: What stands in it.
    """

    dtype: str
    meaning: str


SCORES: Mapping[str, Column] = {
    "seed": Column("int64", "the training seed"),
    "score": Column("float64", "mean held-out return of its final policy (`latest`)"),
    "step": Column("int64", "environment steps behind that policy"),
    "best": Column(
        "float64", "mean held-out return of the policy chosen on validation episodes (`best`); NaN where none was"
    ),
    "best_step": Column("Int64", "environment steps behind that one"),
    "best_validation": Column("float64", "the validation return by which it was chosen"),
}
"""The columns of :attr:`rlx.api.Run.scores`: a row per training seed."""
EPISODES: Mapping[str, Column] = {
    "seed": Column("Int64", "the training seed; missing in rows of the random policy"),
    "checkpoint": Column(
        "string", f"which policy played: `latest`, `best`, `{RANDOM}`, or `still`, which does nothing"
    ),
    "episode": Column("int64", "the number of the episode in the held-out list"),
    "reset_seed": Column("int64", "what the environment was reset with"),
    "return": Column("float64", "sum of rewards, undiscounted"),
    "length": Column("int64", "steps"),
    "success": Column("boolean", "whether the environment said that it succeeded; missing where it says nothing"),
    "cut": Column("bool", "whether it was cut at the step limit of evaluation"),
}
"""The columns of :attr:`rlx.api.Run.episodes`: a row per held-out episode; ``reward/<part>`` (float64) follow, if there are."""
METRICS: Mapping[str, Column] = {
    "seed": Column("int64", "the training seed"),
    "step": Column("int64", "environment steps taken until then"),
    "iteration": Column("int64", "iterations of the algorithm until then"),
}
"""The first columns of :attr:`rlx.api.Run.metrics`: a row per seed and iteration; each metric follows, a float64 by its name."""


def scores_table(summary: Summary) -> pd.DataFrame:
    """Return a table of :data:`SCORES`, in order of the seeds."""
    import pandas as pd

    latest, best = summary.scores["latest"], summary.scores.get("best")
    seeds = sorted(latest.seeds)
    rows = {
        "seed": seeds,
        "score": [latest.seeds[seed] for seed in seeds],
        "step": [latest.steps[seed] for seed in seeds],
        "best": [best.seeds.get(seed) if best else None for seed in seeds],
        "best_step": [best.steps.get(seed) if best else None for seed in seeds],
        "best_validation": [best.validation.get(seed) if best else None for seed in seeds],
    }
    return pd.DataFrame(rows).astype(_types(SCORES))


def episodes_table(found: pd.DataFrame) -> pd.DataFrame:
    """Return a table of :data:`EPISODES` from what ``episodes.csv`` holds."""
    parts = [str(name) for name in found if str(name).startswith(PART)]
    return found[[*EPISODES, *parts]].astype(_types(EPISODES, parts)).reset_index(drop=True)


def metrics_table(rows: Sequence[Mapping[str, Any]], order: Sequence[str]) -> pd.DataFrame:
    """Return a table that begins with :data:`METRICS`.

    Args:
        rows: Of ``metrics.jsonl``, in the order wanted.
        order: Names of metrics in the order wanted; others follow by name. Only those that occur become columns.
    """
    import pandas as pd

    present = {key for row in rows for key in row}.difference(METRICS)
    names = [name for name in order if name in present]
    names += sorted(present.difference(names))
    columns: dict[str, Any] = {key: [row[key] for row in rows] for key in METRICS}
    columns |= {name: [row.get(name) for row in rows] for name in names}
    return pd.DataFrame(columns).astype(_types(METRICS, names))


def _types(columns: Mapping[str, Column], numbers: Sequence[str] = ()) -> dict[str, Any]:
    return {**{name: column.dtype for name, column in columns.items()}, **dict.fromkeys(numbers, "float64")}
