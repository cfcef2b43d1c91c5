"""What `rlx init --env` starts with."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from rlx.algorithms import algorithm
from rlx.config.algorithm_config import BUILT_IN, for_algorithm
from rlx.config.checks import inconsistencies
from rlx.config.composition import compose_run, read_parameters
from rlx.config.document import dump, parse_document
from rlx.config.known import settings_for
from rlx.config.presets import all_presets, presets_of
from rlx.config.schema import RunConfig
from rlx.config.validation import problems_in
from rlx.experiments.starting import edited
from tests.conftest import REPOSITORY, Project

IMAGE = {"kind": "Box", "shape": [96, 96, 3], "dtype": "uint8"}
VECTOR = {"kind": "Box", "shape": [11], "dtype": "float32"}


PAIRS = [(algorithm, name) for algorithm, presets in all_presets().items() for name in presets.entries]
OTHERS = [(algorithm, kind) for algorithm in BUILT_IN for kind in presets_of(algorithm).otherwise]
DISCRETE = ("CartPole", "Acrobot", "MountainCar", "LunarLander", "MiniGrid-DoorKey-5x5")
AS_EVER = "b30fceb03215218ad2c335c2f3daf0edf5c55992f2cdbf049975a95c6c2594b8"


def complaints(section: dict[str, Any], acts: Any, sees: Any) -> list[Any]:
    """Return all that is wrong with a start, from the text of its file to the spaces of its environment."""
    total = section["algo"]["total_timesteps"]
    section = section | {"checkpoint": {"save_every": total // 4}, "eval": {"every": total // 10}}
    name = section["algo"].get("name", "ppo")
    row = algorithm(name)
    found: list[Any] = problems_in(parse_document(dump(section), "params.yaml"), for_algorithm(RunConfig, row.Config))
    config = RunConfig.model_validate(section)
    found += [*inconsistencies(config), row.refusal(sees, acts, has_masks=True)]
    found += [row.misfit(config, sees, acts)] if row.misfit is not None else []
    return [each for each in found if each is not None]


@pytest.mark.parametrize(("algorithm_name", "name"), PAIRS, ids=[f"{algorithm}-{name}" for algorithm, name in PAIRS])
def test_every_preset_is_a_configuration_that_trains(algorithm_name: str, name: str) -> None:
    section, source = settings_for(f"{name}-v5", algorithm=algorithm_name)
    yml = {"recurrent_ppo": "ppo_lstm"}.get(algorithm_name, algorithm_name)
    assert source == f"rl-zoo's hyperparameters ({yml}.yml) for {name}."
    acts = spaces.Discrete(3) if name in DISCRETE else spaces.Box(-1, 1, (2,))
    assert not complaints(section, acts, spaces.Box(-1, 1, (11,)))


@pytest.mark.parametrize(("algorithm_name", "kind"), OTHERS)
def test_what_has_no_preset_starts_with_the_librarys_defaults(algorithm_name: str, kind: str) -> None:
    is_discrete = "discrete" in algorithm(algorithm_name).actions and kind != "continuous"
    acts = spaces.Discrete(3) if is_discrete else spaces.Box(-1, 1, (2,))
    sees = spaces.Box(0, 255, (96, 96, 3), np.uint8) if kind == "images" else spaces.Box(-1, 1, (11,))
    seen = IMAGE if kind == "images" else VECTOR
    section, source = settings_for("Own-v0", seen, {"kind": type(acts).__name__}, algorithm_name)
    assert source.startswith("Nothing tuned is known for Own-v0")
    assert not complaints(section, acts, sees)
    if algorithm_name != "ppo" and kind == "default":
        assert section["algo"]["name"] == algorithm_name
        assert "'s defaults" in source
        assert section["algo"].keys() <= {"name", "total_timesteps", "train_freq", "gradient_steps", "action_noise"}


def test_an_algorithm_reads_images_where_it_has_the_cnn() -> None:
    section, source = settings_for("Own-v0", IMAGE, VECTOR, "sac")
    assert (section["policy"], "with the cnn" in source) == ({"type": "cnn"}, True)
    section, source = settings_for("Own-v0", IMAGE, {"kind": "Discrete"}, "dqn")
    assert (section["policy"], source.endswith("(dqn.yml) for Atari.")) == ({"type": "cnn"}, True)
    assert settings_for("Own-v0", IMAGE, VECTOR, "sbx_sac")[0]["policy"] == {}


def test_what_ppo_starts_with_is_as_it_was() -> None:
    names = sorted(set(presets_of("ppo").entries) - {"LunarLanderContinuous"})
    told = json.dumps([settings_for(f"{name}-v5") for name in names])
    assert hashlib.sha256(told.encode()).hexdigest() == AS_EVER


def test_a_start_can_be_changed_without_changing_the_presets() -> None:
    section, _ = settings_for("Pendulum-v1", algorithm="td3")
    section["algo"]["action_noise"]["std"] = 9.0
    section["policy"]["hidden_sizes"].append(1)
    again, _ = settings_for("Pendulum-v1", algorithm="td3")
    assert (again["algo"]["action_noise"]["std"], again["policy"]["hidden_sizes"]) == (0.1, [400, 300])


def test_presets_suit_what_an_environment_shows(tmp_path: Path) -> None:
    images, source = settings_for("Own-v0", IMAGE, {"kind": "Discrete"})
    assert (images["policy"]["type"], images["env"]["frame_stack"], "Atari" in source) == ("cnn", 4, True)
    assert settings_for("Own-v0", {**IMAGE, "shape": [7, 7, 3]}, {"kind": "Discrete"})[0]["policy"] == {}
    robot, source = settings_for("Own-v0", VECTOR, VECTOR)
    assert (robot["env"]["normalize_observation"], "Nothing tuned" in source) == (True, True)
    cheetah, _ = settings_for("HalfCheetah-v5", VECTOR, VECTOR)
    assert (cheetah["env"]["normalize_reward"], cheetah["algo"]["learning_rate"]) == (True, 2.0633e-05)
    project = Project(tmp_path)
    for section in (images, cheetah):
        total = section["algo"]["total_timesteps"]
        whole = section | {"checkpoint": {"save_every": total // 4}, "eval": {"every": total // 10}}
        project.write("params.yaml", edited((REPOSITORY / "params.yaml").read_text(), whole, "from there.", seeds=5))
        project.write("configs/baseline.yaml", "run_name: it\n")
        config = compose_run(tmp_path, "baseline").config.model_dump()
        for name, values in section.items():
            assert {key: config[name][key] for key in values} == values
        assert config["algo"]["gae_lambda"] == section["algo"].get("gae_lambda", 0.95)
        assert read_parameters(tmp_path).compare.minimum_effect is None


def test_a_setting_that_came_later_changes_no_list_of_sources_while_it_does_nothing(tmp_path: Path) -> None:
    recorded = json.loads((REPOSITORY / "runs/cartpole/task.json").read_text())["sources"]
    assert compose_run(REPOSITORY, "cartpole").sources() == recorded
    for backend in ("auto", "gymnasium"):
        (tmp_path / "configs").mkdir(exist_ok=True)
        (tmp_path / "params.yaml").write_text(f"study: {{runs: [a]}}\nenv: {{id: CartPole-v1, backend: {backend}}}\n")
        (tmp_path / "configs/a.yaml").write_text("run_name: a\n")
        assert compose_run(tmp_path, "a").sources().get("env.backend") == {"gymnasium": "params.yaml"}.get(backend)


def test_a_new_project_says_in_params_what_its_runs_are_trained_with(tmp_path: Path) -> None:
    project = Project(tmp_path)
    said = project.rlx("init", "p", "--env", "gymnasium:Pendulum-v1").stdout
    assert "rl-zoo's hyperparameters (ppo.yml) for Pendulum" in said
    text = (tmp_path / "p" / "params.yaml").read_text()
    assert "use_sde: true" in text
    assert "  id: gymnasium:Pendulum-v1" in text
    assert "use_sde: false" in (tmp_path / "p" / "configs" / "bossfight.yaml").read_text()
    composed = compose_run(tmp_path / "p", "baseline")
    assert set(composed.sources().values()) == {"params.yaml", "configs/baseline.yaml", "default"}
    empty = project.rlx("init", "q", "--env", "", check=False)
    assert (empty.returncode, "--env '': must not be empty" in empty.stdout, (tmp_path / "q").exists()) == (
        2,
        True,
        False,
    )


def test_a_new_project_on_another_algorithm_says_its_settings_and_trains_by_it(tmp_path: Path) -> None:
    project = Project(tmp_path)
    said = project.rlx("init", "p", "--env", "Pendulum-v1", "--algo", "td3").stdout
    assert "rl-zoo's hyperparameters (td3.yml) for Pendulum" in said
    composed = compose_run(tmp_path / "p", "baseline")
    algo, variant = composed.config.algo, compose_run(tmp_path / "p", "variant").config.algo
    assert (algo.name, algo.setting("action_noise").std, algo.setting("buffer_size")) == ("td3", 0.1, 200_000)
    assert composed.config.policy.hidden_sizes == [400, 300]
    assert (variant.name, variant.setting("learning_rate")) == ("td3", 0.0005)
    assert set(composed.sources().values()) == {"params.yaml", "configs/baseline.yaml", "default"}
    other = compose_run(tmp_path / "p", "bossfight").config  # PPO's, with nothing of td3's
    assert (other.algo.name, other.algo.setting("rollout_steps"), other.policy.activation) == ("ppo", 128, "tanh")


def test_a_new_project_may_start_on_a_page_that_it_is_made_with_or_by_rl_zoos_name(tmp_path: Path) -> None:
    project = Project(tmp_path)
    said = project.rlx("init", "p", "--env", "CartPole-v1", "--algo", "reinforce").stdout
    assert "these are reinforce's own defaults" in said
    project.rlx("init", "q", "--env", "CartPole-v1", "--algo", "ppo_lstm")
    composed = {name: compose_run(tmp_path / "p", name).config.algo for name in ("baseline", "variant")}
    assert {name: (algo.name, algo.setting("learning_rate")) for name, algo in composed.items()} == {
        "baseline": ("reinforce", 0.003),
        "variant": ("reinforce", 0.0015),
    }
    assert composed["baseline"].total_timesteps == 100_000
    text = (tmp_path / "q" / "params.yaml").read_text()
    assert "name: recurrent_ppo" in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ("--env", "CartPole-v1", "--algo", "sac"),
            "--algo: its actions are discrete, and sac handles continuous; these fit:",
        ),
        (("--env", "CartPole-v1", "--algo", "reinforc"), "'reinforce_jax', 'tiny_dqn'; did you mean reinforce?"),
        (("--env", "Pendulum-v1", "--algo", "tiny_dqn"), "tiny_dqn handles discrete"),
        (("--algo", "sac"), "--algo sac: on which environment?"),
    ],
)
def test_an_algorithm_that_cannot_be_is_refused_before_anything_is_written(tmp_path: Path, words, says: str) -> None:
    refused = Project(tmp_path).rlx("init", "p", *words, check=False)
    assert (refused.returncode, says in " ".join(refused.stdout.split())) == (2, True), refused.stdout
    assert not (tmp_path / "p").exists()
