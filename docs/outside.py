"""A hook of MkDocs: brings into the site what stands outside ``docs/``, and makes the pages' Markdown what MkDocs understands.

Pages are written for GitHub, where a link may lead to any file of the repository. Here those that are pages of the site too (the
README of each room, CONTRIBUTING.md, …) are linked; of other files the path is shown, since no address of the repository is known.
Fences such as ```` ```console desk ```` get the second word as their title.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "benchmarks/README.md": "benchmarks.md",
}
"""By path in the repository, what pages of the site outside ``docs/`` are called there; those that there are."""
_LINK = re.compile(r"(?<!!)\[(?P<text>(?:[^\[\]]|\[[^\]]*\])+)\]\((?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
_FENCE = re.compile(r"^(?P<fence>\s*```\w+) (?P<words>[\w ]+)$", re.MULTILINE)
_CODE = re.compile(r"^\s*```.*?^\s*```|`[^`\n]+`", re.MULTILINE | re.DOTALL)


def pages_outside() -> dict[str, str]:
    """Return by path in the repository what the pages outside ``docs/`` are called in the site."""
    rooms = {f"src/rlx/{path.parent.name}/README.md": f"rooms/{path.parent.name}.md" for path in _readmes()}
    return {path: uri for path, uri in PAGES.items() if (ROOT / path).is_file()} | rooms


def _readmes() -> list[Path]:
    return sorted((ROOT / "src" / "rlx").glob("*/README.md"))


def with_links(markdown: str, source: str, uri: str, taken: dict[str, str]) -> str:
    """Return a page whose links lead to pages of the site.

    Args:
        markdown: What it says.
        source: Its path in the repository.
        uri: What it is called in the site.
        taken: :func:`pages_outside`.
    """

    def changed(link: re.Match[str]) -> str:
        path = link["path"]
        if ":" in path or path.startswith("/"):
            return link[0]
        target = normpath(PurePosixPath(source).parent / path)
        if target in taken:
            here = taken[target]
        elif target.startswith("docs/") and (ROOT / target).is_file():
            here = target.removeprefix("docs/")
        elif (ROOT / target).exists():
            return link["text"] if "\0" in link["text"] else f"{link['text']} (`{target}`)"
        else:
            return link[0]  # MkDocs says that it leads nowhere
        return f"[{link['text']}]({relpath(here, PurePosixPath(uri).parent.as_posix())}{link['anchor'] or ''})"

    kept: list[str] = []  # code is no text: what looks like a link in it is none

    def put_away(code: re.Match[str]) -> str:
        kept.append(code[0])
        return f"\0{len(kept) - 1}\0"

    return re.sub(r"\0(\d+)\0", lambda place: kept[int(place[1])], _LINK.sub(changed, _CODE.sub(put_away, markdown)))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand outside ``docs/``."""
    from mkdocs.structure.files import File

    for path, uri in pages_outside().items():
        files.append(File.generated(config, uri, content=(ROOT / path).read_text()))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let links lead to pages of the site, and fences have titles."""
    taken = pages_outside()
    uri = page.file.src_uri
    source = {here: path for path, here in taken.items()}.get(uri, f"docs/{uri}")
    titled = _FENCE.sub(lambda fence: f'{fence["fence"]} title="{fence["words"]}"', markdown)
    return with_links(titled, source, uri, taken)
