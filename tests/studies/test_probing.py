"""Probes are started as everything else is: through the gate, at the study's expense, and kept as its evidence."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rlx.errors import TrainingFailed
from rlx.studies import Consent, Probe, ProbePlan, Refused, probe_in, probing
from tests.studies.simulated import begun

PLAN = cast(
    ProbePlan,
    SimpleNamespace(run="simulated", policies={1000: "a", 1001: "b"}, list_seed=77, episodes=20, steps=5000),
)


def played(steps: int = 1234) -> Probe:
    return Probe.model_construct(
        format=1, kind="probe", run="simulated", seeds=(1000, 1001), policies={}, command="", versions={}, steps=steps
    )


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let documents be noted, and not written: what they hold is tested elsewhere."""
    noted: list[Any] = []
    monkeypatch.setattr(probing, "run_probe", lambda *_: played())
    monkeypatch.setattr(probing, "keep", lambda _, document: noted.append(document) or "sha256:" + "1" * 64)
    return noted


def test_a_probe_is_paid_for_and_kept(tmp_path: Path, kept: list[Any]) -> None:
    study, trainer = begun(tmp_path)
    found, digest = probe_in(study, trainer, PLAN, Consent(execute=True), print)
    assert (found.steps, digest[:8]) == (1234, "sha256:1")
    assert kept == [found]
    (start,) = study.state.starts.values()
    assert (start.phase, start.data["reserved"]["steps"], start.data["experiment"]) == ("probe", 5000, "better_probe_1")
    assert study.state.spent()["steps"] == 1234


def test_without_approval_consent_or_budget_nothing_plays(tmp_path: Path, kept: list[Any]) -> None:
    study, trainer = begun(tmp_path)
    with pytest.raises(Refused, match="needs --execute"):
        probe_in(study, trainer, PLAN, Consent(), print)
    dear = cast(ProbePlan, SimpleNamespace(**{**vars(PLAN), "steps": 10**9}))
    with pytest.raises(Refused, match="budget: steps"):
        probe_in(study, trainer, dear, Consent(execute=True), print)
    with study.locked():
        study.append("closed", {"reason": "enough"})
    with pytest.raises(Refused, match="closed"):
        probe_in(study, trainer, PLAN, Consent(execute=True), print)
    assert kept == []
    assert not study.state.starts


def test_a_probe_that_fails_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Probe:
        raise OSError("the environment is gone")

    monkeypatch.setattr(probing, "run_probe", broken)
    study, trainer = begun(tmp_path)
    with pytest.raises(TrainingFailed, match="the environment is gone"):
        probe_in(study, trainer, PLAN, Consent(execute=True), print)
    (start,) = study.state.starts.values()
    assert start.ended is not None
