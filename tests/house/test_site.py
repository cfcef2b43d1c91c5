"""What the documentation's site is made of fits together; that it builds without a warning is tried by ``.ci/docs``."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import built, notebook_page, outside
from rlx.algorithms import reference
from tests.conftest import REPOSITORY

DOCS = REPOSITORY / "docs"
ROOMS = sorted(path.parent for path in (REPOSITORY / "src" / "rlx").glob("*/__init__.py"))
DECISIONS = sorted((DOCS / "decisions").glob("0*.md"))
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
COMMAND = re.compile(r"`(?:\w+=\w+ )?(?:python|pytest|rlx|dvc) [^`]+`")


def site() -> Any:
    """Return what ``mkdocs.yml`` says; the one tag in it names a function of a library that is not installed here."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)
    return yaml.load((REPOSITORY / "mkdocs.yml").read_text(), Loader)


def pages_in(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    inside = nav.values() if isinstance(nav, dict) else nav
    return [page for part in inside for page in pages_in(part)]


def test_every_page_stands_once_in_the_navigation() -> None:
    assert sorted(pages_in(outside.expanded(site()["nav"], outside.all_pages()))) == outside.all_pages()


def test_a_folder_in_the_navigation_is_its_pages() -> None:
    pages = outside.all_pages()
    decisions = outside.expanded({"Decisions": "decisions/"}, pages)["Decisions"]
    assert decisions == ["decisions/index.md", *(f"decisions/{path.name}" for path in DECISIONS)]
    api = outside.expanded("api/", pages)
    assert api[:3] == ["api/index.md", "api/rlx.md", "api/algorithms.md"]  # in the order of the index
    assert {"envs": "rooms/envs.md"} in outside.expanded("rooms/", pages)
    assert outside.expanded(["index.md", {"None": "nowhere/"}], pages) == ["index.md"]


def test_a_notebook_becomes_a_page(tmp_path: Path) -> None:
    """What it says and runs, and outputs in the richest form that a page can show."""
    data = [
        {"text/plain": "7"},
        {"text/html": ["<b>seven</b>\n", "\n", "<i>7</i>"], "text/plain": "7"},
        {"image/png": "aa\nbb\n"},
    ]
    outputs = [{"output_type": "execute_result", "data": one} for one in data]
    outputs.append({"output_type": "stream", "text": "\x1b[1msaid\x1b[0m ```\n"})
    cells = [
        {"cell_type": "markdown", "source": ["# Seven\n", "is a number"]},
        {"cell_type": "code", "source": "7", "outputs": outputs},
        {"cell_type": "code", "source": " ", "outputs": []},
    ]
    path = tmp_path / "seven.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    assert notebook_page.page_of(path) == (
        "# Seven\nis a number\n\n```python\n7\n```\n\n```text\n7\n```\n\n"
        '<div class="output">\n<b>seven</b>\n<i>7</i>\n</div>\n\n'
        "![what this cell draws](data:image/png;base64,aabb)\n\n````text\nsaid ```\n````\n"
    )


def test_the_page_of_metrics_is_current() -> None:
    assert (DOCS / "metrics.md").read_text() == reference.render_metrics(), (
        "run: python -m rlx.algorithms.reference > docs/metrics.md"
    )


def test_every_metric_tells_its_unit_and_what_is_usual() -> None:
    lacking = [
        name
        for name, told in reference.meanings().items()
        for metric in told
        if not (metric.unit and metric.meaning and metric.usual.text and metric.usual.source)
    ]
    assert not lacking


@pytest.mark.parametrize("stem", sorted(path.stem for path in (DOCS / "api").glob("*.md")))
def test_every_object_of_the_python_api_has_a_docstring(stem: str) -> None:
    for name in built.entries(DOCS / "api")[stem]:
        if name == "rlx.errors":
            assert all(error.__doc__ for _, error in inspect.getmembers(importlib.import_module(name), inspect.isclass))
            continue
        module, _, last = name.rpartition(".")
        thing = getattr(importlib.import_module(module), last)
        text = vars(thing).get("__doc__") if inspect.isclass(thing) else thing.__doc__
        assert text, f"{name} has no docstring"
        assert not text.startswith(f"{last}("), f"{name} has only what dataclasses write"


@pytest.mark.parametrize(
    "room", [room for room in ROOMS if (room / "__init__.pyi").exists()], ids=lambda room: room.name
)
def test_every_door_gives_what_its_stub_lists(room: Path) -> None:
    stub = ast.parse((room / "__init__.pyi").read_text())
    names = [name.asname for node in stub.body if isinstance(node, ast.ImportFrom) for name in node.names]
    door = importlib.import_module(f"rlx.{room.name}")
    assert names
    for name in names:
        assert name is not None
        getattr(door, name)


def test_every_stub_is_ascii() -> None:
    """`lazy_loader` reads them in the encoding of whoever imports rlx, and `LC_ALL=C` knows ASCII alone."""
    stubs = list((REPOSITORY / "src").rglob("*.pyi"))
    assert stubs
    assert [str(path) for path in stubs if not path.read_bytes().isascii()] == []


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_every_room_says_why_it_is_as_it_is(room: Path) -> None:
    """And what it names in code exists: files of the room or the repository, commands and names of its source."""
    page = room / "README.md"
    text = page.read_text()
    assert text.startswith(f"# {room.name}: why it is as it is\n")
    assert 15 <= len(text.splitlines()) <= 40
    for sign in ("**It promises**", "**It refuses to ", "**Start reading**"):
        assert sign in text
    source = "\n".join(
        path.read_text() for path in (REPOSITORY / "src" / "rlx").rglob("*.py*") if path.suffix != ".pyc"
    )
    for token in re.findall(r"`([^`\n]+)`", text):
        if re.fullmatch(r"[\w./-]+(\.(py|pyi|md|yaml)|/)", token) and not token.startswith("runs/"):
            found = [base / token for base in (room, REPOSITORY, REPOSITORY / "src", REPOSITORY / "src" / "rlx")]
            assert any(path.exists() for path in found) or token in ("envs/", "rules/", "logs/"), f"{page}: {token}"
        elif re.fullmatch(r"[A-Z]\w+", token):
            assert re.search(rf"\b{token}\b", source), f"{page}: {token}"


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_says_why_what_follows_and_how_it_was_tested(path: Path) -> None:
    text = path.read_text()
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == ["Context", "Decision", "Consequences", "How it was tested"]
    assert text.startswith(f"# {int(path.stem[:4])}. ")
    assert re.search(r"^Date: \d{4}-\d\d-\d\d", text, re.MULTILINE)
    title = text.splitlines()[0].partition(". ")[2]
    assert f"| [{path.stem[:4]}]({path.name}) | {title} |" in (DOCS / "decisions" / "index.md").read_text()


@pytest.mark.parametrize(
    "page",
    [*DECISIONS, *(DOCS / f"{stem}.md" for stem in ("exactness", "safety", "key-figures", "index"))],
    ids=lambda path: path.stem,
)
def test_tests_that_a_page_names_exist(page: Path) -> None:
    for path, name in TEST.findall(page.read_text()):
        text = (REPOSITORY / path).read_text()
        assert not name or f"def {name}(" in text, f"{page.name}: {path}::{name}"
    for name in re.findall(r"`(test_\w+)`", page.read_text()):
        assert any(f"def {name}(" in path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py")), name


def test_every_key_figure_names_its_command_and_stands_where_it_is_from() -> None:
    page = (DOCS / "key-figures.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ") and "---" not in line]
    figures = [row for row in rows if row[0] != "figure"]
    assert len(figures) > 15
    for figure, value, command, source in figures:
        assert COMMAND.fullmatch(command), figure
        if link := re.search(r"\(([^)#]+)", source):
            text = " ".join((DOCS / link[1]).read_text().split())
            assert command.strip("`").split(" --")[0] in text, f"{link[1]} does not name {command}"
            for number in re.findall(r"\d+(?:\.\d+)?", value):
                assert number in text, f"{figure}: {number} is not in {link[1]}"


@pytest.mark.parametrize("stem", ["exactness", "safety", "index"])
def test_pages_that_explain_hold_no_measured_number(stem: str) -> None:
    """Those that measure name their command; these say what holds, and link."""
    text = re.sub(r"```.*?```|`[^`]+`|\([^)]*\)", "", (DOCS / f"{stem}.md").read_text(), flags=re.DOTALL)
    assert not re.findall(r"\b\d+(?:\.\d+)? ?(?:%|×(?! \d)|s|ms|seconds|times)(?!\w)", text)


def test_links_between_pages_are_those_of_the_site() -> None:
    taken = {"CONTRIBUTING.md": "contributing.md", "src/rlx/envs/README.md": "rooms/envs.md"}
    text = "See [how](../CONTRIBUTING.md#test), [`envs`](../src/rlx/envs/README.md), `[no](../CONTRIBUTING.md)`, [code](../pyproject.toml)."
    assert outside.with_links(text, "docs/engine.md", "engine.md", taken) == (
        "See [how](contributing.md#test), [`envs`](rooms/envs.md), `[no](../CONTRIBUTING.md)`, code (`pyproject.toml`)."
    )
    back = outside.with_links("[map](../../../docs/architecture.md)", "src/rlx/envs/README.md", "rooms/envs.md", taken)
    assert back == "[map](../architecture.md)"


def test_what_a_page_loads_from_elsewhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="https://example.org">a link</a><link rel="canonical" href="https://example.org/a">'
        '<script src="https://example.org/x.js"></script><img src="images/a.png">'
        '<p style="background: url(//example.org/b.png)"></p>'
    )
    (tmp_path / "a.css").write_text("@import 'https://example.org/font.css'; p { background: url(a.png) }")
    assert list(built.loaded_from_elsewhere(tmp_path)) == [
        "a.html: https://example.org/x.js",
        "a.html: //example.org/b.png",
        "a.css: https://example.org/font.css",
    ]
