"""A file of a run that cannot be read is said by whoever looks, never taken for one that is not there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_mistakes import typed
from tests.conftest import Project

Said = tuple[int, str]
IN_LS = ("config_snapshot.yaml", "metadata.json", "eval/summary.json")
FACTS = (*IN_LS, "task.json", "judging.yaml", "analysis.json")
TABLES = ("metrics.jsonl", "eval/episodes.csv", "plots/learning_curve.csv")
KINDS: dict[str, Callable[[Path, bytes], Any]] = {
    "folder": lambda path, _: path.mkdir(),
    "pipe": lambda path, _: os.mkfifo(path),
    "empty": lambda path, _: path.touch(),
    "half": lambda path, whole: path.write_bytes(whole[: len(whole) // 2]),
    "nonsense": lambda path, _: path.write_bytes(b"\xff\xfe\x00"),
}


@pytest.fixture(scope="module")
def copied(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("damaged") / "study"
    shutil.copytree(finished.root, root, symlinks=True)
    (root / "runs" / "cartpole.yaml").write_text('{"tags": ["paper"], "notes": ["that is the one"]}')
    return Project(root)


@pytest.fixture
def say(copied: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[[str], Said]:
    """Call the command line in this process; returns the exit status and all that it said, in one line."""
    monkeypatch.chdir(copied.root)
    monkeypatch.setattr("rlx.report.doctor.examination.INSTALLATION", {})

    def call(words: str) -> Said:
        capfd.readouterr()
        status = typed(words.split(), monkeypatch)
        said = "".join(capfd.readouterr())
        assert "Traceback" not in said
        assert "did not expect" not in said
        return status, " ".join(said.split())

    return call


@pytest.fixture
def spoilt(copied: Project) -> Any:
    """Put something else in the place of a file of `cartpole` until the test ends."""
    kept: dict[Path, bytes] = {}

    def spoil(name: str, put: Callable[[Path, bytes], Any]) -> None:
        path = copied.root / "runs" / "cartpole" / name
        whole = kept.setdefault(path, path.read_bytes())
        path.unlink()
        put(path, whole)

    yield spoil
    for path, whole in kept.items():
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        path.write_bytes(whole)


@pytest.mark.parametrize("kind", ["folder", "pipe", "half"])
@pytest.mark.parametrize("name", FACTS)
def test_facts_that_cannot_be_read_are_said(
    name: str, kind: str, say: Callable[[str], Said], spoilt: Callable[..., None]
) -> None:
    spoilt(name, KINDS[kind])
    status, said = say("info cartpole")
    assert status == 4
    assert name in said
    assert ("Delete it" if kind == "pipe" else "`rlx checkout cartpole`") in said
    status, said = say("ls")
    assert status == 0
    assert ("unreadable" in said) == (name in IN_LS)
    status, said = say("doctor")
    assert status == 1
    assert Path(name).name in said


@pytest.mark.parametrize("name", TABLES)
def test_tables_that_cannot_be_read_are_said(
    name: str, say: Callable[[str], Said], spoilt: Callable[..., None]
) -> None:
    for put in KINDS.values():
        spoilt(name, put)
        status, said = say("doctor")
        assert status == 1
        assert name in said
        path = Path.cwd() / "runs" / "cartpole" / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        path.touch()


def test_scores_without_metadata_are_no_finished_run(say: Callable[[str], Said], spoilt: Callable[..., None]) -> None:
    spoilt("metadata.json", lambda path, _: None)
    for words, status in (("info cartpole", 4), ("ls", 0), ("doctor", 1)):
        code, said = say(words)
        assert code == status
        assert "metadata.json: is not there, and the run is evaluated; `dvc checkout --force" in said


@pytest.mark.parametrize(
    ("name", "edit", "command"),
    [
        ("metadata.json", lambda data: data.update(format=2), "info cartpole"),
        ("metadata.json", lambda data: data.update(status="weird"), "info cartpole"),
        ("metadata.json", lambda data: data["seeds"].pop(), "info cartpole"),
        ("metadata.json", lambda data: data["cost"].update(environment_steps="x"), "summarize cartpole"),
        ("metadata.json", lambda data: data["seeds"][0].update(failure={"kind": 1}), "diagnose cartpole"),
        ("metadata.json", lambda data: data["git"].update(dirty={"a": 1}), "report cartpole -o page.html"),
        ("metadata.json", lambda data: data.update(ended="0000-00-00"), "ls"),
        ("eval/summary.json", lambda data: data.update(format=2), "compare"),
        ("eval/summary.json", lambda data: data["checkpoints"]["latest"]["interval"].update(level="x"), "summarize cartpole"),
        ("eval/summary.json", lambda data: data["checkpoints"]["latest"].update(success={"successes": 9, "episodes": 4}), "analyze cartpole"),
        ("eval/summary.json", lambda data: data["checkpoints"]["latest"]["seeds"]["1"].update(policy_sha256=[1]), "compare"),
        ("task.json", lambda data: data.update(seeded="perhaps"), "compare"),
        ("task.json", lambda data: data.update(observation_space="x"), "diagnose cartpole"),
        ("task.json", lambda data: data.update(random_return=[1]), "analyze cartpole"),
        ("analysis.json", lambda data: data.update(findings=[{}]), "summarize cartpole"),
    ],
)  # fmt: skip
def test_values_of_another_kind_are_said(
    copied: Project,
    name: str,
    edit: Callable[[Any], Any],
    command: str,
    say: Callable[[str], Said],
    spoilt: Callable[..., None],
) -> None:
    def edited(path: Path, whole: bytes) -> None:
        data = json.loads(whole)
        edit(data)
        path.write_text(json.dumps(data))

    spoilt(name, edited)
    status, said = say(command)
    assert status == (0 if command.startswith(("ls", "report")) else 4)
    (copied.root / "page.html").unlink(missing_ok=True)
    if not command.startswith("report"):
        assert Path(name).name in said
    assert say("doctor")[0] == 1


@pytest.mark.parametrize(
    "old_new",
    [("latest,", "later,"), ("\n1,", "\n77,"), ("\n1,latest,0,", "\n1,latest,-1,")],
    ids=["another checkpoint", "another seed", "a number below zero"],
)
def test_episodes_that_are_not_those_of_the_scores_are_said(
    old_new: tuple[str, str], say: Callable[[str], Said], spoilt: Callable[..., None]
) -> None:
    spoilt("eval/episodes.csv", lambda path, whole: path.write_text(whole.decode().replace(*old_new)))
    for command in ("compare --metric length", "diagnose cartpole"):
        status, said = say(command)
        assert status == 4
        assert "episodes.csv" in said


@pytest.mark.parametrize(
    ("name", "command", "status"),
    [
        ("metrics.jsonl", "plot cartpole -o x.png", 4),
        ("metrics.jsonl", "plot cartpole --csv", 4),
        ("checkpoints/seed_1/latest.zip", "video cartpole:latest -o x.gif", 4),
        ("checkpoints/seed_1/latest.zip", "eval cartpole:latest#1 --episodes 1", 4),
        ("../cartpole.yaml", "tag cartpole x", 4),
        ("../cartpole.yaml", "note cartpole x", 4),
        ("../cartpole.yaml", "summarize cartpole", 4),
        ("../../params.yaml", "report -o page.html", 3),
        ("../../params.yaml", "summarize", 3),
        ("../../dvc.lock", "checkout cartpole", 4),
    ],
)
@pytest.mark.parametrize("kind", ["folder", "pipe", "half"])
def test_commands_that_draw_film_label_and_sum_up_say_what_is_damaged(
    copied: Project,
    name: str,
    command: str,
    status: int,
    kind: str,
    say: Callable[[str], Said],
    spoilt: Callable[..., None],
) -> None:
    spoilt(name, KINDS[kind])
    code, said = say(command)
    assert code == status, said
    assert Path(name).name in said
    assert not [*copied.root.glob("x.*"), *copied.root.glob("page.html")]
