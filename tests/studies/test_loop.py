"""The loop of a study: what it finds, what ends it, and that nothing that happens to it changes what it finds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rlx.errors import Interrupted
from rlx.studies import Consent, Refused, SimulatedTrainer, Study, audit_study, find_study, state_document
from rlx.studies.trainer import StartCall
from tests.studies.simulated import begun, decisions, gain, noise, run

REPOSITORY = Path(__file__).parent.parent.parent


def test_a_true_gain_is_accepted_and_becomes_the_incumbent(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    result = run(study, trainer)
    accepted = [each for each in study.state.candidates.values() if each.status == "accepted"]
    assert len(accepted) == 1
    assert study.state.incumbent == accepted[0].name
    assert "slots" in result.why or "rounds" in result.why
    (decided,) = [line.data for line in study.ledger.of("decided") if line.data["status"] == "accepted"]
    assert decided["numbers"]["low"] > study.contract.metric.minimum_effect
    assert decided["numbers"]["p"] <= decided["numbers"]["alpha"] == pytest.approx(0.05)


def test_without_an_effect_nothing_is_accepted_and_that_is_no_failure(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path, SimulatedTrainer(noise, {"algo.gain": 0.0}, salt=3))
    result = run(study, trainer)
    assert result.failed == []
    assert study.state.incumbent == "baseline"
    assert all(each.status in ("rejected", "inconclusive") for each in study.state.candidates.values())


def test_a_gain_that_is_paid_for_by_a_guardrail_is_not_accepted(tmp_path: Path) -> None:
    trainer = SimulatedTrainer(
        gain, {"algo.gain": 0.0}, rails={"length": lambda o, rng: rng.normal(5 - 9 * o.get("algo.gain", 0), 1)}
    )
    study, _ = begun(tmp_path, trainer, guardrails=[{"metric": "length", "no_worse_than": 0.5}])
    run(study, trainer)
    assert study.state.incumbent == "baseline"


def test_what_is_minimised_is_turned_round(tmp_path: Path) -> None:
    trainer = SimulatedTrainer(lambda o, rng: -gain(o, rng), {"algo.gain": 0.0})
    metric = {"name": "return", "direction": "minimize", "minimum_effect": 0.5, "failure_score": 0.0}
    study, _ = begun(tmp_path, trainer, metric=metric)
    run(study, trainer)
    assert study.state.incumbent != "baseline"
    assert study.state.floor is not None
    assert study.state.floor["mean"] < 0


def test_failing_seeds_stay_in_the_denominator(tmp_path: Path) -> None:
    """A candidate that is better where it does not fail, and fails in half of its trainings, is not better."""

    def draw(overrides, rng):
        return None if overrides and rng.random() < 0.5 else gain(overrides, rng)

    trainer = SimulatedTrainer(draw, {"algo.gain": 0.0})
    study, _ = begun(tmp_path, trainer)
    run(study, trainer)
    assert study.state.incumbent == "baseline"
    failed = [start for start in study.state.starts.values() if start.ended and start.ended["failures"]]
    assert failed
    for start in failed:
        assert start.ended is not None
        assert {int(seed) for seed in (*start.ended["scores"], *start.ended["failures"])} == set(start.seeds)


def test_nothing_starts_without_execute(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    with pytest.raises(Refused, match="consent"):
        run(study, trainer, consent=Consent())
    assert not study.state.starts


def test_each_start_is_confirmed_by_itself_where_the_contract_says_so(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path, automation="each")
    with pytest.raises(Refused, match=r"--confirm baseline:baseline"):
        run(study, trainer)
    result = run(study, trainer, consent=Consent(execute=True, confirm="baseline:baseline"), starts=1)
    assert result.starts == 1
    with pytest.raises(Refused, match=r"--confirm c001:[0-9a-f]{8}"):
        run(study, trainer)


def test_plans_only_never_start(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path, automation="none")
    with pytest.raises(Refused, match="plans only"):
        run(study, trainer)


def test_rounds_end_a_call_where_the_contract_says_so(tmp_path: Path) -> None:
    stop = {"rounds": 3, "no_survivor_rounds": 3, "failed_starts": 5}
    study, trainer = begun(tmp_path, SimulatedTrainer(noise, {"algo.gain": 0.0}), automation="round", stop=stop)
    assert "1 round" in run(study, trainer).why
    assert study.state.rounds == 1
    run(study, trainer)
    assert study.state.rounds == 2


def test_several_starts_at_once_give_the_same_decisions(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, trainer = begun(tmp_path / "a")
    run(one, trainer)
    other, trainer = begun(tmp_path / "b", hardware={"device": "cpu", "jobs": 4})
    run(other, trainer, jobs=4)
    assert [each["ranking"] for each in decisions(one) if "ranking" in each] == [
        each["ranking"] for each in decisions(other) if "ranking" in each
    ]
    assert one.state.incumbent == other.state.incumbent


def test_a_budget_is_never_overdrawn(tmp_path: Path) -> None:
    budget = {"steps": 30_000, "experiments": 1000, "wall_clock": "10d", "disk": "100GB"}
    study, trainer = begun(tmp_path, budget=budget)
    assert "a further round takes up to 26,000 steps, and 22,000 of the budget are left" in run(study, trainer).why
    assert study.state.spent()["steps"] <= 30_000
    assert study.state.reserved()["steps"] == 0


def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(tmp_path: Path) -> None:
    calls = 0

    def before(call: StartCall) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise Interrupted("interrupted")

    study, trainer = begun(tmp_path)
    trainer.before = before
    run(study, trainer)
    assert any(start.ended and start.ended["status"] == "interrupted" for start in study.state.starts.values())
    assert study.state.incumbent != "baseline"


SCRIPT = """
import os, sys
from pathlib import Path
from tests.studies.simulated import begun, gain, run
from rlx.studies import SimulatedTrainer, find_study
root, after = Path(sys.argv[1]), int(sys.argv[2])
count = 0
def before(call):
    global count
    count += 1
    if count == after:
        os.kill(os.getpid(), 9)
trainer = SimulatedTrainer(gain, {"algo.gain": 0.0}, before=before)
study = find_study(root, "toy/better")
for start in study.state.starts.values():  # what was trained stays trained, as on a bench
    if start.ended:
        snapshot = trainer.resolve(start.data["overrides"]).snapshot
        trainer.trained |= {(snapshot, seed) for seed in start.seeds if start.phase != "smoke"}
run(study, trainer)
"""


@pytest.mark.slow
def test_a_loop_that_is_killed_again_and_again_decides_the_same(tmp_path: Path) -> None:
    """Twenty kills -9, each in the middle of a start; nothing is paid for twice, no candidate is tried twice."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole, trainer = begun(tmp_path / "a")
    run(whole, trainer)
    begun(tmp_path / "b")
    paths = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])
    for kill in range(20):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(tmp_path / "b"), str(1 + kill % 2)],
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, -9), done.stderr
        if done.returncode == 0:
            break
    subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "b"), "10000"],
        env={**os.environ, "PYTHONPATH": paths},
        check=True,
    )
    killed = find_study(tmp_path / "b", "toy/better")
    scored = [
        [
            (start.data["experiment"], start.ended["scores"])
            for start in study.state.starts.values()
            if start.is_finished
        ]
        for study in (whole, killed)
        for _ in [0]
        if all(start.ended is not None for start in study.state.starts.values())
    ]
    assert scored[0] == scored[1]
    assert [each["candidate"] for each in decisions(whole) if "rule" in each] == [
        each["candidate"] for each in decisions(killed) if "rule" in each
    ]
    assert killed.state.spent()["experiments"] == whole.state.spent()["experiments"]


def test_two_loops_cannot_hold_one_study(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    again = Study(study.root, study.folder)
    with study.locked(), pytest.raises(Refused, match=r"another process is at work on it \(process \d+ on"):
        run(again, trainer)


def test_a_start_that_is_lost_is_made_once_more_and_then_scored(tmp_path: Path) -> None:
    def before(call: StartCall) -> None:
        if call.plan.candidate == "c001" and call.plan.phase == "trial":
            raise OSError("the machine failed")

    study, trainer = begun(tmp_path)
    trainer.before = before
    run(study, trainer)
    trials = study.state.starts_of("c001", "trial")
    assert [each.ended["status"] for each in trials if each.ended] == ["lost", "failed"]
    assert {each["kind"] for each in trials[1].ended["failures"].values()} == {"process"}


def test_a_full_disk_is_nobodys_fault(tmp_path: Path) -> None:
    full = True

    def before(call: StartCall) -> None:
        if full and call.plan.phase == "trial":
            raise OSError(28, "No space left on device")

    study, trainer = begun(tmp_path)
    trainer.before = before
    with pytest.raises(Refused, match="the disk is full"):
        run(study, trainer)
    full = False
    run(study, trainer)
    assert study.state.incumbent != "baseline"


def test_too_many_failed_starts_end_it(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path, SimulatedTrainer(lambda o, rng: None if o else gain(o, rng), {"algo.gain": 0.0}))
    stop = run(study, trainer).why
    assert "failed" in stop or "slots" in stop or "rounds" in stop
    assert study.state.incumbent == "baseline"


def test_the_state_is_derived(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    run(study, trainer)
    before = state_document(find_study(tmp_path, None))
    (study.folder / "state.json").write_text("{}")
    assert state_document(find_study(tmp_path, None)) == before
    assert before["next"]["command"].startswith("rlx study report")


def test_of_two_that_a_slot_accepts_the_better_one_is_the_incumbent(tmp_path: Path) -> None:
    screening = {"trial_seeds": 2, "promotion_seeds": 4, "keep": 0.9, "survivors": 2}
    trainer = SimulatedTrainer(lambda o, rng: rng.normal(10 + 6 * (o.get("algo.gain", 0.0) > 0.05)), {"algo.gain": 0.0})
    study, _ = begun(tmp_path, trainer, screening=screening)
    run(study, trainer)
    accepted = {
        line.data["candidate"]: line.data["numbers"]
        for line in study.ledger.of("decided")
        if line.data["status"] == "accepted"
    }
    assert len(accepted) == 2
    assert study.state.incumbent == max(accepted, key=lambda name: accepted[name]["gain"])
    assert {numbers["alpha"] for numbers in accepted.values()} == {0.025}
    assert audit_study(study.name, study.root).ok
