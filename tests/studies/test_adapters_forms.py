"""Two forms that many repositories have, driven from end to end: one file with a command line, and console scripts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rlx.records import read_episodes
from rlx.studies import (
    ForeignFailure,
    ForeignTraining,
    Written,
    is_reproducible,
    read_learning,
    validated_adapter,
)
from tests.studies.foreign_repositories import repository

CLEANRL = """
repository: {path: theirs, commit: 'COMMIT'}
train:
  command: [python, "{worktree}/ppo.py", "--seed={seed}", "--total-timesteps={steps}", "--eval-episodes={episodes}",
            "--eval-seed={list_seed}", "{overrides}"]
  folder: out                                     # it writes below the folder it is started in
  overrides: {style: tyro}
  steps: {format: tensorboard, file: "{out}/runs/*/events*", field: step, rounding: 128}   # whole rollouts, at most
  checkpoint: "{out}/runs/*/model.pt"
  timeout: 5m
episodes:
  format: jsonl
  file: "{out}/runs/*/episodes.jsonl"
  fields: {episode: episode, reset_seed: reset_seed, return: return, length: length, cut: truncated}
learning: {format: tensorboard, file: "{out}/runs/*/events*", metrics: {return: charts/episodic_return}}
"""
UV = """
repository: {path: theirs, commit: 'COMMIT', patches: [walker/task.py]}
train:
  command: [python, -m, walker.train, "--config={config}", "--seed={seed}", "--iterations={steps}", "--log-dir={out}"]
  overrides: {style: file}
  steps: {format: csv, file: "{out}/progress.csv", field: iteration, unit: 800}      # 16 episodes of 50 steps
  checkpoint: "{out}/policy.json"
  timeout: 60s
evaluate:
  command: [python, -m, walker.play, "--checkpoint={out}/policy.json", "--num-episodes={episodes}", "--seed={list_seed}",
            "--json={out}/episodes.json"]
  timeout: 60s
episodes:
  format: json
  file: "{out}/episodes.json"
  fields: {reset_seed: seed, return: return, length: length, success: success, reward/distance: distance, reward/push: push}
  reset_seeds: own
learning:
  format: csv
  file: "{out}/progress.csv"
  step: iteration
  metrics: {return: return, reward/distance: reward/distance, reward/push: reward/push}
"""


def training(root: Path, name: str, text: str, overrides: dict[str, Any], **start: Any) -> ForeignTraining:
    if not (root / "theirs").exists():
        (root / "adapter.yaml").write_text(text.replace("COMMIT", repository(name, root / "theirs")))
    adapter = validated_adapter(root / "adapter.yaml")
    rest = {"patch": None, "seeds": [1], "list_seed": 5, "episodes": 3, "folder": root / "start", "root": root, **start}
    return ForeignTraining(adapter, overrides, **rest)


def test_console_scripts_with_settings_in_a_file_and_a_budget_in_iterations(tmp_path: Path) -> None:
    settings = {"spread": 2.0, "reward.push_cost": 0.5}
    found = training(tmp_path, "uv_form", UV, settings, steps=8000, seeds=[1, 2]).run()
    for each in found.values():
        assert each.failure is None
        assert each.steps == 8000
        assert len(each.episodes) == 3
        distance, push = each.values("reward/distance"), each.values("reward/push")
        assert each.values("return") == pytest.approx([a + b for a, b in zip(distance, push, strict=True)])
    assert [e.reset_seed for e in found[1].episodes] == [e.reset_seed for e in found[2].episodes]
    assert found[1].values("return") != found[2].values("return")
    assert len(read_episodes(tmp_path / "start")) == 6
    assert "push_cost: 0.5" in (tmp_path / "start" / "seed_1" / "config.yaml").read_text().replace('"', "")
    source, place = validated_adapter(tmp_path / "adapter.yaml").learning, tmp_path / "start" / "seed_1"
    assert source is not None
    curves = read_learning(source, Written(place / "out", place / "train.log"))
    assert [step for step, _ in curves["reward/push"]] == list(range(1, 11))
    again = training(tmp_path, "uv_form", UV, settings, steps=8000, folder=tmp_path / "again").run()[1]
    assert is_reproducible(found[1], again)
    assert not is_reproducible(found[1], replace(again, steps=7999))
    assert not is_reproducible(found[1], replace(again, failure=ForeignFailure("exception", "x")))


@pytest.mark.slow  # it imports PyTorch twice
def test_one_file_with_a_command_line(tmp_path: Path) -> None:
    settings = {"learning-rate": 1e-3, "num-steps": 32, "no-such-thing": True}
    refused = training(tmp_path, "cleanrl_form", CLEANRL, settings, steps=1000).run()[1]
    assert refused.failure is not None
    assert refused.failure.kind == "exception"
    assert "no-such-thing" in refused.failure.message
    del settings["no-such-thing"]
    first, second = (
        training(tmp_path, "cleanrl_form", CLEANRL, settings, steps=1000, folder=tmp_path / name).run()[1]
        for name in ("first", "second")
    )
    assert first.failure is None
    assert first.steps == 896  # 7 rollouts of 128: it trains whole ones, and rounds down
    assert [each.reset_seed for each in first.episodes] == [5, 6, 7]
    assert all(value > 5 for value in first.values("return"))
    assert is_reproducible(first, second)
