"""Which side's results a merge keeps of a run that both sides trained: those of the configuration that it comes out with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rlx.config import MOST_BYTES, compose_run, place, read_bytes, read_parameters, recorded_snapshot, write_bytes
from rlx.errors import RlxError
from rlx.experiments.merging import WRITTEN, asked
from rlx.experiments.repository import answer
from rlx.launch import git, git_blobs
from rlx.records import Lock, read_lock

OTHER_SIDES = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REBASE_HEAD")


def take_their_results(root: Path) -> list[str]:
    """Put their results into ``dvc.lock`` for runs whose configuration is theirs, now that the files are settled.

    A merge that is under way keeps our results of what both sides trained with different settings
    (:func:`rlx.experiments.merging.merge_locks`); where a person then settles a run's configuration as theirs, it has been
    trained already.

    Returns:
        The runs.

    Raises:
        CommandFailed: Git refused.
        ConfigError: ``params.yaml`` or ``dvc.lock`` cannot be read.
    """
    other = next((name for name in OTHER_SIDES if answer(root, "rev-parse", "--verify", "--quiet", name)), None)
    if other is None or not (root / "dvc.lock").is_file():
        return []
    texts = [
        (blob or b"").decode("utf-8", "replace") for blob in git_blobs(root, ["HEAD:./dvc.lock", f"{other}:./dvc.lock"])
    ]
    ours, theirs = map(read_lock, texts)
    here = read_lock(read_bytes(root / "dvc.lock", MOST_BYTES).decode("utf-8", "replace"))
    stages, taken = dict(here.stages), []
    for run in read_parameters(root).study.runs:
        name = f"train@{run}"
        mine, other_one = ours.stages.get(name), theirs.stages.get(name)
        both = mine is not None and other_one is not None and asked(mine) != asked(other_one)
        if both and here.stages.get(name) == mine and _is_theirs(root, run, other):
            stages |= {stage: text for stage, text in theirs.stages.items() if stage.endswith(f"@{run}")}
            _take_files(root, run, other)
            taken.append(run)
    if taken:
        write_bytes(root / "dvc.lock", Lock(here.head, stages, here.tail).text().encode("utf-8"))
        git(root, "add", "--", "dvc.lock")
    return taken


def _is_theirs(root: Path, run: str, other: str) -> bool:
    """Tell whether a run's configuration here is the one that the other side trained, and not ours."""
    try:
        composed = compose_run(root, run).config
        mine, theirs = (
            recorded_snapshot((blob or b"").decode("utf-8", "replace"), run, "")
            for blob in git_blobs(root, [f"{side}:./runs/{run}/{WRITTEN[0]}" for side in ("HEAD", other)])
        )
    except RlxError:
        return False  # it is told by whoever needs it
    return replace(theirs, config=composed) == theirs and theirs.config != mine.config


def _take_files(root: Path, run: str, other: str) -> None:
    """Write what the other side's resolve stage wrote of a run."""
    for name, blob in zip(WRITTEN, git_blobs(root, [f"{other}:./runs/{run}/{name}" for name in WRITTEN]), strict=True):
        if blob is not None:
            path = place(root / "runs", f"{run}/{name}", f"commit {other}")
            write_bytes(path, blob)
            git(root, "add", "--", f"runs/{run}/{name}")
