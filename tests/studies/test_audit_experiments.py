"""The audit of a study that really trained: its files, its experiments, policies played again and a seed trained again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlx.studies import AuditReport, audit_study
from rlx.studies.audit.files_kept import KeptFiles
from tests.conftest import Project
from tests.studies.reported import forget
from tests.studies.test_audit import Forged

pytestmark = pytest.mark.slow
NAME = "cartpole/better"
SHORT = (
    ("slots: 3, seeds: 16, give_up_at: [8]", "slots: 2, seeds: 6, give_up_at: [4]"),
    ("per_round: 6", "per_round: 2"),
    ("stop: {rounds: 3", "stop: {rounds: 1"),
    ("promotion_seeds: 5", "promotion_seeds: 3"),
    ("require: tty", "require: flag"),
)


@pytest.fixture(scope="module")
def trained(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a study of one round, trained in a minute; do not change it, copy it."""
    root = tmp_path_factory.mktemp("audit") / "project"
    shutil.copytree(fresh.root, root, symlinks=True)
    project = Project(root)
    project.dvc("repro", "-q", "eval@cartpole")
    project.commit("baseline")
    project.rlx("study", "init", "cartpole", "--name", NAME)
    for old, new in SHORT:
        project.replace(f"studies/{NAME}/contract.yaml", old, new)
    text = (root / "studies" / NAME / "contract.yaml").read_text()
    kept = [line for line in text.splitlines() if "no_worse_than" not in line and not line.startswith("guardrails")]
    (root / "studies" / NAME / "contract.yaml").write_text("\n".join(kept) + "\n")
    project.rlx("study", "approve", NAME, "--yes")
    project.rlx("study", "run", NAME, "--execute")
    return project


class Kept(Forged):
    """A copy of it in the hands of somebody who may change DVC's cache, commits and references too."""

    def __init__(self, root: Path):
        super().__init__(root)
        self.folder = root / "studies" / NAME
        self.path = self.folder / "ledger.jsonl"
        self.files = KeptFiles(root, "cartpole")

    def audit(self, **asked: Any) -> AuditReport:
        return audit_study(NAME, self.root, **{"replay": 0, **asked})

    def forget(self) -> None:
        forget(self.root, NAME)

    def end(self, phase: str) -> dict[str, Any]:
        """Return the last end of a start of a phase."""
        start = list(self.all_of("started", phase=phase))[-1]
        return self.of("ended", started=start["seq"])

    def item(self, phase: str) -> dict[str, Any]:
        found: dict[str, Any] = self.end(phase)["data"]["experiments"][0]
        return found

    def object(self, item: dict[str, Any], path: str) -> Path:
        """Return a file of an experiment in DVC's cache, writable."""
        found = self.files.path(item, path)
        found.chmod(0o644)
        self.files.verified.clear()
        return found

    def git(self, *arguments: str, text: str | None = None, **variables: str) -> str:
        given = {**os.environ, **variables}
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, env=given, input=text, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def replace(self, phase: str, path: str, content: bytes, **said: Any) -> None:
        """Put another file into an experiment, with every hash made anew: the cache's, the commit's and the ledger's."""
        end = self.end(phase)
        item = end["data"]["experiments"][0]
        old, (folder, _, name) = self.object(item, path), path.partition("/")
        (lock,) = [self.git("show", f"{item['commit']}:dvc.lock")]
        listed = next(
            each
            for each in self.object(item, folder).parent.parent.rglob("*.dir")
            if f"{each.parent.name}{each.name}" in lock and name in each.read_text() and old.name in each.read_text()
        )
        new = self.store(content)
        listing = listed.read_text().replace(f"{old.parent.name}{old.name}", new)
        before, after = f"{listed.parent.name}{listed.name}", self.store(listing.encode(), ".dir")
        commit = self.commit(item["commit"], {"dvc.lock": lock.replace(before, after) + "\n"})
        changed = json.loads(json.dumps(end["data"]["experiments"]).replace(item["commit"], commit))
        if path == "eval/episodes.csv":
            changed[0]["episodes"] = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self.change(end, experiments=changed, **said)

    def store(self, content: bytes, ending: str = "") -> str:
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest() + ending
        path = self.root / ".dvc" / "cache" / "files" / "md5" / digest[:2] / digest[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        return digest

    def commit(self, base: str, files: dict[str, str], message: str | None = None, name: str | None = None) -> str:
        """Commit other files upon a kept experiment's, and move its reference, or make one of a name."""
        index = {"GIT_INDEX_FILE": str(self.root / ".git" / "forged")}
        self.git("read-tree", base, **index)
        for path, text in files.items():
            blob = self.git("hash-object", "-w", "--stdin", text=text)
            self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", **index)
        tree = self.git("write-tree", **index)
        said = message or self.git("show", "-s", "--format=%B", base)
        commit = self.git("commit-tree", tree, "-p", self.git("rev-parse", f"{base}^"), "-m", said)
        reference = self.git("for-each-ref", "--points-at", base, "--format=%(refname)", "refs/exps").splitlines()[0]
        reference = reference if name is None else f"{reference.rpartition('/')[0]}/{name}"
        self.git("update-ref", reference, commit)
        return commit


@pytest.fixture
def kept(trained: Project, tmp_path: Path) -> Kept:
    shutil.copytree(trained.root, tmp_path / "copy", symlinks=True)
    return Kept(tmp_path / "copy")


def test_a_clean_study_passes_with_policies_played_and_a_seed_trained_again(trained: Project) -> None:
    report = audit_study(NAME, trained.root, replay="all", retrain=True)
    assert [problem.text for check in report.checks.values() for problem in check.problems] == []
    assert {name for name, check in report.checks.items() if check.skipped} == {"report", "head"}
    assert report.checks["replay"].checked > 10
    assert report.checks["retrain"].checked == 1
    assert not report.checks["gate"].notes


def test_edited_episodes_are_found_by_their_hash_and_if_that_is_redone_by_playing(kept: Kept) -> None:
    item = kept.item("confirmation")
    path = kept.object(item, "eval/episodes.csv")
    lines = path.read_text().splitlines()
    row = next(number for number, line in enumerate(lines) if ",latest," in line)
    cells = lines[row].split(",")
    seed, cells[4] = int(cells[0]), "499.0"
    lines[row] = ",".join(cells)
    honest, forged = path.read_bytes(), ("\n".join(lines) + "\n").encode()
    path.write_bytes(forged)
    assert {"artifacts", "denominator"} <= kept.failed()
    assert "was edited in DVC's cache" in kept.told("artifacts")
    path.write_bytes(honest)
    end = kept.end("confirmation")
    returns = [float(line.split(",")[4]) for line in lines[1:] if line.startswith(f"{seed},latest,")]
    scores = {**end["data"]["scores"]}
    scores[str(seed)] = {**scores[str(seed)], "return": sum(returns) / len(returns)}
    kept.replace("confirmation", "eval/episodes.csv", forged, scores=scores)
    failed = kept.failed(replay="all")
    assert "artifacts" not in failed
    assert {"replay", "decisions"} <= failed
    (problem,) = kept.audit(replay="all").checks["replay"].problems
    assert (problem.seed, problem.experiment) == (seed, item["name"])
    assert "499.0" in problem.text


def test_a_score_that_the_episodes_do_not_show_is_found(kept: Kept) -> None:
    end = kept.end("trial")
    seed = min(end["data"]["scores"])
    kept.change(end, scores={**end["data"]["scores"], seed: {"return": 1.0}})
    assert f"seed {seed}: return is 1 in the ledger" in kept.told("decisions")


def test_a_seed_that_is_said_to_have_failed_is_found(kept: Kept) -> None:
    end = kept.end("trial")
    seed = min(end["data"]["scores"])
    scores = {key: value for key, value in end["data"]["scores"].items() if key != seed}
    kept.change(end, scores=scores, failures={seed: {"kind": "environment", "message": "x"}}, status="failed")
    assert f"seed {seed} is said to have failed, and its episodes are all there" in kept.told("decisions")


def test_a_swapped_checkpoint_is_found_by_its_hash_and_if_that_is_redone_by_its_policy(kept: Kept) -> None:
    item = kept.item("confirmation")
    one, other = sorted(item["checkpoints"])[:2]
    path = kept.object(item, f"checkpoints/seed_{one}/latest.zip")
    honest, swapped = path.read_bytes(), kept.object(item, f"checkpoints/seed_{other}/latest.zip").read_bytes()
    path.write_bytes(swapped)
    assert "was edited in DVC's cache" in kept.told("artifacts")
    path.write_bytes(honest)
    kept.replace("confirmation", f"checkpoints/seed_{one}/latest.zip", swapped)
    assert f"seed {one}: its checkpoint holds policy" in kept.told("artifacts")
    assert "replay" in kept.failed(replay="all")


@pytest.mark.parametrize(("key", "path"), [("metadata", "metadata.json"), ("snapshot", "config_snapshot.yaml")])
def test_other_files_than_were_noted_are_found(kept: Kept, key: str, path: str) -> None:
    end = kept.end("promotion")
    changed = [{**item, key: "sha256:" + "0" * 64} for item in end["data"]["experiments"]]
    kept.change(end, experiments=changed)
    assert f"{path} is sha256:" in kept.told("artifacts")


def test_settings_out_of_scope_are_found_in_what_was_really_trained(kept: Kept) -> None:
    end = kept.end("promotion")
    item = end["data"]["experiments"][0]
    snapshot = kept.git("show", f"{item['commit']}:runs/cartpole/config_snapshot.yaml")
    changed = snapshot.replace("gamma: 0.98", "gamma: 0.999") + "\n"
    commit = kept.commit(item["commit"], {"runs/cartpole/config_snapshot.yaml": changed})
    digest = hashlib.sha256(changed.encode()).hexdigest()
    kept.change(end, experiments=[{**item, "commit": commit, "snapshot": f"sha256:{digest}"}])
    assert "it trained with algo.gamma = 0.999 (baseline: 0.98), which is not in scope" in kept.told("gate")


def test_what_was_trained_outside_and_is_claimed_is_found(kept: Kept) -> None:
    base = kept.item("confirmation")["commit"]
    said = kept.git("show", "-s", "--format=%B", base)
    start = next(line["hash"] for line in kept.lines if line["hash"] in said)
    kept.commit(base, {}, said.replace(start, "sha256:" + "1" * 64), "better_outside")
    assert "better_outside" in kept.told("experiments")
    assert "trained outside, then claimed" in kept.told("experiments")
    kept.change(kept.end("confirmation"), experiments=[{**kept.item("confirmation"), "commit": "1" * 40}])
    assert "there is no such experiment" in kept.told("experiments")


@pytest.mark.parametrize("how", ["kept", "bench"])
def test_confirmation_seeds_that_were_tried_before_are_found(kept: Kept, how: str) -> None:
    start = next(kept.all_of("started", phase="confirmation"))
    seed = start["data"]["block"][0]
    if how == "bench":
        spec = next(
            path
            for path in (kept.root / ".dvc" / "tmp" / "rlx").glob("*/spec.json")
            if json.loads(path.read_text())["arguments"]["seed"] == seed
        )
        os.utime(spec, (1_000_000_000, 1_000_000_000))
    else:
        item = kept.item("trial")
        snapshot = kept.git("show", f"{item['commit']}:runs/cartpole/config_snapshot.yaml")
        lines = [f"seed: {seed}" if line.startswith("seed:") else line for line in snapshot.splitlines()]
        files = {"runs/cartpole/config_snapshot.yaml": "\n".join(lines) + "\n"}
        with_date(lambda: kept.commit(item["commit"], files, "an experiment", "tried"))
    assert f"confirmation seed {seed} is not fresh" in kept.told("gate")


def with_date(function: Callable[[], object]) -> None:
    os.environ["GIT_COMMITTER_DATE"] = "2001-01-01T00:00:00Z"
    try:
        function()
    finally:
        del os.environ["GIT_COMMITTER_DATE"]


def test_results_that_are_not_here_are_told_with_their_cure(kept: Kept) -> None:
    path = kept.object(kept.item("confirmation"), "eval/episodes.csv")
    path.unlink()
    assert "`dvc exp pull` fetches it" in kept.told("artifacts")
