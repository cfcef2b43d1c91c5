"""Starts as experiments of this project: each made in a clone, as points of sweeps are, and kept by DVC."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlx.comparison import flatten
from rlx.config import Snapshot, Timetable, as_setting, libraries_of, recorded_snapshot, sha256_of
from rlx.errors import ConfigError, Interrupted, Missing, RlxError, TrainingFailed
from rlx.experiments import (
    SOURCES,
    Variations,
    Verbosity,
    experiment_named,
    experiments,
    find_run,
    git_state,
    is_in_the_making,
    kept_record,
    make,
    plan,
    read_record,
    start,
    untracked_sources,
)
from rlx.launch import git, git_blobs, main_root, stop, versions_of
from rlx.records import (
    LIBRARIES,
    RunFolder,
    bench_seeds,
    bytes_below,
    entry_for,
    read_episodes,
    read_metadata,
)
from rlx.stats import first_line
from rlx.studies.ledger.line import hash_of
from rlx.studies.measures import all_measures
from rlx.studies.trainer import Facts, Outcome, Resolved, StartCall, StartLost, StartPlan
from rlx.training import task_of

if TYPE_CHECKING:
    import subprocess

    from rlx.config import Judging

APART = ("seed", "num_seeds", "run_name", "device", "format")
"""Settings that say which seeds there are and where they train, and nothing that a candidate could be."""
SMOKE_ITERATIONS = 2
LEAST_SMOKE = 256
"""Steps of a smoke run, where two iterations are fewer."""
LOOK = 0.2
"""Seconds between two looks at whether a start is to stop."""
_PLANNING = threading.Lock()
"""Planning composes configurations, of which a process can do one at a time."""


@dataclass
class ExperimentsTrainer:
    """Makes starts as experiments of a project.

    Attributes:
        root: The project.
        run: The baseline's config.
        devices: Devices that the contract may name beside `cpu` and `auto`, checked once.
    """

    root: Path
    run: str
    name: str = "experiments"
    keeps_time: bool = False
    _known: dict[str, Any] = field(default_factory=dict)

    # --- what holds ---------------------------------------------------------------------------------------------------

    def facts(self) -> Facts:
        """Return what holds of project and machine just now; a GPU is looked for by the libraries that would use it."""
        state = git_state(self.root)
        snapshot, judging = self._base()
        return Facts(
            task=task_hash(snapshot, judging),
            code=hash_of(
                snapshot.code.everything | {"registration": json.dumps(snapshot.code.registration, sort_keys=True)}
            ),
            versions={
                key: str(value) for key, value in versions_of((*LIBRARIES, *libraries_of(snapshot.config.algo))).items()
            },
            host=socket.gethostname(),
            devices=self._devices(),
            commit=state.commit,
            dirty=dirty_hash(self.root) if state.dirty else None,
            free_disk=shutil.disk_usage(self.root).free,
        )

    def _devices(self) -> frozenset[str]:
        if "devices" not in self._known:
            wants = self._base()[0].config.device
            found = {"cpu", "auto"}
            if wants.startswith("cuda"):
                import torch

                found |= (
                    {"cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))}
                    if torch.cuda.is_available()
                    else set()
                )
            self._known["devices"] = frozenset(found)
        found_devices: frozenset[str] = self._known["devices"]
        return found_devices

    def _stamp(self) -> str:
        """Return what changes whenever a file of the project that decides something does."""
        return f"{git(self.root, 'rev-parse', 'HEAD').strip()}:{dirty_hash(self.root)}"

    def _variations(self) -> Variations:
        stamp = self._stamp()
        if self._known.get("stamp") != stamp:
            variations = Variations.of(self.root, self.run)
            with _PLANNING:
                judging = plan(self.root, self.run, []).judging
            self._known = {
                "stamp": stamp, "variations": variations, "judging": judging, "resolved": {},
                **({"devices": self._known["devices"]} if "devices" in self._known else {}),
            }  # fmt: skip
        found: Variations = self._known["variations"]
        return found

    def _base(self) -> tuple[Snapshot, Judging]:
        return self._variations().base, self._known["judging"]

    def base_snapshot(self) -> Snapshot:
        """Return the baseline's configuration as the project has it now."""
        return self._base()[0]

    # --- what settings come to ----------------------------------------------------------------------------------------

    def resolve(self, overrides: Mapping[str, Any], patch: Mapping[str, Any] | None = None) -> Resolved:
        """Return what settings come to; see :class:`rlx.studies.trainer.Trainer`."""
        if patch is not None:
            raise ConfigError(
                "a patch of code is for repositories with an adapter; commit code changes and begin a new study"
            )
        snapshot = self._snapshot(overrides)
        settings = {key: value for key, value in snapshot.training_part().items() if key not in (*APART, "code")}
        flat = flatten(settings, keep=lambda value: not isinstance(value, dict))
        schedule = Timetable.of(snapshot.config, None)
        return Resolved(
            settings=flat,
            snapshot=hash_of(json.loads(json.dumps(snapshot.training_part(), default=str))),
            steps=schedule.whole_steps,
            smoke_steps=_smoke_steps(snapshot),
            engine=str(getattr(snapshot.config.algo, "engine", "")),
        )

    def _snapshot(self, overrides: Mapping[str, Any]) -> Snapshot:
        variations = self._variations()
        key = json.dumps(dict(overrides), sort_keys=True, default=str)
        known: dict[str, Snapshot | str] = self._known["resolved"]
        if key not in known:
            known[key] = variations.snapshots([dict(overrides)])[0]
        found = known[key]
        if isinstance(found, str):
            raise ConfigError(found)
        return found

    def new_trainings(self, plan: StartPlan) -> int:
        """Return how many seeds of a start are not on the bench."""
        if plan.phase == "smoke":
            return len(plan.seeds)
        snapshot = self._snapshot(plan.overrides)
        return sum(entry_for(self.root, snapshot, seed).done is None for seed in plan.seeds)

    # --- what was tried before ----------------------------------------------------------------------------------------

    def tried_seeds(self) -> set[int]:
        """Return the seeds of every run, kept experiment and bench entry on this environment."""
        environment = self._base()[0].config.env.id
        found: set[int] = set()
        for snapshot in self._snapshots_here():
            if snapshot.config.env.id == environment:
                found |= set(snapshot.seeds)
        found |= {each.seed for each in bench_seeds(self.root) if each.environment == environment}
        return found

    def _snapshots_here(self) -> Iterator[Snapshot]:
        for path in (self.root / "runs").glob("*/config_snapshot.yaml"):
            try:
                yield RunFolder(path.parent).snapshot
            except (RlxError, OSError):
                continue
        kept = experiments(self.root)
        runs = sorted({self.run, *(path.stem for path in (self.root / "configs").glob("*.yaml"))})
        names = [f"{each.commit}:./runs/{run}/config_snapshot.yaml" for each in kept for run in runs]
        for blob in git_blobs(self.root, names):
            try:
                if blob is not None:
                    yield recorded_snapshot(blob.decode(), "a kept experiment", "`rlx rm` deletes it")
            except (RlxError, UnicodeDecodeError):
                continue

    def is_alive(self, experiment: str) -> bool:
        """Tell whether a process makes an experiment."""
        return is_in_the_making(self.root, experiment)

    # --- making -------------------------------------------------------------------------------------------------------

    def unready(self, plan: StartPlan) -> str | None:
        """Return that a patch is asked for, which is for repositories with an adapter."""
        return "a patch is for a repository with an adapter" if plan.patch is not None else None

    def carry_out(self, call: StartCall) -> Outcome:
        """Make a start's experiment, or go on with it; of seeds that failed, the others are evaluated all the same."""
        plan_ = call.plan
        before = self._done(plan_)
        try:
            return self._carried_out(call, before)
        except (Interrupted, ConfigError):
            raise
        except (RlxError, OSError) as error:
            full = "No space left on device" in str(error)
            raise StartLost(first_line(error), self._paid(plan_, before), is_full=full) from error

    def _carried_out(self, call: StartCall, before: set[int]) -> Outcome:
        plan_ = call.plan
        try:
            made = self._made(call, plan_.experiment, plan_.block)
        except TrainingFailed as error:
            return self._partly(call, error)
        except Interrupted:
            trained = self._paid(plan_, before)
            if call.overtime.is_set():
                return self._overtime(call, trained)
            return Outcome("interrupted", reason="interrupted", steps=trained)
        return self._outcome(call, [made], {}, self._trained(made.path))

    def _made(self, call: StartCall, name: str, block: tuple[int, int]) -> RunFolder:
        """Return the experiment of a block of seeds, made now if it is not kept.

        Raises:
            TrainingFailed: A stage failed.
            Interrupted: It was asked to stop.
        """
        kept = experiment_named(self.root, name)
        record = read_record(self.root / "runs" / name) if kept is None else kept_record(self.root, kept.commit)
        carried = record.start.partition(":")[2] if record is not None and record.start else None
        if (kept is not None or record is not None) and carried not in call.hashes:
            raise Missing(
                f"there is an experiment {name} that this study did not start; `rlx rm {name}` drops it (its seeds count as tried)"
            )
        if kept is not None:
            return find_run(self.root, name)
        if record is None:
            settings = [as_setting(key, value) for key, value in self.settings_of(call.plan, block).items()]
            with _PLANNING:
                planned = plan(self.root, self.run, settings)
                lineage = {"study": call.study, "candidate": call.plan.candidate, "start": f"{call.seq}:{call.hash}"}
                record = planned.record((f"eval@{self.run}",), **lineage)
                start(self.root, planned, record, name=name)
        log = main_root(self.root) / ".dvc" / "tmp" / "rlx-studies" / f"{name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with _stoppable(call.stopped) as watch:
            verbosity = Verbosity(log=log, workers=call.workers, watch=watch, stopped=call.stopped.is_set)
            folder = make(self.root, name, verbosity, again=f"rlx study run {call.study} --execute")
        log.unlink(missing_ok=True)
        return folder

    def settings_of(self, plan_: StartPlan, block: tuple[int, int]) -> dict[str, Any]:
        """Return the settings of a start's experiment: the candidate's, and those of the phase."""
        found = {**plan_.overrides, "seed": block[0], "num_seeds": block[1], "final_eval.seed": plan_.list}
        if plan_.phase == "smoke":
            steps = self.resolve(plan_.overrides).smoke_steps
            return {
                **found,
                "algo.total_timesteps": steps,
                "final_eval.episodes": 1,
                "eval.episodes": 1,
                "eval.every": steps,
            }
        return {**found, "final_eval.episodes": plan_.episodes}

    def _partly(self, call: StartCall, error: TrainingFailed) -> Outcome:
        """Return what is to be said of a start of which seeds failed: those that finished are evaluated in blocks of their own."""
        folder = self.root / "runs" / call.plan.experiment
        try:
            seeds = read_metadata(folder)["seeds"]
        except (RlxError, OSError, KeyError):
            raise error from None
        failures = {
            each["seed"]: {
                "kind": (each.get("failure") or {}).get("kind", "environment"),
                "message": str(each.get("error"))[:300],
            }
            for each in seeds
            if each["status"] == "failed"
        }
        if not failures:
            raise error
        done = sorted(each["seed"] for each in seeds if each["status"] == "finished")
        missing = set(call.plan.seeds) - set(done) - set(failures)
        if missing:
            raise error
        trained = self._trained(folder)
        parts = [
            self._made(call, f"{call.plan.experiment}_part{number}", block)
            for number, block in enumerate(_blocks(done), 1)
        ]
        return self._outcome(call, parts, failures, trained)

    def _done(self, plan_: StartPlan) -> set[int]:
        """Return the seeds of a start that are finished on the bench; of a smoke run none is asked for."""
        if plan_.phase == "smoke":
            return set()
        snapshot = self._snapshot(plan_.overrides)
        return {seed for seed in plan_.seeds if entry_for(self.root, snapshot, seed).done is not None}

    def _paid(self, plan_: StartPlan, before: set[int]) -> int:
        """Return the steps of seeds that were finished since a start began: they are there for the next one."""
        return len(self._done(plan_) - before) * self.resolve(plan_.overrides).steps

    def _overtime(self, call: StartCall, trained: int) -> Outcome:
        """Return what is to be said of a start that ran out of time: its finished seeds are evaluated, the others have failed."""
        done = sorted(self._done(call.plan))
        told = {"kind": "timed-out", "message": "was not finished in three times the time that was foretold"}
        failures = {seed: told for seed in call.plan.seeds if seed not in done}
        again = replace(call, stopped=threading.Event())
        parts = [
            self._made(again, f"{call.plan.experiment}_part{number}", block)
            for number, block in enumerate(_blocks(done), 1)
        ]
        return self._outcome(call, parts, failures, trained)

    def _trained(self, folder: Path) -> int:
        """Return the steps that were really trained for an experiment: those of seeds from the bench are not."""
        try:
            return sum(int(each["steps"]) for each in read_metadata(folder)["seeds"] if not each["reused"])
        except (RlxError, OSError, KeyError, TypeError):
            return 0

    def _outcome(
        self, call: StartCall, made: list[RunFolder], failures: Mapping[int, Mapping[str, str]], steps: int
    ) -> Outcome:
        scores: dict[int, Mapping[str, float]] = {}
        random: Mapping[str, float] = {}
        for folder in made:
            table = read_episodes(folder.path / "eval")
            latest = table[table["checkpoint"] == "latest"]
            for seed, rows in latest.groupby("seed"):
                scores[int(str(seed))] = all_measures(call.plan.metrics, _plain(rows))
            random = all_measures(call.plan.metrics, _plain(table[table["checkpoint"] == "random"]))
        lacking = {
            seed: {"kind": "metric", "message": f"its episodes have no {missing[0]}"}
            for seed, found in scores.items()
            if (missing := [name for name in call.plan.metrics if name not in found])
        }
        everything = {**failures, **lacking, **self._unplanned(call.plan, made)}
        if strange := set(call.plan.seeds) ^ {*scores, *failures}:
            raise Missing(f"{call.plan.experiment}: does not have the seeds that it was assigned ({min(strange)})")
        return Outcome(
            status="failed" if everything else "finished",
            scores={seed: found for seed, found in scores.items() if seed not in everything},
            failures=everything,
            random=random,
            steps=steps,
            bytes=sum(bytes_below(folder.path) for folder in made),
            experiments=tuple(self._kept(folder) for folder in made),
            reason=first_line(Exception(next(iter(everything.values()))["message"])) if everything else "",
        )

    def _unplanned(self, plan_: StartPlan, made: list[RunFolder]) -> dict[int, dict[str, str]]:
        """Return the seeds of a smoke run that trained another number of steps than was planned."""
        if plan_.phase != "smoke":
            return {}
        planned = self.resolve(plan_.overrides).smoke_steps
        return {
            int(each["seed"]): {
                "kind": "steps",
                "message": f"trained {int(each['steps']):,} steps, and {planned:,} were planned",
            }
            for folder in made
            for each in read_metadata(folder.path)["seeds"]
            if int(each["steps"]) != planned
        }

    def _kept(self, folder: RunFolder) -> dict[str, Any]:
        """Return what keeps an experiment, with the hashes of its raw data."""
        name = folder.path.name
        kept = experiment_named(self.root, name)
        if kept is None:
            raise Missing(f"{name}: is not kept")
        score = folder.evaluation.scores["latest"]
        files = {"episodes": "eval/episodes.csv", "snapshot": "config_snapshot.yaml", "metadata": "metadata.json"}
        return {
            "name": name,
            "commit": kept.commit,
            "seeds": sorted(score.seeds),
            **{key: f"sha256:{sha256_of(folder.path / path)}" for key, path in files.items()},
            "checkpoints": {str(seed): digest for seed, digest in sorted(score.policies.items())},
        }


def task_hash(snapshot: Snapshot, judging: Judging) -> str:
    """Return the hash of what is measured: environment, its arguments and code, held-out protocol but for its list, engine versions."""
    facts = task_of(snapshot, judging.final_eval)
    protocol = {key: value for key, value in facts["protocol"].items() if key != "seed"}
    return hash_of(json.loads(json.dumps({**facts, "protocol": protocol}, default=str)))


def dirty_hash(root: Path) -> str:
    """Hash what differs from Git's commit: tracked changes, and new configs and code."""
    changed = git(root, "diff", "HEAD", "--no-ext-diff", "--", *SOURCES, "params.yaml", "dvc.yaml")
    digest = hashlib.sha256(changed.encode(errors="surrogateescape"))
    for name in untracked_sources(root):
        path = root / name
        if path.is_file():
            digest.update(f"\0{name}\0{sha256_of(path)}".encode())
    return f"sha256:{digest.hexdigest()}"


def _smoke_steps(snapshot: Snapshot) -> int:
    config = snapshot.config
    iteration = config.algo.iteration(config.env.num_envs)
    wanted = max(SMOKE_ITERATIONS * iteration, LEAST_SMOKE)
    return min(-(-wanted // iteration) * iteration, Timetable.of(config, None).whole_steps)


def _blocks(seeds: list[int]) -> list[tuple[int, int]]:
    """Return runs of consecutive seeds, as first one and number."""
    found: list[tuple[int, int]] = []
    for seed in seeds:
        if found and seed == sum(found[-1]):
            found[-1] = (found[-1][0], found[-1][1] + 1)
        else:
            found.append((seed, 1))
    return found


def _plain(rows: Any) -> list[dict[str, Any]]:
    """Return rows of a table as plain values; missing ones are None."""
    import pandas as pd

    return [
        {key: None if pd.isna(value) else value for key, value in row.items() if key not in ("checkpoint", "seed")}
        for row in rows.to_dict("records")
    ]


@contextmanager
def _stoppable(stopped: threading.Event) -> Iterator[Any]:
    """Give what takes note of the process that runs stages; it is stopped when it is to be."""
    over = threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def watch(process: subprocess.Popen[bytes], *, ended: bool) -> None:
        running[:] = [] if ended else [process]

    def look() -> None:
        while not over.wait(LOOK):
            if stopped.is_set() and running:
                stop(running[0])

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch
    except TrainingFailed:
        if stopped.is_set():
            raise Interrupted("interrupted") from None
        raise
    finally:
        over.set()
        thread.join()
