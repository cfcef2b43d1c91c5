"""``outcome.json`` of a seed: what is written is read back, and what is damaged is told."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from rlx.errors import DataDamaged, UsageError
from rlx.studies import (
    ForeignEpisode,
    ForeignFailure,
    ForeignOutcome,
    is_reproducible,
    outcome_differences,
    read_outcome,
)
from rlx.studies.adapters.outcome import write_outcome

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
EPISODES = st.builds(
    ForeignEpisode,
    episode=st.integers(0, 99),
    reset_seed=st.integers(0, 2**62),
    score=NUMBERS,
    length=st.integers(1, 10**6),
    success=st.none() | st.booleans(),
    cut=st.booleans(),
    parts=st.dictionaries(st.sampled_from(["reward/a", "info/b"]), NUMBERS),
)
COMMON = {
    "seed": st.integers(0, 2**31),
    "steps": st.none() | st.integers(0, 10**12),
    "train_seconds": st.floats(0, 1e6),
    "checkpoint": st.none() | st.just("0" * 64),
}
OUTCOMES = (
    st.builds(ForeignOutcome, episodes=st.lists(EPISODES, min_size=1, max_size=3).map(tuple), **COMMON)
    | st.builds(ForeignOutcome, aggregate=st.dictionaries(st.just("return"), NUMBERS, min_size=1), **COMMON)
    | st.builds(ForeignOutcome, failure=st.just(ForeignFailure("lied", "it did not", "steps")), **COMMON)
)


@given(OUTCOMES)
def test_what_is_written_is_read_back(outcome: ForeignOutcome) -> None:
    with tempfile.TemporaryDirectory() as place:
        write_outcome(Path(place), outcome)
        assert read_outcome(Path(place)) == outcome


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"episodes": []},
        {"failure": {"kind": "bored", "message": "", "what": ""}},
        {"episodes": [{"episode": 0}]},
        {"other": 1},
        {"episodes": None},
    ],
)
def test_what_is_damaged_is_told(tmp_path: Path, change: dict[str, object]) -> None:
    write_outcome(tmp_path, ForeignOutcome(1, (ForeignEpisode(0, 5, 1.0, 10),)))
    path = tmp_path / "outcome.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataDamaged, match="delete it to train again"):
        read_outcome(tmp_path)


def test_what_two_smokes_differ_in_is_named() -> None:
    first = ForeignOutcome(1, (ForeignEpisode(0, 5, 1.0, 10),), steps=10, checkpoint="a", train_seconds=1.0)
    same = ForeignOutcome(1, (ForeignEpisode(0, 5, 1.0, 10),), steps=10, checkpoint="a", train_seconds=2.0)
    other = ForeignOutcome(1, (ForeignEpisode(0, 5, 1.0000000001, 10),), steps=10, checkpoint="b")
    failed = ForeignOutcome(1, failure=ForeignFailure("exception", "x"))
    assert is_reproducible(first, same)
    assert outcome_differences(first, other) == ("episodes", "checkpoint")
    assert not is_reproducible(failed, failed)
    with pytest.raises(UsageError, match="of one seed"):
        is_reproducible(first, ForeignOutcome(2))
