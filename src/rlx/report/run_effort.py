"""What a run's files say of the work that a seed of it took."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rlx.records import content_of, iterate_rows

if TYPE_CHECKING:
    from rlx.comparison import RunScores
    from rlx.records import RunFolder

UPDATES = "train/n_updates"


def with_effort(scores: RunScores, folder: RunFolder) -> RunScores:
    """Return a run's scores with its algorithm's kind, and with gradient steps, time and processor of a seed.

    Raises:
        DataDamaged: ``metrics.jsonl`` cannot be read.
    """
    metadata = content_of(folder.path / "metadata.json") or {}
    seconds = [
        row["seconds"] for row in metadata.get("seeds") or [] if row.get("seconds") and row["seed"] in scores.scores
    ]
    return replace(
        scores,
        family=metadata.get("family"),
        gradient_steps=_gradient_steps(scores, folder),
        seconds=float(np.mean(seconds)) if seconds else None,
        processor=(metadata.get("host") or {}).get("processor"),
    )


def _gradient_steps(scores: RunScores, folder: RunFolder) -> int | None:
    config, path, last = folder.snapshot.config, folder.path / "metrics.jsonl", dict[int, float]()
    for row in iterate_rows(path) if path.is_file() else ():
        if int(row["seed"]) in scores.scores and row.get(UPDATES) is not None:
            last[int(row["seed"])] = float(row[UPDATES])
    if not last:
        return None
    return config.algo.optimizer_steps(float(np.mean(list(last.values()))), config.env.num_envs)
