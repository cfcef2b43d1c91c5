"""What commands print and write: text from files steers no terminal, and only rlx's own files are replaced."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.test_mistakes import typed
from tests.conftest import Project

HOSTILE = "a\x1b]8;;http://x\x07\x9b31m\r\u202eb\u200b\x7f|<script>alert(1)</script>\n= 1"
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u200b]")


@dataclass
class Said:
    """What a command said."""

    returncode: int
    stdout: bytes
    stderr: bytes


@pytest.fixture
def out(
    study: Project, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., Said]:
    """Call the command line in this process: starting Python hundreds of times costs minutes."""
    monkeypatch.chdir(study.root)

    def call(*arguments: str) -> Said:
        capfdbinary.readouterr()
        try:
            code = typed(list(arguments), monkeypatch)
        except Exception:  # noqa: BLE001 — what a person would see of it
            traceback.print_exc()
            code = 1
        return Said(code, *capfdbinary.readouterr())

    return call


def started(project: Project, command: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of shell in a process of its own, where the surroundings matter."""
    return subprocess.run(
        command, shell=True, cwd=project.root, capture_output=True, env={**os.environ, **variables}, check=False
    )


def spoil(project: Project) -> None:
    """Put hostile text wherever a colleague's commit could."""
    metadata = project.root / "runs" / "cartpole" / "metadata.json"
    content = json.loads(metadata.read_text())
    content |= {"environment": HOSTILE, "algorithm": HOSTILE, "versions": {"rlx": HOSTILE}}
    content["engine"] = {"name": HOSTILE, "reason": HOSTILE}
    content["git"] = {"commit": "\x1b[2J" * 3, "dirty": [HOSTILE]}
    metadata.write_text(json.dumps(content))
    labels = {"tags": ["=cmd()", "\x1b[31mred[/red]"], "note": "-2+3\x1b[A\nerror: fake"}
    project.write("runs/cartpole.yaml", json.dumps(labels))


def test_text_from_files_steers_no_terminal_in_any_form(study: Project, out: Callable[..., Said]) -> None:
    """Every command is tried, in every form of output."""
    spoil(study)
    project_words = ["ls", "ls --md", "ls --csv", "ls --json", "info cartpole", "info cartpole --json", "note cartpole",
                     "summarize cartpole", "report -o page.html", "compare --md", "info a\x1b[31mb", "diagnose cartpole",
                     "analyze cartpole", "suggest cartpole --json", "explain-metrics cartpole", "plot cartpole -o x.svg",
                     "plot cartpole --csv", "tag cartpole \x1b[31mb", "tag cartpole b", "promote a\x1b[31mb",
                     "checkout a\x1b[31mb", "video a\x1b[31mb", "eval a\x1b[31mb", "rm a\x1b[31mb", "resume a\x1b[31mb",
                     "sweep a\x1b[31mb", "train a\x1b[31mb", "doctor", "\x1b[31mls"]  # fmt: skip
    for words in project_words:
        done = out(*words.split(" "))
        text = (done.stdout + done.stderr).decode()
        assert not STEERING.search(text), (words, text)
        assert "Traceback" not in text, words
    rows = list(csv.DictReader(io.StringIO(out("ls", "--csv").stdout.decode())))
    (row,) = [row for row in rows if row["id"] == "cartpole"]
    assert (row["tags"][0], row["note"][0], row["return_mean"].lstrip("'")) == ("'", "'", row["return_mean"])
    (found,) = [run for run in json.loads(out("ls", "--json").stdout)["runs"] if run["id"] == "cartpole"]
    assert found["environment"] == HOSTILE  # JSON says exactly what there is
    table = out("ls", "--md").stdout.decode().strip().splitlines()
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
    assert "<script>alert" not in (study.root / "page.html").read_text()
    assert not any(line.startswith("error: fake") for line in out("note", "cartpole").stdout.decode().splitlines())


def test_a_terminal_of_ascii_and_odd_surroundings_are_no_reason_to_fail(
    study: Project, out: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands that start from nothing, in every odd surrounding."""
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    moved = Project(study.root.rename(study.root.parent / "Prüfstand 実験"))
    done = started(moved, "rlx compare && rlx info 実験", **ascii_only)
    assert (done.returncode, done.stdout.isascii(), done.stderr.isascii()) == (4, True, True), done.stderr
    assert b"Traceback" not in done.stderr, done.stderr
    monkeypatch.chdir(moved.root)
    documented = json.loads(started(moved, "rlx compare --json", **ascii_only).stdout)
    assert documented == json.loads(out("compare", "--json").stdout)
    for name, value in {"COLUMNS": "0", "HOME": "/proc/x", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)
    for width in ("0", "abc", "1", "-3", "9" * 100):
        monkeypatch.setenv("COLUMNS", width)
        done = out("compare")
        assert (done.returncode, b"cartpole" in done.stdout) == (0, True), (width, done.stderr)
    closed = started(moved, "rlx ls >&-; rlx ls > /dev/full")
    assert b"Traceback" not in closed.stderr
    assert b"No space left" in closed.stderr


def test_a_document_replaces_only_what_rlx_wrote(study: Project, tmp_path: Path, out: Callable[..., Said]) -> None:
    """Commands that write, onto every kind of file."""
    mine, new = study.root / "mine.html", tmp_path / "new" / "page.html"
    mine.write_text("<html>my thesis</html>")
    device, pipe, link, dangling = (tmp_path / name for name in ("null.html", "pipe.html", "link.html", "away.html"))
    device.symlink_to("/dev/null")
    os.mkfifo(pipe)
    link.symlink_to(mine)
    dangling.symlink_to(tmp_path / "victim.html")
    before = {path: path.read_bytes() for path in (mine, study.root / "params.yaml")}
    for words, cure in {
        f"-o {mine}": "--force",
        "-o params.yaml": ".html",
        "-o /dev/null": ".html",
        f"-o {device}": "device",
        f"-o {device} --force": "device",
        f"-o {pipe} --force": "device",
        f"-o {tmp_path}": ".html",
        f"-o {link}": "link",
        f"-o {dangling}": "link",
        "-o runs/cartpole/plots/x.html": "another place",
        "-o .git/hooks/x.html": "another place",
        "-o": "requires an argument",
    }.items():
        done = out("report", *words.split())
        assert (done.returncode, cure in " ".join(done.stderr.decode().split())) == (2, True), (words, done.stderr)
    assert out("report", "-o", "").returncode == 2
    assert {path: path.read_bytes() for path in before} == before
    assert not (tmp_path / "victim.html").exists()
    for place in (str(new), str(new), "report.html"):  # a second time: its own file
        assert out("report", "-o", place).returncode == 0
    study.commit("keep the page")
    assert out("report").returncode == 0  # in Git or not
    assert out("report", "-o", str(mine), "--force").returncode == 0
    assert b"my thesis" not in mine.read_bytes()
    assert out("report", "-o", "-").stdout.lstrip().startswith(b"<!doctype html>")


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "html"])
def test_a_picture_carries_the_mark_and_still_opens(study: Project, suffix: str, out: Callable[..., Said]) -> None:
    from PIL import Image

    name = f"picture.{suffix}"
    assert out("plot", "cartpole", "-o", name).returncode == 0
    first = (study.root / name).read_bytes()
    assert out("plot", "cartpole", "-o", name).returncode == 0
    assert (study.root / name).read_bytes() == first or suffix == "html"
    assert out("plot", "cartpole", "--format", suffix, "-o", "-").stdout[:60] == first[:60]
    if suffix == "png":
        with Image.open(study.root / name) as picture:
            picture.load()
    (study.root / name).write_bytes(b"something of mine")
    assert out("plot", "cartpole", "-o", name).returncode == 2
