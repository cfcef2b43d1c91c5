"""Contracts and approvals: what is refused, what may be amended, and what an approval is worth."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from rlx.errors import ConfigError, Missing, UsageError
from rlx.studies import (
    Approval,
    Refused,
    Study,
    approve,
    check_approvable,
    find_study,
    plan_budget,
    read_contract,
    revoke,
    sign,
    verify,
)
from rlx.studies.contracts.quantities import BYTES, SECONDS, STEPS, amount, shown_amount
from rlx.studies.contracts.scope import NEVER, ScopeEntry
from rlx.studies.simulation import SIMULATED
from tests.studies.simulated import begun, run


def refused(folder: Path, **sections: Any) -> str:
    """Return how a contract with other sections is refused."""
    path = folder / "contract.yaml"
    path.write_text(json.dumps({**SIMULATED, **sections}, indent=1))
    with pytest.raises(ConfigError) as caught:
        read_contract(path, "contract.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"scope": {}}, "scope"),
        ({"scope": {"algo.gain": {"range": [1.0, 0.0]}}}, "the lower one first"),
        ({"scope": {"algo.gain": {"range": [0.0, 1.0], "scale": "log"}}}, "above 0"),
        ({"scope": {"algo.gain": {"range": [0.0, 1.0], "values": [1]}}}, "either"),
        ({"metric": {"name": "loss", "minimum_effect": 1}}, "metric.name"),
        ({"metric": {"name": "return", "minimum_effect": -1}}, "metric.minimum_effect"),
        ({"guardrails": [{"metric": "length"}]}, "one of no_worse_than, at_least, at_most"),
        ({"budget": {"steps": "8 bananas", "experiments": 1, "wall_clock": "1h", "disk": "1GB"}}, "budget.steps"),
        ({"seeds": {"smoke": 910001, "selection": {"first": 910000, "count": 5}, "confirmation": {"first": 920000, "count": 96}}},
         "shares seeds"),
        ({"seeds": {"smoke": 1, "selection": {"first": 910000, "count": 5}, "confirmation": {"first": 920000, "count": 95}}},
         "at least 96"),
        ({"confirmation": {"seeds": 16, "give_up_at": [8, 8]}}, "must rise"),
        ({"confirmation": {"seeds": 16, "give_up_at": [16]}}, "end below 16"),
        ({"confirmation": {"seeds": 6, "alpha": 0.02, "slots": 20, "give_up_at": []}, "seeds": {
            "smoke": 1, "selection": {"first": 910000, "count": 5}, "confirmation": {"first": 920000, "count": 400}}}, "cannot reach alpha"),
        ({"evaluation": {"selection_list": 5, "confirmation_lists_from": 4}}, "must be above evaluation.selection_list"),
        ({"stop": {"deadline": "tomorrow"}}, "a moment in UTC"),
        ({"automation": "always"}, "automation"),
        ({"colour": "blue"}, "colour"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_key(tmp_path: Path, sections: dict[str, Any], told: str) -> None:
    assert told in refused(tmp_path, **sections)


@pytest.mark.parametrize("key", NEVER)
def test_what_is_the_task_can_never_be_in_scope(tmp_path: Path, key: str) -> None:
    for name in (key, f"{key}.inner"):
        assert "can never be in scope" in refused(tmp_path, scope={name: {"values": [1, 2]}})


@given(st.sampled_from([STEPS, SECONDS, BYTES]), st.integers(1, 10**12))
def test_amounts_are_read_as_they_are_shown(units: dict[str, int], value: int) -> None:
    value = max(value, min(units.values()))
    shown = shown_amount(value, units)
    assert amount(shown, units, "8M") == pytest.approx(value, rel=0.006)


@given(st.text(max_size=12))
def test_other_texts_are_no_amounts(text: str) -> None:
    try:
        assert amount(text, STEPS, "8M") > 0
    except ValueError as error:
        assert "8M" in str(error)


@given(st.floats(-10, 10), st.floats(-10, 10), st.floats(-20, 20))
def test_a_range_allows_what_lies_in_it(one: float, other: float, value: float) -> None:
    low, high = sorted((one, other))
    if low == high:
        return
    entry = ScopeEntry(range=[low, high])
    assert (entry.refusal(value) is None) == (low <= value <= high)


def test_whole_bounds_mean_whole_numbers() -> None:
    entry = ScopeEntry(range=[1, 8])
    assert entry.refusal(3) is None
    assert entry.refusal(3.5) is not None
    assert ScopeEntry(values=[1, 2]).within(ScopeEntry(range=[1, 8]))
    assert not ScopeEntry(range=[1, 9]).within(entry)


def edited(study: Study, change: dict[str, Any]) -> None:
    """Change sections of a study's contract."""
    path = study.folder / "contract.yaml"
    content = json.loads(path.read_text())
    for section, values in change.items():
        content[section] = {**content[section], **values} if isinstance(values, dict) and section in content else values
    path.write_text(json.dumps(content, indent=1))


ALLOWED: list[dict[str, Any]] = [
    {"budget": {"steps": "20M"}},
    {"confirmation": {"slots": 2}},
    {"scope": {"algo.gain": {"range": [0.2, 0.8]}}},
    {"guardrails": [{"metric": "length", "no_worse_than": 0.5}, {"metric": "success", "at_least": 0.1}]},
    {"automation": "each"},
    {"question": "The same, in other words?"},
    {"seeds": {"confirmation": {"first": 940000, "count": 96}}},
]
FORBIDDEN: list[dict[str, Any]] = [
    {"metric": {"minimum_effect": 0.1}},
    {"metric": {"name": "length"}},
    {"confirmation": {"alpha": 0.1}},
    {"confirmation": {"guardrail_alpha": 0.1}},
    {"confirmation": {"seeds": 10}},
    {"guardrails": [{"metric": "length", "no_worse_than": 2.0}]},
    {"guardrails": []},
    {"evaluation": {"episodes": 5}},
    {"scope": {"algo.gain": {"range": [0.0, 2.0]}}},
    {"scope": {"algo.gain": {"range": [0.0, 1.0]}, "algo.other": {"values": [1, 2]}}},
    {"seeds": {"selection": {"first": 950000, "count": 5}}},
    {"seeds": {"confirmation": {"first": 915000, "count": 96}}},
    {"budget": {"steps": "1M"}},
    {"screening": {"trial_seeds": 1}},
]


def looked_at(root: Path) -> tuple[Study, Any]:
    from rlx.studies import SimulatedTrainer
    from tests.studies.simulated import gain, noise

    trainer = SimulatedTrainer(noise, {"algo.gain": 0.0}, rails={"length": gain})
    study, trainer = begun(root, trainer, guardrails=[{"metric": "length", "no_worse_than": 1.0}])
    run(study, trainer, starts=4)
    return study, trainer


@pytest.mark.parametrize("change", ALLOWED)
def test_what_may_be_amended_after_the_first_look(tmp_path: Path, change: dict[str, Any]) -> None:
    study, trainer = looked_at(tmp_path)
    edited(study, change)
    assert study.phase == "frozen"
    with study.locked():
        check_approvable(study, trainer)
        approve(study, Approval(("task", "metric", "scope", "budget", "hardware", "baseline", "evaluation"), "flag"))
    amended = [line for line in study.ledger.lines if line.event == "amended"]
    assert len(amended) == 1
    assert study.phase == "open"


@pytest.mark.parametrize("change", FORBIDDEN)
def test_what_may_not(tmp_path: Path, change: dict[str, Any]) -> None:
    study, trainer = looked_at(tmp_path)
    edited(study, change)
    with study.locked(), pytest.raises(Refused, match="would be a new study"):
        check_approvable(study, trainer)


def test_before_the_first_look_everything_may_be_amended(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    edited(study, {"metric": {"minimum_effect": 0.1}})
    with study.locked():
        check_approvable(study, trainer)


def test_a_weaker_approval_than_demanded_is_refused(tmp_path: Path) -> None:
    study, _ = begun(tmp_path)
    edited(study, {"approvals": {"require": "tty"}})
    with study.locked(), pytest.raises(Refused, match="demands approval by tty"):
        approve(study, Approval(("task",), "flag"))


def test_an_approval_that_was_taken_back_stops_everything(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    with study.locked():
        revoke(study, ["budget"])
    with pytest.raises(Refused, match=r"not approved \(by flag\): budget"):
        run(study, trainer)


def test_a_contract_whose_baseline_is_another_is_refused(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    edited(study, {"baseline": {"snapshot": "sha256:" + "1" * 64}})
    with study.locked(), pytest.raises(ConfigError, match="begun with"):
        check_approvable(study, trainer)


def test_seeds_of_the_baseline_are_no_seeds_of_a_study(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    edited(study, {"seeds": {"selection": {"first": 1003, "count": 5}}})
    with study.locked(), pytest.raises(ConfigError, match="has seeds of the baseline"):
        check_approvable(study, trainer)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH is not installed")
def test_a_signature_is_of_this_contract_and_of_somebody_known(tmp_path: Path) -> None:
    study, _ = begun(tmp_path)
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ben", "-f", str(key)], check=True)
    public = key.with_suffix(".pub").read_text().split()
    (tmp_path / "studies" / "allowed_signers").write_text(f"ben@example.org {public[0]} {public[1]}\n")
    signature, digest = sign(study, key), study.read_contract().hash
    assert verify(study, signature, digest) == "ben@example.org"
    with pytest.raises(Refused, match="something else"):
        verify(study, signature, "sha256:" + "1" * 64)
    (tmp_path / "studies" / "allowed_signers").write_text("")
    with pytest.raises(Refused, match="nobody"):
        verify(study, signature, digest)


def test_a_study_is_found_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="rlx study init"):
        find_study(tmp_path, None)
    begun(tmp_path)
    begun(tmp_path, name="toy/other")
    assert find_study(tmp_path, "better").name == "toy/better"
    with pytest.raises(UsageError, match="toy/better, toy/other"):
        find_study(tmp_path, None)
    with pytest.raises(Missing, match="toy/other"):
        find_study(tmp_path, "othr")


def test_a_budget_is_spent_as_the_specification_says() -> None:
    plan = plan_budget(2_000_000, 50_176, floor_trained=False)
    assert (plan.trainings, plan.candidates, plan.seeds, plan.used) == (39, 5, 11, 38)
    with pytest.raises(UsageError, match=r"the least that can tell anything is 18 of them, --budget 912"):
        plan_budget(17 * 50_176, 50_176, floor_trained=False)
    with pytest.raises(UsageError, match="23 of them"):
        plan_budget(22 * 50_176, 50_176, floor_trained=True)


@given(st.integers(18, 400), st.integers(1, 5))
def test_a_plan_never_spends_more_than_there_is(trainings: int, rounds: int) -> None:
    plan = plan_budget(trainings * rounds * 1000, 1000, floor_trained=False, rounds=rounds)
    assert plan.used <= trainings
    assert 6 <= plan.seeds <= 20
    assert 1 <= plan.candidates <= 12
