"""The contract between algorithms and the workbench: a page of the project's own trains, resumes, acts and is diagnosed."""

from __future__ import annotations

import json
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, strategies as st

from rlx.algorithms import algorithm, registry, trained_config, vocabulary
from rlx.config import (
    COMMON,
    ForeignAlgorithm,
    PPOConfig,
    RunConfig,
    Snapshot,
    algorithm_config,
    cannot_go_on,
    compose_run,
    libraries_of,
    recorded_facts,
)
from rlx.config.snapshot import read_snapshot
from rlx.diagnosis import RunRecord, Signals
from rlx.diagnosis.rules import RULES
from rlx.envs import Environments, GymnasiumPlaces, make_env, places_for
from rlx.envs.making import own_registrations
from rlx.errors import CheckpointDamaged, ConfigError, PolicyUnusable, TrainingFailed
from rlx.experiments import plan, resolve_run
from rlx.records import checkpoints
from rlx.records.metrics import read_rows
from rlx.records.states import members_of, state_from
from rlx.report.doctor import additions
from rlx.training.actors import PolicyPlayer, load_player
from rlx.training.evaluation import play
from rlx.training.one_seed import train_seed
from rlx.training.seeds import train_run
from tests.conftest import REPOSITORY

ALGORITHMS = ("reinforce", "reinforce_jax", "tiny_dqn", "mine", "plain")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project with the template's own algorithm, which nobody has heard of yet."""
    shutil.copytree(REPOSITORY / "algorithms", tmp_path / "algorithms")
    (tmp_path / "configs").mkdir()
    (tmp_path / "params.yaml").write_text(
        "study: {runs: [a], baseline: a}\nenv: {id: CartPole-v1}\nalgo: {rollout_steps: 64, total_timesteps: 3000}\n"
    )
    path = list(sys.path)
    forget()
    yield tmp_path
    sys.path[:] = path
    forget()


def forget() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "algorithms"]:
        del sys.modules[name]
    for table in (registry._rows, algorithm_config._known, algorithm_config._facts):
        for name in ALGORITHMS:
            table.pop(name, None)  # type: ignore[attr-defined]
    algorithm_config._without_policy.clear()


def short(root: Path, text: str = "algo: {name: reinforce, episodes: 4}\npolicy: {hidden_sizes: [8]}") -> RunConfig:
    (root / "configs" / "a.yaml").write_text(
        f"{text}\nenv: {{num_envs: 2, wrappers: [{{gymnasium.wrappers.TimeLimit: {{max_episode_steps: 40}}}}]}}\n"
        "eval: {every: 1000, episodes: 2}\ncheckpoint: {save_every: 1000}\n"
    )
    return compose_run(root, "a").config


def plain(root: Path) -> None:
    """Add an algorithm that reads nothing of ``policy``."""
    text = (root / "algorithms" / "reinforce.py").read_text().replace('"reinforce"', '"plain"')
    text = text.replace("actions=(", "reads_policy=False, actions=(")
    (root / "algorithms" / "plain.py").write_text(text)


class Stop(Exception):
    """Ends a training in the middle of a segment, as a kill would."""


def until(step: int) -> Any:
    def report(progress: Any) -> None:
        if progress.step > step:
            raise Stop

    return report


def train_in_two(root: Path, config: RunConfig, folder: Path) -> None:
    with pytest.raises(Stop):
        train_seed(root, Snapshot(config), 3, folder, until(2200))
    train_seed(root, Snapshot(config), 3, folder, lambda _: None)


def test_a_page_of_the_projects_own_trains_and_resumes_to_the_same_bytes(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = short(project)
    monkeypatch.setattr(gym.registry["CartPole-v1"], "max_episode_steps", 40)  # so that there are several segments
    state = train_seed(project, Snapshot(config), 3, project / "one", lambda _: None)
    train_in_two(project, config, project / "two")
    assert state.boundary >= 3
    for name in ("metrics.jsonl", "checkpoints/latest.zip", "checkpoints/best.zip"):
        assert (project / "one" / name).read_bytes() == (project / "two" / name).read_bytes(), name
    rows = read_rows(project / "one" / "metrics.jsonl")
    assert [row["iteration"] for row in rows] == list(range(1, len(rows) + 1))
    assert {"train/loss", "train/entropy", "rollout/return_mean"} <= rows[-1].keys()


def test_the_packages_that_a_page_imports_belong_to_its_results(project: Path) -> None:
    text = (project / "algorithms" / "reinforce.py").read_text().replace('"reinforce"', '"mine"')
    (project / "algorithms" / "mine.py").write_text(
        f"{text}\n\nimport json\n\n\ndef later() -> None:\n    import PIL.Image\n    from yaml import safe_load\n"
    )
    found = libraries_of(short(project, "algo: {name: mine, episodes: 4}").algo)
    assert {"pillow", "PyYAML"} <= {*found}
    assert not {"json", "rlx", "pydantic", "typing"} & {*found}
    assert libraries_of(short(project, "algo: {name: ppo}").algo) == ()


def test_a_pipeline_that_would_not_notice_an_edit_of_the_page_is_refused(project: Path) -> None:
    short(project)
    pipeline = "stages: {resolve: {cmd: x, deps: [envs, policies%s]}}\n"
    (project / "dvc.yaml").write_text(pipeline % "")
    with pytest.raises(
        ConfigError, match=r"a uses algorithms/reinforce\.py, and .* does not list algorithms .*`rlx upgrade`"
    ):
        resolve_run(project, "a")
    (project / "dvc.yaml").write_text(pipeline % ", algorithms/")
    assert "algorithms/reinforce.py" in resolve_run(project, "a").snapshot.code.files


def test_a_state_that_forgets_the_optimiser_is_seen(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above: resuming is exact because the state is whole, not by itself."""
    config = short(project)
    monkeypatch.setattr(gym.registry["CartPole-v1"], "max_episode_steps", 40)
    cls: Any = algorithm("reinforce", project).make
    whole = cls.state
    monkeypatch.setattr(cls, "state", lambda self: {"policy": whole(self)["policy"]})
    train_seed(project, Snapshot(config), 3, project / "one", lambda _: None)
    train_in_two(project, config, project / "two")
    one, two = ((project / name / "metrics.jsonl").read_text() for name in ("one", "two"))
    assert one != two


def test_a_checkpoint_of_any_algorithm_plays(project: Path) -> None:
    config = short(project)
    train_seed(project, Snapshot(config), 3, project / "one", lambda _: None)
    checkpoint = checkpoints.load(project / "one" / "checkpoints" / "latest.zip")
    assert {"policy", "optimizer"} == checkpoint.learner.keys()
    player = load_player(project, config, checkpoint, make_env(config.env), deterministic=True)
    actions = player.act(np.zeros((32, 4), np.float32))
    assert actions.shape == (32,)
    assert set(actions) <= {0, 1}
    assert len(checkpoints.weights_hash(checkpoint)) == 64


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("algo: {name: reinforc}", r"a\.yaml:1:14: algo\.name: 'reinforc' is not allowed.*did you mean reinforce\?"),
        (
            "algo: {name: reinforce, episodez: 2}",
            r"a\.yaml:1:25: algo\.episodez: unknown key; did you mean `episodes`\?",
        ),
        ("algo: {name: reinforce, episodes: 0}", r"algo\.episodes: must be at least 1, not 0"),
        (
            "algo: {name: reinforce, rollout_steps: 5}",
            r"algo\.rollout_steps: `rollout_steps` is a setting of ppo .*, not of reinforce",
        ),
    ],
)
def test_its_settings_are_checked_as_ours_are(project: Path, text: str, said: str) -> None:
    (project / "configs" / "a.yaml").write_text(text)
    with pytest.raises(ConfigError, match=said):
        compose_run(project, "a")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "policy: {hidden_sizes: [8]}",
            r"a\.yaml:2:1: policy: plain makes its network itself and reads nothing of",
        ),
        (
            "defaults: [policy: wide]",
            r"configs/policy/wide\.yaml:1:1: hidden_sizes: plain makes its network itself",
        ),
    ],
)
def test_a_policy_that_its_algorithm_does_not_read_is_refused(project: Path, text: str, said: str) -> None:
    """What params.yaml says is meant for the other runs."""
    plain(project)
    with (project / "params.yaml").open("a") as file:
        file.write("policy: {type: cnn, hidden_sizes: [8]}\n")
    (project / "configs" / "policy").mkdir()
    (project / "configs" / "policy" / "wide.yaml").write_text("hidden_sizes: [8]\n")
    short(project, "algo: {name: plain}")
    assert resolve_run(project, "a").snapshot.config.policy == RunConfig().policy
    (project / "configs" / "a.yaml").write_text(f"algo: {{name: plain}}\n{text}\neval: {{every: 1000}}\n")
    with pytest.raises(ConfigError, match=said):
        resolve_run(project, "a")


def test_a_setting_of_a_policy_that_its_algorithm_does_not_read_is_refused(project: Path) -> None:
    plain(project)
    short(project, "algo: {name: plain}")
    with pytest.raises(ConfigError, match=r"-S policy\.hidden_sizes=\[8\]: plain makes its network itself"):
        plan(project, "a", ["policy.hidden_sizes=[8]"])


@pytest.mark.parametrize("text", ["algo: {name: reinforce, episodes: 4}", "env: {num_envs: 2}"])
def test_a_setting_of_another_algorithm_than_the_bases_is_the_runs_own(project: Path, text: str) -> None:
    """The base says algo.gamma, too, for the algorithm that it is meant for."""
    with (project / "params.yaml").open("a") as file:
        file.write("eval: {every: 1000}\n")
    (project / "configs" / "a.yaml").write_text(f"{text}\n")
    overrides = ["algo.name=reinforce", "algo.gamma=0.5", "algo.episodes=3", "algo.total_timesteps=2000"]
    planned = plan(project, "a", overrides)
    algo = planned.snapshot.config.algo
    told = (algo.name, algo.setting("gamma"), algo.setting("episodes"), algo.total_timesteps)
    assert told == ("reinforce", 0.5, 3, 2000)
    assert planned.settings[-1] == "algo.total_timesteps=2000"
    (project / "configs" / "a.yaml").write_text("# as the base says\n")
    with pytest.raises(
        ConfigError, match=r"-S algo\.name=reinforce: write `algo: {name: reinforce}` into configs/a\.yaml"
    ):
        plan(project, "a", overrides)


def test_what_the_base_says_of_another_algorithm_is_not_meant(project: Path) -> None:
    config = short(project)
    assert (config.algo.name, config.algo.total_timesteps) == ("reinforce", 3000)
    assert compose_run(project, "a").sources()["algo.total_timesteps"] == "params.yaml"
    assert compose_run(project, "a").sources()["algo.gamma"] == "default"


def test_a_snapshot_is_readable_without_its_algorithm_and_whole_with_it(project: Path, tmp_path: Path) -> None:
    config = short(project)
    path = tmp_path / "config_snapshot.yaml"
    path.write_text(Snapshot(config).to_yaml())
    for imported in (True, False):
        found = read_snapshot(path)
        assert isinstance(found.config.algo, ForeignAlgorithm), "the same whatever was imported before"
        assert found.to_yaml() == path.read_text(), "the same bytes, also by who does not know it"
        assert found == Snapshot(config)
        row, known = trained_config(project, found.config)
        assert (row.name, known.algo.setting("episodes")) == ("reinforce", 4)
        if imported:
            forget()


NAMED = """
from typing import ClassVar, Literal
from rlx.algorithms import AlgorithmConfig, register
class Settings(AlgorithmConfig):
    other_names: ClassVar[dict[str, str]] = {"lr": "learning_rate"}
    name: Literal["mine"] = "mine"
    learning_rate: float = 0.1
    n_steps: int = 5
    policy: str = "linear"
    normalize: bool = False
@register("mine", Config=Settings, metrics={})
class Mine: ...
"""


def test_names_of_ppos_settings_are_no_others(project: Path) -> None:
    (project / "algorithms" / "__init__.py").write_text(NAMED)
    algo = short(project, "algo: {name: mine, n_steps: 3, policy: deep, normalize: true, lr: 0.5}").algo
    told = (algo.setting("n_steps"), algo.setting("policy"), algo.setting("normalize"), algo.setting("learning_rate"))
    assert told == (3, "deep", True, 0.5)
    for text in (
        "algo: {name: mine, n_epochs: 3}",
        "n_epochs: 3\nalgo: {name: mine}",
        "zoo_defaults: true\nalgo: {name: mine}",
    ):
        with pytest.raises(ConfigError, match=r"unknown key|of ppo .*, not of mine: it does not carry over"):
            short(project, text)


LATER = """
from typing import Annotated, Literal
from rlx.algorithms import AlgorithmConfig, register
from rlx.config.values import Since
class Settings(AlgorithmConfig):
    name: Literal["mine"] = "mine"
    width: int = 8
    speed: Annotated[int, Since("2026-11-30", older=1)] = 2
@register("mine", Config=Settings, metrics={})
class Mine: ...
"""


def test_settings_that_came_later_are_as_older_versions_behaved(project: Path) -> None:
    (project / "algorithms" / "__init__.py").write_text(LATER)
    written = RunConfig().model_copy(update={"algo": ForeignAlgorithm(name="mine", width=4)})  # type: ignore[call-arg]
    algo = trained_config(project, written)[1].algo
    assert (algo.setting("width"), algo.setting("speed")) == (4, 1)
    incomplete = RunConfig().model_copy(update={"algo": ForeignAlgorithm(name="mine")})
    with pytest.raises(ConfigError, match="mine has other settings now than when this was written: it lacks width"):
        trained_config(project, incomplete)


def test_another_projects_algorithm_is_not_taken_for_this_ones(project: Path, tmp_path: Path) -> None:
    short(project)
    other = tmp_path / "other"
    shutil.copytree(project / "configs", other / "configs")
    shutil.copy(project / "params.yaml", other)
    with pytest.raises(ConfigError, match=r"algo\.name: 'reinforce' is not allowed"):
        compose_run(other, "a")
    shutil.copytree(project / "algorithms", other / "algorithms")
    with pytest.raises(ConfigError, match=r"the name `algorithms` is taken by .*start rlx in a fresh process"):
        compose_run(other, "a")


def test_nobody_replaces_an_algorithm_of_rlx(project: Path) -> None:
    text = (project / "algorithms" / "__init__.py").read_text()
    replacing = "from rlx.algorithms import AlgorithmConfig, register\nregister('ppo', Config=AlgorithmConfig, metrics={})(print)\n"
    (project / "algorithms" / "__init__.py").write_text(text + replacing)
    said = "algorithms/__init__.py:.*ValueError: the algorithm 'ppo' is built in; choose another name"
    with pytest.raises(ConfigError, match=said):
        short(project)
    assert algorithm("ppo").make.__module__ == "rlx.algorithms.ppo.row"


def test_a_training_goes_on_with_the_policy_that_it_has(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "config_snapshot.yaml"
    path.write_text(Snapshot(short(project)).to_yaml())
    before = read_snapshot(path).config
    assert not cannot_go_on(before, short(project, "algo: {name: reinforce, episodes: 9}\npolicy: {hidden_sizes: [8]}"))
    wider = short(project, "algo: {name: reinforce, episodes: 4}\npolicy: {hidden_sizes: [16]}")
    assert cannot_go_on(before, wider) == ["policy.hidden_sizes is [16] and was [8]"]
    assert cannot_go_on(before, RunConfig())[0] == "algo.name is ppo and was reinforce"


def test_an_algorithm_that_is_not_here_is_refused_before_anything_runs(project: Path, tmp_path: Path) -> None:
    foreign = RunConfig().model_copy(update={"algo": ForeignAlgorithm(name="gone")})
    with pytest.raises(PolicyUnusable, match="'gone' is not allowed; one of 'ppo'"):
        trained_config(tmp_path / "nowhere", foreign)


def test_an_environment_that_it_cannot_learn_in_is_refused_in_a_sentence(project: Path) -> None:
    pendulum = RunConfig.model_validate({"env": {"id": "Pendulum-v1"}}).env
    config = short(project, "algo: {name: tiny_dqn}").model_copy(update={"env": pendulum})
    with pytest.raises(TrainingFailed, match="actions are continuous, and tiny_dqn handles discrete; these fit: ppo"):
        train_seed(project, Snapshot(config), 0, project / "one", lambda _: None)


def test_a_metric_without_a_meaning_stops_the_training(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = short(project)
    cls: Any = algorithm("reinforce", project).make
    monkeypatch.setattr(cls, "advance", lambda self, inner=cls.advance: {**inner(self), "train/secret": 1.0})
    with pytest.raises(TrainingFailed, match="train/secret: the algorithm logs it and does not say what it means"):
        train_seed(project, Snapshot(config), 3, project / "one", lambda _: None)


@pytest.mark.parametrize(
    ("advance", "said"),
    [
        (
            lambda self, _: {"train/loss": 0.0},
            r"reinforce: advance\(\) returned after step 0 without a step in the environments; each call",
        ),
        (
            lambda self, own: {**own(self), "step": 1.0, "seed": 9.0},
            r"reinforce: advance\(\) returns seed, step, which",
        ),
        (
            lambda self, own: {**own(self), "rollout/return_mean": 1.0},
            r"returns rollout/return_mean, which every training",
        ),
        (lambda self, own: {**own(self), "reward/forward": 1.0}, r"returns reward/forward, which every training"),
    ],
)
def test_a_learner_that_does_not_keep_to_the_contract_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch, advance: Any, said: str
) -> None:
    config = short(project)
    cls: Any = algorithm("reinforce", project).make
    monkeypatch.setattr(cls, "advance", lambda self, own=cls.advance: advance(self, own))
    with pytest.raises(TrainingFailed, match=said):
        train_seed(project, Snapshot(config), 3, project / "one", lambda _: None)


@pytest.mark.parametrize("missing", ["state", "load_state", "boundary", "act"])
def test_a_learner_that_lacks_something_is_refused_before_it_trains(
    project: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    config = short(project)
    cls: Any = algorithm("reinforce", project).make
    if missing == "act":
        monkeypatch.setattr(cls, "policy", lambda *_: object())
        said = r"reinforce: policy\(\) gives object, which has no `act`"
    else:
        monkeypatch.setattr(cls, missing, None)
        said = f"reinforce: its learner has no {missing}; a learner has boundary, advance, state, load_state"
    with pytest.raises(TrainingFailed, match=said):
        train_seed(project, Snapshot(config), 3, project / "one", lambda _: None)


@pytest.mark.parametrize(("chosen", "told"), [(5, "5"), (-1, "-1"), (0.5, "0.5"), (np.nan, "nan")])
def test_an_action_that_the_environment_does_not_take_is_refused(project: Path, chosen: float, told: str) -> None:
    config = short(project)
    env = Environments(project, config, make_env(config.env))
    env.reset(1)
    with pytest.raises(
        TrainingFailed, match=rf"algo.name: reinforce chose the action {told}, and the environment takes"
    ):
        env.step(np.array([0, chosen]))
    env.step(np.array([0, 1]))
    env.close()


def test_a_policy_that_chooses_what_the_environment_does_not_take_gets_no_score(project: Path) -> None:
    class Wrong:
        def act(self, observations: Any, *_: Any) -> Any:
            return np.full(len(observations), 7), None

    config = short(project)
    places = places_for(config)
    with pytest.raises(TrainingFailed, match="the policy chose the action 7, and the environment takes"):
        play(PolicyPlayer(Wrong(), None, deterministic=True), places, [1], 100)
    places.close()


@pytest.mark.parametrize("imported", [True, False])
def test_two_algorithms_of_one_name_are_refused(project: Path, *, imported: bool) -> None:
    (project / "algorithms" / "second.py").write_text((project / "algorithms" / "reinforce.py").read_text())
    if imported:
        with (project / "algorithms" / "__init__.py").open("a") as file:
            file.write("from algorithms import second\n")
    said = (
        "'reinforce' is registered twice, in algorithms.(second|reinforce) and in algorithms.(second|reinforce); rename"
    )
    with pytest.raises(ConfigError, match=said):
        short(project)
    (found,) = additions.algorithms(project)
    assert found.level == "problem"
    assert "'reinforce' is registered in algorithms/reinforce.py:" in found.message
    assert "and in algorithms/second.py:" in found.message


def test_one_page_that_registers_a_name_twice_is_refused(project: Path) -> None:
    page = project / "algorithms" / "reinforce.py"
    page.write_text(
        page.read_text() + '\n\nclass Other:\n    pass\n\n\nregister("reinforce", Config=Settings, metrics={})(Other)\n'
    )
    said = r"registered twice, in algorithms.reinforce.\w+ and in algorithms.reinforce.Other; rename one"
    with pytest.raises(ConfigError, match=said):
        short(project)


def test_a_page_that_calls_itself_as_one_of_rlx_does_is_refused(project: Path) -> None:
    page = (project / "algorithms" / "reinforce.py").read_text()
    (project / "algorithms" / "better.py").write_text(page.replace('@register("reinforce"', '@register("ppo"'))
    with pytest.raises(
        ConfigError, match=r"algorithms/better.py:\d+: .*the algorithm 'ppo' is built in; choose another"
    ):
        short(project, "algo: {name: ppo}")
    assert re.search(
        r"^'ppo' is registered in algorithms/better.py:\d+, and by rlx", next(additions.algorithms(project)).message
    )


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"actions": ("discret",)}, "actions: 'discret' is none of discrete, continuous, multi"),
        ({"observations": ("pixels",)}, "observations: 'pixels' is none of vector, image"),
        ({"family": "genetic"}, "family: 'genetic' is none of on-policy, off-policy, evolution"),
    ],
)
def test_a_row_with_kinds_that_there_are_not_is_refused(facts: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        registry.register("mine", Config=PPOConfig, metrics={}, **facts)(print)


@pytest.mark.parametrize("error", [RuntimeError("sizes"), KeyError("network"), ValueError("groups"), TypeError("None")])
def test_a_state_that_does_not_fit_is_told_with_its_checkpoint(
    project: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    config = short(project)
    with pytest.raises(Stop):
        train_seed(project, Snapshot(config), 3, project / "one", until(2200))
    newest = checkpoints.numbered(project / "one" / "checkpoints")[0]

    def load_state(self: Any, state: Any) -> None:
        raise error

    monkeypatch.setattr(algorithm("reinforce", project).make, "load_state", load_state)
    said = rf"{newest.name}: does not fit the learner of this configuration \({type(error).__name__}: .*or train anew"
    with pytest.raises(CheckpointDamaged, match=said):
        train_seed(project, Snapshot(config), 3, project / "one", lambda _: None)
    with pytest.raises(CheckpointDamaged, match=said):
        load_player(project, config, checkpoints.load(newest), make_env(config.env), deterministic=True)


def test_the_facts_of_an_algorithm_are_told_before_a_seed_has_trained(project: Path) -> None:
    config = short(project)
    (project / "config_snapshot.yaml").write_text(Snapshot(config).to_yaml())
    forget()
    told: list[Any] = []

    def on_change(outcomes: Any) -> None:
        told.append((list(outcomes), recorded_facts("reinforce").get("family")))
        raise Stop

    with pytest.raises(Stop):
        train_run(project, "a", read_snapshot(project / "config_snapshot.yaml"), on_change)
    assert told == [([], "on-policy")]


class Reach(gym.Env[Any, Any]):
    """Takes what lies within the bounds only, and ends at once."""

    observation_space, action_space = spaces.Box(-1, 1, (1,), np.float32), spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(np.asarray(action, np.float32)), action
        return np.zeros(1, np.float32), float(action[0]), True, False, {}


def test_continuous_actions_are_clipped_wherever_a_policy_acts() -> None:
    class Far:
        def act(self, observations: Any, memory: Any, starts_N: Any, masks: Any, deterministic: bool) -> Any:
            return np.full((len(observations), 1), 5.0), memory

    player = PolicyPlayer(Far(), None, deterministic=True)
    assert [episode.episode_return for episode in play(player, GymnasiumPlaces(Reach), [1, 2], 9)] == [1.0, 1.0]


def test_rules_apply_where_their_settings_metrics_and_family_are(project: Path) -> None:
    config = short(project)
    row = algorithm("reinforce", project)
    told = Signals(RunRecord("a", config, "resolved", (), family=row.family, metrics=row.metrics))
    ours = {rule.id for rule in RULES if rule.needs.met_by(told)}
    assert {"short-horizon", "plateau", "never-left-the-floor", "few-seeds"} <= ours
    assert not {"clipping-heavy", "policy-does-not-move", "rollout-too-small", "value-function-not-learning"} & ours
    off = Signals(RunRecord("a", RunConfig(), "resolved", (), family="off-policy"))
    assert "policy-changes-too-fast" not in {rule.id for rule in RULES if rule.needs.met_by(off)}
    ppo = Signals(RunRecord("a", RunConfig(), "resolved", ()))
    assert all(rule.needs.met_by(ppo) for rule in RULES if rule.needs.families != {"off-policy"})


def test_what_a_run_logged_is_known_from_its_metadata(project: Path) -> None:
    short(project)
    facts = recorded_facts("reinforce")
    assert facts["family"] == "on-policy"
    assert facts["metrics"]["train/entropy"]["summary"].startswith("mean entropy")
    assert {"step", "rollout/return_mean"} <= facts["metrics"].keys()
    assert "train/approx_kl" not in facts["metrics"]
    assert "train/entropy" in vocabulary("reinforce")
    assert "PPO" not in " ".join(str(vocabulary("reinforce")[name]) for name in COMMON)
    assert "PPO" in vocabulary("ppo")["iteration"].meaning


@pytest.mark.parametrize("normalized", [False, True])
def test_copies_show_a_learner_the_same_in_either_form(tmp_path: Path, normalized: bool) -> None:
    settings = {"id": "Acrobot-v1", "num_envs": 3, "normalize_observation": normalized}
    config = RunConfig.model_validate({"env": settings})
    own_registrations(tmp_path)
    seen = []
    for form in ("arrays", "vec_env"):
        env = Environments(tmp_path, config, make_env(config.env))
        getattr(env, form)()
        steps = [env.reset(7)]
        for action in range(6):
            step = env.step(np.full(3, action % 3))
            steps.append(step.observations)
        assert env.steps == 18
        assert not step.ended_N.any()
        assert not step.final
        seen.append(np.array(steps))
        env.close()
    np.testing.assert_allclose(*seen, atol=1e-5)


@pytest.mark.parametrize("forms", [("arrays", "vec_env"), ("vec_env", "arrays")])
def test_a_learner_that_asks_for_both_forms_is_told(tmp_path: Path, forms: tuple[str, str]) -> None:
    config = RunConfig.model_validate({"env": {"id": "Acrobot-v1", "num_envs": 2}})
    env = Environments(tmp_path, config, make_env(config.env))
    first, second = (getattr(env, form) for form in forms)
    assert first() is first()
    with pytest.raises(TrainingFailed, match=r"as arrays\(\) and as vec_env\(\), and they have one form"):
        second()
    env.close()


@pytest.mark.parametrize("form", ["arrays", "vec_env"])
def test_continuous_actions_of_a_learner_are_clipped_in_either_form(tmp_path: Path, form: str) -> None:
    config = RunConfig.model_validate({"env": {"id": "Pendulum-v1", "num_envs": 2}})
    seen = []
    for size in (2.0, 50.0):
        env = Environments(tmp_path, config, make_env(config.env))
        getattr(env, form)()
        env.reset(3)
        seen.append(env.step(np.full(2, size)))
        env.close()
    np.testing.assert_array_equal(*(step.observations for step in seen))
    np.testing.assert_array_equal(*(step.rewards_N for step in seen))


# --- states as members ---------------------------------------------------------------------------------------------------

NUMBERS = st.one_of(
    st.integers(), st.integers(2**63 - 2, 2**130), st.floats(), st.text(max_size=5), st.none(), st.booleans()
)
ARRAYS = st.sampled_from(["float32", "int64", "bool", "complex64", "uint8"]).flatmap(
    lambda kind: st.lists(st.integers(0, 3), max_size=3).map(lambda shape: np.ones(shape, kind))
)
TREES = st.recursive(
    NUMBERS | ARRAYS | ARRAYS.filter(lambda a: a.dtype != "complex64").map(torch.from_numpy),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
        | st.dictionaries(st.integers() | st.tuples(st.integers(), st.text(max_size=2)), inner, max_size=2)
    ),
    max_leaves=8,
)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray | torch.Tensor):
        return (
            type(one) is type(other) and one.dtype == other.dtype and np.array_equal(np.asarray(one), np.asarray(other))
        )
    return type(one) is type(other) and (one == other or one != one)  # noqa: PLR0124 — NaN


@given(TREES)
def test_states_come_back_as_they_were_and_equal_ones_give_equal_bytes(tree: Any) -> None:
    members = members_of({"policy": tree}, {})
    assert members == members_of({"policy": tree}, {})
    assert same(state_from(members, lambda _: None)["policy"], tree)


def test_a_state_holds_no_objects(project: Path) -> None:
    with pytest.raises(TypeError, match="its state has object at policy/x, and a state holds arrays of numbers"):
        members_of({"policy": {"x": object()}}, {})


def nested(depth: int) -> Any:
    state: Any = 1
    for _ in range(depth):
        state = {"inner": state}
    return state


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (nested(30), "nested too deeply"),
        (nested(3000), "recursion"),
        ("\ud800", "half a character"),
        ([0] * 200_000, "more values than a state has"),
        (10**5000, "digits"),
    ],
    ids=["deep", "too deep to look at", "half a character", "many", "huge"],
)
def test_what_could_not_be_read_again_is_not_written(state: Any, said: str) -> None:
    with pytest.raises(TypeError, match=f"its state could not be read again: .*{said}"):
        members_of({"policy": state}, {})


@pytest.mark.parametrize(
    "change",
    [
        lambda described: {"array": "rlx/arrays/0009.npy"},
        lambda described: {"odd": 1},
        lambda described: [1],
        lambda described: {"dict": {"no policy": 1}},
    ],
)
def test_a_damaged_state_is_no_checkpoint(project: Path, change: Any) -> None:
    config = short(project)
    train_seed(project, Snapshot(config), 3, project / "one", lambda _: None)
    path = project / "one" / "checkpoints" / "latest.zip"
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["rlx/learner.json"] = json.dumps(change(json.loads(members["rlx/learner.json"]))).encode()
    import hashlib

    manifest = json.loads(members["rlx/manifest.json"])
    manifest["sha256"]["rlx/learner.json"] = hashlib.sha256(members["rlx/learner.json"]).hexdigest()
    members["rlx/manifest.json"] = json.dumps(manifest).encode()
    target = project / "damaged.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(CheckpointDamaged, match="does not hold what a checkpoint of rlx holds"):
        checkpoints.load(target)
