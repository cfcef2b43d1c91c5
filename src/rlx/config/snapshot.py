"""``config_snapshot.yaml``: the complete effective configuration of a run, and the project code that it uses.

Training depends on this file alone. It is byte-stable: the same configuration gives the same bytes on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rlx.config.algorithm_config import AlgorithmConfig, ForeignAlgorithm, own_settings
from rlx.config.document import Document, KeyPath, dump, parse_document, read_document
from rlx.config.files.containment import is_plain_path
from rlx.config.files.restoring import from_git
from rlx.config.schema import RunConfig
from rlx.config.values import Section, changes_results, lasting, since_of
from rlx.errors import ConfigError, DataDamaged, Missing
from rlx.stats import listed, shown

FORMAT = 1
HEADER = "# The effective configuration of this run, complete. Written by the resolve stage; edit configs/ instead.\n"
IDENTITY_KEYS = ("run_name", "seed", "num_seeds")
"""Settings that say which seeds a run has and how it is called, but not what one seed computes."""


@dataclass(frozen=True)
class ProjectCode:
    """What of the project's own ``envs/``, ``policies/`` and ``algorithms/`` a run uses.

    Attributes:
        files: SHA-256 of each file, by its path in the project.
        registration: How the project registers the environment (entry point, episode limit, arguments), if it does.
        data: SHA-256 of each other file of the project that the environment reads, by its path in the project.
        training_data: The same of those that only ``env.training`` names: they are no part of the task.
    """

    files: dict[str, str] = field(default_factory=dict)
    registration: dict[str, Any] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    training_data: dict[str, str] = field(default_factory=dict)

    @property
    def all_data(self) -> dict[str, str]:
        """Data of the task and of training."""
        return {**self.data, **self.training_data}

    @property
    def everything(self) -> dict[str, str]:
        """All files: code and data."""
        return {**self.files, **self.all_data}


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The effective configuration of a run with the project code behind it; equal where what is written of it is."""

    config: RunConfig
    code: ProjectCode = ProjectCode()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Snapshot) and self.to_data() == other.to_data()

    def __hash__(self) -> int:
        return hash(self.to_yaml())

    @property
    def seeds(self) -> list[int]:
        """The training seeds of the run."""
        return [self.config.seed + index for index in range(self.config.num_seeds)]

    def training_part(self) -> dict[str, Any]:
        """Return what determines the result of one seed, as plain values (the seed itself aside)."""
        return {key: value for key, value in self.to_data().items() if key not in IDENTITY_KEYS}

    def to_data(self) -> dict[str, Any]:
        """Return the snapshot as plain values, in the order of the file."""
        code: dict[str, Any] = {"files": self.code.files, "registration": self.code.registration}
        if self.code.data:
            code["data"] = self.code.data
        if self.code.training_data:
            code["training_data"] = self.code.training_data
        return {"format": FORMAT, **lasting(self.config), "code": code}

    def to_yaml(self) -> str:
        """Return the text of the file."""
        return HEADER + dump(self.to_data())


def read_snapshot(path: Path) -> Snapshot:
    """Read a ``config_snapshot.yaml``.

    Raises:
        Missing: There is none.
        DataDamaged: It was made by a newer rlx, or is not complete: cut, or edited into something invalid.
    """
    if not path.exists():
        raise Missing(f"{path}: no such file; `dvc repro` (or `rlx train`) makes it")
    cure = from_git(path)
    try:
        document = read_document(path)
        if not path.read_bytes().endswith(b"\n"):
            raise DataDamaged(f"{path}: is cut in its last line; {cure}")
    except ConfigError as error:
        raise DataDamaged(f"{error}; {cure}") from None
    return _snapshot_from(document, cure)


def carried_snapshot(text: str, checkpoint: Path) -> Snapshot:
    """Return the snapshot whose text a checkpoint carries.

    Raises:
        DataDamaged: As :func:`read_snapshot`.
    """
    cure = "the checkpoint is as it was written, so it was made so: take another one"
    return recorded_snapshot(text, f"{checkpoint} (its configuration)", cure)


def recorded_snapshot(text: str, name: str, cure: str) -> Snapshot:
    """Return the snapshot that has a text, wherever that was found.

    Args:
        text: The text.
        name: What to call it in messages.
        cure: What brings a good one back, for messages.

    Raises:
        DataDamaged: As :func:`read_snapshot`.
    """
    try:
        return _snapshot_from(parse_document(text, name), cure)
    except ConfigError as error:
        raise DataDamaged(f"{error}; {cure}") from None


def _snapshot_from(document: Document, cure: str) -> Snapshot:
    """Return the snapshot that a YAML document holds.

    Args:
        document: The document.
        cure: What brings a good one back, for the message.

    Raises:
        DataDamaged: As :func:`read_snapshot`.
    """
    data = dict(document.data)
    version, code = data.pop("format", None), data.pop("code", None)
    if isinstance(version, int) and version > FORMAT:
        raise DataDamaged(
            f"{document.name}: has snapshot format {version}, and this rlx reads format {FORMAT}; upgrade rlx"
        )
    if document.problems or version != FORMAT:
        told = str(ConfigError(document.problems)) or f"{document.name}: has no format"
        raise DataDamaged(f"{told}; it is not a snapshot; {cure}")
    if lacking := [".".join(map(str, path)) for path in _lacking(data, code)]:
        raise DataDamaged(
            f"{document.name}: is not complete: it lacks {listed(lacking)}, and a snapshot has every setting; {cure}"
        )
    try:
        return Snapshot(_config_from(_with_older(RunConfig, data)), _project_code(code))
    except (ValidationError, ValueError, TypeError) as error:
        told = " ".join(str(error).split())[:200]
        raise DataDamaged(f"{document.name}: is not a snapshot ({told}); {cure}") from None


def _config_from(data: dict[str, Any]) -> RunConfig:
    """Return the configuration of a snapshot; it is read without its algorithm, if that is somebody else's."""
    algo = data.get("algo")
    if isinstance(algo, dict) and own_settings(str(algo.get("name"))) is None:
        data = {**data, "algo": ForeignAlgorithm.model_validate(algo)}
    return RunConfig.model_validate(data)


def complete_settings(settings: type[AlgorithmConfig], read: AlgorithmConfig) -> AlgorithmConfig:
    """Return the settings of an algorithm that a snapshot was read without, as one with it is read.

    Raises:
        ValueError: It has other settings than those.
    """
    values = read.model_dump()
    if lacking := [".".join(map(str, path)) for path in _unsaid(settings, values, ())]:
        raise ValueError(f"it lacks {listed(lacking)}")
    return settings.model_validate(_with_older(settings, values))


def _lacking(data: dict[str, Any], code: Any) -> list[KeyPath]:
    """Return the settings that a snapshot should have and has not."""
    own = code if isinstance(code, dict) else {}
    return [*_unsaid(RunConfig, data, ()), *(("code", name) for name in ("files", "registration") if name not in own)]


def _unsaid(section: type[Section], values: Any, path: KeyPath) -> Iterator[KeyPath]:
    for name, info in section.model_fields.items():
        here = (*path, name)
        if not isinstance(values, dict) or name not in values:
            yield from [here] if since_of(info) is None and changes_results(info) else []
        elif inner := _section_of(info.annotation, values[name]):
            yield from _unsaid(inner, values[name], here)


def _with_older(section: type[Section], values: dict[str, Any]) -> dict[str, Any]:
    """Return what a snapshot says with what it does not say: the values by which versions before a setting behaved."""
    complete = dict(values)
    for name, info in section.model_fields.items():
        since = since_of(info)
        if name not in values and since is not None:
            complete[name] = since.older
        elif isinstance(values.get(name), dict) and (inner := _section_of(info.annotation, values[name])):
            complete[name] = _with_older(inner, values[name])
    return complete


def _section_of(annotation: Any, values: Any) -> type[Section] | None:
    """Return the section that a setting is, by the algorithm's name where it is ``algo``."""
    if not (isinstance(annotation, type) and issubclass(annotation, Section)):
        return None
    if annotation is AlgorithmConfig:
        name = values.get("name") if isinstance(values, dict) else None
        return own_settings(str(name)) or ForeignAlgorithm
    return annotation


def _project_code(code: dict[str, Any]) -> ProjectCode:
    files, registration = code["files"], code["registration"]
    data, training_data = code.get("data", {}), code.get("training_data", {})
    if not all(isinstance(part, dict) for part in (files, registration, data, training_data)):
        raise TypeError("code.files, code.registration, code.data and code.training_data must be mappings")
    for name, digest in (*files.items(), *data.items(), *training_data.items()):
        if not (is_plain_path(name) and isinstance(digest, str)):
            raise ValueError(f"code: {shown(name)} is not a file of the project with its hash")
    return ProjectCode(files, registration, data, training_data)
