"""A project made by an older rlx brought up to the present one, with its results.

What rlx keeps in projects is replaced, or merged with what its owner changed. Where that changes no result, ``dvc.lock`` and
the bench are carried over, so that nothing is made anew. ``dvc.lock`` and the bench are written first: whoever is killed on
the way calls it again, and it goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import rlx
from rlx.config import (
    FILE as JUDGING,
    MOST_BYTES,
    MOST_CONFIG_BYTES,
    check_engine,
    check_unchanged,
    compose_run,
    read_bytes,
    read_parameters,
    read_snapshot,
    with_value,
    write_bytes,
)
from rlx.errors import CommandFailed, ConfigError, RlxError
from rlx.experiments.carrying import (
    ADDED_FOLDER,
    added_since,
    carried,
    file_dependency,
    files_below,
    lists_algorithms,
)
from rlx.experiments.merging import in_conflict
from rlx.experiments.pipeline import (
    ANALYSIS,
    NAME as PIPELINE,
    PLOTS,
    compares_plots,
    load_pipeline,
    parsed_pipeline,
    writes_judging,
)
from rlx.experiments.repository import under_way
from rlx.experiments.shipped import KEPT_BY_RLX
from rlx.experiments.upgraded_files import UpgradedFile, upgraded
from rlx.records import Lock, bench_folder, count_stage_as, read_lock

LOCK, PARAMETERS, TRAIN = "dvc.lock", "params.yaml", "stages/train.py"
OWN_ALGORITHMS = "algorithms/__init__.py"
NEW_PACKAGE = b'"""The algorithms of this project: importing this package makes them known by name (`algo.name`)."""\n'
NEEDS = {
    "resolve": ('end it with `resolved.write(root / "runs" / run)`', (".write(", JUDGING)),
    "eval": ('let it take the episodes from `RunFolder(root / "runs" / run).judged.final_eval`', ("judged", JUDGING)),
    "video": ('let it take the episodes from `RunFolder(root / "runs" / run).judged.final_eval`', ("judged", JUDGING)),
}
"""What a stage must do for a pipeline that judges each environment by its own, and words one of which its file then has."""


@dataclass(frozen=True)
class Upgrade:
    """What an upgrade changes.

    Attributes:
        files: The files that change, in the order in which they are written; ``before`` is empty where there was none.
        conflicts: Files whose owner changed the same lines as rlx; they are left.
        left: What else is left to the owner, a sentence each.
        lock: ``dvc.lock``, where results are carried over.
        again: Stages that `dvc repro` makes again, since they are given other files or settings.
        trained: Why, by run, `dvc repro` trains it anew, whether for the upgrade or for a change before it.
        engine: The versions of rlx's semantics that ``params.yaml`` pins and that change: old and new.
        has_bench: Whether seeds on the bench are found again by another train stage.
    """

    files: tuple[UpgradedFile, ...]
    conflicts: tuple[UpgradedFile, ...] = ()
    left: tuple[str, ...] = ()
    lock: UpgradedFile | None = None
    again: tuple[str, ...] = ()
    trained: Mapping[str, str] | None = None
    engine: Mapping[str, tuple[int, int]] | None = None
    has_bench: bool = False


def older_files(root: Path) -> list[str]:
    """Return the files that an older rlx wrote and that `rlx upgrade` brings up to date."""
    return [file.name for file in _kept(root) if file.after != file.before or file.conflict]


def plan_upgrade(root: Path) -> Upgrade:
    """Return what brings a project up to date; nothing is written.

    Raises:
        CommandFailed: A merge, a rebase or the like is under way.
        ConfigError: A file is in conflict, or cannot be read.
        EngineVersionMismatch: ``params.yaml`` pins a version that only a newer rlx computes.
    """
    _check_settled(root)
    load_pipeline(root)  # one that cannot be read is told by its name
    found = {file.name: file for file in _kept(root)}
    left = [*_not_ready(found)]
    changed = [file for file in found.values() if file.after != file.before]
    engine = _outdated_pins(root)
    if engine:
        changed.insert(0, _pinned(root, engine))
    pipeline = found.get(PIPELINE)
    if pipeline is not None and lists_algorithms(pipeline.after) and not (root / OWN_ALGORITHMS).is_file():
        if (root / f"{ADDED_FOLDER}.py").exists() or (root / ADDED_FOLDER).is_file():
            taken = ADDED_FOLDER if (root / ADDED_FOLDER).is_file() else f"{ADDED_FOLDER}.py"
            left.append(f"{taken} is in the way of a package {ADDED_FOLDER}/: rename it, then `rlx upgrade` again")
            changed = [file for file in changed if file.name != PIPELINE]
            found[PIPELINE] = UpgradedFile(PIPELINE, pipeline.before, pipeline.before)
        else:
            changed.insert(0, UpgradedFile(OWN_ALGORITHMS, b"", NEW_PACKAGE))
    lock = _lock(root, found)
    return Upgrade(
        tuple(changed),
        tuple(file for file in found.values() if file.conflict),
        tuple(left),
        lock,
        tuple(_made_again(found.get(PIPELINE))),
        dict(_trained(root, found, lock, engine)),
        engine,
        any(file.name == TRAIN for file in changed) and any(path.is_dir() for path in bench_folder(root).glob("*")),
    )


def upgrade(root: Path, planned: Upgrade) -> None:
    """Do what was planned.

    Raises:
        CommandFailed: A file was changed meanwhile; nothing was written.
    """
    files = [*([planned.lock] if planned.lock else []), *planned.files]
    for file in files:
        if (read_bytes(root / file.name, MOST_BYTES) if (root / file.name).is_file() else b"") != file.before:
            raise CommandFailed(f"{file.name}: was changed meanwhile, and nothing is written; `rlx upgrade` again")
    if planned.has_bench:
        stage = next(file for file in planned.files if file.name == TRAIN)
        count_stage_as(root, *(hashlib.sha256(content).hexdigest() for content in (stage.after, stage.before)))
    for file in files:
        write_bytes(root / file.name, file.after)


def _check_settled(root: Path) -> None:
    what = under_way(root)
    if what and what != "bisect":
        raise CommandFailed(
            f"a {what} is under way in Git; `git {what} --continue` when it is resolved, or `git {what} --abort` undoes it"
        )
    if names := in_conflict(root):
        raise ConfigError(f"{', '.join(names)}: in conflict; `rlx sync --merge` merges what rlx can")


def _kept(root: Path) -> Iterator[UpgradedFile]:
    """Yield what becomes of every file that rlx keeps in the project; links are their owner's."""
    for name in sorted(KEPT_BY_RLX, key=lambda name: name == PIPELINE):
        path = root / name
        if path.is_file() and not path.is_symlink():
            yield upgraded(name, read_bytes(path, MOST_CONFIG_BYTES))


def _not_ready(found: dict[str, UpgradedFile]) -> Iterator[str]:
    """Yield what stages of the owner's must do before ``dvc.yaml`` can judge each environment by its own; it is left till then."""
    pipeline = found.get(PIPELINE)
    if pipeline is None or pipeline.after == pipeline.before or writes_judging(parsed_pipeline(pipeline.before)):
        return
    lacking = []
    for stage, (need, signs) in NEEDS.items():
        file = found.get(f"stages/{stage}.py")
        if file is None or not any(sign.encode() in file.after for sign in signs):
            lacking.append(f"stages/{stage}.py is changed from what rlx shipped: {need}")
    if lacking:
        yield from lacking
        yield "Then `rlx upgrade` again brings dvc.yaml up to date: each environment is then judged by its own."
        found[PIPELINE] = UpgradedFile(PIPELINE, pipeline.before, pipeline.before)


def _outdated_pins(root: Path) -> dict[str, tuple[int, int]]:
    """Return the versions that ``params.yaml`` pins and that this rlx no longer computes, with the present ones."""
    engine = read_parameters(root).engine
    pinned = engine.model_dump()
    if any(pinned[name] > version for name, version in rlx.STAGE_VERSIONS.items()):
        check_engine(engine)
    return {name: (pinned[name], now) for name, now in rlx.STAGE_VERSIONS.items() if pinned[name] < now}


def _pinned(root: Path, engine: Mapping[str, tuple[int, int]]) -> UpgradedFile:
    before = read_bytes(root / PARAMETERS, MOST_CONFIG_BYTES)
    text = before.decode("utf-8")
    for name, (_, now) in engine.items():
        text = with_value(text, ("engine", name), now, PARAMETERS)
    return UpgradedFile(PARAMETERS, before, text.encode("utf-8"), is_edited=True)


def _lock(root: Path, found: Mapping[str, UpgradedFile]) -> UpgradedFile | None:
    """Return ``dvc.lock`` with the results carried over; None where it stays as it is."""
    if not (root / LOCK).is_file():
        return None
    before = read_bytes(root / LOCK, MOST_BYTES)
    replaced = {file.name: (file.before, file.after) for file in found.values() if file.after != file.before}
    pipeline = found.get(PIPELINE)
    files = {Path(OWN_ALGORITHMS).name: NEW_PACKAGE} | files_below(root / ADDED_FOLDER)
    added = added_since(pipeline.before, pipeline.after, files) if pipeline else {}
    analyses = pipeline is not None and not compares_plots(parsed_pipeline(pipeline.after))
    after = carried(before.decode("utf-8"), replaced, added, analyses=analyses).encode("utf-8")
    return UpgradedFile(LOCK, before, after) if after != before else None


def _made_again(pipeline: UpgradedFile | None) -> Iterator[str]:
    """Yield the stages whose definition changes in a way that DVC sees."""
    if pipeline is None or pipeline.after == pipeline.before:
        return
    before, after = (parsed_pipeline(content)["stages"] for content in (pipeline.before, pipeline.after))
    for name, stage in after.items():
        if name in before and _definition(before[name]) != _definition(stage):
            yield name


def _definition(stage: Any) -> Any:
    """Return what DVC compares of a stage; dependencies on algorithms of one's own and on analyses are carried over."""
    content = {key: value for key, value in stage.items() if key != "desc"} if isinstance(stage, dict) else {}
    return content | {
        key: sorted(str(item).replace(f"/{PLOTS}", f"/{ANALYSIS}") for item in content[key] if item != ADDED_FOLDER)
        for key in ("deps", "params", "outs")
        if isinstance(content.get(key), list)
    }


def _trained(
    root: Path, found: Mapping[str, UpgradedFile], lock: UpgradedFile | None, engine: Mapping[str, tuple[int, int]]
) -> Iterator[tuple[str, str]]:
    """Yield the runs with results that `dvc repro` trains anew, and why."""
    text = lock.after if lock else read_bytes(root / LOCK, MOST_BYTES) if (root / LOCK).is_file() else b""
    recorded: Lock = read_lock(text.decode("utf-8"))
    stage = found.get(TRAIN)
    for run in read_parameters(root).study.runs:
        section = recorded.stages.get(f"train@{run}")
        if section is None:
            continue
        if "train" in engine:
            yield run, "rlx trains otherwise since; {} → {} (engine.train)".format(*engine["train"])
        elif stage is not None and file_dependency(stage.after).lines(TRAIN) not in section:
            yield run, f"{TRAIN} was changed since it was trained"
        elif _is_of_another_configuration(root, run):
            yield run, "params.yaml, its config or its code was changed since it was trained"


def _is_of_another_configuration(root: Path, run: str) -> bool:
    try:
        snapshot = read_snapshot(root / "runs" / run / "config_snapshot.yaml")
        if replace(snapshot, config=compose_run(root, run).config) != snapshot:
            return True
        check_unchanged(root, snapshot.code.files)
    except ConfigError:
        return True
    except RlxError:
        return False
    return False
