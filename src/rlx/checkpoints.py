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
import zipfile
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import stable_baselines3
import torch
from stable_baselines3.common.save_util import data_to_json

from rlx.atomic import write_bytes
from rlx.errors import CheckpointDamaged, Missing
from rlx.normalization import Normalizer

FORMAT = 2
"""1: until rlx 0.1. 2: the state names the engine."""
MANIFEST = "rlx/manifest.json"
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
    found = [path for path in folder.glob("step_*.zip") if path.stem.partition("_")[2].isdigit()]
    return sorted(found, key=lambda path: int(path.stem.partition("_")[2]), reverse=True)


def _newest_good(damaged: Path) -> Path | None:
    """Return the newest numbered checkpoint beside a damaged one that can be read (None if there is none)."""
    for path in numbered(damaged.parent):
        try:
            _load(path, "cpu")
        except (CheckpointDamaged, Missing):
            continue
        return path
    return None


def _load(path: Path, device: str) -> Checkpoint:
    members = _verified(path)
    try:
        state = json.loads(members["rlx/state.json"])
        best = Best(**state.pop("best")) if state.get("best") else None
        normalizer = members.get("rlx/normalizer.json")
        return Checkpoint(
            path,
            TrainingState(**{**state, "best": best}),
            members["rlx/config.yaml"].decode(),
            Normalizer.from_data(json.loads(normalizer)) if normalizer else None,
            _load_tensors(members["policy.pth"], device),
            _load_tensors(members["policy.optimizer.pth"], device),
        )
    except Exception as error:
        raise CheckpointDamaged(
            f"{path}: does not hold what a checkpoint of rlx holds ({type(error).__name__}: {_first_line(error)})"
        ) from error


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
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            foreign = any(info.compress_type != zipfile.ZIP_STORED or info.file_size > size for info in infos)
            members = {} if foreign else {info.filename: archive.read(info) for info in infos}
    except Exception as error:  # noqa: BLE001 — damage shows in many ways: zlib, Unicode, struct, end of file
        raise CheckpointDamaged(f"{path}: is damaged, or not a zip file ({_first_line(error)})") from None
    if foreign:
        raise CheckpointDamaged(f"{path}: was not written by rlx (its members are compressed), or is damaged")
    if MANIFEST not in members:
        raise CheckpointDamaged(
            f"{path}: was not written by rlx (it has no {MANIFEST}); rlx does not unpickle foreign checkpoints"
        )
    try:
        manifest = json.loads(members[MANIFEST])
        version, hashes = manifest["format"], dict(manifest["sha256"])
    except (ValueError, KeyError, TypeError):
        raise CheckpointDamaged(f"{path}: its manifest is damaged") from None
    if version not in range(1, FORMAT + 1):
        raise CheckpointDamaged(
            f"{path}: has checkpoint format {version}, and this rlx reads formats 1 to {FORMAT}; upgrade rlx"
        )
    for name, expected in hashes.items():
        if name not in members or hashlib.sha256(members[name]).hexdigest() != expected:
            raise CheckpointDamaged(f"{path}: is damaged: {name} does not match its checksum")
    return _migrated({name: members[name] for name in hashes}, version)


def _migrated(members: dict[str, bytes], version: int) -> dict[str, bytes]:
    """Bring members of an older format into the present one."""
    if version == 1:
        state = json.loads(members["rlx/state.json"]) | {"engine": "stable-baselines3"}  # there was no other
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
    loaded = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    if not isinstance(loaded, dict):
        raise TypeError("not a state_dict")
    return loaded


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:200]
