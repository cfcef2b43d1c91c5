"""`rlx check-algorithm`: pages that keep to the contract pass; each way of breaking it is told by its name, with what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conftest import REPOSITORY, Project

CEM = '''
"""The cross-entropy method (Rubinstein 1999) on a linear policy, in NumPy alone."""
from dataclasses import dataclass
from typing import Any, Literal
import numpy as np
from rlx.algorithms import AlgorithmConfig, register

class Settings(AlgorithmConfig):
    name: Literal["cem"] = "cem"
    candidates: int = 6

@dataclass
class Actor:
    weights: Any
    rng: Any
    def act(self, observations, memory, starts_N, masks, deterministic):
        scores = observations @ self.weights
        noise = 0.0 if deterministic else self.rng.gumbel(size=scores.shape)
        return (scores + noise).argmax(1), memory

METRICS = {"train/spread": "mean deviation of the candidates"}

@register("cem", Config=Settings, metrics=METRICS, actions=("discrete",), family="evolution", reads_policy=False)
class CEM:
    def __init__(self, config, env, seed, device):
        self.algo, self.env = config.algo, env
        self.shape = env.observation_space.shape[0], int(env.action_space.n)
        self.mean, self.spread, self.rng = np.zeros(self.shape), np.ones(self.shape), np.random.default_rng(seed)
    def boundary(self, seed):
        self.seen, self.rng = self.env.reset(seed), np.random.default_rng(seed)
    def advance(self):
        tried = []
        for _ in range(self.algo.candidates):
            weights, total = self.mean + self.spread * self.rng.normal(size=self.shape), 0.0
            for _ in range(5):
                step = self.env.step((self.seen @ weights).argmax(1))
                self.seen, total = step.observations, total + step.rewards_N.sum()
            tried.append((total, weights))
        best = np.array([weights for _, weights in sorted(tried, key=lambda pair: -pair[0])[:3]])
        self.mean, self.spread = best.mean(0), best.std(0) + 0.05
        return {"train/spread": float(self.spread.mean())}
    def state(self):
        return {"policy": {"mean": self.mean}, "spread": self.spread}
    def load_state(self, state):
        self.mean, self.spread = state["policy"]["mean"], state.get("spread", self.spread)
    def policy(self, seed):
        return Actor(self.mean, np.random.default_rng(seed))
'''


def checked(project: Project, name: str, *more: str) -> tuple[int, dict[str, Any]]:
    done = project.rlx("check-algorithm", name, "--json", *more, check=False)
    assert done.returncode in (0, 1), done.stdout
    return done.returncode, json.loads(done.stdout)


def failed(document: dict[str, Any]) -> dict[str, list[str]]:
    """Return the members that differ, by the promises that are broken, in whichever environment."""
    checks = [check for each in document["environments"] for check in each["checks"]]
    return {check["name"]: check["members"] for check in checks if check["level"] == "problem"}


def levels(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(check["name"], check["level"]) for each in document["environments"] for check in each["checks"]]


def page(project: Project, name: str, text: str) -> None:
    project.write(f"algorithms/{name}.py", text)


def test_a_page_that_keeps_to_the_contract_passes(project: Project) -> None:
    status, document = checked(project, "reinforce", "--env", "CartPole-v1", "--steps", "60")
    assert set(levels(document)) == {(name, "ok") for name in ("trains", "resumes", "validation", "acts", "draws")}
    assert status == 0
    assert "refuses other, multi" in document["checks"][0]["message"]


@pytest.mark.slow
def test_a_page_that_keeps_to_the_contract_passes_in_all_that_it_declares(project: Project) -> None:
    status, document = checked(project, "reinforce", "--steps", "240")
    kinds = [(each["observations"], each["actions"]) for each in document["environments"]]
    assert kinds == [
        ("vector", "discrete"),
        ("vector", "continuous"),
        ("image", "discrete"),
        ("dict", "discrete"),
        ("discrete", "discrete"),
    ]
    assert set(levels(document)) == {(name, "ok") for name in ("trains", "resumes", "validation", "acts", "draws")}
    assert status == 0
    assert "refuses other, multi" in document["checks"][0]["message"]
    assert document["module"] == "algorithms.reinforce"
    assert not list((project.root / "runs").glob("*/checkpoints")), "nothing is kept"


def test_a_page_with_a_replay_passes(project: Project) -> None:
    more = ("--env", "CartPole-v1", "--steps", "800", "-S", "algo.learning_starts=64", "-S", "algo.batch_size=8")
    status, document = checked(project, "tiny_dqn", *more, "-S", "algo.return_steps=3", "-S", "algo.buffer_size=500")
    if "ReplayRows" in json.dumps(document):
        pytest.skip("checkpoints do not keep replays yet")
    assert (status, failed(document)) == (0, {})


def test_a_page_in_numpy_passes(project: Project) -> None:
    page(project, "cem", CEM)
    status, document = checked(project, "cem", "--env", "CartPole-v1")
    assert (status, failed(document)) == (0, {})
    assert document["environments"][0]["environment"] == "CartPole-v1"


def test_a_state_that_forgets_its_optimiser_is_told_by_its_members(project: Project) -> None:
    text = (REPOSITORY / "algorithms" / "reinforce.py").read_text().replace('"reinforce"', '"forgetful"')
    forgets = '{"policy": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}'
    assert forgets in text
    page(project, "forgetful", text.replace(forgets, '{"policy": self.network.state_dict()}'))
    done = project.rlx("check-algorithm", "forgetful", "--env", "CartPole-v1", check=False)
    assert done.returncode == 1
    assert "FAILED   resumes     killed in its second segment, it ends with other bytes" in done.stdout
    assert "policy/head.layer.weight" in done.stdout
    assert "→ put into state() what these hang on" in done.stdout
    assert "1 problem found" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("right", "wrong", "broken"),
    [
        ("np.random.default_rng(seed))\n", "self.rng)\n", {"validation", "draws"}),
        ('{"mean": self.mean}', '{"mean": self.mean.round(1)}', {"acts"}),
        ('return {"policy": {"mean": self.mean}, "spread": self.spread}', 'return {"policy": {"mean": self.mean}}', {"resumes"}),
        ("self.seen, self.rng = self.env.reset(seed), np.random.default_rng(seed)",
         "self.seen, self.rng = self.env.reset(seed), self.rng", {"resumes"}),
        ('return {"train/spread"', 'return {"train/secret": 1.0, "train/spread"', {"trains"}),
    ],
    ids=["draws from training", "acts by what it has not", "forgets", "does not seed its generator", "unexplained"],
)  # fmt: skip
def test_each_broken_promise_is_told(project: Project, right: str, wrong: str, broken: set[str]) -> None:
    assert right in CEM
    page(project, "cem", CEM.replace(right, wrong))
    status, document = checked(project, "cem", "--env", "CartPole-v1")
    found = failed(document)
    assert status == 1
    assert broken <= found.keys(), document
    if broken == {"resumes"}:
        assert "policy/mean" in found["resumes"]
    for each in document["environments"]:
        assert all(check["cure"] for check in each["checks"] if check["level"] == "problem")


@pytest.mark.parametrize(
    ("right", "wrong", "line", "said"),
    [
        (".argmax(1), memory", ".argmax(1)[:, None], memory", "def act(", "returned actions of shape (32, 1)"),
        (".argmax(1), memory", ".argmax(1)", "def act(", "it returns the actions and the memory"),
        ('"spread": self.spread}\n', '"spread": self}\n', "def state(", "its state has CEM at spread"),
        ('"policy": {"mean": self.mean},', "", "def state(", 'state() has no "policy"'),
        ('return {"train/spread": float(self.spread.mean())}', "return None", "def advance(", "advance() returned NoneType"),
        ('return {"train/spread"', 'return {"train/secret"', "def advance(", "does not say what it means"),
        ("(self.seen @ weights).argmax(1)", "0", "self.env.step(0)", "step() got actions of shape ()"),
        ("tried.append(", "tried.push(", "tried.push(", "no attribute 'push'"),
        ('state["policy"]["mean"], state', 'state["policy"]["men"], state', 'state["policy"]["men"]', "KeyError: 'men'"),
    ],
)  # fmt: skip
def test_the_place_of_a_mistake_is_told(project: Project, right: str, wrong: str, line: str, said: str) -> None:
    assert right in CEM
    text = CEM.replace(right, wrong)
    page(project, "cem", text)
    status, document = checked(project, "cem", "--env", "CartPole-v1", "--steps", "60")
    number = 1 + next(i for i, each in enumerate(text.splitlines()) if line in each)
    checks = [check for check in document["environments"][0]["checks"] if check["level"] == "problem"]
    told = f"{checks[0]['message']} {checks[0]['cure']}"
    assert status == 1
    assert said in told
    assert f"algorithms/cem.py:{number}" in told
    assert project.root.as_posix() not in told, "the place is that in the project"


@pytest.mark.slow
def test_a_page_that_begins_to_learn_late_is_trained_longer_or_told(project: Project) -> None:
    page(
        project,
        "cem",
        CEM.replace(
            "self.mean, self.spread = best", "if self.env.steps < 900: return {}\n        self.mean, self.spread = best"
        ),
    )
    _, document = checked(project, "cem", "--env", "CartPole-v1", "--steps", "300")
    assert document["environments"][0]["steps"] > 2700
    assert failed(document) == {}
    page(project, "cem", CEM.replace("self.mean, self.spread = best.mean(0), best.std(0) + 0.05", "pass"))
    status, document = checked(project, "cem", "--env", "CartPole-v1", "--steps", "30")
    assert ("trains", "warning") in levels(document)
    assert status == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("reinforc",), "did you mean reinforce?"),
        (("reinforce", "--env", "Nowhere-v1"), "there is no environment 'Nowhere-v1'"),
        (("reinforce", "--config", "cartpole"), "--config cartpole: trains ppo, not reinforce"),
        (("reinforce", "-S", "algo.episodes=0"), "algo.episodes: Input should be greater than or equal to 1"),
        (("reinforce", "-S", "episodes"), "write it as `-S SECTION.KEY=VALUE`"),
    ],
)
def test_what_cannot_be_checked_is_refused(project: Project, arguments: tuple[str, ...], said: str) -> None:
    done = project.rlx("check-algorithm", *arguments, check=False)
    assert done.returncode == 3
    assert said in " ".join(done.stdout.split())
