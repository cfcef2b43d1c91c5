"""What an experiment was asked to be: it survives being kept, older ones still read, and a stranger's is checked."""

from __future__ import annotations

import json
import subprocess
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from rlx.errors import DataDamaged
from rlx.experiments import Record, kept_record, read_record
from rlx.experiments.record import TRAILER, from_message, write_record
from rlx.report.run_facts import RunFacts, SeedFacts, fact_lines

TEXT = st.text(st.characters(codec="utf-8"), min_size=1)
RECORDS = st.builds(
    Record,
    run=st.sampled_from(["cartpole", "a-b_2"]),
    settings=st.lists(TEXT.map(lambda text: f"algo.gamma={text}"), max_size=3).map(tuple),
    targets=st.lists(st.sampled_from(["eval@cartpole", "video@a"]), max_size=2).map(tuple),
    parent=st.none() | TEXT,
    study=st.none() | TEXT,
    candidate=st.none() | TEXT,
)


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@given(RECORDS)
def test_a_message_holds_all_of_a_record(record: Record) -> None:
    assert from_message(record.to_message("cartpole_001")) == record


@given(st.text() | TEXT.map(lambda text: TRAILER + text))
def test_a_message_of_anybody_is_read_safely(message: str) -> None:
    assert from_message(message) is None or TRAILER in message


def test_a_record_is_read_from_its_folder_and_from_the_commit_that_keeps_it(tmp_path: Path) -> None:
    record = Record("cartpole", ("algo.gamma=0.9",), ("eval@cartpole",), "cartpole_001", "better", "c003")
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", record.to_message("cartpole_002"))
    assert kept_record(tmp_path, git(tmp_path, "rev-parse", "HEAD")) == record
    git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", "dvc: commit experiment 1a2b")
    assert kept_record(tmp_path, git(tmp_path, "rev-parse", "HEAD")) is None
    assert kept_record(tmp_path, "0" * 40) is None


def test_older_records_read_and_foreign_ones_are_refused(tmp_path: Path) -> None:
    old = {"format": 1, "run": "cartpole", "settings": [], "targets": ["eval@cartpole"], "parent": None}
    (tmp_path / "experiment.json").write_text(json.dumps(old))
    assert read_record(tmp_path) == Record("cartpole", (), ("eval@cartpole",))
    for wrong in ({"study": 3}, {"run": "../x"}, {"targets": ["rm@x"]}, {"settings": ["/etc/x.yaml:a=1"]}):
        (tmp_path / "experiment.json").write_text(json.dumps(old | wrong))
        with pytest.raises(DataDamaged):
            read_record(tmp_path)
        assert from_message(f"kept\n\n{TRAILER}{json.dumps(old | wrong)}") is None


def test_where_an_experiment_comes_from_is_shown_where_it_is_known() -> None:
    seeds = SeedFacts(wanted=[1], finished=[1], failed={}, failures={})
    nothing = dict.fromkeys(field.name for field in fields(RunFacts))
    known = {
        "format": 1,
        "run": "c_002",
        "status": "finished",
        "environment": "X-v0",
        "algorithm": "ppo",
        "folder": "c_002",
    }
    facts = RunFacts(**{**nothing, **known, "artifacts": [], "seeds": seeds, "continues": "c_001"})
    assert not {"parent", "study", "candidate"} & set(dict(fact_lines(replace(facts, parent="c_001"))))
    told = dict(fact_lines(replace(facts, study="better", candidate="c003", parent="c")))
    assert (told["parent"], told["study"], told["candidate"]) == ("c", "better", "c003")
