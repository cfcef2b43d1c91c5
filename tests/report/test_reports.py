"""What people pass on: `rlx summarize` and `rlx report`."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlx.experiments.references import find_run
from rlx.report.films import films_of
from rlx.report.run_memory import RunMemory
from tests.conftest import Project, own

HOSTILE = '<script>alert(1)</script> & "quoted" [red]'
VOID = {"meta", "img", "link", "br", "hr", "input", "col", "source"}


def flat(text: str) -> str:
    return " ".join(text.split())


def change(path: Path, edit: Any) -> None:
    content = json.loads(path.read_text())
    edit(content)
    path.unlink()
    path.write_text(json.dumps(content))


def fake(project: Project, name: str, gain: float, rate: str) -> None:
    """Make a run folder like that of an experiment, with other scores and another learning rate."""
    folder = project.root / "runs" / name
    shutil.copytree(project.root / "runs/cartpole", folder)

    def better(summary: dict[str, Any]) -> None:
        for checkpoint in summary["checkpoints"].values():
            checkpoint["return_mean"] += gain
            for seed, facts in checkpoint["seeds"].items():
                facts["return_mean"] += gain
                facts["policy_sha256"] = f"{name}{seed}"

    change(folder / "eval/summary.json", better)
    snapshot = (folder / "config_snapshot.yaml").read_text()
    (folder / "config_snapshot.yaml").write_text(snapshot.replace("learning_rate: 0.001", f"learning_rate: {rate}"))
    own(folder)


def stop(project: Project, run: str) -> None:
    """Make a run one that failed after one of its two seeds, with the scores of an earlier training still there."""

    def failed(metadata: dict[str, Any]) -> None:
        metadata["status"] = "failed"
        metadata["seeds"][1] |= {"status": "failed", "error": "reward became nan"}

    change(project.root / f"runs/{run}/metadata.json", failed)


# --- rlx summarize ----------------------------------------------------------------------------------------------------


def headline_of(project: Project) -> str:
    told = json.loads((project.root / "analysis/compare/comparison.json").read_text())["headline"][-1]
    return str(told.partition(" To settle it")[0])


def test_a_run_is_told_with_its_verdict(finished: Project) -> None:
    text = finished.rlx("summarize", "cartpole_epochs").stdout
    scores = json.loads((finished.root / "runs/cartpole_epochs/eval/summary.json").read_text())["checkpoints"]["latest"]
    assert headline_of(finished) in flat(text)
    assert f"mean held-out return of {scores['return_mean']:.2f}" in flat(text)
    assert "2 seeds of 2,048 environment steps each are finished" in flat(text)
    assert "algo.update_epochs 4 → 10" in flat(text)
    assert max(map(len, text.splitlines())) <= 80
    content = json.loads(finished.rlx("summarize", "runs/cartpole", "--json").stdout)
    assert (content["format"], content["kind"], content["headline"]) == (1, "run", None)
    assert "It is the study's baseline." in content["summary"]
    assert len(content["run"]["scores"]["latest"]["seeds"]) == 2


def test_a_run_without_results_is_told_as_such(study: Project) -> None:
    stop(study, "cartpole_epochs")
    text = flat(study.rlx("summarize", "cartpole_epochs").stdout)
    assert "1 of 2 seeds of 2,048 environment steps each are finished so far" in text
    assert "cartpole_epochs failed; `rlx resume cartpole_epochs` goes on from there" in text
    assert "Seed 2 failed: reward became nan." in text
    assert "are of an earlier training and are left out here" in text
    assert "mean held-out return" not in text
    change(study.root / "runs/cartpole/metadata.json", lambda m: m.update(status="running", seeds=[], process=None))
    shutil.rmtree(study.root / "runs/cartpole/eval")
    project = flat(study.rlx("summarize", ".").stdout)
    assert "No run has held-out scores yet." in project
    assert "cartpole is still running." in project
    assert "`rlx resume cartpole_epochs` goes on from there" in project
    assert "inconclusive" not in project


def test_a_sweep_is_ranked_and_corrected_together(study: Project) -> None:
    for name, gain, rate in (("lr_001", 1.0, "0.002"), ("lr_002", 9.0, "0.003"), ("lr_010", 4.0, "0.004")):
        fake(study, name, gain, rate)
    fake(study, "lr_011", 20.0, "0.005")
    stop(study, "lr_011")
    content = json.loads(study.rlx("summarize", "lr", "--json").stdout)
    assert (content["format"], content["kind"], content["baseline"]) == (1, "sweep", "cartpole")
    rows = content["experiments"]
    assert [(row["id"], row["rank"]) for row in rows] == [("lr_002", 1), ("lr_010", 2), ("lr_001", 3), ("lr_011", None)]
    assert rows[0]["changes"] == {"algo.learning_rate": [0.001, 0.003]}
    assert rows[3]["problem"] == "failed; `rlx resume lr_011` goes on from there"
    together = json.loads(study.rlx("compare", "cartpole", "lr_001", "lr_002", "lr_010", "--json").stdout)
    judged = {found["run"]: found for found in together["comparisons"]}
    assert all(row["difference"] == judged[row["id"]]["difference"] for row in rows[:3])
    assert all(row["verdict"] == judged[row["id"]]["verdict"] for row in rows[:3])
    text = study.rlx("summarize", "sweeps/lr.yaml").stdout
    assert "lr is a sweep of 4 experiments on CartPole-v1; 3 of them have held-out scores" in flat(text)
    assert "learning_rate=0.003" in flat(text)
    assert max(map(len, text.splitlines())) <= 80


def test_a_sweep_over_environments_ranks_nothing_across_them(study: Project) -> None:
    for name, gain, rate in (("lr_001", 1.0, "0.002"), ("lr_002", 900.0, "0.003")):
        fake(study, name, gain, rate)
    other = study.root / "runs/lr_002"
    change(other / "eval/summary.json", lambda summary: summary["task"].update(environment="Acrobot-v1"))
    text = (other / "config_snapshot.yaml").read_text()
    (other / "config_snapshot.yaml").write_text(text.replace("CartPole-v1", "Acrobot-v1"))
    own(other)
    content = json.loads(study.rlx("summarize", "lr", "--json").stdout)
    found = [(row["id"], row["rank"], row["verdict"]) for row in content["experiments"]]
    assert found == [("lr_001", 1, "inconclusive"), ("lr_002", None, "not comparable")]
    said = flat(study.rlx("summarize", "lr").stdout)
    assert "The highest mean return is that of lr_001" in said
    assert "lr_002 is on another environment than cartpole: returns there say nothing about returns here" in said


def test_the_project_is_told_from_anywhere(finished: Project, tmp_path: Path) -> None:
    text = finished.rlx("summarize").stdout
    assert headline_of(finished) in flat(text)
    outside = ["rlx", "summarize", str(finished.root), "--md"]
    markdown = subprocess.run(outside, cwd=tmp_path, text=True, capture_output=True, check=True).stdout
    assert markdown.startswith(f"# {finished.root.name}\n\n")
    assert flat(text).split(" Runs ")[0] in markdown
    refused = finished.rlx("summarize", "cartpol", check=False)
    assert (refused.returncode, "did you mean cartpole" in refused.stdout) == (4, True)


# --- rlx report -------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """A page, read as strictly as a browser reads it leniently."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.path: list[str] = []
        self.feed(text)
        self.close()
        assert not self.path, f"never closed: {self.path}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.path.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.path.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        if self.path[-1:] != ["script"]:
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def check(page: Page) -> None:
    """Check what makes the page whole by itself, and readable for everyone."""
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    for tag, attributes in page.elements:
        for name in ("src", "href", "poster", "srcset", "data"):
            target = attributes.get(name) or ""
            assert not target or target.startswith("data:") or target.removeprefix("#") in ids, (tag, target[:80])
        assert not [name for name in attributes if name.startswith("on")]
    assert not {"link", "iframe", "object", "base"} & {tag for tag, _ in page.elements}
    assert not [script for script in page.all("script") if "src" in script]
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert str(policy).startswith("default-src 'none'; script-src 'sha256-")
    assert page.all("html")[0]["lang"] == "en"
    assert all(picture["alt"] for picture in page.all("img"))
    assert all(head["scope"] in ("col", "row") for head in page.all("th"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(below - above <= 1 for above, below in zip([0, *levels], levels, strict=False))


@pytest.fixture(scope="module")
def written(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A study with hostile words in it, and the page on it; treat as read-only."""
    project = Project(tmp_path_factory.mktemp("written") / "study")
    shutil.copytree(finished.root, project.root, symlinks=True)
    project.write("runs/cartpole.yaml", yaml.safe_dump({"tags": ["<b>bold</b>"], "note": HOSTILE}))
    snapshot = project.root / "runs/cartpole_epochs/config_snapshot.yaml"
    snapshot.write_text(re.sub("run_name: .*", "run_name: </pre><img src=//evil>", snapshot.read_text()))
    own(snapshot.parent)
    assert project.rlx("report").stdout.splitlines()[-1] == "report.html"
    return project


def test_the_page_is_whole_by_itself(written: Project) -> None:
    page = Page((written.root / "report.html").read_text())
    check(page)
    shown = "".join(page.words)
    assert HOSTILE in shown
    assert "<b>bold</b>" in shown
    assert shown.count("</pre><img src=//evil>") >= 2
    assert headline_of(written) in shown
    assert len([picture for picture in page.all("img") if str(picture["src"]).startswith("data:image/svg+xml")]) == 3
    assert any("Forest plot" in str(picture["alt"]) for picture in page.all("img"))
    films = [written.root / f"runs/{run}/videos/median.mp4" for run in ("cartpole", "cartpole_epochs")]
    inside = [f"data:video/mp4;base64,{base64.b64encode(film.read_bytes()).decode()}" for film in films]
    assert [film["src"] for film in page.all("video")] == inside
    assert written.git("rev-parse", "HEAD")[:10] in shown
    assert "report.html" not in written.git("status", "--short")


def test_runs_read_through_git_bring_their_films(study: Project, tmp_path: Path) -> None:
    shutil.rmtree(study.root / "runs/cartpole/videos")
    (study.root / "runs/cartpole/plots/learning_curve.csv").unlink()
    target = tmp_path / "new" / "page.html"
    study.rlx("report", "cartpole", "cartpole_epochs@HEAD", "-o", str(target))
    page = Page(target.read_text())
    check(page)
    assert [film["aria-label"] for film in page.all("video")] == ["Film of cartpole_epochs@HEAD"]
    assert "No film: none was made." in page.words


def test_one_bad_run_hides_no_other(study: Project) -> None:
    fake(study, "extra", 3.0, "0.002")
    study.replace(
        "params.yaml", "runs: [cartpole, cartpole_epochs]", "runs: [cartpole, cartpole_epochs, extra, absent]"
    )
    stop(study, "cartpole")
    done = study.rlx("report")
    assert "There is no verdict: the baseline cartpole failed; `rlx resume cartpole` goes on" in flat(done.stdout)
    page = Page((study.root / "report.html").read_text())
    check(page)
    words = flat(" ".join(page.words))
    assert "absent has not been made yet; dvc repro makes it" in words
    assert len(page.all("video")) == 2
    assert "extra" in words


def test_a_sweep_by_its_name_and_films_left_out(study: Project) -> None:
    fake(study, "lr_001", 1.0, "0.002")
    fake(study, "lr_002", 9.0, "0.003")
    assert "lr_002 against cartpole" in flat(study.rlx("report", "lr", "--films", "no").stdout)
    page = Page((study.root / "report.html").read_text())
    check(page)
    assert page.all("video") == []
    assert "The film is left out here; it is runs/lr_002/videos/median.mp4." in flat(" ".join(page.words))
    folders = [find_run(study.root, run) for run in ("cartpole", "lr_001", "lr_002")]
    most = 2 * (study.root / "runs/cartpole/videos/median.mp4").stat().st_size
    films = list(films_of(study.root, folders, RunMemory(), inside=True, most=most))
    assert [film.content is None for film in films] == [False, False, True]
    assert all(film.poster for film in films)
