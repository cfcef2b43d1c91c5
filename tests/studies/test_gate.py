"""The launch gate: what each of its checks refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlx.studies import Consent, Refused, SimulatedTrainer, Study, validate as _validate
from rlx.studies.course import Launch, next_step
from rlx.studies.gate import CHECKS, check_all, override_refusal
from rlx.studies.launching import ask
from rlx.studies.trainer import Cost, StartPlan
from tests.studies.simulated import begun, run


def at(study: Study, trainer: SimulatedTrainer, phase: str) -> StartPlan:
    """Carry a study on until a start of a phase is due, and return it."""
    while True:
        step = next_step(study)
        if isinstance(step, Launch) and step.plans[0].phase == phase:
            return step.plans[0]
        run(study, trainer, starts=len([1]))


def refusals(study: Study, trainer: SimulatedTrainer, plan: StartPlan, **changes: Any) -> dict[str, str]:
    """Return what the checks refuse."""
    with study.locked():
        asked, _ = ask(study, trainer, plan, changes.pop("consent", Consent(execute=True)))
        checked = check_all(replace(asked, **changes))
    return {each.name: each.refusal for each in checked if each.refusal is not None}


def test_there_are_sixteen() -> None:
    assert len(CHECKS) == 16


@pytest.mark.parametrize("phase", ["floor", "smoke", "trial", "promotion", "confirmation"])
def test_what_is_due_passes(tmp_path: Path, phase: str) -> None:
    study, trainer = begun(tmp_path)
    assert refusals(study, trainer, at(study, trainer, phase)) == {}


def test_a_contract_that_was_edited_freezes_everything(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    plan = at(study, trainer, "trial")
    path = study.folder / "contract.yaml"
    path.write_text(path.read_text().replace('"minimum_effect": 0.5', '"minimum_effect": 0.1'))
    assert "approve" in refusals(study, trainer, plan)["approval"]
    assert study.phase == "frozen"


CHANGES: dict[str, tuple[str, Callable[[StartPlan], StartPlan]]] = {
    "smuggles a seed": ("seeds", lambda plan: replace(plan, block=(910003, 2))),
    "more seeds than its phase": ("seeds", lambda plan: replace(plan, block=(910000, 5))),
    "another list": ("seeds", lambda plan: replace(plan, list=2)),
    "other overrides than its file": ("scope", lambda plan: replace(plan, overrides={"algo.gain": 0.123})),
    "a key that is locked": ("scope", lambda plan: replace(plan, overrides={**plan.overrides, "algo.other": 1})),
    "a phase too early": ("order", lambda plan: replace(plan, phase="promotion", block=(910000, 4))),
    "a slot of its own": ("slot", lambda plan: replace(plan, phase="confirmation", slot=1, arm=plan.candidate)),
    "a candidate that nobody knows": ("order", lambda plan: replace(plan, candidate="c099")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_start_that_is_not_the_ledgers_is_refused(tmp_path: Path, name: str) -> None:
    study, trainer = begun(tmp_path)
    check, change = CHANGES[name]
    assert check in refusals(study, trainer, change(at(study, trainer, "trial")))


def test_a_candidate_that_was_edited_after_validation_is_refused(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    plan = at(study, trainer, "trial")
    path = study.folder / "candidates" / f"{plan.candidate}.yaml"
    path.write_text(path.read_text().replace("Proposal", "Surely the proposal"))
    assert "has changed" in refusals(study, trainer, plan)["order"]


def test_settings_are_looked_at_after_composition(tmp_path: Path) -> None:
    """An override that brings another with it, as `defaults:` would."""
    study, trainer = begun(tmp_path)
    plan = at(study, trainer, "trial")
    resolve = trainer.resolve

    def smuggling(overrides: Any, patch: Any = None) -> Any:
        found = resolve(overrides, patch)
        more = {**found.settings, "final_eval.episodes": 1} if overrides else found.settings
        return replace(found, settings=more)

    trainer.resolve = smuggling  # type: ignore[method-assign]
    assert "final_eval.episodes" in refusals(study, trainer, plan)["scope"]


def test_confirmation_seeds_that_were_tried_before_are_refused(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    plan = at(study, trainer, "confirmation")
    trainer.tried.add(plan.block[0] + 1)
    assert "is not fresh" in refusals(study, trainer, plan)["seeds"]


def test_the_task_and_the_code_are_the_approved_ones(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    plan = at(study, trainer, "trial")
    facts = trainer.facts()
    assert "task" in refusals(study, trainer, plan, facts=replace(facts, task="sha256:" + "1" * 64))
    assert "task" in refusals(study, trainer, plan, facts=replace(facts, code="sha256:" + "1" * 64))
    assert "machine" in refusals(study, trainer, plan, facts=replace(facts, versions={"simulation": "2"}))
    assert "commit" in refusals(study, trainer, plan, facts=replace(facts, commit=None))
    assert "disk" in refusals(study, trainer, plan, facts=replace(facts, free_disk=10))


def test_what_would_overdraw_the_budget_is_refused(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    plan = at(study, trainer, "trial")
    for cost in (Cost(10**9, 1.0, 1), Cost(1, 1e9, 1), Cost(1, 1.0, 10**15)):
        assert refusals(study, trainer, plan, cost=cost)["budget"].startswith("budget: ")


def test_a_device_that_is_not_here_is_a_fact_about_the_machine(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path, hardware={"device": "cuda", "jobs": 1})
    with pytest.raises(Refused, match="this machine has no cuda"):
        run(study, trainer)
    assert not study.state.starts
    assert study.state.candidates == {}


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"seed": 1}, "seed"),
        ({"algo.total_timesteps": 10**6}, "algo.total_timesteps"),
        ({"final_eval.episodes": 1}, "final_eval.episodes"),
        ({"eval.every": 1}, "eval.every"),
        ({"env.kwargs.easy": True}, "env.kwargs.easy"),
        ({"algo.gain": 2.0}, "outside"),
        ({"algo.gain": "0.5"}, "no number"),
        ({"algo.gain": True}, "no number"),
        ({"+algo.gain": 0.2, "algo.locked": 1}, "algo.locked"),
    ],
)
def test_a_candidate_out_of_scope_is_not_valid(tmp_path: Path, overrides: dict[str, Any], told: str) -> None:
    study, trainer = begun(tmp_path)
    at(study, trainer, "smoke")
    name = f"c{len(study.state.candidates) + 1:03d}"
    content = {
        "format": 1,
        "id": name,
        "source": {"kind": "person"},
        "hypothesis": "It is simply better this way.",
        "evidence": [{"kind": "floor"}],
        "overrides": overrides,
    }
    (study.folder / "candidates" / f"{name}.yaml").write_text(yaml.safe_dump(content))
    from rlx.studies import take_up

    with study.locked():
        assert take_up(study) == [name]
        refusal = _validate(study, trainer, name).refusal
    assert refusal is not None
    assert told in refusal
    assert (study.state.candidates[name].status, study.state.candidates[name].refused) == ("draft", True)


def test_a_note_alone_is_no_evidence(tmp_path: Path) -> None:
    from rlx.errors import ConfigError
    from rlx.studies import take_up

    study, trainer = begun(tmp_path)
    at(study, trainer, "smoke")
    name = f"c{len(study.state.candidates) + 1:03d}"
    content = {
        "format": 1,
        "id": name,
        "source": {"kind": "agent"},
        "hypothesis": "A hunch that somebody had.",
        "evidence": [{"kind": "note", "text": "trust me"}],
        "overrides": {"algo.gain": 0.4},
    }
    (study.folder / "candidates" / f"{name}.yaml").write_text(yaml.safe_dump(content))
    with study.locked(), pytest.raises(ConfigError, match="a note alone is no evidence"):
        take_up(study)


def test_nobody_accepts_a_candidate(tmp_path: Path) -> None:
    from rlx.studies import set_candidate

    study, trainer = begun(tmp_path)
    at(study, trainer, "trial")
    with study.locked():
        with pytest.raises(Refused, match="nobody can accept"):
            set_candidate(study, "c001", "accepted", "I like it")
        set_candidate(study, "c001", "rejected", "it is the same as another")
    assert study.state.candidates["c001"].status == "rejected"


def test_a_closed_study_starts_nothing(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    plan = at(study, trainer, "trial")
    with study.locked():
        study.append("closed", {"reason": "enough"})
    assert "closed" in refusals(study, trainer, plan)["approval"]


SECTIONS = {
    "algo.gain": {"range": [0.0, 1.0]},
    "algo.net": {"values": [{"width": 64, "depth": 2}, {"width": 128, "depth": 3}]},
    "env.training.ranges": {"range": [0.4, 0.7], "family": "randomization"},
}


@pytest.mark.parametrize(
    ("overrides", "refused"),
    [
        ({"algo.net": {"width": 64, "depth": 2}}, False),
        ({"algo.net.width": 128, "algo.net.depth": 3}, False),
        ({"algo.net.width": 128}, True),
        ({"algo.net.other": 1}, True),
        ({"env.training.ranges": {"length": [0.4, 0.6]}}, False),
        ({"env.training.ranges.length": [0.5, 0.6]}, False),
        ({"env.training.ranges": {"length": [0.4, 0.9]}}, True),
        ({"env.training.ranges.length": [0.4, 0.5, 0.6]}, True),
        ({"env.training.ranges.length": "0.5"}, True),
    ],
)
def test_a_section_in_scope_lets_nothing_else_through(tmp_path: Path, overrides: dict[str, Any], refused: bool) -> None:
    study, _ = begun(tmp_path, scope=SECTIONS)
    assert (override_refusal(study, overrides) is not None) == refused
