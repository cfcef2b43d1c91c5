"""Checkpoints: zips that stock ``stable_baselines3.PPO.load`` opens, and that rlx reads without unpickling.

==========================  ===========================================================================
member                      content
==========================  ===========================================================================
``data``                    SB3's own (JSON with pickled members): written for stock SB3, never read by rlx
``policy.pth``              weights, a plain ``state_dict``
``policy.optimizer.pth``    optimiser state, a plain ``state_dict``
``rlx/config.yaml``         the run's snapshot
``rlx/state.json``          counters, and everything else that resuming needs
``rlx/normalizer.json``     observation and return statistics, where the run normalises
``rlx/manifest.json``       format version, and the SHA-256 of every other member
==========================  ===========================================================================

Equal training states give equal bytes: members hold no time, host or path.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import stable_baselines3
import torch
from stable_baselines3.common.save_util import data_to_json

from rlx.config import opened, parse_json, require, write_bytes
from rlx.envs import Normalizer
from rlx.errors import CheckpointDamaged, Missing
from rlx.stats import first_line, raised, shown

FORMAT = 2
"""1: until rlx 0.1. 2: the state names the engine."""
MANIFEST = "rlx/manifest.json"
NEEDED = ("rlx/config.yaml", "rlx/state.json", "policy.pth", "policy.optimizer.pth")
MOST_FACTS_BYTES = 2**24
"""Of a member that says something: a manifest, a state, the names of tensors."""
MOST_TRIED = 20
"""Checkpoints beside a damaged one that are tried."""
MOST_VALUES, MOST_NESTED = 200_000, 10
"""Tensors and values in a ``state_dict``, and how deep they may lie."""
EPOCH = (1980, 1, 1, 0, 0, 0)
VOLATILE = {
    "start_time": 0,
    "_last_obs": None,
    "_last_episode_starts": None,
    "_last_original_obs": None,
    "tensorboard_log": None,
}
"""What SB3 would save that differs between equal training states, and what is saved in its place."""


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
        update: Updates made.
        boundary: Index of the next segment (see :meth:`rlx.algorithms.ppo.PPO.begin_segment`).
        n_updates: SB3's own count of epochs.
        engine: What computed it (see :class:`rlx.algorithms.Engine`).
        best: The policy validation preferred so far.
        reports_success: Whether the environment has reported success so far; in the file only where it has.
    """

    seed: int
    step: int
    update: int
    boundary: int
    n_updates: int
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
    """A checkpoint in memory: what rlx reads of it, verified, nothing unpickled."""

    path: Path
    state: TrainingState
    config: str
    normalizer: Normalizer | None
    weights: dict[str, torch.Tensor]
    optimizer: dict[str, Any]


def save(
    path: Path, model: stable_baselines3.PPO, state: TrainingState, config: str, normalizer: Normalizer | None
) -> None:
    """Write a checkpoint atomically.

    Args:
        path: Where.
        model: The algorithm, with its weights and optimiser.
        state: Where its training stands.
        config: Text of the run's snapshot.
        normalizer: Its observation statistics, if it normalises.
    """
    members = {
        "data": _stock_data(model),
        "policy.pth": _tensors(model.policy.state_dict()),
        "policy.optimizer.pth": _tensors(model.policy.optimizer.state_dict()),
        "_stable_baselines3_version": stable_baselines3.__version__.encode(),
        "rlx/config.yaml": config.encode(),
        "rlx/state.json": _json(state.to_data()),
    }
    if normalizer is not None:
        members["rlx/normalizer.json"] = _json(normalizer.to_data())
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    members[MANIFEST] = _json({"format": FORMAT, "sha256": hashes})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content)
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
            _load_tensors(members["policy.pth"], device),
            _load_tensors(members["policy.optimizer.pth"], device),
        )
    except Exception as error:
        raise CheckpointDamaged(f"{path}: does not hold what a checkpoint of rlx holds ({raised(error)})") from error


def _state(facts: Any) -> TrainingState:
    """Return where a training stands, every count of it a whole number: they become names of files."""
    best = facts.get("best")
    counts = [facts[name] for name in ("seed", "step", "update", "boundary", "n_updates")]
    counts += [best["step"]] if best else []
    require(all(type(count) is int and count >= 0 for count in counts), "a count that is no whole number")
    require(isinstance(facts["engine"], str), "no engine")
    found = Best(best["step"], float(best["validation_return"])) if best else None
    return TrainingState(**{**facts, "best": found})


def weights_hash(checkpoint: Checkpoint) -> str:
    """Return the SHA-256 of the policy's weights and observation statistics: equal policies, equal hashes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(checkpoint.weights.items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
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
    if lacking := [name for name in NEEDED if name not in hashes]:
        raise CheckpointDamaged(f"{path}: its manifest is damaged: it lacks {lacking[0]}")
    members = {}
    for name, expected in hashes.items():
        if name not in infos or hashlib.sha256(content := archive.read(name)).hexdigest() != expected:
            raise CheckpointDamaged(f"{path}: is damaged: {shown(name)} does not match its checksum")
        members[name] = content
    return _migrated(members, version)


def _migrated(members: dict[str, bytes], version: int) -> dict[str, bytes]:
    """Bring members of an older format into the present one."""
    if version == 1:
        state = parse_json(members["rlx/state.json"]) | {"engine": "stable-baselines3"}  # there was no other
        members = members | {"rlx/state.json": _json(state)}
    return members


def _stock_data(model: stable_baselines3.PPO) -> bytes:
    """Return SB3's ``data`` member, without what differs between equal states (times, addresses, last observations)."""
    excluded = {"policy", *model._excluded_save_params()}
    data = {key: value for key, value in model.__dict__.items() if key not in excluded}
    data.update(VOLATILE)
    for buffer in ("ep_info_buffer", "ep_success_buffer"):
        data[buffer] = deque(maxlen=data["_stats_window_size"])
    described = json.loads(data_to_json(data))
    stripped = {
        key: {part: value[part] for part in (":type:", ":serialized:")}
        if isinstance(value, dict) and ":serialized:" in value
        else value
        for key, value in described.items()
    }
    return _json(stripped)


def _tensors(content: Any) -> bytes:
    """Serialise a ``state_dict``, each tensor with memory of its own (an engine may keep them all in one)."""
    buffer = io.BytesIO()
    torch.save(_own_memory(content), buffer)
    return buffer.getvalue()


def _own_memory(content: Any) -> Any:
    if isinstance(content, torch.Tensor):
        return content.detach().clone()
    if isinstance(content, dict):
        return type(content)((key, _own_memory(value)) for key, value in content.items())
    return content


def _load_tensors(content: bytes, device: str) -> dict[str, Any]:
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
