"""Metrics of held-out episodes, one number per seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlx.studies.measures import all_measures, measure, measures

EPISODES: list[dict[str, Any]] = [
    {"return": float(value), "length": 10 + value, "success": value > 4, "reward/ctrl": -0.5, "reset_seed": value}
    for value in range(10)
]


def test_means_and_the_tenth_percentile() -> None:
    assert measure("return", EPISODES) == 4.5
    assert measure("success", EPISODES) == 0.5
    assert measure("return_p10", EPISODES) == np.percentile(range(10), 10)
    assert measure("reward/speed", EPISODES) is None
    assert measure("return", []) is None
    assert measure("return", [{"return": float("nan")}]) is None
    assert measures(["length", "info/x"], EPISODES) == {"length": 14.5}


def test_reports_get_more_than_the_contract_asks_for_and_the_contract_first() -> None:
    found = all_measures(["length"], EPISODES)
    assert list(found) == ["length", "return", "return_p10", "success", "reward/ctrl"]
    assert all_measures(["return"], []) == {}
    without = [{key: value for key, value in each.items() if key != "success"} for each in EPISODES]
    assert "success" not in all_measures(["return"], without)
