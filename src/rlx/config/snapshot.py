"""``config_snapshot.yaml``: the complete effective configuration of a run, and the project code that it uses.

Training depends on this file alone. It is byte-stable: the same configuration gives the same bytes on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rlx.config.document import Document, dump, read_document
from rlx.config.schema import RunConfig
from rlx.errors import ConfigError, Missing, Problem

FORMAT = 1
HEADER = "# The effective configuration of this run, complete. Written by the resolve stage; edit configs/ instead.\n"
IDENTITY_KEYS = ("run_name", "seed", "num_seeds")
"""Settings that say which seeds a run has and how it is called, but not what one seed computes."""


@dataclass(frozen=True)
class ProjectCode:
    """What of the project's own ``envs/`` and ``policies/`` a run uses.

    Attributes:
        files: SHA-256 of each file, by its path in the project.
        registration: How the project registers the environment (entry point, episode limit, arguments), if it does.
    """

    files: dict[str, str] = field(default_factory=dict)
    registration: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """The effective configuration of a run with the project code behind it."""

    config: RunConfig
    code: ProjectCode = ProjectCode()

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
        content = {"format": FORMAT, **self.config.model_dump(), "code": code}
        if self.config.checkpoint.start is None:
            del content["checkpoint"][
                "start"
            ]  # as before there was such a setting, so that nothing trains again for it
        return content

    def to_yaml(self) -> str:
        """Return the text of the file."""
        return HEADER + dump(self.to_data())


def read_snapshot(path: Path) -> Snapshot:
    """Read a ``config_snapshot.yaml``.

    Raises:
        Missing: There is none.
        ConfigError: It was made by a newer rlx, or was edited into something invalid.
    """
    if not path.is_file():
        raise Missing(f"{path}: no such file; `dvc repro` (or `rlx train`) makes it")
    return snapshot_from(read_document(path))


def snapshot_from(document: Document) -> Snapshot:
    """Return the snapshot that a YAML document holds; see :func:`read_snapshot`."""
    if document.problems:
        raise ConfigError(document.problems)
    data = dict(document.data)
    version, code = data.pop("format", None), data.pop("code", {})
    if version != FORMAT:
        message = f"snapshot format {version!r} is not the format {FORMAT} that this rlx reads; upgrade rlx, or run `dvc repro`"
        raise ConfigError([Problem(document.name, None, None, "format", message)])
    try:
        return Snapshot(
            RunConfig.model_validate(data), ProjectCode(code.get("files", {}), code.get("registration", {}))
        )
    except (ValidationError, AttributeError) as error:
        message = f"is not a snapshot ({error}); `dvc repro` makes it anew"
        raise ConfigError([Problem(document.name, None, None, "", message)]) from None
