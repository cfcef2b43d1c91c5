"""What a command tells the stages that work for it: one variable, one writer, one reader; nonsense counts as not told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from rlx.errors import ConfigError
from rlx.experiments import check_roster
from rlx.launch import VARIABLE, StageCall, current_call, main_root, signals, tell_on
from rlx.records import live_folder

TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1)
CALLS = st.builds(
    StageCall,
    project=st.none() | TEXT,
    run=st.none() | TEXT,
    live=st.none() | TEXT,
    starter=st.none() | st.tuples(st.integers(1, 2**31), st.floats(0, 2**40)),
    verbosity=st.sampled_from([None, "quiet", "verbose"]),
    output_is_data=st.booleans(),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(["project", "run", "live", "starter", "verbosity", "output_is_data", "format"])


@given(CALLS)
def test_what_is_told_arrives(call: StageCall) -> None:
    assert current_call(call.variables()) == call


@given(st.text() | JSON.map(json.dumps) | st.dictionaries(FIELDS, JSON).map(json.dumps))
def test_whatever_stands_in_the_variable_gives_a_sound_record(text: str) -> None:
    call = current_call({VARIABLE: text})
    assert current_call(call.variables()) == call
    assert all(isinstance(value, str | None) for value in (call.project, call.run, call.live))
    assert call.verbosity in (None, "quiet", "verbose")


def test_deep_nesting_counts_as_not_told() -> None:
    assert current_call({VARIABLE: "[" * 100_000}) == StageCall()


def test_a_field_that_is_damaged_takes_no_other_with_it() -> None:
    text = json.dumps({"project": "/p", "run": 3, "starter": [1, "then"], "newer": True})
    assert current_call({VARIABLE: text}) == StageCall(project="/p")


def test_its_readers_go_by_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(VARIABLE, "")
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    assert (main_root(tmp_path), live_folder()) == (tmp_path, None)
    with pytest.raises(ConfigError):
        check_roster(tmp_path, ["cartpole"])
    tell_on(project="/elsewhere", run="cartpole", live=str(tmp_path))
    tell_on(starter=(12, 3.5))
    check_roster(tmp_path, ["cartpole"])
    assert (main_root(tmp_path), live_folder()) == (Path("/elsewhere"), tmp_path)
    assert (12, 3.5) in signals.starters()
