"""rl-zoo's entries, pasted in all the forms in which they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from rlx.config import read_parameters
from rlx.config.composition import Composed, compose_run
from rlx.config.ppo_config import PPOConfig
from rlx.config.snapshot import Snapshot
from rlx.errors import ConfigError
from rlx.experiments.planning import _applied, addressed
from rlx.experiments.resolving import resolve_run
from tests.conftest import Project

FORMS = (Path(__file__).parents[1] / "cases" / "zoo_forms.yaml").read_text().split("---\n")[1:]
BASE = """study: {runs: [a]}
env: {id: CartPole-v1, num_envs: 16}
algo: {total_timesteps: 4096, rollout_steps: 128, batch_size: 32, gamma: 0.5, max_grad_norm: 9.0, update_epochs: 2}
policy: {hidden_sizes: [7], activation: elu}
eval: {every: 1024}
"""


def composed(folder: Path, text: str) -> Composed:
    project = Project(folder)
    project.write("params.yaml", BASE)
    project.write("configs/a.yaml", text)
    return compose_run(folder, "a")


def under_algo(text: str) -> str:
    """Put everything but the `env` section one level down."""
    lines = text.strip().splitlines()
    return (
        "\n".join(["algo:", *(f"  {line}" for line in lines if not line.startswith("env:"))]) + "\n" + lines[0] + "\n"
    )


@pytest.mark.parametrize("place", [str, under_algo], ids=["at the top", "under algo"])
def test_entries_work_as_pasted_and_have_their_own_defaults(tmp_path: Path, place) -> None:
    pendulum, cheetah, cartpole = (composed(tmp_path, place(text)) for text in FORMS)
    algo, env, policy = pendulum.config.algo, pendulum.config.env, pendulum.config.policy
    assert (env.id, env.num_envs, algo.total_timesteps, algo.rollout_steps) == ("Pendulum-v1", 4, 100_000, 1024)
    assert (algo.gamma, algo.use_sde, algo.sde_sample_freq, algo.learning_rate) == (0.9, True, 4, 0.001)
    assert (algo.batch_size, algo.max_grad_norm, policy.hidden_sizes, policy.activation) == (64, 0.5, [64, 64], "tanh")
    assert pendulum.sources()["algo.max_grad_norm"] == "Stable-Baselines3's default (configs/a.yaml)"
    assert pendulum.sources()["algo.gamma"] == "configs/a.yaml"
    assert pendulum.sources()["eval.every"] == "params.yaml"
    assert (cheetah.config.env.normalize_observation, cheetah.config.env.normalize_reward) == (True, True)
    assert (cheetah.config.policy.hidden_sizes, cheetah.config.policy.log_std_init) == ([256, 256], -2)
    assert (cheetah.config.policy.activation, cheetah.config.policy.ortho_init) == ("relu", False)
    assert cheetah.config.env.num_envs == 1
    algo = cartpole.config.algo
    assert (cartpole.config.env.num_envs, algo.rollout_steps, algo.update_epochs) == (8, 32, 20)
    assert (algo.learning_rate.model_dump(), algo.clip_range.model_dump()) == (
        {"start": 0.001, "end": 0.0}, {"start": 0.2, "end": 0.0},
    )  # fmt: skip
    assert algo.max_grad_norm == PPOConfig().max_grad_norm


def test_less_than_a_whole_entry_renames_and_keeps_the_base(tmp_path: Path) -> None:
    config = composed(tmp_path, "n_timesteps: 8192\nn_epochs: 3\ngamma: 0.9\nlearning_rate: lin_0.01\n").config
    assert (config.algo.max_grad_norm, config.env.num_envs, config.algo.gamma) == (9.0, 16, 0.9)
    whole = "n_timesteps: 8192\npolicy: MlpPolicy\n"
    assert composed(tmp_path, whole).config.env.num_envs == 1
    assert composed(tmp_path, "zoo_defaults: false\n" + whole).config.env.num_envs == 16
    assert composed(tmp_path, "zoo_defaults: true\nn_timesteps: 8192\n").config.env.num_envs == 1
    assert composed(tmp_path, "CartPole-v1: {n_steps: 64}\n").config.algo.gamma == 0.99
    assert composed(tmp_path, "Acrobot-v1: {n_steps: 64}\n").config.env.id == "Acrobot-v1"
    assert composed(tmp_path, "algo: {name: PPO}\n").config.algo.name == "ppo"
    assert composed(tmp_path, "algo: PPO\n").config.algo.gamma == 0.5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("env: {id: A-v1}\nB-v1: {n_steps: 64}\n", "2:1: B-v1: this entry is for B-v1, and env.id is A-v1"),
        ("n_steps: 64\nvec_env_wrapper: x.Y\n", "2:1: vec_env_wrapper: rlx has no such setting: rlx wraps each copy"),
        ("n_steps: 64\ncallback: [x.Y]\n", "2:1: callback: rlx has no such setting"),
        ("n_steps: 64\ngamma: 0.9\nalgo: {gamma: 0.8}\n", "2:1: gamma: `algo.gamma` is given too"),
        ("zoo_defaults: maybe\n", "1:15: zoo_defaults: must be true or false"),
        ("CartPole-v1: {n_stepz: 64, n_timesteps: 9}\n", "1:15: n_stepz: unknown key"),
        ("n_steps: 64\npolicy: MlpLstmPolicy\n", "2:1: policy: unknown policy 'MlpLstmPolicy'"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        composed(tmp_path, text)
    assert says in str(refused.value)


def test_settings_of_an_entry_can_be_changed_from_the_command_line(tmp_path: Path) -> None:
    composed(tmp_path, FORMS[2])
    for setting, wanted in {
        "algo.gamma=0.9": "configs/a.yaml:CartPole-v1.gamma=0.9",
        "algo.rollout_steps=64": "configs/a.yaml:CartPole-v1.n_steps=64",
        "algo.max_grad_norm=2": "configs/a.yaml:+algo.max_grad_norm=2",
        "seed=3": "+seed=3",
    }.items():
        assert addressed(tmp_path, "a", setting) == wanted
    with _applied(
        tmp_path, ["configs/a.yaml:CartPole-v1.n_steps=64", "configs/a.yaml:+algo.max_grad_norm=2"]
    ) as changed:
        algo = compose_run(changed, "a").config.algo
    assert (algo.rollout_steps, algo.max_grad_norm) == (64, 2)
    told = r"-S configs/a\.yaml:algo\.gamma=0\.9: .*'algo\.gamma'; without `configs/a\.yaml:` a setting is changed"
    with pytest.raises(ConfigError, match=told), _applied(tmp_path, ["configs/a.yaml:algo.gamma=0.9"]):
        pass
    composed(tmp_path, "n_steps: 128\nnormalize: true\n")
    with pytest.raises(ConfigError, match=r"configs/a\.yaml:2 says it in a form of rl-zoo's"):
        addressed(tmp_path, "a", "env.normalize_reward=false")


def test_what_params_yaml_says_nothing_of_can_be_said_for_one_experiment(tmp_path: Path) -> None:
    composed(tmp_path, "num_seeds: 5\n")
    setting = addressed(tmp_path, "a", "log=[tensorboard, mine]")
    with _applied(tmp_path, [setting]) as changed:
        assert read_parameters(tmp_path, changed).log.sinks == ["tensorboard", "mine"]
    with (tmp_path / "params.yaml").open("a") as text:
        text.write("log: [mine]\n")
    with _applied(tmp_path, [addressed(tmp_path, "a", "log=[]")]) as changed:
        assert read_parameters(tmp_path, changed).log.sinks == []


def test_a_run_that_an_older_version_made_trains_anew_only_after_being_told(tmp_path: Path) -> None:
    entry = "n_timesteps: 4096\nn_steps: 64\npolicy: MlpPolicy\n"
    new = composed(tmp_path, entry).config
    old = compose_run(tmp_path, "a", whole_entries=False).config
    assert (old.algo.max_grad_norm, new.algo.max_grad_norm) == (9.0, 0.5)
    project = Project(tmp_path)
    project.write("runs/a/config_snapshot.yaml", Snapshot(old).to_yaml())
    with pytest.raises(
        ConfigError, match=r"configs/a\.yaml: zoo_defaults: .*algo\.max_grad_norm 9\.0 → 0\.5.*Write `zoo"
    ):
        resolve_run(tmp_path, "a")
    project.write("configs/a.yaml", f"zoo_defaults: true\n{entry}")
    assert resolve_run(tmp_path, "a").snapshot.config == new
    project.write("configs/a.yaml", f"zoo_defaults: false\n{entry}")
    assert resolve_run(tmp_path, "a").snapshot.config == old
