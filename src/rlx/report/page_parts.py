"""The parts of a page on runs, each rendered by itself: a page that is served sends again those that changed."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rlx
from rlx.report.findings import curve_of, in_words
from rlx.report.row_cells import seeds_cell
from rlx.stats import visible

if TYPE_CHECKING:
    from jinja2 import Environment

PARTS = {
    "now": "Now",
    "verdict": "Verdict",
    "studies": "Studies",
    "findings": "Findings",
    "differences": "Differences",
    "curves": "Learning curves",
    "scores": "Scores of seeds",
    "films": "Films",
    "runs": "All runs",
    "configurations": "What differs",
    "provenance": "Provenance",
    "method": "How it was judged",
}
"""The parts from top to bottom, by the address of their heading: what they are called. What is empty is not there."""
LIVE_ALONE = ("now", "runs")
"""The parts that a page which is a file has not: what they say is soon wrong."""
CONTENTS = "contents"
"""The list of a page's parts, which is a part too."""
Parts = Mapping[str, str]


def rendered(content: Mapping[str, Any], names: Collection[str] = tuple(PARTS)) -> dict[str, str]:
    """Return parts as HTML, by name; empty ones are empty.

    Args:
        content: What they are rendered from.
        names: Which.
    """
    environment = page_environment()
    found = {}
    for name in PARTS:
        if name in names:
            found[name] = environment.get_template(f"page_parts/{name}.html.j2").render(content).strip()
    return found


def contents(parts: Parts) -> str:
    """Return the list of the parts that are there as HTML."""
    from markupsafe import Markup

    row = Markup('<li data-key="{0}"><a href="#{0}">{1}</a></li>')
    return Markup("\n").join(row.format(name, title) for name, title in PARTS.items() if parts.get(name))


def whole_page(heading: Any, parts: Parts, charts: Any, *, served: bool = False) -> str:
    """Return a page as HTML.

    Args:
        heading: What the page says of itself.
        parts: Its parts.
        charts: What its charts draw, as plain values.
        served: Whether it asks whoever serves it for what is new; the policy by which it admits its scripts is in the
            answer's head then (:func:`served_policy`).
    """
    from markupsafe import Markup

    scripts = _scripts(served=served)
    template = page_environment().get_template("page.html.j2")
    return template.render(
        version=rlx.__version__,
        heading=heading,
        served=served,
        policy="" if served else _policy("img-src data:; media-src data:", served=False),
        style=Markup(_text("page.css") + _text("study_page.css")),
        scripts=[Markup(script) for script in scripts],
        contents=Markup(contents(parts)),
        parts={name: Markup(html) for name, html in parts.items() if html or served},
        charts=charts,
    )


def served_policy() -> str:
    """Return the Content-Security-Policy of a page that is served: its own scripts, what its server gives, nothing else."""
    what = "img-src data:; media-src 'self'; connect-src 'self'; frame-ancestors 'none'"
    return _policy(what, served=True)


def _policy(more: str, *, served: bool) -> str:
    hashes = [base64.b64encode(sha256(script.encode()).digest()).decode("ascii") for script in _scripts(served=served)]
    admitted = " ".join(f"'sha256-{found}'" for found in hashes)
    return (
        f"default-src 'none'; script-src {admitted}; {more}; style-src 'unsafe-inline'; base-uri 'none'; "
        "form-action 'none'"
    )


@cache
def _scripts(*, served: bool) -> tuple[str, ...]:
    from plotly.offline import get_plotlyjs

    return (get_plotlyjs(), _text("page.js"), *([_text("page_following.js")] if served else []))


def _text(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


@cache
def page_environment() -> Environment:
    """Return where pages' templates are found and how they are rendered: everything is escaped, and nothing steers."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("rlx", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_visible,
    )
    environment.filters |= {"commands": _with_commands, "curve": curve_of, "seeds": seeds_cell, "words": in_words}
    return environment


def _visible(value: Any) -> Any:
    """Return what a page prints: in texts, which are not HTML yet, what would not show or turn them round is shown."""
    return visible(value) if type(value) is str else value


_COPY = '<code>{0}</code> <button type="button" class="live" data-copy="{0}" aria-label="Copy the command {0}">Copy</button>'


def _code(text: str, *, copy: bool) -> Any:
    from markupsafe import Markup

    return Markup(_COPY if copy and text.startswith(("rlx ", "dvc ", "git ")) else "<code>{0}</code>").format(text)


def _with_commands(text: str, *, copy: bool = False) -> Any:
    """Return a sentence as HTML: what stands in backticks is code, everything is escaped.

    Args:
        text: The sentence.
        copy: Give each command a button that copies it.
    """
    from markupsafe import Markup, escape

    parts = visible(text).split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    html = [_code(part, copy=copy) if index % 2 else escape(part) for index, part in enumerate(parts)]
    return Markup("").join(html)
