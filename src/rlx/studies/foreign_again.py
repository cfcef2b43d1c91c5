"""The commands of another repository, run once more for an audit: a policy played, a seed trained."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.config import is_plain_path, read_json
from rlx.errors import ConfigError, DataDamaged, TrainingFailed
from rlx.studies.adapters.adapter import FILE, Adapter
from rlx.studies.adapters.claims import Asked, checkpoint_hash
from rlx.studies.adapters.foreign_seed import Candidate, play_again, train_seed
from rlx.studies.adapters.metric_files import Written
from rlx.studies.adapters.outcome import OUTCOME, ForeignEpisode
from rlx.studies.adapters.places import DATA, start_folder
from rlx.studies.adapters.reading import validated_adapter
from rlx.studies.audit.replay_foreign import PlayedAgain
from rlx.studies.study import Study


@dataclass(frozen=True)
class ForeignAgain:
    """Plays and trains again what a study of another repository has, in folders of its own that are deleted.

    Attributes:
        root: The project.
        folder: The study's folder.
    """

    root: Path
    folder: Path

    def reproducible(self) -> str:
        """Return what the adapter says of itself: yes, no or untested."""
        return self._adapter().reproducible

    def play(self, start: Mapping[str, Any], item: Mapping[str, Any], seed: int, resets: Sequence[int]) -> PlayedAgain:
        """Have the evaluation command play a policy; see :class:`rlx.studies.audit.replay_foreign.Again`."""
        adapter = self._adapter_of(item)
        if adapter.evaluate is None:
            raise ConfigError(f"{FILE} has no evaluate command: the training plays its policy itself")
        if adapter.evidence != "episodes":
            raise ConfigError("its evidence is aggregate: there are no episodes to compare")
        study = f"{self.folder.parent.name}/{self.folder.name}"
        place = start_folder(self.root, study, str(start["snapshot"]), int(start["list"]), is_smoke=False)
        left = place / f"seed_{seed}"
        if not (left / "out").is_dir():
            raise ConfigError("what its training left is not on this machine (.dvc/tmp/rlx-foreign)")
        with tempfile.TemporaryDirectory(prefix="rlx-audit-") as folder:
            copy = Path(folder)
            shutil.copytree(left / "out", copy / "out", symlinks=True)
            policy = checkpoint_hash(adapter, Written(copy / "out", left / "train.log"))
            asked = Asked(0, len(resets), int(start["list"]), resets)
            outcome = play_again(self._candidate(adapter, start), seed, asked, copy)
        why = None if outcome.failure is None else outcome.failure.message
        return PlayedAgain(str(policy), why, [_numbers(each) for each in outcome.episodes])

    def train(self, start: Mapping[str, Any], item: Mapping[str, Any], seed: int, steps: int) -> str:
        """Train a seed from scratch; see :class:`rlx.studies.audit.replay_foreign.Again`."""
        adapter = self._adapter_of(item)
        asked = Asked(steps, int(start["episodes"]), int(start["list"]))
        with tempfile.TemporaryDirectory(prefix="rlx-audit-") as folder:
            outcome = train_seed(
                self._candidate(adapter, start), seed, asked, Path(folder) / f"seed_{seed}", lambda _: None
            )
        if outcome.checkpoint is None:
            raise TrainingFailed(outcome.failure.message if outcome.failure else "it left no policy")
        return outcome.checkpoint

    def _adapter(self) -> Adapter:
        return validated_adapter(self.folder.parent / FILE, f"studies/{self.folder.parent.name}/{FILE}")

    def _adapter_of(self, item: Mapping[str, Any]) -> Adapter:
        """Return the adapter, which must be the one that a start was made by."""
        adapter, said = self._adapter(), None
        name = str(item["name"])
        if is_plain_path(name):
            with suppress(OSError, ValueError, KeyError, TypeError, DataDamaged):
                said = read_json(self.folder / DATA / name / OUTCOME)["plan"]["adapter"]
        if said != adapter.digest:
            raise ConfigError(f"{FILE} is not what it was made by, by {DATA}/{name}/{OUTCOME}; take that from Git")
        return adapter

    def _candidate(self, adapter: Adapter, start: Mapping[str, Any]) -> Candidate:
        patch = start.get("patch")
        path = None if patch is None else self.folder / "candidates" / Path(patch["file"]).name
        if path is not None and not path.is_file():
            raise ConfigError(f"candidates/{path.name}: is not there; take it from Git")
        return Candidate(adapter, start["overrides"], path, self.root)


def again_of(study: Study) -> ForeignAgain | None:
    """Return who plays and trains again what a study of another repository has; None of a study of this project."""
    if not (study.folder.parent / FILE).is_file():
        return None
    return ForeignAgain(study.root, study.folder)


def _numbers(episode: ForeignEpisode) -> dict[str, float]:
    found: dict[str, float] = {
        "reset_seed": float(episode.reset_seed),
        "return": episode.score,
        "length": float(episode.length),
        **episode.parts,
    }
    return found if episode.success is None else {**found, "success": float(episode.success)}
