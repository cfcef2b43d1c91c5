"""rl-zoo's entries of every algorithm, as pasted: each has the values it says and its library's defaults, or is refused with the reason."""

from __future__ import annotations

from functools import reduce
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from rlx.config.algorithm_config import BUILT_IN, for_algorithm, own_settings, unknown_algorithm
from rlx.config.algorithm_names import all_settings, owners_of
from rlx.config.composition import compose_run
from rlx.config.document import dump, parse_document
from rlx.config.entries import fill
from rlx.config.moving import literal
from rlx.config.schema import RunConfig
from rlx.config.translation import translated
from rlx.config.validation import problems_in
from rlx.errors import ConfigError
from tests.conftest import Project

CASES = [*yaml.safe_load_all((Path(__file__).parents[1] / "cases" / "zoo_entries.yaml").read_text())]
NAMES = {"ppo_lstm": "recurrent_ppo"}
BASE = "study: {runs: [a]}\nenv: {id: Pendulum-v1, num_envs: 16}\nalgo: {total_timesteps: 4096, gamma: 0.5, clip_range: 0.3}\neval: {every: 1000}\n"


def algorithm_of(case: dict[str, Any]) -> str:
    return case.get("algorithm") or NAMES.get(case["yml"], case["yml"])


def resolved(text: str, algorithm: str) -> tuple[RunConfig | None, list[str]]:
    """Return what a config file says by itself, or why it is refused."""
    model = own_settings(algorithm)
    assert model is not None
    document = parse_document(text, "a.yaml")
    problems, whole = translated(document, model)
    if whole:
        fill(document, model)
    problems += document.problems + problems_in(document, for_algorithm(RunConfig, model))
    return None if problems else RunConfig.model_validate(document.data), [str(problem) for problem in problems]


def at(config: RunConfig, key: str) -> Any:
    return reduce(lambda value, part: value[part], key.split("."), config.model_dump())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{algorithm_of(case)}: {case['says'].split(':')[0]}")
def test_an_entry_as_pasted_is_understood_or_refused_with_the_reason(case: dict[str, Any]) -> None:
    name = algorithm_of(case)
    config, told = resolved(f"{case['says']}\nalgo: {name.upper()}\n", name)
    if "refused" in case:
        assert config is None
        assert any(case["refused"] in one for one in told), told
        assert all(one.startswith("a.yaml:") for one in told)  # each at its line
    else:
        assert config is not None, told
        assert config.algo.name == name
        assert {key: at(config, key) for key in case["gives"]} == case["gives"]


def test_every_file_of_rl_zoo_has_at_least_three_forms_here() -> None:
    files = ["a2c", "ars", "crossq", "ddpg", "dqn", "her", "ppo", "ppo_lstm", "qrdqn", "sac", "td3", "tqc", "trpo"]
    counted = {name: sum(case["yml"] == name for case in CASES) for name in files}
    assert min(counted.values()) >= 3, counted


def test_a_pasted_file_of_several_entries_gives_the_one_for_the_environment(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("params.yaml", BASE)
    several = """default: {n_timesteps: 8192, policy: MlpPolicy}
atari: {n_timesteps: 9000, policy: CnnPolicy, frame_stack: 4}
Pendulum-v0: &own {n_timesteps: 20000, policy: MlpPolicy, learning_rate: 1e-3, policy_kwargs: "dict(net_arch=dict(pi=[8], qf=[9]))"}
Swimmer-v4:
  <<: *own
  gamma: 0.9999
"""
    project.write("configs/a.yaml", f"algo: sac\n{several}")
    composed = compose_run(tmp_path, "a")
    assert (composed.config.env.id, composed.config.algo.total_timesteps) == ("Pendulum-v1", 20_000)  # another version
    assert composed.sources()["algo.tau"] == "Stable-Baselines3's default (configs/a.yaml)"
    assert composed.sources()["algo.learning_rate"] == "configs/a.yaml"
    assert {composed.sources()[f"policy.hidden_sizes.{part}"] for part in ("actor", "critic")} == {"configs/a.yaml"}
    for env, total, gamma in (("Swimmer-v4", 20_000, 0.9999), ("Own-v0", 8192, 0.99), ("ALE/Pong-v5", 9000, 0.99)):
        project.write("configs/a.yaml", f"env: {{id: {env}}}\nalgo: {{name: sac}}\n{several}")
        algo = compose_run(tmp_path, "a").config.algo
        assert (algo.total_timesteps, algo.setting("gamma")) == (total, gamma), env
    project.write("configs/a.yaml", "Acrobot-v1: {n_timesteps: 1}\nSwimmer-v4: {n_timesteps: 2}\n")
    with pytest.raises(
        ConfigError, match=r"there are 2 entries \(Acrobot-v1, Swimmer-v4\), and none is for Pendulum-v1"
    ):
        compose_run(tmp_path, "a")
    project.write("configs/a.yaml", "a: {b: 1}\nseed:\n  <<: 5\n")
    with pytest.raises(ConfigError, match=r"configs/a\.yaml:3:3: <<: must name a mapping"):
        compose_run(tmp_path, "a")


def test_another_algorithm_is_one_word_and_what_does_not_carry_over_is_named(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("params.yaml", BASE)
    shared = "total_timesteps: 50000, gamma: 0.9, learning_rate: 0.001"
    for name in ("ppo", "sac", "td3", "ddpg", "tqc", "crossq", "a2c", "trpo", "recurrent_ppo"):
        project.write("configs/a.yaml", f"algo: {{name: {name}, {shared}}}\n")
        algo = compose_run(tmp_path, "a").config.algo
        assert (algo.name, algo.setting("gamma"), algo.setting("learning_rate")) == (name, 0.9, 0.001)
    project.write("configs/a.yaml", "algo:\n  name: sac\n  gamma: 0.9\n  clip_range: 0.2\n  n_epochs: 4\n  gama: 1\n")
    with pytest.raises(ConfigError) as refused:
        compose_run(tmp_path, "a")
    told = [str(problem) for problem in refused.value.problems]
    owners = "ppo (and recurrent_ppo, maskable_ppo, sbx_ppo)"
    assert told == [
        f"configs/a.yaml:4:3: algo.clip_range: `clip_range` is a setting of {owners}, not of sac: it does not carry over; remove it",
        f"configs/a.yaml:5:3: algo.n_epochs: `n_epochs` is a setting of {owners}, not of sac: it does not carry over; remove it",
        "configs/a.yaml:6:3: algo.gama: unknown key; did you mean `gamma`?",
    ]


def test_what_one_file_says_as_a_list_another_may_say_as_a_mapping(tmp_path: Path) -> None:
    project = Project(tmp_path)
    one, two = "[8, 8]", "{actor: [16], critic: [32]}"
    short = BASE.replace("gamma: 0.5", "gamma: 0.5, rollout_steps: 16")
    for base, group, own in ((one, two, None), (two, one, None), (one, two, one), (two, one, two), (one, None, two)):
        project.write("params.yaml", f"{short}policy: {{hidden_sizes: {base}, activation: elu}}\n")
        project.write("configs/policy/mine.yaml", f"hidden_sizes: {group}\n" if group else "type: mlp\n")
        project.write(
            "configs/a.yaml", f"defaults: [{{policy: mine}}]\npolicy: {{{f'hidden_sizes: {own}' if own else ''}}}\n"
        )
        policy = compose_run(tmp_path, "a").config.policy.model_dump()
        assert policy["hidden_sizes"] == yaml.safe_load(own or group or base)
        assert policy["activation"] == "elu"
    project.write("params.yaml", f"{BASE.replace('algo: {', 'algo: {name: sac, ').replace(', clip_range: 0.3', '')}")
    for base, own in (("4", "[1, episode]"), ("[1, episode]", "4"), ("null", "{type: normal, std: 0.2}")):
        key = "action_noise" if "null" in base else "train_freq"
        project.write("configs/algo/mine.yaml", f"name: sac\n{key}: {base}\n")
        project.write("configs/a.yaml", f"defaults: [{{algo: mine}}]\nenv: {{num_envs: 1}}\nalgo: {{{key}: {own}}}\n")
        assert compose_run(tmp_path, "a").config.algo.model_dump()[key] == yaml.safe_load(own)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("PPO-LSTM", "did you mean `recurrent_ppo`?"),
        ("RecurrentPPO", "did you mean `recurrent_ppo`?"),
        ("MaskablePPO", "did you mean `maskable_ppo`?"),
        ("QR-DQN", "did you mean `qrdqn`?"),
        ("her", "algo: {name: sac, replay: {type: her}}"),
        ("dqnn", "did you mean dqn?"),
    ],
)
def test_what_others_call_an_algorithm_is_told_by_its_name_here(tmp_path: Path, name: str, hint: str) -> None:
    assert hint in unknown_algorithm(name)
    project = Project(tmp_path)
    project.write("params.yaml", BASE)
    for text in (f"algo: {{name: {name}}}\n", f"algo: {name}\n"):
        project.write("configs/a.yaml", text)
        with pytest.raises(ConfigError) as refused:
            compose_run(tmp_path, "a")
        assert "configs/a.yaml:1:" in str(refused.value)
        assert hint in str(refused.value)


def test_what_rl_zoo_calls_an_algorithm_is_understood_as_pasted(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("params.yaml", BASE.replace("env: {id: Pendulum-v1, num_envs: 16}\n", ""))
    entry = "CartPole-v1:\n  n_timesteps: !!float 1e5\n  policy: MlpLstmPolicy\n  n_steps: 256\n"
    for text in ("algo: ppo_lstm\n", "algo: {name: PPO_LSTM}\n"):
        project.write("configs/a.yaml", entry + text)
        config = compose_run(tmp_path, "a").config
        assert (config.algo.name, config.algo.setting("rollout_steps")) == ("recurrent_ppo", 256)


def test_names_in_any_case_and_in_group_files(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write("params.yaml", BASE)
    project.write(
        "configs/algo/mine.yaml", "name: SAC\nent_coef: auto_0.2\nn_steps: 3\nnoise_type: normal\nnoise_std: 0.2\n"
    )
    project.write("configs/a.yaml", "defaults: [{algo: mine}]\n")
    algo = compose_run(tmp_path, "a").config.algo
    assert (algo.name, algo.setting("entropy_coef"), algo.setting("return_steps")) == ("sac", "auto_0.2", 3)
    assert algo.model_dump()["action_noise"] == {"type": "normal", "std": 0.2}


def test_every_setting_of_an_algorithm_is_known_as_its_own() -> None:
    for name, model in all_settings().items():
        theirs = [key for key, ours in model.other_names.items() if ours in model.model_fields]
        for key in [*model.model_fields, *theirs]:
            assert name in owners_of(key) or key == "name"
    assert [*all_settings()] == [*BUILT_IN]


KEYS = (
    *(
        "gamma",
        "ent_coef",
        "n_steps",
        "noise_type",
        "noise_std",
        "train_freq",
        "policy_kwargs",
        "normalize",
        "callback",
    ),
    *("replay_buffer_class", "replay_buffer_kwargs", "n_envs", "policy", "env_wrapper", "optimize_memory_usage"),
    *("clip_range", "online_sampling", "model_class", "<<", "Own-v0", "env"),
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6) | st.text("abc _", max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["pi", "vf", "a", "b_c"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(PLAIN)
def test_texts_of_python_are_read_as_what_they_say_and_never_run(value: Any) -> None:
    assert literal(repr(value)) == value
    if isinstance(value, dict):
        assert literal(f"dict({', '.join(f'{key}={item!r}' for key, item in value.items())})") == value


@pytest.mark.parametrize(
    "text", ["open('x')", "dict(a=f())", "[x for x in y]", "1 +", "dict(**a)", "(" * 500, "a if b else c"]
)
def test_texts_that_would_have_to_run_are_no_data(text: str) -> None:
    if text == "dict(**a)":
        assert literal(text) == {}  # nothing is unpacked
        return
    with pytest.raises(ValueError):
        literal(text)


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(sorted(BUILT_IN)),
    st.dictionaries(
        st.sampled_from(KEYS),
        PLAIN,
        max_size=6,
    ),
)
def test_whatever_is_pasted_is_understood_or_refused_and_never_fails(name: str, entry: dict[str, Any]) -> None:
    for text in (dump({"algo": name, **entry}), dump({"algo": {"name": name, **entry}})):
        config, told = resolved(text, name)
        assert (config is None) == bool(told)
