"""``dvc.lock``: what DVC recorded of each stage. It is read by sections, one of a stage: most of it is parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rlx.config import parse_yaml
from rlx.errors import ConfigError


@dataclass(frozen=True)
class Lock:
    """A ``dvc.lock``, its stages as they are written.

    Attributes:
        head: What stands above the stages.
        stages: The text of each, by its name.
        tail: What stands below them.
    """

    head: str
    stages: Mapping[str, str]
    tail: str = ""

    def text(self) -> str:
        """Return the text of the file."""
        return self.head + "".join(self.stages.values()) + self.tail


NEW = "schema: '2.0'\nstages:\n"


def read_lock(text: str) -> Lock:
    """Take a ``dvc.lock`` apart.

    Raises:
        ConfigError: It is not one.
    """
    if not text.strip():
        return Lock(NEW, {})
    head, has_stages, rest = text.partition("stages:\n")
    if not has_stages or not (head.endswith("\n") or not head):
        raise ConfigError("dvc.lock: has no stages")
    ends = re.search(r"^\S", rest, re.MULTILINE)
    body, tail = (rest[: ends.start()], rest[ends.start() :]) if ends else (rest, "")
    if body and not body.endswith("\n"):
        body += "\n"
    found = re.split(r"^(?=  [^\s#])", body, flags=re.MULTILINE)
    stages = {}
    for section in found[1:] if not found[0].strip() else found:
        name = section.partition("\n")[0].strip()
        if not name.endswith(":"):
            raise ConfigError(f"dvc.lock: {name[:60]!r} is no stage")
        stages[name[:-1].strip("'\"")] = section
    return Lock(f"{head}{has_stages}", stages, tail)


def sections(text: str) -> dict[str, str]:
    """Return the text of each stage by its name, also of a ``dvc.lock`` that is damaged, or half of a merge, elsewhere."""
    found: dict[str, str] = {}
    for part in re.split(r"^(?=  [^\s#]|\S)", text, flags=re.MULTILINE):
        if match := re.match(r"  (['\"]?)(\S+)\1:\n", part):
            found.setdefault(match[2], part)
    return found


def outputs_in(section: str) -> list[tuple[str, str]]:
    """Return the outputs of a stage, with their hashes; only that part of its section is parsed.

    Raises:
        ValueError: It cannot be read (also AttributeError, TypeError).
    """
    tail = section.find("\n    outs:\n")
    content: Any = parse_yaml(section[tail:]) if tail >= 0 else {}
    return [(str(out.get("path", "")), str(out.get("md5", ""))) for out in content.get("outs", [])]
