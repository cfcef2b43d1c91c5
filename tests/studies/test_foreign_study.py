"""A study of a repository that is not rlx's, from its adapter to a decision, through the same gate and ledger."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from rlx.cli.study_contract import approve as approve_command, init
from rlx.config import write_json
from rlx.errors import ConfigError, UsageError
from rlx.studies import (
    ITEMS,
    AdapterDraft,
    Approval,
    AuditReport,
    CheckReport,
    Consent,
    ForeignWish,
    LoopCall,
    LoopResult,
    Study,
    Trainer,
    again_of,
    approve,
    audit_study,
    begin_foreign,
    check_approvable,
    draft_adapter,
    monitored,
    propose_round,
    report_again,
    run_loop,
    status_lines,
    trainer_for,
    write_report,
)
from rlx.studies.course import Launch, next_step
from rlx.studies.foreign_trainer import ForeignTrainer
from rlx.studies.launching import ask, started_data
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
        "steps": STEPS,
        "scope": ["skill=1.5:3.0"],
        "failure_score": 0.0,
    }
    return ForeignWish(**{**given, **changes})  # type: ignore[arg-type]


def test_a_draft_with_unknowns_begins_no_study(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "studies" / "toy" / "adapter.yaml").unlink()
    draft = draft_adapter(root, "toy", tmp_path / "theirs")
    assert "unknown" in (root / draft.adapter).read_text()
    assert "train.timeout" in draft.unknown
    assert (root / draft.card).is_file()
    with pytest.raises(ConfigError, match="unknown"):
        begin_foreign(root, wish())
    assert not (root / "studies" / "toy" / "better").exists()


def test_both_calls_of_init_print_a_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(tmp_path)
    complete = root / "studies" / "toy" / "adapter.yaml"
    text = complete.read_text()
    complete.unlink()
    (root / "dvc.yaml").write_text("stages: {}\n")
    (root / ".dvc").mkdir()
    monkeypatch.chdir(root)
    arguments = ["toy", "--adapter", "../theirs", "--json"]
    first = CliRunner().invoke(init, arguments)
    draft = json.loads(first.output)
    assert AdapterDraft.model_validate(draft).model_dump() == draft
    assert draft["adapter"] == "studies/toy/adapter.yaml"
    assert "train.timeout" in draft["unknown"]
    assert "`--help` of the training command" not in (root / draft["card"]).read_text()
    asked = [*arguments, "--steps", "100", "--failure-score", "0", "--scope", "skill=1.5:3.0"]
    assert isinstance(CliRunner().invoke(init, asked).exception, ConfigError)
    complete.write_text(text)
    assert isinstance(CliRunner().invoke(init, arguments).exception, UsageError)
    assert json.loads(CliRunner().invoke(init, asked).output)["study"] == "toy/better"
    refused = CliRunner().invoke(init, ["toy", "--steps", "100"]).exception
    assert "--adapter" in str(refused)


def test_help_of_a_repository_is_run_only_where_that_is_asked_for(tmp_path: Path) -> None:
    root = project(tmp_path)
    theirs = tmp_path / "other"
    theirs.mkdir()
    (theirs / "train.py").write_text(
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--seed')\np.add_argument('--out')\n"
        "if __name__ == '__main__':\n    p.parse_args()\n"
    )
    git(theirs, "init", "-q")
    git(theirs, "add", "-A")
    git(theirs, "commit", "-qm", "a command line")
    card = root / "studies" / "other" / "task.md"
    draft_adapter(root, "other", theirs)
    assert "--help" not in card.read_text()
    card.unlink()
    draft_adapter(root, "other", theirs, ask_help=True)
    assert "`--help` of the training command lists" in card.read_text()


def test_what_is_typed_as_a_scope_is_checked(tmp_path: Path) -> None:
    root = project(tmp_path)
    for text in ("skill", "skill=", "skill=a:b", "skill=0:1:cubic"):
        with pytest.raises(UsageError, match="--scope"):
            begin_foreign(root, wish(scope=[text]))


def begun(root: Path, **changes: object) -> tuple[Study, Trainer]:
    """Begin a small study, and approve it."""
    study = begin_foreign(root, wish(**changes))
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
    return study, trainer


def carried_out(study: Study, trainer: Trainer, starts: int | None = None) -> LoopResult:
    call = LoopCall(
        Consent(execute=True), 1, lambda one, count, turn: propose_round(one, trainer, count, turn), starts=starts
    )
    return run_loop(study, trainer, call)


def audited(study: Study, **asked: Any) -> AuditReport:
    return audit_study(study.name, study.root, again=again_of(study), **asked)


def smokes(study: Study) -> list[dict[str, object]]:
    """Return what smoke runs kept, by the lines of their ends."""
    starts = {line.seq: line.data for line in study.ledger.of("started")}
    ended = [line.data for line in study.ledger.of("ended") if starts[line.data["started"]]["phase"] == "smoke"]
    return [each["experiments"][0] for each in ended]


def test_the_report_of_a_draft_is_no_ground_for_a_failed_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(tmp_path)
    (root / "dvc.yaml").write_text("stages: {}\n")
    (root / ".dvc").mkdir()
    monkeypatch.chdir(root)
    study = begin_foreign(root, wish(approval="flag"))
    written = write_report(study.read())

    def check() -> CheckReport:
        shown = study.read()
        report = audit_study(study.name, root, render=lambda: report_again(shown, written.read_text()))
        return report.checks["report"]

    path = study.folder / "contract.yaml"
    path.write_text(path.read_text().replace("question: Which settings", "question: Which of these settings"))
    assert check().ok
    assert "draft" in str(check().skipped)
    approved = CliRunner().invoke(approve_command, ["--yes"])
    assert approved.exit_code == 0, approved.exception
    assert "Which of these settings" in written.read_text()
    assert (check().ok, check().skipped) == (True, None)
    written.write_text(written.read_text().replace("Which of these", "Which"))
    assert not check().ok


def test_how_far_a_start_is_is_seen_from_what_its_commands_write(tmp_path: Path) -> None:
    study, trainer = begun(project(tmp_path))
    step = next_step(study)
    assert isinstance(step, Launch)
    (plan,) = step.plans
    with study.locked():
        asked, _ = ask(study, trainer, plan, Consent(execute=True))
        study.append("started", started_data(asked))
        assert monitored(study.read()).live == []
        assert isinstance(trainer, ForeignTrainer)
        first, second, *_ = plan.seeds
        folder = trainer.place(plan)
        write_json(folder / f"seed_{first}" / "outcome.json", {})
        out = folder / f"seed_{second}" / "out"
        out.mkdir(parents=True)
        (out.parent / "train.log").write_text("training\n")
        (out / "progress.csv").write_text("total_steps,mean_reward,reward_skill\n25,1.0,2.0\n50,nan,3.0\n")
        (live,) = monitored(study.read(), time.time() + 30).live
    assert (live.experiment, live.stage, live.alive, live.pid) == ("better_floor", "train", True, os.getpid())
    assert live.progress == pytest.approx((1 + 0.5) / 5)
    assert live.non_finite == ["return"]
    assert live.row_age is not None
    assert live.row_age > 25
    assert live.disk is not None
    assert live.disk > 0
    assert any("better_floor (floor) 30 %" in line for line in status_lines(monitored(study.read())))
    (out.parent / "evaluate.log").write_text("")
    shown = monitored(study.read())
    assert (shown.live[0].stage, shown.live[0].progress) == ("evaluate", pytest.approx(2 / 5))
    assert not shown.live[0].alive
    assert shown.next.action == "run"


@pytest.mark.slow  # some thirty trainings, each a process of the toy's
def test_the_toy_is_improved_by_its_own_commands(tmp_path: Path) -> None:
    root = project(tmp_path)
    study, trainer = begun(root)
    result = carried_out(study, trainer)
    assert result.failed == []
    decided = [line.data for line in study.ledger.of("decided")]
    assert "accepted" in {each["status"] for each in decided}
    assert {each["status"] for each in decided} <= {"accepted", "rejected", "inconclusive"}
    started = [line.data for line in study.ledger.of("started") if line.data["phase"] == "confirmation"]
    (winner,) = [each["candidate"] for each in decided if each["status"] == "accepted"]
    assert {each["arm"] for each in started} == {"incumbent", winner}
    assert {tuple(each["block"]) for each in started} == {(920000, 6), (920006, 6)}
    assert [(each["reproducible"], each["differs"]) for each in smokes(study)] == [(True, [])] * 2
    floor = study.state.ended_of("baseline", "floor")
    assert floor is not None
    assert floor.ended is not None
    kept = floor.ended["experiments"][0]
    assert (study.folder / "data" / kept["name"] / "episodes.csv").is_file()
    assert not list((tmp_path / "theirs" / ".git" / "worktrees").glob("*"))
    assert git(tmp_path / "theirs", "status", "--porcelain") == ""
    report = audited(study, retrain=True)
    assert [problem.text for check in report.checks.values() for problem in check.problems] == []
    assert {name for name, check in report.checks.items() if check.skipped} == {"experiments", "report", "head"}
    assert report.checks["replay"].checked == 2
    assert report.checks["retrain"].checked == 1
    assert git(tmp_path / "theirs", "worktree", "list").count("\n") == 0
    raw = study.folder / "data" / kept["name"] / "episodes.csv"
    whole = raw.read_text()
    raw.write_text(whole.replace("latest,0,", "latest,9,", 1))
    assert not audited(study).checks["artifacts"].ok
    raw.write_text(whole)
    policies = sorted((root / ".dvc" / "tmp" / "rlx-foreign").glob("toy/better/*/seed_9200*/out/model_final.pt"))
    assert len(policies) == 12
    policies[0].write_text(policies[-1].read_text())
    checks = audited(study, replay="all").checks
    assert any("its policy's file is" in problem.text for problem in checks["replay"].problems)
    assert checks["artifacts"].ok


@pytest.mark.slow  # a dozen of the toy's processes
def test_episodes_that_its_policies_do_not_play_are_found(tmp_path: Path) -> None:
    root = project(tmp_path)
    study, trainer = begun(root)
    carried_out(study, trainer, starts=2)
    assert audited(study, replay="all").checks["replay"].ok
    raw = study.folder / "data" / "better_floor" / "episodes.csv"
    header, first, *rest = raw.read_text().splitlines()
    values = dict(zip(header.split(","), first.split(","), strict=True))
    first = ",".join({**values, "return": "99.5"}.values())
    raw.write_text("\n".join([header, first, *rest]) + "\n")
    (found,) = audited(study, replay="all").checks["replay"].problems
    assert "in episode 0 return is" in found.text
    assert "and episodes.csv has 99.5" in found.text
    for folder in (root / ".dvc" / "tmp" / "rlx-foreign").glob("toy/better/*"):
        shutil.rmtree(folder)
    report = audited(study).checks["replay"]
    assert report.checked == 0
    assert any("not on this machine" in note for note in report.notes)


@pytest.mark.slow  # a dozen of the toy's processes
def test_a_repository_that_gives_another_thing_each_time_is_said_to_and_not_replayed(tmp_path: Path) -> None:
    root = project(tmp_path)
    path = root / "studies" / "toy" / "adapter.yaml"
    path.write_text(path.read_text().replace('train.py, "{overrides}"', 'train.py, "{overrides}", mode=irreproducible'))
    study, trainer = begun(root)
    before = study.state.spent()["steps"]
    assert carried_out(study, trainer, starts=2).failed == []
    (smoke,) = smokes(study)
    assert smoke["reproducible"] is False
    assert set(smoke["differs"]) == {"episodes", "checkpoint"}  # type: ignore[call-overload]
    assert study.state.spent()["steps"] - before == 5 * STEPS + 2 * (STEPS // 50)
    assert audit_study(study.name, root).checks["replay"].skipped is not None
    checks = audited(study, retrain=True).checks
    assert str(checks["replay"].skipped).startswith("reproducible: no: in better_c001_smoke")
    assert checks["retrain"].skipped == checks["replay"].skipped
    assert checks["budget"].ok


@pytest.mark.slow  # a dozen of the toy's processes
@pytest.mark.parametrize("said", ["yes", "no"])
def test_what_an_adapter_says_of_itself_is_not_tried(tmp_path: Path, said: str) -> None:
    root = project(tmp_path)
    path = root / "studies" / "toy" / "adapter.yaml"
    path.write_text(f"{path.read_text()}reproducible: '{said}'\n")
    study, trainer = begun(root)
    carried_out(study, trainer, starts=2)
    (smoke,) = smokes(study)
    assert "reproducible" not in smoke
    skipped = audited(study).checks["replay"].skipped
    assert skipped == (None if said == "yes" else "reproducible: no, as adapter.yaml says")
