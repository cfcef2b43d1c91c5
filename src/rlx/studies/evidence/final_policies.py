"""The final policies of a finished run, and the versions that evidence about them was computed with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rlx.errors import Missing
from rlx.experiments import add_to_view, files_of, find_run
from rlx.launch import versions_of
from rlx.records import RunFolder, checkpoints, read_metadata

PACKAGES = ("rlx", "gymnasium", "numpy", "scipy", "torch")


@dataclass(frozen=True)
class FinalPolicy:
    """The ``latest`` checkpoint of a seed that has finished.

    Attributes:
        path: The file.
        sha256: Hash of the policy with its observation statistics.
    """

    path: Path
    sha256: str


def finished_run(root: Path, run: str) -> RunFolder:
    """Return a run that has finished seeds.

    Raises:
        Missing: There is no such run, or nothing of it is finished here.
    """
    folder = find_run(root, run)
    folder.check_own_training()
    if not finished_seeds(folder):
        raise Missing(f"{run} has no finished seed; `rlx train {run}` trains them, `rlx ls` shows what there is")
    return folder


def finished_seeds(folder: RunFolder) -> tuple[int, ...]:
    """Return the seeds of a run that have finished; none where it was not trained."""
    try:
        told = read_metadata(folder.path).get("seeds") or []
    except Missing:
        return ()
    return tuple(sorted(int(seed["seed"]) for seed in told if seed.get("status") == "finished"))


def final_policies(root: Path, folder: RunFolder) -> dict[int, FinalPolicy]:
    """Return the final policy of each finished seed.

    Raises:
        Missing: A checkpoint is not here.
        CheckpointDamaged: One cannot be read.
    """
    found = {}
    for seed in finished_seeds(folder):
        path = _latest(root, folder, seed)
        found[seed] = FinalPolicy(path, checkpoints.weights_hash(checkpoints.load(path)))
    return found


def _latest(root: Path, folder: RunFolder, seed: int) -> Path:
    name = f"seed_{seed}/latest.zip"
    if folder.origin is not None:
        if name in files_of(root, folder.origin, "checkpoints"):
            return add_to_view(root, folder.origin, f"checkpoints/{name}")
    elif (path := folder.path / "checkpoints" / name).is_file():
        return path
    raise Missing(f"{folder.name}: the final checkpoint of seed {seed} is not here; `dvc pull` fetches it")


def versions_here() -> dict[str, str | None]:
    """Return the versions of the packages that evidence is computed with."""
    return versions_of(PACKAGES)
