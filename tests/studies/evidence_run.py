"""A run that can be probed: trained in a second, its scores known exactly."""

from __future__ import annotations

import shutil
from pathlib import Path

from rlx.experiments import resolve_run
from rlx.records import RunFolder, write_metadata
from rlx.training import train_run
from tests.conftest import REPOSITORY, Project

CONFIG = """
env: {id: Hole-v0, num_envs: 4, step_timeout: 3}
num_seeds: 2
algo: {total_timesteps: 1024, rollout_steps: 32, batch_size: 128, learning_rate: 0.01}
policy: {hidden_sizes: [8]}
checkpoint: {save_every: 1024}
eval: {every: 1024, episodes: 2}
"""


def trained(project: Project) -> Path:
    """Train the run ``hole`` in a project, without DVC; returns the project's folder."""
    root = project.root
    shutil.copy(REPOSITORY / "tests" / "cases" / "hole.py", root / "envs" / "hole.py")
    registers = root / "envs" / "__init__.py"
    told = 'gymnasium.register(id="Hole-v0", entry_point="envs.hole:Hole", max_episode_steps=8)\n'
    registers.write_text(registers.read_text() + told)
    project.write("configs/hole.yaml", CONFIG)
    folder = RunFolder(root / "runs" / "hole")
    resolve_run(root, "hole").write(folder.path)
    done = train_run(root, "hole", folder.snapshot, lambda _: None)
    assert [seed.status for seed in done] == ["finished", "finished"]
    write_metadata(folder.path, "finished", folder.snapshot, done, {})
    return root
