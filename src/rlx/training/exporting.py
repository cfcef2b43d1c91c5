"""A trained policy as a file of the library of its algorithm."""

from __future__ import annotations

import shutil
from pathlib import Path

from rlx.algorithms import trained_config
from rlx.config import opened
from rlx.envs import Environments, make_env, preserved
from rlx.errors import PolicyUnusable
from rlx.launch import close_later
from rlx.training.actors import taking_over
from rlx.training.playing import NamedPolicy, open_policy

STOCK_MEMBER = "data"
"""What Stable-Baselines3's ``load`` looks for."""


def export_stock(root: Path, policy: NamedPolicy, target: Path) -> None:
    """Write a policy as a zip that the library's own ``load`` opens.

    Checkpoints of Stable-Baselines3's and sb3-contrib's algorithms are such zips already, and copied; for SBX's its own
    ``save`` writes one, which holds pickles: load it only from whom you trust.

    Args:
        root: The project (for networks of its own).
        policy: Which.
        target: The zip.

    Raises:
        PolicyUnusable: Its algorithm has no such file.
        CheckpointDamaged: The checkpoint is damaged.
    """
    checkpoint, snapshot = open_policy(root, policy)
    with opened(policy.path) as archive:
        is_stock = STOCK_MEMBER in archive.namelist()
    if is_stock:
        shutil.copyfile(policy.path, target)
        return
    algorithm, config = trained_config(root, snapshot.config)
    if algorithm.save_stock is None:
        told = f"{policy.label}: {algorithm.name} is no algorithm of Stable-Baselines3's shape, and has no file of its library"
        raise PolicyUnusable(f"{told}; the checkpoint itself has its arrays as .npy members")
    with preserved():
        probe = make_env(config.env)
    try:
        with taking_over(checkpoint.path):
            algorithm.save_stock(Environments(root, config, probe), checkpoint.learner, target)
    finally:
        close_later(probe)
