"""Schedules: what may be said, that snapshots keep their bytes, and the value at each share of training."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, strategies as st
from pydantic import ValidationError
from stable_baselines3.common.utils import LinearSchedule

from rlx.comparison import flatten
from rlx.config import PPOConfig, RunConfig, Schedule, Snapshot, as_setting, compose_run, is_schedule
from rlx.config.snapshot import recorded_snapshot
from rlx.diagnosis import RunRecord, Signals
from rlx.diagnosis.signals import start_of
from rlx.diagnosis.suggestions import settle_down
from rlx.errors import ConfigError
from rlx.experiments import planning

SHARES = st.floats(0, 1)
VALUES = st.floats(1e-8, 1e3)
WARM_UPS = st.just(0.0) | st.floats(1e-6, 0.9)
"""None, or as much as is at least a step."""


def read(value: Any) -> Any:
    return PPOConfig.model_validate({"learning_rate": value}).learning_rate


@given(VALUES, st.floats(0, 1e3), SHARES, st.sampled_from(["linear", "cosine"]), WARM_UPS)
def test_a_schedule_goes_from_start_to_end_and_stays_between(
    start: float, end: float, share: float, shape: str, warmup: float
) -> None:
    schedule = read({"start": start, "end": end, "shape": shape, "warmup": warmup})
    assert schedule.value_at(1.0) == end
    assert schedule.value_at(warmup) == start
    least = 0.0 if share < warmup else min(start, end)
    tiny = 1e-12 * max(start, end)
    assert least - tiny <= schedule.value_at(share) <= max(start, end) + tiny
    if warmup:
        assert schedule.value_at(0.0) == 0
        assert math.isclose(schedule.value_at(warmup / 2), start / 2)


@given(VALUES, VALUES, SHARES, SHARES, st.sampled_from(["linear", "cosine", "exponential"]))
def test_every_shape_moves_one_way(start: float, end: float, a: float, b: float, shape: str) -> None:
    schedule = read({"start": start, "end": end, "shape": shape})
    early, late = schedule.value_at(min(a, b)), schedule.value_at(max(a, b))
    tiny = 1e-12 * max(start, end)
    assert (early - late + tiny >= 0) if start >= end else (late - early + tiny >= 0)


@given(VALUES, VALUES, st.floats(0, 0.5))
def test_shapes_are_the_formulas_of_their_sources(start: float, end: float, share: float) -> None:
    exponential = read({"start": start, "end": end, "shape": "exponential"})
    assert math.isclose(exponential.value_at(0.5), math.sqrt(start) * math.sqrt(end), rel_tol=1e-9)
    factor = exponential.value_at(share + 0.5) / exponential.value_at(share)
    assert math.isclose(factor, exponential.value_at(0.5) / start, rel_tol=1e-9)
    cosine = read({"start": start, "end": end, "shape": "cosine"})
    expected = end + 0.5 * (start - end) * (1 + math.cos(math.pi * share))
    tiny = 1e-12 * max(start, end)
    assert math.isclose(cosine.value_at(share), expected, rel_tol=1e-9, abs_tol=tiny)
    assert math.isclose(cosine.value_at(share) + cosine.value_at(1 - share), start + end, rel_tol=1e-9)


@given(st.data())
def test_points_are_met_and_joined(data: st.DataObject) -> None:
    inner = sorted(data.draw(st.sets(st.floats(0.01, 0.99), max_size=5)))
    points = [[share, data.draw(VALUES)] for share in (0.0, *inner, 1.0)]
    straight, steps = (read({"piecewise": points, "shape": shape}) for shape in ("linear", "step"))
    for share, value in points:
        assert straight.value_at(share) == value
        assert steps.value_at(share) == value
    for (before, first), (after, last) in pairwise(points):
        middle = (before + after) / 2
        if not before < middle < after:  # neighbours: no number lies between them
            continue
        way = float(
            (Fraction(middle) - Fraction(before)) / (Fraction(after) - Fraction(before))
        )  # a half, unless rounded
        assert math.isclose(straight.value_at(middle), first + way * (last - first), rel_tol=1e-6)
        assert steps.value_at(middle) == first


@given(VALUES, st.floats(0, 1e3), st.floats(1e-12, 1))
def test_a_straight_line_is_to_the_bit_what_it_was(start: float, end: float, left: float) -> None:
    assert read({"start": start, "end": end}).value_at(1 - left) == LinearSchedule(start, end, 1.0)(left)


SAID: list[tuple[Any, dict[str, Any]]] = [
    ({"start": 0.1, "end": 0}, {"start": 0.1, "end": 0.0}),
    ("lin_0.1", {"start": 0.1, "end": 0.0}),
    ({"start": 0.1, "end": 0.01, "shape": "linear", "warmup": 0}, {"start": 0.1, "end": 0.01}),
    ({"start": 1, "end": 2, "shape": "cosine"}, {"start": 1.0, "end": 2.0, "shape": "cosine"}),
    ({"start": 1, "end": 2, "warmup": 0.1}, {"start": 1.0, "end": 2.0, "warmup": 0.1}),
    ({"piecewise": [[0, 1], [1, 0]]}, {"piecewise": [[0.0, 1.0], [1.0, 0.0]]}),
    ({"piecewise": [[0, 1], [1, 0]], "shape": "step"}, {"piecewise": [[0.0, 1.0], [1.0, 0.0]], "shape": "step"}),
]


@pytest.mark.parametrize(("said", "kept"), SAID)
def test_a_snapshot_says_what_is_needed_and_is_read_again(said: Any, kept: dict[str, Any]) -> None:
    config = RunConfig.model_validate({"env": {"id": "CartPole-v1"}, "algo": {"learning_rate": said}})
    text = Snapshot(config).to_yaml()
    assert yaml.safe_load(text)["algo"]["learning_rate"] == kept
    again = recorded_snapshot(text, "a", "none")
    assert again.config.algo.learning_rate == config.algo.learning_rate  # type: ignore[attr-defined]
    assert again.to_yaml() == text


def test_the_bytes_of_a_straight_line_are_those_of_before() -> None:
    text = Snapshot(RunConfig.model_validate({"env": {"id": "a"}, "algo": {"learning_rate": "lin_0.001"}})).to_yaml()
    assert "\n  learning_rate:\n    start: 0.001\n    end: 0.0\n  gamma: 0.99\n" in text


REFUSED: list[tuple[Any, str]] = [
    ({"start": 1}, "a schedule has start and end"),
    ({"start": 1, "end": 0, "piecewise": [[0, 1], [1, 0]]}, "or piecewise (and may have shape)"),
    ({"piecewise": [[0, 1], [1, 0]], "warmup": 0.1}, "or piecewise (and may have shape)"),
    ({"start": 1, "end": 0, "shape": "cos"}, "the shape of a schedule is one of linear, cosine, exponential"),
    ({"start": 1, "end": 0, "shape": "step"}, "the shape of a schedule is one of linear, cosine, exponential"),
    ({"piecewise": [[0, 1], [1, 0]], "shape": "cosine"}, "the shape between points is one of linear, step"),
    ({"start": 1, "end": 0, "shape": "exponential"}, "start and end must be greater than 0"),
    ({"start": 0, "end": 0}, "not both 0"),
    ({"start": -1, "end": 0}, "must be at least 0"),
    ({"start": 1, "end": 0, "warmup": 1}, "warmup must be a share of training, at least 0 and less than 1"),
    ({"start": 1, "end": 0, "warmup": True}, "warmup must be a share of training"),
    ({"start": 0, "end": 1, "warmup": 0.1}, "a warm-up rises to start"),
    ({"piecewise": [[0, 1], [0.5, 2]]}, "must increase from 0 to 1"),
    ({"piecewise": [[0, 1], [0.5, 2], [0.5, 1], [1, 0]]}, "must increase from 0 to 1"),
    ({"piecewise": [[0.1, 1], [1, 2]]}, "must increase from 0 to 1"),
    ({"piecewise": [[0, 0], [1, 0]]}, "at least 0, and not all 0"),
    ({"piecewise": [[0, -1], [1, 1]]}, "at least 0, and not all 0"),
    ({"piecewise": [[0, 1]]}, "a list of two or more points [share of training, value]"),
    ({"piecewise": {"0": 1}}, "a list of two or more points [share of training, value]"),
    ({"piecewise": [0, 1]}, "a list of two or more points [share of training, value]"),
    ({"piecewise": [["a", 1], [1, 0]]}, "a list of two or more points [share of training, value]"),
    ({"piecewise": [[0, math.inf], [1, 0]]}, "a list of two or more points [share of training, value]"),
    ({"start": math.nan, "end": 0}, "must be a number"),
]


@pytest.mark.parametrize(("said", "message"), REFUSED)
def test_what_is_no_schedule_is_refused_with_what_is_wanted(said: Any, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        read(said)
    assert message in str(refused.value)


def composed(root: Path, base: str, own: str) -> Any:
    (root / "configs" / "algo").mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(
        f"study: {{runs: [a]}}\nenv: {{id: CartPole-v1}}\nalgo: {{learning_rate: {base}}}\n"
    )
    (root / "configs" / "a.yaml").write_text(f"algo: {{learning_rate: {own}}}\n")
    return compose_run(root, "a")


FORMS = [
    "0.1",
    "lin_0.2",
    "{start: 0.3, end: 0.0}",
    "{start: 0.4, end: 0.1, shape: cosine, warmup: 0.1}",
    "{piecewise: [[0, 0.5], [1, 0]], shape: step}",
]


@pytest.mark.parametrize("own", FORMS)
@pytest.mark.parametrize("base", FORMS)
def test_a_configs_schedule_replaces_the_bases_as_a_whole(tmp_path: Path, base: str, own: str) -> None:
    found = composed(tmp_path, base, own)
    assert found.config.algo.learning_rate == read(yaml.safe_load(own))
    assert found.sources()["algo.learning_rate"] == "configs/a.yaml"


def test_it_replaces_that_of_a_group_too(tmp_path: Path) -> None:
    composed(tmp_path, "0.1", "0.1")
    (tmp_path / "configs" / "algo" / "x.yaml").write_text("learning_rate: {start: 1.0, end: 0.1, shape: exponential}\n")
    (tmp_path / "configs" / "a.yaml").write_text(
        "defaults: [{algo: x}]\nalgo: {learning_rate: {start: 0.2, end: 0.0}}\n"
    )
    assert compose_run(tmp_path, "a").config.algo.learning_rate == Schedule(start=0.2, end=0.0)  # type: ignore[attr-defined]
    (tmp_path / "configs" / "a.yaml").write_text("defaults: [{algo: x}]\n")
    found = compose_run(tmp_path, "a").config.algo
    assert found.learning_rate == Schedule(start=1.0, end=0.1, shape="exponential")  # type: ignore[attr-defined]


def test_a_wrong_one_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        composed(tmp_path, "0.1", "{start: 1, end: 0, shape: exponential}")
    assert str(refused.value).startswith(
        "configs/a.yaml:1:23: algo.learning_rate: an exponential schedule never reaches 0"
    )


def test_the_diagnosis_holds_its_size_against_usual_values() -> None:
    sizes = [start_of(read(yaml.safe_load(form))) for form in FORMS]
    assert sizes == [0.1, 0.2, 0.3, 0.4, 0.5]
    warmed = {"piecewise": [[0.0, 0.0], [0.1, 0.3], [1.0, 0.1]]}
    assert start_of(read(warmed)) == start_of(warmed) == 0.3
    for form in FORMS:
        config = RunConfig.model_validate({"algo": {"learning_rate": yaml.safe_load(form)}})
        offered = settle_down(Signals(RunRecord("a", config, "resolved", ())))
        assert {"algo.learning_rate": "lin_0.001"} in [dict(each.overrides) for each in offered]


RATE = "algo.learning_rate"
TO_COSINE, TO_POINTS = "={start:0.2,end:0.1,shape:cosine}", "={piecewise:[[0,0.5],[1,0]]}"
COSINE, POINTS = (
    Schedule(start=0.2, end=0.1, shape="cosine"),
    Schedule(start=0.5, end=0.0, piecewise=((0, 0.5), (1, 0))),
)


@pytest.mark.parametrize("file", ["params.yaml", "configs/a.yaml"])
@pytest.mark.parametrize("there", FORMS)
@pytest.mark.parametrize(
    ("setting", "expected"),
    [(TO_COSINE, COSINE), (TO_POINTS, POINTS), ("={start:0.2,end:0.0}", Schedule(start=0.2, end=0.0)), ("=0.5", 0.5)],
)
def test_a_setting_of_a_command_replaces_a_schedule_as_a_whole(
    tmp_path: Path, file: str, there: str, setting: str, expected: Any
) -> None:
    assert planned(tmp_path, file, there, f"{RATE}{setting}") == expected


def test_a_part_of_a_schedule_may_be_set_by_itself(tmp_path: Path) -> None:
    there = "{start: 0.2, end: 0.1}"
    assert planned(tmp_path, "configs/a.yaml", there, f"{RATE}.shape=cosine") == COSINE
    assert planned(tmp_path, "params.yaml", there, f"{RATE}.start=0.4") == Schedule(start=0.4, end=0.1)
    both = planned(tmp_path, "params.yaml", there, f"{RATE}.warmup=0.1", f"{RATE}.shape=exponential")
    assert both == Schedule(start=0.2, end=0.1, shape="exponential", warmup=0.1)


def planned(root: Path, file: str, there: str, *settings: str) -> Any:
    (root / "configs").mkdir(exist_ok=True)
    (root / "params.yaml").write_text("study: {runs: [a]}\nenv: {id: CartPole-v1}\n")
    (root / "configs" / "a.yaml").write_text("num_seeds: 5\n")
    with (root / file).open("a") as text:
        text.write(f"algo: {{learning_rate: {there}}}\n")
    model = planning._model(root, "a", ())[1]
    with planning._applied(root, [planning.addressed(root, "a", each, model) for each in settings]) as changed:
        return compose_run(root, "a", configs_from=changed).config.algo.learning_rate  # type: ignore[attr-defined]


@pytest.mark.parametrize("then", FORMS)
@pytest.mark.parametrize("now", FORMS)
def test_the_command_that_makes_a_run_again_says_its_schedule(tmp_path: Path, then: str, now: str) -> None:
    made, here = (
        flatten(Snapshot(RunConfig.model_validate({"env": {"id": "a"}, "algo": {"learning_rate": yaml.safe_load(form)}})).to_data(), keep=is_schedule)
        for form in (then, now)
    )  # fmt: skip
    differing = [as_setting(key, value) for key, value in made.items() if here.get(key) != value]
    assert len(differing) == (then != now)
    if differing:
        assert planned(tmp_path, "configs/a.yaml", now, *differing) == read(yaml.safe_load(then))
