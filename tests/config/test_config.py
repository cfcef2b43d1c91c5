"""Configuration: what is accepted, what is refused, and what the refusal says."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, strategies as st

import rlx
from rlx.config import Timetable
from rlx.config.checks import check_engine
from rlx.config.composition import compose_run, read_parameters
from rlx.config.document import dump, parse_document
from rlx.config.ppo_config import nearest_divisors
from rlx.config.schema import EngineConfig, RunConfig
from rlx.config.snapshot import ProjectCode, Snapshot, read_snapshot
from rlx.config.values import Schedule
from rlx.errors import ConfigError, DataDamaged, EngineVersionMismatch

PARAMS = (
    "study: {runs: [a]}\nenv: {id: CartPole-v1}\nalgo: {rollout_steps: 128, batch_size: 256, total_timesteps: 100000}\n"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "configs").mkdir()
    (tmp_path / "params.yaml").write_text(PARAMS)
    return tmp_path


def composed(root: Path, text: str) -> RunConfig:
    (root / "configs" / "a.yaml").write_text(text)
    return compose_run(root, "a").config


def refusal(root: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        composed(root, text)
    return str(caught.value)


def test_the_seed_documents_example_loads_as_it_stands(root: Path) -> None:
    config = composed(
        root,
        """
run_name: bossfight_ppo
seed: 42
device: cuda
env: {id: BossFight-v0, num_envs: 8}
algo:
  name: ppo
  total_timesteps: 500000
  rollout_steps: 128
  batch_size: 256
  learning_rate: 0.0003
  gamma: 0.99
  gae_lambda: 0.95
  clip_range: 0.2
  entropy_coef: 0.01
  value_coef: 0.5
  update_epochs: 4
policy: {type: mlp, hidden_sizes: [256, 256]}
checkpoint: {save_every: 50000}
eval: {every: 25000, episodes: 20, deterministic: true}
""",
    )
    assert (config.seed, config.device, config.env.id) == (42, "cuda", "BossFight-v0")
    assert (config.algo.update_epochs, config.policy.hidden_sizes) == (4, [256, 256])


RANGES = [
    ("[0.7, 0.4]", "have its lower bound first"),
    ("[1, 1]", "have its lower bound first"),
    ("[1, x]", "be a list of two numbers"),
    ("[1, true]", "be a list of two numbers"),
    ("[1]", "be a list of two numbers"),
    ("3", "be a list of two numbers"),
]
"""Of an argument in training: what is refused, and what it must be."""
LEARNED, TASK = "{until: 0.5, kwargs: {g: 3.0}}", "{until: 1.0}"
TRAINING = [
    (
        f"stages: [{LEARNED}, {{until: 0.5}}, {TASK}]",
        "env.training.stages.1.until: must be above 0.5, where the stage before",
    ),
    (f"stages: [{LEARNED}]", "env.training.stages.0.until: must be 1.0, the end of training"),
    (
        "stages: [{until: 1.0, kwargs: {g: 3.0}}]",
        "env.training.stages.0.kwargs.g: the last stage holds the task itself",
    ),
    (f"stages: [{LEARNED}, {TASK}], ranges: {{g: [1, 2]}}", "env.training.ranges.g: env.training.stages has g too"),
    (
        f"stages: [{LEARNED}, {TASK}], kwargs: {{g: 1}}",
        "env.training.stages.0.kwargs.g: env.training.kwargs has g for all",
    ),
    (
        "mixture: [{weight: 1, kwargs: {g: 3.0}}], kwargs: {g: 1}",
        "env.training.mixture.0.kwargs.g: env.training.kwargs has g",
    ),
    ("kwargs: {g: 1}, ranges: {g: [1, 2]}", "env.training.ranges.g: env.training.kwargs has g too"),
    (f"stages: [{LEARNED}, {TASK}], mixture: [{{weight: 1}}]", "env.training.mixture: stands beside stages"),
    ("interpolate: true", "env.training.interpolate: moves numbers from one stage to the next, and needs at least two"),
]
"""What does not fit together in what only training has."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sed: 3", "configs/a.yaml:1:1: sed: unknown key; did you mean `seed`?"),
        ("int: 3", "configs/a.yaml:1:1: int: unknown key; allowed here"),
        ("algo: {'gamma[0]': 1}", "configs/a.yaml:1:8: algo.gamma[0]: unknown key; did you mean `gamma`?"),
        (
            "algo:\n  learnig_rate: 0.1",
            "configs/a.yaml:2:3: algo.learnig_rate: unknown key; did you mean `learning_rate`?",
        ),
        ("env: {gamma: 0.9}", "did you mean `algo.gamma`?"),
        ("algo: {seed: 1}", "did you mean `seed (at the top, not indented)`?"),
        ("seed: true", "seed: must be a whole number, not true"),
        ("seed: '1'", "seed: must be a whole number, not '1'"),
        ("num_seeds: 0", "num_seeds: must be at least 1, not 0"),
        ("seed: -1", "seed: must be at least 0, not -1"),
        ("device: gpu", "'gpu' is not a device; allowed: cpu, cuda, cuda:N, mps, auto"),
        ("env: {id: 5}", "env.id: must be text, not 5"),
        ("env: 5", "env: must be a mapping of `key: value` lines, not 5"),
        ("env: {num_envs: 1.5}", "env.num_envs: must be a whole number, not 1.5"),
        ("env: {normalize_observation: 1}", "must be true or false, not 1"),
        ("env: {wrappers: [5]}", "env.wrappers: each wrapper is `module.Class`"),
        ("env: {training: {rangs: {}}}", "env.training.rangs: unknown key; did you mean `ranges`?"),
        ("env: {training: {backend: auto}}", "env.training.backend: unknown key here; did you mean `env.backend`?"),
        *(
            (
                f"env: {{training: {{ranges: {{g: {text}}}}}}}",
                f"configs/a.yaml:1:30: env.training.ranges.g: must {told}",
            )
            for text, told in RANGES
        ),
        ("env: {training: {ranges: {g: [0.4, .inf]}}}", "env.training.ranges.g.1: .inf is not a finite number"),
        ("env: {training: {stages: 3}}", "env.training.stages: must be a list, not 3"),
        (
            "env: {training: {stages: [{untill: 1.0}]}}",
            "env.training.stages.0.untill: unknown key; did you mean `until`?",
        ),
        ("env: {training: {stages: [{kwargs: {}}]}}", "env.training.stages.0.until: is missing"),
        ("env: {training: {stages: [{until: 1.5}]}}", "env.training.stages.0.until: must be at most 1.0, not 1.5"),
        ("env: {training: {mixture: [{weight: 0}]}}", "env.training.mixture.0.weight: must be greater than 0.0, not 0"),
        *((f"env: {{id: A-v0, training: {{{text}}}}}", told) for text, told in TRAINING),
        ("algo: {gamma: 1.5}", "algo.gamma: must be at most 1.0, not 1.5"),
        ("algo: {gamma: high}", "algo.gamma: must be a number, not 'high'"),
        ("algo: {gamma: .nan}", "algo.gamma: .nan is not a finite number"),
        ("algo: {entropy_coef: .inf}", "algo.entropy_coef: .inf is not a finite number"),
        ("algo: {entropy_coef: 1e999}", "1e999 is not a finite number"),
        ("algo: {gamma: true}", "algo.gamma: must be a number, not true"),
        ("algo: {learning_rate: 0}", "algo.learning_rate: must be greater than 0, not 0"),
        (
            "algo: {learning_rate: {start: 1}}",
            "a schedule has start and end (and may have shape and warmup), or piecewise",
        ),
        (
            "algo: {learning_rate: cos_0.1}",
            "must be a number, a mapping with start and end, or lin_NUMBER, not 'cos_0.1'",
        ),
        ("algo: {learning_rate: true}", "algo.learning_rate: must be a number"),
        ("algo: {name: pop}", "'pop' is not allowed; one of 'ppo', 'a2c', "),
        ("policy: {activation: tahn}", "did you mean tanh?"),
        ("policy: {hidden_sizes: [64, x]}", "policy.hidden_sizes: must be a list of whole numbers"),
        ("policy: {hidden_sizes: {actor: [1], critc: [1]}}", "critc: unknown key; did you mean `critic`?"),
        ("policy: {hidden_sizes: {actor: [64]}}", "policy.hidden_sizes.critic"),
        ("policy: {kwargs: {width: 3}}", "only a network of the project's own takes kwargs"),
        ("seed: 1\nseed: 2", "configs/a.yaml:2:1: seed: is given twice (first in line 1); keep one"),
        ("algo: {n_steps: 1, rollout_steps: 2}", "are the same setting; keep one"),
        ("algo: {batch_size: 100}", "100 does not divide rollout_steps × num_envs = 128 × 8 = 1024; try 64 or 128"),
        ("algo: {batch_size: 1}", "algo.batch_size: must be at least 2"),
        (
            "eval: {every: 200000}",
            "eval.every: validation every 200000 steps never happens within total_timesteps = 100000; try 10000",
        ),
        ("algo: {total_timesteps: 1000}", "1000 steps are less than one rollout"),
        ("env: {id: ''}", "env.id: is missing"),
        ("defaults: [b]", "there is no config 'b' in configs/"),
        ("defaults: [enf: x]", "'enf' is not a group; did you mean env?"),
        ("defaults: 5", "defaults: must be a list"),
        ("- 1", "must be a mapping of `key: value` lines"),
        ("a: [", "is not valid YAML"),
        ("? [1, 2]\n: 3", "only plain keys are understood here"),
        ("study: {runs: [a]}", "study: unknown key"),
        ("env: Pendulum-v1\nn_envs: 4", "env: must be a mapping of `key: value` lines, not 'Pendulum-v1'"),
        ("env: {normalize_reward: false}\nnormalize: true", "`env.normalize_reward` is given too; keep one"),
        ("normalize: 3", "normalize: must be true, false, or"),
        (
            'normalize: "dict(norm_obs=True, clip_obs=5.0)"',
            "clip_obs: 5.0 cannot be had: clip_obs is 10.0 always; leave it out",
        ),
        (
            "algo:\n  normalize: {norm_obs: true, gamma: 0.9}",
            "gamma is the algorithm's discount factor always (algo.gamma)",
        ),
        ("algo:\n  policy_kwargs: '{[1]: 2}'", "must be a mapping or the text `dict(…)`"),
        ("defaults: [a]", "'a' builds on this config itself; a circle cannot be composed"),
        ("defaults: [../params]", "there is no config '../params' in configs/"),
        ("run_name: ${oc.env:HOME}", "`${…}` is not replaced here"),
    ],
)
def test_refusals_name_the_place_and_the_cure(root: Path, text: str, expected: str) -> None:
    assert expected in refusal(root, text)


def test_all_errors_of_a_file_at_once(root: Path) -> None:
    lines = refusal(root, "sed: 1\nnum_seeds: 0\nalgo: {gamma: 2, clip: 3}\n").splitlines()
    assert [line.split(": ")[1] for line in lines] == ["sed", "num_seeds", "algo.gamma", "algo.clip"]
    assert all(line.startswith("configs/a.yaml:") for line in lines)


def test_a_repeated_key_does_not_hide_other_errors(root: Path) -> None:
    lines = refusal(root, "seed: 1\nseed: 2\nalgo: {gamma: .nan, gama: 1}\n").splitlines()
    assert [line.split(": ")[1] for line in lines] == ["seed", "algo.gamma", "algo.gama"]


def test_an_inconsistency_is_placed_where_the_value_was_set(root: Path) -> None:
    (root / "params.yaml").write_text(PARAMS.replace("256", "100"))
    assert refusal(root, "{}").startswith("params.yaml:3:28: algo.batch_size")


def test_rl_zoo_hyperparameters_can_be_pasted(root: Path) -> None:
    config = composed(
        root,
        """
algo:
  n_envs: 16
  n_timesteps: !!float 1e6
  policy: 'MlpPolicy'
  normalize: "{'norm_obs': True, 'norm_reward': False}"
  n_steps: 512
  batch_size: 128
  n_epochs: 20
  ent_coef: 0.000401762
  vf_coef: 0.58096
  learning_rate: lin_2.0633e-05
  clip_range: 0.1
  policy_kwargs: "dict(log_std_init=-2, ortho_init=False, activation_fn=nn.ReLU, net_arch=dict(pi=[256, 256], vf=[64]))"
""",
    )
    assert (config.env.num_envs, config.algo.total_timesteps, config.algo.rollout_steps) == (16, 1_000_000, 512)
    assert config.algo.learning_rate == Schedule(start=2.0633e-05, end=0.0)
    assert (config.env.normalize_observation, config.env.normalize_reward) == (True, False)
    policy = config.policy
    assert (policy.activation, policy.ortho_init, policy.log_std_init) == ("relu", False, -2.0)
    assert policy.hidden_sizes.actor == [256, 256]  # type: ignore[union-attr]
    assert policy.hidden_sizes.critic == [64]  # type: ignore[union-attr]


def test_what_normalises_as_ever_is_understood(root: Path) -> None:
    text = 'algo:\n  gamma: 0.95\n  normalize: "dict(norm_obs=True, norm_reward=False, clip_obs=10.0, gamma=0.95)"\n'
    config = composed(root, text)
    assert (config.env.normalize_observation, config.env.normalize_reward) == (True, False)


@pytest.mark.parametrize(
    "text",
    ["normalize: 3", "algo:\n  policy_kwargs: '{[1]: 2}'", "policy_kwargs: \"dict(net_arch=[int(__import__('os'))])\""],
)
def test_what_is_wrong_with_a_pasted_setting_is_said_once(root: Path, text: str) -> None:
    assert len(refusal(root, text).splitlines()) == 1


def test_policy_kwargs_never_run_code(root: Path, tmp_path: Path) -> None:
    text = f"algo:\n  policy_kwargs: \"dict(net_arch=__import__('pathlib').Path('{tmp_path}/owned').touch())\"\n"
    assert "must be a mapping or the text `dict(…)`" in refusal(root, text)
    assert not (tmp_path / "owned").exists()


def test_groups_and_other_configs_compose_as_in_hydra(root: Path) -> None:
    for group, name, text in (
        ("env", "lander", "id: LunarLander-v3\nn_envs: 16\n"),
        ("algo", "zoo", "gamma: 0.999\nn_steps: 1024\n"),
    ):
        (root / "configs" / group).mkdir()
        (root / "configs" / group / f"{name}.yaml").write_text(text)
    (root / "configs" / "b.yaml").write_text("defaults:\n  - env: lander\n  - algo: zoo\nalgo: {entropy_coef: 0.01}\n")
    config = composed(root, "defaults: [b]\nalgo: {gamma: 0.9}\n")
    assert (config.env.id, config.env.num_envs, config.algo.rollout_steps) == ("LunarLander-v3", 16, 1024)
    assert (config.algo.gamma, config.algo.entropy_coef, config.algo.batch_size) == (0.9, 0.01, 256)
    assert composed(root, "defaults: [_self_, b]\nalgo: {gamma: 0.9}\n").algo.gamma == 0.999
    strongest = next(
        document
        for _, document in compose_run(root, "a").documents
        if ("algo", "gamma") in document.keys or ("gamma",) in document.keys
    )
    assert strongest.name == "configs/algo/zoo.yaml"
    (root / "configs" / "env" / "lander.yaml").write_text("id: LunarLander-v3\nnum_env: 16\n")
    assert (
        refusal(root, "defaults: [b]") == "configs/env/lander.yaml:2:1: num_env: unknown key; did you mean `num_envs`?"
    )


@pytest.mark.parametrize(
    "text",
    [
        "algo: {gamma: 0.9, learning_rate: {start: 0.001, end: 0.0}}\n",
        "algo: {name: dqn}\nenv: {kwargs: {sutton_barto_reward: true, nested: {a: [1, 2], b: null}}}\n",
        "policy: {hidden_sizes: {actor: [8], critic: [16, 16]}}\nnum_seeds: 3\ntags: [x]\n",
        "policy: {hidden_sizes: []}\nenv: {wrappers: [{name: FrameStack, kwargs: {n: 2}}]}\n",
        "run_name: other\nseed: 0\n",
    ],
)
def test_what_a_config_alone_says_is_what_hydra_makes_of_it(root: Path, text: str) -> None:
    (root / "configs" / "empty.yaml").write_text("{}\n")
    results = []
    for beginning in ("", "defaults: []\n", "defaults: [empty]\n"):  # Hydra itself composes the last
        try:
            results.append(composed(root, beginning + text).model_dump())
        except ConfigError as error:
            results.append([(problem.key, problem.message) for problem in error.problems])
    assert results[0] == results[1] == results[2]


def test_params_yaml_is_checked_as_strictly(root: Path) -> None:
    (root / "params.yaml").write_text("study: {runs: [a, a, 1x], baseline: b}\ncompare: {alpha: 2}\nvideo: {fps: 3}\n")
    with pytest.raises(ConfigError) as caught:
        read_parameters(root)
    message = str(caught.value)
    assert "'1x' is not a run name" in message
    assert "compare.alpha: must be less than 0.5, not 2" in message
    assert "video.fps: unknown key" in message
    (root / "params.yaml").write_text("study: {runs: [a, a], baseline: b}\n")
    (root / "params.yaml").write_text("seed: 1\n")
    with pytest.raises(ConfigError, match=r"study\.runs is missing"):
        read_parameters(root)
    (root / "params.yaml").write_text("study: {runs: [lr_001]}\n")
    with pytest.raises(ConfigError, match="belong to kept experiments"):
        read_parameters(root)
    (root / "params.yaml").write_text("study: {runs: [a, a], baseline: b}\n")
    with pytest.raises(ConfigError, match="a is listed twice") as caught:
        read_parameters(root)
    assert "'b' is not one of study.runs" in str(caught.value)


@given(st.floats(min_value=1e-9, max_value=1.0, allow_nan=False))
def test_numbers_as_dvc_writes_them_are_numbers(value: float) -> None:
    document = parse_document(f"x: {value!r}\n", "x.yaml")
    assert document.data["x"] == value


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**53), 2**53)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
        max_leaves=10,
    )
)
def test_what_yaml_writes_the_reader_reads(value: object) -> None:
    assert parse_document(dump({"x": value}), "x.yaml").data["x"] == value


@given(st.text(max_size=200))
def test_any_text_is_a_document_or_a_config_error(text: str) -> None:
    try:
        assert isinstance(parse_document(text, "x.yaml").data, dict)
    except ConfigError:
        pass


@given(st.integers(2, 5000), st.integers(2, 5000))
def test_nearest_divisors_divide(number: int, wanted: int) -> None:
    for divisor in nearest_divisors(number, wanted):
        assert number % divisor == 0
        assert divisor != wanted


def test_a_snapshot_reads_back_and_is_byte_stable(tmp_path: Path) -> None:
    config = RunConfig(run_name="ä: #1", env={"id": "X-v0", "kwargs": {"a": 1e-5}}, algo={"learning_rate": "lin_1e-3"})  # type: ignore[arg-type]
    snapshot = Snapshot(config, ProjectCode({"envs/x.py": "00"}, {"id": "X-v0"}))
    path = tmp_path / "config_snapshot.yaml"
    path.write_text(snapshot.to_yaml(), encoding="utf-8")
    again = read_snapshot(path)
    assert again == snapshot
    assert again.to_yaml() == snapshot.to_yaml()
    every_default = yaml.safe_load(snapshot.to_yaml())
    assert set(every_default["algo"]) == set(type(config.algo).model_fields)


def test_a_snapshot_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config_snapshot.yaml"
    path.write_text("format: 99\n")
    with pytest.raises(DataDamaged, match="snapshot format 99"):
        read_snapshot(path)


def test_checkpoints_stay_five_episode_limits_apart() -> None:
    config = RunConfig(env={"id": "x", "num_envs": 8}, algo={"rollout_steps": 32}, checkpoint={"save_every": 1000})  # type: ignore[arg-type]
    assert Timetable.of(config, None).segment == 1024
    assert Timetable.of(config, 500).segment == 20224  # 5 × 500 × 8 = 20000, in whole rollouts of 256


def test_another_engine_version_is_refused_with_the_cure() -> None:
    check_engine(EngineConfig())
    with pytest.raises(EngineVersionMismatch, match=rf"engine\.train: {rlx.STAGE_VERSIONS['train']}"):
        check_engine(EngineConfig(train=7))
