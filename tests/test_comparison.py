"""Verdicts, and the sentences they are told in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlx.comparison import Criteria, RunScores, compare, config_differences, flatten
from rlx.report.study_comparison import StudyComparison, headlines, metrics_of, to_data, to_markdown
from rlx.report.text import number, table


def run(name: str, scores: list[float], policies: str = "", **task: Any) -> RunScores:
    seeds = range(1, len(scores) + 1)
    hashes = {seed: f"{policies or name}{seed}" for seed in seeds}
    return RunScores(
        name, dict(zip(seeds, scores, strict=True)), hashes, {"environment": "X-v0", **task}, {"algo.gamma": 0.9}
    )


BASE = run("base", [100, 102, 98, 101, 99])


def verdict(candidate: RunScores, effect: float = 0.0) -> tuple[str, str, str | None]:
    found = compare(BASE, [candidate], Criteria(0.05, effect))[0]
    return found.verdict, found.reason, found.next_step


def test_improved_and_regressed() -> None:
    assert verdict(run("up", [150, 152, 148, 149, 151]))[0] == "improved"
    assert verdict(run("down", [50, 52, 48, 49, 51]))[0] == "regressed"


def test_improved_needs_an_interval_beyond_the_minimum_effect() -> None:
    better = run("up", [104, 106, 105, 107, 103])
    assert verdict(better)[0] == "improved"
    word, reason, _ = verdict(better, effect=5.0)
    assert word == "inconclusive"
    assert "includes differences up to ±5" in reason


def test_equivalent_is_an_interval_inside_the_minimum_effect() -> None:
    assert verdict(run("same", [100, 101, 99, 102, 98.5]), effect=10)[0] == "equivalent"
    assert verdict(run("same", [100, 101, 99, 102, 98.5]))[0] == "inconclusive"


def test_bit_equal_policies_are_identical() -> None:
    assert verdict(run("copy", [100, 102, 98, 101, 99], policies="base"))[0] == "identical"


def test_different_tasks_are_named_and_never_averaged() -> None:
    word, reason, _ = verdict(run("other", [1, 2, 3], environment="Y-v0"))
    assert word == "not comparable"
    assert "environment ('X-v0' and 'Y-v0')" in reason


def test_too_few_seeds_say_how_many_are_enough() -> None:
    base, candidate = run("base", [1, 2, 3]), run("up", [101, 102, 103])
    found = compare(base, [candidate], Criteria())[0]
    assert found.verdict == "inconclusive"
    assert "3 against 3 seeds cannot reach p ≤ 0.05 (the smallest possible is 0.1)" in found.reason
    assert found.next_step == "train at least 4 seeds each: `dvc exp run -S num_seeds=4`"
    single = compare(run("base", [1]), [run("up", [2])], Criteria())[0]
    assert single.verdict == "inconclusive"
    assert single.difference is not None
    assert single.difference.interval is None


def test_inconclusive_says_what_would_settle_it() -> None:
    rng = np.random.default_rng(0)
    base, candidate = run("base", list(rng.normal(0, 10, 5))), run("up", list(rng.normal(8, 10, 5)))
    found = compare(base, [candidate], Criteria())[0]
    assert found.verdict == "inconclusive"
    assert "5 seeds each detect a difference of" in str(found.next_step)
    assert "`dvc exp run -S num_seeds=" in str(found.next_step)


def test_a_difference_too_small_to_matter_needs_seeds_to_show_that() -> None:
    base, candidate = run("base", [0, 8, -8, 5, -5]), run("up", [1, 9, -7, 6, -4])
    found = compare(base, [candidate], Criteria(0.05, 5))[0]
    assert found.verdict == "inconclusive"
    assert "would show that it is too small to matter" in str(found.next_step)


def test_several_candidates_are_corrected_together() -> None:
    candidate = [103.0, 104, 102, 105, 103.5]
    alone = compare(BASE, [run("c", candidate)], Criteria())[0]
    among = compare(
        BASE, [run("c", candidate), *(run(f"n{i}", [100, 99, 101, 102, 98]) for i in range(5))], Criteria()
    )[0]
    assert alone.verdict == "improved"
    assert among.verdict == "inconclusive"
    assert among.p_value == pytest.approx(6 * alone.p_value)  # type: ignore[operator]
    assert among.difference.interval.level == pytest.approx(1 - 0.05 / 6)  # type: ignore[union-attr]


def test_family_wise_error_rate_of_six_equal_candidates() -> None:
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(150):
        draws = rng.normal(0, 1, (7, 5))
        found = compare(
            run("b", list(draws[0])), [run(f"c{i}", list(row)) for i, row in enumerate(draws[1:])], Criteria()
        )
        wrong += any(c.verdict in ("improved", "regressed") for c in found)
    assert wrong / 150 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)


def test_config_differences() -> None:
    one, other = flatten({"a": {"b": 1, "c": {}}, "d": [1]}), flatten({"a": {"b": 2}, "d": [1]})
    assert config_differences(one, other) == {"a.b": (1, 2), "a.c": ({}, None)}


def study(candidates: list[RunScores], effect: float = 0.0) -> StudyComparison:
    criteria = Criteria(0.05, effect)
    return StudyComparison(
        "base", "latest", criteria, (BASE, *candidates), tuple(compare(BASE, candidates, criteria)), 10.0
    )


@pytest.mark.parametrize(
    ("candidate", "effect", "sentence"),
    [
        (run("up", [150, 152, 148, 149, 151]), 0, "up improved on base: +50.00 return [+47.69, +52.31]."),
        (run("down", [50, 52, 48, 49, 51]), 0, "down is worse than base: -50.00 return [-52.31, -47.69]."),
        (run("same", [100, 101, 99, 102, 98]), 10, "same is as good as base, to within 10: 0 return [-2.31, +2.31]."),
        (
            run("copy", [100, 102, 98, 101, 99], policies="base"),
            0,
            "copy is identical to base: the trained policies are bit-equal, seed by seed.",
        ),
        (
            run("far", [1, 2], environment="Y-v0"),
            0,
            "far cannot be compared with base: they measure different things: environment ('X-v0' and 'Y-v0').",
        ),
    ],
)
def test_headlines(candidate: RunScores, effect: float, sentence: str) -> None:
    assert headlines(study([candidate], effect)) == [sentence]


def test_reports_hold_no_nan_and_every_run() -> None:
    import json

    found = study([run("one", [5.0]), run("up", [150, 152, 148, 149, 151])])
    text = json.dumps([to_data(found), metrics_of(found)], allow_nan=False)
    markdown = to_markdown(found)
    assert all(f'"{name}"' in text and name in markdown for name in ("base", "one", "up"))
    assert metrics_of(found)["up"]["verdict"] == "improved"
    assert "verdict" not in metrics_of(found)["base"]


def test_tables_and_numbers() -> None:
    assert table(["run", "mean"], [["a|b", "1"], ["c", "—"]]).splitlines()[2] == "| a\\|b |    1 |"
    assert [number(x) for x in (None, 0, 0.0123, 3.14159, 271.828, 12345.6)] == [
        "—",
        "0",
        "0.012",
        "3.14",
        "271.8",
        "12,346",
    ]
