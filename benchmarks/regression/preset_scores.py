"""Reference runs that are presets as they stand: their scores are the presets', too."""

from __future__ import annotations

import datetime
import json

import numpy as np

from benchmarks.presets.__main__ import RESULTS
from benchmarks.regression.trained import Trained
from rlx.stats import mean_with_interval


def note_preset(name: str, trained: Trained) -> None:
    """Put a preset's score into `benchmarks/presets/results.json`, from which `docs/presets.md` is made."""
    estimate = mean_with_interval(np.array(list(trained.scores.values())))
    assert estimate.interval is not None, "a baseline has several seeds"
    known = json.loads(RESULTS.read_text(encoding="utf-8"))
    entry = {
        "algorithm": trained.config["algo"]["name"],
        "environment": trained.config["env"]["id"],
        "seeds": len(trained.scores),
        "steps": trained.cost["steps_per_seed"],
        "mean": estimate.mean,
        "low": estimate.interval.low,
        "high": estimate.interval.high,
        "random": trained.random,
        "seconds": trained.cost["wall_seconds"],
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "versions": {key: trained.versions[key] for key in ("rlx", "python", "gymnasium")},
    }
    known["results"] = dict(sorted({**known["results"], name: entry}.items()))
    RESULTS.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
