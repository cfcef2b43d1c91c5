"""A first ``adapter.yaml`` from what the source of a repository says: what is not known is `unknown`, with where to look."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rlx.config import parse_yaml, read_text
from rlx.studies.adapters.adapter import UNKNOWN
from rlx.studies.adapters.source_facts import SYSTEMS, SourceFact, Sources, stem

HINTS = Path(__file__).with_name("hints")
GENERIC = "generic"
EVENTS = "{out}/**/events*"


@cache
def hints() -> Mapping[str, Mapping[str, Any]]:
    """Return all hints, by name; see ``hints/generic.yaml``."""
    return {path.stem: parse_yaml(read_text(path)) for path in sorted(HINTS.glob("*.yaml"))}


def hint_for(sources: Sources) -> Mapping[str, Any]:
    """Return the hint that fits a repository: by what it is called, depends on or has in it; else the generic one."""
    for name, hint in hints().items():
        when = hint["when"]
        if name != GENERIC and (
            set(when["names"]) & sources.names
            or any(file.startswith(f"{folder}/") for folder in when["folders"] for file in sources.files)
        ):
            return hint
    return hints()[GENERIC]


@dataclass(frozen=True)
class Entry:
    """A command of a repository.

    Attributes:
        words: The arguments that start it.
        file: The file in which it begins; None where that was not found.
        style: How it takes settings, or `unknown`.
    """

    words: tuple[str, ...]
    file: str | None
    style: str


def entry_of(sources: Sources, purpose: str) -> Entry | None:
    """Return the command that trains or evaluates; None where none is called like one.

    Args:
        sources: What was read of the repository.
        purpose: ``train`` or ``evaluate``.
    """
    names = hints()[GENERIC]["files"][purpose]
    for name in names:
        if name in sources.scripts:
            file = _file_of(sources.scripts[name], sources.files)
            words = ("uv", "run", name) if "uv.lock" in sources.files else (name,)
            return Entry(words, file, _style(sources, file))
    mains = [fact.file for fact in sources.of("entry") if "test" not in fact.file]
    for name in names:
        if found := sorted((file for file in mains if stem(file) == name), key=lambda file: (file.count("/"), file)):
            start = ("uv", "run", "python") if "uv.lock" in sources.files else ("python",)
            return Entry((*start, f"{{worktree}}/{found[0]}"), found[0], _style(sources, found[0]))
    return None


def _file_of(target: str, files: Sequence[str]) -> str | None:
    """Return the file of ``module:function``."""
    below = target.partition(":")[0].replace(".", "/")
    return next((file for file in files if file in (f"{below}.py", f"src/{below}.py", f"{below}/__main__.py")), None)


def _style(sources: Sources, file: str | None) -> str:
    """Return how a file takes its settings; where it does not say, how all do that say something."""
    told = {fact.text for fact in sources.of("config", file)} if file else set()
    told = told or {fact.text for fact in sources.of("config")}
    return next((system for system in SYSTEMS if system in told), UNKNOWN)


def adapter_draft(sources: Sources, path: str, extra: Sequence[str] = ()) -> str:
    """Return the text of an adapter.

    Args:
        sources: What was read of the repository.
        path: How the adapter names the repository's folder.
        extra: Arguments beside those in the source, such as `--help` lists.
    """
    hint, train = hint_for(sources), entry_of(sources, "train")
    logs = {fact.text for fact in sources.of("logging")}
    comments = {**hints()[GENERIC]["comments"], **hint["comments"]}
    content: dict[str, Any] = {
        "format": 1,
        "repository": {"path": path, "commit": sources.commit, "patches": []},
        "train": _train(sources, train, logs, extra),
        **({} if _plays_itself(sources, train, extra) else {"evaluate": _evaluate(sources, extra)}),
        "episodes": {
            "format": UNKNOWN,
            "file": UNKNOWN,
            "fields": {"episode": UNKNOWN, "reset_seed": UNKNOWN, "return": UNKNOWN, "length": UNKNOWN},
        },
        "learning": _learning(sources, logs, comments),
        "hardware": {"launcher": "local", "gpus": 0},
        "evidence": "episodes",
    }
    content |= hint["draft"]
    for fact in sources.of("config", train.file if train else None)[:1]:
        comments.setdefault("train.overrides.style", f"{fact.file}:{fact.line}")
    head = [
        f"# A draft (hint: {hint['name']}), made from the source without running it. Replace every `unknown`; `rlx study",
        "# validate` names those that are left.",
        *(f"# Note: {note}" for note in hint["notes"]),
    ]
    rest = _lines({key: value for key, value in content.items() if value is not None}, comments, ())
    return "\n".join([*head, *rest]) + "\n"


def _train(sources: Sources, entry: Entry | None, logs: set[str], extra: Sequence[str]) -> dict[str, Any]:
    style = entry.style if entry else UNKNOWN
    known = _arguments(sources, entry, extra)
    out = _argument(known, "out")
    words = [*(entry.words if entry else (UNKNOWN,))]
    words += [{"file": "--config={config}"}.get(style, "{overrides}")]
    steps, iterations = _argument(known, "steps"), _argument(known, "iterations")
    for name, argument in (("seed", _argument(known, "seed")), ("steps", steps or iterations)):
        words.append(_said(style, argument or UNKNOWN, f"{{{name}}}"))
    words += [_said(style, out, "{out}")] if out else []
    words += [_said(style, told, f"{{{name}}}") for name, told in _plays_itself(sources, entry, extra).items()]
    inside = not out and words[0] == "python"  # it writes below the folder it is started in
    if not inside:
        words = [word.removeprefix("{worktree}/") for word in words]
    tensorboard = "tensorboard" in logs
    return {
        "command": words,
        **({"folder": "out"} if inside else {}),
        "overrides": {"style": style},
        "environment": {"WANDB_MODE": "offline"} if "wandb" in logs else {},
        "steps": {
            "format": "tensorboard" if tensorboard else "csv" if "csv" in logs else UNKNOWN,
            "file": EVENTS if tensorboard else UNKNOWN,
            "field": "step" if tensorboard else UNKNOWN,
            **({"unit": UNKNOWN, "rounding": UNKNOWN} if iterations and not steps else {}),
        },
        "timeout": UNKNOWN,
    }


def _plays_itself(sources: Sources, entry: Entry | None, extra: Sequence[str]) -> dict[str, str]:
    """Return the arguments by which a training command is told which held-out episodes to play; none where it is not."""
    known, usual = _arguments(sources, entry, extra), hints()[GENERIC]["in_training"]
    told = {name: _argument(known, name, usual) for name in usual}
    return {name: argument for name, argument in told.items() if argument} if all(told.values()) else {}


def _evaluate(sources: Sources, extra: Sequence[str]) -> dict[str, Any]:
    entry = entry_of(sources, "evaluate")
    if entry is None:
        return {"command": [UNKNOWN], "timeout": UNKNOWN}
    known = _arguments(sources, entry, extra)
    words = [word.removeprefix("{worktree}/") for word in entry.words]
    words += [
        _said(entry.style, _argument(known, name) or UNKNOWN, f"{{{name}}}") for name in ("episodes", "list_seed")
    ]
    return {"command": words, "timeout": UNKNOWN}


def _learning(sources: Sources, logs: set[str], comments: dict[str, str]) -> dict[str, Any] | None:
    """Return where learning curves are, by the tag that sounds most like a return."""
    if "tensorboard" not in logs:
        return None
    tags = sources.of("tag")
    chosen = next(
        (fact for word in ("episodic_return", "return", "reward") for fact in tags if word in fact.text.lower()), None
    )
    if chosen:
        comments.setdefault("learning.metrics", f"{chosen.file}:{chosen.line}")
    return {"format": "tensorboard", "file": EVENTS, "metrics": {"return": chosen.text if chosen else UNKNOWN}}


def _arguments(sources: Sources, entry: Entry | None, extra: Sequence[str]) -> dict[str, str]:
    """Return the arguments of a command by their plain names, as they are written there."""
    facts = sources.of("argument", entry.file) if entry and entry.file else []
    names = [_written(fact, entry.style if entry else "") for fact in facts] + [*extra]
    return {_plain(name): name for name in reversed(names)}


def _written(fact: SourceFact, style: str) -> str:
    return fact.text.replace("_", "-") if style == "tyro" else fact.text


def _plain(name: str) -> str:
    return name.replace("-", "_").lower()


def _argument(known: Mapping[str, str], purpose: str, usual: Mapping[str, list[str]] | None = None) -> str | None:
    names = (usual or hints()[GENERIC]["arguments"])[purpose]
    return next((known[_plain(name)] for name in names if _plain(name) in known), None)


def _said(style: str, name: str, value: str) -> str:
    return f"{name}={value}" if style == "hydra" else f"--{name}={value}"


def _lines(content: Mapping[str, Any], comments: Mapping[str, str], place: tuple[str, ...]) -> Iterator[str]:
    """Yield a mapping as YAML, sections in blocks and everything else in a line, with comments beside it."""
    indent = "  " * len(place)
    for key, value in content.items():
        here = ".".join((*place, key))
        comment = f"  # {comments[here]}" if here in comments else ""
        if (
            isinstance(value, Mapping)
            and value
            and (len(place) == 0 or any(k.startswith(f"{here}.") for k in comments))
        ):
            yield f"{indent}{key}:{comment}"
            yield from _lines(value, comments, (*place, key))
        else:
            yield f"{indent}{key}: {_flow(value)}{comment}"


def _flow(value: Any) -> str:
    if isinstance(value, str):
        plain = re.fullmatch(r"[A-Za-z_]\w*", value, re.ASCII) and yaml.safe_load(value) == value
        return value if plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    return json.dumps(value)
