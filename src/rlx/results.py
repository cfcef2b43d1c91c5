"""``eval/episodes.csv`` and ``eval/summary.json``: what held-out evaluation found; their one reader and one writer."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlx import stats
from rlx.atomic import write_json, write_text
from rlx.errors import DataDamaged, Missing

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 1
COLUMNS = ("seed", "checkpoint", "episode", "reset_seed", "return", "length", "success", "cut")
RANDOM = "random"


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
    """Return the rows of ``episodes.csv`` as a table; seeds of the random policy's rows are missing."""
    import pandas as pd

    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"seed": "Int64", "success": "boolean", "cut": "bool"})


def write_episodes(folder: Path, table: pd.DataFrame) -> None:
    """Write ``episodes.csv``; floats keep every digit."""
    buffer = io.StringIO()
    table.to_csv(buffer, index=False, lineterminator="\n")
    write_text(folder / "episodes.csv", buffer.getvalue())


def read_episodes(folder: Path) -> pd.DataFrame:
    """Read ``episodes.csv`` of an ``eval`` folder.

    Raises:
        Missing: There is none.
        DataDamaged: It is not such a table.
    """
    import pandas as pd

    path = folder / "episodes.csv"
    if not path.is_file():
        raise Missing(f"{path}: no such file; `dvc repro` makes it (or `dvc pull` fetches it)")
    try:
        types = {"seed": "Int64", "success": "boolean", "cut": "bool", "return": "str"}
        table = pd.read_csv(path, dtype=types)[list(COLUMNS)]
        return table.assign(**{"return": table["return"].map(float)})  # Python's reading keeps every bit
    except (ValueError, KeyError) as error:
        raise DataDamaged(f"{path}: is not a table of episodes ({error}); `dvc repro --force` makes it anew") from None


def score_of(
    table: pd.DataFrame, policies: Mapping[int, str], steps: Mapping[int, int], validation: Mapping[int, float]
) -> Score:
    """Summarise the episodes of one checkpoint: each seed's mean first, then the mean and interval over seeds."""
    means = {int(str(seed)): float(mean) for seed, mean in table.groupby("seed")["return"].mean().items()}
    estimate = stats.mean_with_interval(np.array([means[seed] for seed in sorted(means)]))
    reported = table["success"].dropna()
    success = (int(reported.sum()), len(reported)) if len(reported) else None
    return Score(estimate, means, policies, success, steps, validation)


def write_summary(folder: Path, task: Mapping[str, Any], scores: Mapping[str, Score], random_return: float) -> None:
    """Write ``summary.json``: what was measured, each checkpoint's score, and the random policy's mean return."""
    content = {
        "format": FORMAT,
        "task": dict(task),
        "checkpoints": {name: _score_data(score) for name, score in scores.items()},
        "random": {"return_mean": random_return},
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
class Summary:
    """What ``summary.json`` says."""

    task: Mapping[str, Any]
    scores: Mapping[str, Score]
    random_return: float


def read_summary(folder: Path) -> Summary:
    """Read ``summary.json`` of an ``eval`` folder.

    Raises:
        Missing: There is none.
        DataDamaged: It is not such a file.
    """
    path = folder / "summary.json"
    if not path.is_file():
        raise Missing(f"{path}: no such file; `dvc repro` makes it (or `dvc pull` fetches it)")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        scores = {name: _score_from(item) for name, item in data["checkpoints"].items()}
        return Summary(dict(data["task"]), scores, _finite(data["random"]["return_mean"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{type(error).__name__}: {error}"[:120]
        raise DataDamaged(f"{path}: is not an evaluation summary ({why}); `dvc repro --force` makes it anew") from None


def _finite(value: Any) -> float:
    """Return a number of a file, or raise ValueError where it is none."""
    number = float(value)
    if isinstance(value, bool | str) or not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number


def _score_from(item: Mapping[str, Any]) -> Score:
    seeds = {int(seed): facts for seed, facts in item["seeds"].items()}
    interval = stats.Interval(**item["interval"]) if item["interval"] else None
    success = item["success"]
    return Score(
        stats.Estimate(_finite(item["return_mean"]), interval, item["return_std_over_seeds"], item["n_seeds"]),
        {seed: _finite(facts["return_mean"]) for seed, facts in seeds.items()},
        {seed: str(facts["policy_sha256"]) for seed, facts in seeds.items()},
        (success["successes"], success["episodes"]) if success else None,
        {seed: int(facts["step"]) for seed, facts in seeds.items()},
        {
            seed: _finite(facts["validation_return"])
            for seed, facts in seeds.items()
            if facts["validation_return"] is not None
        },
    )
