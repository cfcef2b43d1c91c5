"""The pages that a new project has: short, found by name, whole in what they keep; those in JAX in processes of their own."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rlx.algorithms import algorithm, registry, trained_config
from rlx.config import ForeignAlgorithm, RunConfig, Snapshot, compose_run, look_for_algorithm
from rlx.envs import Environments, make_env, seed_generators
from rlx.errors import ConfigError, PolicyUnusable
from rlx.experiments import resolve_run
from rlx.launch import forked, threads
from tests.algorithms.test_learner import forget
from tests.conftest import REPOSITORY

needs_jax = pytest.mark.component  # the extra jax
MINE = """
from typing import Literal
from rlx.algorithms import AlgorithmConfig, register
class Settings(AlgorithmConfig):
    name: Literal["mine"] = "mine"
@register("mine", Config=Settings, metrics={}, %s)
class Mine: ...
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project with the template's pages."""
    shutil.copytree(REPOSITORY / "algorithms", tmp_path / "algorithms", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "configs").mkdir()
    (tmp_path / "params.yaml").write_text("study: {runs: [a], baseline: a}\nenv: {id: CartPole-v1}\n")
    path = list(sys.path)
    forget()
    yield tmp_path
    sys.path[:] = path
    forget()


def composed(root: Path, text: str) -> RunConfig:
    (root / "configs" / "a.yaml").write_text(text)
    return compose_run(root, "a").config


@pytest.mark.parametrize(("page", "lines"), [("reinforce", 90), ("reinforce_jax", 90), ("tiny_dqn", 110)])
def test_a_page_is_a_page_and_has_a_config(page: str, lines: int) -> None:
    assert len((REPOSITORY / "algorithms" / f"{page}.py").read_text().splitlines()) <= lines
    assert f"name: {page}" in (REPOSITORY / "configs" / f"{page}.yaml").read_text()
    assert page not in (REPOSITORY / "dvc.yaml").read_text() + (REPOSITORY / "params.yaml").read_text()


def test_a_page_is_imported_by_who_names_it(project: Path) -> None:
    composed(project, "algo: {name: reinforce}")
    assert not {"algorithms.reinforce_jax", "algorithms.tiny_dqn"} & sys.modules.keys()
    (project / "algorithms" / "mine.py").write_text(MINE % "")
    assert composed(project, "algo: {name: mine}").algo.name == "mine"
    (project / "algorithms" / "mine.py").rename(project / "algorithms" / "of_another_name.py")
    forget()
    assert composed(project, "algo: {name: mine}").algo.name == "mine"
    with pytest.raises(ConfigError, match=r"'tiny_dqm' is not allowed; one of .*'tiny_dqn'.*did you mean tiny_dqn\?"):
        composed(project, "algo: {name: tiny_dqm}")


def test_what_is_not_installed_is_refused_before_anything_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the page imports it, as most do, or says that its learner will."""
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.setattr("rlx.config.project.find_spec", lambda name: None)
    said = r'algorithms/reinforce_jax\.py:\d+: importing .*jax.*; `pip install "rlx\[jax\]"`'
    with pytest.raises(ConfigError, match=said) as caught:
        composed(project, "algo: {name: reinforce_jax}")
    assert caught.value.exit_code == 3
    (project / "algorithms" / "mine.py").write_text(MINE % 'needs=("rlx_no_such_module",), extra="jax"')
    composed(project, "algo: {name: mine}")
    said = r'configs/a\.yaml:1:\d+: algo\.name: mine needs rlx_no_such_module, which is not installed; `pip install "rlx\[jax\]"`'
    with pytest.raises(PolicyUnusable, match=said):
        resolve_run(project, "a")
    foreign = RunConfig().model_copy(update={"algo": ForeignAlgorithm(name="mine")})
    with pytest.raises(PolicyUnusable, match="mine needs rlx_no_such_module"):
        trained_config(project, foreign)
    (project / "algorithms" / "mine.py").write_text("import rlx_no_such_module")
    forget()
    with pytest.raises(ConfigError, match=r"algorithms/mine\.py:1: .*; `pip install rlx_no_such_module`"):
        composed(project, "algo: {name: mine}")


def test_a_run_of_the_page_as_it_was_is_refused_with_the_setting(project: Path) -> None:
    composed(project, "algo: {name: reinforce}")
    old: Any = ForeignAlgorithm(name="reinforce", learning_rate=0.003, gamma=0.99, episodes=8, hidden_size=64)  # type: ignore[call-arg]
    with pytest.raises(ConfigError, match=r"algo: reinforce has other settings now .*hidden_size"):
        trained_config(project, RunConfig().model_copy(update={"algo": old}))


def made(root: Path, text: str) -> tuple[Any, Any]:
    config = composed(root, text)
    env = Environments(root, config, make_env(config.env))
    return algorithm(config.algo.name, root).make(config, env, 3, "cpu"), env


def begun(learner: Any, seed: int) -> None:
    seed_generators(seed)
    learner.boundary(seed)


def test_a_learner_with_a_replay_goes_on_from_its_state(project: Path) -> None:
    """In memory: what a checkpoint holds is put into another learner, and both go on with the same bits."""
    text = (
        "algo: {name: tiny_dqn, learning_starts: 100, batch_size: 8, return_steps: 3, buffer_size: 500}\n"
        "policy: {hidden_sizes: [8]}\nenv: {num_envs: 2}\n"
    )
    (one, env), (other, later) = made(project, text), made(project, text)
    begun(one, 1)
    learned = [one.advance() for _ in range(2)]
    assert learned[0].keys() == {"train/loss", "train/q_mean"}
    state = copy.deepcopy(one.state())  # as a checkpoint does: torch's states share their tensors
    later.steps = env.steps
    other.load_state(state)
    after = []
    for learner in (one, other):
        begun(learner, 2)
        after.append((learner.advance(), learner.state()))
    assert after[0][0] == after[1][0]
    for name in ("policy", "target"):
        for key, tensor in after[0][1][name].items():
            assert torch.equal(tensor, after[1][1][name][key]), key
    assert after[0][1]["replay"].added == after[1][1]["replay"].added > 500
    for name, column in after[0][1]["replay"].columns.items():
        np.testing.assert_array_equal(column, after[1][1]["replay"].columns[name])
    acting, _ = made(project, text)
    acting.load_state({"policy": one.state()["policy"]})
    seen = np.random.default_rng(0).normal(size=(32, 4)).astype(np.float32)
    for sure in (True, False):
        np.testing.assert_array_equal(
            *(learner.policy(5).act(seen, None, None, None, sure)[0] for learner in (one, acting))
        )


@pytest.mark.slow
@pytest.mark.parametrize(("page", "steps"), [("reinforce", 30_000), ("tiny_dqn", 30_000)])
def test_a_page_learns(project: Path, page: str, steps: int) -> None:
    learner, env = made(project, (REPOSITORY / "configs" / f"{page}.yaml").read_text())
    begun(learner, 1)
    returns: list[float] = []
    while env.steps < steps:
        learner.advance()
        returns += env.take_episodes().returns
    assert np.mean(returns[:20]) < 40
    assert np.max(np.convolve(returns, np.ones(10) / 10, "valid")) > 150


@needs_jax
def test_eight_seeds_are_one_vmapped_program() -> None:
    words = [sys.executable, "-m", "tests.algorithms.vmapped_seeds"]
    told = json.loads(subprocess.run(words, capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout)
    assert (max(told["first"]) < 0, min(told["last"]) > 0.6) == (True, True), (
        "each seed finds the shortest way: 1 − 3 × 0.1"
    )
    assert max(told["apart"]) < 1e-3, "each is the seed trained alone, but for rounding over 40 updates"
    assert max(told["same"]) > 0.1, "and another seed than the next"


JAX = """
import sys, filecmp
from pathlib import Path
from rlx.config import Snapshot, compose_run
from rlx.training.one_seed import train_seed
root = Path(sys.argv[1])
snapshot = Snapshot(compose_run(root, "a").config)
class Stop(Exception): ...
def stop(progress):
    if progress.step > 500: raise Stop
train_seed(root, snapshot, 3, root / "one", lambda _: None)
try: train_seed(root, snapshot, 3, root / "two", stop)
except Stop: pass
else: raise SystemExit("it was not stopped")
train_seed(root, snapshot, 3, root / "two", lambda _: None)
for name in ("metrics.jsonl", "checkpoints/latest.zip", "checkpoints/best.zip"):
    assert (root / "one" / name).read_bytes() == (root / "two" / name).read_bytes(), name
"""


@needs_jax
def test_the_page_in_jax_resumes_to_the_same_bytes(project: Path) -> None:
    (project / "configs" / "a.yaml").write_text(
        "algo: {name: reinforce_jax, rollout_steps: 64, total_timesteps: 1000}\npolicy: {hidden_sizes: [8]}\n"
        "env: {num_envs: 2, wrappers: [{gymnasium.wrappers.TimeLimit: {max_episode_steps: 40}}]}\n"
        "eval: {every: 300, episodes: 2, deterministic: false}\ncheckpoint: {save_every: 300}\n"
    )
    ended = subprocess.run([sys.executable, "-c", JAX, project], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_jax_has_one_thread_and_no_fork_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=here")
    threads.worker_variables.cache_clear()
    said = "--xla_dump_to=here --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    assert threads.worker_variables()["XLA_FLAGS"] == said
    monkeypatch.setenv("XLA_FLAGS", said)
    threads.worker_variables.cache_clear()
    assert threads.worker_variables()["XLA_FLAGS"] == said, "a worker of a worker has it once"
    threads.worker_variables.cache_clear()
    monkeypatch.setattr(forked, "_forked_for", 1)
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    assert forked.may_fork()
    monkeypatch.setitem(sys.modules, "jax", None)
    assert not forked.may_fork()


def test_looking_for_an_algorithm_of_rlx_imports_no_page(project: Path) -> None:
    look_for_algorithm(project, "ppo")
    assert "algorithms" not in sys.modules
    assert "ppo" in registry.algorithms()
    assert Snapshot(RunConfig()).config.algo.name == "ppo"
