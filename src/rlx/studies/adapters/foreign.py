"""One start of a candidate in a foreign repository: every seed trained, evaluated, held against what was asked, recorded."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rlx.config import read_json, sha256_of, write_json, write_text
from rlx.errors import ConfigError, DataDamaged, RlxError, UsageError
from rlx.launch import main_root
from rlx.records import bytes_below
from rlx.studies.adapters.adapter import Adapter, Command, seconds_of
from rlx.studies.adapters.claims import (
    Asked,
    aggregates,
    check_code,
    check_steps,
    checkpoint_hash,
    failure_of,
    held_out,
    known_steps,
    trained_steps,
)
from rlx.studies.adapters.command_line import OVERRIDES, argument_list, launchers
from rlx.studies.adapters.isolation import Source, pinned, touched, worktree
from rlx.studies.adapters.metric_files import Written
from rlx.studies.adapters.outcome import ForeignOutcome, read_outcome, write_episodes, write_outcome, write_start
from rlx.studies.adapters.quoting import arguments_for, file_for
from rlx.studies.adapters.reading import problems
from rlx.studies.adapters.running import Call, ForeignFailure, Running, run_call

PLAN = "plan.json"
MOST_ATTEMPTS = 2
"""Starts of a seed whose process a signal killed: what killed it may have been meant for others."""
OnEvent = Callable[["ForeignEvent"], None]


@dataclass(frozen=True)
class ForeignEvent:
    """Something that happened in a start, told as it happens.

    Attributes:
        seed: Of which training.
        what: started, trained, ended, or reused (it had ended before).
        outcome: What came of it, where it has ended.
    """

    seed: int
    what: str
    outcome: ForeignOutcome | None = None


@dataclass(frozen=True)
class ForeignTraining:
    """Seeds of one candidate, trained by a foreign repository's own commands.

    A seed that has ended in the folder is not trained again; one that was interrupted begins anew.

    Attributes:
        adapter: How, with nothing `unknown` in it.
        overrides: The candidate's settings, by the names that the repository's command knows.
        patch: The candidate's patch; None where it changes no code.
        seeds: Training seeds.
        steps: Environment steps of each.
        list_seed: Which list of held-out episodes.
        episodes: How many of them.
        folder: Where everything is written: ``seed_<k>/``, ``episodes.csv``, ``outcome.json``.
        root: The project, to which the repository's path is relative.
        running: How commands are stopped, and how much of what they print is kept.
    """

    adapter: Adapter
    overrides: Mapping[str, Any]
    patch: Path | None
    seeds: Sequence[int]
    steps: int
    list_seed: int
    episodes: int
    folder: Path
    root: Path
    running: Running = field(default_factory=Running)

    def run(self, on_event: OnEvent = lambda _: None) -> dict[int, ForeignOutcome]:
        """Train and evaluate every seed that has not ended; returns what came of each.

        Raises:
            ConfigError: Something in the adapter is still `unknown`, or does not fit.
            UsageError: The folder holds another start; or a setting cannot be told to the command.
            Missing: There is no such repository, commit or patch.
            DataRefused: The patch touches what it may not.
            KeyboardInterrupt: Somebody asked to stop; the same call goes on with the seeds that have not ended.
        """
        if found := problems(self.adapter):
            raise ConfigError("the adapter cannot be used yet:\n" + "\n".join(found))
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise UsageError("a start has seeds, each once")
        self._settings()  # refused before anything starts
        self._settle_plan()
        outcomes: dict[int, ForeignOutcome] = {}
        for seed in self.seeds:
            if (ended := self._ended(seed)) is not None:
                on_event(ForeignEvent(seed, "reused", ended))
            else:
                ended = self._train_again_if_killed(seed, outcomes, on_event)
                if ended.failure is None or ended.failure.kind != "disk":  # that is begun anew when there is space
                    write_outcome(self._place(seed), ended)
                on_event(ForeignEvent(seed, "ended", ended))
            outcomes[seed] = ended
            write_episodes(self.folder, list(outcomes.values()))
            write_start(self.folder, self._plan(), list(outcomes.values()))
        return outcomes

    @property
    def repository(self) -> Path:
        """The repository's folder."""
        return self.root / self.adapter.repository.path

    def _place(self, seed: int) -> Path:
        return self.folder / f"seed_{seed}"

    def _plan(self) -> dict[str, Any]:
        """Return what decides about the outcome of a seed."""
        content = self.adapter.model_dump(mode="json")
        del content["reproducible"]
        return {
            "adapter": hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest(),
            "commit": self.adapter.repository.commit,
            "overrides": dict(self.overrides),
            "patch": None if self.patch is None else sha256_of(self.patch),
            "steps": self.steps,
            "list_seed": self.list_seed,
            "episodes": self.episodes,
            "evidence": self.adapter.evidence,
        }

    def _settle_plan(self) -> None:
        """Note what this folder is for; refuse one that is for something else."""
        path, plan = self.folder / PLAN, self._plan()
        try:
            known = read_json(path)
        except FileNotFoundError:
            write_json(path, plan)
            return
        except (OSError, ValueError, DataDamaged) as error:
            raise DataDamaged(f"{path}: cannot be read ({error}); delete {self.folder} to train anew") from None
        if known != json.loads(json.dumps(plan)):
            differing = sorted(key for key in plan if not isinstance(known, dict) or known.get(key) != plan[key])
            raise UsageError(f"{self.folder}: holds a start with another {', '.join(differing)}; use another folder")

    def _ended(self, seed: int) -> ForeignOutcome | None:
        try:
            return read_outcome(self._place(seed))
        except OSError:
            return None

    def _train_again_if_killed(
        self, seed: int, before: Mapping[int, ForeignOutcome], on_event: OnEvent
    ) -> ForeignOutcome:
        lost = 0
        for attempt in range(1, MOST_ATTEMPTS + 1):
            on_event(ForeignEvent(seed, "started"))
            outcome = replace(self._train(seed, before, on_event), attempts=attempt, lost_steps=lost)
            if outcome.failure is None or outcome.failure.kind != "killed":
                break
            lost += outcome.steps or 0
        return outcome

    def _train(self, seed: int, before: Mapping[int, ForeignOutcome], on_event: OnEvent) -> ForeignOutcome:
        """Train and evaluate one seed, in a worktree of its own."""
        place = self._place(seed)
        shutil.rmtree(place, ignore_errors=True)
        (place / "out").mkdir(parents=True)
        source = Source(self.repository, self.adapter.repository.commit, self.adapter.repository.patches, self.patch)
        trained = Written(place / "out", place / "train.log")
        with worktree(source, worktrees_folder(self.root)) as tree:
            commit, patched = pinned(source.repository, source.commit), touched(tree)
            self._write_config(place)
            seconds, failure = self._call(self.adapter.train, "train", seed, tree)
            outcome = ForeignOutcome(seed, failure=failure, train_seconds=seconds)
            if failure is None:
                outcome = self._checked(outcome, trained, lambda: check_code(tree, commit, patched))
            if outcome.failure is None:
                on_event(ForeignEvent(seed, "trained", outcome))
                outcome = self._evaluated(outcome, tree, self._asked(before))
        if outcome.steps is None:
            outcome = replace(outcome, steps=known_steps(self.adapter, trained))
        return replace(outcome, size=bytes_below(place / "out"))

    def _checked(self, outcome: ForeignOutcome, written: Written, check: Callable[[], None]) -> ForeignOutcome:
        """Return what a training that says it is done has trained."""
        try:
            taken = trained_steps(self.adapter, written)
            outcome = replace(outcome, steps=taken)
            check_steps(self.adapter, taken, self._asked({}))
            check()
            return replace(outcome, checkpoint=checkpoint_hash(self.adapter, written))
        except RlxError as error:
            return replace(outcome, failure=failure_of(error))

    def _evaluated(self, outcome: ForeignOutcome, tree: Path, asked: Asked) -> ForeignOutcome:
        """Return the outcome with what evaluation found."""
        place, command = self._place(outcome.seed), self.adapter.evaluate
        log = "train.log"
        if command is not None:
            log = "evaluate.log"
            seconds, failure = self._call(command, "evaluate", outcome.seed, tree)
            outcome = replace(outcome, evaluate_seconds=seconds, failure=failure)
            if failure is not None:
                return outcome
        written = Written(place / "out", place / log)
        try:
            if self.adapter.evidence == "aggregate":
                return replace(outcome, aggregate=aggregates(self.adapter, written))
            return replace(outcome, episodes=held_out(self.adapter, written, asked))
        except RlxError as error:
            return replace(outcome, failure=failure_of(error))

    def _asked(self, before: Mapping[int, ForeignOutcome]) -> Asked:
        played = next((each.episodes for each in before.values() if each.episodes), None)
        seeds = None if played is None else [each.reset_seed for each in played]
        return Asked(self.steps, self.episodes, self.list_seed, seeds)

    def _call(self, command: Command, name: str, seed: int, tree: Path) -> tuple[float, ForeignFailure | None]:
        place = self._place(seed).resolve()
        train, hardware = self.adapter.train, self.adapter.hardware
        folder = tree if command.folder == "worktree" else place / "out"
        values = {
            "seed": seed,
            "steps": -(-self.steps // train.steps.known_unit),
            "out": place / "out",
            "config": place / "config.yaml",
            "episodes": self.episodes,
            "list_seed": self.list_seed,
            "worktree": tree,
        }
        arguments = argument_list(command.command, self._settings(), values)
        session = f"rlx-{hashlib.sha256(str(place).encode()).hexdigest()[:12]}"
        known = {**hardware.options, "gpus": hardware.gpus, "worktree": tree, "folder": folder, "session": session}
        launcher = launchers()[hardware.launcher]
        return run_call(
            Call(
                launcher.launched(name, arguments, known, train.environment),
                folder,
                train.environment,
                place / f"{name}.log",
                seconds_of(command.timeout),
            ),
            self.running,
        )

    def _settings(self) -> list[str]:
        """Return what ``{overrides}`` becomes."""
        style = self.adapter.train.overrides.style
        if OVERRIDES in self.adapter.train.command:
            return arguments_for(style, self.overrides)
        file_for(style, self.overrides)
        return []

    def _write_config(self, place: Path) -> None:
        if OVERRIDES not in self.adapter.train.command:
            write_text(place / "config.yaml", file_for(self.adapter.train.overrides.style, self.overrides))


def worktrees_folder(root: Path) -> Path:
    """Return the folder of the worktrees of foreign repositories; disposable, as everything in ``.dvc/tmp``."""
    return main_root(root) / ".dvc" / "tmp" / "rlx-worktrees"
