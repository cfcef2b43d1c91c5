"""Evidence as files: canonical bytes, hashes that name them, and what is no evidence."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from rlx.errors import ConfigError, DataDamaged, Missing
from rlx.studies import (
    ProbedParameter,
    ProbePoint,
    Review,
    canonical_json,
    parse_evidence,
    read_evidence,
    read_review,
    review_form,
    write_evidence,
)
from rlx.studies.evidence.documents import Answers, Bound, Curriculum, CurriculumCase, Probe, Rollback

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
floats = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.one_of(st.integers(-(2**53), 2**53), floats)
hashes = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
origins = {
    "run": texts,
    "snapshot": st.none() | texts,
    "seeds": st.lists(st.integers(0, 2**31), max_size=4).map(tuple),
    "policies": st.dictionaries(st.integers(0, 2**31), texts, max_size=3),
    "command": texts,
    "versions": st.dictionaries(texts, st.none() | texts, max_size=3),
}
reviews = st.builds(
    Review, **origins, reviewer=texts, answers=st.builds(Answers, **dict.fromkeys(Answers.model_fields, texts))
)
cases = st.builds(
    CurriculumCase, name=texts, kwargs=st.dictionaries(texts, numbers, max_size=3), success=st.floats(0, 1)
)
records = st.builds(
    Curriculum,
    **origins,
    probe=hashes,
    cases=st.lists(cases, min_size=1, max_size=3).map(tuple),
    bridge=st.lists(texts, min_size=2, max_size=3).map(tuple),
    diversity=st.dictionaries(texts, st.builds(Bound, low=numbers, high=numbers), max_size=2),
    task_hash=texts,
    rollback=st.builds(Rollback, metric=texts, below=floats, to=texts),
)
points = st.builds(
    ProbePoint,
    settings=st.dictionaries(texts, numbers, max_size=2),
    returns=st.dictionaries(st.integers(0, 99), floats, max_size=3),
    success=st.dictionaries(st.integers(0, 99), st.floats(0, 1), max_size=3),
    mean=st.none() | floats,
    lower=st.none() | floats,
    passes=st.none() | st.booleans(),
    failures=st.just(()),
)
probes = st.builds(
    Probe,
    **origins,
    environment=texts,
    keep=st.floats(0, 1),
    random_return=st.none() | floats,
    threshold=st.none() | floats,
    nominal=points,
    joint=st.lists(points, max_size=2).map(tuple),
    parameters=st.lists(
        st.builds(
            ProbedParameter,
            parameter=texts,
            nominal=numbers,
            points=st.lists(points, max_size=2).map(tuple),
            safe=st.none() | st.tuples(numbers, numbers),
            first_failing_below=st.none() | numbers,
            first_failing_above=st.none() | numbers,
            gaps=st.lists(numbers, max_size=2).map(tuple),
            errors=st.just(()),
        ),
        max_size=2,
    ).map(tuple),
)
EXAMPLE = Review(
    run="cartpole", seeds=(1,), policies={1: "ab"}, command="rlx", versions={"rlx": None}, reviewer="Ada",
    answers=Answers(**dict.fromkeys(Answers.model_fields, "It can not.")),
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.one_of(reviews, records, probes))
def test_a_document_is_read_as_it_was_written_and_has_one_form(document: Review | Curriculum | Probe) -> None:
    content = canonical_json(document)
    found = parse_evidence(content)
    assert found == document
    assert canonical_json(found) == content
    data = json.loads(content)
    assert content.decode() == json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def test_whole_numbers_stay_whole() -> None:
    point = ProbePoint(
        settings={"a": 2, "b": 2.0}, returns={1: 3}, success={}, mean=3.0, lower=None, passes=None, failures=()
    )
    found = ProbePoint.model_validate_json(point.model_dump_json())
    assert [type(value) for value in found.settings.values()] == [int, float]


def test_the_hash_names_the_file(tmp_path: Path) -> None:
    name, digest = write_evidence(tmp_path / "evidence", EXAMPLE)
    path = tmp_path / "evidence" / name
    assert name == f"{digest}.json"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    assert write_evidence(tmp_path / "evidence", EXAMPLE) == (name, digest)
    assert [each.name for each in path.parent.iterdir()] == [name]
    assert read_evidence(path.parent, digest) == read_evidence(path.parent, f"sha256:{digest}") == EXAMPLE


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    name, digest = write_evidence(tmp_path, EXAMPLE)
    path = tmp_path / name
    path.write_bytes(path.read_bytes().replace(b"can not", b"can now"))
    with pytest.raises(DataDamaged, match="was changed"):
        read_evidence(tmp_path, digest)
    path.unlink()
    with pytest.raises(Missing):
        read_evidence(tmp_path, digest)
    for wrong in ("", "../" + digest, digest.upper(), digest[:-1], f"{digest}\n", "sha256:" * 2 + digest):
        with pytest.raises(DataDamaged, match="no hash of evidence"):
            read_evidence(tmp_path, wrong)


def stored(folder: Path, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    (folder / f"{digest}.json").write_bytes(content)
    return digest


DATA = json.loads(canonical_json(EXAMPLE))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"{" * 200_000,
        b'{"a":' * 60 + b"1" + b"}" * 60,
        b'{"kind":"review","seeds":[NaN]}',
        json.dumps(DATA | {"format": 2}).encode(),
        json.dumps(DATA | {"kind": "verdict"}).encode(),
        json.dumps(DATA | {"more": 1}).encode(),
        json.dumps(DATA | {"seeds": [1.5]}).encode(),
        json.dumps(DATA | {"seeds": [10**30]}).encode(),
        json.dumps(DATA | {"reviewer": ""}).encode(),
        json.dumps({key: value for key, value in DATA.items() if key != "answers"}).encode(),
    ],
    ids=range(13),
)
def test_what_is_no_evidence_is_refused_in_words(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DataDamaged, match="is no evidence") as told:
        read_evidence(tmp_path, stored(tmp_path, content))
    assert len(str(told.value)) < 600


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"").hexdigest()
    os.mkfifo(tmp_path / f"{digest}.json")
    with pytest.raises(DataDamaged, match="pipe"):
        read_evidence(tmp_path, digest)
    (tmp_path / f"{digest}.json").unlink()
    (tmp_path / f"{digest}.json").mkdir()
    with pytest.raises(DataDamaged):
        read_evidence(tmp_path, digest)
    large = tmp_path / f"{'0' * 64}.json"
    with large.open("wb") as file:
        file.truncate(2**30)
    with pytest.raises(DataDamaged, match="at most"):
        read_evidence(tmp_path, "0" * 64)


REVIEW = """format: 1
reviewer: Ada
without_task: By standing still, each step pays 0.1.
scale: The goal pays 10, the cost of acting 0.01 a step.
signal: Early the distance, late the goal.
terminations: Falling ends it, and costs nothing.
guardrail: length would rise.
"""


def test_a_review_is_read_from_yaml_and_from_json(tmp_path: Path) -> None:
    path = tmp_path / "review.yaml"
    path.write_text(REVIEW)
    found = read_review(path, "cartpole", (1, 2), "hash")
    assert (found.reviewer, found.run, found.seeds) == ("Ada", "cartpole", (1, 2))
    assert found.answers.guardrail == "length would rise."
    data = {"format": 1, "reviewer": "Ada", **found.answers.model_dump()}
    path.write_text(json.dumps(data))
    assert read_review(path, "cartpole", (1, 2), "hash") == found


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("scale: The goal pays 10, the cost of acting 0.01 a step.", "scale:", r":4:\d+: scale: says nothing; .*how large"),
        ("signal: Early the distance, late the goal.", "signal: TODO", r":5:\d+: signal: says nothing"),
        ("guardrail: length would rise.", 'guardrail: "  "', r":7:\d+: guardrail: says nothing"),
        ("guardrail: length would rise.", "guardrail: 3", r":7:\d+: guardrail: must be a text"),
        ("guardrail: length would rise.\n", "", "guardrail: is missing; .*which guardrail"),
        ("guardrail:", "guardrial:", r":7:1: guardrial: is no part of a review; did you mean guardrail"),
        ("reviewer: Ada\n", "", "reviewer: is missing"),
        ("format: 1", "format: 2", r":1:\d+: format: .*format 1"),
        ("scale:", "signal:", "signal: is given twice"),
        ("format: 1\n", "- 1\n", "not valid YAML|must be a mapping"),
    ],
)  # fmt: skip
def test_a_review_without_an_answer_is_refused_at_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = tmp_path / "review.yaml"
    path.write_text(REVIEW.replace(old, new))
    with pytest.raises(ConfigError, match=told):
        read_review(path, "cartpole")


def test_the_form_asks_every_question_and_is_no_review_yet(tmp_path: Path) -> None:
    path = tmp_path / "review.yaml"
    path.write_text(review_form())
    with pytest.raises(ConfigError) as told:
        read_review(path, "cartpole")
    assert len(told.value.problems) == 6
