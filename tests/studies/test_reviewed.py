"""What a review of studies found: each once decided wrongly, or froze a study for ever."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rlx.cli.advisor import advise
from rlx.cli.study_candidates import propose
from rlx.errors import ConfigError, Missing, UsageError
from rlx.studies import (
    ITEMS,
    Approval,
    Refused,
    SimulatedTrainer,
    Study,
    approve,
    audit_study,
    dry_run,
    of_studies,
    own_candidate,
    read_contract,
    set_candidate,
    summary_lines,
    validate,
)
from rlx.studies.course import round_steps
from rlx.studies.trainer import Outcome, StartCall
from tests.studies.simulated import QUICK, begun, gain, noise, run


def edit(study: Study, section: str, **values: Any) -> None:
    path = study.folder / "contract.yaml"
    content = json.loads(path.read_text())
    content[section] = {**content[section], **values}
    path.write_text(json.dumps(content, indent=1))


def test_nothing_is_decided_under_a_contract_that_nobody_approved(tmp_path: Path) -> None:
    metric = {"name": "return", "direction": "maximize", "minimum_effect": 50.0, "failure_score": "random"}
    study, trainer = begun(tmp_path, metric=metric)

    def lower(call: StartCall) -> None:
        if call.plan.phase == "confirmation":
            edit(study, "metric", minimum_effect=0.0)

    trainer.before = lower
    with pytest.raises(Refused, match="not the approved one"):
        run(study, trainer)
    assert not [line for line in study.ledger.of("decided", "look") if line.data.get("slot")]


def test_a_candidate_that_a_person_rejected_does_not_come_back(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)

    class Killed(BaseException):
        pass

    def kill(call: StartCall) -> None:
        if call.plan.phase == "confirmation" and call.plan.arm != "incumbent":
            raise KeyboardInterrupt

    trainer.before = kill
    while study.state.slot() is None:
        run(study, trainer, starts=1)
    run(study, trainer, starts=1)
    (name,) = study.state.slots[0].candidates
    with study.locked():
        set_candidate(study, name, "rejected", "changed my mind")
    trainer.before = lambda _: None
    run(study, trainer)
    assert study.state.candidates[name].status == "rejected"
    assert study.state.incumbent == "baseline"


def test_an_incumbents_arm_that_the_machine_fails_accepts_nothing(tmp_path: Path) -> None:
    def stale(call: StartCall) -> None:
        if call.plan.arm == "incumbent":
            raise OSError("Stale file handle")

    study, trainer = begun(tmp_path, SimulatedTrainer(noise, {"algo.gain": 0.0}, before=stale, salt=2))
    for _ in range(3):
        run(study, trainer)
    assert study.state.incumbent == "baseline"
    assert not [
        start for start in study.state.starts.values() if start.data.get("arm") == "incumbent" and start.is_finished
    ]


def test_a_floor_of_failures_is_none(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path, SimulatedTrainer(lambda o, rng: gain(o, rng) if o else None, {"algo.gain": 0.0}))
    assert "a floor needs 5" in run(study, trainer).why
    assert study.state.floor is None


def late(study: Study, trainer: SimulatedTrainer) -> str:
    with study.locked():
        return own_candidate(study, trainer, {"algo.gain": 0.987}, "this one was thought of late", [], {}, None)


def test_a_candidate_after_the_last_slot_waits(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    run(study, trainer)
    name = late(study, trainer)
    why = run(study, trainer).why
    assert "every slot of confirmation is used" in why
    assert name in why
    assert study.state.candidates[name].phase is None


def test_more_slots_without_alpha_open_none(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    run(study, trainer)
    edit(study, "confirmation", slots=2)
    with study.locked():
        approve(study, Approval(tuple(ITEMS), "flag"))
    late(study, trainer)
    assert "alpha is spent" in run(study, trainer).why


def test_a_slot_takes_no_alpha_for_seeds_that_are_stale(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    trainer.tried |= {920000, 920005}
    with pytest.raises(Refused, match=r"raise seeds.confirmation.first beyond 920005"):
        run(study, trainer)
    assert study.state.slots == []
    edit(study, "seeds", confirmation={"first": 930000, "count": 96})
    with study.locked():
        approve(study, Approval(tuple(ITEMS), "flag"))
    run(study, trainer)
    assert study.state.incumbent != "baseline"


def test_a_guardrail_whose_metric_nobody_knows_is_told(tmp_path: Path) -> None:
    trainer = SimulatedTrainer(gain, {"algo.gain": 0.0})
    carry_out = trainer.carry_out

    def silent(call: StartCall) -> Outcome:
        found = carry_out(call)
        seeds = [seed for seed in found.scores if not (call.plan.phase == "promotion" and seed == 910000)]
        lost = {910000: {"kind": "environment", "message": "x"}} if len(seeds) < len(found.scores) else {}
        scores = {seed: found.scores[seed] for seed in seeds}
        return Outcome("failed" if lost else "finished", scores, lost, {}, found.steps, found.bytes, found.experiments)

    trainer.carry_out = silent  # type: ignore[method-assign]
    metric = {"name": "return", "direction": "maximize", "minimum_effect": 0.5, "failure_score": 0.0}
    study, _ = begun(tmp_path, trainer, guardrails=[{"metric": "success", "at_least": 0.1}], metric=metric)
    with pytest.raises(Refused, match="a guardrail on success cannot be judged here"):
        run(study, trainer)


def test_a_closed_study_resumes_nothing(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    with study.locked():
        from rlx.studies import Consent
        from rlx.studies.course import Launch, next_step
        from rlx.studies.launching import launch

        step = next_step(study)
        assert isinstance(step, Launch)
        running = launch(study, trainer, step.plans[0], Consent(execute=True), 1, print)
        running.thread.join()
        study.append("closed", {"reason": "enough"})
    with pytest.raises(Refused, match="does not go on: the study is closed"):
        run(Study(study.root, study.folder), trainer)
    again = Study(study.root, study.folder).read()
    assert not again.state.open_starts
    assert again.state.floor is None


def test_guardrails_of_two_directions_both_count(tmp_path: Path) -> None:
    rails = [
        {"metric": "length", "no_worse_than": 5.0},
        {"metric": "length", "no_worse_than": 0.5, "direction": "minimize"},
    ]
    trainer = SimulatedTrainer(
        gain, {"algo.gain": 0.0}, rails={"length": lambda o, rng: rng.normal(9 * o.get("algo.gain", 0), 1)}
    )
    study, _ = begun(tmp_path, trainer, guardrails=rails)
    run(study, trainer)
    assert study.state.incumbent == "baseline"
    edit(study, "metric", minimum_effect=0.5)
    content = json.loads((study.folder / "contract.yaml").read_text())
    (tmp_path / "twice.yaml").write_text(json.dumps({**content, "guardrails": [rails[0], rails[0]]}))
    with pytest.raises(ConfigError, match="twice"):
        read_contract(tmp_path / "twice.yaml")


def test_a_slot_of_two_has_seeds_for_three_arms(tmp_path: Path) -> None:
    study, _ = begun(tmp_path)
    edit(study, "screening", survivors=2)
    edit(study, "seeds", confirmation={"first": 920000, "count": 2 * 8})
    with pytest.raises(ConfigError, match="must be at least 24: 3 arms"):
        read_contract(study.folder / "contract.yaml")


def test_an_incumbent_that_is_reverted_in_a_slot_does_not_stop_it(tmp_path: Path) -> None:
    confirmation = {**QUICK["confirmation"], "slots": 2}
    stop = {"rounds": 3, "no_survivor_rounds": 3, "failed_starts": 5}
    trainer = SimulatedTrainer(lambda o, rng: rng.normal(10 + 9 * o.get("algo.gain", 0.0) ** 2), {"algo.gain": 0.0})
    study, _ = begun(tmp_path, trainer, confirmation=confirmation, stop=stop)
    while len(study.state.slots) < 2 and not study.state.closed:
        before = len(study.ledger.lines)
        run(study, trainer, starts=1)
        if len(study.ledger.lines) == before:
            pytest.skip("this draw has no second slot")
    if study.state.incumbent == "baseline":
        pytest.skip("this draw accepts nothing in the first slot")
    with study.locked():
        set_candidate(study, study.state.incumbent, "reverted", "it was an error")
    run(study, trainer)
    assert study.state.slot() is None


def test_an_audit_passes_after_every_kind_of_trouble(tmp_path: Path) -> None:
    calls = {"n": 0}

    def trouble(call: StartCall) -> None:
        calls["n"] += 1
        if calls["n"] == 3:
            raise KeyboardInterrupt
        if calls["n"] == 5:
            raise OSError("gone")

    study, trainer = begun(tmp_path)
    trainer.before = trouble
    run(study, trainer)
    report = audit_study(study.name, study.root)
    assert report.ok, report


def test_the_dearest_end_of_a_study_counts_its_survivors_and_the_share_that_is_kept(tmp_path: Path) -> None:
    """Every room tells the same cost of a round: the plan, the stop rule and what is shown before an approval."""
    screening = {"trial_seeds": 2, "promotion_seeds": 4, "keep": 0.9, "survivors": 3}
    study, trainer = begun(
        tmp_path, screening=screening, stop={"rounds": 1}, confirmation={"slots": 1, "seeds": 8, "give_up_at": [4]}
    )
    plan, steps = dry_run(study, trainer), trainer.resolve({}).steps
    per_round = study.contract.proposals.per_round
    assert plan["rest"]["screening"] == (per_round * 2 + math.ceil(0.9 * per_round) * 2) * steps
    assert plan["rest"]["confirmation"] == 4 * 8 * steps
    assert round_steps(study) == plan["rest"]["screening"] + plan["rest"]["confirmation"]
    words = "\n".join(summary_lines(study, steps))
    assert "1 slots of 4 × 8 fresh seeds" in words
    assert f"({study.contract.confirmation.alpha / 3:.3g} for each candidate" in words


def test_an_experiment_that_only_shares_the_beginning_of_a_studys_name_is_not_the_studys(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    run(study, trainer, starts=1)
    (started,) = study.ledger.of("started")
    own = started.data["experiment"]
    names = [own, f"{own}_part2", f"{study.short}_001", f"{study.short}_lstm_004", "other_001"]
    assert of_studies(tmp_path, names) == {own, f"{own}_part2"}
    study.ledger.path.write_bytes(b"\xff" * 10)
    assert of_studies(tmp_path, names) == set(names) - {"other_001"}


def test_a_candidate_that_there_is_not_cannot_be_validated(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    with study.locked(), pytest.raises(Missing, match="there is no candidate 'c099'"):
        validate(study, trainer, "c099")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--from", "c001"], "--from is of a candidate of your own: give -S"),
        (["--review", "r.json"], "--review is of a candidate of your own"),
        (["-S", "algo.gain=0.5", "--because", "it is better", "-n", "3"], "-n does not go with -S"),
    ],
)
def test_options_of_proposals_that_do_nothing_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], told: str
) -> None:
    study, trainer = begun(tmp_path)
    monkeypatch.setattr("rlx.cli.study_candidates.found", lambda _: study)
    monkeypatch.setattr("rlx.cli.study_candidates.trainer_of", lambda _: trainer)
    done = CliRunner().invoke(propose, words)
    assert isinstance(done.exception, UsageError)
    assert told in str(done.exception)
    assert not list((study.folder / "candidates").glob("*"))


def advised(study: Study, trainer: SimulatedTrainer, monkeypatch: pytest.MonkeyPatch, run_name: str) -> None:
    monkeypatch.setattr("rlx.config.find_root", lambda: study.root)
    monkeypatch.setattr("rlx.studies.trainer_for", lambda _: trainer)
    monkeypatch.setattr("rlx.cli.study_run.have_warm_process", lambda: None)
    advise(run_name, "10M", study.name, rounds=1, yes=True, jobs=1)


def test_the_advisor_does_not_go_on_with_a_study_of_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, trainer = begun(tmp_path)
    with pytest.raises(UsageError, match="is a study of simulated, not of cartpole"):
        advised(study, trainer, monkeypatch, "cartpole")
    assert not study.read().state.starts


def test_the_advisor_ends_badly_where_its_audit_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study, trainer = begun(tmp_path)
    advised(study, trainer, monkeypatch, "simulated")
    assert "rlx promote better_c" in capsys.readouterr().out
    *_, last = study.read().ledger.of("decided")
    decided = last.data["candidate"]
    (study.folder / "candidates" / f"{decided}.yaml").write_text("format: 1\n")
    with pytest.raises(SystemExit, match="1"):
        advised(study, trainer, monkeypatch, "simulated")
    assert "rlx promote" not in capsys.readouterr().out
