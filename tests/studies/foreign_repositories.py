"""Repositories that are not rlx's, made for a test from those in ``tests/foreign``, and adapters of them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

FOREIGN = Path(__file__).parents[1] / "foreign"

TOY = """
format: 1
repository: {path: theirs, commit: COMMIT, patches: [toy/rewards.py]}
train:
  command: [python, train.py, "{overrides}", "--seed={seed}", "--steps={steps}", "--log-dir={out}"]
  overrides: {style: hydra}
  environment: {WANDB_MODE: offline}
  steps: {format: csv, file: "{out}/progress.csv", field: total_steps}
  checkpoint: "{out}/model_final.pt"
  timeout: 60s
evaluate:
  command: [python, play.py, "--checkpoint={out}/model_final.pt", "--episodes={episodes}", "--seed={list_seed}",
            "--json={out}/ep.jsonl"]
  timeout: 60s
episodes:
  format: jsonl
  file: "{out}/ep.jsonl"
  fields: {episode: i, reset_seed: seed, return: ret, length: len, success: ok, info/velocity: vel}
learning: {format: csv, file: "{out}/progress.csv", step: total_steps, metrics: {return: mean_reward, reward/skill: reward_skill}}
"""


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def repository(name: str, folder: Path) -> str:
    """Make a repository of one in ``tests/foreign``; returns its commit."""
    shutil.copytree(FOREIGN / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "all of it")
    return git(folder, "rev-parse", "HEAD")


def adapter_text(commit: str, **changes: Any) -> str:
    """Return the toy's adapter, with keys such as ``train__timeout`` changed; None removes one."""
    content = yaml.safe_load(TOY.replace("COMMIT", f"'{commit}'"))
    for key, value in changes.items():
        *sections, last = key.split("__")
        place = content
        for section in sections:
            place = place[section]
        if value is None:
            del place[last]
        else:
            place[last] = value
    return yaml.safe_dump(content, sort_keys=False)
