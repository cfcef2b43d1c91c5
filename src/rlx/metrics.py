"""``metrics.jsonl``: one row per seed and update, under a fixed vocabulary; its one reader and one writer."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rlx.atomic import replacing
from rlx.errors import DataDamaged, NonFiniteValue
from rlx.reading import LARGEST_INTEGER, lines
from rlx.restoring import from_dvc

VOCABULARY: dict[str, str] = {
    "seed": "training seed of the row",
    "step": "environment steps taken so far, all copies together",
    "update": "updates made so far",
    "rollout/return_mean": "mean return of the training episodes that ended in this rollout (original reward units; absent if none ended)",
    "rollout/length_mean": "mean length of those episodes, in steps",
    "rollout/episodes": "how many they are",
    "rollout/truncated_share": "share of them that a time limit ended (absent if none ended)",
    "rollout/success_rate": "share of them that succeeded (where the environment reports success)",
    "train/advantage_std": "standard deviation of the advantages over the rollout, before they are normalised",
    "train/approx_kl": "mean KL divergence between the policy before and after, k3 estimator, last epoch only",
    "train/clip_fraction": "share of samples whose probability ratio left the clip range, all epochs",
    "train/clip_range": "clip range of this update",
    "train/clip_range_vf": "clip range of the value function (where it is on)",
    "train/entropy_loss": "minus the mean entropy of the policy, in nats",
    "train/explained_variance": "1 − Var(return − value) / Var(return) over the rollout (absent where the returns do not vary)",
    "train/gradient_norm": "mean over minibatches of the gradient's norm before clipping",
    "train/learning_rate": "Adam's step size of this update",
    "train/loss": "total loss of the last minibatch",
    "train/n_updates": "passes over rollouts so far (SB3's count of epochs)",
    "train/policy_gradient_loss": "clipped surrogate loss, mean over minibatches",
    "train/std": "mean standard deviation of continuous actions",
    "train/value_loss": "mean squared error of the value function (not halved), mean over minibatches",
    "train/value_target_mean": "mean over the rollout of the TD(λ) returns that the value function is trained on, as the network sees them (after reward normalisation)",
    "train/value_target_std": "their standard deviation",
    "validation/return_mean": "mean return over the validation episodes (absent where none were played)",
    "validation/length_mean": "mean length of the validation episodes, in steps",
    "validation/success_rate": "share of the validation episodes that succeeded (where reported)",
}
"""Every fixed key a row can have, and what it means; see also :data:`COMPONENT`."""

COMPONENT = re.compile(r"reward/[A-Za-z0-9_]+")
"""The one pattern beside the fixed keys: a part of the reward, as the environment reports it in ``info``.

``reward/forward`` is the mean, over the training episodes that ended in this rollout, of ``info["reward_forward"]``
added up over the episode.
"""

UNDEFINED = {"train/explained_variance"}
"""Numbers that may be undefined (the rollout's returns do not vary); left out then."""


def is_component(key: str) -> bool:
    """Tell whether a key names a part of the reward; see :data:`COMPONENT`."""
    return COMPONENT.fullmatch(key) is not None


def checked(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``row`` with undefined numbers left out and numpy scalars made plain.

    Raises:
        NonFiniteValue: A number is NaN or infinite.
    """
    result: dict[str, Any] = {}
    for key, value in row.items():
        if key not in VOCABULARY and not is_component(key):
            raise KeyError(f"{key} is not in rlx.metrics.VOCABULARY")
        number = value if isinstance(value, int) else float(value)
        if not math.isfinite(number):
            if key in UNDEFINED:
                continue
            raise NonFiniteValue(
                f"{key} became {number} at step {row.get('step')} (update {row.get('update')}): training diverged; "
                f"try a smaller algo.learning_rate or env.normalize_reward: true",
                what=key,
                value=str(number),
            )
        result[key] = number
    return result


class MetricsWriter:
    """Appends rows to one seed's ``metrics.jsonl`` as training goes."""

    def __init__(self, path: Path, after_step: int):
        """Open ``path``, keeping the rows up to ``after_step`` and dropping later ones (work that was lost)."""
        rows = iterate_rows(path, tolerate_tail=True) if path.exists() else iter(())
        write_rows(path, (row for row in rows if row["step"] <= after_step))
        self._file = path.open("a", encoding="utf-8")

    def append(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Write one row and return it as written; see :func:`checked`."""
        plain = checked(row)
        self._file.write(_line(plain))
        self._file.flush()
        return plain

    def sync(self) -> None:
        """Make sure that everything written survives a power cut."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a whole ``metrics.jsonl`` atomically, row by row (a long run's need not fit into memory)."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(map(_line, rows))


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, allow_nan=False) + "\n"


def read_rows(path: Path, *, tolerate_tail: bool = False) -> list[dict[str, Any]]:
    """Read a whole ``metrics.jsonl``; see :func:`iterate_rows`."""
    return list(iterate_rows(path, tolerate_tail=tolerate_tail))


def iterate_rows(path: Path, *, tolerate_tail: bool = False) -> Iterator[dict[str, Any]]:
    """Read a ``metrics.jsonl`` row by row.

    Args:
        path: The file.
        tolerate_tail: Accept an unfinished last line, as a killed process leaves it.

    Raises:
        DataDamaged: A line is not a row.
    """
    try:
        rows = lines(path)
        for number, line in rows:
            try:
                row = parse_row(line)
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                if tolerate_tail and next(rows, None) is None:
                    return
                cure = from_dvc(path, path.parent.name)
                raise DataDamaged(f"{path}:{number}: is not a row of metrics ({str(error)[:80]}); {cure}") from None
            yield row
    except OSError as error:
        raise DataDamaged(f"{path}: cannot be read: {error.strerror}") from None


def parse_row(line: str) -> dict[str, Any]:
    """Read one line of ``metrics.jsonl``.

    Raises:
        ValueError: It is no row: not whole, or with something that is not a number.
    """
    if not line.endswith("\n"):
        raise ValueError("it is cut")
    row: dict[str, Any] = json.loads(line)
    for name in ("step", "seed"):
        if type(row[name]) is not int or not 0 <= row[name] < LARGEST_INTEGER:
            raise ValueError(f"its {name} is no whole number")
    for name, value in row.items():
        if type(value) not in (int, float) or not abs(value) <= sys.float_info.max:
            raise ValueError(f"{name[:40]} is not a finite number")
    return row
