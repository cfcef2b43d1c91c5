"""``eval/episodes.csv`` and ``eval/summary.json``: what held-out evaluation found; their one reader and one writer."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx import stats
from rlx.config import from_dvc, is_component, read_json, read_table, require, write_json, write_text
from rlx.errors import DataDamaged, Missing
from rlx.stats import shown

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
COLUMNS = ("seed", "checkpoint", "episode", "reset_seed", "return", "length", "success", "cut")
PART = "reward/"
"""What columns begin with that hold a part of the reward, added up over the episode, where the environment reports some."""
CHECKPOINTS = ("latest", "best")
"""The policies of each seed that are evaluated."""
RANDOM, STILL = "random", "still"
"""Who is played besides: uniformly random actions, and none."""
NO_SEED = -1
"""What ``episodes.csv`` has as the seed of the random policy, which none trained; older ones have nothing there, which
made the column's numbers 1.0 for whoever read it."""


@dataclass(frozen=True)
class Score:
    """A run's score with one of its checkpoints.

    Attributes:
        estimate: Mean over the seeds' means, with its interval over seeds.
        seeds: Mean return of each seed over the held-out episodes.
        policies: Hash of each seed's policy.
        success: Successful episodes and episodes in all, where the environment reports success.
        steps: Environment steps behind each seed's policy.
        validation: The validation return by which each seed's ``best`` was chosen.
    """

    estimate: stats.Estimate
    seeds: Mapping[int, float]
    policies: Mapping[int, str]
    success: tuple[int, int] | None
    steps: Mapping[int, int]
    validation: Mapping[int, float]


def episodes_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the rows of ``episodes.csv`` as a table; seeds of the random policy's rows are missing.

    Behind the columns that every environment has stands one for each part of the reward that any row has. A part that an episode
    was not told of is 0 there, as in training; a sum beyond floating point is missing.
    """
    import pandas as pd

    parts = sorted({name for row in rows for name in row if name.startswith(PART)})
    whole = [{**dict.fromkeys(parts, 0.0), **row} for row in rows]
    table = pd.DataFrame(whole, columns=[*COLUMNS, *parts])
    table = table.astype({"seed": "Int64", "success": "boolean", "cut": "bool", **dict.fromkeys(parts, "float64")})
    return table.assign(**{name: table[name].where(np.isfinite(table[name])) for name in parts})


def write_episodes(folder: Path, table: pd.DataFrame) -> None:
    """Write ``episodes.csv``; floats keep every digit."""
    buffer = io.StringIO()
    table.fillna({"seed": NO_SEED}).to_csv(buffer, index=False, lineterminator="\n")
    write_text(folder / "episodes.csv", buffer.getvalue())


def read_episodes(folder: Path) -> pd.DataFrame:
    """Read ``episodes.csv`` of an ``eval`` folder, with the parts of the reward that it has (``reward/<name>``).

    Raises:
        Missing: There is none.
        DataDamaged: It is not such a table.
    """
    import pandas as pd

    path = folder / "episodes.csv"
    if not path.exists():
        raise Missing(f"{path}: no such file; `dvc repro` makes it (or `dvc pull` fetches it)")
    cure = from_dvc(path, folder.parent.name)
    try:
        text = read_table(path)
        parts = [name for name in text.partition("\n")[0].split(",") if is_component(name)]
        types = {"seed": "Int64", "success": "boolean", "cut": "bool", **dict.fromkeys(("return", *parts), "str")}
        table = pd.read_csv(io.StringIO(text), dtype=types)[[*COLUMNS, *parts]]
        table["seed"] = table["seed"].mask(table["seed"] == NO_SEED)
        exact = {name: table[name].map(float) for name in ("return", *parts)}  # Python's reading keeps every bit
        table = table.assign(**exact)
        _check(table)
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise DataDamaged(f"{path}: is not a table of episodes ({str(error)[:120]}); {cure}") from None
    if (folder / "summary.json").exists():
        for name, score in read_summary(folder).scores.items():
            played = set(table.loc[table["checkpoint"] == name, "seed"])
            if played != set(score.seeds):
                raise DataDamaged(f"{path}: does not have the seeds that summary.json has of {shown(name)}; {cure}")
    return table


def _check(table: pd.DataFrame) -> None:
    """Refuse a table of episodes that is not whole: every policy played the same episodes, and every cell has its value."""
    for name, least in (("episode", 0), ("reset_seed", 0), ("length", 1)):
        if table[name].dtype != np.dtype(np.int64) or (table[name] < least).any():
            raise ValueError(f"{name} is not a whole number from {least} on in every row")
    if not np.isfinite(table["return"].to_numpy(dtype=float)).all():
        raise ValueError("a return is not a finite number")
    if any(np.isinf(table[name].to_numpy(dtype=float)).any() for name in table if is_component(str(name))):
        raise ValueError("a part of the reward is not a finite number")
    played = table.fillna({"seed": -1}).groupby(["checkpoint", "seed"]).size()
    if not len(table) or played.min() != played.max():
        raise ValueError("it lacks episodes: not every policy has as many")


def score_of(
    table: pd.DataFrame, policies: Mapping[int, str], steps: Mapping[int, int], validation: Mapping[int, float]
) -> Score:
    """Summarise the episodes of one checkpoint: each seed's mean first, then the mean and interval over seeds."""
    means = {int(str(seed)): float(mean) for seed, mean in table.groupby("seed")["return"].mean().items()}
    estimate = stats.mean_with_interval(np.array([means[seed] for seed in sorted(means)]))
    reported = table["success"].dropna()
    success = (int(reported.sum()), len(reported)) if len(reported) else None
    return Score(estimate, means, policies, success, steps, validation)


def write_summary(folder: Path, summary: Summary, snapshot: str | None = None) -> None:
    """Write ``summary.json``: what was measured, each checkpoint's score, and the random policy's mean return.

    Args:
        folder: The ``eval`` folder.
        summary: What it is to say.
        snapshot: The hash of the run's configuration (:func:`rlx.records.elsewhere.snapshot_hash`), where there is one.
    """
    content = {
        "format": FORMAT,
        "snapshot": snapshot,
        "task": dict(summary.task),
        "checkpoints": {name: _score_data(score) for name, score in summary.scores.items()},
        "random": {"return_mean": summary.random_return},
        **({} if summary.still is None else {"still": asdict(summary.still)}),
    }
    write_json(folder / "summary.json", content)


def _score_data(score: Score) -> dict[str, Any]:
    interval = score.estimate.interval
    return {
        "return_mean": score.estimate.mean,
        "return_std_over_seeds": score.estimate.std,
        "interval": asdict(interval) if interval else None,
        "n_seeds": score.estimate.n,
        "success": None if score.success is None else {"successes": score.success[0], "episodes": score.success[1]},
        "seeds": {
            str(seed): {
                "return_mean": score.seeds[seed],
                "step": score.steps[seed],
                "validation_return": score.validation.get(seed),
                "policy_sha256": score.policies[seed],
            }
            for seed in sorted(score.seeds)
        },
    }


@dataclass(frozen=True)
class Still:
    """What is known where final policies hardly act.

    Attributes:
        return_mean: Mean return of doing nothing (actions of 0) in the same episodes.
        efforts: By seed: the mean size of the final policy's actions, 1 being the largest that the environment takes.
    """

    return_mean: float
    efforts: Mapping[int, float]


@dataclass(frozen=True)
class Summary:
    """What ``summary.json`` says."""

    task: Mapping[str, Any]
    scores: Mapping[str, Score]
    random_return: float
    still: Still | None = None


def read_summary(folder: Path) -> Summary:
    """Read ``summary.json`` of an ``eval`` folder.

    Raises:
        Missing: There is none.
        DataDamaged: It is not such a file.
    """
    path = folder / "summary.json"
    if not path.exists():
        raise Missing(f"{path}: no such file; `dvc repro` makes it (or `dvc pull` fetches it)")
    try:
        data = read_json(path)
        require(data["format"] == FORMAT, f"its format is not {FORMAT}")
        scores = {name: _score_from(item) for name, item in data["checkpoints"].items()}
        require("latest" in scores, "no score of the final policies")
        random_return = _finite(data["random"]["return_mean"])
        return Summary(_task_from(data["task"]), scores, random_return, _still_from(data.get("still")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{type(error).__name__}: {error}"[:120]
        raise DataDamaged(
            f"{path}: is not an evaluation summary ({why}); {from_dvc(path, folder.parent.name)}"
        ) from None


def _task_from(task: Any) -> dict[str, Any]:
    """Return what was measured, if it says so."""
    if not isinstance(task["environment"], str) or not isinstance(task["protocol"], dict):
        raise TypeError("its task has no environment or protocol")
    return dict(task)


def _finite(value: Any) -> float:
    """Return a number of a file, or raise ValueError where it is none."""
    number = float(value)
    if isinstance(value, bool | str) or not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{str(value)[:40]!r} is not a whole number")
    return int(value)


def _number(text: str) -> int:
    """Return a seed as it stands as a key."""
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise ValueError(f"{text[:40]!r} is not a seed")
    return int(text)


def _score_from(item: Mapping[str, Any]) -> Score:
    seeds = {_number(seed): facts for seed, facts in item["seeds"].items()}
    if not seeds or item["n_seeds"] != len(seeds):
        raise ValueError(f"it has {len(seeds)} seeds and says {str(item['n_seeds'])[:20]}")
    spread = None if item["return_std_over_seeds"] is None else _finite(item["return_std_over_seeds"])
    return Score(
        stats.Estimate(_finite(item["return_mean"]), _interval_from(item["interval"]), spread, len(seeds)),
        {seed: _finite(facts["return_mean"]) for seed, facts in seeds.items()},
        {seed: _hash(facts["policy_sha256"]) for seed, facts in seeds.items()},
        _success_from(item["success"]),
        {seed: _whole(facts["step"]) for seed, facts in seeds.items()},
        {
            seed: _finite(facts["validation_return"])
            for seed, facts in seeds.items()
            if facts["validation_return"] is not None
        },
    )


def _interval_from(item: Mapping[str, Any] | None) -> stats.Interval | None:
    if item is None:
        return None
    found = stats.Interval(**item)
    _whole(found.n)
    require(_finite(found.low) <= _finite(found.high), "an interval whose ends are swapped")
    require(isinstance(found.method, str) and 0.0 < _finite(found.level) < 1.0, "an interval without level or method")
    return found


def _success_from(item: Mapping[str, Any] | None) -> tuple[int, int] | None:
    if item is None:
        return None
    won, played = _whole(item["successes"]), _whole(item["episodes"])
    require(played > 0 and won <= played, f"{won} successes in {played} episodes")
    return won, played


def _still_from(item: Mapping[str, Any] | None) -> Still | None:
    if item is None:
        return None
    efforts = {_number(seed): _finite(effort) for seed, effort in item["efforts"].items()}
    return Still(_finite(item["return_mean"]), efforts)


def _hash(value: Any) -> str:
    require(isinstance(value, str), "a policy without a hash")
    return str(value)
