"""The argument list of a foreign command: placeholders replaced once, what launches it before it, never a shell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from rlx.config import parse_yaml, read_text
from rlx.errors import UsageError
from rlx.stats import nearest

COMMAND = ("overrides", "seed", "steps", "out", "config", "episodes", "list_seed", "worktree")
"""What may stand in braces in a command."""
OVERRIDES = "{overrides}"
"""An argument of its own: it becomes as many as there are settings."""
ENVIRONMENT = "{environment}"
"""Of a launcher: becomes a NAME=VALUE for each variable of the adapter."""
WHOLE = "{command}"
"""Of a launcher: becomes the command; where a template does not have it, the command stands last."""
LAUNCHER = ("command", "environment", "gpus", "worktree", "folder", "session")
"""What a launcher's template may name without an option of the adapter."""
_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}")


def placeholders(text: str) -> list[str]:
    """Return the names in braces in a text; ``{{`` and ``}}`` stand for braces."""
    return [found[1] for found in _PLACEHOLDER.finditer(text) if found[1]]


def misfit(text: str, known: Sequence[str] = COMMAND) -> str | None:
    """Return what is wrong with the placeholders of an argument, with the cure; None where nothing is."""
    for name in placeholders(text):
        if name not in known:
            told = ", ".join(f"{{{each}}}" for each in known)
            return f"{{{name}}} is no placeholder; {nearest(name, list(known))}; there are {told}, and {{{{ for a brace"
    if OVERRIDES in text and text != OVERRIDES:
        return f"{OVERRIDES} stands for several arguments, so it must be one by itself: `{OVERRIDES}`"
    return None


def filled(text: str, values: Mapping[str, Any]) -> str:
    """Return a text with its placeholders replaced; braces in what replaces them mean nothing.

    Raises:
        UsageError: It names one that has no value.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0][0]
        if found[1] not in values:
            raise UsageError(f"{{{found[1]}}} has no value here ({text!r}); known are {', '.join(values)}")
        return str(values[found[1]])

    return _PLACEHOLDER.sub(value, text)


def argument_list(command: Sequence[str], settings: Sequence[str], values: Mapping[str, Any]) -> list[str]:
    """Return a command's arguments.

    Args:
        command: The template.
        settings: What ``{overrides}`` becomes.
        values: What the other placeholders become.
    """
    found: list[str] = []
    for item in command:
        found += settings if item == OVERRIDES else [filled(item, values)]
    return found


@cache
def launchers() -> Mapping[str, Launcher]:
    """Return all launchers by name; see ``launchers.yaml``."""
    content = parse_yaml(read_text(Path(__file__).with_name("launchers.yaml")))
    return {name: Launcher(row["train"], row["evaluate"], row.get("guard")) for name, row in content.items()}


@dataclass(frozen=True)
class Launcher:
    """How commands are started.

    Attributes:
        train: The template for a training.
        evaluate: The template for an evaluation.
        guard: What an argument must not end with, lest the launcher takes it for its own.
    """

    train: Sequence[str]
    evaluate: Sequence[str]
    guard: str | None = None

    @property
    def options(self) -> set[str]:
        """The names that its templates want from ``hardware.options``."""
        return {name for item in (*self.train, *self.evaluate) for name in placeholders(item)} - set(LAUNCHER)

    def launched(
        self, purpose: str, command: Sequence[str], values: Mapping[str, Any], environment: Mapping[str, str]
    ) -> list[str]:
        """Return the arguments that start a command.

        Args:
            purpose: ``train`` or ``evaluate``.
            command: The command's arguments.
            values: What placeholders of the template become.
            environment: The adapter's variables.
        """
        template = [*(self.train if purpose == "train" else self.evaluate)]
        if WHOLE not in template:
            template.append(WHOLE)
        guarded = [f"{word[:-1]}\\{word[-1]}" if self.guard and word.endswith(self.guard) else word for word in command]
        several = {WHOLE: guarded, ENVIRONMENT: [f"{name}={value}" for name, value in environment.items()]}
        return [
            word
            for item in template
            for word in several.get(item) or ([] if item in several else [filled(item, values)])
        ]
