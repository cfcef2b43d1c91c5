"""Ranges of randomisation and curricula, held against a probe."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from rlx.errors import ConfigError
from rlx.studies import (
    Curriculum,
    Probe,
    ProbedParameter,
    ProbePoint,
    canonical_json,
    check_curriculum,
    check_ranges,
    is_learnable,
    parse_evidence,
    read_curriculum,
    within,
)

VALUES = (0.2, 0.4, 0.5, 0.7, 0.9, 1.1)
SUCCESS = (0.5, 0.95, 1.0, 0.4, 0.0, 0.02)
KEY = "env.kwargs.length"


def point(settings: dict[str, float], success: float, passes: bool = True) -> ProbePoint:
    told = {1: success, 2: success}
    return ProbePoint(
        settings=settings, returns={1: 1.0, 2: 1.0}, success=told, mean=1.0, lower=1.0, passes=passes, failures=()
    )


def probe(**changes: Any) -> Probe:
    length = ProbedParameter(
        parameter=KEY, nominal=0.5, scale="linear",
        points=tuple(point({KEY: v}, s, 0.4 <= v <= 0.9) for v, s in zip(VALUES, SUCCESS, strict=True)),
        safe=(0.4, 0.9), first_failing_below=0.2, first_failing_above=1.1, gaps=(), errors=(),
    )  # fmt: skip
    content = {
        "run": "pole", "snapshot": "s", "seeds": (1, 2), "policies": {1: "a", 2: "b"}, "command": "c", "versions": {},
        "environment": "Pole-v0", "design": "one", "episodes": 20, "list_seed": 7, "keep": 0.8, "episode_limit": 100,
        "steps_bound": 1000, "steps": 100, "random_return": 0.0, "nominal": point({}, 1.0), "threshold": 0.8,
        "verdict": "holds", "reason": "It holds.", "parameters": (length,), "joint": (),
    }  # fmt: skip
    return Probe(**(content | changes))


def digest(found: Probe) -> str:
    return hashlib.sha256(canonical_json(found)).hexdigest()


@pytest.mark.parametrize(
    ("low", "high", "holds"),
    [
        (0.4, 0.9, True),
        (0.45, 0.6, True),
        (0.39, 0.6, False),
        (0.45, 0.95, False),
        (0.6, 0.5, False),
        (0.2, 0.2, False),
    ],
)
def test_a_range_lies_within_the_safe_one_or_not(low: float, high: float, holds: bool) -> None:
    found = within(probe(), "length", low, high)
    assert found.holds is holds
    assert found.why.startswith(KEY)
    assert within(probe(), KEY, low, high) == found


def test_only_a_probe_that_shows_a_safe_range_allows_one() -> None:
    assert "did you mean" in within(probe(), "lenght", 0.5, 0.6).why
    for changes in ({"verdict": "fails-at-nominal"}, {"verdict": "cannot-tell"}, {"design": "sobol"}):
        assert not within(probe(**changes), "length", 0.5, 0.6).holds


def test_ranges_widen_by_half_of_the_incumbents_width() -> None:
    known = {"length": [0.4, 0.6]}
    assert check_ranges({"length": [0.4, 0.7]}, known, probe()) == []
    assert check_ranges({"env.kwargs.length": [0.5, 0.55]}, known, probe()) == []
    (told,) = check_ranges({"length": [0.4, 0.71]}, known, probe())
    assert "at most half of its width" in told
    assert check_ranges({"length": [0.7, 0.75]}, known, probe()) != []  # moved: all of it is new
    assert len(check_ranges({"length": [0.4, 1.0], "mass": [1.0, 2.0]}, known, probe())) == 2


def test_a_first_range_is_at_most_half_of_the_safe_one() -> None:
    assert check_ranges({"length": [0.45, 0.7]}, {}, probe()) == []
    assert "half as wide" in check_ranges({"length": [0.4, 0.7]}, {}, probe())[0]
    assert "the value of the task" in check_ranges({"length": [0.55, 0.7]}, {}, probe())[0]
    assert "two ends" in check_ranges({"length": [0.5]}, {}, probe())[0]


RECORD = """format: 1
probe: {probe}
cases:
  - {name: short, kwargs: {length: 0.2}, success: 0.5}
  - {name: long, kwargs: {length: 0.7}, success: 0.4}
  - {name: longer, kwargs: {length: 0.9}, success: 0.0}
  - {name: known, kwargs: {length: 0.4}, success: 0.95}
  - {name: task, kwargs: {}, success: 1.0}
bridge: [long, longer, task]
diversity: {length: {low: 0.2, high: 1.0}}
task_hash: sha256:77
rollback: {metric: success, below: 0.5, to: previous}
"""
STAGES = [
    {"until": 0.3, "kwargs": {"length": 0.7}},
    {"until": 0.6, "kwargs": {"length": 0.9}},
    {"until": 1.0, "kwargs": {}},
]


def record(tmp_path: Path, old: str = "", new: str = "") -> Curriculum:
    path = tmp_path / "curriculum.yaml"
    assert old in RECORD
    path.write_text(RECORD.replace("{probe}", digest(probe())).replace(old, new))
    return read_curriculum(path, probe())


def test_a_curriculum_that_rests_on_its_probe_is_taken(tmp_path: Path) -> None:
    found = record(tmp_path)
    assert check_curriculum(STAGES, found, probe(), "sha256:77") == []
    assert parse_evidence(canonical_json(found)) == found
    mixed = [{"mixture": [{"weight": 1, "kwargs": {"length": 0.7}}, {"weight": 1, "kwargs": {}}]}]
    assert check_curriculum(mixed, found, probe()) == []
    assert [is_learnable(share) for share in (0.09, 0.1, 0.9, 0.91)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("kwargs: {length: 0.7}, success: 0.4", "kwargs: {length: 0.7}, success: 0.6", "the probe measured 40.0 %"),
        ("kwargs: {length: 0.7}", "kwargs: {length: 0.65}", "has no point with"),
        ("bridge: [long, longer, task]", "bridge: [longer, long, task]", "no learnable case leads to it"),
        ("bridge: [long, longer, task]", "bridge: [longer, task]", "has no learnable case"),
        ("bridge: [long, longer, task]", "bridge: [task, long]", "not at the task itself"),
        ("bridge: [long, longer, task]", "bridge: [long, lnger, task]", "did you mean longer"),
        ("bridge: [long, longer, task]", "bridge: [known, long, longer, task]", "teaches nothing"),
        ("low: 0.2, high: 1.0", "low: 0.3, high: 1.0", "is not between 0.3 and 1.0"),
        ("low: 0.2, high: 1.0", "low: 0.1, high: 1.0", "not inside what was probed"),
        ("diversity: {length: {low: 0.2, high: 1.0}}", "diversity: {}", "has no bound for env.kwargs.length"),
        ("sha256:77", "sha256:78", "task_hash"),
        ("to: previous", "to: nowhere", "rollback.to"),
        ("name: long,", "name: short,", "two cases have one name"),
        ("  - {name: task, kwargs: {}, success: 1.0}\n", "", "no case is the task itself"),
    ],
)  # fmt: skip
def test_what_a_record_gets_wrong_is_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    problems = check_curriculum(STAGES, record(tmp_path, old, new), probe(), "sha256:77")
    assert any(told in problem for problem in problems), problems


def test_stages_hold_what_the_record_has_in_its_order(tmp_path: Path) -> None:
    found = record(tmp_path)
    for stages, told in (
        ([{"kwargs": {"length": 0.3}}, {"kwargs": {}}], "is no case of the record"),
        (STAGES[:2], "does not hold the task itself"),
        ([], "does not hold the task itself"),
        ([STAGES[1], STAGES[0], STAGES[2]], "not in the order of the bridge"),
        ([{"kwargs": {"length": 0.4}}, STAGES[2]], "which the bridge does not pass"),
    ):
        problems = check_curriculum(stages, found, probe())
        assert any(told in problem for problem in problems), (told, problems)


def test_another_probe_is_no_ground(tmp_path: Path) -> None:
    found = record(tmp_path)
    assert any("another probe" in told for told in check_curriculum(STAGES, found, probe(keep=0.5)))
    assert any("of another configuration" in told for told in check_curriculum(STAGES, found, probe(snapshot="t")))
    silent = probe(parameters=(probe().parameters[0].model_copy(update={"points": (point({KEY: 0.7}, 0.4).model_copy(update={"success": {}}),)}),))  # fmt: skip
    assert any("reported no success" in told for told in check_curriculum(STAGES, found, silent))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("format: 1\n", "", "format: write `format: 1`"),
        ("{probe}", "abc", r":2:\d+: probe: "),
        ("success: 0.5", "success: 1.5", r":4:\d+: cases\.0\.success: "),
        ("bridge:", "brigde:", "brigde: is no part of a record; did you mean bridge"),
        ("to: previous", "into: previous", "rollback"),
        ("success: 0.5", "success: yes it is", r":4:\d+: cases\.0\.success: "),
    ],
)
def test_what_is_no_record_is_refused_at_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = tmp_path / "curriculum.yaml"
    path.write_text(RECORD.replace(old, new).replace("{probe}", digest(probe())))
    with pytest.raises(ConfigError, match=told):
        read_curriculum(path, probe())
