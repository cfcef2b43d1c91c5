"""One start of a candidate in a foreign repository: every seed trained, evaluated and recorded, and none twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rlx.config import read_json, sha256_of, write_json
from rlx.errors import ConfigError, DataDamaged, Missing, UsageError
from rlx.studies.adapters.adapter import Adapter
from rlx.studies.adapters.claims import Asked
from rlx.studies.adapters.foreign_seed import Candidate, check_source, train_seed
from rlx.studies.adapters.outcome import (
    OUTCOME,
    ForeignOutcome,
    read_outcome,
    write_episodes,
    write_outcome,
    write_start,
)
from rlx.studies.adapters.reading import problems
from rlx.studies.adapters.running import Running

PLAN = "plan.json"
MOST_ATTEMPTS = 2
"""Starts of a seed whose process a signal killed: what killed it may have been meant for others."""


@dataclass(frozen=True)
class ForeignEvent:
    """Something that happened in a start, told as it happens.

    Attributes:
        seed: Of which training.
        what: waiting (commands that a killed rlx left are being stopped), started, trained, ended, or reused (it had ended
            before).
        outcome: What came of it, where it has ended.
    """

    seed: int
    what: str
    outcome: ForeignOutcome | None = None


OnEvent = Callable[[ForeignEvent], None]


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
            UsageError: The folder holds another start; and as :meth:`check`, which is called first.
            KeyboardInterrupt: Somebody asked to stop; the same call goes on with the seeds that have not ended.
        """
        self.check()
        self._settle_plan()
        outcomes: dict[int, ForeignOutcome] = {}
        for seed in self.seeds:
            if (ended := self._ended(seed)) is not None:
                on_event(ForeignEvent(seed, "reused", ended))
            else:
                ended = self._train(seed, outcomes, on_event)
                if ended.failure is None or ended.failure.kind != "disk":  # that begins anew when there is space
                    write_outcome(self._place(seed), ended)
                on_event(ForeignEvent(seed, "ended", ended))
            outcomes[seed] = ended
            write_episodes(self.folder, list(outcomes.values()))
            write_start(self.folder, self._plan(), list(outcomes.values()))
        return outcomes

    def check(self) -> None:
        """Check all that can be known before anything starts; a worktree is made for that, and removed.

        Raises:
            ConfigError: Something in the adapter is still `unknown`, or does not fit.
            UsageError: A setting cannot be told to the command, or the seeds are none.
            Missing: There is no such repository, commit or patch.
            DataRefused: The patch touches what it may not.
        """
        if found := problems(self.adapter):
            raise ConfigError("the adapter cannot be used yet:\n" + "\n".join(found))
        if not self.seeds or len(set(self.seeds)) != len(self.seeds):
            raise UsageError("a start has seeds, each once")
        if self.patch is not None and self.adapter.evaluate is None:
            raise UsageError("a training that evaluates itself takes no patch; add an evaluate command to the adapter")
        self._candidate.settings()
        check_source(self._candidate)

    @property
    def _candidate(self) -> Candidate:
        return Candidate(self.adapter, self.overrides, self.patch, self.root, self.running)

    def _place(self, seed: int) -> Path:
        return self.folder / f"seed_{seed}"

    def _plan(self) -> dict[str, Any]:
        """Return what decides about the outcome of a seed."""
        return {
            "adapter": self.adapter.digest,
            "commit": self.adapter.repository.commit,
            "overrides": dict(self.overrides),
            "patch": self._patch_hash(),
            "steps": self.steps,
            "list_seed": self.list_seed,
            "episodes": self.episodes,
            "evidence": self.adapter.evidence,
        }

    def _patch_hash(self) -> str | None:
        try:
            return None if self.patch is None else sha256_of(self.patch)
        except OSError as error:
            raise Missing(f"{self.patch}: cannot be read: {error.strerror}") from None

    def _settle_plan(self) -> None:
        """Note what this folder is for; refuse one that is for something else."""
        path, plan = self.folder / PLAN, json.loads(json.dumps(self._plan()))
        try:
            known = read_json(path)
        except FileNotFoundError:
            write_json(path, plan)
            return
        except (OSError, ValueError, DataDamaged) as error:
            raise DataDamaged(f"{path}: cannot be read ({error}); delete {self.folder} to train anew") from None
        if known != plan and not any(self.folder.glob(f"seed_*/{OUTCOME}")):
            write_json(path, plan)  # nothing has ended: what was asked before was not possible
        elif known != plan:
            differing = sorted(key for key in plan if not isinstance(known, dict) or known.get(key) != plan[key])
            raise UsageError(f"{self.folder}: holds a start with another {', '.join(differing)}; use another folder")

    def _ended(self, seed: int) -> ForeignOutcome | None:
        try:
            return read_outcome(self._place(seed))
        except OSError:
            return None

    def _asked(self, before: Mapping[int, ForeignOutcome]) -> Asked:
        played = next((each.episodes for each in before.values() if each.episodes), None)
        seeds = None if played is None else [each.reset_seed for each in played]
        return Asked(self.steps, self.episodes, self.list_seed, seeds)

    def _train(self, seed: int, before: Mapping[int, ForeignOutcome], on_event: OnEvent) -> ForeignOutcome:
        """Train a seed, once more where a signal killed it."""
        asked, lost = self._asked(before), 0
        for attempt in range(1, MOST_ATTEMPTS + 1):
            outcome = train_seed(
                self._candidate, seed, asked, self._place(seed), lambda what: on_event(ForeignEvent(seed, what))
            )
            outcome = replace(outcome, attempts=attempt, lost_steps=lost)
            if outcome.failure is None or outcome.failure.kind != "killed":
                break
            lost += outcome.steps or 0
        return outcome
