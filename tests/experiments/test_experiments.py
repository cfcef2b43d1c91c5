"""Experiments made, resumed, brought back, dropped and promoted: `rlx train`, `resume`, `checkout`, `rm`, `promote`."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from rlx.errors import ConfigError, UsageError
from rlx.experiments import LINEAGE, Elsewhere, kept_record, plan, start_once
from rlx.experiments.experiment_task import make_experiments
from rlx.launch import CANCELLED, Cause, Failure, Sight, Task
from tests.conftest import Project, interruptible


def one_line(text: str) -> str:
    return " ".join(text.split())


def rows(project: Project) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in json.loads(project.rlx("ls", "--json").stdout)["runs"]}


@pytest.fixture(scope="module")
def made(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with edits and a new config, and one experiment of that config; `said.txt` holds what was printed."""
    project = Project(tmp_path_factory.mktemp("made") / "a project, été")
    shutil.copytree(finished.root, project.root, symlinks=True)
    project.write("configs/mine.yaml", "algo: {update_epochs: 2}\n")
    project.write("notes.txt", "private\n")
    project.replace("params.yaml", "alpha: 0.05 ", "alpha: 0.04 ")
    project.write("../before.txt", project.git("status", "--porcelain", "--branch"))
    project.write("../said.txt", project.rlx("train", "mine", "--seeds", "1", "--name", "first").stdout)
    return project


@pytest.fixture
def copy(made: Project, tmp_path: Path) -> Project:
    shutil.copytree(made.root, tmp_path / "copy", symlinks=True)
    return Project(tmp_path / "copy")


def test_train_says_what_it_includes_and_leaves_the_workspace_alone(made: Project) -> None:
    said = one_line((made.root / "../said.txt").read_text())
    assert "with uncommitted edits of params.yaml" in said
    assert "with new files: configs/mine.yaml" in said
    assert "without notes.txt: Git does not know them" in said
    assert "first: mean return" in said
    assert "algo.update_epochs 4 → 2" in said
    assert re.search(r"Took [\d.]+ s: plan [\d.]+, resolve .*, train .*, evaluate .*, film .*, analyse .*, keep ", said)
    assert made.git("status", "--porcelain", "--branch") == (made.root / "../before.txt").read_text()
    assert made.git("stash", "list") == ""
    assert not list((made.root / ".dvc/tmp/rlx-workplaces").iterdir())


def test_an_experiment_is_a_folder_a_dvc_experiment_and_a_run(made: Project) -> None:
    folder = made.root / "runs" / "first"
    assert {"checkpoints", "eval", "videos", "plots", "logs", "analysis.md"} <= {path.name for path in folder.iterdir()}
    assert not {"bench", "experiment.json"} & {path.name for path in folder.iterdir()}
    assert not any(path.stat().st_mode & stat.S_IWUSR for path in folder.rglob("*") if path.is_file())
    assert "first" in made.dvc("exp", "list", "--name-only").split()
    record = kept_record(made.root, commit_of(made, "first"))
    assert record is not None
    assert (record.run, record.settings[0], record.targets) == ("mine", "num_seeds=1", ("analyze@mine", "video@mine"))
    facts = json.loads(made.rlx("info", "first", "--json").stdout)
    assert not set(LINEAGE) & set(facts)
    whole = facts["spent"].pop("whole")
    assert list(facts["spent"]) == ["plan", "resolve", "train", "eval", "video", "analyze", "keep"]
    assert 0 < sum(facts["spent"].values()) <= whole
    assert rows(made)["first"]["kind"] == "experiment"
    assert json.loads((folder / "metadata.json").read_text())["git"]["dirty"] == ["configs/mine.yaml", "params.yaml"]
    parameters = yaml.safe_load(made.git("show", f"{commit_of(made, 'first')}:params.yaml"))
    assert (parameters["num_seeds"], parameters["compare"]["alpha"]) == (1, 0.04)


def commit_of(project: Project, name: str) -> str:
    refs = project.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps").splitlines()
    return next(line.split()[0] for line in refs if line.endswith(f"/{name}"))


def test_what_is_kept_already_trains_nothing(made: Project) -> None:
    before = made.git("for-each-ref", "refs/exps")
    assert "first is that already" in made.rlx("train", "mine", "--seeds", "1").stdout
    assert "cartpole is that already" in made.rlx("train", "configs/cartpole.yaml").stdout
    assert "`rlx info cartpole`" in made.rlx("train", "cartpole", "-S", "algo.gamma=0.98").stdout
    assert made.git("for-each-ref", "refs/exps") == before


def test_mistaken_settings_are_told_before_anything_is_made(made: Project) -> None:
    before = sorted(path.name for path in (made.root / "runs").iterdir())
    for setting, status, message in (
        ("algo.gama=0.9", 3, "there is no setting 'algo.gama'; did you mean algo.gamma?"),
        ("gamma=0.9", 3, "did you mean algo.gamma?"),
        ("algo.gamma=2", 3, "-S algo.gamma=2: must be at most 1"),
        ("algo.gamma=fast", 3, "-S algo.gamma=fast: must be"),
        ("algo.batch_size=100", 3, "batch_size"),
        ("env.id=CartPole-v9", 3, "CartPole"),
        ("algo.gamma=0.9,0.99", 2, "`rlx sweep` tries them all"),
        ("algo.gamma", 2, "must be KEY=VALUE"),
        ("configs/nowhere.yaml:algo.gamma=0.9", 3, "there is no file configs/nowhere.yaml"),
        ("algo.gamma=[", 3, "-S algo.gamma=["),
    ):
        done = made.rlx("train", "cartpole", "-S", setting, check=False)
        assert done.returncode == status, (setting, done.stdout)
        assert message in one_line(done.stdout), (setting, done.stdout)
        assert "Traceback" not in done.stdout
    assert sorted(path.name for path in (made.root / "runs").iterdir()) == before


def test_a_parameter_that_stages_depend_on_and_nobody_says_is_told(project: Project) -> None:
    text = (project.root / "params.yaml").read_text()
    project.write("params.yaml", re.sub(r"(?ms)^algo:\n.*?\n\n", "", text).replace("device: auto", "# none"))
    done = project.rlx("train", "cartpole", check=False)
    assert done.returncode == 3
    assert "params.yaml: device, algo are missing, and the stage resolve in dvc.yaml depends on them" in one_line(
        done.stdout
    )
    assert "write such as `device: auto`" in one_line(done.stdout)
    assert not list((project.root / "runs").glob("cartpole_*"))
    project.write("params.yaml", text)
    with pytest.raises(ConfigError, match="compare is missing"):
        project.replace("params.yaml", "\ncompare:", "\n#compare:")
        project.write(
            "params.yaml", re.sub(r"(?ms)^#compare:.*?(?=^\S|\Z)", "", (project.root / "params.yaml").read_text())
        )
        plan(project.root, "cartpole", ())


def test_an_experiment_is_dropped_and_brought_back_by_the_command_that_is_printed(copy: Project) -> None:
    copy.rlx("tag", "first", "good")
    said = copy.rlx("rm", "first").stdout
    assert "first" not in rows(copy)
    assert not (copy.root / "runs/first").exists()
    assert "its tags and note stay in runs/first.yaml" in one_line(said)
    copy.run("bash", "-c", said.split("`")[1])
    assert (rows(copy)["first"]["status"], rows(copy)["first"]["tags"]) == ("finished", ["good"])
    assert "read-only" in copy.rlx("checkout", "first").stdout
    assert (copy.root / "runs/first/checkpoints/seed_1/latest.zip").is_file()
    assert "is a run of the study" in one_line(copy.rlx("rm", "cartpole", check=False).stdout)
    assert "did you mean first?" in one_line(copy.rlx("rm", "firs", check=False).stdout)


def test_checkout_brings_runs_of_the_study_and_of_revisions_back(copy: Project) -> None:
    shutil.rmtree(copy.root / "runs/cartpole/checkpoints")
    copy.rlx("checkout", "cartpole", "cartpole@HEAD")
    assert (copy.root / "runs/cartpole/checkpoints/seed_1/best.zip").is_file()
    assert (copy.root / "runs/cartpole@HEAD/checkpoints/seed_1/best.zip").is_file()
    assert "cartpole@HEAD" not in copy.git("status", "--short")


def test_promote_merges_what_an_experiment_changed_and_commits_only_that(copy: Project) -> None:
    copy.replace(
        "params.yaml", "entropy_coef: 0.0", "entropy_coef: 0.001"
    )  # an edit elsewhere stays, and is committed too
    said = one_line(copy.rlx("promote", "first").stdout)
    assert "changed and committed: params.yaml" in said
    committed = yaml.safe_load(copy.git("show", "HEAD:params.yaml"))
    assert committed["study"]["runs"] == ["cartpole", "cartpole_epochs", "mine"]
    assert committed["num_seeds"] == 1
    assert committed["algo"]["entropy_coef"] == 0.001
    assert "runs/mine/eval" in copy.git("show", "HEAD:dvc.yaml")
    assert "Promote experiment first" in copy.git("log", "-1", "--format=%s")
    assert "?? notes.txt" in copy.git("status", "--short")
    assert "has all of it already" in copy.rlx("promote", "first").stdout
    copy.replace("params.yaml", "num_seeds: 1 ", "num_seeds: 7 ")
    refused = copy.rlx("promote", "first", check=False)
    assert refused.returncode == 1
    assert "changed the same lines of params.yaml" in one_line(refused.stdout)


def test_a_promotion_that_was_killed_is_finished_by_the_next_call(copy: Project) -> None:
    """Killed between writing and committing: by a hook of Git's that ends rlx without warning."""
    copy.git("commit", "-q", "-am", "edits")
    copy.write("kept.txt", "staged, and nobody else's\n")
    copy.git("add", "kept.txt")
    hook = copy.write(".git/hooks/pre-commit", "#!/bin/sh\nkill -9 $(ps -o ppid= -p $PPID)\nexit 1\n")
    hook.chmod(0o755)
    before = copy.git("rev-parse", "HEAD")
    killed = copy.run("bash", "-c", "rlx promote first", check=False)
    assert killed.returncode in (-signal.SIGKILL, 137), killed.stdout
    assert copy.git("rev-parse", "HEAD") == before
    hook.unlink()
    (copy.root / ".git/index.lock").unlink(missing_ok=True)
    said = one_line(copy.rlx("promote", "first").stdout)
    assert "changed and committed: " in said
    assert copy.git("rev-list", "--count", f"{before.strip()}..HEAD").strip() == "1"
    names = copy.git("diff", "--name-only", before.strip(), "HEAD").split()  # the config was there, and not committed
    results = ["runs/mine/config_snapshot.yaml", "runs/mine/judging.yaml", "runs/mine/task.json"]
    assert names == ["configs/mine.yaml", "dvc.lock", "dvc.yaml", "params.yaml", *results]
    assert copy.git("status", "--porcelain").splitlines() == ["A  kept.txt", "?? notes.txt"]
    assert "has all of it already" in copy.rlx("promote", "first").stdout
    marks = "<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> other\n"
    for name, status in (("dvc.lock", 4), ("params.yaml", 3)):
        text = (copy.root / name).read_text()
        copy.write(name, text + marks)
        refused = copy.rlx("promote", "first", check=False)
        assert (refused.returncode, "merge conflict" in one_line(refused.stdout)) == (status, True), refused.stdout
        copy.write(name, text)
    (copy.root / ".git/MERGE_HEAD").write_text(before)
    refused = copy.rlx("promote", "first", check=False)
    assert (refused.returncode, "a merge is under way" in one_line(refused.stdout)) == (1, True), refused.stdout


@pytest.mark.slow
def test_a_finished_run_is_trained_further_as_an_experiment_with_its_lineage(copy: Project) -> None:
    assert "nothing to go on with" in one_line(copy.rlx("resume", "first").stdout)
    refused = copy.rlx("resume", "first", "--timesteps", "2048", check=False)
    assert (refused.returncode, "2,048 steps per seed already" in refused.stdout) == (2, True)
    refused = copy.rlx("resume", "first", "--timesteps", "3000", "-S", "policy.hidden_sizes=[8]", check=False)
    assert (refused.returncode, "policy.hidden_sizes is [8] and was [64, 64]" in one_line(refused.stdout)) == (2, True)
    wide = ("-S", "env.num_envs=32", "-S", "algo.learning_rate={start:0.01,end:0.0}", "-S", "algo.batch_size=1024")
    said = one_line(copy.rlx("resume", "first", "--timesteps", "6000", *wide).stdout)
    assert "first_001: first, trained further to 6,000 steps per seed -S env.num_envs=32" in said
    facts = json.loads(copy.rlx("info", "first_001", "--json").stdout)
    assert (facts["continues"], facts["parent"]) == ("first", "first")
    assert facts["scores"]["latest"]["steps"] == {"1": 6144}
    before, after = (
        [json.loads(line) for line in (copy.root / "runs" / run / "metrics.jsonl").read_text().splitlines()]
        for run in ("first", "first_001")
    )
    assert after[: len(before)] == before
    assert [row["step"] for row in after] == [*range(256, 2049, 256), 3072, 4096, 5120, 6144]
    assert after[9]["train/learning_rate"] == pytest.approx(0.01 * (1 - 4096 / 6000))


def wait_for_training(project: Project, name: str) -> None:
    """Wait until a seed of an experiment has taken its first steps."""
    for _ in range(600):
        if any(path.stat().st_size for path in project.root.glob(f"runs/{name}/bench/*/metrics.jsonl")):
            return
        time.sleep(0.1)
    raise AssertionError(f"{name} does not train: {list(project.root.glob(f'runs/{name}/*'))}")


LONG = ("-S", "algo.total_timesteps=12288", "-S", "algo.engine=stable-baselines3", "--seeds", "1")


@pytest.mark.slow
def test_a_stopped_experiment_goes_on_with_what_it_started_from(study: Project) -> None:
    process = subprocess.Popen(
        ["rlx", "train", "cartpole", *LONG], cwd=study.root, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=interruptible,  # noqa: PLW1509 — nothing of this process is used there
    )  # fmt: skip
    wait_for_training(study, "cartpole_001")
    os.killpg(process.pid, signal.SIGINT)
    said = one_line(process.communicate()[0])
    assert process.returncode == 130
    assert "`rlx resume cartpole_001` goes on from them" in said
    row = rows(study)["cartpole_001"]
    assert (row["status"], row["problem"]) == ("stopped", "`rlx resume cartpole_001` goes on from there")
    study.replace("params.yaml", "gamma: 0.98", "gamma: 0.5")  # the workspace moves on
    study.rlx("resume", "cartpole_001")
    snapshot = yaml.safe_load((study.root / "runs/cartpole_001/config_snapshot.yaml").read_text())
    assert snapshot["algo"]["gamma"] == 0.98
    assert rows(study)["cartpole_001"]["status"] == "finished"
    assert "M params.yaml" in study.git("status", "--short")


def test_asking_again_goes_on_with_what_was_stopped(study: Project) -> None:
    def stop(name: str) -> None:
        path = study.root / "runs" / name / "metadata.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"status": "stopped", "process": None}))

    def ask(*settings: str, name: str | None = None) -> tuple[str, str]:
        started = start_once(study.root, plan(study.root, "cartpole", settings), name=name)
        return started.name, started.how

    assert ask("algo.gamma=0.5", name="mine") == ("mine", "new")
    assert ask("algo.gamma=0.5", name="mine") == ("mine", "in the making")
    stop("mine")
    for _ in range(2):  # without the clone that it starts from, and with it
        assert ask("algo.gamma=0.5", name="mine") == ask("algo.gamma=0.5") == ("mine", "stopped")
    with pytest.raises(
        UsageError, match=r"'mine' already, stopped, of another .*gamma 0.5 → 0.6\); `rlx resume mine` goes"
    ):
        ask("algo.gamma=0.6", name="mine")
    assert ask("algo.gamma=0.5", name="other") == ("other", "new")
    shutil.rmtree(study.root / "runs" / "other")
    with (study.root / "stages" / "eval.py").open("a") as file:
        file.write("# evaluates otherwise\n")
    assert ask("algo.gamma=0.5") == ("cartpole_001", "new")


@pytest.mark.slow
def test_killed_experiments_leave_the_project_sound(study: Project) -> None:
    """Kill everything of an experiment without warning at several moments; the workspace never notices."""
    before = study.git("status", "--porcelain", "--branch"), study.git("rev-parse", "HEAD")
    for moment in (0.3, 1.0, 2.0, 4.0):
        process = subprocess.Popen(
            ["rlx", "train", "cartpole", *LONG, "--name", f"killed{moment * 10:.0f}"],
            cwd=study.root, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(moment)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert (study.git("status", "--porcelain", "--branch"), study.git("rev-parse", "HEAD")) == before
        assert study.git("stash", "list") == ""
    process = subprocess.Popen(
        ["rlx", "train", "cartpole", *LONG, "-S", "algo.total_timesteps=81920"],
        cwd=study.root, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for_training(study, "cartpole_001")
    assert rows(study)["cartpole_001"]["status"] == "running"
    assert "is being made by another process" in one_line(study.rlx("resume", "cartpole_001", check=False).stdout)
    process.kill()  # rlx alone; its stages end with it, and DVC after them
    process.wait()
    for _ in range(100):
        if rows(study)["cartpole_001"]["status"] == "stopped":
            break
        time.sleep(0.2)
    assert rows(study)["cartpole_001"]["status"] == "stopped"
    stopped = [name for name, row in rows(study).items() if row["status"] == "stopped"]
    for name in stopped[:1]:
        study.rlx("resume", name)
        assert rows(study)[name]["status"] == "finished"
    study.rlx("rm", *rows(study).keys() - {"cartpole", "cartpole_epochs"})


@pytest.mark.slow
def test_two_trainings_at_once_are_two_experiments(study: Project) -> None:
    processes = [
        subprocess.Popen(
            ["rlx", "train", "cartpole", "-S", f"algo.gamma={gamma}", "--seeds", "1"],
            cwd=study.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for gamma in (0.5, 0.9)
    ]  # fmt: skip
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    found = {name: row["status"] for name, row in rows(study).items()}
    assert found == dict.fromkeys(("cartpole", "cartpole_epochs", "cartpole_001", "cartpole_002"), "finished")


@pytest.mark.slow
def test_a_colleague_gets_results_or_the_sentence_that_works(made: Project, tmp_path: Path) -> None:
    def remake(reference: str, config: str) -> None:
        """Let an experiment have been made with another configuration of DVC's: without the remote."""
        index = {**os.environ, "GIT_INDEX_FILE": str(tmp_path / "index")}

        def git(*words: str, text: str | None = None) -> str:
            done = subprocess.run(
                ["git", *words], cwd=mine.root, env=index, text=True, input=text, capture_output=True, check=True
            )
            return done.stdout.strip()

        git("read-tree", reference)
        git("update-index", "--cacheinfo", f"100644,{git('hash-object', '-w', '--stdin', text=config)},.dvc/config")
        commit = git("commit-tree", "-p", f"{reference}^", "-m", "kept", git("write-tree"))
        git("update-ref", reference, commit)

    def hint(project: Project, name: str) -> str:
        return {row["id"]: row for row in json.loads(project.rlx("ls", "--all", "--json").stdout)["runs"]}[name][
            "problem"
        ]

    made.run("git", "init", "-q", "--bare", str(tmp_path / "hub"))
    shutil.copytree(made.root, tmp_path / "mine", symlinks=True)
    mine = Project(tmp_path / "mine")
    mine.git("remote", "add", "origin", str(tmp_path / "hub"))
    mine.dvc("remote", "add", "-q", "-f", "-d", "later", str(tmp_path / "the store"))
    mine.git("commit", "-qm", "remote", ".dvc/config")
    mine.git("push", "-q", "origin", "HEAD:refs/heads/main")
    remake(next(line.split()[1] for line in mine.git("show-ref").splitlines() if line.endswith("/first")), "[core]\n")
    mine.dvc("exp", "push", "-q", "origin", "first")
    mine.dvc("push", "-q")
    subprocess.run(["git", "clone", "-q", "-b", "main", str(tmp_path / "hub"), str(tmp_path / "hers")], check=True)
    hers = Project(tmp_path / "hers")
    assert (rows(hers)["cartpole"]["status"], hint(hers, "cartpole")) == ("elsewhere", "`dvc pull` fetches its results")
    assert "`dvc pull` fetches its results" in one_line(hers.rlx("info", "cartpole").stdout)
    refused = hers.rlx("compare", check=False)
    assert (refused.returncode, "`dvc pull` fetches its results" in one_line(refused.stdout)) == (4, True), (
        refused.stdout
    )
    hers.run("bash", "-c", hint(hers, "cartpole").split("`")[1])
    assert rows(hers)["cartpole"]["status"] == "finished"
    shutil.rmtree(hers.root / "runs/cartpole/eval")
    (hers.root / "runs/cartpole/metadata.json").unlink()
    hers.run("bash", "-c", hint(hers, "cartpole").split("`")[1])
    assert rows(hers)["cartpole"]["status"] == "finished"
    hers.dvc("exp", "pull", "-q", "origin", "first")
    told = hint(hers, "first")
    assert "made before remote later was set" in told
    for command in ("info", "checkout", "compare"):
        refused = hers.rlx(command, "first", check=False)
        assert (refused.returncode, one_line(told) in one_line(refused.stdout)) == (4, True), refused.stdout
    assert not (hers.root / "runs/first").exists()
    add, push, here = told.split("`")[1::2]
    for project, command in ((mine, add), (mine, push), (hers, here)):
        project.run("bash", "-c", command)
    assert rows(hers)["first"]["status"] == "finished"


def test_a_colleague_compares_what_was_pushed(made: Project, tmp_path: Path) -> None:
    made.run("git", "init", "-q", "--bare", str(tmp_path / "hub"))
    shutil.copytree(made.root, tmp_path / "mine", symlinks=True)
    mine = Project(tmp_path / "mine")
    mine.git("remote", "add", "origin", str(tmp_path / "hub"))
    mine.git("push", "-q", "origin", "HEAD:refs/heads/main")
    mine.dvc("exp", "push", "-q", "origin", "first")
    mine.dvc("push", "-q")
    subprocess.run(["git", "clone", "-q", "-b", "main", str(tmp_path / "hub"), str(tmp_path / "hers")], check=True)
    hers = Project(tmp_path / "hers")
    hers.dvc("exp", "pull", "-q", "origin", "first")
    hers.dvc("pull", "-q")
    assert rows(hers)["first"]["status"] == "finished"
    compared = json.loads(hers.rlx("compare", "cartpole", "first", "--json").stdout)
    assert compared["comparisons"][0]["changes"]["algo.update_epochs"] == [4, 2]


@pytest.mark.parametrize(("name", "library"), [("trpo", "sb3-contrib"), ("ppo", None)])
def test_an_experiment_as_a_task_is_made_with_the_libraries_of_its_algorithm(
    project: Project, name: str, library: str | None
) -> None:
    project.write("configs/mine.yaml", f"algo: {{name: {name}, rollout_steps: 128}}\n")
    submitted: list[Task] = []

    def look() -> dict[str, Sight]:
        failure = Failure("cancelled", "cancelled", Cause(CANCELLED))
        return {task.key: Sight("gone", failure=failure, final=True) for task in submitted}

    nothing = {name: lambda *_: set() for name in ("attach", "cancel", "close")}
    executor = SimpleNamespace(**nothing, submit=submitted.extend, look=look, pause=0.0, tries=1)
    ends: list[tuple[str, str | None]] = []
    make_experiments(
        project.root,
        {"first": plan(project.root, "mine", []).snapshot},
        Elsewhere(lambda: executor, lambda _: None),
        "rlx sweep mine",
        lambda *end: ends.append(end),
    )
    assert ends == [("first", "cancelled")]
    named = submitted[0].spec["software"]
    assert {"numpy", "torch"} <= named.keys()
    assert ("sb3-contrib" in named) == (library is not None)
