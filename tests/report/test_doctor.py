"""`rlx doctor`: what it finds, what it mends, what it leaves alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rlx.report.doctor import cache, examination, leftovers
from rlx.report.doctor.check_result import CheckResult, ok
from rlx.report.doctor.project import is_repository
from tests.conftest import Project


def examined(project: Project, *, fix: bool = False, verify: bool = False) -> dict[str, CheckResult]:
    """Return the findings about a project that ask for something, or were mended, by name."""
    checks = {**examination.PROJECT, **examination.STATE}
    if not is_repository(project.root):
        checks = {name: check for name, check in checks.items() if name not in examination.NEED_GIT}
    if verify:
        checks["cache"] = partial(cache.objects, progress=lambda _, __: None)
    section = examination.CheckSection("all", tuple(examination._findings(checks, project.root)))
    (section,) = examination.mended([section]) if fix else [section]
    return {each.name: each for each in section.findings if each.level != "ok" or each.mended}


def aged(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (time.time() - 3600,) * 2)
    return path


def test_a_sound_project_has_no_findings_and_the_text_fits(finished: Project) -> None:
    done = finished.rlx("doctor", "--verify")
    assert done.returncode == 0
    assert "0 problems, 0 warnings" in done.stdout
    assert "objects of DVC's cache, each as its hash says" in " ".join(done.stdout.split())
    assert max(len(line) for line in done.stdout.splitlines() if os.sep not in line) <= 80  # paths stay whole


def test_a_check_that_raises_is_a_finding_and_hides_no_other() -> None:
    def broken(_: object) -> Any:
        raise ZeroDivisionError("of all things")

    found = list(examination._findings({"broken": broken, "other": lambda _: [ok("next", "fine")]}, None))
    assert [(each.name, each.level) for each in found] == [("broken", "problem"), ("next", "ok")]
    assert "ZeroDivisionError: of all things" in found[0].message


def test_checks_are_called_as_ever_whatever_their_functions_are_called() -> None:
    """Programs look for these names in `--json`."""
    assert " ".join(name.replace(" ", "_") for name in examination.INSTALLATION) == (
        "python libraries programs torch engine same_bits git dvc renderer encoder disk extras plugins"
    )
    assert " ".join(name.replace(" ", "_") for name in {**examination.PROJECT, **examination.STATE}) == (
        "repository identity unfinished_merge conflict_marks parameters configs algorithms rules roster stages clone ignored "
        "untracked_configs uncommitted_results privacy remote experiments_before_the_remote "
        "index runs results workplaces git_locks head stash experiment_folders documents rwlocks sizes"
    )
    assert {**examination.PROJECT, **examination.STATE}.keys() > examination.NEED_GIT


def test_outside_a_project_the_installation_is_checked(tmp_path: Path) -> None:
    content = json.loads(Project(tmp_path).rlx("doctor", "--json").stdout)
    assert (content["format"], content["project"], list(content["sections"])) == (1, None, ["installation"])
    assert {"python", "libraries", "renderer"} <= {each["name"] for each in content["sections"]["installation"]}


def test_what_a_killed_command_left_is_mended_and_files_stay(study: Project) -> None:
    study.write("README.md", "mine\n")
    branch = study.git("branch", "--show-current").strip()
    head = study.git("rev-parse", "HEAD").strip()
    study.git("checkout", "-q", "--detach")
    for name in ("EXEC_HEAD", "EXEC_BASELINE", "EXEC_MERGE"):
        study.git("update-ref", f"refs/exps/exec/{name}", head)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lock = aged(study.root / ".git/refs/exps/stash.lock")
    busy = json.dumps({"write": {"/x": {"pid": dead.pid, "cmd": "dvc repro"}}, "read": {}})
    rwlock = study.write(".dvc/tmp/rwlock", busy)
    temporary = study.write(".dvc/tmp/exps/standalone/tmpabc/x", "").parent
    workplace = study.write(".dvc/tmp/rlx-workplaces/gone/x", "").parent
    kept = study.write(".dvc/tmp/rlx-workplaces/stopped/x", "").parent
    study.write("runs/stopped/experiment.json", "{}")
    index = study.write(".dvc/tmp/rlx-index.json", "{")
    found = examined(study)
    assert found["head"].level == found["git locks"].level == "problem"
    for name in ("head", "git locks", "dvc locks", "dvc exp", "workplaces", "index"):
        assert found[name].fixable, name
    assert lock.exists()
    assert workplace.exists()
    assert not study.git("branch", "--show-current")
    study.write(".dvc/tmp/rlx-index.json", "{")  # reading the runs made a new one
    before = study.git("status", "--short")
    mended = examined(study, fix=True)
    assert all(mended[name].mended for name in ("head", "git locks", "dvc locks", "dvc exp", "workplaces", "index"))
    assert study.git("branch", "--show-current").strip() == branch
    assert study.git("for-each-ref", "refs/exps/exec").split()[-1] == "refs/exps/exec/EXEC_HEAD"
    assert not lock.exists()
    assert not temporary.exists()
    assert not workplace.exists()
    assert kept.exists()
    assert json.loads(rwlock.read_text()) == {}
    assert not index.exists() or json.loads(index.read_text())
    assert study.git("status", "--short") == before
    assert (study.root / "README.md").read_text() == "mine\n"
    assert not {"head", "git locks", "dvc locks", "dvc exp", "workplaces"} & set(examined(study))


def test_documents_that_a_killed_command_had_begun_are_deleted(tmp_path: Path) -> None:
    begun = [aged(tmp_path / name) for name in (".report.html.o1341h_m.html", "videos/.v.mp4.06ri6dh4.mp4")]
    others = [aged(tmp_path / name) for name in (".report.html", ".mine.html.bak", "plots/a.png.06ri6dh4.png")]
    (young := tmp_path / ".report.html.abcdefgh.html").touch()
    (found,) = leftovers.left_documents(tmp_path)
    assert (found.level, found.fixable) == ("warning", True)
    assert all(str(path.relative_to(tmp_path)) in found.message for path in begun)
    assert found.mend
    found.mend()
    assert not any(path.exists() for path in begun)
    assert all(path.exists() for path in (*others, young))
    assert list(leftovers.left_documents(tmp_path)) == []


def test_a_lock_that_may_be_in_use_stays(study: Project) -> None:
    lock = study.write(".git/index.lock", "")
    assert "git locks" not in examined(study, fix=True)
    assert lock.exists()
    lock.unlink()
    study.git("checkout", "-q", "--detach")  # by its owner: nothing points to DVC
    assert not examined(study, fix=True)["head"].mended


def test_damaged_objects_are_named_by_what_uses_them_and_moved_away(study: Project) -> None:
    import hashlib

    digest = hashlib.md5((study.root / "runs/cartpole/metrics.jsonl").read_bytes()).hexdigest()
    path = study.root / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    path.chmod(0o644)
    path.write_bytes(b"x")
    found = examined(study, verify=True)["object"]
    assert digest in found.message
    assert "runs/cartpole/metrics.jsonl" in found.message
    assert "object" not in examined(study)
    assert examined(study, verify=True, fix=True)["object"].mended
    assert (study.root / ".dvc/tmp/damaged" / digest).read_bytes() == b"x"
    assert "runs/cartpole/metrics.jsonl" in examined(study)["cache"].message


def test_findings_about_the_project_carry_cures_that_work(study: Project) -> None:
    study.replace("params.yaml", "runs: [cartpole, cartpole_epochs]", "runs: [cartpole, cartpole_epochs, mine]")
    study.write("configs/mine.yaml", "algo: {gama: 1}\n")
    study.write(".dvcignore", "")
    study.dvc("config", "core.analytics", "true")
    study.dvc("remote", "modify", "storage", "url", "store")
    (study.root / "store").mkdir()
    found = examined(study)
    assert "did you mean" in found["config mine"].message
    assert found["config mine"].level == "problem"
    assert "rlx sync" in found["roster"].message
    assert found["configs"].cure == "`git add configs/mine.yaml`"
    assert "lies in the project" in found["remote"].message
    for name in ("analytics", ".dvcignore", "configs"):
        study.run("bash", "-c", found[name].cure.strip("`"))
    study.write("configs/mine.yaml", "algo: {gamma: 0.9}\n")
    study.rlx("sync")
    assert not {"analytics", ".dvcignore", "configs", "config mine", "roster"} & set(examined(study))


def test_experiments_older_than_the_remote_are_told(study: Project) -> None:
    study.git("update-ref", f"refs/exps/{'a' * 2}/{'a' * 38}/old", "HEAD")
    assert "exp push" not in examined(study)
    study.dvc("remote", "add", "-q", "-d", "newer", "/tmp/rlx-no-such-place")
    found = examined(study)["exp push"]
    assert "old: `dvc exp push` would send no files" in found.message
    study.run("bash", "-c", found.cure.partition("`")[2].partition("`")[0])
    assert "exp push" not in examined(study)


def test_without_git_or_a_repository_it_says_so(
    study: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(study.root / ".git")
    assert "in no Git repository" in examined(study)["repository"].message
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    done = study.rlx("doctor", check=False)
    assert done.returncode == 1
    assert "git is not installed" in " ".join(done.stdout.split())
    assert "Traceback" not in done.stdout
