"""Checks of the site as it was built: ``python -m docs.built FOLDER``. It loads nothing from elsewhere, and shows every docstring.

A page that asks another host for a script, a font or a picture tells it who reads, and is blank without a network. Links that a
person may follow are no such thing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path

LOADS = {
    "script": ("src",),
    "img": ("src", "srcset"),
    "iframe": ("src",),
    "link": ("href",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "object": ("data",),
    "embed": ("src",),
    "use": ("href", "xlink:href"),
}
"""By element, the attributes that a browser loads unasked."""
POINTERS = {"canonical", "prev", "next", "author", "license", "alternate"}
"""Kinds of ``<link>`` that name a page and load nothing."""
FAR = re.compile(r"(?:https?:)?//")
STYLED = re.compile(r"(?:url\(|@import)\s*['\"]?((?:https?:)?//[^'\")\s]+)")
ENTRY = re.compile(r"^::: (\S+)(?:\n {4}options: \{heading: \"([^\"]+)\")?", re.MULTILINE)


class _Loads(HTMLParser):
    """Collects what a page loads, and the words under each heading that has an id."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.words: dict[str, int] = {}
        self._open: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in an element."""
        given = {name: value or "" for name, value in attrs}
        if tag == "link" and POINTERS & set(given.get("rel", "").split()):
            return
        self.found += [given[name] for name in LOADS.get(tag, ()) if name in given]
        self.found += STYLED.findall(given.get("style", ""))
        if re.fullmatch("h[1-6]", tag) and "id" in given:
            self._open = given["id"]
            self.words[self._open] = 0

    def handle_data(self, data: str) -> None:
        """Count the words of what stands under the last heading."""
        if self._open is not None:
            self.words[self._open] += len(data.split())


def read(path: Path) -> _Loads:
    """Return what a page loads and shows."""
    page = _Loads()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def loaded_from_elsewhere(site: Path) -> Iterator[str]:
    """Tell what a browser would ask another host for, page by page and style sheet by style sheet."""
    for path in sorted(site.rglob("*.html")):
        yield from (f"{path.relative_to(site)}: {url}" for url in read(path).found if FAR.match(url))
    for path in sorted(site.rglob("*.css")):
        yield from (f"{path.relative_to(site)}: {url}" for url in STYLED.findall(path.read_text(encoding="utf-8")))


def entries(pages: Path) -> dict[str, list[str]]:
    """Return by page of the Python API the objects that it lists."""
    return {path.stem: [name for name, _ in ENTRY.findall(path.read_text())] for path in sorted(pages.glob("*.md"))}


def without_docstring(site: Path, listed: Mapping[str, list[str]]) -> Iterator[str]:
    """Tell which objects of the Python API are shown with hardly a word; a docstring has more than the three of a name's heading."""
    for stem, names in listed.items():
        words = read(site / "api" / stem / "index.html").words if names else {}
        for name in names:
            shown = [count for anchor, count in words.items() if anchor == name or anchor.startswith(f"{name}.")]
            if name != "rlx.errors" and sum(shown) < 6:
                yield f"api/{stem}: {name} has no docstring"


def main(site: Path) -> int:
    """Say what is wrong with a site; the exit code."""
    listed = entries(Path(__file__).parent / "api")
    wrong = [*loaded_from_elsewhere(site), *without_docstring(site, listed)]
    for line in wrong:
        print(line, file=sys.stderr)
    pages = len(list(site.rglob("*.html")))
    print(f"{pages} pages, {sum(map(len, listed.values()))} objects of the Python API, {len(wrong)} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
