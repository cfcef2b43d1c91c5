"""An environment is tried out once before training: what cannot be trained in is refused, what is unusual is said."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import yaml

from rlx.algorithms.ppo import engines as algorithms
from rlx.config.schema import EnvConfig, FinalEvalConfig, RunConfig
from rlx.config.snapshot import Snapshot, read_snapshot
from rlx.envs import PLACES, GymnasiumPlaces
from rlx.envs.making import make_env, missing_package
from rlx.errors import ConfigError, Misfit
from rlx.experiments.data import sync_data
from rlx.experiments.planning import addressed
from rlx.experiments.resolving import Resolved, resolve_run
from rlx.experiments.watched_data import unwatched
from rlx.records.environment_facts import FILE, read_facts
from rlx.records.metrics import read_rows
from rlx.records.runs import write_metadata
from rlx.training.actors import RandomPlayer
from rlx.training.evaluation import play
from rlx.training.held_out import evaluate_run, task_of
from rlx.training.one_seed import train_seed
from rlx.training.seeds import train_run
from tests.cases.spaces import ACTIONS, OBSERVATIONS
from tests.conftest import REPOSITORY, Project

SMALL: dict[str, Any] = {
    "num_seeds": 1,
    "algo": {"total_timesteps": 1024, "rollout_steps": 128, "batch_size": 64, "update_epochs": 1},
    "policy": {"hidden_sizes": [4]},
    "eval": {"every": 1024, "episodes": 1},
}
TIMEOUT = 5
pytestmark = pytest.mark.filterwarnings("default")  # an environment may warn


def registered(name: str) -> str:
    return f"tests.cases.registered:{name}-v0"


@dataclass
class Workshop:
    """A folder with a base configuration, in which configs are resolved."""

    root: Path

    def __post_init__(self) -> None:
        (self.root / "configs" / "env").mkdir(parents=True)
        self.base()

    def base(self, **sections: Any) -> None:
        """Write ``params.yaml``."""
        data = {"study": {"runs": ["a"]}, **SMALL, "env": {"num_envs": 2, "step_timeout": TIMEOUT}}
        (self.root / "params.yaml").write_text(yaml.safe_dump(data | sections, sort_keys=False))

    def config(self, env: dict[str, Any], run: str = "a", **sections: Any) -> None:
        """Write a config, whose line 2 is that of ``env.id``."""
        text = yaml.safe_dump({"env": env, **sections}, sort_keys=False)
        (self.root / "configs" / f"{run}.yaml").write_text(text)

    def resolve(self, env: dict[str, Any], **sections: Any) -> Resolved:
        self.config(env, **sections)
        return resolve_run(self.root, "a")

    def refusal(self, env: dict[str, Any], **sections: Any) -> str:
        with pytest.raises(ConfigError) as refused:
            self.resolve(env, **sections)
        assert " at 0x" not in str(refused.value)
        assert "\n" not in str(refused.value)
        return str(refused.value)


@pytest.fixture
def workshop(tmp_path: Path, forked_workers: None) -> Iterator[Workshop]:
    """A folder of its own; packages of other projects, and what they registered, are out of the way."""
    others, registered_by_others, path = _own_packages(), dict(gym.registry), [*sys.path]
    yield Workshop(tmp_path)
    _own_packages()
    sys.modules.update(others)
    sys.path[:] = path
    gym.registry.clear()
    gym.registry.update(registered_by_others)


def _own_packages() -> dict[str, ModuleType]:
    """Take the modules of projects out of this process, and return them."""
    return {name: sys.modules.pop(name) for name in [*sys.modules] if name.split(".")[0] in ("envs", "policies")}


def spaces(**kwargs: Any) -> dict[str, Any]:
    return {"id": registered("Spaces"), "kwargs": kwargs}


def dtype(**kwargs: Any) -> dict[str, Any]:
    return {"id": registered("Dtype"), "kwargs": kwargs}


WRITE_ONE = "write a wrapper for it"
FLATTEN = "add `- gymnasium.wrappers.FlattenObservation` to env.wrappers"
REFUSED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    (spaces(observation="none"), ("observation_space` has none", "in `__init__`")),
    (spaces(observation="class"), ("`observation_space` is of type", "gymnasium.spaces in `__init__`")),
    (spaces(action="none"), ("does not say what its actions are", "in `__init__`")),
    (spaces(observation="tuple"), ("Tuple(Box(-1, 1, (2,), float32), Discrete(2))", FLATTEN)),
    (spaces(observation="dict in a dict"), ("Dict('inner': Dict('b': Box", FLATTEN)),
    (spaces(observation="dict by numbers"), ("Dict(1: Box(-1, 1, (2,), float32)", "by names", FLATTEN)),
    (spaces(observation="dict with a dot"), ("cannot be called '', 'arm.x', 'type' (", "rename it", FLATTEN)),
    (spaces(observation="dict with images both ways"), ("have their channels first and last", "transpose")),
    (spaces(observation="text"), ("Text(1 to 5 characters)", "FlattenObservation")),
    (spaces(observation="sequence"), ("Sequence(Box", WRITE_ONE)),
    (spaces(observation="graph"), ("Graph(Box", WRITE_ONE)),
    (spaces(observation="empty"), ("nothing to see in Box([], [], (0,), float32)", "leave that out")),
    (spaces(observation="empty dict"), ("nothing to see in Dict()",)),
    (spaces(observation="dict with a small image"), ("at least 36 × 36, not (20, 20, 3)", "enlarge")),
    (spaces(action="unbounded"), ("Box(-inf, inf, (2,), float32) lacks some", "rlx.space_wrappers.BoundActions")),
    (spaces(action="integers"), ("Box(0, 10, (2,), int64) holds whole ones", "rlx.space_wrappers.RoundActions")),
    (spaces(action="empty"), ("nothing to choose in Box([], [], (0,), float32)",)),
    (spaces(action="dict"), ("PPO cannot act in Dict('b': Box", "env.wrappers")),
    (spaces(action="tuple"), ("PPO cannot act in Tuple(Box", "env.wrappers")),
    (dtype(obs="row"), ("the observation has shape (1, 3)", "Box(0, 1, (3,), float32) was declared", "agree")),
    (dtype(obs="longer"), ("the observation has shape (4,)", "Box(0, 1, (3,), float32) was declared")),
    (dtype(obs="none"), ("the observation is None", "Box(0, 1, (3,), float32) was declared")),
    (dtype(obs="text"), ("the observation is 'abc' (str)", "was declared")),
    (dtype(obs="objects"), ("the observation is an array of shape (3,) and type object", "was declared")),
    (dtype(obs="complex"), ("type complex128", "was declared")),
    (dtype(obs="number"), ("the observation has shape () (it is '0.", "Box(0, 1, (3,), float32) was declared")),
    (dtype(obs="ragged"), ("the observation is a list of 2", "was declared")),
    (dtype(obs="nan"), ("the observation holds nan, which is not a finite number",)),
    (dtype(reward="none"), ("the reward is None, where a number is needed", "mend it in `step`")),
    (dtype(reward="text"), ("(str), where a number is needed",)),
    (dtype(reward="two"), ("the reward is an array of shape (2,)", "where a number is needed")),
    (dtype(reward="nan"), ("the reward is nan, which is not a finite number",)),
    (dtype(reward="complex"), ("(complex), where a number is needed",)),
    (dtype(flag="none"), ("`terminated` is None, where True or False is needed",)),
    (dtype(flag="text"), ("`terminated` is 'False' (str), where True or False is needed",)),
    (dtype(values="four"), ("`step` returned a tuple of 4, where five values are needed", "old Gym")),
    (dtype(values="list"), ("`step` returned a list of 1 as info, where a dict is needed",)),
    ({"id": registered("Growing")}, ("action_space is not the same in every copy: Discrete(2) and Discrete(3)",)),
    ({"id": registered("LastReset")}, ("change one another: rewards differ", "`vectorization: isolated`")),
    (dtype(obs="longer", late=30), ("the observation has shape (4,)", "(step 30 of random actions)")),
    ({"id": registered("OldApi")}, ("`reset` takes no seed", "old Gym", "reset(self, *, seed=None, options=None)")),
    ({"id": registered("OldReset")}, ("`reset` returned an array of shape (1,)", "old Gym")),
    ({"id": registered("OldStep")}, ("`step` returned a tuple of 4, where five values are needed", "old Gym")),
    ({"id": registered("SharedWorld")}, ("change one another", "`vectorization: isolated` under `env`")),
    ({"id": registered("SharedWorld"), "vectorization": "async"}, ("`vectorization: isolated`",)),
    (
        {"id": registered("Broken"), "kwargs": {"how": "exit7", "at": 1}},
        ("exit code 7, in `step` while it was checked",),
    ),
    ({"id": "Nowhere-v0"}, ("there is no environment 'Nowhere-v0'", "`module:ID`")),
    ({"id": "CartPol-v1"}, ("did you mean CartPole-v1", "`module:ID`")),
    ({"id": "MiniGrid-Empty-5x5-v0"}, ("write `minigrid:MiniGrid-Empty-5x5-v0`",)),
    ({"id": "nopackage:Some-v0"}, ("there is no package 'nopackage' here", "pip install nopackage")),
    ({"id": "CartPole"}, ("write the id in full, with its version: CartPole-v1",)),
    ({"id": "CartPole-v1", "kwargs": {"nonsense": 1}}, ("cannot be made: TypeError", "nonsense")),
]


def test_a_missing_package_is_installed_by_the_extra_of_rlx() -> None:
    box2d = gym.error.DependencyNotInstalled('run `pip install swig` followed by `pip install "gymnasium[box2d]"`')
    assert missing_package(box2d) == 'a package that is not installed; `pip install "rlx[box2d]"`'
    other = gym.error.DependencyNotInstalled("pip install other")
    assert missing_package(other) == "a package that is not installed: pip install other"


PAYING = {"id": registered("Paying")}
TRAINING: list[tuple[dict[str, Any], str, str]] = [
    ({"ranges": {"pays": [1.0, 2.0]}}, "ranges.pays", "takes no argument 'pays'; did you mean pay?"),
    ({"kwargs": {"gain": 1.0}}, "kwargs.gain", "takes no argument 'gain'; there are: level, max_episode_steps, parts"),
    ({"stages": [{"until": 0.5, "kwargs": {"siez": 2}}, {"until": 1.0}]}, "stages.0.kwargs.siez", "did you mean size?"),
    ({"mixture": [{"weight": 1.0, "kwargs": {"siez": 2}}]}, "mixture.0.kwargs.siez", "did you mean size?"),
    (
        {"kwargs": {"size": 2}},
        "kwargs",
        "with size=2: its observations are Box(-1, 1, (2,), float32), those of the task",
    ),
    ({"ranges": {"size": [1, 2]}}, "ranges.size", "with size=2: its observations are Box(-1, 1, (2,), float32)"),
    ({"mixture": [{"weight": 1.0, "kwargs": {"steps": "five"}}]}, "mixture.0.kwargs", "with steps='five': TypeError"),
    ({"kwargs": {"level": "levels/none"}}, "kwargs", "with level='levels/none': "),
]


@pytest.mark.parametrize(("training", "place", "words"), TRAINING, ids=[place for _, place, _ in TRAINING])
def test_what_training_alone_cannot_have_is_refused_with_line_and_cure(
    workshop: Workshop, training: dict[str, Any], place: str, words: str
) -> None:
    said = workshop.refusal({**PAYING, "training": training})
    assert re.match(rf"configs/a\.yaml:\d+:\d+: env\.training\.{re.escape(place)}: ", said), said
    assert words in said


def test_what_training_alone_has_is_no_part_of_what_is_found_out_and_its_files_are_none_of_the_task(
    workshop: Workshop,
) -> None:
    plain = workshop.resolve(PAYING)
    (workshop.root / "levels").mkdir()
    (workshop.root / "levels" / "easy").write_text("3.0")
    training = {"kwargs": {"level": "levels/easy"}, "ranges": {"steps": [3, 7]}}
    other = workshop.resolve({**PAYING, "training": training})
    assert other.facts == plain.facts
    assert other.snapshot.code.data == {}
    assert [*other.snapshot.code.training_data] == ["levels/easy"]
    protocol = FinalEvalConfig()
    assert task_of(other.snapshot, protocol) == task_of(plain.snapshot, protocol)
    other.write(workshop.root / "runs" / "a")
    assert read_snapshot(workshop.root / "runs" / "a" / "config_snapshot.yaml") == other.snapshot
    (workshop.root / "levels" / "easy").write_text("4.0")
    assert workshop.resolve({**PAYING, "training": training}).snapshot != other.snapshot


@pytest.mark.parametrize(("env", "words"), REFUSED, ids=[str([*env.values()])[1:-1] for env, _ in REFUSED])
def test_what_cannot_be_trained_in_is_refused_with_line_and_cure(
    workshop: Workshop, env: dict[str, Any], words: tuple[str, ...]
) -> None:
    said = workshop.refusal(env)
    assert said.startswith("configs/a.yaml:2:")
    assert "env.id: " in said
    for word in words:
        assert word in said, said


def test_every_space_is_refused_or_trained_in() -> None:
    """So that a space that is added to the cases is judged too."""
    told = {frozenset(env["kwargs"].items()) for env, _ in REFUSED if env["id"] == registered("Spaces")}
    for kind, names in (("observation", OBSERVATIONS), ("action", ACTIONS)):
        for name in names:
            assert (frozenset({(kind, name)}) in told) != (name in RIGHT[kind]), (kind, name)


RIGHT = {
    "observation": (
        "box", "double", "half", "bytes", "scalar", "constant", "discrete from 1", "discrete below 0", "multi-discrete from 1",
        "multi-discrete of rows", "multi-binary of rows", "dict with an image",
    ),
    "action": (
        "discrete", "discrete below 0", "multi-discrete from 0", "multi-discrete from 1", "multi-discrete of rows", "multi-binary", "multi-binary of rows",
        "two-dimensional", "double", "half", "scalar", "uneven",
    ),
}  # fmt: skip


@pytest.mark.parametrize("observation", RIGHT["observation"])
def test_every_right_observation_passes(workshop: Workshop, observation: str) -> None:
    facts = workshop.resolve(spaces(observation=observation)).facts
    assert not facts.problems
    assert not [remark for remark in facts.remarks if remark.kind != "unseeded"]


@pytest.mark.parametrize("action", RIGHT["action"])
def test_every_right_action_passes(workshop: Workshop, action: str) -> None:
    facts = workshop.resolve(spaces(action=action)).facts
    assert not facts.problems
    assert not [remark for remark in facts.remarks if remark.kind == "fails"]


def encoded(space: Any, value: Any) -> Any:
    """What a network is given of an observation: choices count from 0, in one row."""
    if isinstance(space, gym.spaces.Discrete):
        return value - space.start
    if isinstance(space, gym.spaces.MultiDiscrete):
        return np.ravel(value - space.start)
    if isinstance(space, gym.spaces.MultiBinary) or space.shape == ():
        return np.ravel(value)
    return value


@pytest.mark.parametrize("observation", [name for name in RIGHT["observation"] if "dict" not in name])
def test_observations_are_encoded_as_if_they_counted_from_0(observation: str) -> None:
    made = make_env(EnvConfig(**spaces(observation=observation)))
    seen, _ = made.reset(seed=3)
    space = deepcopy(OBSERVATIONS[observation])
    space.seed(3)
    assert np.array_equal(seen, encoded(space, space.sample()))
    assert made.observation_space.contains(seen)


@pytest.mark.parametrize("action", RIGHT["action"])
def test_no_action_outside_the_space_is_ever_sent(action: str) -> None:
    made = make_env(EnvConfig(**spaces(action=action)))
    made.reset(seed=3)
    for _ in range(19):
        made.step(made.action_space.sample())  # the environment raises otherwise


def rows(folder: Path, env: dict[str, Any], **sections: Any) -> list[dict[str, Any]]:
    data = {
        "num_seeds": 1,
        "env": {"num_envs": 2, **env},
        "algo": {"total_timesteps": 96, "rollout_steps": 24, "batch_size": 24, "update_epochs": 1}
        | sections.pop("algo", {}),
        "policy": {"hidden_sizes": [4]} | sections.pop("policy", {}),
        "eval": {"every": 96, "episodes": 2},
        **sections,
    }
    train_seed(folder, Snapshot(RunConfig.model_validate(data)), 0, folder, lambda _: None)
    return list(read_rows(folder / "metrics.jsonl"))


@pytest.mark.parametrize("engine", [algorithms.FAST, algorithms.STOCK])
def test_both_engines_train_with_shifted_and_shaped_spaces(tmp_path: Path, engine: str) -> None:
    for action in (
        "discrete below 0",
        "multi-discrete of rows",
        "multi-binary of rows",
        "two-dimensional",
        "half",
        "scalar",
    ):
        algo = {"engine": algorithms.STOCK if "multi" in action else engine}
        assert rows(tmp_path / "actions" / action, spaces(action=action), algo=algo)
    for observation in ("scalar", "half", "bytes"):
        assert rows(tmp_path / observation, spaces(observation=observation), algo={"engine": engine})


@pytest.mark.slow
@pytest.mark.parametrize("observation", RIGHT["observation"])
def test_every_right_observation_trains(tmp_path: Path, observation: str) -> None:
    assert rows(tmp_path, spaces(observation=observation))


@pytest.mark.slow
def test_a_choice_above_0_in_a_dict_is_learned_from(tmp_path: Path) -> None:
    algo = {
        "total_timesteps": 8192,
        "rollout_steps": 128,
        "batch_size": 64,
        "update_epochs": 10,
        "learning_rate": 0.003,
    }
    env = {"id": registered("DictStart")}
    found = rows(tmp_path, env, algo=algo, policy={"hidden_sizes": [32]}, eval={"every": 8192, "episodes": 10})
    assert found[-1]["validation/return_mean"] > 18  # of 20; random actions score a third


KINDS = [
    (kind, name)
    for kind, names in {
        "obs": ("number", "row", "longer", "none", "text", "objects", "complex", "ragged"),
        "reward": ("none", "text", "two", "complex"),
        "flag": ("none", "text"),
        "values": ("four", "list"),
    }.items()
    for name in names
]
THINGS = {"obs": "the observation", "reward": "the reward", "flag": "`terminated`", "values": "`step`"}


@pytest.mark.parametrize("engine", [algorithms.FAST, algorithms.STOCK])
def test_what_becomes_another_thing_in_training_fails_by_name(tmp_path: Path, engine: str) -> None:
    for kind, name in KINDS:
        with pytest.raises(Misfit, match=rf"{THINGS[kind]} (is|has|returned) .*(was declared|needed)"):
            rows(tmp_path / kind / name, dtype(**{kind: name}, late=30), algo={"engine": engine})


def test_what_becomes_another_thing_in_evaluation_fails_by_name() -> None:
    for kind, name in KINDS:
        places = GymnasiumPlaces(lambda given={kind: name}: make_env(EnvConfig(**dtype(**given, late=30))))
        with pytest.raises(Misfit, match=f"{THINGS[kind]} (is|has|returned) "):
            play(RandomPlayer(), places, [*range(64)], 100)


@pytest.mark.parametrize("engine", [algorithms.FAST, algorithms.STOCK])
def test_an_environment_may_write_into_the_action_it_is_given(tmp_path: Path, workshop: Workshop, engine: str) -> None:
    for action in ("uneven", "multi-discrete from 0"):
        env = [spaces(action=action, spoils=spoils) for spoils in (False, True)]
        assert workshop.resolve(env[1]).facts.seeded
        algo = {"engine": engine if action == "uneven" else algorithms.STOCK}
        found = [rows(tmp_path / action / str(index), each, algo=algo) for index, each in enumerate(env)]
        assert found[0] == found[1]


def test_other_kinds_of_numbers_train_as_floats_do(tmp_path: Path) -> None:
    found = [
        rows(tmp_path / str(index), dtype(**given))
        for index, given in enumerate(
            (
                {},
                {"obs": "list"},
                {"obs": "float64"},
                {"reward": "array1"},
                {"reward": "array0"},
                {"reward": "bool"},
                {"flag": "array1"},
            )
        )
    ]
    assert all(each == found[0] for each in found[1:])


@pytest.mark.parametrize("kind", ["uint8", "float"])
def test_images_train_alike_whichever_way_round_they_are(tmp_path: Path, kind: str) -> None:
    wrappers = ["rlx.space_wrappers.ByteImages"] if kind == "float" else []
    found = [
        rows(
            tmp_path / layout,
            {"id": registered("Image"), "wrappers": wrappers, "kwargs": {"layout": layout, "kind": kind, "size": 36}},
            policy={"type": "cnn"},
        )
        for layout in ("chw", "hwc")
    ]
    assert [{key: pytest.approx(value, rel=1e-3, abs=1e-4) for key, value in row.items()} for row in found[0]] == found[
        1
    ]


BOX = registered("BigBox")
SAID: list[tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]] = [
    (
        {"id": registered("Unseeded")},
        {},
        ("warning: `reset(seed)` does not determine what follows", "call `super().reset(seed=seed)`", "`self.np_random`"),
    ),
    ({"id": registered("Unseeded"), "kwargs": {"how": "global"}}, {}, ("draws from the global generator of numpy",)),
    ({"id": registered("Reseeding")}, {}, ("uses the global generator of numpy", "training keeps its own apart")),
    ({"id": BOX}, {}, ("Actions go from -2,000.0 to 2,000.0", "only its middle is tried", "gymnasium.wrappers.RescaleAction")),
    ({"id": BOX, "kwargs": {"low": -0.01, "high": 0.01}}, {}, ("-0.010", "cut to one of its ends", "RescaleAction")),
    ({"id": BOX, "kwargs": {"low": 50.0, "high": 52.0}}, {}, ("from 50.00 to 52.00", "cut to the same end", "RescaleAction")),
    (
        {"id": registered("NeverEnding")},
        {},
        ("warning: ", "no time limit", "100,000 steps, as eval.step_limit is not set", "max_episode_steps", "final_eval.step_limit=1000"),
    ),
    (
        {"id": registered("NeverEnding")},
        {"eval": {"every": 1024, "episodes": 2, "step_limit": 70}},
        ("info: ", "validation plays 140 steps per seed", "cut at eval.step_limit = 70"),
    ),
    (dtype(obs="beyond"), {}, ("info: ", "reach beyond the declared bounds of Box(0, 1, (3,), float32)", "was seen")),
    (dtype(obs="nan", late=30), {}, ("warning: ", "holds nan", "(step 30 of random actions)")),
    ({"id": registered("Image")}, {}, ("policy.type: mlp reads the images", "as one row of numbers", "`-S policy.type=cnn`")),
    ({"id": registered("Image"), "kwargs": {"channels": 0}}, {}, ("in size under random actions", "env.normalize_observation=true")),
    ({"id": registered("Costly"), "kwargs": {"seconds": 1.05}}, {}, ("making one copy of", "takes 1.1 s", "env.vectorization: async")),
    ({"id": registered("Costly"), "kwargs": {"render_mode": "human"}}, {}, ("would open a window", "`rlx video`")),
    ({"id": "CartPole-v1"}, {"eval": {"every": 128, "episodes": 9}}, ("validation can take 36,000 steps per seed", "training 1,024", "eval.step_limit")),
    ({"id": registered("OldRender")}, {}, ("its `render` wants mode", "no film")),
    ({"id": registered("Broken"), "kwargs": {"at": 30}}, {}, ("warning: ", "could not be tried out to the end", "exit code 0")),
    ({"id": registered("Broken"), "kwargs": {"how": "thread"}}, {}, ("has left the thread", "running")),
    ({"id": registered("Broken"), "kwargs": {"how": "close"}}, {}, ("its `close` failed: RuntimeError: the simulator could not be closed",)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("env", "sections", "words"), SAID, ids=[f"{env['id'].rpartition(':')[2]} {words[0]}" for env, _, words in SAID]
)
def test_what_is_unusual_is_said_before_training(
    workshop: Workshop, env: dict[str, Any], sections: dict[str, Any], words: tuple[str, ...]
) -> None:
    lines = workshop.resolve(env, **sections).notices
    assert any(all(word in line for word in words) for line in lines), lines
    assert not any(" at 0x" in line for line in lines)


def test_an_environment_without_seeds_is_noted_in_the_record_of_its_run(workshop: Workshop) -> None:
    resolved = workshop.resolve({"id": registered("Unseeded"), "kwargs": {"how": "global"}})
    folder = workshop.root / "runs" / "a"
    resolved.write(folder)
    write_metadata(folder, "running", resolved.snapshot, [], {})
    facts = json.loads((folder / "metadata.json").read_text())["environment_facts"]
    assert facts == {"seeded": False, "global_generators": ["numpy"]}


def test_nothing_is_said_of_what_is_usual(workshop: Workshop) -> None:
    lines = workshop.resolve({"id": registered("Dtype")}).notices
    assert not [line for line in lines if "warning" in line or "Dtype" in line]


@pytest.mark.parametrize("vectorization", ["async", "isolated"])
def test_a_backend_that_cannot_train_as_it_is_asked_to_is_refused(workshop: Workshop, vectorization: str) -> None:
    env = {"id": "CartPole-v1", "backend": "native", "vectorization": vectorization}
    said = f"steps all copies in one process, and env.vectorization is {vectorization}; leave one of the two out"
    refusal = workshop.refusal(env)
    assert refusal.startswith("configs/a.yaml:3:3: env.backend: the backend 'native' (compiled dynamics")
    assert said in refusal


def test_a_misfit_of_the_network_points_to_its_own_line(workshop: Workshop) -> None:
    image = {"id": registered("Image"), "kwargs": {"kind": "float"}}
    said = workshop.refusal(image, policy={"type": "cnn"})
    assert said.startswith("configs/a.yaml:6:")
    assert "policy.type: a cnn reads images in bytes" in said
    assert "rlx.space_wrappers.ByteImages" in said
    assert "at least 36 × 36" in workshop.refusal(
        {"id": registered("Image"), "kwargs": {"size": 20}}, policy={"type": "cnn"}
    )
    assert "a cnn reads images (height" in workshop.refusal({"id": "CartPole-v1"}, policy={"type": "cnn"})
    cures = {"BoundActions": {"low": -1.0, "high": 1.0}}, "RoundActions", "ByteImages"
    environments = spaces(action="unbounded"), spaces(action="integers"), image
    for cure, env in zip(cures, environments, strict=True):  # the cures that are printed work
        wrapper = (
            {f"rlx.space_wrappers.{k}": v for k, v in cure.items()}
            if isinstance(cure, dict)
            else f"rlx.envs.space_wrappers.{cure}"
        )
        workshop.resolve({**env, "wrappers": [wrapper]}, **({"policy": {"type": "cnn"}} if env is image else {}))
    for name in ("tuple", "dict in a dict", "text"):
        workshop.resolve({**spaces(observation=name), "wrappers": ["gymnasium.wrappers.FlattenObservation"]})


def test_a_call_that_does_not_return_is_refused_after_step_timeout(workshop: Workshop) -> None:
    left = workshop.resolve({"id": registered("Broken"), "kwargs": {"how": "del"}, "step_timeout": 0.5}).notices
    assert any("its environment was still being checked after 0.5 s (env.step_timeout)" in line for line in left)
    hanging = {"id": registered("Broken"), "kwargs": {"how": "hang", "at": 1}, "step_timeout": 0.5}
    assert "did not return from `step` while it was checked for 0.5 s (env.step_timeout)" in workshop.refusal(hanging)


@pytest.mark.parametrize(
    ("wrapper", "words"),
    [
        ("gymnasium.wrappers.TimeLimit: {max_episode_steps: many}", "cannot be put around CartPole-v1: TypeError"),
        ("gymnasium.wrappers.RescaleAction: {min_action: -1, max_action: 1}", "cannot be put around CartPole-v1"),
        ("gymnasium.wrappers.TimeLmit: {max_episode_steps: 9}", "did you mean gymnasium.wrappers.TimeLimit?"),
        ("gymnasium.wrappers.NormalizeObservation", "use env.normalize_observation"),
        ("nowhere.Wrapper", "there is no module 'nowhere'"),
        ("tests.cases.spoiling.Longer", "the observation has shape (5,)"),
        ("tests.cases.spoiling.Breaking", "failed in step 1: ValueError: the wrapper <Breaking"),
        ("tests.cases.spoiling.Spaceless", "`observation_space` is 'Box' (str)"),
    ],
)
def test_an_error_in_a_wrapper_points_to_its_line(workshop: Workshop, wrapper: str, words: str) -> None:
    lines = ["wrappers:", "  - gymnasium.wrappers.RecordEpisodeStatistics", f"  - {wrapper}"]
    (workshop.root / "configs" / "a.yaml").write_text("env:\n  id: CartPole-v1\n  " + "\n  ".join(lines) + "\n")
    with pytest.raises(ConfigError) as refused:
        resolve_run(workshop.root, "a")
    assert str(refused.value).startswith("configs/a.yaml:5:")
    assert words in str(refused.value)
    (workshop.root / "configs" / "env" / "world.yaml").write_text("\n".join(["id: CartPole-v1", *lines]))
    (workshop.root / "configs" / "a.yaml").write_text("defaults:\n  - env: world\nrun_name: it\n")
    with pytest.raises(ConfigError, match=r"configs/env/world\.yaml:4:"):
        resolve_run(workshop.root, "a")


def test_an_environment_is_tried_once_and_again_when_it_may_differ(workshop: Workshop, tmp_path: Path) -> None:
    book = tmp_path.parent / f"{tmp_path.name}-book"
    env = {"id": registered("Costly"), "kwargs": {"book": str(book)}}

    def tried() -> bool:
        book.unlink(missing_ok=True)
        resolve_run(workshop.root, "a")
        return book.exists()

    workshop.config(env)
    assert tried()
    assert not tried()
    workshop.config({"id": "CartPole-v1"}, "b")
    resolve_run(workshop.root, "b")
    workshop.config({**env, "num_envs": 4, "step_timeout": 9}, algo={"learning_rate": 0.1, "total_timesteps": 2048})
    assert not tried()
    package = workshop.root / "envs"
    package.mkdir()
    (package / "__init__.py").write_text("ONE = 1\n")
    assert tried()
    assert not tried()
    workshop.config({**env, "frame_stack": 2})
    assert tried()
    for note in (workshop.root / ".dvc" / "tmp" / "rlx" / "environments").iterdir():
        note.write_text(note.read_text()[:100])
    assert tried()


def test_sums_beyond_floating_point_are_no_facts(workshop: Workshop) -> None:
    resolved = workshop.resolve(dtype(reward="huge"))
    assert resolved.facts.random_return is None
    resolved.write(workshop.root / "runs" / "a")
    assert resolve_run(workshop.root, "a").facts == resolved.facts


def test_what_was_found_is_kept_beside_the_snapshot(workshop: Workshop) -> None:
    package = workshop.root / "envs"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import gymnasium\nfrom tests.cases.dtypes import Dtype\n"
        "gymnasium.register('Own-v0', entry_point=lambda made=object(), **given: Dtype(**given), max_episode_steps=7,\n"
        "                   reward_threshold=6, kwargs={'made': lambda: 3})\n"
    )
    resolved = workshop.resolve({"id": "Own-v0", "kwargs": {"obs": "beyond"}})
    folder = workshop.root / "runs" / "a"
    folder.mkdir(parents=True)
    resolved.write(folder)
    assert read_facts(folder) == resolved.facts == resolve_run(workshop.root, "a").facts
    found = json.loads((folder / FILE).read_text())
    assert (found["episode_limit"], found["reward_threshold"], found["seeded"], found["ended"]) == (7, 6.0, True, True)
    assert found["observation_space"]["text"] == "Box(0, 1, (3,), float32)"
    assert (found["max_entropy"], len(found["observation_size"]), found["steps_tried"]) == (
        pytest.approx(np.log(2)),
        3,
        200,
    )
    assert [remark["kind"] for remark in found["remarks"]] == ["bounds"]
    assert found["sources"]["env.id"] == "configs/a.yaml"
    assert not any("0x" in path.read_text() for path in folder.iterdir())
    stages = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
    assert any(FILE in str(each) for each in stages["resolve"]["outs"])
    assert FILE not in str(stages["train"]["deps"])


def test_copies_that_share_a_world_pass_in_processes_of_their_own(workshop: Workshop) -> None:
    resolved = workshop.resolve({"id": registered("SharedWorld"), "vectorization": "isolated"})
    assert (resolved.facts.isolated_only, resolved.facts.seeded) == (True, True)
    assert not [line for line in resolved.notices if "warning" in line]
    assert not workshop.resolve({"id": registered("SharedWorld"), "kwargs": {"shared": False}}).facts.isolated_only


@pytest.mark.slow
@pytest.mark.parametrize("engine", [algorithms.FAST, algorithms.STOCK])
def test_isolated_copies_train_and_validate_as_if_each_had_its_own_world(tmp_path: Path, engine: str) -> None:
    shared, own = (
        rows(
            tmp_path / str(shared),
            {
                "id": registered("SharedWorld"),
                "vectorization": "isolated" if shared else "sync",
                "kwargs": {"shared": shared},
            },
            algo={"engine": engine},
        )
        for shared in (True, False)
    )
    assert shared == own


PRICES = {"id": registered("Prices")}


@pytest.mark.parametrize("named", [None, "data/prices.csv", "data", "./data/../data/prices.csv"])
def test_data_that_an_environment_reads_is_part_of_the_run(workshop: Workshop, named: str | None) -> None:
    data = workshop.root / "data" / "prices.csv"
    data.parent.mkdir()
    data.write_text("1.5 2.5 3.5\n")
    env = {**PRICES, "kwargs": {} if named is None else {"path": named}}
    first = workshop.resolve(env).snapshot
    assert first.code.data == {"data/prices.csv": hashlib.sha256(b"1.5 2.5 3.5\n").hexdigest()}
    assert resolve_run(workshop.root, "a").snapshot.to_yaml() == first.to_yaml()
    data.write_text("1.5 2.5 3.6\n")
    changed = resolve_run(workshop.root, "a").snapshot
    assert changed.code.data != first.code.data
    assert changed.to_yaml() != first.to_yaml()


def test_data_that_is_missing_or_unwatched_is_told_with_the_command_that_helps(workshop: Workshop) -> None:
    assert "No such file or directory: 'data/prices.csv'" in workshop.refusal(PRICES)
    (workshop.root / "data").mkdir()
    (workshop.root / "data" / "prices.csv.dvc").touch()
    assert "`dvc pull data/prices.csv` brings it" in workshop.refusal(PRICES)
    (workshop.root / "data" / "prices.csv").write_text("1.5 2.5\n")
    (workshop.root / "dvc.yaml").write_text("stages: {resolve: {cmd: x, deps: [params.yaml]}}\n")
    said = workshop.refusal(PRICES)
    assert "reads data/prices.csv" in said
    assert "`rlx sync`" in said
    assert sync_data(workshop.root) == ["data/prices.csv"]
    workshop.resolve(PRICES)
    (workshop.root / "data" / "prices.csv").unlink()
    assert "No such file or directory: 'data/prices.csv'" in workshop.refusal(PRICES)


def test_what_is_unwatched_is_seen_however_many_runs_are_compared(tmp_path: Path) -> None:
    compared = "".join(f"  - runs/run_{number}/eval\n" for number in range(40_000))
    (tmp_path / "dvc.yaml").write_text(f"stages:\n resolve: {{deps: [envs/]}}\n compare:\n  deps:\n{compared}")
    assert unwatched(tmp_path, ["envs/world.py", "data/prices.csv"]) == ["data/prices.csv"]


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["ignored", "dvc", "untracked"])
def test_data_is_there_where_experiments_are_made(project: Project, kept: str) -> None:
    for name in ("prices", "registered"):
        text = (REPOSITORY / "tests" / "cases" / f"{name}.py").read_text()
        project.write(f"envs/{name}.py", text)
    project.write(
        "envs/__init__.py", "import gymnasium\n\ngymnasium.register('Prices-v0', entry_point='envs.prices:Prices')\n"
    )
    project.write("configs/prices.yaml", "env: {id: Prices-v0}\n")
    project.write("data/prices.csv", "1.5 2.5 3.5\n")
    if kept == "ignored":
        project.write("data/.gitignore", "prices.csv\n")
    elif kept == "dvc":
        project.dvc("add", "data/prices.csv")
    refused = project.rlx("train", "prices", "--seeds", "1", check=False)
    assert (refused.returncode, "`rlx sync`" in " ".join(refused.stdout.split())) == (3, True), refused.stdout
    assert "now watches data that environments read: data/prices.csv" in project.rlx("sync").stdout
    if kept != "untracked":
        project.commit()
    said = project.rlx("train", "prices", "--seeds", "1").stdout
    assert "prices_001" in said
    assert "data/prices.csv" in (project.root / "runs" / "prices_001" / "config_snapshot.yaml").read_text()
    assert "prices_001 is that already" in project.rlx("train", "prices", "--seeds", "1").stdout
    project.write("data/prices.csv", "1.5 2.5 9.5\n")
    assert "prices_002" in project.rlx("train", "prices", "--seeds", "1").stdout


def test_constructors_are_counted_and_kept_open(tmp_path: Path, workshop: Workshop) -> None:
    book = tmp_path / "book"
    data = {
        "num_seeds": 1,
        "env": {"id": registered("Costly"), "num_envs": 2, "kwargs": {"book": str(book)}},
        "algo": {"total_timesteps": 96, "rollout_steps": 12, "batch_size": 12, "update_epochs": 1},
        "policy": {"hidden_sizes": [4]},
        "eval": {"every": 24, "episodes": 6},
    }
    snapshot = Snapshot(RunConfig.model_validate(data))
    train_run(workshop.root, "a", snapshot, lambda _: None)
    made = book.read_text().count("made")
    assert made <= 2 + 6  # to train, and to validate four times
    book.unlink()
    evaluate_run(workshop.root, "a", snapshot, FinalEvalConfig(episodes=40), lambda _: None)
    made = book.read_text().count("made")
    assert made <= 2 * PLACES  # for `latest` and `best` of the seed, and for random actions


@pytest.mark.slow
def test_what_an_environment_sets_for_its_process_changes_nothing(
    workshop: Workshop, capfd: pytest.CaptureFixture[str]
) -> None:
    """Workers start from nothing, with streams and threads of their own; the environment imports torch."""
    workshop.base(env={"num_envs": 2, "step_timeout": 60})
    metrics = workshop.root / "runs" / "a" / "metrics.jsonl"
    found = []
    for kwargs in ({}, {"what": "torch"}, {"what": "streams"}):
        snapshot = workshop.resolve({"id": registered("Settings"), "kwargs": kwargs}).snapshot
        outcomes = train_run(workshop.root, "a", snapshot, lambda _: None)
        assert [(one.status, one.error) for one in outcomes] == [("finished", None)]
        found.append(metrics.read_text())
        assert "seed 0 finished" in capfd.readouterr().out
    assert found[0] == found[1] == found[2]


def test_what_only_training_has_is_said_of_the_run_and_of_no_other(workshop: Workshop) -> None:
    workshop.config({**PAYING, "training": {"ranges": {"pay": [1.0, 2.0]}}})
    for setting, wanted in {
        "env.training.ranges.pay=[1.0,3.0]": "configs/a.yaml:env.training.ranges.pay=[1.0,3.0]",
        "env.training.ranges.steps=[3,7]": "configs/a.yaml:+env.training.ranges.steps=[3,7]",
        "env.training.kwargs.parts=true": "configs/a.yaml:+env.training.kwargs.parts=true",
        "env.num_envs=4": "env.num_envs=4",
    }.items():
        assert addressed(workshop.root, "a", setting) == wanted
    workshop.base(env=PAYING)
    (workshop.root / "configs" / "a.yaml").write_text("{}\n")
    with pytest.raises(ConfigError, match=r"write `env: \{training: \{kwargs: \{pay: 3\}\}\}` into configs/a\.yaml"):
        addressed(workshop.root, "a", "env.training.kwargs.pay=3")
