"""The plugin's files: where they are, in a checkout and in an installed wheel, and how a page of them is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlx.config import parse_yaml, read_text
from rlx.errors import ConfigError, Missing, Problem

MOST_PAGE_BYTES = 2**17
FENCE = "---"


@dataclass(frozen=True)
class Page:
    """A Markdown file with YAML frontmatter: a skill or an agent.

    Attributes:
        file: Its path, as messages name it.
        head: The frontmatter.
        body: The text below it, without blank lines at either end.
        first: The number of the line of the file that ``body`` begins in, from 1.
    """

    file: str
    head: dict[str, Any]
    body: str
    first: int

    @property
    def name(self) -> str:
        """The name that the frontmatter gives it."""
        return str(self.head.get("name", ""))

    @property
    def description(self) -> str:
        """What the frontmatter says of it."""
        return str(self.head.get("description", ""))


def plugin_folder() -> Path:
    """Return the folder of the plugin: ``rlx/plugin`` of a wheel, ``plugins/rlx`` of a checkout.

    Raises:
        Missing: Neither is there.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "plugin", package.parents[1] / "plugins" / "rlx"):
        if folder.is_dir():
            return folder
    raise Missing(
        f"{package}: this installation of rlx has no plugin/ and stands in no checkout with plugins/rlx; install rlx again"
    )


def plugin_files(folder: Path) -> dict[str, Path]:
    """Return the files of a plugin by their paths in it, in order."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def read_page(path: Path, file: str) -> Page:
    """Read a skill or an agent.

    Args:
        path: Where it is.
        file: How messages name it.

    Raises:
        ConfigError: It is not UTF-8, or has no frontmatter that is a mapping; the message has file and line.
        OSError: There is none.
    """
    try:
        lines = read_text(path, MOST_PAGE_BYTES).splitlines()
    except ValueError:
        raise ConfigError([Problem(file, None, None, "", "is not UTF-8; write it as such")]) from None
    if not lines or lines[0] != FENCE or FENCE not in lines[1:]:
        raise ConfigError(
            [Problem(file, 1, None, "", "has no frontmatter: the file begins with a line ---, keys, and a line ---")]
        )
    end = lines.index(FENCE, 1)
    try:
        head = parse_yaml("\n".join(lines[1:end]))
    except ValueError as error:
        raise ConfigError([Problem(file, 2, None, "", f"the frontmatter is no YAML: {error}")]) from None
    if not isinstance(head, dict):
        raise ConfigError([Problem(file, 2, None, "", "the frontmatter is no mapping of keys to values")])
    below = lines[end + 1 :]
    blank = next((count for count, line in enumerate(below) if line.strip()), len(below))
    return Page(file, head, "\n".join(below).strip("\n"), end + 2 + blank)
