"""The audit of a study: a clean one passes, and each way of cheating is found by the check that is there for it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings, strategies as st

from rlx.errors import UsageError
from rlx.stats import difference_of_means, permutation_test
from rlx.studies import AuditReport, audit_study, find_study, loop as loops, write_audit
from rlx.studies.audit import numbers
from rlx.studies.gate import Consent
from rlx.studies.ledger.anchor import Anchor
from rlx.studies.loop import LoopCall, run_loop
from rlx.studies.proposing import propose_round
from rlx.studies.protocol.confirmation import Arms, Rail, decide, look_at
from rlx.studies.protocol.floor import floor_of
from rlx.studies.simulation import SimulatedTrainer, begin_simulation
from tests.studies.reported import forget

NAME = "toy/better"
SMALL = {
    "screening": {"trial_seeds": 2, "promotion_seeds": 3, "keep": 0.5, "survivors": 1},
    "confirmation": {"alpha": 0.05, "slots": 2, "seeds": 8, "give_up_at": [4, 6]},
    "proposals": {"per_round": 3, "sampler": "sobol"},
    "guardrails": [{"metric": "length", "no_worse_than": 30.0}, {"metric": "success", "at_least": 0.2}],
    "stop": {"rounds": 2},
}
Draw = Callable[[Mapping[str, Any], np.random.Generator], float | None]


def gain(overrides: Mapping[str, Any], rng: np.random.Generator) -> float | None:
    value = rng.normal()
    return 10.0 + 5.0 * (overrides.get("algo.gain", 0) > 0.5) + value


def failing(overrides: Mapping[str, Any], rng: np.random.Generator) -> float | None:
    return None if rng.random() < 0.2 else gain(overrides, rng)


def nothing(overrides: Mapping[str, Any], rng: np.random.Generator) -> float | None:
    del overrides
    return float(np.round(rng.normal()))


def length(overrides: Mapping[str, Any], rng: np.random.Generator) -> float | None:
    del overrides
    return float(rng.normal(200, 5))


def simulate(root: Path, draw: Draw = gain, contract: Mapping[str, Any] = SMALL, salt: int = 6) -> Path:
    """Run a simulated study in a new folder; return its project. With this salt it accepts one candidate, and not another."""
    (root / ".dvc" / "tmp").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    trainer = SimulatedTrainer(
        draw, {"algo.gain": 0.0}, salt=salt, rails={"length": length, "success": lambda _, rng: rng.random() / 2 + 0.5}
    )
    study = begin_simulation(root, NAME, contract, trainer, range(1000, 1006))
    pause, loops.PAUSE = loops.PAUSE, 0.001
    try:
        call = LoopCall(Consent(execute=True), 1, lambda s, count, number: propose_round(s, trainer, count, number))
        run_loop(study, trainer, call)
    finally:
        loops.PAUSE = pause
    return root


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = simulate(tmp_path_factory.mktemp("study") / "clean")
    subprocess.run(["git", "gc", "-q"], cwd=root, check=True)  # copies are made of it
    return root


@pytest.fixture
def no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave Git out of appends, where it is not what is tested: it takes most of a simulation's time."""
    monkeypatch.setattr(Anchor, "move", lambda *_: None)


class Forged:
    """A copy of a study in the hands of somebody who may change every file, and knows how lines are hashed."""

    def __init__(self, root: Path):
        self.root, self.folder = root, root / "studies" / NAME
        self.path = self.folder / "ledger.jsonl"

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def of(self, event: str, **data: Any) -> dict[str, Any]:
        """Return the first line of an event whose data has these values."""
        return next(self.all_of(event, **data))

    def all_of(self, event: str, **data: Any) -> Any:
        return (
            line
            for line in self.lines
            if line["event"] == event and all(line["data"].get(key) == value for key, value in data.items())
        )

    def write(self, lines: list[dict[str, Any]], *, chained: bool = True) -> None:
        """Write lines; with the chain made anew where it is to hold."""
        before, moved = "sha256:" + "0" * 64, dict[int, int]()
        for seq, line in enumerate(lines):
            if chained:
                moved[line["seq"]] = seq
                line |= {"seq": seq, "prev": before}
                if "started" in line["data"]:
                    line["data"]["started"] = moved.get(line["data"]["started"], line["data"]["started"])
                content = {key: value for key, value in line.items() if key != "hash"}
                before = line["hash"] = "sha256:" + hashlib.sha256(canonical(content)).hexdigest()
        self.path.write_bytes(b"".join(canonical(line) + b"\n" for line in lines))

    def change(self, line: dict[str, Any], *, chained: bool = True, **data: Any) -> None:
        """Write the ledger with other data in a line, and rid of what else would tell."""
        lines = self.lines
        lines[line["seq"]]["data"] |= data
        self.write(lines, chained=chained)
        if chained:
            self.forget()

    def forget(self) -> None:
        forget(self.root, NAME)

    def audit(self, **asked: Any) -> AuditReport:
        return audit_study(NAME, self.root, **asked)

    def failed(self, **asked: Any) -> set[str]:
        return {name for name, check in self.audit(**asked).checks.items() if not check.ok}

    def told(self, check: str) -> str:
        return "\n".join(problem.text for problem in self.audit().checks[check].problems)


def canonical(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.fixture
def forged(clean: Path, tmp_path: Path) -> Forged:
    shutil.copytree(clean, tmp_path / "forged")
    return Forged(tmp_path / "forged")


# --- clean studies ------------------------------------------------------------------------------------------------------


def test_a_clean_study_passes(clean: Path) -> None:
    report = audit_study(NAME, clean)
    assert [name for name, check in report.checks.items() if not check.ok] == []
    assert report.ok
    assert {name for name, check in report.checks.items() if check.skipped} == {
        "artifacts", "experiments", "report", "replay", "retrain", "head"
    }  # fmt: skip
    assert all(check.checked for check in report.checks.values() if not check.skipped)
    assert any(line["data"]["status"] == "accepted" for line in Forged(clean).all_of("decided"))
    assert AuditReport.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize(
    ("draw", "contract", "salt"),
    [
        (failing, {"metric": {"name": "return", "minimum_effect": 0.5, "failure_score": -20}}, 1),
        (nothing, {"metric": {"name": "return", "direction": "minimize", "minimum_effect": 0.0}}, 2),
        (nothing, {"proposals": {"per_round": 3, "sampler": "random"}, "guardrails": []}, 3),
    ],
)
@pytest.mark.usefixtures("no_git")
def test_studies_with_failures_ties_and_minimised_metrics_pass(
    tmp_path: Path, draw: Draw, contract: dict[str, Any], salt: int
) -> None:
    forged = Forged(simulate(tmp_path / "study", draw, {**SMALL, **contract}, salt))
    forged.forget()
    assert [problem for check in forged.audit().checks.values() for problem in check.problems] == []


@pytest.mark.usefixtures("no_git")
def test_what_tpe_proposed_is_drawn_again(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    forged = Forged(simulate(tmp_path / "study", contract={**SMALL, "proposals": {"per_round": 8, "sampler": "tpe"}}))
    forged.forget()
    report = forged.audit()
    assert report.ok
    assert report.checks["proposals"].checked == 16
    screened = forged.of("screened")["data"]
    learned = forged.of("ended", started=screened["inputs"][screened["ranking"][-1]]["start"])
    forged.change(learned, scores={seed: {**each, "return": 99.0} for seed, each in learned["data"]["scores"].items()})
    assert "c010 is not what tpe proposes as number 9: that is" in forged.told("proposals")
    line = forged.of("proposed", candidate="c010")
    forged.change(line, source={**line["data"]["source"], "version": "optuna 0.1"})
    assert "c010 was not drawn again: optuna 0.1 drew it" in "\n".join(forged.audit().checks["proposals"].notes)


# --- the chain ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["changed", "deleted", "inserted", "moved", "cut", "appended"])
def test_a_line_that_was_touched_is_found_by_the_chain(forged: Forged, how: str) -> None:
    lines = forged.lines
    if how == "changed":
        lines[9]["time"] = "2020-01-01T00:00:00Z"
    elif how == "deleted":
        del lines[9]
    elif how == "inserted":
        lines.insert(9, lines[9])
    elif how == "moved":
        lines[9], lines[12] = lines[12], lines[9]
    elif how == "cut":
        lines = lines[:-4]
    else:
        for _ in range(2):
            lines.append({**lines[-1], "event": "closed", "data": {"reason": "x"}, "seq": len(lines)})
    forged.write(lines, chained=how == "appended")
    assert "chain" in forged.failed()
    if how == "changed":
        assert "ledger.jsonl:10: was changed" in forged.told("chain")


def test_a_rewritten_ledger_is_found_by_git_and_by_a_head_kept_elsewhere(forged: Forged) -> None:
    head = forged.lines[20]["hash"]
    assert forged.failed(head=head) == set()
    assert "line 21's" in forged.audit(head=head[7:19]).checks["head"].notes[0]
    lines = forged.lines
    lines[15]["time"] = "2020-01-01T00:00:00Z"
    forged.write(lines)
    assert forged.failed() == {"chain"}
    assert "line 16: is not the line that refs/rlx/studies/toy/better has" in forged.told("chain")
    forged.forget()
    assert forged.failed() == set()
    assert forged.failed(head=head) == {"head"}
    with pytest.raises(UsageError, match="8 to 64 hex digits"):
        forged.audit(head="xyz")


def test_a_deleted_reference_is_missed_where_the_study_was_written(forged: Forged) -> None:
    subprocess.run(["git", "update-ref", "-d", f"refs/rlx/studies/{NAME}"], cwd=forged.root, check=True)
    assert "somebody deleted it" in forged.told("chain")


def test_a_torn_last_line_is_a_crash_and_no_crime(forged: Forged) -> None:
    with forged.path.open("ab") as file:
        file.write(b'{"actor":')
    report = forged.audit()
    assert report.ok
    assert "a crash's" in report.checks["chain"].notes[0]


# --- what was agreed on -------------------------------------------------------------------------------------------------


def test_a_contract_that_was_loosened_is_found(forged: Forged) -> None:
    text = (forged.folder / "contract.yaml").read_text()
    (forged.folder / "contract.yaml").write_text(text.replace('"minimum_effect": 0.5', '"minimum_effect": 0.1'))
    assert forged.failed() == {"contract"}
    assert "was edited afterwards" in forged.told("contract")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"minimum_effect": 0.5', '"minimum_effect": 0.1', "metric was changed after the first look"),
        ('"alpha": 0.05', '"alpha": 0.1', "confirmation.alpha was changed"),
        (
            '"no_worse_than": 30.0',
            '"no_worse_than": 60.0',
            "the guardrail length no worse than 30 was dropped or loosened",
        ),
        (
            '"algo.gain": {\n   "range": [\n    0.0',
            '"algo.gain": {\n   "range": [\n    -1.0',
            "scope.algo.gain was widened",
        ),
        ('"experiments": 1000', '"experiments": 900', "budget.experiments was lowered"),
    ],
)
def test_an_amendment_that_is_not_allowed_is_found_however_it_was_approved(
    forged: Forged, old: str, new: str, told: str
) -> None:
    from rlx.studies.approving import Approval, approve
    from rlx.studies.contracts.contract import ITEMS

    path = forged.folder / "contract.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    study = find_study(forged.root, NAME)
    with study.locked():
        approve(study, Approval(ITEMS, "flag"))
    assert forged.failed() == {"contract"}
    assert told in forged.told("contract")


def test_an_allowed_amendment_passes_and_a_demand_is_not_weakened_by_the_weaker_way(forged: Forged) -> None:
    from rlx.studies.approving import Approval, approve
    from rlx.studies.contracts.contract import ITEMS
    from rlx.studies.ledger.ledger import Refused

    path = forged.folder / "contract.yaml"
    path.write_text(path.read_text().replace('"experiments": 1000', '"experiments": 2000'))
    study = find_study(forged.root, NAME)
    with study.locked():
        approve(study, Approval(ITEMS, "flag"))
    assert forged.failed() == set()
    path.write_text(path.read_text().replace('"require": "flag"', '"require": "tty"'))
    with study.locked():
        approve(study, Approval(ITEMS, "tty"))
    path.write_text(path.read_text().replace('"require": "tty"', '"require": "flag"'))
    with study.locked(), pytest.raises(Refused, match="demands approval by tty"):
        approve(study, Approval(ITEMS, "flag"))


def test_a_missing_approval_is_found(forged: Forged) -> None:
    line = forged.of("approved")
    forged.change(line, items=["task", "metric"])
    assert "not approved then: scope, budget" in forged.told("gate")


def test_an_edited_candidate_is_found(forged: Forged) -> None:
    path = forged.folder / "candidates" / "c002.yaml"
    path.write_text(path.read_text().replace("hypothesis: ", "hypothesis: After the fact, "))
    assert forged.failed() == {"candidates"}
    (problem,) = forged.audit().checks["candidates"].problems
    assert (problem.candidate, problem.file) == ("c002", "candidates/c002.yaml")
    path.unlink()
    assert "candidates/c002.yaml is gone" in forged.told("candidates")


def test_edited_evidence_and_audits_are_found(forged: Forged) -> None:
    study = find_study(forged.root, NAME)
    content = b'{"kind":"review"}'
    digest = hashlib.sha256(content).hexdigest()
    path = forged.folder / "evidence" / f"{digest}.json"
    path.parent.mkdir()
    path.write_bytes(content)
    with study.locked():
        study.append("evidence", {"file": path.name, "hash": f"sha256:{digest}", "kind": "review"})
        study.append("audited", write_audit(forged.folder, forged.audit()))
    assert forged.failed() == set()
    path.write_bytes(b"{}")
    assert f"evidence/{digest}.json was edited" in forged.told("candidates")
    path.write_bytes(content)
    (forged.folder / "audits" / "001.json").unlink()
    assert "audits/001.json is gone" in forged.told("candidates")


def test_a_decided_candidate_gets_no_second_chance(forged: Forged) -> None:
    from rlx.studies.simulation import SimulatedTrainer
    from rlx.studies.validating import validate

    study, trainer = find_study(forged.root, NAME), SimulatedTrainer(gain, {"algo.gain": 0.0})
    path = forged.folder / "candidates" / "c002.yaml"
    path.write_text(path.read_text().replace("hypothesis: ", "hypothesis: After the fact, "))
    with study.locked():
        found = validate(study, trainer, "c002")
        assert "was edited after c002 was started or decided on" in str(found.refusal)
        data = forged.of("validated", candidate="c002")["data"]
        digest = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
        study.append("validated", {**data, "sha256": digest})
    assert "a second chance" in forged.told("candidates")


# --- what was started ---------------------------------------------------------------------------------------------------


def test_settings_out_of_scope_are_found(forged: Forged) -> None:
    forged.change(forged.of("started", candidate="c001", phase="trial"), overrides={"algo.gain": 7.0})
    assert "its overrides are not those of candidates/c001.yaml" in forged.told("gate")
    assert "7.0 is not within 0.0 to 1.0" in forged.told("gate")
    forged.change(forged.of("started", candidate="c001", phase="trial"), overrides={"seed": 3})
    assert "seed is not in scope" in forged.told("gate")


def test_phases_blocks_and_lists_are_those_that_were_due(forged: Forged) -> None:
    smoke = forged.of("started", candidate="c001", phase="smoke")
    lines = [line for line in forged.lines if line["seq"] not in (smoke["seq"], smoke["seq"] + 1)]
    forged.write(lines)
    forged.forget()
    assert "c001 had had no smoke" in forged.told("gate")


def test_other_screening_seeds_or_lists_are_found(forged: Forged) -> None:
    forged.change(forged.of("started", candidate="c001", phase="trial"), block=[910001, 2])
    assert "its seeds are 910001–910002, and screening's are 910000–910001" in forged.told("gate")
    forged.change(forged.of("started", candidate="c002", phase="trial"), list=9)
    assert "it plays list 9, and selection's is 1" in forged.told("gate")


def test_confirmation_seeds_that_were_used_are_found(forged: Forged) -> None:
    slot = forged.of("slot")
    arms = {**slot["data"]["arms"], "incumbent": [910000, 8]}
    lines = forged.lines
    lines[slot["seq"]]["data"]["arms"] = arms
    for line in lines:
        if line["event"] == "started" and line["data"].get("arm") == "incumbent" and line["data"]["slot"] == 1:
            line["data"]["block"][0] = 910000
    forged.write(lines)
    forged.forget()
    told = forged.told("gate")
    assert "confirmation seed 910000 is not fresh: an earlier start had it" in told
    assert "are outside those of confirmation" in told
    assert "its arms have the blocks" in told
    assert any(problem.seed == 910000 for problem in forged.audit().checks["gate"].problems)


def test_a_slot_with_the_blocks_of_the_slot_before_it_is_found(forged: Forged) -> None:
    one, other = list(forged.all_of("slot"))
    forged.change(other, arms=dict(zip(other["data"]["arms"], one["data"]["arms"].values(), strict=True)))
    assert "its arms have the blocks" in forged.told("gate")


def test_a_second_try_is_found(forged: Forged) -> None:
    trial = forged.of("started", candidate="c001", phase="trial")
    lines = forged.lines
    place = trial["seq"] + 2
    copies = [json.loads(json.dumps(lines[trial["seq"]])), json.loads(json.dumps(lines[trial["seq"] + 1]))]
    copies[0]["seq"] = 10_000
    copies[1]["data"]["started"] = 10_000
    forged.write(lines[:place] + copies + lines[place:])
    forged.forget()
    assert "a second try of the same seeds" in forged.told("gate")


# --- what it cost and what counted --------------------------------------------------------------------------------------


def test_an_overdrawn_budget_is_found(forged: Forged) -> None:
    start = forged.of("started", phase="promotion")
    forged.change(start, reserved={**start["data"]["reserved"], "steps": 10**8})
    assert forged.failed() == {"budget"}
    assert "steps: spent and reserved come to" in forged.told("budget")
    assert forged.audit().checks["budget"].problems[0].experiment == start["data"]["experiment"]


def test_more_than_was_reserved_is_found(forged: Forged) -> None:
    end = forged.of("ended", status="finished")
    forged.change(end, spent={**end["data"]["spent"], "steps": 10**6})
    assert "it spent 1,000,000 steps and had reserved 6,000" in forged.told("budget")


def test_a_bad_seed_that_was_dropped_is_found(forged: Forged) -> None:
    end = confirmed(forged)
    worst = min(end["data"]["scores"], key=lambda seed: end["data"]["scores"][seed]["return"])
    rest = {seed: scores for seed, scores in end["data"]["scores"].items() if seed != worst}
    forged.change(end, scores=rest)
    assert {"denominator", "decisions"} <= forged.failed()
    assert f"seed {worst} was assigned, and has neither score nor failure" in forged.told("denominator")
    assert any(problem.seed == int(worst) for problem in forged.audit().checks["denominator"].problems)


def test_a_seed_of_another_block_is_found(forged: Forged) -> None:
    end = confirmed(forged)
    worst = min(end["data"]["scores"], key=lambda seed: end["data"]["scores"][seed]["return"])
    scores = {("929999" if seed == worst else seed): value for seed, value in end["data"]["scores"].items()}
    forged.change(end, scores=scores)
    assert "seed 929999 was not assigned to it" in forged.told("denominator")


def test_a_better_score_than_at_the_look_before_is_found(forged: Forged) -> None:
    end = confirmed(forged)
    seed = min(end["data"]["scores"])
    scores = {**end["data"]["scores"], seed: {**end["data"]["scores"][seed], "return": 99.0}}
    forged.change(end, scores=scores)
    assert {"denominator", "decisions"} <= forged.failed()
    assert f"seed {seed}: return is 99.0, and was" in forged.told("denominator")


def confirmed(forged: Forged) -> dict[str, Any]:
    """Return the end of the first accepted candidate's last start."""
    decided = forged.of("decided", status="accepted")
    return forged.of("ended", started=decided["data"]["inputs"][0])


# --- what was decided ---------------------------------------------------------------------------------------------------


def test_an_edited_decision_is_found_and_is_to_be_reverted(forged: Forged) -> None:
    decided = next(line for line in forged.all_of("decided") if line["data"].get("slot") == 2)
    assert decided["data"]["status"] != "accepted"
    forged.change(decided, status="accepted")
    report = forged.audit()
    assert {name for name, check in report.checks.items() if not check.ok} == {"decisions"}
    assert report.unsupported == [decided["data"]["candidate"]]
    assert "by the rule" in forged.told("decisions")


@pytest.mark.parametrize("key", ["gain", "low", "high", "p", "alpha"])
def test_a_number_of_a_decision_is_computed_again(forged: Forged, key: str) -> None:
    decided = forged.of("decided", status="accepted")
    shifted = decided["data"]["numbers"][key] + 1e-6
    forged.change(decided, numbers={**decided["data"]["numbers"], key: shifted})
    assert forged.failed() == {"decisions"}
    assert f"{key} is" in forged.told("decisions")


def test_guardrails_are_computed_again(forged: Forged) -> None:
    decided = forged.of("decided", status="accepted")
    rails = dict.fromkeys(decided["data"]["numbers"]["guardrails"], 0.9)
    assert len(rails) == 2
    forged.change(decided, numbers={**decided["data"]["numbers"], "guardrails": rails})
    assert forged.told("decisions").count("p of ") == 2


def test_a_decision_on_wrong_inputs_or_before_all_seeds_is_found(forged: Forged) -> None:
    decided = forged.of("decided", status="accepted")
    early = forged.of("look")["data"]
    numbers_ = {**decided["data"]["numbers"], "n": early["n"]}
    forged.change(decided, inputs=early["inputs"], numbers=numbers_)
    assert f"decided after {early['n']} of 8 seeds, and no look gave it up" in forged.told("decisions")


def test_a_look_that_was_left_out_is_found(forged: Forged) -> None:
    look = forged.of("look")
    forged.write([line for line in forged.lines if line["seq"] != look["seq"]])
    forged.forget()
    assert "the looks after [4, 6] seeds were not all made" in forged.told("decisions")


@pytest.mark.parametrize(
    ("event", "key", "value", "told"),
    [
        ("floor", "sd", 0.001, "sd is 0.001 in the ledger"),
        ("floor", "mean", 0.001, "mean is 0.001 in the ledger"),
        ("floor", "detectable", 0.001, "detectable is 0.001 in the ledger"),
        ("screened", "kept", ["c003"], "is kept by the rule"),
        ("screened", "ranking", [], "the ranking is"),
        ("look", "given_up", True, "and the rule says otherwise"),
        ("look", "upper", 0.001, "upper is 0.001 in the ledger"),
    ],
)
def test_floor_screening_and_looks_are_computed_again(
    forged: Forged, event: str, key: str, value: Any, told: str
) -> None:
    forged.change(forged.of(event), **{key: value})
    assert "decisions" in forged.failed()
    assert told in forged.told("decisions")


def test_a_candidate_left_out_of_a_screening_is_found(forged: Forged) -> None:
    line = forged.of("screened")
    data = line["data"]
    worst = data["ranking"][-1]
    without = {key: {k: v for k, v in data[key].items() if k != worst} for key in ("inputs", "means", "reasons")}
    forged.change(line, ranking=data["ranking"][:-1], **without)
    assert f"{worst} was left out of it" in forged.told("decisions")


def test_an_acceptance_without_a_slot_is_found(forged: Forged) -> None:
    forged.change(forged.of("decided", status="accepted"), slot=None)
    assert "is accepted without a slot" in forged.told("decisions")


def test_overspent_alpha_is_found(forged: Forged) -> None:
    forged.change(forged.of("slot"), alpha=0.2)
    assert {"alpha", "decisions"} <= forged.failed()
    assert "its alpha is 0.2, and 0.025 was due" in forged.told("alpha")
    assert "alpha is overspent" in forged.told("alpha")


def test_a_proposal_that_is_not_the_samplers_is_found(forged: Forged) -> None:
    path = forged.folder / "candidates" / "c002.yaml"
    text = path.read_text().splitlines()
    changed = ["  algo.gain: 0.75" if line.startswith("  algo.gain:") else line for line in text]
    path.write_text("\n".join(changed) + "\n")
    digest = "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    lines = forged.lines
    for line in lines:
        data = line["data"]
        if data.get("candidate") == "c002":
            data |= {key: digest for key in ("sha256", "candidate_sha256") if key in data}
            data |= {"overrides": {"algo.gain": 0.75}} if "overrides" in data else {}
    forged.write(lines)
    forged.forget()
    assert forged.failed() == {"proposals"}
    assert "c002 is not what sobol proposes as number 1" in forged.told("proposals")


def test_a_report_is_rendered_again(forged: Forged) -> None:
    (forged.folder / "report.md").write_text("# improved\nby much\n")
    assert forged.failed() == set()
    assert forged.failed(render=lambda: "# improved\nby much\n") == set()
    assert forged.failed(render=lambda: "# improved\nnot shown\n") == {"report"}


def test_what_cannot_be_read_is_a_problem_and_no_traceback(forged: Forged) -> None:
    for line in forged.lines[3:9]:
        forged.change(line, **dict.fromkeys(line["data"]))
        assert forged.failed()
    forged.path.write_bytes(b"\xff\xfe\n[]\n{}\n" + b"[" * 100_000 + b"\n")
    assert "chain" in forged.failed()
    forged.path.unlink()
    assert "chain" in forged.failed()


# --- the command and its document ---------------------------------------------------------------------------------------


def test_the_command_notes_what_it_found_and_reverts_what_does_not_hold(
    forged: Forged, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlx.cli.study_audit import audit

    monkeypatch.setattr("rlx.config.find_root", lambda *_: forged.root)
    done = CliRunner().invoke(audit, ["better"])
    assert (done.exit_code, forged.lines[-1]["event"], forged.lines[-1]["data"]["ok"]) == (0, "audited", True)
    assert all(len(line) <= 80 for line in done.output.splitlines())
    assert "✓ chain" in done.output
    assert "– replay       simulation" in done.output
    decided = next(line for line in forged.all_of("decided") if line["data"].get("slot") == 2)
    forged.change(decided, status="accepted")
    done = CliRunner().invoke(audit, ["better", "--json"])
    assert done.exit_code == 1
    assert json.loads(done.output)["checks"]["decisions"]["ok"] is False
    assert [line["event"] for line in forged.lines[-2:]] == ["audited", "reverted"]
    assert (forged.folder / "audits" / "002.json").is_file()
    study = find_study(forged.root, NAME)
    assert study.frozen is not None
    assert study.state.incumbent != decided["data"]["candidate"]
    forged.write(forged.lines[:-1], chained=False)
    done = CliRunner().invoke(audit, ["better", "--replay", "all"])
    assert done.exit_code == 1
    assert "not noted in the ledger" in done.output


def test_audits_are_numbered(clean: Path, tmp_path: Path) -> None:
    report = audit_study(NAME, clean)
    names = [write_audit(tmp_path, report)["file"] for _ in range(2)]
    assert names == ["audits/001.json", "audits/002.json"]
    assert AuditReport.model_validate_json((tmp_path / names[0]).read_text()) == report


# --- numbers: two ways, one result --------------------------------------------------------------------------------------

KINDS = st.sampled_from(["normal", "ties", "capped", "constant"])


def scores(rng: np.random.Generator, kind: str, n: int, shift: float) -> dict[int, float]:
    found = rng.normal(shift, 1 + rng.random(), n)
    if kind == "ties":
        found = np.round(found)
    elif kind == "capped":
        found = np.minimum(found, shift)
    elif kind == "constant":
        found[:] = np.round(shift)
    found[rng.random(n) < 0.1] = -3.0  # failures
    return dict(enumerate(map(float, found)))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32 - 1), KINDS, KINDS, st.sampled_from([6, 7, 8]), st.booleans())
def test_the_audits_numbers_are_those_of_the_protocol(seed: int, one: str, other: str, n: int, equal: bool) -> None:
    rng = np.random.default_rng(seed)
    m = n if equal else 7
    arms = Arms(scores(rng, one, n, rng.choice([0.0, 1.0, 3.0])), scores(rng, other, m, 0.0))
    effect, alpha = float(rng.choice([0.0, 0.5])), float(rng.choice([0.05, 0.0125]))
    pairs = [("margin", float(rng.choice([0.0, 0.5, 2.0])), None), ("bound", None, float(rng.choice([-1.0, 0.0, 1.0])))]
    rails = [Rail(name, arms, margin, bound) for name, margin, bound in pairs]
    sides = list(arms.candidate.values()), list(arms.incumbent.values())
    own = [numbers.Rail(name, *sides, margin, bound) for name, margin, bound in pairs]
    theirs = decide(arms, rails, effect, alpha, 0.05)
    mine = numbers.verdict(*sides, own, effect, (alpha, 0.05))
    for key in ("gain", "low", "high", "p"):
        assert numbers.agree(getattr(mine, key), getattr(theirs, key)), key
    assert mine.status == theirs.status
    assert all(numbers.agree(mine.rails[name], value) for name, value in theirs.rails.items())
    ends, upper, uppers = numbers.gives_up(*sides, own, effect)
    look = look_at(arms, rails, effect)
    assert ends == bool(look.why)
    assert numbers.agree(upper, look.upper)
    assert all(numbers.agree(uppers[name], value) for name, value in look.rails.items())


@pytest.mark.parametrize(("n", "m"), [(16, 16), (11, 16), (20, 20), (12, 9)])
def test_drawn_rearrangements_are_the_documented_ones(n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    for shift in (0.0, 0.5, 1.0):
        one, other = rng.normal(shift, 1, n), np.round(rng.normal(0, 2, m))
        assert numbers.permutation_p(list(one), list(other)) == permutation_test(one, other).p
        interval = difference_of_means(one, other, 0.9).interval
        assert interval is not None
        low, high = numbers.welch(list(one), list(other), 0.9)
        assert numbers.agree(low, interval.low)
        assert numbers.agree(high, interval.high)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=5, max_size=30), st.integers(6, 40), st.floats(0.001, 0.1))
def test_the_floor_is_the_protocols(values: list[float], seeds: int, alpha: float) -> None:
    theirs = floor_of(dict(enumerate(values)), seeds, alpha, 0.5)
    mine = numbers.floor(values, seeds, alpha, 0.5)
    for key in ("mean", "sd", "low", "high"):
        assert numbers.agree(getattr(mine, key), getattr(theirs, key)), key
    assert numbers.agree(mine.detectable, theirs.detectable, numbers.INVERSE_TOLERANCE)


def test_the_audit_reaches_no_code_of_studies_but_its_own_and_the_contracts() -> None:
    import grimp

    graph = grimp.build_graph("rlx", exclude_type_checking_imports=True)
    own = {name for name in graph.modules if name.startswith("rlx.studies.audit.")}
    assert len(own) > 15
    reached = {each for name in own for each in graph.find_upstream_modules(name)}
    studies = {each for each in reached if each.startswith("rlx.studies.")}
    assert {each for each in studies if not each.startswith(("rlx.studies.audit", "rlx.studies.contracts"))} == set()
    direct = {each for name in own for each in graph.find_modules_directly_imported_by(name)}
    assert not any(each.startswith("rlx.stats") for each in direct)
