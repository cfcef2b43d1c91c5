"""Settings that a study of an algorithm usually asks about, and how far from the baseline's value.

A factor of three each way covers most of what tuned configurations of one algorithm differ by; values of whole numbers are those
that the tuned entries of RL Baselines3 Zoo and Stable-Baselines3's defaults use. What a study should really ask is for whoever
writes its contract: `rlx study init` drafts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FACTOR = 3.0
SETTINGS: dict[str, dict[str, Any]] = {
    "learning_rate": {"factor": FACTOR, "scale": "log"},
    "update_epochs": {"values": [4, 6, 10, 15, 20]},
    "gae_lambda": {"range": [0.8, 0.98]},
    "entropy_coef": {"range": [0.0, 0.01]},
    "clip_range": {"values": [0.1, 0.2, 0.3]},
    "target_kl": {"values": [0.005, 0.01, 0.02]},
    "tau": {"factor": FACTOR, "scale": "log"},
    "batch_size": {"values": [32, 64, 128, 256]},
    "exploration_fraction": {"range": [0.05, 0.5]},
    "target_update_interval": {"values": [1, 250, 500, 1000, 5000, 10000]},
    "gradient_steps": {"values": [1, 2, 4, 8]},
    "n_delta": {"values": [1, 8, 16]},
}
MOST = 3
"""Settings that a draft asks about: each more takes candidates."""
FIRST = (
    "learning_rate",
    "update_epochs",
    "gae_lambda",
    "target_update_interval",
    "exploration_fraction",
    "tau",
    "gradient_steps",
)
"""In this order."""


def usual_scope(algo: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return a drafted scope for the settings of an algorithm.

    Args:
        algo: The baseline's, `algo` of its snapshot.
    """
    found: dict[str, dict[str, Any]] = {}
    for key in [*FIRST, *(name for name in SETTINGS if name not in FIRST)]:
        if len(found) == MOST:
            break
        value = algo.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        entry = _around(value, SETTINGS[key], algo)
        if entry is not None:
            found[f"algo.{key}"] = entry
    return found


def _around(value: float, rule: Mapping[str, Any], algo: Mapping[str, Any]) -> dict[str, Any] | None:
    if "values" in rule:
        values = sorted({*rule["values"], value})
        rollout = algo.get("rollout_steps")
        if isinstance(rollout, int) and rule["values"] is SETTINGS["batch_size"]["values"]:
            return None  # it has to divide the rollout, which a sampler does not know
        return {"values": values}
    if "factor" in rule:
        if value <= 0:
            return None
        low, high = (float(f"{end:.2g}") for end in (value / rule["factor"], value * rule["factor"]))
        return {"range": [low, min(high, 1.0)], "scale": rule["scale"]}
    low, high = rule["range"]
    return {"range": [min(low, value), max(high, value)], "scale": "linear"}
