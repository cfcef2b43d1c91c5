"""The manifests by which Claude Code and Codex find the plugin: their shape, and that they agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import rlx
from rlx.config import is_plain_path, read_json
from rlx.errors import DataDamaged, Problem

PLUGIN = "./plugins/rlx"
MOST_PROMPTS = 3
MOST_PROMPT = 128
"""Characters."""

Check = Callable[[dict[str, Any]], Iterator[tuple[str, str]]]
"""Yields a key and what is wrong with it."""


def manifest_problems(plugin: Path, checkout: Path | None) -> list[Problem]:
    """Return what is wrong with manifests.

    Args:
        plugin: The plugin's folder, which has one for each program.
        checkout: The repository, which lists the plugin for each; None for an installed wheel, which has no such lists.
    """
    places: list[tuple[Path, str, Check]] = [
        (plugin, ".claude-plugin/plugin.json", _identity),
        (plugin, ".codex-plugin/plugin.json", _codex_plugin(plugin)),
    ]
    if checkout is not None:
        places += [
            (checkout, ".claude-plugin/marketplace.json", _claude_marketplace),
            (checkout, ".agents/plugins/marketplace.json", _codex_marketplace),
        ]
    return [problem for folder, file, check in places for problem in _problems(folder, file, check)]


def _problems(folder: Path, file: str, check: Check) -> list[Problem]:
    try:
        content = read_json(folder / file, 2**20)
    except FileNotFoundError:
        return [Problem(file, None, None, "", "is missing")]
    except (ValueError, DataDamaged) as error:
        return [Problem(file, None, None, "", f"is no JSON: {error}")]
    if not isinstance(content, dict):
        return [Problem(file, None, None, "", "is no mapping")]
    return [Problem(file, None, None, key, message) for key, message in check(content)]


def _identity(content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Check what both programs' manifests of the plugin have."""
    if content.get("name") != "rlx":
        yield "name", f"is {content.get('name')!r}, and the plugin is called 'rlx'"
    if content.get("version") != rlx.__version__:
        yield "version", f"is {content.get('version')!r}, and rlx is {rlx.__version__}"
    for key in ("description", "license"):
        if not _is_text(content.get(key)):
            yield key, "is no text"
    if not isinstance(content.get("author"), dict) or not _is_text(content["author"].get("name")):
        yield "author", "has no name"


def _codex_plugin(plugin: Path) -> Check:
    def check(content: dict[str, Any]) -> Iterator[tuple[str, str]]:
        yield from _identity(content)
        skills = content.get("skills")
        if not _is_text(skills) or not _is_below(str(skills)) or not (plugin / str(skills)).is_dir():
            yield "skills", f"is {skills!r}: no folder of the plugin, written ./folder/"
        interface = content.get("interface")
        if not isinstance(interface, dict):
            yield "interface", "is no mapping"
            return
        for key in ("displayName", "shortDescription", "developerName", "category"):
            if not _is_text(interface.get(key)):
                yield f"interface.{key}", "is no text"
        yield from _prompts(interface.get("defaultPrompt"))

    return check


def _prompts(prompts: object) -> Iterator[tuple[str, str]]:
    key = "interface.defaultPrompt"
    if not isinstance(prompts, list) or not all(map(_is_text, prompts)):
        yield key, "is no list of texts"
        return
    if len(prompts) > MOST_PROMPTS:
        yield key, f"has {len(prompts)} prompts, more than {MOST_PROMPTS}"
    for prompt in prompts:
        if len(prompt) > MOST_PROMPT:
            yield key, f"{prompt[:30]!r} has {len(prompt)} characters, more than {MOST_PROMPT}"


def _claude_marketplace(content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if not _is_text(content.get("name")):
        yield "name", "is no text"
    if not isinstance(content.get("owner"), dict) or not _is_text(content["owner"].get("name")):
        yield "owner", "has no name"
    yield from _entries(content, lambda entry: entry.get("source"))


def _codex_marketplace(content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if not _is_text(content.get("name")):
        yield "name", "is no text"

    def source(entry: dict[str, Any]) -> object:
        found = entry.get("source")
        return found.get("path") if isinstance(found, dict) and found.get("source") == "local" else found

    yield from _entries(content, source)
    for entry in _listed(content):
        if not isinstance(entry.get("policy"), dict) or not {"installation", "authentication"} <= set(entry["policy"]):
            yield "plugins.policy", "does not say installation and authentication"
        if not _is_text(entry.get("category")):
            yield "plugins.category", "is no text"


def _entries(content: dict[str, Any], source: Callable[[dict[str, Any]], object]) -> Iterator[tuple[str, str]]:
    listed = _listed(content)
    if [entry.get("name") for entry in listed] != ["rlx"]:
        yield "plugins", "does not list the plugin 'rlx', and it alone"
    for entry in listed:
        if source(entry) != PLUGIN:
            yield "plugins.source", f"is {source(entry)!r}, and the plugin is in {PLUGIN}"


def _listed(content: dict[str, Any]) -> list[dict[str, Any]]:
    plugins = content.get("plugins")
    return [entry for entry in plugins if isinstance(entry, dict)] if isinstance(plugins, list) else []


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_below(path: str) -> bool:
    return path.startswith("./") and is_plain_path(path[2:].rstrip("/"))
