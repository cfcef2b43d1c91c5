"""``dvc.yaml`` of an older rlx brought up to date: its comments, its order and the person's own stages stay.

The stages' own files change along where they are as rlx once shipped them; one that a person has changed is theirs, and
is named with what it needs.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rlx.config import FILE as JUDGING, MOST_CONFIG_BYTES, check_yaml, read_text, sha256_of, write_text
from rlx.errors import ConfigError, DataDamaged
from rlx.experiments.template import template_files

SHIPPED = {
    "resolve": (
        "5e8efc6f90f5ad7969261f08c754452fdb8e384a032414ddadc02786b82ad68a",
        "ac12efb3c8fb6fda70806904d44244682e9145b08b80d17d60d159b9e45b154f",
    ),
    "eval": (
        "bbe8bae6ae622542cbfdfdeaa105baa7ca3bd26f8e5f47be8bba476777ca92fa",
        "be2b607eb23c62c12a0915a4e8aa2c66ac83d0fcc2e02fa0ccfb0dce6d8e7266",
    ),
    "video": ("7cde2469b5c817c5f35882e1c8aa6569eb08f99d4a3e16031b4cd7f7032e0169",),
}
"""SHA-256 of the stages that older versions shipped and that need what is newer."""
NEEDS = {
    "resolve": 'end it with `resolved.write(root / "runs" / run)`',
    "eval": 'let it take the episodes from `RunFolder(root / "runs" / run).judged.final_eval`',
    "video": 'let it take the episodes from `RunFolder(root / "runs" / run).judged.final_eval`',
}
"""What a stage that a person has changed must do for the newer pipeline."""
SIGNS = {"resolve": (".write(", JUDGING), "eval": ("judged", JUDGING), "video": ("judged", JUDGING)}
"""Words one of which a stage's file contains when it does."""
ADDED: tuple[tuple[str, str, str], ...] = (
    ("resolve", "params", "final_eval"),
    ("resolve", "params", "compare"),
    ("resolve", "outs", "task.json"),
    ("resolve", "outs", JUDGING),
    ("eval", "deps", JUDGING),
    ("video", "deps", JUDGING),
    ("analyze", "deps", "task.json"),
)
"""What the stages list since runs are judged by a file of their own: stage, list, entry."""
REMOVED = (("eval", "params", "final_eval"), ("video", "params", "final_eval"))
"""What they list no longer, since that file holds it."""
SNAPSHOT = "config_snapshot.yaml"
MOST_IN_PIPELINE = 300_000
"""Keys and values of a ``dvc.yaml``: its comparison lists files of every run."""


def load_pipeline(root: Path) -> Any:
    """Return ``dvc.yaml``, comments and all.

    Raises:
        ConfigError: It cannot be read.
    """
    from ruamel.yaml.error import YAMLError

    try:
        text = read_text(root / "dvc.yaml", MOST_CONFIG_BYTES)
        check_yaml(text, MOST_IN_PIPELINE)
        return _yaml().load(text)
    except (YAMLError, OSError, ValueError, DataDamaged) as error:
        raise ConfigError(f"dvc.yaml: cannot be read: {error}") from None


def write_pipeline(root: Path, pipeline: Any) -> None:
    """Write ``dvc.yaml`` with the comments it had."""
    write_text(root / "dvc.yaml", _text(pipeline))


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def writes_judging(pipeline: Any) -> bool:
    """Tell whether the pipeline's resolve stage writes by what a run is judged."""
    return any(_path(entry).endswith(f"/{JUDGING}") for entry in _entries(pipeline, "resolve", "outs"))


def upgrade_pipeline(root: Path) -> list[str]:
    """Bring ``dvc.yaml`` and the stages of an older rlx up to date.

    Returns:
        What was done, and what is left to the person, a sentence each; empty where there was nothing to do.
    """
    pipeline = load_pipeline(root)
    if not (isinstance(pipeline, dict) and isinstance(pipeline.get("stages"), dict)) or writes_judging(pipeline):
        return []
    there = [stage for stage in SHIPPED if stage in pipeline["stages"]]
    if mine := [stage for stage in there if not _is_shipped(root, stage) and not _is_ready(root, stage)]:
        lines = [f"stages/{stage}.py is changed from what rlx shipped: {NEEDS[stage]}" for stage in mine]
        return [*lines, "Then `rlx sync` again brings dvc.yaml up to date: each environment is then judged by its own."]
    if not any(_path(out).endswith(f"/{SNAPSHOT}") for out in _entries(pipeline, "resolve", "outs")):
        return []  # a pipeline of another shape: nothing to put in
    replaced = [stage for stage in there if not _is_ready(root, stage)]
    text = (root / "dvc.yaml").read_text(encoding="utf-8")
    for stage in replaced:
        write_text(root / "stages" / f"{stage}.py", template_files()[f"stages/{stage}.py"].read_text(encoding="utf-8"))
    for stage, section, entry in ADDED:
        text = _with(text, stage, section, entry)
    for stage, section, entry in REMOVED:
        text = _without(text, stage, section, entry)
    write_text(root / "dvc.yaml", text)
    files = [f"stages/{stage}.py" for stage in replaced]
    return [f"brought up to date: {', '.join(['dvc.yaml', *files])}; `dvc repro` evaluates again and trains nothing"]


def _is_shipped(root: Path, stage: str) -> bool:
    path = root / "stages" / f"{stage}.py"
    return path.is_file() and sha256_of(path) in SHIPPED[stage]


def _is_ready(root: Path, stage: str) -> bool:
    path = root / "stages" / f"{stage}.py"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return any(sign in text for sign in SIGNS[stage])


def _entries(pipeline: Any, stage: str, section: str) -> Any:
    """Return a list of a stage; an empty one where the stage or the list is not as rlx writes it."""
    found = pipeline["stages"].get(stage)
    listed = found.get(section) if isinstance(found, dict) else None
    return listed if isinstance(listed, list) else []


def _path(entry: Any) -> str:
    """Return the path of an entry, with settings (``path: {cache: false}``) or without."""
    return str(next(iter(entry), "")) if isinstance(entry, dict) else str(entry)


def _with(text: str, stage: str, section: str, entry: str) -> str:
    """Return the text with an entry behind the snapshot's, whose folder it shares, or at the end of parameters.

    Whole lines are put in, so that everything else stays as a person wrote it.
    """
    pipeline = _yaml().load(text)
    listed = _entries(pipeline, stage, section)
    paths = [_path(item) for item in listed]
    if section == "params":
        beside, new = len(paths) - 1, entry
    else:
        beside = next((index for index, path in enumerate(paths) if path.endswith(f"/{SNAPSHOT}")), -1)
        new = paths[beside].removesuffix(SNAPSHOT) + entry if beside >= 0 else entry
    if beside < 0 or new in paths:
        return text
    settings = {"cache": False} if section == "outs" else None
    if listed.fa.flow_style():  # [a, b]: one line, which is written anew
        listed.insert(beside + 1, {new: settings} if settings else new)
        return _text(pipeline)
    lines = text.splitlines(keepends=True)
    line, column = listed.lc.item(beside)
    column -= len("- ")
    added = [f"{' ' * column}- {new}{':' if settings else ''}\n"]
    added += [f"{' ' * (column + 4)}{key}: {str(value).lower()}\n" for key, value in (settings or {}).items()]
    end = _end(lines, line, column)
    kept = listed[beside][paths[beside]] if section == "outs" and isinstance(listed[beside], dict) else None
    if isinstance(kept, dict) and "persist" not in kept:  # it says how code was hashed, also while it is made anew
        added.insert(0, f"{' ' * (column + 4)}persist: true\n")
    return "".join([*lines[:end], *added, *lines[end:]])


def _without(text: str, stage: str, section: str, entry: str) -> str:
    """Return the text without an entry of a list."""
    pipeline = _yaml().load(text)
    listed = _entries(pipeline, stage, section)
    if entry not in listed:
        return text
    if listed.fa.flow_style() or len(listed) == 1:
        listed.remove(entry)
        return _text(pipeline)
    lines = text.splitlines(keepends=True)
    line, column = listed.lc.item(listed.index(entry))
    return "".join([*lines[:line], *lines[_end(lines, line, column - len("- ")) :]])


def _end(lines: list[str], first: int, column: int) -> int:
    """Return the line behind an item that begins at ``first``: its own lines are indented deeper than its dash."""
    end = first + 1
    while end < len(lines) and lines[end].strip() and len(lines[end]) - len(lines[end].lstrip(" ")) > column:
        end += 1
    return end


def _text(pipeline: Any) -> str:
    buffer = io.StringIO()
    _yaml().dump(pipeline, buffer)
    return buffer.getvalue()
