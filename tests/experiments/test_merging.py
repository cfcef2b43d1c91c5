"""Texts that two people change: one value edited where the rest stays, the roster by union, the lock by stage."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from rlx.config.editing import with_list, with_value
from rlx.errors import ConfigError
from rlx.experiments.merging import Sides, merge_locks, union, way_of
from rlx.records import read_lock
from tests.conftest import REPOSITORY

PARAMS = (REPOSITORY / "params.yaml").read_text()
RUNS = ("study", "runs")
FEW = settings(max_examples=15, deadline=None)  # each reads a long text several times
NAMES = st.lists(st.from_regex(r"[A-Za-z][A-Za-z0-9_\-]{0,12}", fullmatch=True), min_size=1, max_size=8, unique=True)


def merged(name: str, base: str | None, ours: str, theirs: str) -> tuple[str, tuple[str, ...]]:
    way = way_of(name)
    assert way
    done = way(Sides(None if base is None else base.encode(), ours.encode(), theirs.encode()))
    return done.content.decode(), done.conflicts


def leaves(data: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    if isinstance(data, dict):
        return [each for key, value in data.items() for each in leaves(value, (*path, key))]
    return [(path, data)]


# --- one value of a text ----------------------------------------------------------------------------------------------


@FEW
@given(NAMES, NAMES)
def test_a_list_is_written_a_line_per_item_and_all_else_stays(first: list[str], second: list[str]) -> None:
    text = PARAMS
    for names in (first, second):
        text = with_list(text, RUNS, names, "params.yaml")
        data = yaml.safe_load(text)
        assert data["study"].pop("runs") == names
        rest = yaml.safe_load(PARAMS)
        rest["study"].pop("runs")
        assert data == rest
    kept = [line for line in PARAMS.splitlines() if "runs:" not in line or line.startswith("#")]
    assert [line for line in text.splitlines() if line in kept] == kept


def test_comments_in_a_list_go_with_their_items() -> None:
    text = (
        "study:\n  runs:  # all\n    # the old one\n    - a\n    - b  # good\n\n    # last\n    - on\n  baseline: a\n"
    )
    assert with_list(text, RUNS, ["b", "c", "a"], "x") == (
        "study:\n  runs:  # all\n    - b  # good\n    - c\n    # the old one\n    - a\n  baseline: a\n"
    )
    assert yaml.safe_load(with_list(text, RUNS, ["on", "1e3", "a: b"], "x"))["study"]["runs"][1:] == ["1e3", "a: b"]
    assert (
        with_list("study: {runs: [a], baseline: a}\n", RUNS, ["a", "b"], "x") == "study: {runs: [a, b], baseline: a}\n"
    )
    for wrong in ("study: {}\n", "study: {runs: a}\n", "study: [\n", "- a\n"):
        with pytest.raises(ConfigError):
            with_list(wrong, RUNS, ["a"], "x")


def test_a_value_is_set_and_all_else_stays() -> None:
    values = itertools.cycle([7, 1e-5, True, None, "it's: # odd", [1, 2], {"start": 0.1, "end": 0.0}])
    for path, value in zip([path for path, _ in leaves(yaml.safe_load(PARAMS))], values, strict=False):
        text = with_value(PARAMS, path, value, "params.yaml")
        changed = dict(leaves(yaml.safe_load(text)))
        wanted = {key: old for key, old in leaves(yaml.safe_load(PARAMS)) if key != path}
        wanted |= dict(leaves(value, path))
        assert changed == wanted
        before, after = PARAMS.splitlines(), text.splitlines()
        differing = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
        assert len(differing) <= 1
        assert all(old.partition("#")[2].strip() in new for old, new in differing)


@given(
    st.lists(st.from_regex(r"[a-z]{1,6}", fullmatch=True), min_size=1, max_size=3),
    st.integers() | st.text() | st.floats(-1e9, 1e9),
)
def test_a_setting_that_is_not_there_is_added(path: list[str], value: Any) -> None:
    for text in (
        "",
        "seed: 1\n",
        "algo:\n  gamma: 0.9\n\n# end\n",
        "algo: {gamma: 0.9}",
        "a: {}\nb:\n  c:\n    d: 1\n",
    ):
        try:
            done = with_value(text, path, value, "x")
        except ConfigError:
            continue  # something on the way is no mapping
        data = yaml.safe_load(done)
        for key in path:
            data = data[key]
        assert data == value
        assert all(line in done.splitlines() for line in text.splitlines() if line.startswith("#"))


# --- two people's files -----------------------------------------------------------------------------------------------


@given(NAMES, NAMES, NAMES)
def test_a_union_has_what_both_have_and_nothing_that_either_took_out(
    base: list[str], ours: list[str], theirs: list[str]
) -> None:
    found = union(base, ours, theirs)
    assert set(found) == (set(ours) | set(theirs)) - (set(base) - set(ours)) - (set(base) - set(theirs))
    assert [name for name in found if name in ours] == [name for name in ours if name in found]
    assert len(found) == len(set(found))


@FEW
@given(NAMES, NAMES)
def test_rosters_of_two_branches_merge(ours: list[str], theirs: list[str]) -> None:
    both = ["cartpole", "cartpole_epochs"]
    mine, other = (with_list(PARAMS, RUNS, list(dict.fromkeys([*both, *names])), "x") for names in (ours, theirs))
    mine = with_value(mine, ("algo", "gamma"), 0.5, "x")
    other = with_value(other, ("num_seeds",), 3, "x")
    text, conflicts = merged("params.yaml", PARAMS, mine, other)
    assert not conflicts
    data = yaml.safe_load(text)
    assert data["study"]["runs"] == list(dict.fromkeys([*both, *ours, *theirs]))
    assert (data["algo"]["gamma"], data["num_seeds"]) == (0.5, 3)
    assert text.count("#") == PARAMS.count("#")


def test_a_setting_that_both_changed_is_left_to_people() -> None:
    one, two = (with_value(PARAMS, ("algo", "gamma"), gamma, "x") for gamma in (0.5, 0.6))
    text, conflicts = merged("params.yaml", PARAMS, one, two)
    assert conflicts == ("params.yaml",)
    assert "<<<<<<<" in text
    assert "gamma: 0.5" in text
    assert "gamma: 0.6" in text


LOCK = """schema: '2.0'
stages:
  train@a:
    cmd: python -m stages.train a
    deps:
    - path: runs/a/config_snapshot.yaml
      hash: md5
      md5: {a}
    outs:
    - path: runs/a/metadata.json
      hash: md5
      md5: {out}
  compare:
    cmd: python -m stages.compare
"""


def lock(a: str = "1", out: str = "2", more: str = "") -> str:
    return LOCK.format(a=a * 32, out=out * 32) + more


def stage(run: str) -> str:
    return f"  train@{run}:\n    cmd: python -m stages.train {run}\n    outs: []\n"


def test_locks_merge_by_stage() -> None:
    text, conflicts = merged("dvc.lock", lock(), lock(more=stage("b")), lock(more=stage("c")))
    assert (text, conflicts) == (lock(more=stage("b") + stage("c")), ())
    text, conflicts = merged("dvc.lock", lock(), lock(a="3", out="4"), lock(more=stage("c")))
    assert (text, conflicts) == (lock(a="3", out="4", more=stage("c")), ())
    text, conflicts = merged("dvc.lock", lock(more=stage("b")), lock(), lock(more=stage("b")))
    assert (text, conflicts) == (lock(), ())
    text, conflicts = merged("dvc.lock", lock(), lock(a="3"), lock(a="4"))
    assert (text, conflicts) == (lock(a="3"), ("a",))
    _, conflicts = merged("dvc.lock", lock(), lock(out="5"), lock(out="6"))  # the same, trained twice
    assert conflicts == ()
    ours, theirs = (lock().replace("stages.compare", f"stages.compare {side}") for side in "ab")
    text, conflicts = merged("dvc.lock", lock(), ours, theirs)
    assert conflicts == ()
    assert text == ours  # its runs are others now, so it runs again
    assert yaml.safe_load(text)["schema"] == "2.0"


@given(*[st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["1", "2"]), max_size=6)] * 3)
def test_a_merged_lock_has_each_stage_as_one_side_has_it(
    base: dict[str, str], ours: dict[str, str], theirs: dict[str, str]
) -> None:
    def text(content: dict[str, str]) -> str:
        return "schema: '2.0'\nstages:\n" + "".join(
            f"  train@{run}:\n    cmd: '{cmd}'\n" for run, cmd in content.items()
        )

    sides = [read_lock(text(content)) for content in (base, ours, theirs)]
    found, conflicts = merge_locks(*sides)
    swapped, _ = merge_locks(sides[0], sides[2], sides[1])
    assert set(found.stages) == set(swapped.stages)
    for run in "abcdef":
        before, mine, other = (content.get(run) for content in (base, ours, theirs))
        section = found.stages.get(f"train@{run}")
        assert section in {sides[1].stages.get(f"train@{run}"), sides[2].stages.get(f"train@{run}")}
        if before in (mine, other) and mine != other:
            assert section == sides[2 if before == mine else 1].stages.get(f"train@{run}")
        assert (run in conflicts) <= (mine != other)
    assert read_lock(found.text()) == found


def test_what_is_no_lock_is_refused_in_words() -> None:
    for text in ("no lock", "stages: []\n", "schema: 1\nstages:\n  just words\n"):
        with pytest.raises(ConfigError, match=r"dvc\.lock"):
            read_lock(text)
