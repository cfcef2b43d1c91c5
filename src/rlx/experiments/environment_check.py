"""The one check of a run's environment: made, reset and stepped once, in a process of its own, and remembered.

What was found is kept under ``.dvc/tmp/rlx/`` by the ``env`` section, the project's own code and data and the installed
packages, so that editing one config tries no other run's environment, and ``rlx train`` and its resolve stage try it once.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import rlx
from rlx.config import PACKAGES, EnvConfig, named_data, sha256_of, write_json
from rlx.errors import ConfigError
from rlx.launch import Failure, main_root, run_alone
from rlx.records import Complaint, EnvironmentFacts

ID = ("env", "id")
VERSION = 3
"""Of what is tried and noted; what an older one kept is not read."""
PASSING = ("hangs", "ended", "fails", "isolated")
"""Kinds of remarks whose cause may lie outside of what is remembered by: a file that is missing, a port in use."""
KEPT = 500


@dataclass(frozen=True)
class Checked:
    """What is known of an environment.

    Attributes:
        facts: That does not depend on the machine.
        seconds: How long it took to ``make`` a copy, and a ``step``; where known.
    """

    facts: EnvironmentFacts
    seconds: Mapping[str, float]


def check_environment(root: Path, env: EnvConfig) -> Checked:
    """Return what is known of an environment; tries it out where nothing is remembered.

    Args:
        root: The project.
        env: The environment, with its wrappers; its ``step_timeout`` holds here too. What only training has is no part of it.

    Raises:
        ConfigError: The project's own ``envs/`` cannot be imported.
    """
    env = env.task
    place = _folder(root) / f"{_fingerprint(root, env)}.json"
    if remembered := _remembered(root, place):
        return remembered
    checked = _try(root, env)
    data = tuple(dict.fromkeys([*checked.facts.data, *_named(root, env)]))
    checked = replace(checked, facts=replace(checked.facts, data=data))
    if not checked.facts.problems and not any(each.kind in PASSING for each in checked.facts.remarks):
        _remember(root, place, checked)
    return checked


def remembered(root: Path, env: EnvConfig) -> Checked | None:
    """Return what an earlier check found, where it still holds; tries nothing."""
    return _remembered(root, _folder(root) / f"{_fingerprint(root, env.task)}.json")


def _named(root: Path, env: EnvConfig) -> list[str]:
    return sorted({*named_data(root, env.kwargs), *named_data(root, env.wrappers)})


def _folder(root: Path) -> Path:
    return main_root(root) / ".dvc" / "tmp" / "rlx" / "environments"


def _fingerprint(root: Path, env: EnvConfig) -> str:
    """Return a hash of what decides how an environment behaves, except for the data it turns out to read."""
    section = env.model_dump()
    for key in ("num_envs", "normalize_observation", "normalize_reward", "vectorization", "training"):
        del section[key]
    code = {
        path.relative_to(root).as_posix(): sha256_of(path)
        for package in PACKAGES
        for path in sorted((root / package).rglob("*.py"))
        if path.is_file()
    }
    content = {
        "version": [VERSION, rlx.__version__, platform.python_version()],
        "env": section,
        "code": code,
        "named": _named(root, env),
        "packages": _packages(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _packages() -> list[str]:
    """Return the installed distributions with their versions, by the names of their folders (which is quick)."""
    found = set()
    for place in sys.path:
        try:
            found |= {
                path.name
                for path in Path(place or ".").iterdir()
                if path.name.endswith((".dist-info", ".egg-link", ".egg-info"))
            }
        except OSError:
            continue
    return sorted(found)


def _remembered(root: Path, place: Path) -> Checked | None:
    """Return what an earlier check noted, if the files it rests on are as they were; damaged notes count as none."""
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
        facts = EnvironmentFacts.from_data(content["facts"])
        if any(_state(root, name) != state for name, state in content["files"].items()):
            return None
        place.touch()
        return Checked(facts, {str(key): float(value) for key, value in content["seconds"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _remember(root: Path, place: Path, checked: Checked) -> None:
    files = {name: _state(root, name) for name in (*checked.facts.data, *_foreign_code(root, checked.facts.modules))}
    content = {"facts": checked.facts.to_data(), "seconds": dict(checked.seconds), "files": files}
    try:
        write_json(place, content)
        old = sorted(place.parent.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-KEPT]
        for path in old:
            path.unlink(missing_ok=True)
    except (OSError, ValueError):  # the next check tries again
        return


def _state(root: Path, name: str) -> str | None:
    path = root / name
    try:
        return sha256_of(path)
    except OSError:
        return None


def _foreign_code(root: Path, modules: tuple[str, ...]) -> list[str]:
    """Return the files of modules that are neither the project's nor of an installed version (editable installs)."""
    found = []
    for module in modules:
        top = module.split(".")
        for place in sys.path:
            path = Path(place or ".", *top).with_suffix(".py")
            if path.is_file() and "site-packages" not in path.parts and not path.is_relative_to(root):
                found.append(str(path))
                break
    return found


def _try(root: Path, env: EnvConfig) -> Checked:
    """Try an environment out in a process of its own, and make sentences of how that ended."""
    heard = _Heard()
    ended = run_alone(_examine, (root, env), heard.take, step_timeout=env.step_timeout)
    if heard.refused:
        raise ConfigError(heard.refused)
    facts, seconds = EnvironmentFacts(env.id), dict[str, float]()
    if heard.found:
        facts, seconds = EnvironmentFacts.from_data(heard.found["facts"]), heard.found["seconds"]
    left = tuple(Complaint(ID, line, "left") for line in heard.lines)
    facts = replace(facts, remarks=(*facts.remarks, *left))
    if isinstance(ended, Failure):
        beside = facts.steps_tried > 0 and facts.seeded is None
        cure = "; if a process can hold one copy only, write `vectorization: isolated` under `env`" if beside else ""
        complaint = Complaint(ID, f"{env.id} could not be tried out to the end: {ended.message}{cure}", "ended")
        if facts.action_space is not None and heard.steps > 1:  # training tells it better: which seed, which step
            facts = replace(facts, remarks=(*facts.remarks, complaint))
        else:
            facts = replace(facts, problems=(*facts.problems, complaint))
    return Checked(facts, seconds)


def _examine(root: Path, env: EnvConfig, emit: Callable[[Any], None]) -> None:
    """Try an environment out, in the process made for it."""
    from rlx.experiments.environment_probe import examine_environment

    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)  # what it prints would be read as rlx's; what it complains of, on standard error, is left
    os.close(silence)
    examine_environment(root, env, lambda kind, content: emit((kind, content)))


@dataclass
class _Heard:
    """What the process told before it ended.

    Attributes:
        found: The last state of what was found (:meth:`rlx.experiments.environment_probe.Found.as_data`).
        refused: Why the project's own files cannot be used.
        steps: How many random steps had begun.
        lines: About what the environment left behind.
    """

    found: dict[str, Any] | None = None
    refused: str = ""
    steps: int = 0
    lines: list[str] = field(default_factory=list)

    def take(self, content: Any) -> None:
        """Take in one message."""
        if isinstance(content, str):
            self.lines.append(content)
            return
        kind, what = content
        if kind == "found":
            self.found = what
        elif kind == "refused":
            self.refused = str(what)
        elif kind == "step":
            self.steps = int(what)
