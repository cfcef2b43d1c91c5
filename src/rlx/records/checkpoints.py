"""Checkpoints: zips that rlx reads without unpickling, and that the library of the algorithm opens, too, where it can.

==========================  ===========================================================================
member                      content
==========================  ===========================================================================
``rlx/config.yaml``         the run's snapshot
``rlx/state.json``          where the training stands: seed, steps, iterations, segment, best
``rlx/learner.json``        the learner's state: everything that resuming needs; large parts by their names
``rlx/arrays/*.npy``        its arrays
``rlx/normalizer.json``     observation and return statistics, where the run normalises
``rlx/replay.json``         which files beside it hold the replay buffer (:mod:`rlx.records.replay`), where there is one
``rlx/manifest.json``       format version, and the SHA-256 of every other member
``*.pth``                   weights and optimisers of Stable-Baselines3's algorithms, plain ``state_dict``: parts of the
                            state, kept once
``data``                    SB3's own (JSON with pickled members): written for stock SB3, never read by rlx
==========================  ===========================================================================

Equal training states give equal bytes: members hold no time, host or path.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlx.config import opened, parse_json, require, write_bytes
from rlx.envs import Normalizer
from rlx.errors import CheckpointDamaged, Missing
from rlx.records.replay import StoredReplay
from rlx.records.states import LEARNER, leaves, members_of, state_from
from rlx.stats import first_line, raised, shown

FORMAT = 3
"""1: the first. 2: the state names the engine. 3: the learner's own state instead of PPO's, iterations for updates."""
MANIFEST, REPLAY = "rlx/manifest.json", "rlx/replay.json"
NEEDED = ("rlx/config.yaml", "rlx/state.json")
OLDER_NEEDED = ("policy.pth", "policy.optimizer.pth")
"""What checkpoints of formats 1 and 2 have instead of :data:`LEARNER`."""
MOST_FACTS_BYTES = 2**24
"""Of a member that says something: a manifest, a state, the names of tensors."""
MOST_TRIED = 20
"""Checkpoints beside a damaged one that are tried."""
MOST_VALUES, MOST_NESTED = 200_000, 10
"""Tensors and values in a ``state_dict``, and how deep they may lie."""
EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Best:
    """The policy that validation preferred so far."""

    step: int
    validation_return: float


@dataclass(frozen=True)
class TrainingState:
    """Where a seed stands.

    Attributes:
        seed: The training seed.
        step: Environment steps taken.
        iteration: Iterations made.
        boundary: Index of the next segment (see :meth:`rlx.algorithms.Learner.boundary`).
        engine: What computed it (see :class:`rlx.algorithms.Engine`).
        best: The policy validation preferred so far.
        reports_success: Whether the environment has reported success so far; in the file only where it has.
    """

    seed: int
    step: int
    iteration: int
    boundary: int
    engine: str
    best: Best | None = None
    reports_success: bool = False

    def to_data(self) -> dict[str, Any]:
        """Return the state as plain values, as a checkpoint holds it."""
        data = asdict(self)
        if not self.reports_success:
            del data["reports_success"]
        return data


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory: what rlx reads of it, verified, nothing unpickled.

    Attributes:
        path: The file.
        state: Where the training stands.
        config: The text of the run's snapshot.
        normalizer: The normaliser's statistics, if the run normalises.
        learner: The learner's state (:data:`rlx.algorithms.State`), the replay buffer aside.
        replay: Where its replay buffer is; None where it has none, or it is not kept with this checkpoint.
    """

    path: Path
    state: TrainingState
    config: str
    normalizer: Normalizer | None
    learner: dict[str, Any]
    replay: StoredReplay | None = None

    @property
    def policy(self) -> dict[str, Any]:
        """What is enough to act."""
        found: dict[str, Any] = self.learner["policy"]
        return found


@dataclass(frozen=True)
class CheckpointContent:
    """What a checkpoint is made of.

    Attributes:
        state: Where the training stands.
        config: Text of the run's snapshot.
        normalizer: The normaliser's statistics, if the run normalises.
        learner: The learner's state (:data:`rlx.algorithms.State`).
        members: What another library is to find in it, by name.
        shared: Parts of the learner's state that are among those, by their paths in the state.
        replay: Where the replay buffer is, if it is kept with this checkpoint.
    """

    state: TrainingState
    config: str
    normalizer: Normalizer | None
    learner: Mapping[str, Any]
    members: Mapping[str, bytes] = field(default_factory=dict)
    shared: Mapping[str, str] = field(default_factory=dict)
    replay: StoredReplay | None = None


def save(path: Path, content: CheckpointContent) -> None:
    """Write a checkpoint atomically."""
    members = {
        **content.members,
        "rlx/config.yaml": content.config.encode(),
        "rlx/state.json": _json(content.state.to_data()),
        **members_of(content.learner, content.shared),
    }
    if content.normalizer is not None:
        members["rlx/normalizer.json"] = _json(content.normalizer.to_data())
    if content.replay is not None:
        members[REPLAY] = _json(content.replay.to_data())
    hashes = {name: hashlib.sha256(member).hexdigest() for name, member in members.items()}
    members[MANIFEST] = _json({"format": FORMAT, "sha256": hashes})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, member in members.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), member)
    write_bytes(path, buffer.getvalue())


def load(path: Path, device: str = "cpu") -> Checkpoint:
    """Read a checkpoint; verifies every member against the manifest, and never unpickles.

    Args:
        path: The zip.
        device: Where to put the tensors.

    Raises:
        Missing: There is no such file.
        CheckpointDamaged: It is not a checkpoint of rlx, of a newer format, or damaged; the message says which, and
            names the newest good checkpoint beside it.
    """
    try:
        return _load(path, device)
    except CheckpointDamaged as error:
        good = _newest_good(path)
        raise CheckpointDamaged(
            f"{error}; the newest good checkpoint beside it is {good.name}" if good else str(error)
        ) from error


def numbered(folder: Path) -> list[Path]:
    """Return the checkpoints ``step_<N>.zip`` of a folder, newest first."""
    found = [path for path in folder.glob("step_*.zip") if re.fullmatch(r"step_[0-9]{1,18}", path.stem)]
    return sorted(found, key=lambda path: int(path.stem.partition("_")[2]), reverse=True)


def _newest_good(damaged: Path) -> Path | None:
    """Return the newest numbered checkpoint beside a damaged one that can be read (None if there is none)."""
    for path in numbered(damaged.parent)[:MOST_TRIED]:
        try:
            _load(path, "cpu")
        except (CheckpointDamaged, Missing):
            continue
        return path
    return None


def _load(path: Path, device: str) -> Checkpoint:
    members = _verified(path)
    try:
        normalizer = members.get("rlx/normalizer.json")
        return Checkpoint(
            path,
            _state(parse_json(members["rlx/state.json"])),
            members["rlx/config.yaml"].decode(),
            Normalizer.from_data(parse_json(normalizer)) if normalizer else None,
            state_from(members, partial(_load_tensors, device=device)),
            StoredReplay.from_data(parse_json(members[REPLAY])) if REPLAY in members else None,
        )
    except Exception as error:
        raise CheckpointDamaged(f"{path}: does not hold what a checkpoint of rlx holds ({raised(error)})") from error


def _state(facts: Any) -> TrainingState:
    """Return where a training stands, every count of it a whole number: they become names of files."""
    best = facts.get("best")
    counts = [facts[name] for name in ("seed", "step", "iteration", "boundary")]
    counts += [best["step"]] if best else []
    require(all(type(count) is int and count >= 0 for count in counts), "a count that is no whole number")
    require(isinstance(facts["engine"], str), "no engine")
    found = Best(best["step"], float(best["validation_return"])) if best else None
    return TrainingState(**{**facts, "best": found})


def weights_hash(checkpoint: Checkpoint) -> str:
    """Return the SHA-256 of the policy and its observation statistics: equal policies, equal hashes."""
    digest = hashlib.sha256()
    for name, value in sorted(leaves(checkpoint.policy)):
        digest.update(f"{name.removeprefix('network/')} ".encode())
        if isinstance(value, torch.Tensor):
            digest.update(f"{tuple(value.shape)} {value.dtype}".encode())
            digest.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        elif isinstance(value, np.ndarray):
            digest.update(f"{value.shape} {value.dtype}".encode() + value.tobytes())
        else:
            digest.update(repr(value).encode())
    if checkpoint.normalizer:
        digest.update(_json(checkpoint.normalizer.to_data()["observation"]))
    return digest.hexdigest()


def _verified(path: Path) -> dict[str, bytes]:
    if not path.is_file():
        raise Missing(f"{path}: no such checkpoint")
    try:
        with opened(path) as archive:
            return _members(archive, path)
    except ValueError as error:
        raise CheckpointDamaged(f"{path}: is damaged, or no checkpoint of rlx: {first_line(error)}") from None


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, bytes]:
    """Read the members that the manifest names, each checked against it; the manifest comes first."""
    infos = {info.filename: info for info in archive.infolist()}
    if MANIFEST not in infos:
        raise CheckpointDamaged(
            f"{path}: was not written by rlx (it has no {MANIFEST}); rlx does not unpickle foreign checkpoints"
        )
    try:
        require(infos[MANIFEST].file_size <= MOST_FACTS_BYTES, "too large")
        manifest = parse_json(archive.read(MANIFEST))
        version, hashes = manifest["format"], dict(manifest["sha256"])
        require(type(version) is int, "no format")
    except (ValueError, KeyError, TypeError):
        raise CheckpointDamaged(f"{path}: its manifest is damaged") from None
    if version not in range(1, FORMAT + 1):
        raise CheckpointDamaged(
            f"{path}: has checkpoint format {version}, and this rlx reads formats 1 to {FORMAT}; upgrade rlx"
        )
    needed = (*NEEDED, *((LEARNER,) if version > 2 else OLDER_NEEDED))
    if lacking := [name for name in needed if name not in hashes]:
        raise CheckpointDamaged(f"{path}: its manifest is damaged: it lacks {lacking[0]}")
    members = {}
    for name, expected in hashes.items():
        if name not in infos or hashlib.sha256(content := archive.read(name)).hexdigest() != expected:
            raise CheckpointDamaged(f"{path}: is damaged: {shown(name)} does not match its checksum")
        members[name] = content
    try:
        return _migrated(members, version)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointDamaged(
            f"{path}: does not hold what a checkpoint of format {version} holds ({raised(error)})"
        ) from None


def _migrated(members: dict[str, bytes], version: int) -> dict[str, bytes]:
    """Bring members of an older format into the present one."""
    if version == FORMAT:
        return members
    state = parse_json(members["rlx/state.json"])
    if version == 1:
        state["engine"] = "stable-baselines3"  # there was no other
    counters = {"num_timesteps": state["step"], "_n_updates": state.pop("n_updates")}
    state["iteration"] = state.pop("update")
    learner = {"policy": {"network": None}, "networks": {"policy.optimizer": None}, "counters": counters}
    shared = {"policy/network": "policy.pth", "networks/policy.optimizer": "policy.optimizer.pth"}
    return members | {"rlx/state.json": _json(state)} | members_of(learner, shared)


def _load_tensors(content: bytes, *, device: str) -> dict[str, Any]:
    """Read a ``state_dict``: plain tensors, each no larger than the bytes that came for it, and plain values."""
    with opened(content) as archive:
        pickles = [info for info in archive.infolist() if info.filename.endswith("data.pkl")]
        require(len(pickles) == 1 and pickles[0].file_size <= MOST_FACTS_BYTES, "not as torch writes tensors")
    loaded = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    if not isinstance(loaded, dict):
        raise TypeError("not a state_dict")
    _check_tensors(loaded)
    return loaded


def _check_tensors(loaded: dict[str, Any]) -> None:
    waiting: list[tuple[Any, int]] = [(loaded, 0)]
    seen = 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        require(seen <= MOST_VALUES and depth <= MOST_NESTED, "more values than a state_dict has")
        if isinstance(value, dict | list | tuple):
            inside = [*value, *value.values()] if isinstance(value, dict) else value
            waiting += [(inner, depth + 1) for inner in inside]
        elif isinstance(value, torch.Tensor):
            require(value.layout == torch.strided and not value.is_quantized, "a tensor of another layout")
            fits = value.numel() * value.element_size() <= value.untyped_storage().nbytes()
            require(fits, "a tensor larger than what it is made of")
        else:
            require(
                value is None or isinstance(value, bool | int | float | str), "a value that is none of a state_dict"
            )


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()
