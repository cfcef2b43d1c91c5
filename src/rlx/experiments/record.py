"""What an experiment was asked to be: a file in its folder until it is kept, and for good in the message of its commit.

The commit goes wherever the experiment goes (`dvc exp push`, `dvc exp pull`), and nothing that a stage depends on holds
the message.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rlx.config import is_plain_path, parse_json, read_json, require, write_json
from rlx.errors import CommandFailed, DataDamaged
from rlx.launch import git
from rlx.records import RECORD
from rlx.stats import shown

FORMAT = 1
RUN_NAME = r"[A-Za-z][A-Za-z0-9_\-]*"
TRAILER = "rlx-record: "
"""How the line of a commit's message begins that holds the record."""
LINEAGE = ("parent", "study", "candidate", "start")
"""Fields that say what an experiment was made from and for; each may be missing."""


@dataclass(frozen=True)
class Record:
    """What an experiment was asked to be.

    Attributes:
        run: The run it is of.
        settings: Its ``-S``, as DVC takes them.
        targets: The stages to make.
        parent: The run or experiment that it was made from, where that is another than its config: the one that it
            trains further.
        study: The study that it was started for.
        candidate: The candidate of that study that it tries.
        start: The line of that study's ledger that started it: its number and its hash.
    """

    run: str
    settings: tuple[str, ...]
    targets: tuple[str, ...]
    parent: str | None = None
    study: str | None = None
    candidate: str | None = None
    start: str | None = None

    def to_message(self, name: str) -> str:
        """Return the message of the commit that keeps an experiment of this name."""
        return f"rlx: experiment {name} of {self.run}\n\n{TRAILER}{json.dumps(_plain(self), sort_keys=True)}"


def write_record(folder: Path, record: Record) -> None:
    """Write what an experiment was asked to be into its folder."""
    write_json(folder / RECORD, _plain(record))


def read_record(folder: Path) -> Record | None:
    """Read what the experiment of a folder was asked to be; None where the folder is of no experiment that is being made.

    Raises:
        DataDamaged: The file is not such a record.
    """
    path = folder / RECORD
    try:
        return _record(read_json(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataDamaged(
            f"{path}: is not the record of an experiment ({str(error)[:80]}); `rlx rm {shlex.quote(folder.name)}` deletes it"
        ) from None


def kept_record(root: Path, commit: str) -> Record | None:
    """Return what the experiment that a commit keeps was asked to be; None where its message does not say, as older ones."""
    try:
        return from_message(git(root, "show", "--no-patch", "--format=%B", "--end-of-options", commit))
    except CommandFailed:
        return None


def from_message(message: str) -> Record | None:
    """Return the record that a commit's message holds; None where it holds none that could be made."""
    for line in reversed(message.split("\n")):
        if line.startswith(TRAILER):
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                return _record(parse_json(line.removeprefix(TRAILER)))
            return None
    return None


def _plain(record: Record) -> dict[str, Any]:
    content = {"format": FORMAT, **asdict(record)}
    return {key: value for key, value in content.items() if value is not None}


def _record(content: Mapping[str, Any]) -> Record:
    fields = dict(content)
    require(fields.pop("format") == FORMAT, f"its format is not {FORMAT}")
    settings, targets = tuple(fields["settings"]), tuple(fields["targets"])
    return _checked(Record(**{**fields, "settings": settings, "targets": targets}))


def _checked(record: Record) -> Record:
    """Return a record; refuse one that would ask DVC for anything else than to make a run of this project."""
    given = [value for key in LINEAGE if (value := getattr(record, key)) is not None]
    if not all(isinstance(text, str) for text in (record.run, *record.settings, *record.targets, *given)):
        raise ValueError("its fields are not text")
    if not re.fullmatch(RUN_NAME, record.run):
        raise ValueError(f"{shown(record.run)} is not a run's name")
    for target in record.targets:
        if not re.fullmatch(rf"(resolve|train|eval|video|analyze)@{RUN_NAME}", target):
            raise ValueError(f"{shown(target)} is not a stage of a run")
    for setting in record.settings:
        file, separator, _ = setting.partition("=")[0].partition(":")
        if separator and not is_plain_path(file.lstrip("+~")):
            raise ValueError(f"the setting {shown(setting)} is of a file elsewhere")
    return record
