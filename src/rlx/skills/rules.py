"""What a skill's or an agent's file must be: its frontmatter, its length, and that all of them are there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rlx.errors import ConfigError, Problem
from rlx.skills.plugin import Page, read_page
from rlx.skills.roster import (
    AGENT_KEYS,
    AGENTS,
    ALIASES,
    MOST_ALIAS_LINES,
    MOST_BODY_LINES,
    MOST_DESCRIPTION,
    MOST_DESCRIPTIONS,
    SKILL_KEYS,
    SKILLS,
    WRITING_TOOLS,
)


def read_plugin(folder: Path) -> tuple[dict[str, Page], list[Problem]]:
    """Read the pages that a plugin must have.

    Returns:
        Those that can be read, by name, and what is wrong with the others: missing, unreadable, or of no name in the roster.
    """
    wanted = {name: f"skills/{name}/SKILL.md" for name in (*SKILLS, *ALIASES)}
    wanted |= {name: f"agents/{name}.md" for name in AGENTS}
    pages, problems = {}, []
    for name, file in wanted.items():
        try:
            pages[name] = read_page(folder / file, file)
        except FileNotFoundError:
            problems.append(Problem(file, None, None, "", "is missing"))
        except ConfigError as error:
            problems += error.problems
    files = [*folder.glob("skills/*/SKILL.md"), *folder.glob("agents/*.md")]
    for file in sorted(path.relative_to(folder).as_posix() for path in files):
        if file not in wanted.values():
            problems.append(Problem(file, None, None, "", "is not in the roster; add its row to rlx/skills/roster.py"))
    return pages, problems


def frontmatter_problems(pages: dict[str, Page]) -> list[Problem]:
    """Return what is wrong with the frontmatter of pages, and with the length of descriptions together."""
    problems = [problem for name, page in pages.items() for problem in _head(name, page)]
    total = sum(len(page.description) for page in pages.values())
    if total > MOST_DESCRIPTIONS:
        problems.append(
            Problem(
                "skills",
                None,
                None,
                "description",
                f"all together have {total:,} characters, more than {MOST_DESCRIPTIONS:,}",
            )
        )
    return problems


def length_problems(pages: dict[str, Page]) -> list[Problem]:
    """Return which bodies are empty or too long."""
    problems = []
    for name, page in pages.items():
        most = MOST_ALIAS_LINES if name in ALIASES else MOST_BODY_LINES
        count = len(page.body.splitlines())
        if not count:
            problems.append(Problem(page.file, page.first, None, "", "has no text"))
        elif count > most:
            problems.append(
                Problem(page.file, page.first + most, None, "", f"has {count} lines of text, more than {most}")
            )
    return problems


def _head(name: str, page: Page) -> Iterator[Problem]:
    known = AGENT_KEYS if name in AGENTS else SKILL_KEYS
    for key in page.head:
        if key == "allowed-tools":
            yield _problem(page, key, "pre-approves tools and restricts nothing; take it out")
        elif key not in known:
            yield _problem(page, str(key), f"is none of {', '.join(known)}; take it out")
    for key in known:
        if key not in page.head:
            yield _problem(page, key, "is missing")
    if page.head.get("name") not in (None, name):
        yield _problem(page, "name", f"is {page.name!r}, and the file's is {name!r}")
    yield from _description(page)
    if name in AGENTS:
        yield from _tools(page, may_write=AGENTS[name])
    elif not _is_plain(page.head.get("metadata")):
        yield _problem(page, "metadata", "is no mapping of texts to texts")


def _description(page: Page) -> Iterator[Problem]:
    description = page.head.get("description")
    if description is None:
        return
    if not isinstance(description, str) or not description.strip() or "\n" in description:
        yield _problem(page, "description", "is no line of text")
    elif len(description) > MOST_DESCRIPTION:
        yield _problem(page, "description", f"has {len(description)} characters, more than {MOST_DESCRIPTION}")


def _tools(page: Page, *, may_write: bool) -> Iterator[Problem]:
    tools = page.head.get("tools")
    if not isinstance(tools, str) or not tools.strip():
        yield _problem(page, "tools", "names no tools, and an agent without a list has all of them")
        return
    writing = [tool for tool in (part.strip() for part in tools.split(",")) if tool.partition("(")[0] in WRITING_TOOLS]
    if writing and not may_write:
        yield _problem(page, "tools", f"has {', '.join(writing)}, and this agent writes nothing")


def _is_plain(metadata: object) -> bool:
    return metadata is None or (
        isinstance(metadata, dict) and all(isinstance(part, str) for pair in metadata.items() for part in pair)
    )


def _problem(page: Page, key: str, message: str) -> Problem:
    """Return a problem of a key of the frontmatter, at the beginning of it."""
    return Problem(page.file, 2, None, key, message)
