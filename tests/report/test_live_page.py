"""The page as it is just now: what changes is told, what does not is not, and what cannot be read stays as it was."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from rlx.errors import Missing
from rlx.report import Heading, LivePage, page_content
from rlx.studies import StudyViews
from tests.conftest import Project, interruptible, own
from tests.stored_project import experiment, stored_project
from tests.studies.reported import SMALL, is_high
from tests.studies.simulated import SimulatedTrainer, begun, run

HOSTILE = "</script><script>alert(1)</script><b>%{x}"


@pytest.fixture
def stored(tmp_path: Path) -> Project:
    return stored_project(tmp_path / "project")


def live(project: Project, *names: str) -> LivePage:
    return LivePage(project.root, names, StudyViews(project.root), Heading("title", "now", "here"))


def news(page: LivePage, known: int) -> dict[str, Any]:
    version, content = page.news(known)
    assert content is not None
    found = json.loads(content)
    assert found["version"] == version
    return dict(found)


def rewritten(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text()) | changes
    path.unlink()
    path.write_text(json.dumps(content))


def test_what_does_not_change_is_not_told(stored: Project) -> None:
    page = live(stored)
    page.look()
    whole = page.page().decode()
    assert 'data-version="1"' in whole
    assert "cartpole_epochs against cartpole" in whole
    assert "http-equiv" not in whole  # the policy is the server's to say
    for _ in range(2):
        page.look()
        assert page.news(1) == (1, None)
    assert set(news(page, 0)["parts"]) == set(news(page, 99)["parts"]) > {"verdict", "runs", "contents"}


def test_only_what_changed_is_told(stored: Project) -> None:
    page = live(stored)
    page.look()
    stored.rlx("tag", "cartpole", HOSTILE)
    page.look()
    found = news(page, 1)
    assert "runs" in found["parts"]
    assert "method" not in found["parts"]
    assert found["charts"] is None
    assert HOSTILE not in found["parts"]["runs"]
    assert "&lt;script&gt;" in found["parts"]["runs"]
    summary = stored.root / "runs/cartpole_epochs/eval/summary.json"
    content = json.loads(summary.read_text())
    for checkpoint in content["checkpoints"].values():
        for seed in checkpoint["seeds"].values():
            seed["return_mean"] += 50.0
        checkpoint["return_mean"] += 50.0
    summary.unlink()
    summary.write_text(json.dumps(content))
    page.look()
    found = news(page, 2)
    assert {"verdict", "scores"} <= set(found["parts"])
    assert "films" not in found["parts"]
    assert found["charts"]["scores"]
    assert {*news(page, 1)["parts"]} >= {*found["parts"]}


def test_states_are_those_of_the_runs(stored: Project) -> None:
    page = live(stored)
    page.look()
    assert "2 finished" in news(page, 0)["parts"]["now"]
    metadata = stored.root / "runs/cartpole_epochs/metadata.json"
    rewritten(metadata, status="failed")
    page.look()
    now = news(page, 1)["parts"]["now"]
    assert "1 finished, 1 failed" in now
    assert "rlx resume cartpole_epochs" in now
    (stored.root / "runs/cartpole_epochs/metadata.json").unlink()
    (stored.root / "runs/cartpole_epochs/eval/summary.json").unlink()
    page.look()
    now = news(page, 2)["parts"]["now"]
    assert "<strong>cartpole_epochs</strong>: is not trained yet" in now


def test_an_experiment_that_is_named_is_shown_with_the_baseline(stored: Project) -> None:
    experiment(stored, "cartpole_001")
    page = live(stored, "cartpole_001")
    page.look()
    assert "cartpole_001 against cartpole" in page.page().decode()
    with pytest.raises(Missing, match="cartpole_999"):
        live(stored, "cartpole_999").look()


def test_what_cannot_be_read_stays_as_it_was(stored: Project) -> None:
    page = live(stored)
    page.look()
    before, params = page.shown.parts, (stored.root / "params.yaml").read_text()
    stored.write("params.yaml", "compare: [")
    page.look()
    found = news(page, 1)
    assert "params.yaml" in found["parts"]["now"]
    assert set(found["parts"]) == {"now"}
    stored.write("params.yaml", params)
    page.look()
    assert page.shown.parts["now"] == before["now"]


def test_a_run_is_diagnosed_again_only_where_it_changed(stored: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    real = page_content.findings_of
    monkeypatch.setattr(
        page_content, "findings_of", lambda root, folder: (looked.append(folder.name), real(root, folder))[1]
    )
    page = live(stored)
    page.look()
    assert sorted(looked) == ["cartpole", "cartpole_epochs"]
    looked.clear()
    own(stored.root / "runs/cartpole")
    stored.rlx("note", "cartpole", "again")
    page.look()
    assert looked == []  # of what changed a moment ago, the last diagnosis serves for a while
    monkeypatch.setattr("rlx.report.live_page.PATIENCE", 0.0001)
    page._how = page_content.replace(page._how, patience=0.0)
    page.look()
    assert looked == ["cartpole"]


def test_studies_are_shown_and_nothing_of_them_can_be_approved(stored: Project) -> None:
    trainer = SimulatedTrainer(lambda overrides, rng: 10 + 6 * is_high(overrides) + rng.normal(), {"algo.gain": 0.0})
    study, _ = begun(stored.root, trainer, "toy/better", **SMALL)
    page = live(stored)
    page.look()
    told = news(page, 0)["parts"]["studies"]
    assert "there is none yet" in told  # the noise floor
    run(study, trainer)
    page.look()
    told = news(page, 1)["parts"]["studies"]
    for words in (
        "improved",
        "accepted",
        "rejected",
        "Budget",
        "the baseline: mean",
        "Contract in force",
        "rlx study report toy/better",
    ):
        assert words in told, words
    assert not re.search(r"<(form|input)\b|approve(?! |d|s)", told)
    (study.folder / "contract.yaml").write_text("question: another\n")
    page.look()
    told = news(page, 2)["parts"]["studies"]
    assert "Nothing may start" in told
    assert "Next, in a terminal: <code>rlx study approve toy/better</code>" in told


REFUSED = {
    ("--serve", "-o", "x.html"): "--serve writes no file; leave out -o",
    ("--serve", "-o", "x.html", "--force"): "leave out -o and --force",
    ("--port", "8000"): "--port says where to --serve",
    ("--serve", "--port", "70000"): "70000 is not in the range",
}


@pytest.mark.parametrize("options", REFUSED)
def test_options_that_do_not_go_together_are_refused(stored: Project, options: tuple[str, ...]) -> None:
    done = stored.rlx("report", *options, check=False)
    assert done.returncode == 2
    assert REFUSED[options] in " ".join(done.stdout.split())
    assert not (stored.root / "x.html").exists()


def test_it_is_served_until_ctrl_c(stored: Project) -> None:
    process = subprocess.Popen(
        ["rlx", "-q", "report", "--serve"], cwd=stored.root, text=True, preexec_fn=interruptible,  # noqa: PLW1509 — nothing of this process is used there
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    assert process.stderr
    try:
        address = process.stdout.readline().strip()
        with urllib.request.urlopen(address) as answer:
            assert b"cartpole_epochs against cartpole" in answer.read()
        port = re.search(r":([0-9]+)/", address)
        assert port
        second = stored.rlx("report", "--serve", "--port", port[1], check=False)
        assert (second.returncode, "is in use" in second.stdout) == (2, True)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read().strip() == "interrupted"
    finally:
        process.kill()
        process.stdout.close()
        process.stderr.close()
        process.wait()
