"""Programs that read skills, and where each looks for them; one has agents in a form of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rlx.skills.plugin import Page, plugin_files, read_page


@dataclass(frozen=True)
class Host:
    """Where a program looks for skills and agents.

    Attributes:
        title: What it is called.
        skills: The folder of skills, a folder each.
        agents: The folder of agents, a file each.
        record: The file in which rlx notes what it installed.
        agents_in_toml: Whether agents are TOML files, else they are Markdown as they ship.
    """

    title: str
    skills: str
    agents: str
    record: str
    agents_in_toml: bool = False


HOSTS = {
    "claude": Host("Claude Code", ".claude/skills", ".claude/agents", ".claude/rlx-skills.json"),
    "codex": Host("Codex", ".agents/skills", ".codex/agents", ".codex/rlx-skills.json", agents_in_toml=True),
}
PLAIN = Host("the plugin itself", "skills", "agents", "rlx-skills.json")
"""No program's: the plugin as it is, with its manifests."""


def files_for(host: Host, plugin: Path) -> dict[str, bytes]:
    """Return what a program is to find: paths below its target, and contents."""
    return dict(_files(host, plugin))


def _files(host: Host, plugin: Path) -> Iterator[tuple[str, bytes]]:
    for name, path in plugin_files(plugin).items():
        kind, _, rest = name.partition("/")
        if host is PLAIN:
            yield name, path.read_bytes()
        elif kind == "skills":
            yield f"{host.skills}/{rest}", path.read_bytes()
        elif kind == "agents" and host.agents_in_toml:
            yield f"{host.agents}/{path.stem}.toml", codex_agent(read_page(path, name)).encode()
        elif kind == "agents":
            yield f"{host.agents}/{rest}", path.read_bytes()


def codex_agent(page: Page) -> str:
    """Return an agent as Codex wants it: TOML with ``name``, ``description`` and ``developer_instructions``."""
    return (
        f"name = {_basic(page.name)}\n"
        f"description = {_basic(page.description)}\n"
        f'developer_instructions = """\n{_multiline(page.body)}\n"""\n'
    )


def _basic(text: str) -> str:
    """Return a basic string of TOML 1.0, whose escapes are those of JSON and which also wants DEL escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _multiline(text: str) -> str:
    """Return what stands between the quotes of a multi-line basic string of TOML 1.0; a line end follows it."""
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"').replace("\r", "\\r")
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", lambda found: f"\\u{ord(found[0]):04x}", escaped)
