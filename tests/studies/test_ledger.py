"""The ledger: append-only, chained, anchored; whatever is done to it is found."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from rlx.errors import DataRefused
from rlx.studies import LedgerBroken, Refused, Study, find_study
from rlx.studies.ledger.ledger import Ledger, notes_folder, read_chain
from rlx.studies.ledger.line import canonical, hash_of_line, parse
from tests.studies.simulated import begun, run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Study:
    study, trainer = begun(tmp_path_factory.mktemp("study"))
    run(study, trainer)
    return study


def test_every_line_follows_the_one_before(finished: Study) -> None:
    chain = read_chain(finished.ledger.path)
    assert chain.problem is None
    assert [line.seq for line in chain.lines] == list(range(len(chain.lines)))
    assert chain.lines[0].prev == "sha256:" + "0" * 64
    for line in chain.lines:
        assert hash_of_line(json.loads(line.to_text())) == line.hash


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_a_changed_character_is_found(finished: Study, tmp_path: Path, data: st.DataObject) -> None:
    text = finished.ledger.path.read_text()
    place = data.draw(st.integers(0, len(text) - 2))
    other = data.draw(st.sampled_from('0123456789abcdef{}",: \n'))
    if text[place] == other:
        return
    path = tmp_path / "ledger.jsonl"
    path.write_text(text[:place] + other + text[place + 1 :])
    assert read_chain(path).problem is not None


@pytest.mark.parametrize("change", ["deleted", "moved", "repeated", "inserted"])
def test_lines_that_come_and_go_are_found(finished: Study, tmp_path: Path, change: str) -> None:
    lines = finished.ledger.path.read_text().splitlines()
    changed = {
        "deleted": [*lines[:5], *lines[6:]],
        "moved": [*lines[:5], lines[6], lines[5], *lines[7:]],
        "repeated": [*lines[:5], lines[4], *lines[5:]],
        "inserted": [*lines[:5], lines[5].replace('"seq":5', '"seq":99'), *lines[5:]],
    }[change]
    path = tmp_path / "ledger.jsonl"
    path.write_text("\n".join(changed) + "\n")
    problem = read_chain(path).problem
    assert problem is not None
    assert problem.startswith("ledger.jsonl:")


def rewritten(lines: list[str], change: dict[int, dict[str, object]]) -> str:
    """Return a ledger with the data of some lines changed, and every hash made anew."""
    found, prev = [], "sha256:" + "0" * 64
    for text in lines:
        content = json.loads(text)
        content["data"] = {**content["data"], **change.get(content["seq"], {})}
        content["prev"] = prev
        content["hash"] = prev = hash_of_line(content)
        found.append(canonical(content))
    return "\n".join(found) + "\n"


def test_a_ledger_that_was_rewritten_as_a_whole_is_not_the_one_that_git_knows(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    run(study, trainer)
    lines = study.ledger.path.read_text().splitlines()
    study.ledger.path.write_text(rewritten(lines, {0: {"seen": ["nothing"]}}))
    assert read_chain(study.ledger.path).problem is None
    with pytest.raises(LedgerBroken, match="does not follow"):
        run(Study(study.root, study.folder), trainer)
    (notes_folder(tmp_path) / "toy" / "better.json").unlink()
    with pytest.raises(LedgerBroken, match="refs/rlx/studies/toy/better"):
        run(Study(study.root, study.folder), trainer)


def test_an_earlier_ledger_is_refused(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    run(study, trainer)
    lines = study.ledger.path.read_text().splitlines(keepends=True)
    study.ledger.path.write_text("".join(lines[:-3]))
    with pytest.raises(LedgerBroken, match="last seen on this machine"):
        run(Study(study.root, study.folder), trainer)


def test_a_torn_last_line_is_moved_aside(tmp_path: Path) -> None:
    study, _ = begun(tmp_path)
    with study.ledger.path.open("ab") as file:
        file.write(b'{"actor":{"agent":nul')
    again = Study(study.root, study.folder)
    with again.locked():
        assert [line.event for line in again.ledger.lines] == ["created", "approved"]
    assert (study.folder / "ledger.jsonl.torn").read_bytes() == b'{"actor":{"agent":nul'
    assert read_chain(study.ledger.path).torn == b""


def test_each_append_is_committed_beside_branch_and_index(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    run(study, trainer)

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    log = git("log", "--format=%b", "refs/rlx/studies/toy/better").split()
    assert log[0] == study.ledger.head
    assert len(log) == len(study.ledger.lines)
    assert git("show", "refs/rlx/studies/toy/better:studies/toy/better/ledger.jsonl") == study.ledger.path.read_text()
    assert git("status", "--porcelain") == "?? .dvc/\n?? studies/\n"
    assert subprocess.run(["git", "rev-parse", "--verify", "-q", "HEAD"], cwd=tmp_path, check=False).returncode != 0


def test_a_second_writer_fails(tmp_path: Path) -> None:
    """One that did not take the lock: another worktree, or a program of its own."""
    study, _ = begun(tmp_path)
    one, other = (Ledger(study.root, study.folder).open() for _ in range(2))
    one.append("closed", {"reason": "one"}, "sha256:" + "0" * 64, "person")
    with pytest.raises(Refused, match="was changed by somebody else"):
        other.append("closed", {"reason": "other"}, "sha256:" + "0" * 64, "person")


def test_a_line_is_written_in_one_way_only() -> None:
    content = {
        "seq": 0,
        "time": "t",
        "actor": {"kind": "loop", "user": "u", "host": "h", "agent": None},
        "contract": "c",
    }
    content |= {"event": "closed", "data": {"reason": "ü"}, "prev": "sha256:" + "0" * 64}
    content["hash"] = hash_of_line(content)
    assert parse(canonical(content)).data == {"reason": "ü"}
    for other in (json.dumps(content), canonical(content) + " ", canonical({**content, "more": 1})):
        with pytest.raises(ValueError, match=r".+"):
            parse(other)


def test_reading_needs_no_lock(tmp_path: Path) -> None:
    study, _ = begun(tmp_path)
    with study.locked():
        assert find_study(tmp_path, "better").state.contract == study.state.contract


def test_lines_that_nobody_wrote_here_are_refused_until_somebody_takes_them_over(tmp_path: Path) -> None:
    """A forged line at the end: its hash is right, and it follows."""
    study, trainer = begun(tmp_path)
    line = study.ledger.lines[-1].model_dump()
    forged = {**line, "seq": line["seq"] + 1, "prev": line["hash"], "event": "revoked", "data": {"items": []}}
    forged["hash"] = hash_of_line(forged)
    with study.ledger.path.open("a") as file:
        file.write(canonical(forged) + "\n")
    assert read_chain(study.ledger.path).problem is None
    with pytest.raises(LedgerBroken, match="its lines from 2 on were not written on this machine"):
        run(Study(study.root, study.folder), trainer)
    run(Study(study.root, study.folder), trainer, take_over=True)


def test_a_line_that_a_crash_has_cut_off_from_its_anchor_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlx.studies.ledger.anchor import Anchor

    study, trainer = begun(tmp_path)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Anchor, "move", crash)
    with study.locked(), pytest.raises(KeyboardInterrupt):
        study.append("claimed", {"host": "h", "pid": 1, "process": "x"})
    monkeypatch.undo()
    again = Study(study.root, study.folder)
    with again.locked(take_over=True):
        assert [each.event for each in again.ledger.lines] == ["created", "approved", "claimed"]
    run(again, trainer, take_over=True)


def test_texts_of_programs_break_no_line(tmp_path: Path) -> None:
    study, _ = begun(tmp_path)
    with study.locked():
        study.append("closed", {"reason": "a\u2028b\x85c\ud800d"})
    with Study(study.root, study.folder).locked() as again:
        assert again.state.closed == "a\u2028b\x85c?d"


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    study, _ = begun(tmp_path)
    elsewhere = tmp_path / "elsewhere.jsonl"
    study.ledger.path.rename(elsewhere)
    study.ledger.path.symlink_to(elsewhere)
    with pytest.raises(DataRefused, match="is a link"), Study(study.root, study.folder).locked():
        pass


def test_a_line_that_cannot_be_written_whole_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full in the middle of a line, while another start still runs: what follows stands behind a whole line."""
    study, trainer = begun(tmp_path, hardware={"device": "cpu", "jobs": 2})
    real, count = os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal count
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "ledger.jsonl":
            count += 1
            if count == 12:
                os.ftruncate(descriptor, os.fstat(descriptor).st_size - 40)
                raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refused, match="the disk is full"):
        run(study, trainer, jobs=2)
    monkeypatch.undo()
    assert read_chain(study.ledger.path).problem is None
    run(Study(study.root, study.folder), trainer, jobs=2)
    assert find_study(tmp_path, "better").state.incumbent != "baseline"


def test_a_ledger_that_is_replaced_while_a_loop_works_takes_no_more_lines(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    text = study.ledger.path.read_text()
    trainer.before = lambda _: study.ledger.path.write_text(text) and None
    with pytest.raises(LedgerBroken, match="was changed by somebody else"):
        run(study, trainer)
    assert study.ledger.path.read_text() == text
