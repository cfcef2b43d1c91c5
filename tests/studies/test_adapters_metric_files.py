"""What foreign programs write about themselves: each format read, and nothing read that should not be."""

from __future__ import annotations

import json
import math
import os
import struct
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from rlx.errors import DataDamaged, DataRefused, Missing, NonFiniteValue
from rlx.studies import Adapter, Written, found_files, read_learning, read_number, read_rows
from rlx.studies.adapters import printed_lines
from rlx.studies.adapters.adapter import Learning, StepsFile
from rlx.studies.adapters.wandb_files import read_run


@pytest.fixture
def written(tmp_path: Path) -> Written:
    (tmp_path / "out").mkdir()
    return Written(tmp_path / "out", tmp_path / "train.log")


def steps(**content: Any) -> StepsFile:
    return StepsFile.model_validate({"file": "{out}/x", "field": "steps", **content})


def number(written: Written, text: str, reduce: str = "last", **content: Any) -> float:
    (written.out / "x").write_text(text)
    source = steps(**content)
    return read_number(source, source.field, reduce, written)


def test_csv(written: Written) -> None:
    text = 'steps,note\n10,a\n20,"b,c"\n'
    assert number(written, text, format="csv") == 20
    assert number(written, text, "mean", format="csv") == 15
    assert read_rows(steps(format="csv"), written)[1] == {"steps": "20", "note": "b,c"}


def test_jsonl(written: Written) -> None:
    assert number(written, '{"steps": 3}\n\n{"steps": 4}\n', format="jsonl") == 4
    assert number(written, '{"a": {"steps": 3}}\n', format="jsonl", field="a.steps") == 3


@pytest.mark.parametrize(
    "text",
    ['[{"steps": 1}, {"steps": 5}]', '{"steps": [1, 5]}', '{"steps": 5, "other": "x"}', '{"steps": [1, 5], "o": "x"}'],
)
def test_json(written: Written, text: str) -> None:
    assert number(written, text, format="json") == 5


def test_wandb_summary_of_an_offline_run(written: Written) -> None:
    files = written.out / "wandb" / "offline-run-1" / "files"
    files.mkdir(parents=True)
    (files / "wandb-summary.json").write_text('{"_step": 9, "charts/episodic_return": 7.5}')
    (written.out / "wandb" / "latest-run").symlink_to("offline-run-1")
    source = {"format": "wandb", "file": "{out}/wandb/*/files/wandb-summary.json"}
    assert read_number(steps(**source), "charts/episodic_return", "last", written) == 7.5
    learning = Learning.model_validate({**source, "metrics": {"return": "charts/episodic_return"}})
    assert read_learning(learning, written) == {"return": [(9, 7.5)]}


def varint(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found, value = found + bytes([value & 0x7F | 0x80]), value >> 7
    return found + bytes([value])


def field(place: int, content: bytes | int) -> bytes:
    if isinstance(content, int):
        return varint(place << 3) + varint(content)
    return varint(place << 3 | 2) + varint(len(content)) + content


def record(kind: int, values: dict[str, Any], step: int | None = None) -> bytes:
    """Return a record of W&B: history (2) or summary (3)."""
    items = b"".join(
        field(1, field(1, key.encode()) + field(16, json.dumps(told).encode())) for key, told in values.items()
    )
    return field(1, 7) + field(kind, items + (b"" if step is None else field(2, field(1, step))))


def wandb_log(records: list[bytes]) -> bytes:
    """Return W&B's log of records: LevelDB's format, in pieces that fit into blocks of 32 KiB."""
    content = b":W&B\xe1\xbe\x00"
    for whole in records:
        rest, first = whole, True
        while first or rest:
            room = 32768 - len(content) % 32768
            if room < 7:
                content += b"\0" * room
                continue
            piece, rest = rest[: room - 7], rest[room - 7 :]
            kind = (1 if first else 4) if not rest else (2 if first else 3)
            content, first = content + struct.pack("<IHB", 0, len(piece), kind) + piece, False
    return content


def test_the_log_of_an_offline_run_of_wandb(written: Written) -> None:
    history = [record(2, {"return": float(step), "text": "x" * 9000}, step * 10) for step in range(30)]
    content = wandb_log([field(4, b"other"), *history, record(3, {"return": 29.0, "best": 7})])
    path = written.out / "wandb" / "offline-run-1" / "run-1.wandb"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    source = {"format": "wandb", "file": "{out}/wandb/*/run-*.wandb"}
    assert read_number(steps(**source), "return", "mean", written) == 14.5
    assert read_number(steps(**source), "_step", "last", written) == 290
    assert read_number(steps(**source), "best", "last", written) == 7
    learning = Learning.model_validate({**source, "metrics": {"return": "return"}})
    assert read_learning(learning, written)["return"] == [(step * 10, float(step)) for step in range(30)]
    path.write_bytes(content[: len(content) // 2])  # of a run that was killed
    assert read_number(steps(**source), "return", "last", written) in range(12, 16)


@given(st.binary(max_size=80))
def test_any_log_of_wandb_is_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "run.wandb")
        for tried in (b":W&B\xe1\xbe\x00" + content, wandb_log([content]), content):
            path.write_bytes(tried)
            with suppress(DataDamaged):
                assert isinstance(read_run(path, 2**20), list)


def test_tensorboard(written: Written) -> None:
    from tensorboardX import SummaryWriter

    for name, values in {"a": {10: 1.0, 20: 2.0}, "b/c": {20: 3.0, 30: 4.0}}.items():
        with SummaryWriter(str(written.out / name)) as writer:
            for step, value in values.items():
                writer.add_scalar("charts/return", value, step)
                writer.add_text("note", "words", step)
    source = {"format": "tensorboard", "file": "{out}/**/events*"}
    assert read_number(steps(**source), "charts/return", "last", written) == 4.0
    assert read_number(steps(**source), "charts/return", "mean", written) == pytest.approx(8 / 3)
    assert read_number(steps(**source), "step", "last", written) == 30
    learning = Learning.model_validate({**source, "metrics": {"return": "charts/return"}})
    assert read_learning(learning, written) == {"return": [(10, 1.0), (20, 3.0), (30, 4.0)]}
    with pytest.raises(DataDamaged, match=r"no scalar 'loss'; it has charts/return"):
        read_number(steps(**source), "loss", "last", written)


def test_scalars_of_tensorflow_are_tensors(written: Written) -> None:
    from rlx.records.event_messages import Event
    from rlx.records.event_writing import EventFile

    file = EventFile(written.out, 1.0)
    event = Event(wall_time=2.0, step=5)
    one, other = event.summary.value.add(tag="one"), event.summary.value.add(tag="other")
    one.tensor.dtype = 1
    one.tensor.float_val.append(2.5)
    other.tensor.dtype = 1
    other.tensor.tensor_content = b"\x00\x00\x60\x40"
    file.add(event)
    file.close()
    source = steps(format="tensorboard", file="{out}/events*")
    assert read_number(source, "one", "last", written) == 2.5
    assert read_number(source, "other", "last", written) == 3.5


def test_what_was_printed(written: Written) -> None:
    written.printed.write_text("start\nsteps: 5 of 10\nnoise \x00\xff\nsteps: 10 of 10\n")
    source = StepsFile.model_validate(
        {"format": "stdout", "pattern": r"steps: (?P<n>[0-9]+) of (?P<of>\d+)", "field": "n"}
    )
    assert read_rows(source, written) == [{"n": "5", "of": "10"}, {"n": "10", "of": "10"}]
    assert read_number(source, "n", "last", written) == 10


def test_a_pattern_that_would_take_for_ever_is_ended(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(printed_lines, "SEARCH_SECONDS", 0.5)
    written.printed.write_text("a" * 5000 + "\n")
    source = StepsFile.model_validate({"format": "stdout", "pattern": r"(?P<n>(a+)+)b", "field": "n"})
    with pytest.raises(DataRefused, match="repeats inside of repeats"):
        read_number(source, "n", "last", written)


def test_learning_curves_keep_what_is_not_finite(written: Written) -> None:
    (written.out / "x").write_text("t,r\n1,2.0\n2,nan\n3,\n")
    source = Learning.model_validate({"format": "csv", "file": "{out}/x", "step": "t", "metrics": {"return": "r"}})
    (first, second) = read_learning(source, written)["return"]
    assert first == (1, 2.0)
    assert second[0] == 2
    assert math.isnan(second[1])


@pytest.mark.parametrize(
    ("kind", "text", "error", "words"),
    [
        ("csv", "steps\nnan\n", NonFiniteValue, "is nan"),
        ("csv", "steps\n1e999\n", NonFiniteValue, "is inf"),
        ("jsonl", '{"steps": NaN}\n', NonFiniteValue, "is nan"),
        ("json", '{"steps": -Infinity}', NonFiniteValue, "is -inf"),
        ("csv", "steps\nmany\n", DataDamaged, "is not a number"),
        ("csv", "steps,b\n1\n", DataDamaged, "not as many columns"),
        ("csv", "other\n1\n", DataDamaged, "has no 'steps'; it has other"),
        ("csv", "steps\n", DataDamaged, "holds nothing"),
        ("csv", "", DataDamaged, "holds nothing"),
        ("csv", 'steps\n"' + "x" * 200_000 + '"\n', DataDamaged, "is not CSV"),
        ("jsonl", '{"steps": 1}\n{"steps"', DataDamaged, "x:2: is not JSON"),
        ("jsonl", "[1]\n", DataDamaged, "not a mapping"),
        ("jsonl", "[" * 100_000 + "\n", DataDamaged, "is not JSON"),
        ("jsonl", '{"steps": "' + "x" * 2**20 + '"}\n', DataDamaged, "longer than a row"),
        ("json", "3", DataDamaged, "neither a list nor a mapping"),
        ("json", '{"steps": {"a": 1}}', DataDamaged, "is not a number"),
    ],
)
def test_what_is_damaged_is_told(written: Written, kind: str, text: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words.replace("[", r"\[")):
        number(written, text, format=kind)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "x").write_bytes(content)
        for kind in ("csv", "jsonl", "json", "tensorboard", "wandb"):
            try:
                assert math.isfinite(read_number(steps(format=kind), "steps", "last", Written(folder, folder / "log")))
            except (DataDamaged, NonFiniteValue):
                pass


def test_only_files_below_out_are_read(written: Written, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("steps\n1\n")
    for link, target in {"x": "../secret.csv", "y": "/etc/hostname"}.items():
        (written.out / link).symlink_to(target)
        with pytest.raises(DataRefused, match="link out of its folder"):
            found_files("{out}/" + link, written.out)
    (written.out / "folder").symlink_to(tmp_path)
    with pytest.raises(DataRefused, match="link out of its folder"):
        found_files("{out}/folder/secret.csv", written.out)
    with pytest.raises(Missing):
        found_files("{out}/**/secret.csv", written.out)


def test_files_are_found_by_their_pattern(written: Written) -> None:
    for name in ("a/1.csv", "a/b/2.csv", "3.csv", "a/[x].csv", "a/.hidden.csv"):
        path = written.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("steps\n1\n")
    (written.out / "a" / "inside").symlink_to("b")

    def names(pattern: str) -> list[str]:
        return [str(path.relative_to(written.out)) for path in found_files("{out}/" + pattern, written.out)]

    assert names("*.csv") == ["3.csv"]
    assert names("**/[0-9].csv") == ["3.csv", "a/1.csv", "a/b/2.csv"]
    assert names("a/*/2.csv") == ["a/b/2.csv"]
    assert names("a/**") == ["a/.hidden.csv", "a/1.csv", "a/[x].csv", "a/b/2.csv"]
    with pytest.raises(DataDamaged, match="3 files"):
        read_rows(steps(format="csv", file="{out}/**/[0-9].csv"), written)


def test_what_is_no_file_or_too_large_is_not_opened(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(written.out / "x")
    with pytest.raises(DataDamaged, match="pipe"):
        read_rows(steps(format="csv"), written)
    (written.out / "x").unlink()
    with (written.out / "x").open("wb") as file:
        file.truncate(2**29)
    with pytest.raises(DataDamaged, match="at most"):
        read_rows(steps(format="csv"), written)


def test_formats_are_those_of_the_schema() -> None:
    schema = json.dumps(Adapter.model_json_schema())
    assert all(f'"{name}"' in schema for name in ("csv", "jsonl", "json", "tensorboard", "wandb", "stdout"))
