"""Runs by reference, listed, described and labelled: `rlx ls`, `info`, `tag`, `note`."""

from __future__ import annotations

import csv
import io
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings, strategies as st

from rlx.cli import cli
from rlx.errors import RlxError, UsageError
from rlx.experiments.merging import Sides, way_of
from rlx.experiments.references import find_run
from rlx.records.labels import (
    Labels,
    change_labels,
    check_tag,
    labels_from,
    labels_text,
    read_labels,
    with_note,
    with_tags,
)
from rlx.report.checkpoint_references import find_checkpoints
from rlx.report.documents import check_document
from tests.conftest import Project, run


def listed(project: Project, *arguments: str) -> dict[str, dict[str, Any]]:
    content = json.loads(project.rlx("ls", "--json", *arguments).stdout)
    assert content["format"] == 1
    return {row["id"]: row for row in content["runs"]}


@pytest.fixture(scope="module")
def kept(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A study with one experiment of one run, and one of all runs; treat as read-only."""
    root = tmp_path_factory.mktemp("kept") / "study"
    shutil.copytree(finished.root, root, symlinks=True)
    project = Project(root)
    project.rlx("train", "cartpole", "-S", "algo.gamma=0.9", "--seeds", "1")
    project.dvc(
        "exp",
        "run",
        "-q",
        "--temp",
        "-n",
        "everything",
        "-S",
        "algo.learning_rate=0.002",
        "eval@cartpole",
        "eval@cartpole_epochs",
    )
    return project


def test_ls_shows_runs_and_experiments(kept: Project) -> None:
    rows = listed(kept)
    assert set(rows) == {
        "cartpole",
        "cartpole_epochs",
        "cartpole_001",
        "cartpole@everything",
        "cartpole_epochs@everything",
    }
    one = rows["cartpole_001"]
    assert (one["kind"], one["status"], one["seeds"], one["environment"]) == (
        "experiment",
        "finished",
        1,
        "CartPole-v1",
    )
    assert (
        rows["cartpole"]["return_mean"]
        == json.loads((kept.root / "runs/cartpole/eval/summary.json").read_text())["checkpoints"]["latest"][
            "return_mean"
        ]
    )
    text = kept.rlx("ls").stdout
    assert all(name in text for name in rows)
    assert max(map(len, text.splitlines())) <= 80
    table = list(csv.DictReader(io.StringIO(kept.rlx("ls", "--csv", "--sort", "id").stdout)))
    assert [row["id"] for row in table] == sorted(rows)
    assert set(listed(kept, "--filter", "environment~acro")) == set()
    assert "no runs like that" in kept.rlx("ls", "--filter", "status=failed").stdout
    assert set(listed(kept, "--filter", "kind=experiment", "--filter", "seeds<2")) == {"cartpole_001"}
    assert kept.rlx("ls", "--md", "--filter", "id=cartpole").stdout.splitlines()[2].startswith("| cartpole ")


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("ls", "ls"),
        ("info", "info cartpole_001"),
        ("compare", "compare cartpole cartpole_001 cartpole@everything"),
        ("plot", "plot cartpole cartpole_001"),
        ("summarize RUN", "summarize cartpole_001"),
        ("summarize", "summarize"),
        ("doctor", "doctor"),
        ("analyze", "analyze cartpole_001"),
        ("diagnose", "diagnose cartpole_001"),
        ("suggest", "suggest cartpole@everything"),
    ],
)
def test_json_is_as_its_published_schema_says(kept: Project, document: str, words: str) -> None:
    done = run(["rlx", *words.split(), "--json"], kept.root, apart=True)
    assert done.returncode in ((0, 1) if document == "diagnose" else (0,))  # 1: it found errors
    check_document(document, done.stdout)


def test_every_kind_of_reference_leads_to_a_run(kept: Project) -> None:
    for reference in (
        "cartpole",
        "cartpole_001",
        "cartpole@everything",
        "cartpole@HEAD",
        "runs/cartpole",
        "./runs/cartpole/",
    ):
        assert kept.rlx("info", reference).stdout.splitlines()[1] == "status       finished", reference
    inside = run(["rlx", "info", "cartpole"], kept.root / "runs", apart=True)
    assert (inside.returncode, "finished" in inside.stdout) == (0, True)
    before = kept.git("status", "--short")
    compared = json.loads(kept.rlx("compare", "cartpole", "cartpole@everything", "cartpole_001", "--json").stdout)
    changes = {item["run"]: item["changes"] for item in compared["comparisons"]}
    assert changes["cartpole@everything"] == {"algo.learning_rate": [0.001, 0.002]}
    assert changes["cartpole_001"]["algo.gamma"] == [0.98, 0.9]
    assert kept.git("status", "--short") == before  # nothing was checked out


@pytest.mark.parametrize(
    ("reference", "status", "message"),
    [
        ("cartpol", 4, "did you mean cartpole"),
        ("everything", 2, "holds 2 runs; say cartpole@everything or cartpole_epochs@everything"),
        ("cartpole@nowhere", 4, "there is no revision 'nowhere'; there are: everything, cartpole_001"),
        ("cartpole@everythin", 4, "did you mean everything?"),
        ("carpole@HEAD", 4, "there is no run 'carpole' at HEAD; did you mean cartpole"),
        ("@", 4, "there is no run '@'"),
        ("cartpole@", 4, "there is no revision ''"),
        ("cartpole@--help", 4, "there is no revision '--help'"),
        ("../..", 4, "there is no run '../..'"),
        ("dvc.yaml", 4, "there is no run 'dvc.yaml'"),
    ],
)
def test_references_that_lead_nowhere_name_the_nearest(
    kept: Project, reference: str, status: int, message: str
) -> None:
    done = kept.rlx("info", "--", reference, check=False)
    assert done.returncode == status
    assert message in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.characters(exclude_characters="\0"), max_size=300),
    st.sampled_from(["", "cartpole", "cartpole_001", "cartpole@", "@HEAD", "runs/"]),
)
def test_whatever_is_typed_is_a_run_or_refused(kept: Project, text: str, known: str) -> None:
    for reference in (text, known + text, text + known):
        for find in (find_run, find_checkpoints):
            try:
                assert find(kept.root, reference)
            except RlxError as error:
                assert str(error)


def test_the_index_is_only_a_cache(kept: Project) -> None:
    index = kept.root / ".dvc" / "tmp" / "rlx-index.json"
    first = listed(kept)
    assert index.is_file()
    for damage in (
        "",
        "{",
        "[]",
        '{"format": 1, "runs": [], "experiments": {}}',
        '{"format": 1, "runs": {"cartpole": 3}}',
    ):
        index.write_text(damage)
        assert listed(kept) == first
    content = json.loads(index.read_text())
    content["runs"]["cartpole"]["row"]["id"] = "other"
    index.write_text(json.dumps(content))
    assert listed(kept) == first
    index.unlink()
    index.mkdir()
    assert listed(kept) == first
    index.rmdir()


def test_one_bad_run_hides_no_other(study: Project) -> None:
    snapshot = (study.root / "runs/cartpole/config_snapshot.yaml").read_text()
    for name, text in (
        ("bad", "{"),
        ("odd", '{"status": 3}'),
        ("nul", "null"),
        ("list", '{"seeds": 5, "status": "x"}'),
    ):
        study.write(f"runs/{name}/config_snapshot.yaml", snapshot)
        study.write(f"runs/{name}/metadata.json", text)
    (study.root / "runs/empty").mkdir()
    rows = listed(study)
    assert {name: rows[name]["status"] for name in ("bad", "odd", "nul", "list")} == dict.fromkeys(
        ("bad", "odd", "nul", "list"), "unreadable"
    )
    assert rows["cartpole"]["status"] == "finished"
    assert "empty" not in rows
    assert "bad: metadata.json or eval/summary.json is damaged" in study.rlx("ls").stdout
    study.write("runs/bad/metadata.json", (study.root / "runs/cartpole/metadata.json").read_text())
    assert listed(study)["bad"]["status"] == "stopped"  # an edit is noticed; trained, but with no scores


def test_a_run_whose_process_died_shows_as_stopped(study: Project) -> None:
    metadata = json.loads((study.root / "runs/cartpole/metadata.json").read_text())
    snapshot = (study.root / "runs/cartpole/config_snapshot.yaml").read_text()
    import os
    import socket

    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for name, host, pid, status in (
        ("gone", socket.gethostname(), dead.pid, "stopped"),
        ("alive", socket.gethostname(), os.getpid(), "running"),
        ("far", "another-host", dead.pid, "running"),
    ):
        content = {**metadata, "status": "running", "process": {"host": host, "pid": pid}}
        study.write(f"runs/{name}/config_snapshot.yaml", snapshot)
        study.write(f"runs/{name}/metadata.json", json.dumps(content))
        assert listed(study)[name]["status"] == status
    assert "its process has died" in study.rlx("ls").stdout


def test_results_that_were_not_fetched_are_told(kept: Project, tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "-q", str(kept.root), str(tmp_path / "clone")], check=True)
    clone = Project(tmp_path / "clone")
    clone.git("fetch", "-q", "origin", "refs/exps/*:refs/exps/*")
    assert "3 more experiments are not fetched here" in clone.rlx("ls").stdout
    everything = listed(clone, "--all")
    assert everything["cartpole_001"]["status"] == "elsewhere"
    refused = clone.rlx("info", "cartpole_001", check=False)
    assert refused.returncode == 4
    assert "not in this clone's DVC cache" in " ".join(refused.stdout.split())
    shutil.copytree(kept.root / ".dvc" / "cache", clone.root / ".dvc" / "cache")
    assert listed(clone)["cartpole_001"]["status"] == "finished"


def test_info_as_json_has_every_fact(kept: Project) -> None:
    facts = json.loads(kept.rlx("info", "cartpole_001", "--json").stdout)
    assert facts["seeds"]["finished"] == [1]
    assert facts["environment"] == "CartPole-v1"
    assert facts["git"]["commit"]
    assert facts["scores"]["latest"]["seeds"]["1"] == facts["scores"]["latest"]["return_mean"]
    assert facts["versions"]["torch"]


# --- tags and notes ---------------------------------------------------------------------------------------------------


def test_tags_and_notes_are_plain_files_for_git(study: Project) -> None:
    assert study.rlx("tag", "cartpole", "paper", "été", "[bold]").stdout == "cartpole: paper été [bold]\n"
    study.rlx("tag", "cartpole", "paper", "second")
    study.rlx("note", "cartpole", 'learns "fast": [red]really[/]  # yes')
    content = yaml.safe_load((study.root / "runs/cartpole.yaml").read_text())
    assert content == {"tags": ["paper", "été", "[bold]", "second"], "notes": ['learns "fast": [red]really[/] # yes']}
    assert "été" in (study.root / "runs/cartpole.yaml").read_text()
    assert "runs/cartpole.yaml" in study.git("status", "--short", "--untracked-files=all")
    assert set(listed(study, "--tag", "paper", "--tag", "second")) == {"cartpole"}
    assert "[bold]" in study.run("env", "COLUMNS=120", "rlx", "ls").stdout
    assert "[red]really[/]" in study.rlx("info", "cartpole").stdout
    study.rlx("tag", "cartpole", "--remove", "paper", "été", "[bold]", "second")
    study.rlx("note", "cartpole", "--remove")
    assert not (study.root / "runs/cartpole.yaml").exists()
    for words in (["two words"], ["a,b"], [""], ["x" * 65], ["a\nb"]):
        assert study.rlx("tag", "cartpole", *words, check=False).returncode == 2
    assert study.rlx("tag", "nothing", "x", check=False).returncode == 4


def tag(root: Path, word: str) -> None:
    os.chdir(root)
    cli.main(["tag", "cartpole", word], standalone_mode=False)


def test_twenty_tags_at_once_are_twenty_tags(study: Project) -> None:
    fork = multiprocessing.get_context("fork")
    tagging = [fork.Process(target=tag, args=(study.root, f"t{index}")) for index in range(20)]
    for each in tagging:
        each.start()
    for each in tagging:
        each.join()
    assert [each.exitcode for each in tagging] == [0] * 20
    assert set(read_labels(study.root, "cartpole").tags) == {f"t{index}" for index in range(20)}


@pytest.mark.parametrize("text", ["tags: [\n", "tags: [a]\nowner: me\n", "note: a\nnote: b\n", "tags: {a: 1}\n"])
def test_damaged_labels_are_told_beside_the_run(study: Project, text: str) -> None:
    study.write("runs/cartpole.yaml", text)
    rows = listed(study)
    assert rows["cartpole"]["status"] == "finished"
    assert "mend it" in rows["cartpole"]["problem"]
    assert study.rlx("tag", "cartpole", "x", check=False).returncode == 4
    assert (study.root / "runs/cartpole.yaml").read_text() == text


words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Z", "Cn", "Co"]), min_size=1, max_size=64)


@given(
    st.lists(words, max_size=4), st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp", "Cn", "Co"]))
)
def test_labels_read_back(tags: list[str], note: str) -> None:
    import tempfile

    tags = [tag for tag in tags if "," not in tag]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "runs").mkdir()
        wanted = with_tags(with_note(Labels(), note), tuple(map(check_tag, tags)))
        change_labels(root, "run", lambda _: wanted)
        assert read_labels(root, "run") == wanted


@given(
    *[
        st.builds(
            Labels,
            st.lists(words, max_size=3, unique=True).map(tuple),
            st.lists(words, max_size=3, unique=True).map(tuple),
        )
    ]
    * 3
)
def test_what_two_people_say_of_a_run_merges(base: Labels, ours: Labels, theirs: Labels) -> None:
    way = way_of("runs/cartpole.yaml")
    assert way
    sides = [labels_text(labels).encode() for labels in (base, ours, theirs)]
    found = labels_from(way(Sides(*sides)).content)
    for field in ("tags", "notes"):
        before, mine, other = (set(getattr(labels, field)) for labels in (base, ours, theirs))
        assert set(getattr(found, field)) == (mine | other) - (before - mine) - (before - other)


def test_tags_are_one_word() -> None:
    for tag in ("", "a b", "a,b", "a\tb", "x" * 65, "\x1b[31m"):
        with pytest.raises(UsageError):
            check_tag(tag)
