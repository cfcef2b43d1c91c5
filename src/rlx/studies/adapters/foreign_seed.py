"""One seed in a foreign repository: trained in a worktree, evaluated in another, and held against what was asked."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rlx.config import write_text
from rlx.errors import RlxError
from rlx.launch import main_root, wait_for
from rlx.records import bytes_below
from rlx.studies.adapters.adapter import Adapter, Command, seconds_of
from rlx.studies.adapters.claims import (
    Asked,
    aggregates,
    check_steps,
    checkpoint_hash,
    failure_of,
    held_out,
    known_steps,
    trained_steps,
)
from rlx.studies.adapters.command_line import OVERRIDES, argument_list, launchers
from rlx.studies.adapters.found_files import found_files
from rlx.studies.adapters.isolation import PinnedSource, worktree
from rlx.studies.adapters.metric_files import Written
from rlx.studies.adapters.outcome import ForeignOutcome
from rlx.studies.adapters.quoting import arguments_for, file_for
from rlx.studies.adapters.running import Call, ForeignFailure, Running, run_call

TRAIN, EVALUATE = "train", "evaluate"


@dataclass(frozen=True)
class Candidate:
    """What is trained, whatever the seed.

    Attributes:
        adapter: How, with nothing `unknown` in it.
        overrides: Settings, by the names that the repository's command knows.
        patch: A patch of its code; None where it changes none.
        root: The project, to which the repository's path is relative.
        running: How commands are stopped, and how much of what they print is kept.
    """

    adapter: Adapter
    overrides: Mapping[str, Any]
    patch: Path | None
    root: Path
    running: Running = field(default_factory=Running)

    def settings(self) -> list[str]:
        """Return what ``{overrides}`` becomes; UsageError where a setting cannot be told."""
        style = self.adapter.train.overrides.style
        if OVERRIDES in self.adapter.train.command:
            return arguments_for(style, self.overrides)
        file_for(style, self.overrides)
        return []

    def source(self, *, patched: bool) -> PinnedSource:
        """Return what a worktree is made of."""
        theirs = self.adapter.repository
        patch = self.patch if patched else None
        return PinnedSource(self.root / theirs.path, theirs.commit, theirs.patches, patch)


def train_seed(
    candidate: Candidate, seed: int, asked: Asked, place: Path, tell: Callable[[str], None]
) -> ForeignOutcome:
    """Train and evaluate one seed.

    Args:
        candidate: What is trained.
        seed: The training seed.
        asked: What is asked for.
        place: The seed's folder; what is in it is deleted.
        tell: Called with what happens: waiting (for commands that a killed rlx has left in this folder, and that are being
            stopped), started, trained.
    """
    lock = _lock_of(candidate, place)
    wait_for(lock, lambda: tell("waiting"))
    tell("started")
    try:
        return _trained(_Work(candidate, seed, asked, place.resolve(), lock), lambda: tell("trained"))
    finally:
        lock.unlink(missing_ok=True)


def _trained(work: _Work, tell: Callable[[], None]) -> ForeignOutcome:
    candidate, place = work.candidate, work.place
    shutil.rmtree(place, ignore_errors=True)
    (place / "out").mkdir(parents=True)
    if OVERRIDES not in candidate.adapter.train.command:
        style = candidate.adapter.train.overrides.style
        write_text(place / "config.yaml", file_for(style, candidate.overrides))
    outcome = work.train()
    if outcome.failure is None:
        tell()
        outcome = work.evaluate(outcome)
    if outcome.steps is None:
        outcome = replace(outcome, steps=known_steps(candidate.adapter, work.written(TRAIN)))
    if place.is_symlink() or (place / "out").is_symlink():
        lie = ForeignFailure("lied", f"it put a link in the place of {place / 'out'}", "files")
        return ForeignOutcome(work.seed, failure=lie, train_seconds=outcome.train_seconds)
    return replace(outcome, size=bytes_below(place / "out"))


def _lock_of(candidate: Candidate, place: Path) -> Path:
    """Return the file that is locked while a command is at work in a seed's folder."""
    name = hashlib.sha256(str(place.resolve()).encode()).hexdigest()[:16]
    return worktrees_folder(candidate.root) / f"{name}.lock"


def play_again(candidate: Candidate, seed: int, asked: Asked, place: Path) -> ForeignOutcome:
    """Have the evaluation command play a policy that is trained already, and return what came of that.

    Args:
        candidate: What was trained; its adapter has an evaluation command.
        seed: The training seed.
        asked: What is asked for.
        place: A folder of its own, whose ``out/`` is as training left it; episodes in it are deleted.
    """
    work = _Work(candidate, seed, asked, place.resolve(), _lock_of(candidate, place))
    try:
        return work.evaluate(ForeignOutcome(seed))
    finally:
        work.lock.unlink(missing_ok=True)


def check_source(candidate: Candidate) -> None:
    """Check that the worktrees of a candidate can be made: repository, commit, patch, and that they are clean.

    Raises:
        Missing: There is no such repository, commit or patch.
        DataRefused: The patch touches what it may not, or the worktree is not what it should be.
    """
    with worktree(candidate.source(patched=True), worktrees_folder(candidate.root)):
        pass


def worktrees_folder(root: Path) -> Path:
    """Return the folder of the worktrees of foreign repositories; disposable, as everything in ``.dvc/tmp``."""
    return main_root(root) / ".dvc" / "tmp" / "rlx-worktrees"


@dataclass(frozen=True)
class _Work:
    """The commands of one seed."""

    candidate: Candidate
    seed: int
    asked: Asked
    place: Path
    lock: Path

    def written(self, name: str) -> Written:
        return Written(self.place / "out", self.place / f"{name}.log")

    def train(self) -> ForeignOutcome:
        """Train, and check what the training claims."""
        adapter = self.candidate.adapter
        with worktree(self.candidate.source(patched=True), worktrees_folder(self.candidate.root)) as tree:
            seconds, failure = self._call(adapter.train, TRAIN, tree)
        outcome = ForeignOutcome(self.seed, failure=failure, train_seconds=seconds)
        if failure is not None:
            return outcome
        try:
            outcome = replace(outcome, steps=trained_steps(adapter, self.written(TRAIN)))
            check_steps(adapter, outcome.steps or 0, self.asked)
            return replace(outcome, checkpoint=checkpoint_hash(adapter, self.written(TRAIN)))
        except RlxError as error:
            return replace(outcome, failure=failure_of(error))

    def evaluate(self, outcome: ForeignOutcome) -> ForeignOutcome:
        """Play the policy in a worktree that no training has been in, and read what came of it."""
        command, name = self.candidate.adapter.evaluate, TRAIN
        if command is not None:
            name = EVALUATE
            self._clear_episodes()
            source = self.candidate.source(patched=command.code == "patched")
            with worktree(source, worktrees_folder(self.candidate.root)) as tree:
                seconds, failure = self._call(command, name, tree)
            outcome = replace(outcome, evaluate_seconds=seconds, failure=failure)
            if failure is not None:
                return outcome
        try:
            if self.candidate.adapter.evidence == "aggregate":
                return replace(outcome, aggregate=aggregates(self.candidate.adapter, self.written(name)))
            return replace(outcome, episodes=held_out(self.candidate.adapter, self.written(name), self.asked))
        except RlxError as error:
            return replace(outcome, failure=failure_of(error))

    def _clear_episodes(self) -> None:
        """Delete what the training has put where evaluation is to write its episodes."""
        adapter = self.candidate.adapter
        others = (adapter.train.steps.file, adapter.learning and adapter.learning.file, adapter.train.checkpoint)
        if adapter.evidence == "episodes" and adapter.episodes.file and adapter.episodes.file not in others:
            with suppress(RlxError):
                for path in found_files(adapter.episodes.file, self.place / "out"):
                    path.unlink()

    def started(self, command: Command, name: str, tree: Path) -> list[str]:
        """Return all arguments of a command, with what launches it before them."""
        train, hardware = self.candidate.adapter.train, self.candidate.adapter.hardware
        values = {
            "seed": self.seed,
            "steps": -(-self.asked.steps // train.steps.known_unit),
            "out": self.place / "out",
            "config": self.place / "config.yaml",
            "episodes": self.asked.episodes,
            "list_seed": self.asked.list_seed,
            "worktree": tree,
        }
        arguments = argument_list(command.command, self.candidate.settings(), values)
        session = f"rlx-{hashlib.sha256(f'{self.place} {name}'.encode()).hexdigest()[:12]}"
        folder = self._folder(command, tree)
        known = {**hardware.options, "gpus": hardware.gpus, "worktree": tree, "folder": folder, "session": session}
        return launchers()[hardware.launcher].launched(name, arguments, known, train.environment)

    def _folder(self, command: Command, tree: Path) -> Path:
        return tree if command.folder == "worktree" else self.place / "out"

    def _call(self, command: Command, name: str, tree: Path) -> tuple[float, ForeignFailure | None]:
        call = Call(
            self.started(command, name, tree),
            self._folder(command, tree),
            self.candidate.adapter.train.environment,
            self.place / f"{name}.log",
            seconds_of(command.timeout),
            self.lock,
        )
        return run_call(call, self.candidate.running)
