"""The data that environments read: watched by the resolve stage, and there in the clones in which experiments are made."""

from __future__ import annotations

import shutil
from pathlib import Path

from rlx.config import compose_run, named_data, read_parameters, read_snapshot
from rlx.errors import ConfigError, RlxError
from rlx.experiments.code import is_unknown
from rlx.experiments.environment_check import check_environment, remembered
from rlx.experiments.pipeline import load_pipeline, write_pipeline
from rlx.experiments.watched_data import STAGE, unwatched

MOST_UNTRACKED = 50 * 2**20
"""Bytes of a file that neither Git nor DVC knows up to which it becomes a part of the experiment's commit."""


def sync_data(root: Path) -> list[str]:
    """Let the resolve stage in ``dvc.yaml`` depend on the data that the project's environments read; comments stay.

    Looks at the environment of every run of the study, and of every other config that was tried before.

    Returns:
        The files that were added.
    """
    found: set[str] = set()
    roster = read_parameters(root).study.runs
    for config in sorted((root / "configs").glob("*.yaml")):
        try:
            env = compose_run(root, config.stem).config.env
            checked = check_environment(root, env) if config.stem in roster else remembered(root, env)
        except RlxError:
            continue  # what is wrong with it is said when it is to be trained
        found |= {*checked.facts.data, *named_data(root, env.training.arguments)} if checked else set()
    added = unwatched(root, found)
    if added:
        pipeline = load_pipeline(root)
        pipeline["stages"][STAGE]["deps"].extend(added)
        write_pipeline(root, pipeline)
    return added


def bring_data(project: Path, name: str, clone: Path, old: Path | None = None) -> None:
    """Put the data that an experiment's environment reads into its clone, where it is not there by Git.

    Args:
        project: The project's root.
        name: The experiment; its snapshot names the data.
        clone: The project's root in the clone.
        old: The same in a clone that this one replaces, whose data the experiment started from.

    Raises:
        ConfigError: A file is too large to become a part of a commit, and nothing else keeps it.
    """
    try:
        data = read_snapshot(project / "runs" / name / "config_snapshot.yaml").code.all_data
    except RlxError:
        return
    for path in data:
        source = next((root / path for root in (old, project) if root is not None and (root / path).is_file()), None)
        if source is None or (clone / path).exists():
            continue
        _check_size(project, path, source)
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, clone / path)


def _check_size(project: Path, path: str, source: Path) -> None:
    if source.stat().st_size > MOST_UNTRACKED and is_unknown(project, path):
        raise ConfigError(
            f"{path}: is larger than {MOST_UNTRACKED // 2**20} MiB, and neither Git nor DVC keeps it, so an experiment would lose "
            f"it: `dvc add {path}`, and commit {path}.dvc"
        )
