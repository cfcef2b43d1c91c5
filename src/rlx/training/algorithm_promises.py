"""What trials of an algorithm show of what :class:`rlx.algorithms.Learner` promises, each promise with what to do where it is broken."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rlx.algorithms import KINDS, Algorithm
from rlx.errors import RlxError
from rlx.launch import Failure
from rlx.records import Checkpoint, checkpoints, iterate_rows
from rlx.stats import listed
from rlx.training.algorithm_trials import Steady, all_leaves, bytes_of

Level = Literal["ok", "warning", "problem"]
METRICS = "metrics.jsonl"
WHOLE = (
    "put into state() what these hang on (moments, counters, targets), take it over in load_state(), and draw only from "
    "what boundary(seed) seeds"
)
ALONE = 'state()["policy"] has to hold all that act() goes by, and load_state({"policy": …}) has to take it over'
APART = "what policy(seed) gives draws from a generator made from seed, and changes nothing of the learner"
MEND = "mend that in the page, and check it again"
LONGER = "let it begin sooner (`-S algo.KEY=VALUE`, such as learning_starts), or train longer (`--steps N`)"


@dataclass(frozen=True)
class Promise:
    """One thing that an algorithm promises, and whether it was kept.

    Attributes:
        name: What was looked at, in a word or two.
        level: ``ok``, ``warning`` (it could not be shown) or ``problem``.
        message: What was found.
        members: Paths in the learner's state that differ, and files; empty where none does.
        cure: What to do about it; null where nothing is to be done.
    """

    name: str
    level: Level
    message: str
    members: tuple[str, ...] = ()
    cure: str | None = None


@dataclass(frozen=True)
class Trial:
    """What came of the trials in one environment.

    Attributes:
        folder: Where its trainings are.
        steady: Of the training in one go.
        killed: How the one ended that was to be killed; None where none was started.
        resumed: Why going on failed; empty where it did not, None where nothing was gone on with.
    """

    folder: Path
    steady: Steady
    killed: Any = field(default=None)
    resumed: str | None = None


def promises_in(trial: Trial) -> Iterator[Promise]:
    """Yield what an algorithm promises of its training in an environment."""
    result = trial.steady
    if result.error:
        yield Promise("trains", "problem", result.error, cure=f"look at {result.place}" if result.place else MEND)
        return
    if result.learned:
        yield Promise("trains", "ok", f"{result.total:,} steps; the policy learns within the first {result.segment:,}")
    else:
        told = f"the policy was the same after {result.segment:,} steps as before, so what follows proves little"
        yield Promise("trains", "warning", told, cure=LONGER)
    yield _resumes(trial)
    yield _undisturbed(trial.folder)
    yield from _acts(result)


def promises_of(row: Algorithm, trials: list[Trial]) -> Iterator[Promise]:
    """Yield what the row of an algorithm says of it, before any training."""
    refused = [
        kind
        for known, own in zip(KINDS, (row.observations, row.actions), strict=True)
        for kind in known
        if kind not in own
    ]
    told = f"sees {', '.join(row.observations)}; does {', '.join(row.actions)}"
    yield Promise("spaces", "ok", told + (f"\nrefuses {', '.join(dict.fromkeys(refused))}" if refused else ""))
    logged = {key for trial in trials for key in trial.steady.logged}
    silent = tuple(name for name in row.metrics if logged and name not in logged)
    told = f"{listed(list(row.metrics)) if row.metrics else 'none of its own'}: each is explained"
    yield Promise("metrics", "ok", told + (f"\nnever logged here: {listed(silent)}" if silent else ""))


def _resumes(trial: Trial) -> Promise:
    name, after = "resumes", "killed in its second segment"
    if not isinstance(trial.killed, Failure) or "SIGKILL" not in trial.killed.message:
        told = trial.killed.message if isinstance(trial.killed, Failure) else "it went another way than before"
        return Promise(name, "problem", f"a second training was not like the first: {told}", cure=WHOLE)
    if trial.resumed:
        return Promise(name, "problem", f"{after}, it did not go on: {trial.resumed}", cure=WHOLE)
    straight, killed = (trial.folder / kind for kind in ("steady", "killed"))
    members = differing(straight, killed)
    if not members:
        return Promise(name, "ok", f"{after}, it ends with the same bytes")
    return Promise(name, "problem", f"{after}, it ends with other bytes: {len(members)} differ", members, WHOLE)


def _undisturbed(folder: Path) -> Promise:
    members = differing(folder / "steady", folder / "validated", validated=True)
    if not members:
        return Promise("validation", "ok", "validating more often changes nothing")
    return Promise(
        "validation", "problem", f"validating more often changes the training: {len(members)} differ", members, APART
    )


def _acts(result: Steady) -> Iterator[Promise]:
    if result.acting:
        yield Promise("acts", "problem", result.acting, cure=ALONE)
        return
    for name, same, told, other, cure in (
        ("acts", result.alone, 'state()["policy"] alone acts as the learner does', "acts otherwise", ALONE),
        (
            "draws",
            result.alike,
            "policies of one seed act alike, and disturb nothing",
            "do not act alike",
            APART,
        ),
    ):
        how = [word for sure, word in ((True, "at its likeliest"), (False, "drawing")) if not same[sure]]
        if how:
            subject = 'state()["policy"] alone' if name == "acts" else "two policies of one seed"
            yield Promise(name, "problem", f"{subject} {other}, {' and '.join(how)}", cure=cure)
        elif name == "draws" and result.touched:
            yield Promise(name, "problem", "acting changes the learner's state", result.touched, APART)
        else:
            yield Promise(name, "ok", told)


def differing(one: Path, other: Path, *, validated: bool = False) -> tuple[str, ...]:
    """Return what differs between two trainings: paths in the final state, then metrics and files, if anything does.

    Args:
        one: Where the first is.
        other: Where the second is.
        validated: Whether they may differ in what validation says.
    """
    try:
        found = _differing_state(*(checkpoints.load(folder / "checkpoints" / "latest.zip") for folder in (one, other)))
    except RlxError as error:
        return (str(error),)
    rows = [[_told(row, validated) for row in iterate_rows(folder / METRICS)] for folder in (one, other)]
    if rows[0] != rows[1]:
        pairs = zip(*rows, strict=False)
        number, keys = next(((i, _unlike(*pair)) for i, pair in enumerate(pairs, 1) if pair[0] != pair[1]), (0, ()))
        found.append(f"{METRICS} from row {number}: {listed(keys)}" if number else f"{METRICS}: the number of rows")
    if not found and not validated:
        names = sorted({path.relative_to(folder) for folder in (one, other) for path in _files(folder)})
        for name in names:
            first, second = _contents(one / name), _contents(other / name)
            found += [f"{name}{inner}" for inner in first | second if first.get(inner) != second.get(inner)]
    return tuple(found)


def _differing_state(one: Checkpoint, other: Checkpoint) -> list[str]:
    first, second = ({path: bytes_of(value) for path, value in all_leaves(each.learner)} for each in (one, other))
    found = [path for path in first | second if first.get(path) != second.get(path)]
    plain = [json.dumps(each.normalizer.to_data()) if each.normalizer else "" for each in (one, other)]
    return found + (["the normaliser"] if plain[0] != plain[1] else [])


def _told(row: Mapping[str, Any], validated: bool) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not (validated and key.startswith("validation/"))}


def _unlike(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(key for key in {**one, **other} if one.get(key) != other.get(key))


def _files(folder: Path) -> list[Path]:
    return [folder / METRICS, *(path for path in (folder / "checkpoints").rglob("*") if path.is_file())]


def _contents(path: Path) -> dict[str, bytes]:
    """Return what is in a file: of a zip its members, of another one all of it; of none nothing."""
    if path.suffix == ".zip" and path.is_file():
        with zipfile.ZipFile(path) as archive:
            return {f": {name}": archive.read(name) for name in archive.namelist()}
    return {"": path.read_bytes()} if path.is_file() else {}
