"""One self-contained HTML page on runs: verdicts, findings, charts, films, what differs, where everything comes from.

The page loads nothing: scripts, pictures and films are inside it, and its Content-Security-Policy admits only them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rlx
from rlx.comparison import StudyComparison
from rlx.config import Parameters
from rlx.errors import RlxError
from rlx.records import RunFolder
from rlx.report import comparison_tables, page_provenance
from rlx.report.comparison_words import (
    beware_of_all,
    full_verdict,
    is_alone,
    judgement,
    shared_warnings,
    verdict_headline,
)
from rlx.report.effort_table import efforts_grids
from rlx.report.films import ShownFilm, films_of
from rlx.report.findings import curve_of, findings_of, in_words, told_once
from rlx.report.judged_runs import JudgedRuns
from rlx.report.page_charts import charts_of
from rlx.report.page_pictures import data_uri, page_pictures
from rlx.report.run_facts import RunFacts, facts_of_run
from rlx.stats import Grid, visible

if TYPE_CHECKING:
    from jinja2 import Environment

VERDICT_MARKS = {
    "improved": "▲",
    "regressed": "▼",
    "equivalent": "=",
    "identical": "≡",
    "inconclusive": "?",
    "not comparable": "×",
}
"""What stands beside the word of each verdict, so that nobody needs its colour."""
SEVERITIES = {"error": "✕", "warning": "!", "info": "i"}
MOST_OPEN = 4
"""Verdicts whose reasons are shown at once; those of more are folded."""
MOST_BANDS = 4
"""Runs whose intervals are drawn at once; those of more would hide each other."""


@dataclass(frozen=True)
class Heading:
    """Of what a page is, and when and from where it was made.

    Attributes:
        title: Its heading.
        written: When, for people.
        code: The commit of the project, and what was changed since, for people.
        films: Whether the page is to carry the films.
    """

    title: str
    written: str
    code: str
    films: bool = True


def write_page(target: Path, root: Path, parameters: Parameters, judged: JudgedRuns, heading: Heading) -> None:
    """Write the page atomically.

    Args:
        target: Where to.
        root: The project.
        parameters: How the runs were judged.
        judged: The runs.
        heading: What the page says of itself.
    """
    from rlx.config import write_text

    template = page_environment().get_template("page.html.j2")
    write_text(target, template.render(_content(root, parameters, judged, heading), **_programs()))


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
    environment.filters |= {"commands": _with_commands, "curve": curve_of, "words": in_words}
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


def _programs() -> dict[str, Any]:
    """Return the page's style and scripts, and the hashes by which the page admits these scripts and no others."""
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    here = Path(__file__).parent
    scripts = [get_plotlyjs(), (here / "page.js").read_text(encoding="utf-8")]
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii") for script in scripts]
    return {
        "style": Markup((here / "page.css").read_text(encoding="utf-8")),
        "scripts": [Markup(script) for script in scripts],
        "script_hashes": " ".join(f"'sha256-{found}'" for found in hashes),
    }


def _content(root: Path, parameters: Parameters, judged: JudgedRuns, heading: Heading) -> dict[str, Any]:
    study = judged.study
    folders = [*_by_importance(judged), *judged.others.values()]
    facts = _facts(root, folders)
    findings = told_once([findings_of(root, folder) for folder in _candidates_first(folders, study)])
    comparisons = study.comparisons if study else ()
    charts = charts_of(root, folders, study)
    return {
        "version": rlx.__version__,
        "heading": heading,
        "lines": _plain_lines(judged),
        "verdicts": _verdicts(study) if study else [],
        "unfold": len(comparisons) <= MOST_OPEN,
        "without": judged.without,
        "findings": findings,
        "unremarkable": [told.run for told in findings if told.unremarkable],
        "severities": SEVERITIES,
        "most_bands": MOST_BANDS,
        "charts": charts,
        "tables": _tables(study) if study else {},
        "pictures": page_pictures(study, [folder.name for folder in _by_importance(judged)]) if study else {},
        "films": [_film(film) for film in films_of(root, _by_importance(judged), inside=heading.films)],
        "changes": list(page_provenance.changes_grids(comparisons)),
        "configurations": _configurations(folders),
        "facts": facts,
        "made": page_provenance.made_grid(facts),
        "versions": page_provenance.version_lines(facts),
        "method": page_provenance.method(
            parameters, judged.folders, comparison_tables.effects(judged.study) if judged.study else []
        ),
    }


def _by_importance(judged: JudgedRuns) -> list[RunFolder]:
    """Return the runs with results: baselines first, then the best mean; this order gives each its colour."""
    if judged.study is None:
        return list(judged.folders.values())
    baselines = judged.study.baselines
    ranked = sorted((run.run for run in judged.study.scores), key=lambda name: name not in baselines)
    return [judged.folders[name] for name in ranked]


def _candidates_first(folders: Sequence[RunFolder], study: StudyComparison | None) -> list[RunFolder]:
    return sorted(folders, key=lambda folder: study is not None and folder.name in study.baselines)


def _facts(root: Path, folders: Sequence[RunFolder]) -> Mapping[str, RunFacts]:
    found = {}
    for folder in folders:
        try:
            found[folder.name] = facts_of_run(root, folder)
        except (RlxError, OSError):  # why the run cannot be read stands with the verdicts
            continue
    return found


def _configurations(folders: Sequence[RunFolder]) -> dict[str, str]:
    found = {}
    for folder in folders:
        try:
            found[folder.name] = folder.snapshot.to_yaml()
        except (RlxError, OSError):
            continue
    return found


def _plain_lines(judged: JudgedRuns) -> list[str]:
    """Return the headlines that are not of one comparison, which has a mark of its own."""
    study = judged.study
    of_one = tuple(verdict_headline(study, found) for found in study.comparisons) if study else ()
    beware = [beware_of_all(study)] if study and shared_warnings(study) else []
    return [*(line for line in judged.headlines if not line.startswith(of_one)), *beware]


def _verdicts(study: StudyComparison) -> list[dict[str, Any]]:
    judged_alone = full_verdict(study) if is_alone(study) else None
    return [
        {
            "line": judged_alone or verdict_headline(study, found),
            "verdict": found.verdict,
            "mark": VERDICT_MARKS[found.verdict],
            "title": f"{found.run} against {found.baseline}",
            "reasons": judgement(found, told=shared_warnings(study)),
        }
        for found in study.comparisons
    ]


def _tables(study: StudyComparison) -> dict[str, list[Any]]:
    tables = comparison_tables
    return {
        "differences": [*tables.methods_grids(study), *map(_verdict_first, tables.differences_grids(study))],
        "curves": [*efforts_grids(study, timed=True), *tables.learning_grids(study)],
        "scores": [*tables.scores_grids(study), *tables.choices_grids(study)],
        "seeds": list(page_provenance.seeds_grids(study)),
    }


def _verdict_first(grid: Grid) -> Grid:
    """Return a table whose last column, the verdict, comes first: on a narrow screen it is what is seen."""
    rows = [[row[-1], *row[:-1]] for row in grid.rows]
    return replace(grid, head=[grid.head[-1], *grid.head[:-1]], rows=rows, left=grid.left + 1)


def _film(film: ShownFilm) -> dict[str, Any]:
    return {
        "run": film.run,
        "uri": None if film.content is None else data_uri("video/mp4", film.content),
        "poster": None if film.poster is None else data_uri("image/jpeg", film.poster),
        "caption": film.caption,
    }
