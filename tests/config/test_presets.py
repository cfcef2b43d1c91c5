"""What `rlx init --env` starts with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rlx.config.checks import inconsistencies
from rlx.config.composition import compose_run, read_parameters
from rlx.config.known import KNOWN, settings_for
from rlx.config.schema import RunConfig
from rlx.experiments.creation import _edited
from tests.conftest import REPOSITORY, Project

IMAGE = {"kind": "Box", "shape": [96, 96, 3], "dtype": "uint8"}
VECTOR = {"kind": "Box", "shape": [11], "dtype": "float32"}


@pytest.mark.parametrize("name", KNOWN)
def test_every_preset_is_a_configuration_that_trains(name: str) -> None:
    section, source = settings_for(f"{name}-v5")
    total = section["algo"]["total_timesteps"]
    config = RunConfig.model_validate(section | {"eval": {"every": total // 10}})
    assert not [*inconsistencies(config)]
    assert source == f"rl-zoo's hyperparameters (ppo.yml) for {name}."


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
        project.write("params.yaml", _edited((REPOSITORY / "params.yaml").read_text(), whole, "from there."))
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
