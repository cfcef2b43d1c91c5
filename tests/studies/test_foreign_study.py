"""A study of a repository that is not rlx's, from its adapter to a decision, through the same gate and ledger."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rlx.errors import ConfigError, UsageError
from rlx.studies import (
    ITEMS,
    Approval,
    Consent,
    ForeignWish,
    LoopCall,
    approve,
    audit_study,
    begin_foreign,
    check_approvable,
    draft_adapter,
    propose_round,
    run_loop,
    trainer_for,
)
from tests.studies.foreign_repositories import TOY, git, repository

STEPS = 100


def project(root: Path) -> Path:
    """Make a project beside the toy, with its adapter."""
    commit = repository("toy", root / "theirs")
    folder = root / "project"
    (folder / "studies" / "toy").mkdir(parents=True)
    git(folder, "init", "-q")
    adapter = TOY.replace("theirs", "../theirs").replace("COMMIT", commit)
    (folder / "studies" / "toy" / "adapter.yaml").write_text(adapter)
    return folder


def wish(**changes: object) -> ForeignWish:
    given = {
        "name": "toy/better",
        "repository": Path("../theirs"),
        "steps": STEPS,
        "scope": ["skill=0.0:1.0"],
        "failure_score": 0.0,
    }
    return ForeignWish(**{**given, **changes})  # type: ignore[arg-type]


def test_a_draft_with_unknowns_begins_no_study(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "studies" / "toy" / "adapter.yaml").unlink()
    path = draft_adapter(root, "toy", tmp_path / "theirs")
    assert "unknown" in path.read_text()
    assert (path.parent / "task.md").is_file()
    with pytest.raises(ConfigError, match="unknown"):
        begin_foreign(root, wish())
    assert not (root / "studies" / "toy" / "better").exists()


def test_what_is_typed_as_a_scope_is_checked(tmp_path: Path) -> None:
    root = project(tmp_path)
    for text in ("skill", "skill=", "skill=a:b", "skill=0:1:cubic"):
        with pytest.raises(UsageError, match="--scope"):
            begin_foreign(root, wish(scope=[text]))


@pytest.mark.slow
def test_the_toy_is_improved_by_its_own_commands(tmp_path: Path) -> None:
    root = project(tmp_path)
    study = begin_foreign(root, wish())
    path = study.folder / "contract.yaml"
    content = yaml.safe_load(path.read_text())
    content["metric"]["minimum_effect"] = 0.01
    content["confirmation"] = {"alpha": 0.05, "guardrail_alpha": 0.05, "slots": 1, "seeds": 6, "give_up_at": []}
    content["seeds"]["confirmation"]["count"] = 12
    content["screening"] = {"trial_seeds": 2, "promotion_seeds": 3, "keep": 0.5, "survivors": 1}
    content["evaluation"]["episodes"] = 4
    content["proposals"]["per_round"] = 2
    content["stop"]["rounds"] = 1
    content["approvals"] = {"require": "flag"}
    path.write_text(yaml.safe_dump(content))
    trainer = trainer_for(study)
    with study.locked():
        check_approvable(study, trainer)
        approve(study, Approval(tuple(ITEMS), "flag"))
    call = LoopCall(Consent(execute=True), 1, lambda one, count, turn: propose_round(one, trainer, count, turn))
    result = run_loop(study, trainer, call)
    assert result.failed == []
    decided = [line.data for line in study.ledger.of("decided")]
    assert {each["status"] for each in decided} <= {"accepted", "rejected", "inconclusive"}
    floor = study.state.ended_of("baseline", "floor")
    assert floor is not None
    assert floor.ended is not None
    kept = floor.ended["experiments"][0]
    assert (study.folder / "data" / kept["name"] / "episodes.csv").is_file()
    assert not list((tmp_path / "theirs" / ".git" / "worktrees").glob("*"))
    assert git(tmp_path / "theirs", "status", "--porcelain") == ""
    report = audit_study(study.name, root)
    assert [problem.text for check in report.checks.values() for problem in check.problems] == []
    assert {name for name, check in report.checks.items() if check.skipped} == {
        "experiments", "replay", "report", "retrain", "head"
    }  # fmt: skip
    raw = study.folder / "data" / kept["name"] / "episodes.csv"
    raw.write_text(raw.read_text().replace("latest,0,", "latest,9,", 1))
    assert not audit_study(study.name, root).checks["artifacts"].ok
