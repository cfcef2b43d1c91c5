"""Trains and evaluates one run in a folder of its own, as the stages do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from rlx.config.algorithm_config import own_settings
from rlx.config.files.atomic import write_json
from rlx.config.schema import FinalEvalConfig, RunConfig
from rlx.config.snapshot import Snapshot
from rlx.experiments.environment_check import check_environment
from rlx.records.environment_facts import FILE as TASK
from rlx.records.runs import RunFolder, write_metadata
from rlx.training.held_out import evaluate_run
from rlx.training.seeds import train_run

PROTOCOL = FinalEvalConfig(episodes=50, step_limit=2000)
ENVIRONMENTS = ("tasks", "wrappers")
"""Modules beside this one that a project for the benchmark has in its ``envs/``."""


def make_project(root: Path) -> None:
    """Make a folder one in which runs of the benchmark can be trained: a project with its environments."""
    (root / "envs").mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text("study: {runs: [none]}\n", encoding="utf-8")
    (root / "envs" / "__init__.py").write_text("from envs import tasks as tasks\n", encoding="utf-8")
    for name in ENVIRONMENTS:
        shutil.copy(Path(__file__).with_name(f"{name}.py"), root / "envs")


def nested(settings: dict[str, Any]) -> dict[str, Any]:
    """Return ``{"section.key": value}`` as a mapping of sections."""
    content: dict[str, Any] = {}
    for key, value in settings.items():
        section, _, rest = key.partition(".")
        if rest:
            content.setdefault(section, {})[rest] = value
        else:
            content[key] = value
    return content


def config_of(settings: dict[str, Any], seeds: range) -> RunConfig:
    """Return the configuration of a run with these seeds; validation ten times over training."""
    own_settings(
        settings.get("algo.name", "ppo")
    )  # what a config may say of an algorithm is known once it is looked for
    steps = settings["algo.total_timesteps"]
    basis = {"eval.every": steps // 10, "checkpoint.save_every": steps, "seed": seeds.start, "num_seeds": len(seeds)}
    return RunConfig.model_validate(nested({**basis, **settings}))


def trained(root: Path, name: str, settings: dict[str, Any], seeds: range) -> RunFolder:
    """Train and evaluate a run unless it is there already."""
    folder = RunFolder(root / "runs" / name)
    snapshot = Snapshot(config_of(settings, seeds))
    text = snapshot.to_yaml()
    path = folder.path / "config_snapshot.yaml"
    if folder.is_evaluated and path.read_text(encoding="utf-8") == text:
        return folder
    folder.path.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    write_json(folder.path / TASK, check_environment(root, snapshot.config.env).facts.to_data())
    outcomes = train_run(root, name, snapshot, lambda _: None)
    failed = any(outcome.status == "failed" for outcome in outcomes)
    write_metadata(folder.path, "failed" if failed else "finished", snapshot, outcomes, {})
    if not failed:
        evaluate_run(root, name, snapshot, PROTOCOL, lambda _: None)
    return folder
