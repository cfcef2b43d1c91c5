"""A hook of MkDocs: brings into the site what is no page of ``docs/``, and makes the pages' Markdown what MkDocs understands.

Pages are written for GitHub, where a link may lead to any file of the repository. Here those that are pages of the site too (the
README of each room, CONTRIBUTING.md, notebooks, …) are linked; of other files the path is shown, since no address of the repository is
known. Fences such as ```` ```console desk ```` get the second word as their title.

In the navigation a folder stands for its pages, ``decisions/`` for all decisions: its index first, then those that the index links, in
that order, then the others. A folder without pages is left out.
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

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
ROOMS = "rooms/"
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
    rooms = {f"src/rlx/{path.parent.name}/README.md": f"{ROOMS}{path.parent.name}.md" for path in _readmes()}
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
            here = re.sub(r"\.ipynb$", ".md", target.removeprefix("docs/"))
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


def all_pages() -> list[str]:
    """Return what all pages are called in the site, notebooks and those outside ``docs/`` too."""
    own = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    return sorted([*own, *notebooks().values(), *pages_outside().values()])


def notebooks() -> dict[str, str]:
    """Return by path in the repository what notebooks are called as pages (``docs/notebook_page.py`` makes them)."""
    return {
        path.relative_to(ROOT).as_posix(): path.relative_to(DOCS).with_suffix(".md").as_posix()
        for path in sorted(DOCS.rglob("*.ipynb"))
        if ".ipynb_checkpoints" not in path.parts
    }


def expanded(nav: Any, pages: list[str]) -> Any:
    """Return a navigation in which folders are their pages."""
    if isinstance(nav, dict):
        return {title: inside for title, part in nav.items() if (inside := expanded(part, pages))}
    if isinstance(nav, list):
        return [inside for part in nav if (inside := expanded(part, pages))]
    return _in_order(nav, pages) if nav.endswith("/") else nav


def _in_order(folder: str, pages: list[str]) -> list[Any]:
    """Return the pages of a folder; rooms by their names, others by their own titles."""
    inside = [page for page in pages if page.startswith(folder)]
    if folder == ROOMS:
        return [{PurePosixPath(page).stem: page} for page in inside]
    index = f"{folder}index.md"
    linked = re.findall(r"\]\(([\w-]+)\.(?:md|ipynb)", (DOCS / index).read_text()) if index in inside else []
    places = {f"{folder}{name}.md": place for place, name in reversed(list(enumerate(linked)))}
    return sorted(inside, key=lambda page: (page != index, places.get(page, len(linked)), page))


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Let folders in the navigation stand for their pages."""
    config.nav = expanded(config.nav, all_pages())
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand outside ``docs/``."""
    from mkdocs.structure.files import File

    for path, uri in pages_outside().items():
        files.append(File.generated(config, uri, content=(ROOT / path).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Let links lead to pages of the site, and fences have titles."""
    taken = pages_outside()
    uri = page.file.src_uri
    source = {here: path for path, here in (taken | notebooks()).items()}.get(uri, f"docs/{uri}")
    titled = _FENCE.sub(lambda fence: f'{fence["fence"]} title="{fence["words"]}"', markdown)
    return with_links(titled, source, uri, taken)
