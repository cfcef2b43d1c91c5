"""What a foreign command claims by exiting with 0, held against what it has written: a lie is found here, and named."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from rlx.config import sha256_of
from rlx.errors import DataDamaged, Missing, NonFiniteValue, RlxError
from rlx.studies.adapters.adapter import Adapter
from rlx.studies.adapters.found_files import found_file
from rlx.studies.adapters.metric_files import Row, Written, column, finite, read_number, read_rows, value_in
from rlx.studies.adapters.outcome import ForeignEpisode
from rlx.studies.adapters.running import ForeignFailure

TRUE, FALSE = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no")


class FalseClaim(RlxError):
    """A foreign command says that it did what it did not.

    Attributes:
        what: Which of its claims: files, steps, episodes, seeds, values, or checkpoint.
    """

    def __init__(self, what: str, message: str):
        self.what = what
        super().__init__(message)


@dataclass(frozen=True)
class Asked:
    """What a training was asked for.

    Attributes:
        steps: Environment steps.
        episodes: Held-out episodes.
        list_seed: Which list of them.
        reset_seeds: The reset seeds that another training of the same list reported; None where none has yet.
    """

    steps: int
    episodes: int
    list_seed: int
    reset_seeds: Sequence[int] | None = None


def failure_of(error: RlxError) -> ForeignFailure:
    """Return the failure that something found in what a command wrote amounts to."""
    if isinstance(error, NonFiniteValue):
        return ForeignFailure("non-finite", str(error))
    return ForeignFailure("lied", str(error), error.what if isinstance(error, FalseClaim) else "files")


def trained_steps(adapter: Adapter, written: Written) -> int:
    """Return the environment steps that a training says it took.

    Raises:
        FalseClaim: The file that says it is missing or damaged, or says nonsense.
        NonFiniteValue: It says NaN.
    """
    source = adapter.train.steps
    try:
        found = read_number(source, source.field, source.reduce, written)
    except (Missing, DataDamaged) as error:
        raise FalseClaim("files", f"it exited with 0, but nothing says how many steps it took: {error}") from None
    if found < 0 or found != int(found):
        raise FalseClaim("steps", f"it says that it took {found:g} steps")
    return int(found) * source.known_unit


def known_steps(adapter: Adapter, written: Written) -> int | None:
    """Return the steps that a training has taken, as far as its files say, also where it failed."""
    with suppress(RlxError, OSError, OverflowError):
        return trained_steps(adapter, written)
    return None


def check_steps(adapter: Adapter, taken: int, asked: Asked) -> None:
    """Check that a training took the steps that it was asked for.

    Raises:
        FalseClaim: It took fewer, or more, by more than the adapter allows.
    """
    source = adapter.train.steps
    if abs(taken - asked.steps) > source.allowed:
        less = "fewer" if taken < asked.steps else "more"
        raise FalseClaim(
            "steps",
            f"it took {taken:,} steps, {less} than the {asked.steps:,} it was asked for (by more than train.steps.rounding "
            f"allows, {source.allowed:,})",
        )


def checkpoint_hash(adapter: Adapter, written: Written) -> str | None:
    """Return the SHA-256 of the final policy's file; None where the adapter names none.

    Raises:
        FalseClaim: It is not there.
    """
    if adapter.train.checkpoint is None:
        return None
    try:
        return sha256_of(found_file(adapter.train.checkpoint, written.out))
    except (Missing, DataDamaged) as error:
        raise FalseClaim("checkpoint", f"it exited with 0, but left no policy: {error}") from None


def aggregates(adapter: Adapter, written: Written) -> dict[str, float]:
    """Return what a repository computed itself, by our names; raises as :func:`trained_steps`."""
    source = adapter.episodes
    try:
        return {name: read_number(source, field, source.reduce, written) for name, field in source.fields.items()}
    except (Missing, DataDamaged) as error:
        raise FalseClaim("files", f"it exited with 0, but its results are not there: {error}") from None


def held_out(adapter: Adapter, written: Written, asked: Asked) -> tuple[ForeignEpisode, ...]:
    """Return the held-out episodes, in order, if they are those that were asked for.

    Raises:
        FalseClaim: Their file is missing or damaged; they are too many or too few, of other seeds, or without length.
        NonFiniteValue: A value is NaN or infinite.
    """
    source = adapter.episodes
    try:
        rows = read_rows(source, written)
        for name in source.fields.values():
            column(rows, name, "the file of episodes")
    except (Missing, DataDamaged) as error:
        raise FalseClaim("files", f"it exited with 0, but its episodes are not there: {error}") from None
    if len(rows) != asked.episodes:
        raise FalseClaim("episodes", f"it wrote {len(rows):,} episodes, and was asked for {asked.episodes:,}")
    try:
        found = sorted(
            (_episode(row, index, source.fields) for index, row in enumerate(rows)), key=lambda each: each.episode
        )
    except DataDamaged as error:
        raise FalseClaim("values", str(error)) from None
    first = found[0].episode
    if [each.episode for each in found] != list(range(first, first + len(found))) or first not in (0, 1):
        raise FalseClaim("episodes", "the numbers of its episodes do not count from 0 (or 1) up, one each")
    _check_seeds(source.reset_seeds, [each.reset_seed for each in found], asked)
    return tuple(replace(each, episode=index) for index, each in enumerate(found))


def _check_seeds(rule: str, seeds: Sequence[int], asked: Asked) -> None:
    expected: Sequence[int] | None = {
        "consecutive": range(asked.list_seed, asked.list_seed + len(seeds)),
        "same": [asked.list_seed] * len(seeds),
        "own": asked.reset_seeds,
    }[rule]
    if expected is not None and list(seeds) != list(expected):
        index = next(index for index, pair in enumerate(zip(seeds, expected, strict=True)) if pair[0] != pair[1])
        raise FalseClaim(
            "seeds",
            f"episode {index} was reset with seed {seeds[index]}, and by episodes.reset_seeds ({rule}) that should be "
            f"{expected[index]}",
        )
    if rule == "own" and len(set(seeds)) != len(seeds):
        raise FalseClaim("seeds", "two of its episodes were reset with the same seed")


def _episode(row: Row, index: int, fields: dict[str, str]) -> ForeignEpisode:
    where = f"episode {index}"

    def of(name: str, otherwise: Any = None) -> Any:
        if name not in fields:
            return otherwise
        value = value_in(row, fields[name])
        if value is None or value == "":
            raise DataDamaged(f"{where}: has no {fields[name]}")
        return value

    return ForeignEpisode(
        episode=_whole(of("episode", index), f"{where}: its number"),
        reset_seed=_whole(of("reset_seed"), f"{where}: its reset seed"),
        score=finite(of("return"), f"{where}: its return"),
        length=_whole(of("length"), f"{where}: its length", 1),
        success=None if "success" not in fields else _truth(of("success"), f"{where}: its success"),
        cut=_truth(of("cut", False), f"{where}: whether it was cut"),
        parts={name: finite(of(name), f"{where}: {name}") for name in fields if "/" in name},
    )


def _whole(value: Any, where: str, least: int = 0) -> int:
    """Return a whole number; a text of digits keeps all of them, as reset seeds may be larger than what a float holds."""
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    found = value if isinstance(value, int) and not isinstance(value, bool) else finite(value, where)
    if found != int(found) or found < least or found >= 2**63:
        raise DataDamaged(f"{where} is {found:g}, and must be a whole number from {least} on")
    return int(found)


def _truth(value: Any, where: str) -> bool:
    told = str(value).strip().lower()
    if told not in (*TRUE, *FALSE):
        raise DataDamaged(f"{where} is {told[:20]!r}, neither true nor false")
    return told in TRUE
