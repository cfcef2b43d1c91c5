"""What a page on runs says, gathered: verdicts, findings, charts, films, what differs, where everything comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

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
from rlx.report.films import MOST_BYTES, ShownFilm, films_of
from rlx.report.findings import RunFindings, findings_of, told_once
from rlx.report.judged_runs import JudgedRuns
from rlx.report.page_charts import charts_of
from rlx.report.page_pictures import MOVING, Picture, data_uri, page_pictures
from rlx.report.run_facts import RunFacts, facts_of_run
from rlx.report.run_memory import RunMemory
from rlx.stats import Grid

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
class Making:
    """How a page is made.

    Attributes:
        memory: What was made of runs before.
        films: Whether the page is to have films.
        film_address: Gives the address by which the page finds a film, from its bytes; None: the page carries it.
        most_bytes: So many bytes of films the page has at most.
        moving: Whether charts are drawn in the browser alone: the page has no still pictures of them.
        order: Runs in the order that gives each its colour, before all others.
        patience: Seconds for which the diagnosis of a run serves although the run has gone on.
    """

    memory: RunMemory = field(default_factory=RunMemory)
    films: bool = True
    film_address: Callable[[bytes], str] | None = None
    most_bytes: int = MOST_BYTES
    moving: bool = False
    order: Sequence[str] = ()
    patience: float = 0.0


def content_of(root: Path, parameters: Parameters, judged: JudgedRuns, how: Making) -> dict[str, Any]:
    """Return what the parts of a page are rendered from, by name.

    Args:
        root: The project.
        parameters: How the runs were judged.
        judged: The runs.
        how: How the page is made.
    """
    study, memory = judged.study, how.memory
    ranked = _by_importance(judged)
    folders = _in_order([*ranked, *judged.others.values()], how.order)
    filmed = folders if how.moving else ranked
    facts = _facts(root, folders, memory)
    findings = told_once([_findings(root, folder, how) for folder in _candidates_first(folders, study)])
    comparisons = study.comparisons if study else ()
    charts = charts_of(root, folders, study, memory)
    left_out = MOVING if how.moving else ()
    return {
        "lines": _plain_lines(judged),
        "verdicts": _verdicts(study) if study else [],
        "unfold": len(comparisons) <= MOST_OPEN,
        "without": judged.without,
        "findings": findings,
        "unremarkable": [told.run for told in findings if told.unremarkable],
        "severities": SEVERITIES,
        "most_bands": MOST_BANDS,
        "charts": charts,
        "tables": memory.same("tables", study, lambda: _tables(study) if study else {}),
        "pictures": memory.same("pictures", study, lambda: _pictures(study, ranked, left_out) if study else {}),
        "films": [_film(film, how) for film in films_of(root, filmed, memory, inside=how.films, most=how.most_bytes)],
        "changes": list(page_provenance.changes_grids(comparisons)),
        "configurations": _configurations(folders),
        "facts": facts,
        "made": page_provenance.made_grid(facts),
        "versions": page_provenance.version_lines(facts),
        "method": page_provenance.method(
            parameters, judged.folders, comparison_tables.effects(judged.study) if judged.study else []
        ),
    }


def _in_order(folders: Sequence[RunFolder], first: Sequence[str]) -> list[RunFolder]:
    places = {name: place for place, name in enumerate(first)}
    return sorted(folders, key=lambda folder: places.get(folder.name, len(places)))


def _findings(root: Path, folder: RunFolder, how: Making) -> RunFindings:
    return how.memory.of("findings", folder, partial(findings_of, root, folder), patience=how.patience)


def _by_importance(judged: JudgedRuns) -> list[RunFolder]:
    """Return the runs with results: baselines first, then the best mean; this order gives each its colour."""
    if judged.study is None:
        return list(judged.folders.values())
    baselines = judged.study.baselines
    ranked = sorted((run.run for run in judged.study.scores), key=lambda name: name not in baselines)
    return [judged.folders[name] for name in ranked]


def _candidates_first(folders: Sequence[RunFolder], study: StudyComparison | None) -> list[RunFolder]:
    return sorted(folders, key=lambda folder: study is not None and folder.name in study.baselines)


def _facts(root: Path, folders: Sequence[RunFolder], memory: RunMemory) -> Mapping[str, RunFacts]:
    found = {}
    for folder in folders:
        try:
            found[folder.name] = memory.of("facts", folder, partial(facts_of_run, root, folder))
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


def _pictures(study: StudyComparison, ranked: Sequence[RunFolder], left_out: Sequence[str]) -> dict[str, Picture]:
    return page_pictures(study, [folder.name for folder in ranked], left_out)


def _film(film: ShownFilm, how: Making) -> dict[str, Any]:
    address = how.film_address or (lambda content: data_uri("video/mp4", content))
    return {
        "run": film.run,
        "uri": None if film.content is None else address(film.content),
        "poster": None if film.poster is None else data_uri("image/jpeg", film.poster),
        "caption": film.caption,
    }
