"""A finished run trained further: a plan with its own configuration, a larger budget, and where it starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlx.comparison import flatten
from rlx.config import Snapshot, as_setting, cannot_go_on, is_schedule
from rlx.errors import Missing, UsageError
from rlx.experiments.experiment import RecordedRun
from rlx.experiments.kept import experiment_named
from rlx.experiments.making import begin_again, has_workplace
from rlx.experiments.planning import Plan, plan
from rlx.experiments.record import Record
from rlx.experiments.references import find_origin
from rlx.experiments.revisions import cure_of_commit, recorded, recorded_here
from rlx.records import RunFolder, cached, cure_of_study_run


def continuation(root: Path, folder: RunFolder, timesteps: int, overrides: Sequence[str] = ()) -> Plan:
    """Plan the continuation of a finished run.

    Args:
        root: The project.
        folder: The run: of the workspace, or a kept one.
        timesteps: Environment steps per seed that it shall have in the end.
        overrides: ``KEY=VALUE``: settings that shall be others from here on.

    Raises:
        UsageError: It has as many already, the project's code differs from the run's, or a setting cannot change any more.
        Missing: It is not finished, or DVC does not keep its files.
    """
    before = folder.snapshot
    if timesteps <= before.config.algo.total_timesteps:
        raise UsageError(
            f"{folder.name} has {before.config.algo.total_timesteps:,} steps per seed already; --timesteps must be more"
        )
    run, record = _record(root, folder)
    lineage = {
        "run": folder.name,
        "checkpoints": record.outputs["checkpoints"],
        "metrics": record.outputs["metrics.jsonl"],
    }
    if any(cached(root, digest) is None for digest in (lineage["checkpoints"], lineage["metrics"])):
        origin = folder.origin or find_origin(root, folder)
        told = cure_of_commit(root, origin.commit) if origin else cure_of_study_run(folder.path)
        raise Missing(f"{folder.name}: its checkpoints are not in this clone's DVC cache; {told}")
    said = {key: value for key, value in before.config.model_dump().items() if key != "run_name"}
    wanted = flatten(said, keep=is_schedule)  # which is another one as a whole
    wanted = {key: value for key, value in wanted.items() if not key.startswith("checkpoint.start")}
    wanted["algo.total_timesteps"] = timesteps
    changed = [override.partition("=")[0].lstrip("+~").rpartition(":")[2].strip() for override in overrides]
    wanted = {key: value for key, value in wanted.items() if not _among(key, changed)}
    here = flatten(plan(root, run, []).snapshot.config.model_dump(), keep=is_schedule)
    settings = [as_setting(key, value) for key, value in wanted.items() if here.get(key) != value]
    settings += [as_setting(f"+checkpoint.start.{key}", value) for key, value in lineage.items()]
    planned = plan(root, run, [*settings, *overrides])
    _check(folder.name, before, planned.snapshot, wanted)
    return planned


def begun_again(root: Path, folder: RunFolder, record: Record) -> str | None:
    """Let an experiment that failed, or whose clone is gone, begin again with what there is now; return what to say of it.

    Raises:
        UsageError: Its clone is gone, and the project is not what it started from any more.
    """
    name = folder.name
    here = has_workplace(root, name)
    if experiment_named(root, name) is not None or (here and folder.state != "failed"):
        return None
    planned = plan(root, record.run, record.settings)
    changed = told_changes(folder.snapshot, planned.snapshot)
    if not here and planned.snapshot != folder.snapshot:
        raise UsageError(
            f"{name}: what it started from is gone (.dvc/tmp), and the project has changed since: {changed}. "
            f"Put that back, or train anew with `rlx train {record.run}`"
        )
    begin_again(root, name, planned)
    return f"{name}: goes on with the code and configs as they are now" + (f": {changed}" if changed else "")


def check_goes_on(root: Path, folder: RunFolder) -> None:
    """Check that a run of the workspace can go on: it is this project's, here, and (unless it failed) unchanged.

    Raises:
        UsageError: It is of another project, or its configuration or code has changed since it was stopped.
        Missing: There is nothing to go on with.
    """
    run, status = folder.path.name, folder.state
    if folder.path.parent != root / "runs":
        raise UsageError(f"{folder.path}: is not a run of this project; only those can be resumed")
    if status == "elsewhere":
        raise Missing(f"{run}: there is nothing to go on with: {cure_of_study_run(folder.path)}")
    if status != "failed" and (now := plan(root, run, []).snapshot) != folder.snapshot:
        raise UsageError(
            f"{run}: its configuration or code has changed since it was stopped: {told_changes(folder.snapshot, now)}. "
            f"Put that back to go on, or train what there is now: `dvc repro`"
        )


def told_changes(old: Snapshot, new: Snapshot) -> str:
    """Name what differs between two snapshots, five settings or files at most."""
    before, after = flatten(old.to_data()), flatten(new.to_data())
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return ", ".join(
        key.removeprefix("code.files.") if key.startswith("code.") else f"{key} {before.get(key)} → {after.get(key)}"
        for key in keys[:5]
    )


def _among(key: str, changed: Sequence[str]) -> bool:
    """Tell whether a dotted key is one of those, or lies in one of them."""
    return any(f"{key}.".startswith(f"{name}.") or f"{name}.".startswith(f"{key}.") for name in changed)


def _record(root: Path, folder: RunFolder) -> tuple[str, RecordedRun]:
    origin = folder.origin or find_origin(root, folder)
    if origin is None:
        run, runs = folder.path.name, recorded_here(root)
    else:
        run, (runs,) = origin.run, recorded(root, [origin.commit])
    record = runs.get(run)
    if origin is None and folder.state == "elsewhere":
        raise Missing(f"{folder.name}: is not in this clone: {cure_of_study_run(folder.path)}")
    if record is None or not {"checkpoints", "metrics.jsonl"} <= set(record.outputs) or not folder.is_evaluated:
        raise Missing(
            f"{folder.name}: is not finished, so it cannot be trained further; `rlx resume {folder.name}` first"
        )
    return run, record


def _check(name: str, before: Snapshot, after: Snapshot, wanted: Mapping[str, Any]) -> None:
    """Refuse a continuation that would not be the run's own code and, but for what was asked, configuration."""
    if impossible := cannot_go_on(before.config, after.config):
        raise UsageError(f"{name} cannot be trained further like that: {'; '.join(impossible)}")
    if missing := sorted({*after.seeds} - {*before.seeds}):
        raise UsageError(
            f"{name} has no seed {missing[0]} to go on from; it has {before.seeds[0]} to {before.seeds[-1]}"
        )
    found = flatten({**after.config.model_dump(), "code": after.to_data()["code"]}, keep=is_schedule)
    own = {**wanted, **flatten({"code": before.to_data()["code"]})}
    different = [key for key, value in own.items() if found.get(key) != value]
    different += [key for key in found if key.startswith("code.") and key not in own]
    if different:
        raise UsageError(
            f"{name} was trained with other code or settings than the project has now: {', '.join(different[:5])}. "
            f"Put them back first (`git diff`, `rlx info {name}`)"
        )
