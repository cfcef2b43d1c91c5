"""Starts in a repository that is not rlx's: what its adapter says, seed by seed, with the same gate and ledger."""

from __future__ import annotations

import json
import platform
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlx.config import sha256_of, write_bytes
from rlx.errors import ConfigError, RlxError
from rlx.stats import first_line
from rlx.studies.adapters.adapter import Adapter
from rlx.studies.adapters.foreign import ForeignEvent, ForeignTraining, OnEvent
from rlx.studies.adapters.foreign_seed import Candidate, check_source
from rlx.studies.adapters.isolation import pinned
from rlx.studies.adapters.outcome import OUTCOME, ForeignOutcome
from rlx.studies.adapters.places import AGAIN, DATA, start_folder, task_folder
from rlx.studies.adapters.reading import validated_adapter
from rlx.studies.adapters.reproducibility import is_reproducible, outcome_differences
from rlx.studies.adapters.running import Running
from rlx.studies.ledger.line import hash_of
from rlx.studies.measures import measure
from rlx.studies.trainer import Facts, Outcome, Resolved, StartCall, StartPlan

FILE = "adapter.yaml"
"""In the folder of a task."""
SMOKE_SHARE = 50
"""A smoke run trains one step of so many."""
LOST = ("killed", "disk")
"""Failures that say something of the machine, and nothing of the repository."""


@dataclass
class ForeignTrainer:
    """Trains by the commands of a foreign repository.

    Attributes:
        root: The project.
        folder: The study's folder.
        steps: Environment steps of a training.
    """

    root: Path
    folder: Path
    steps: int
    name: str = "adapter"
    keeps_time: bool = True

    @property
    def adapter(self) -> Adapter:
        """The adapter as its file has it; refused where something in it is unknown."""
        path = self.folder.parent / FILE
        return validated_adapter(path, f"studies/{self.folder.parent.name}/{FILE}")

    def facts(self) -> Facts:
        """Return what holds just now: the repository's pinned commit is the code."""
        adapter = self.adapter
        devices = {"cpu", "auto"}
        if adapter.hardware.gpus and shutil.which("nvidia-smi"):
            devices.add("cuda")
        return Facts(
            task=task_of_adapter(adapter, self.steps),
            code=hash_of({"commit": adapter.repository.commit}),
            versions={"python": platform.python_version()},
            host=socket.gethostname(),
            devices=frozenset(devices),
            commit=pinned(self.root / adapter.repository.path, adapter.repository.commit),
            dirty=None,
            free_disk=shutil.disk_usage(self.root).free,
        )

    def resolve(self, overrides: Mapping[str, Any], patch: Mapping[str, Any] | None = None) -> Resolved:
        """Return what settings come to: themselves, since only the repository knows its defaults."""
        adapter = self.adapter
        settings = {**overrides, **({"patch": patch["sha256"]} if patch else {})}
        plain = json.loads(json.dumps(settings, default=str))
        snapshot = hash_of({"task": task_of_adapter(adapter, self.steps), "settings": plain})
        smoke = max(1, self.steps // SMOKE_SHARE)
        twice = 2 if adapter.reproducible == "untested" else 1
        return Resolved(settings, snapshot, self.steps, smoke, "foreign", twice)

    def place(self, plan: StartPlan) -> Path:
        """Return where a start's seeds are trained."""
        study, snapshot = (
            f"{self.folder.parent.name}/{self.folder.name}",
            self.resolve(plan.overrides, plan.patch).snapshot,
        )
        return start_folder(self.root, study, snapshot, plan.list, is_smoke=plan.phase == "smoke")

    def new_trainings(self, plan: StartPlan) -> int:
        """Return how many trainings a start still takes: its seeds that have not ended; of a smoke run, each twice."""
        return sum(
            not (place / f"seed_{seed}" / OUTCOME).is_file() for place in self._places(plan) for seed in plan.seeds
        )

    def _places(self, plan: StartPlan) -> list[Path]:
        """Return the folders in which a start trains each of its seeds: two for a smoke run that is to show what is untested."""
        place = self.place(plan)
        is_twice = plan.phase == "smoke" and self.resolve({}).smoke_trainings > 1
        return [place, place / AGAIN] if is_twice else [place]

    def tried_seeds(self) -> set[int]:
        """Return the seeds that any study of this task trained here."""
        folder = task_folder(self.root, self.folder.parent.name)
        return {int(each.name.removeprefix("seed_")) for each in folder.glob("*/*/seed_*") if each.name[5:].isdigit()}

    def is_alive(self, experiment: str) -> bool:
        """Tell whether something runs: what a killed rlx left is waited for when the start goes on."""
        del experiment
        return False

    def unready(self, plan: StartPlan) -> str | None:
        """Return what speaks against a start: the pinned commit, the patch, a placeholder, an argument that cannot be said."""
        try:
            candidate = Candidate(self.adapter, plan.overrides, self._patch(plan), self.root)
            candidate.settings()
            check_source(candidate)
        except RlxError as error:
            return str(error)
        return None

    def carry_out(self, call: StartCall) -> Outcome:
        """Train and evaluate the seeds of a start, one after the other; those that have ended are taken."""
        plan, adapter = call.plan, self.adapter

        def told(event: ForeignEvent) -> None:
            if event.what == "ended" and event.outcome is not None:
                how = "failed: " + event.outcome.failure.message if event.outcome.failure else "done"
                call.say(f"{plan.experiment}: seed {event.seed}: {how}")

        training = ForeignTraining(
            adapter=adapter,
            overrides=plan.overrides,
            patch=self._patch(plan),
            seeds=list(plan.seeds),
            steps=self.resolve({}).smoke_steps if plan.phase == "smoke" else self.steps,
            list_seed=plan.list,
            episodes=plan.episodes,
            folder=self.place(plan),
            root=self.root,
            running=Running(stopped=call.stopped),
        )
        found, *again = self._trained(training, self._places(plan), told)
        outcome = self._outcome(call, found)
        kept = {**self._kept(call, found.outcomes), **_sameness(found, again)}
        return replace(
            outcome,
            steps=outcome.steps + sum(each.steps for each in again),
            bytes=outcome.bytes + sum(each.size for each in again),
            experiments=(kept,),
        )

    def _trained(self, training: ForeignTraining, places: list[Path], told: OnEvent) -> list[_Found]:
        """Train the seeds of a start in each of its folders; in a further one only where all ended well in the first."""
        results: list[_Found] = []
        for place in places:
            if any(each.failure for found in results for each in found.outcomes.values()):
                break
            ended = {seed for seed in training.seeds if (place / f"seed_{seed}" / OUTCOME).is_file()}
            results.append(_Found(replace(training, folder=place).run(told), ended))
        return results

    def _patch(self, plan: StartPlan) -> Path | None:
        if plan.patch is None:
            return None
        path = self.folder / "candidates" / Path(plan.patch["file"]).name
        if not path.is_file() or f"sha256:{sha256_of(path)}" != _plain_hash(plan.patch["sha256"]):
            raise ConfigError(f"candidates/{path.name}: is not the patch that was validated")
        return path

    def _outcome(self, call: StartCall, trained: _Found) -> Outcome:
        plan, found = call.plan, trained.outcomes
        scores: dict[int, dict[str, float]] = {}
        failures: dict[int, dict[str, str]] = {}
        for seed, outcome in found.items():
            if outcome.failure is not None:
                kind = {"killed": "process", "disk": "process"}.get(outcome.failure.kind, outcome.failure.kind)
                failures[seed] = {"kind": kind, "message": outcome.failure.message[:300]}
                continue
            values = {name: _measured(outcome, name) for name in plan.metrics}
            lacking = [name for name, value in values.items() if value is None]
            if lacking:
                failures[seed] = {"kind": "metric", "message": f"its episodes have no {lacking[0]}"}
            else:
                scores[seed] = {name: value for name, value in values.items() if value is not None}
        reason = next((each["message"] for each in failures.values()), "")
        return Outcome(
            status="failed" if failures else "finished",
            scores=scores,
            failures=failures,
            steps=trained.steps,
            bytes=trained.size,
            reason=first_line(Exception(reason)) if reason else "",
        )

    def _kept(self, call: StartCall, found: Mapping[int, ForeignOutcome]) -> dict[str, Any]:
        """Copy what decides into the study's folder, and return its hashes."""
        place, target = self.place(call.plan), self.folder / DATA / call.plan.experiment
        kept: dict[str, Any] = {
            "name": call.plan.experiment,
            "commit": self.adapter.repository.commit,
            "seeds": sorted(found),
        }
        for name in ("episodes.csv", OUTCOME):
            if (place / name).is_file():
                write_bytes(target / name, (place / name).read_bytes())
                kept["episodes" if name == "episodes.csv" else "metadata"] = f"sha256:{sha256_of(target / name)}"
        kept["checkpoints"] = {str(seed): each.checkpoint for seed, each in sorted(found.items()) if each.checkpoint}
        kept["aggregate"] = any(each.is_aggregate for each in found.values())
        return kept


@dataclass(frozen=True)
class _Found:
    """What came of the seeds of a start in one folder.

    Attributes:
        outcomes: By seed.
        before: Seeds that had ended before.
    """

    outcomes: Mapping[int, ForeignOutcome]
    before: set[int]

    @property
    def _new(self) -> list[ForeignOutcome]:
        return [outcome for seed, outcome in self.outcomes.items() if seed not in self.before]

    @property
    def steps(self) -> int:
        """Environment steps that were trained now."""
        return sum((each.steps or 0) + each.lost_steps for each in self._new)

    @property
    def size(self) -> int:
        """Bytes that this left."""
        return sum(each.size for each in self._new)


def _sameness(first: _Found, again: list[_Found]) -> dict[str, Any]:
    """Return what two trainings of one seed show, as a kept start says it; nothing where there were no two to compare."""
    if not again or any(each.failure and each.failure.kind in LOST for each in again[0].outcomes.values()):
        return {}
    pairs = [(outcome, again[0].outcomes[seed]) for seed, outcome in first.outcomes.items()]
    differs = {name for pair in pairs for name in outcome_differences(*pair)}
    return {"reproducible": all(is_reproducible(*pair) for pair in pairs), "differs": sorted(differs)}


def _measured(outcome: ForeignOutcome, name: str) -> float | None:
    """Return a metric of a seed: of its episodes, or the one number that the repository computed."""
    key = "return" if name == "return_p10" and not outcome.is_aggregate else name
    return measure(name, [{key: value} for value in outcome.values(key)])


def task_of_adapter(adapter: Adapter, steps: int) -> str:
    """Return the hash of what is measured: repository and commit, how it is evaluated, and for how long it trains."""
    content = adapter.model_dump(mode="json")
    for name in ("hardware", "reproducible", "learning"):
        content.pop(name)
    return hash_of({"adapter": content, "steps": steps})


def _plain_hash(digest: str) -> str:
    return digest if digest.startswith("sha256:") else f"sha256:{digest}"
