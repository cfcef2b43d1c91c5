"""Where two trainings of one seed part: in a checkpoint, or in a row of metrics, the first place in words."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from rlx.config import carried_snapshot
from rlx.launch import versions_of
from rlx.records import checkpoints
from rlx.records.bench import LIBRARIES
from rlx.records.runs import host, is_portable
from rlx.records.states import leaves


def checkpoint_difference(stored: Path, again: Path) -> str | None:
    """Return what first differs between two checkpoints of a seed; None where all that training goes on from is the same.

    What tells other things is left out: how many seeds the run had, and what is there for other libraries to open.

    Args:
        stored: One checkpoint.
        again: The other.

    Raises:
        Missing: One is not there.
        CheckpointDamaged: One is damaged, or no checkpoint of rlx.
    """
    one, other = checkpoints.load(stored), checkpoints.load(again)
    if stored.read_bytes() == again.read_bytes():
        return None
    configs = [carried_snapshot(each.config, each.path).training_part() for each in (one, other)]
    if configs[0] != configs[1]:
        return "the configuration that it carries"
    if found := _first_leaf(one.learner, other.learner):
        return found
    normalizers = [None if each.normalizer is None else each.normalizer.to_data() for each in (one, other)]
    if json.dumps(normalizers[0]) != json.dumps(normalizers[1]):
        return "the statistics of the normaliser"
    if one.state != other.state:
        return "where the training stands (rlx/state.json)"
    kept = [None if each.replay is None else each.replay.to_data() for each in (one, other)]
    return None if kept[0] == kept[1] else "the replay buffer"


def _first_leaf(one: Mapping[str, Any], other: Mapping[str, Any]) -> str | None:
    """Return the first part of a learner's state that differs: the policy's weights before those of optimisers."""
    mine, theirs = dict(leaves(one)), dict(leaves(other))
    names = sorted(mine.keys() | theirs.keys(), key=lambda name: (not name.startswith("policy/"), name))
    for name in names:
        if name not in mine or name not in theirs or not _is_same(mine[name], theirs[name]):
            return name
    return None


def _is_same(one: Any, other: Any) -> bool:
    """Compare arrays, tensors and plain values by their bits."""
    if hasattr(one, "shape") and hasattr(other, "shape"):
        first, second = (np.asarray(each.detach().cpu() if hasattr(each, "detach") else each) for each in (one, other))
        alike = (first.shape, first.dtype) == (second.shape, second.dtype)
        return alike and first.tobytes() == second.tobytes()
    return type(one) is type(other) and repr(one) == repr(other)


def metrics_difference(stored: Iterable[Mapping[str, Any]], again: Iterable[Mapping[str, Any]]) -> str | None:
    """Return what first differs between the rows of metrics of two trainings of a seed; None where all are the same."""
    for one, other in zip_longest(stored, again):
        if one is None or other is None:
            row, there = (other, "stored") if one is None else (one, "again")
            return f"row of step {row['step']:,}: not there {there}"
        for name in sorted(one.keys() | other.keys()):
            if repr(one.get(name)) != repr(other.get(name)):
                return f"step {one['step']:,}: {name} is {one.get(name)!r} stored, and {other.get(name)!r} again"
    return None


def differing_circumstances(
    metadata: Mapping[str, Any], engine: str | None = None, libraries: Sequence[str] = ()
) -> Iterator[str]:
    """Yield what can change bits and is another here and now than when something was trained, a text each.

    Args:
        metadata: As ``metadata.json`` holds it: of ``versions``, ``host`` and ``engine``.
        engine: What computed it when it was trained again.
        libraries: Those of its algorithm, beside :data:`rlx.records.LIBRARIES`.
    """
    then = metadata.get("versions") or {}
    now = {"python": platform.python_version(), **versions_of(["rlx", *LIBRARIES, *libraries])}
    for name, version in now.items():
        if name in then and then[name] != version:
            yield f"{name} {then[name]} then, {version or 'none'} now"
    if engine is not None and (told := (metadata.get("engine") or {}).get("name")) != engine:
        yield f"engine {told} then, {engine} now"
    processor, here = (metadata.get("host") or {}).get("processor"), host()["processor"]
    if processor != here and not is_portable(metadata):
        yield f"processor {processor} then, {here} now, and the run was not pinned to the same bits on all (`portable`)"
