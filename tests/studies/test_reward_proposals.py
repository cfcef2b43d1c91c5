"""Proposals for rewards: one weight at a time, of components that a reflection names, and only with a review beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlx.errors import ConfigError
from rlx.studies import SimulatedTrainer, keep, own_candidate
from rlx.studies.evidence.documents import Answers, ComponentReflection, Reflection, Review
from rlx.studies.reward_proposals import _is_weight_of, reward_proposals
from tests.studies.simulated import begun, gain

SCOPE = {
    "algo.gain": {"range": [0.0, 1.0]},
    "env.training.kwargs.ctrl_cost_weight": {"range": [0.02, 0.2], "scale": "log", "family": "reward"},
    "env.training.kwargs.forward_reward_weight": {"range": [0.5, 2.0], "family": "reward"},
}
BASE = {"algo.gain": 0.0, "env.kwargs.ctrl_cost_weight": 0.1, "env.kwargs.forward_reward_weight": 1.0}


ABOUT = {"seeds": (1000,), "policies": {}, "command": "rlx study reflect", "versions": {}}


def component(name: str, **said: object) -> ComponentReflection:
    usual = {"windows": (1.0,), "share": 0.1, "slopes": {}, "trend": "none", "dominates": False, "ignored": False}
    rest = {"saturated": False, "traded": None, "with_validation_over_windows": None, "with_held_out_over_seeds": None}
    return ComponentReflection.model_validate({"name": name, **usual, **rest, **said})


def reflection(run: str, *components: ComponentReflection) -> Reflection:
    told = {"environment": "Simulated-v0", "window_steps": (100,), "return_trend": "rising", "validation_trend": None}
    rest = {
        "success_trend": None,
        "held_out": {},
        "random_return": None,
        "hacking_risk": "low",
        "fired": (),
        "not_looked_at": (),
    }
    return Reflection.model_validate({"run": run, **ABOUT, **told, **rest, "components": components})


def review() -> Review:
    answers = dict.fromkeys(Answers.model_fields, "It cannot: the yardstick is the task's own reward.")
    return Review.model_validate({"run": "simulated", **ABOUT, "reviewer": "ben", "answers": answers})


def test_weights_of_named_components_are_doubled_and_halved_where_there_is_evidence(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path, SimulatedTrainer(gain, BASE), scope=SCOPE)
    with study.locked():
        assert list(reward_proposals(study, trainer)) == []
        keep(study, reflection("simulated", component("reward/ctrl", ignored=True)))
        assert list(reward_proposals(study, trainer)) == []
        keep(study, review())
        found = list(reward_proposals(study, trainer))
    assert [each.overrides for each in found] == [
        {"env.training.kwargs.ctrl_cost_weight": 0.2},
        {"env.training.kwargs.ctrl_cost_weight": 0.05},
    ]
    assert {item.kind for item in found[0].evidence} == {"reflection", "review"}
    assert "is ignored" in found[0].hypothesis


def test_a_reward_without_its_evidence_is_not_valid(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path, SimulatedTrainer(gain, BASE), scope=SCOPE)
    with study.locked():
        name = own_candidate(
            study, trainer, {"env.training.kwargs.ctrl_cost_weight": 0.05}, "softer control pays off", [], {}, None
        )
        assert "needs reflection and review" in study.state.candidates[name].reason
        with pytest.raises(ConfigError, match="several families"):
            own_candidate(
                study,
                trainer,
                {"env.training.kwargs.ctrl_cost_weight": 0.05, "algo.gain": 0.5},
                "both at once",
                [],
                None,
                None,
            )
        with pytest.raises(ConfigError, match="is not in scope"):
            own_candidate(study, trainer, {"env.kwargs.ctrl_cost_weight": 0.0}, "move the yardstick", [], {}, None)


def test_a_reflection_of_another_run_is_no_evidence(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path, SimulatedTrainer(gain, BASE), scope=SCOPE)
    with study.locked():
        keep(study, reflection("other", component("reward/ctrl", ignored=True)))
        keep(study, review())
        assert list(reward_proposals(study, trainer)) == []


@pytest.mark.parametrize(
    ("key", "component", "is_its"),
    [
        ("env.training.kwargs.ctrl_cost_weight", "reward/ctrl", True),
        ("env.training.kwargs.forward_reward_weight", "reward/forward", True),
        ("env.training.kwargs.forward_reward_weight", "reward/ctrl", False),
        ("env.training.kwargs.healthy_reward", "reward/survive", False),
    ],
)
def test_a_weight_is_known_by_its_name(key: str, component: str, is_its: bool) -> None:
    assert _is_weight_of(key, component) == is_its
