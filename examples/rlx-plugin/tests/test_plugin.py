"""What this package promises; `rlx check-algorithm noisy_cem` says more of the algorithm, by training it."""

from __future__ import annotations

from importlib.metadata import entry_points
from types import SimpleNamespace

import numpy as np
import pytest
from rlx_plugin.cross_entropy import CrossEntropy, Settings, choices
from rlx_plugin.spread import RULES
from rlx_plugin.table import Table


@pytest.mark.parametrize("group", ["algorithms", "sinks", "rules", "commands"])
def test_what_the_package_adds_can_be_imported(group):
    ours = [entry for entry in entry_points(group=f"rlx.{group}") if entry.dist.name == "rlx-plugin"]
    assert len(ours) == 1
    assert ours[0].load()


class Right:
    """Two copies of a task of three steps in which action 1 is right; what `rlx.envs.Environments` has, as far as it is needed."""

    num_envs = 2
    action_space, observation_space = SimpleNamespace(n=2), SimpleNamespace(shape=(1,))

    def reset(self, seed):
        self.at = 0
        return np.ones((2, 1))

    def step(self, actions):
        self.at = (self.at + 1) % 3
        return SimpleNamespace(
            observations=np.ones((2, 1)), rewards_N=np.asarray(actions, float), ended_N=np.full(2, self.at == 0)
        )


def learner(**settings):
    return CrossEntropy(SimpleNamespace(algo=Settings(population=8, **settings)), Right(), 0, "cpu")


def test_it_learns_which_action_is_right():
    made = learner()
    made.boundary(0)
    assert [made.advance() for _ in range(5)][-1]["train/elite_return"] == 3.0
    actions, _ = made.policy(0).act(np.ones((4, 1)), None, None, None, True)
    assert list(actions) == [1] * 4


def test_what_goes_on_from_its_state_ends_the_same():
    whole, cut = learner(), learner()
    for each in (whole, cut):
        each.boundary(1)
        each.advance()
    again = learner()
    again.load_state(cut.state())
    for each in (whole, again):
        each.boundary(2)
        each.advance()
    assert np.array_equal(whole.state()["spread"], again.state()["spread"])
    assert np.array_equal(whole.state()["policy"]["mean"], again.state()["policy"]["mean"])


def test_the_last_weight_is_a_bias():
    weights = np.array([[[1.0, 0.0], [0.0, 2.0]]])
    assert [int(choices(weights, np.array([[x]]))[0]) for x in (1.0, 3.0)] == [1, 0]


def told(table, folder, *steps):
    last = table.open(folder, "a", 1, "key", {})
    for step in steps:
        table.write(step, {"train/loss": step / 2})
    table.close("stopped")
    return last


def test_a_table_goes_on_after_a_kill(tmp_path):
    table = Table(metrics=["train/loss", "train/none"])
    assert told(table, tmp_path, 1, 2) == -1
    with (tmp_path / "table.csv").open("a") as file:
        file.write("3,1.")  # killed here
    assert told(table, tmp_path, 3) == 2
    assert (tmp_path / "table.csv").read_text() == "step,train/loss,train/none\n1,0.5,\n2,1.0,\n3,1.5,\n"
    assert told(Table(metrics=["train/none"]), tmp_path) == -1  # other columns: all rows are sent anew
    with pytest.raises(TypeError, match="list of names"):
        Table(metrics="train/loss")


class Course:
    """What the rule asks of `rlx.diagnosis.Signals`."""

    numbers, windows = [1, 2], 4
    config = SimpleNamespace(algo=SimpleNamespace(total_timesteps=100))

    def __init__(self, *spreads_S):
        self.spreads_S = spreads_S

    def setting(self, name):
        return {"spread": 2.0, "noise": 0.0}[name]

    def windowed(self, metric):
        return np.array([[2.0, spread, 2.0, 2.0] for spread in self.spreads_S])

    def span_of(self, first, last):
        return 25 * first, 25 * (last + 1)


def test_a_search_that_narrowed_too_soon_is_found():
    (rule,) = RULES
    assert rule.check(Course(0.5, 0.3)) is None
    found = rule.check(Course(0.5, 0.1))
    assert (found.evidence[0].value, found.evidence[0].seeds, found.evidence[0].window) == (0.05, (2,), (0, 50))
    assert found.suggestions[0].overrides == {"algo.noise": 0.05}
