"""Settings told to foreign commands: whatever a value is, the command's own parser reads that value."""

from __future__ import annotations

import argparse
import ast
from typing import Any

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given, strategies as st

from rlx.config import parse_document
from rlx.errors import UsageError
from rlx.studies import arguments_for, file_for

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40) | st.text(
    "\\'\"${}[],=: \n", max_size=12
)
PLAIN = TEXT.filter(lambda text: "${" not in text)
NUMBERS = st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = PLAIN | NUMBERS | st.booleans() | st.none()
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=6,
)
PARSER = OverridesParser.create()


@given(VALUES)
@example("\\\n")
def test_hydra_reads_what_was_meant(value: Any) -> None:
    words = arguments_for("hydra", {"algo.value": value})
    assert len(words) == 1
    (override,) = PARSER.parse_overrides(words)
    assert override.key_or_group == "algo.value"
    found = override.value()
    assert found == value
    assert type(found) is type(value)


@given(TEXT, st.integers(), st.floats(allow_nan=False, allow_infinity=False))
def test_argparse_reads_what_was_meant(text: str, whole: int, number: float) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--text")
    parser.add_argument("--whole-number", type=int)
    parser.add_argument("--number", type=float)
    words = arguments_for("argparse", {"text": text, "whole-number": whole, "number": number})
    found = parser.parse_args(words)
    assert (found.text, found.whole_number, found.number) == (text, whole, number)


@given(st.lists(st.integers(0, 100) | st.sampled_from(["a b", "$(x)", ";"]), min_size=1, max_size=4))
def test_argparse_reads_lists(values: list[Any]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", nargs="+")
    assert parser.parse_args(arguments_for("argparse", {"sizes": values})).sizes == [str(value) for value in values]


@given(VALUES)
def test_gin_bindings_are_literals(value: Any) -> None:
    (word,) = arguments_for("gin", {"scope/train.rate": value})
    start, _, literal = word.partition("scope/train.rate=")
    assert start == "--gin_bindings="
    assert ast.literal_eval(literal) == value
    assert file_for("gin", {"train.rate": value}) == f"train.rate = {literal}\n"


WORDS = st.sampled_from(
    ["on", "yes", "1e5", "1:30", "0o7", "~", "null", "1_000", ".inf", "2020-01-01", "=", "<<", "1.0e-5"]
)


@given(st.dictionaries(st.sampled_from(["algo.rate", "algo.net.size", "name", "env.id"]), VALUES | WORDS))
def test_a_file_holds_what_was_meant_for_readers_of_either_version(settings: dict[str, Any]) -> None:
    text = file_for("file", settings)
    ours = parse_document(text, "config.yaml")
    for content in (yaml.safe_load(text), *([] if ours.problems else [ours.data])):
        for name, value in settings.items():
            place = content
            for part in name.split("."):
                place = place[part]
            assert place == value
            assert type(place) is type(value)


def test_tyro_has_flags_for_what_is_true_or_false() -> None:
    assert arguments_for("tyro", {"env.video": True, "wandb": False, "rate": 1e-5, "agent.cap": False, "x": None}) == [
        "--env.video",
        "--no-wandb",
        "--rate=1e-05",
        "--agent.no-cap",
        "--x=None",
    ]


@pytest.mark.parametrize(
    ("style", "settings", "words"),
    [
        ("hydra", {"a": "${oc.env:HOME}"}, "would replace"),
        ("hydra", {"~a": 1}, "can be called"),
        ("hydra", {"a=1,b": 1}, "can be called"),
        ("hydra", {"hydra.run.dir\n": 1}, "can be called"),
        ("hydra", {"a": {"b c": 1}}, "not a key"),
        ("argparse", {"-x": 1}, "can be called"),
        ("argparse", {"a": None}, "no word for nothing"),
        ("argparse", {"a": ["--other"]}, "taken for an option"),
        ("argparse", {"a": {"b": 1}}, "name its parts"),
        ("argparse", {"a": "x\0y"}, "zero byte"),
        ("argparse", {"a": "\ud800"}, "half a character"),
        ("argparse", {"a": float("nan")}, "finite"),
        ("argparse", {"a": object()}, "plain value"),
        ("gin", {"a.b = 1\nimport os #": 1}, "can be called"),
        ("file", {"a": 1, "a.b": 2}, "set as a whole"),
        ("file", {"a.b": 2, "a": 1}, "parts of it"),
    ],
)
def test_what_cannot_be_said_is_refused(style: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        (file_for if style == "file" else arguments_for)(style, settings)
