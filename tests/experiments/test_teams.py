"""Several people on one project: Git carries configurations, DVC results, and nothing is shown or trained by mistake."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import tutorial
from rlx.config.editing import with_list, with_value
from rlx.config.snapshot import ProjectCode, Snapshot, read_snapshot
from rlx.experiments.workplace import open_workplace
from rlx.records.bench import entry_for
from rlx.training.inheritance import take_recorded
from rlx.training.seeds import train_run
from tests.conftest import REPOSITORY, Project, run, shrink

LOCAL = """# of this clone only
[core]
    remote = secret
['remote "secret"']
    url = s3://bucket/%(path)s
    password = "a#b, c"
[cache]
    type = "reflink,hardlink,symlink,copy"
"""
TOUCHES_GIT = re.compile(
    r"`git (add|commit|switch|checkout|symbolic-ref|reset|stash (pop|drop|apply)|restore|rebase|merge)"
)


def flat(text: str) -> str:
    return " ".join(text.split())


def rows(project: Project) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in json.loads(project.rlx("ls", "--all", "--json").stdout)["runs"]}


def edit(project: Project, path: tuple[str, ...], value: Any) -> None:
    text = (project.root / "params.yaml").read_text()
    project.write("params.yaml", with_value(text, path, value, "params.yaml"))


def enlist(project: Project, *runs: str) -> None:
    text = (project.root / "params.yaml").read_text()
    listed = [*yaml.safe_load(text)["study"]["runs"], *runs]
    project.write("params.yaml", with_list(text, ("study", "runs"), listed, "params.yaml"))


# --- settings of one's own --------------------------------------------------------------------------------------------


def test_settings_of_a_clone_are_never_written_and_hold_in_experiments(study: Project) -> None:
    mine = study.write(".dvc/config.local", LOCAL)
    place = open_workplace(study.root, "cartpole_001")
    assert mine.read_text() == LOCAL
    theirs = (place.root / ".dvc" / "config.local").read_text()
    assert all(line in theirs for line in LOCAL.splitlines() if "cache" not in line)
    assert f"dir = {study.root / '.dvc' / 'cache'}" in theirs


@pytest.mark.parametrize(
    "text",
    [
        "[core\n",
        *(
            pytest.param(text, marks=pytest.mark.slow)
            for text in ("[core]\n    ; of another format\n", "\ufeff[core]\n")
        ),
    ],
)
def test_settings_that_dvc_cannot_read_are_named(study: Project, text: str) -> None:
    study.write(".dvc/config.local", text)
    for words in ("train cartpole --seeds 1 -S algo.gamma=0.5", "doctor"):
        refused = study.rlx(*words.split(), check=False)
        assert refused.returncode in (1, 3)
        assert ".dvc/config.local" in flat(refused.stdout), refused.stdout
        assert "did not expect" not in refused.stdout


# --- scores under the configuration that they are of ------------------------------------------------------------------

READING = ("compare", "report", "info cartpole", "diagnose cartpole", "summarize", "plot cartpole", "eval cartpole",
           "analyze cartpole", "suggest cartpole", "video cartpole", "explain-metrics cartpole")  # fmt: skip


def scores_shown(project: Project, scores: list[str], commands: Sequence[str] = READING) -> list[str]:
    """Return the commands that show one of some scores."""
    found = []
    for words in commands:
        done = project.rlx(*words.split(), check=False)
        assert "Traceback" not in done.stdout, words
        if any(score in done.stdout for score in scores):
            found.append(words)
    return found


@pytest.mark.parametrize(
    "told",
    [pytest.param(True, id="results that say whose they are"),
     pytest.param(False, id="results of an older rlx", marks=pytest.mark.slow)],
)  # fmt: skip
def test_scores_are_never_shown_under_another_configuration(study: Project, told: bool) -> None:
    if not told:
        for path in study.root.glob("runs/*/metadata.json"), study.root.glob("runs/*/eval/summary.json"):
            for file in path:
                content = {key: value for key, value in json.loads(file.read_text()).items() if key != "snapshot"}
                file.unlink()
                file.write_text(json.dumps(content))
        study.dvc(
            "commit", "-q", "-f", "train@cartpole", "train@cartpole_epochs", "eval@cartpole", "eval@cartpole_epochs"
        )
        study.commit("as an older rlx wrote it")
    summary = json.loads((study.root / "runs/cartpole/eval/summary.json").read_text())
    scores = [f"{summary['checkpoints'][name]['return_mean']:.4g}" for name in ("latest", "best")]
    assert scores_shown(study, scores, ["info cartpole"])
    home = study.git("branch", "--show-current").strip()
    (study.root / ".git/hooks/post-checkout").unlink()  # as in a clone that nobody set up
    study.git("switch", "-qc", "other")
    edit(study, ("algo", "gamma"), 0.9)
    study.dvc("repro", "resolve@cartpole", "resolve@cartpole_epochs")
    study.commit("another discount")
    assert scores_shown(study, scores) == []
    refused = study.rlx("compare", check=False)
    assert refused.returncode == 4
    assert re.search(
        r"what is here is of commit \w+ \(.*\), not of the configuration here; `dvc repro`", flat(refused.stdout)
    )
    assert {(row["status"], row["return_mean"]) for row in rows(study).values()} == {("resolved", None)}
    assert "not of the configuration here" in flat(study.rlx("doctor", check=False).stdout)
    lock = (study.root / "dvc.lock").read_text()
    study.git("switch", "-q", home)
    assert {row["status"] for row in rows(study).values()} == {"finished"}
    shutil.rmtree(study.root / "runs/cartpole/eval")  # the other way round: recorded, and something else lies there
    text = (study.root / "runs/cartpole/metadata.json").read_text()
    (study.root / "runs/cartpole/metadata.json").unlink()
    study.write("runs/cartpole/metadata.json", text.replace('"snapshot": "', '"snapshot": "0') if told else text + " ")
    assert rows(study)["cartpole"]["status"] == "elsewhere"
    assert "`dvc checkout` brings its own" in flat(study.rlx("info", "cartpole").stdout)
    refused = study.rlx("resume", "cartpole", check=False)
    assert (refused.returncode, "`dvc checkout`" in flat(refused.stdout)) == (4, True), refused.stdout
    study.dvc("checkout", "-q", "--force")
    assert rows(study)["cartpole"]["status"] == "finished"
    assert (study.root / "dvc.lock").read_text() != lock


def test_scores_of_other_episodes_are_not_shown(study: Project) -> None:
    edit(study, ("final_eval", "seed"), 5)
    study.dvc("repro", "resolve@cartpole", "resolve@cartpole_epochs")
    refused = study.rlx("compare", check=False)
    assert (refused.returncode, "of another configuration or judging" in flat(refused.stdout)) == (4, True), (
        refused.stdout
    )
    assert rows(study)["cartpole"]["return_mean"] is None


def test_results_that_are_out_of_date_carry_a_warning(study: Project) -> None:
    assert "out of date" not in study.rlx("compare").stdout
    edit(study, ("algo", "gamma"), 0.9)
    said = flat(study.rlx("compare").stdout)
    assert "cartpole is out of date: params.yaml or its config says otherwise now (`dvc repro` makes it anew)" in said


# --- a clone, and what Git does in it ---------------------------------------------------------------------------------


def test_a_new_project_is_ready_for_a_team(project: Project, tmp_path: Path) -> None:
    assert "eol: lf" in project.git("check-attr", "eol", "--", "params.yaml", "envs/bossfight.py").replace(
        "eol: lf", "eol: lf"
    )
    assert "dvc.lock: merge: rlx" in project.git("check-attr", "merge", "--", "dvc.lock")
    assert "dvc.lock: diff: unset" in project.git("check-attr", "diff", "--", "dvc.lock")
    driver = project.git("config", "merge.rlx.driver")
    assert "rlx sync --driver %O %A %B %P" in driver
    for name, line in (("base", "1"), ("ours", "2"), ("theirs", "3")):
        project.write(f".dvc/tmp/{name}", f"{line}\n")
    sides = {"%O": "base", "%A": "ours", "%B": "theirs", "%P": "params.yaml"}
    without_rlx = {"PATH": f"{Path(shutil.which('git') or '').parent}:/bin:/usr/bin"}
    command = re.sub("%.", lambda match: sides[match[0]], driver)
    done = subprocess.run(["sh", "-c", command], cwd=project.root / ".dvc/tmp", env=without_rlx, check=False)
    marks = (project.root / ".dvc/tmp/ours").read_text()
    assert (done.returncode, "<<<<<<<" in marks) == (1, True), "a driver that fails leaves our side without a mark"
    hook = project.root / ".git/hooks/post-checkout"
    assert os.access(hook, os.X_OK)
    for left_behind in ("checkpoints/seed_1/latest.zip", "metadata.json", "eval/summary.json", "logs/x", "analysis.md"):
        project.write(f"runs/of_another_branch/{left_behind}", "{}")
    project.write("runs/of_another_branch/config_snapshot.yaml", "a: 1\n")
    project.git("add", "-A")
    assert project.git("diff", "--cached", "--name-only").split() == ["runs/of_another_branch/config_snapshot.yaml"]
    run(["rlx", "init", "plain", "--no-hooks"], tmp_path).check_returncode()
    assert not (tmp_path / "plain/.git/hooks/post-checkout").exists()
    subprocess.run(["git", "clone", "-q", str(tmp_path / "plain"), str(tmp_path / "hers")], check=True)
    hers = Project(tmp_path / "hers")
    assert "`rlx init .`" in flat(hers.rlx("doctor", check=False).stdout)
    own = hers.write(".git/hooks/post-checkout", "#!/bin/sh\n# mine\n")
    assert "there is a post-checkout hook already" in flat(hers.rlx("init", ".").stdout)
    assert own.read_text() == "#!/bin/sh\n# mine\n"
    assert "`rlx init .`" not in flat(hers.rlx("doctor", check=False).stdout)
    assert hers.git("status", "--short") == ""
    shared = tmp_path / "hooks of all my repositories"
    shared.mkdir()
    hers.git("config", "core.hooksPath", str(shared))
    assert "core.hooksPath" in flat(hers.rlx("init", ".").stdout)
    assert not list(shared.iterdir())


def begin(project: Project, what: str) -> None:
    """Put the project amid something of Git's, with a conflict in the roster where there can be one."""
    if what == "bisect":
        project.git("bisect", "start")
        return
    home = project.git("branch", "--show-current").strip()
    project.git("config", "--remove-section", "merge.rlx")
    for branch, name in ((home, "mine"), ("theirs", "yours")):
        if branch == "theirs":
            project.git("switch", "-qc", "theirs", "HEAD^")
        project.write(f"configs/{name}.yaml", "algo: {gamma: 0.9}\n")
        enlist(project, name)
        project.rlx("sync")
        project.commit(name)
    project.git("switch", "-q", home)
    words = {"merge": ["merge"], "rebase": ["rebase"], "cherry-pick": ["cherry-pick"]}[what]
    assert project.run("git", *words, "theirs", check=False).returncode


@pytest.mark.parametrize(
    "what", ["merge", *(pytest.param(what, marks=pytest.mark.slow) for what in ("rebase", "cherry-pick", "bisect"))]
)
def test_no_cure_touches_index_or_head_amid_something_of_gits(project: Project, what: str) -> None:
    (project.root / ".git/hooks/post-checkout").unlink()
    begin(project, what)
    project.write("configs/unknown.yaml", "{}\n")  # states that call for cures
    project.write("runs/cartpole/config_snapshot.yaml", "a: 1\n")
    project.write("runs/left/checkpoints/seed_1/latest.zip", "x")
    project.write("runs/left/.gitignore", "/checkpoints\n")

    def state() -> list[str]:
        return [
            project.git("ls-files", "-s"),
            (project.root / ".git/HEAD").read_text(),
            project.git("rev-parse", "HEAD"),
        ]

    before = state()
    said = flat(project.rlx("doctor", check=False).stdout)
    assert f"a {what} is under way" in said
    assert not TOUCHES_GIT.search(said), said
    assert "checkpoints" not in said
    project.rlx("doctor", "--fix", check=False)
    assert state() == before
    if what == "bisect":
        return
    assert "params.yaml has the marks of a merge conflict" in said
    for words, status in (("compare", 3), ("train cartpole", 3)):
        done = project.rlx(*words.split(), check=False)
        assert (done.returncode, "conflict" in flat(done.stdout)) == (status, True), done.stdout
    settled = project.rlx("sync", "--merge")
    assert "merged: dvc.yaml, params.yaml" in flat(settled.stdout)
    roster = yaml.safe_load((project.root / "params.yaml").read_text())["study"]["runs"]
    assert set(roster) == {"cartpole", "cartpole_epochs", "mine", "yours"}
    assert project.git("ls-files", "--unmerged") == ""
    assert f"dvc.yaml compares {', '.join(roster)}" in flat(project.rlx("sync").stdout)


def test_what_both_sides_changed_is_named_and_left(project: Project) -> None:
    home = project.git("branch", "--show-current").strip()
    for branch, gamma in ((home, 0.9), ("theirs", 0.8)):
        if branch == "theirs":
            project.git("switch", "-qc", "theirs", "HEAD^")
        edit(project, ("algo", "gamma"), gamma)
        enlist(project, f"run_{branch}")
        project.write(f"configs/run_{branch}.yaml", "{}\n")
        project.commit(branch)
    assert project.run("git", "merge", home, check=False).returncode
    left = project.rlx("sync", "--merge", check=False)
    assert (left.returncode, "left to you: params.yaml" in flat(left.stdout)) == (3, True), left.stdout
    text = (project.root / "params.yaml").read_text()
    assert text.count("<<<<<<<") == 1
    project.write("params.yaml", re.sub(r"<{7} ours\n(.*?)={7}\n.*?>{7} theirs\n", r"\1", text, flags=re.DOTALL))
    project.git("add", "params.yaml")
    assert f"run_{home}" in project.rlx("sync", "--merge").stdout


def test_nothing_to_merge_is_said(project: Project) -> None:
    assert "Nothing is to merge here" in flat(project.rlx("sync", "--merge").stdout)


def test_a_conflict_of_a_stash_is_not_offered_for_commit(study: Project) -> None:
    config = study.root / "configs/cartpole_epochs.yaml"
    text = config.read_text()
    study.write("dvc.lock", (study.root / "dvc.lock").read_text() + "\n")
    config.write_text(text + "# mine\n")
    said = flat(study.rlx("doctor", check=False).stdout)
    assert "`git add -- configs/cartpole_epochs.yaml dvc.lock && git commit" in said  # results with what made them
    study.git("stash", "-q")
    config.write_text(text + "# yours\n")
    study.commit("yours")
    assert study.run("git", "stash", "pop", check=False).returncode
    assert not TOUCHES_GIT.search(flat(study.rlx("doctor", check=False).stdout).replace("`git stash drop`", ""))


def test_what_stages_wrote_of_a_run_that_one_side_took_out_goes(project: Project) -> None:
    home = project.git("branch", "--show-current").strip()
    project.git("config", "--remove-section", "merge.rlx")
    snapshot = "runs/cartpole_epochs/config_snapshot.yaml"
    project.write(snapshot, "a: 1\n")
    project.commit("made")
    project.git("switch", "-qc", "theirs")
    project.write(snapshot, "a: 2\n")
    project.commit("changed")
    project.git("switch", "-q", home)
    text = (project.root / "params.yaml").read_text()
    project.write("params.yaml", with_list(text, ("study", "runs"), ["cartpole"], "params.yaml"))
    project.git("rm", "-q", snapshot)
    project.rlx("sync")
    project.commit("taken out")
    assert project.run("git", "merge", "theirs", check=False).returncode
    assert snapshot in flat(project.rlx("sync", "--merge").stdout)
    assert not (project.root / snapshot).exists()
    assert project.git("ls-files", "--unmerged") == ""


def test_seeds_that_a_colleague_trained_are_taken_from_dvcs_cache(study: Project) -> None:
    shutil.rmtree(study.root / ".dvc/tmp/rlx")  # as in a clone that pulled them
    snapshot = read_snapshot(study.root / "runs/cartpole_epochs/config_snapshot.yaml")
    folder = study.root / "runs/renamed"
    folder.mkdir()
    outcomes = train_run(study.root, "renamed", snapshot, lambda _: None)
    assert [(outcome.seed, outcome.status, outcome.reused) for outcome in outcomes] == [
        (seed, "finished", True) for seed in snapshot.seeds
    ]
    for output in ("checkpoints", "metrics.jsonl", "logs"):
        made, given = (study.root / f"runs/{run_name}/{output}" for run_name in ("renamed", "cartpole_epochs"))
        files = [path for path in given.rglob("*") if path.is_file()] or [given]
        for path in files:
            assert (made / path.relative_to(given)).read_bytes() == path.read_bytes()


def test_seeds_of_other_settings_or_damage_are_not_taken(study: Project) -> None:
    shutil.rmtree(study.root / ".dvc/tmp/rlx")
    snapshot = read_snapshot(study.root / "runs/cartpole/config_snapshot.yaml")

    def taken(asked: Snapshot) -> dict[int, str]:
        return take_recorded(study.root, asked, {seed: entry_for(study.root, asked, seed) for seed in asked.seeds})

    config = snapshot.config
    for other in (
        config.model_copy(update={"algo": config.algo.model_copy(update={"gamma": 0.5})}),
        config.model_copy(update={"seed": 50}),
    ):
        assert taken(replace(snapshot, config=other)) == {}
    assert taken(replace(snapshot, code=ProjectCode({"envs/x.py": "0" * 64}))) == {}
    stage = study.root / "stages/train.py"
    text = stage.read_text()
    stage.write_text(text + "# another\n")
    assert taken(snapshot) == {}
    stage.write_text(text)
    lock = yaml.safe_load((study.root / "dvc.lock").read_text())
    digests = {out["path"]: out["md5"] for out in lock["stages"]["train@cartpole"]["outs"]}
    objects = study.root / ".dvc/cache/files/md5"
    listing = json.loads(
        (objects / digests["runs/cartpole/checkpoints"][:2] / digests["runs/cartpole/checkpoints"][2:]).read_text()
    )
    first = next(entry["md5"] for entry in listing if entry["relpath"] == f"seed_{snapshot.seeds[0]}/best.zip")
    damaged = objects / first[:2] / first[2:]
    damaged.chmod(0o644)
    damaged.write_bytes(b"x" + damaged.read_bytes())
    assert taken(snapshot) == {}
    assert not list((study.root / ".dvc/tmp/rlx").rglob("*.zip"))
    damaged.unlink()
    assert taken(snapshot) == {}


def test_a_run_that_a_merge_dropped_is_named(study: Project) -> None:
    text = (study.root / "params.yaml").read_text()
    study.write("params.yaml", with_list(text, ("study", "runs"), ["cartpole"], "params.yaml"))
    study.rlx("sync")
    said = flat(study.rlx("doctor", check=False).stdout)
    assert "cartpole_epochs has a config and results here, and is not in study.runs" in said


def test_line_endings_of_another_system_change_nothing(study: Project, tmp_path: Path) -> None:
    study.dvc("push", "-q")
    there = tmp_path / "windows"
    subprocess.run(["git", "clone", "-q", "-c", "core.autocrlf=true", str(study.root), str(there)], check=True)
    hers = Project(there)
    assert (
        b"\r" not in (there / "params.yaml").read_bytes() + (there / "runs/cartpole/config_snapshot.yaml").read_bytes()
    )
    hers.dvc("pull", "-q")
    assert "up to date" in hers.dvc("status")
    assert rows(hers)["cartpole"]["status"] == "finished"


# --- names ------------------------------------------------------------------------------------------------------------


def keep(
    project: Project, name: str, who: str, email: str, base: str = "HEAD", edits: Mapping[str, str] | None = None
) -> str:
    """Keep the commit's own state as an experiment, as one that a colleague made and that was pulled."""
    index = {
        **os.environ,
        "GIT_AUTHOR_NAME": who,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_INDEX_FILE": str(project.root / ".git/kept"),
    }

    def git(*words: str, text: str | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=project.root, env=index, text=True, input=text, capture_output=True, check=True
        )
        return done.stdout.strip()

    git("read-tree", "HEAD")
    for path, text in (edits or {}).items():
        git("update-index", "--cacheinfo", f"100644,{git('hash-object', '-w', '--stdin', text=text)},{path}")
    base = git("rev-parse", base)
    commit = git("commit-tree", git("write-tree"), "-p", base, "-m", f"{name} of {who}")
    git("update-ref", f"refs/exps/{base[:2]}/{base[2:]}/{name}", commit)
    return commit


def test_two_peoples_experiments_of_one_name_are_told_apart(study: Project) -> None:
    study.git("config", "user.email", "test@localhost")
    study.commit("more")
    theirs = keep(study, "cartpole_001", "Ben Löwe", "ben@there", "HEAD^")
    mine = keep(study, "cartpole_001", "Test", "test@localhost", "HEAD")
    found = {row for row in rows(study) if "cartpole_001" in row}
    assert found == {
        f"{run}@cartpole_001{whose}" for run in ("cartpole", "cartpole_epochs") for whose in ("", "~ben-lowe")
    }
    for name, commit in (("cartpole@cartpole_001", mine), ("cartpole@cartpole_001~ben-lowe", theirs)):
        study.rlx("checkout", name)
        assert json.loads((study.root / "runs" / name / ".origin.json").read_text())["commit"] == commit
    taken = study.rlx("train", "cartpole", "--name", "cartpole_001", "--seeds", "1", check=False)
    assert (taken.returncode, "already" in taken.stdout) == (2, True)
    begun = study.root / "runs/cartpole_002"  # an experiment of this clone's owner that was stopped
    begun.mkdir()
    shutil.copy(study.root / "runs/cartpole/config_snapshot.yaml", begun)
    (begun / ".gitignore").write_text("*\n")
    record = {
        "format": 1,
        "run": "cartpole",
        "settings": ["algo.gamma=0.5"],
        "targets": ["eval@cartpole"],
        "parent": None,
    }
    (begun / "experiment.json").write_text(json.dumps(record))
    keep(study, "cartpole_002", "Ben Löwe", "ben@there")
    listed = rows(study)
    assert listed["cartpole_002"]["status"] == "stopped"
    assert {"cartpole@cartpole_002~ben-lowe", "cartpole_epochs@cartpole_002~ben-lowe"} <= set(listed)
    study.rlx("rm", "cartpole_001~ben-lowe")
    assert {row for row in rows(study) if "cartpole_001" in row and "~" in row} <= {"cartpole@cartpole_001~ben-lowe"}
    assert "cartpole@cartpole_001" in rows(study)


def test_a_browsable_folder_answers_for_its_own_experiment_alone(study: Project) -> None:
    lock = yaml.safe_load((study.root / "dvc.lock").read_text())
    one, other = (dict(lock, stages=dict(lock["stages"])) for _ in range(2))
    for content, run_name in ((one, "cartpole"), (other, "cartpole_epochs")):  # what each says of `cartpole` is new
        outs = [dict(out) for out in lock["stages"][f"train@{run_name}"]["outs"]]
        for out in outs:
            out["path"] = out["path"].replace("cartpole_epochs/", "cartpole/")
        content["stages"]["train@cartpole"] = {**lock["stages"]["train@cartpole"], "cmd": "changed", "outs": outs[1:]}
    first = keep(study, "kept", "Ann", "ann@there", edits={"dvc.lock": yaml.safe_dump(one, sort_keys=False)})
    study.rlx("checkout", "kept")
    folder = study.root / "runs/kept"
    assert json.loads((folder / ".origin.json").read_text())["commit"] == first
    assert study.git("status", "--short") == ""
    second = keep(study, "kept", "Ann", "ann@there", edits={"dvc.lock": yaml.safe_dump(other, sort_keys=False)})
    study.rlx("info", "kept", check=False)  # another experiment has the name now: the folder is made anew
    assert json.loads((folder / ".origin.json").read_text())["commit"] == second
    assert "kept" in rows(study)
    study.dvc("exp", "rename", "kept", "renamed")
    assert "renamed" in rows(study)
    assert not folder.exists()
    assert (study.root / "runs/renamed/.origin.json").is_file()
    assert study.rlx("info", "kept", check=False).returncode == 4


def test_a_missing_revision_of_a_shallow_clone_is_told(finished: Project, tmp_path: Path) -> None:
    subprocess.run(["git", "clone", "-q", "--depth", "1", finished.root.as_uri(), str(tmp_path / "robot")], check=True)
    robot = Project(tmp_path / "robot")
    refused = robot.rlx("info", "cartpole@HEAD~2", check=False)
    assert (refused.returncode, "this clone is shallow" in flat(refused.stdout)) == (4, True), refused.stdout


# --- two people add a run each (these train) --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def team(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bare repository ``hub``, a store, and the clones of two who have each added and pushed a run.

    Ben has not pulled what Ann pushed.
    """
    folder = tmp_path_factory.mktemp("team")
    shutil.copytree(finished.root, folder / "seed", symlinks=True)
    seed = Project(folder / "seed")
    seed.dvc("remote", "modify", "storage", "url", str(folder / "store"))
    seed.commit("the store")
    seed.dvc("push", "-q")
    subprocess.run(["git", "clone", "-q", "--bare", str(seed.root), str(folder / "hub")], check=True)
    for who, run_name, gamma in (("ann", "slow", 0.9), ("ben", "quick", 0.95)):
        subprocess.run(["git", "clone", "-q", str(folder / "hub"), str(folder / who)], check=True)
        clone = Project(folder / who)
        clone.git("config", "user.name", who)
        clone.rlx("init", ".")
        clone.dvc("pull", "-q")
        clone.write(f"configs/{run_name}.yaml", f"algo: {{gamma: {gamma}, total_timesteps: 1024}}\nnum_seeds: 2\n")
        enlist(clone, run_name)
        clone.rlx("sync")
        clone.dvc("repro")
        clone.commit(f"add {run_name}")
        clone.dvc("push", "-q")
    Project(folder / "ann").git("push", "-q")
    return folder


def stages_to_run(project: Project) -> set[str]:
    return set(re.findall(r"Running stage '([\w@]+)'", project.dvc("repro", "--dry")))


JUDGED_ONLY = {"resolve@cartpole", "resolve@cartpole_epochs", "resolve@slow", "resolve@quick", "compare"}


def ways() -> dict[str, Callable[[Project], object]]:
    def settled(*words: str) -> Callable[[Project], object]:
        def way(ben: Project) -> None:
            ben.git("config", "--remove-section", "merge.rlx")
            assert ben.run("git", *words, check=False).returncode or words[1] == "--squash"
            ben.rlx("sync", "--merge")
            what = words[0] if words[0] in ("rebase", "cherry-pick") else None
            finish = ["-c", "core.editor=true", what, "--continue"] if what else ["commit", "-qm", "merged"]
            ben.git(*finish)

        return way

    return {
        "the driver merges": lambda ben: ben.git("merge", "-q", "--no-edit", "origin/HEAD"),
        "the driver rebases": lambda ben: ben.git("rebase", "-q", "origin/HEAD"),
        "merge": settled("merge", "--no-edit", "origin/HEAD"),
        "rebase": settled("rebase", "origin/HEAD"),
        "cherry-pick": settled("cherry-pick", "origin/HEAD"),
        "squash": settled("merge", "--squash", "origin/HEAD"),
    }


@pytest.mark.slow
@pytest.mark.xdist_group("team")
@pytest.mark.parametrize("way", list(ways()))
def test_two_who_each_added_a_run_merge_and_train_nothing(team: Path, tmp_path: Path, way: str) -> None:
    shutil.copytree(team / "ben", tmp_path / "ben", symlinks=True)
    ben = Project(tmp_path / "ben")
    ben.git("fetch", "-q")
    ways()[way](ben)
    assert ben.git("status", "--short") == ""
    roster = yaml.safe_load((ben.root / "params.yaml").read_text())["study"]["runs"]
    assert set(roster) == {"cartpole", "cartpole_epochs", "slow", "quick"}
    assert "    - quick\n" in (ben.root / "params.yaml").read_text()
    ben.dvc("pull", "-q")
    assert stages_to_run(ben) == JUDGED_ONLY
    if way != "the driver merges":
        return
    ran = set(re.findall(r"Running stage '([\w@]+)'", ben.dvc("repro")))
    assert ran == JUDGED_ONLY
    assert len(json.loads(ben.rlx("compare", "--json").stdout)["runs"]) == 4
    ben.commit("judged together")
    assert stages_to_run(ben) == set()


@pytest.mark.slow
@pytest.mark.xdist_group("team")
def test_a_run_that_both_made_and_that_comes_out_as_theirs_is_not_trained_again(team: Path, tmp_path: Path) -> None:
    shutil.copytree(team / "ben", tmp_path / "ben", symlinks=True)
    ben = Project(tmp_path / "ben")
    ben.write("configs/slow.yaml", "algo: {gamma: 0.3, total_timesteps: 1024}\nnum_seeds: 2\n")
    enlist(ben, "slow")
    ben.rlx("sync")
    ben.dvc("repro")
    ben.commit("slow of my own")
    ben.git("fetch", "-q")
    assert ben.run("git", "merge", "origin/HEAD", check=False).returncode
    assert "left to you: configs/slow.yaml" in flat(ben.rlx("sync", "--merge", check=False).stdout)
    ben.git("checkout", "--theirs", "configs/slow.yaml")
    ben.git("add", "configs/slow.yaml")
    assert "dvc.lock has their results now" in flat(ben.rlx("sync", "--merge").stdout)
    ben.git("commit", "-q", "--no-edit")
    ben.dvc("pull", "-q")
    assert set(re.findall(r"Running stage '([\w@]+)'", ben.dvc("repro"))) <= JUDGED_ONLY


@pytest.mark.slow
@pytest.mark.xdist_group("team")
def test_a_colleagues_experiment_is_promoted_without_training(team: Path, tmp_path: Path) -> None:
    for who in ("ann", "ben"):
        shutil.copytree(team / who, tmp_path / who, symlinks=True)
    ann, ben = Project(tmp_path / "ann"), Project(tmp_path / "ben")
    ann.rlx("train", "slow", "-S", "configs/slow.yaml:algo.gamma=0.8")
    ann.dvc("exp", "push", "-q", "origin", "slow_001")
    ben.git("pull", "-q", "--no-rebase", "--no-edit")
    ben.dvc("pull", "-q")
    ben.dvc("repro")
    ben.commit("together")
    before = (ben.root / "configs/slow.yaml").read_text()
    ben.dvc("exp", "pull", "-q", "origin", "slow_001")
    said = flat(ben.rlx("promote", "slow_001").stdout)
    assert "Beware" not in said
    assert (ben.root / "configs/slow.yaml").read_text() == before.replace("0.9", "0.8")
    assert ben.git("status", "--short") == ""
    assert not {stage for stage in stages_to_run(ben) if stage.startswith(("train", "eval", "video", "analyze"))}
    ran = set(re.findall(r"Running stage '([\w@]+)'", ben.dvc("repro")))
    assert not {stage for stage in ran if stage.startswith(("train", "eval", "video"))}, ran
    assert json.loads(ben.rlx("info", "slow", "--json").stdout)["status"] == "finished"
    ann.rlx("train", "cartpole", "-S", "algo.gamma=0.5", "--name", "base")
    assert "cartpole_epochs" in flat(ann.rlx("promote", "base").stdout).partition("Beware: ")[2].partition(" build")[0]
    assert "train@cartpole" not in stages_to_run(ann)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_page_is_played_block_by_block(tmp_path: Path) -> None:
    page = (REPOSITORY / "docs" / "teams.md").read_text()
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "hub")], check=True)
    people: dict[str, tutorial.Reader] = {}
    for block in (block for block in tutorial.blocks(page) if block.who):
        (tmp_path / block.who).mkdir(exist_ok=True)
        reader = people.setdefault(block.who, tutorial.Reader(tmp_path / block.who))
        for command in block.commands:
            said = reader.type(command)
            assert "Traceback" not in said
            if command.startswith("git push -q -u"):
                shrink(Project(reader.here))
                subprocess.run(["git", "push", "-q"], cwd=reader.here, check=True)
            if (block.who, command) == ("ben", "dvc repro") and "Merge" in Project(reader.here).git("log", "-1"):
                assert set(re.findall(r"Running stage '(\w+)", said)) == {"resolve", "compare"}
    summary = (people["robot"].here / "summary.md").read_text()
    assert "patient" in summary
    assert "eager" in summary
