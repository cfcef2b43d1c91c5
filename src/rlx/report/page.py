"""One self-contained HTML page on runs: verdicts, tables, pictures, films, what differs, where everything comes from."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rlx
from rlx import stats
from rlx.config.schema import Parameters
from rlx.errors import RlxError
from rlx.report.comparison_pictures import pictures
from rlx.report.comparison_tables import grids
from rlx.report.comparison_words import changes, judgement
from rlx.report.films import ShownFilm, film_of
from rlx.report.grid import Grid
from rlx.report.judged_runs import JudgedRuns
from rlx.report.run_facts import run_facts
from rlx.report.study_comparison import StudyComparison
from rlx.runs import RunFolder
from rlx.wording import MISSING, interval, number

MOST_IN_ALT = 12
"""So many runs are told one by one in the words that stand for a picture; the tables have them all."""


@dataclass(frozen=True)
class Heading:
    """Of what a page is, and when and from where it was made.

    Attributes:
        title: Its heading.
        written: When, for people.
        code: The commit of the project, and what was changed since, for people.
    """

    title: str
    written: str
    code: str


@dataclass(frozen=True)
class Picture:
    """A picture inside the page.

    Attributes:
        title: Its heading.
        uri: The picture itself, as a ``data:`` address.
        alt: What it shows, for those who do not see it.
        caption: How to read it.
    """

    title: str
    uri: str
    alt: str
    caption: str


def write_page(target: Path, root: Path, parameters: Parameters, judged: JudgedRuns, heading: Heading) -> None:
    """Write the page atomically.

    Args:
        target: Where to.
        root: The project.
        parameters: How the runs were judged.
        judged: The runs.
        heading: What the page says of itself.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from rlx.atomic import write_text

    environment = Environment(
        loader=PackageLoader("rlx", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["commands"] = _with_commands
    template = environment.get_template("page.html.j2")
    write_text(target, template.render(_content(root, parameters, judged, heading)))


def _with_commands(text: str) -> Any:
    """Return a sentence as HTML: what stands in backticks is code, everything is escaped."""
    from markupsafe import Markup, escape

    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    html = [Markup("<code>{}</code>").format(part) if index % 2 else escape(part) for index, part in enumerate(parts)]
    return Markup("").join(html)


def _content(root: Path, parameters: Parameters, judged: JudgedRuns, heading: Heading) -> dict[str, Any]:
    study, folders = judged.study, judged.folders
    facts = {name: run_facts(root, folder) for name, folder in folders.items()}
    comparisons = study.comparisons if study else ()
    return {
        "version": rlx.__version__,
        "heading": heading,
        "headlines": judged.headlines,
        "without": judged.without,
        "facts": facts,
        "grids": list(grids(study)) if study else [],
        "pictures": list(_pictures(study, list(folders))) if study else [],
        "films": [_film(film_of(root, folder)) for folder in folders.values()],
        "comparisons": [
            {
                "title": f"{found.run} against {found.baseline}: {found.verdict}",
                "lines": judgement(found),
                "changes": Grid("", ["what differs", found.baseline, found.run], changes(found), "", 3),
            }
            for found in comparisons
        ],
        "configurations": {name: folder.snapshot.to_yaml() for name, folder in folders.items()},
        "made": _made_grid(facts),
        "versions": _versions(facts),
        "method": _method(parameters, folders),
    }


def _data_uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _film(film: ShownFilm) -> dict[str, Any]:
    uri = None if film.content is None else _data_uri("video/mp4", film.content)
    return {"run": film.run, "uri": uri, "caption": film.caption}


# --- Pictures ---------------------------------------------------------------------------------------------------------


def _pictures(study: StudyComparison, runs: Sequence[str]) -> Iterator[Picture]:
    """Yield the pictures that have something to show."""
    from rlx import plots

    wanted = {
        "differences": any(comparison.difference for comparison in study.comparisons),
        "learning_curves": any(run.curves for run in study.scores),
        "scores": True,
        "profiles": bool(study.methods),
    }
    words = {
        "differences": ("Differences, with their intervals", _differences_alt(study), DIFFERENCES),
        "scores": ("Every seed's score", _scores_alt(study), SCORES),
        "learning_curves": ("Learning curves", _curves_alt(study), CURVES),
        "profiles": ("Performance profiles", _profiles_alt(study), PROFILES),
    }
    order = sorted(runs, key=lambda name: name not in study.baselines)
    shown = [name for name, useful in wanted.items() if useful]
    drawn = {name: plots.to_svg(figure) for name, figure in pictures(study, order, shown)}
    for name, (title, alt, caption) in words.items():
        if name in drawn:
            yield Picture(title, _data_uri("image/svg+xml", drawn[name]), alt, caption)


DIFFERENCES = (
    "Diamonds: difference in mean return to the baseline; bars: the interval that decides, corrected for all "
    "candidates; grey: differences too small to matter."
)
SCORES = (
    "Dots: a seed's mean return over the held-out episodes; diamonds: the mean over seeds; bars: its 95 % t interval."
)
CURVES = (
    "Return of training episodes over environment steps. Thin lines: seeds; thick lines: their mean; bands: pointwise "
    "95 % t intervals over seeds."
)
PROFILES = "Share of trainings above each normalised score; bands: bootstrap intervals."


def _told(lines: Sequence[str]) -> str:
    more = f"; and {len(lines) - MOST_IN_ALT} more" if len(lines) > MOST_IN_ALT else ""
    return "; ".join(lines[:MOST_IN_ALT]) + more


def _differences_alt(study: StudyComparison) -> str:
    lines = [
        f"{found.run} {number(found.difference.mean, sign=True)} {interval(found.difference.interval, sign=True)}, {found.verdict}"
        for found in study.comparisons
        if found.difference
    ]
    return f"Forest plot of differences in mean return to {study.baseline}: {_told(lines)}."


def _scores_alt(study: StudyComparison) -> str:
    lines = []
    for run in study.scores:
        found = stats.mean_with_interval(run.scores_S)
        low, high = number(float(run.scores_S.min())), number(float(run.scores_S.max()))
        seeds = f"{found.n} seed{'s' * (found.n > 1)} from {low} to {high}"
        lines.append(f"{run.run} mean {number(found.mean)}, {seeds}")
    return f"Strip plot of the held-out score of each seed: {_told(lines)}."


def _curves_alt(study: StudyComparison) -> str:
    lines = []
    for run in study.scores:
        if run.curves:
            last = sum(float(values[-1]) for _, values in run.curves.values()) / len(run.curves)
            lines.append(f"{run.run} ends at {number(last)}, mean of {len(run.curves)} seeds")
    return f"Learning curves, the return of training episodes over environment steps: {_told(lines)}."


def _profiles_alt(study: StudyComparison) -> str:
    lines = [f"{method.method} interquartile mean {number(method.iqm.mean)}" for method in study.methods]
    return f"Performance profiles, the share of trainings above each normalised score: {_told(lines)}."


# --- Where everything comes from --------------------------------------------------------------------------------------


def _made_grid(facts: Mapping[str, Mapping[str, Any]]) -> Grid:
    from rlx.progress import shown_duration

    table = []
    for name, run in facts.items():
        git, cost, engine = run["git"] or {}, run["cost"] or {}, run["engine"] or {}
        dirty = git.get("dirty") or []
        seconds = cost.get("training_seconds_all_seeds")
        table.append(
            [
                name,
                str(run["environment"]),
                (git.get("commit") or MISSING)[:10],
                ", ".join(dirty) or "none",
                engine.get("name") or MISSING,
                str(run["ended"] or MISSING).replace("T", " ")[:16],
                f"{len(run['seeds']['finished'])}/{len(run['seeds']['wanted'])}",
                f"{cost['environment_steps']:,}" if cost else MISSING,
                MISSING if seconds is None else shown_duration(seconds),
            ]
        )
    head = ["run", "environment", "commit", "uncommitted changes", "engine", "ended (UTC)", "seeds", "steps", "time"]
    note = "Steps and training time over all seeds together."
    return Grid("Where each run comes from", head, table, note, left=6)


def _versions(facts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the libraries and processors behind the runs: a sentence for all runs that share them."""
    found: dict[str, list[str]] = {}
    for name, run in facts.items():
        versions = [f"{library} {version}" for library, version in (run["versions"] or {}).items() if version]
        processor = (run["host"] or {}).get("processor")
        found.setdefault(", ".join([*versions, *([processor] if processor else [])]), []).append(name)
    return [
        f"{'All runs' if len(found) == 1 else ', '.join(runs)}: {text or 'not recorded'}"
        for text, runs in found.items()
    ]


def _method(parameters: Parameters, folders: Mapping[str, RunFolder]) -> list[str]:
    """Return how the scores were made and judged, in sentences."""
    settings = parameters.compare
    protocols = []
    for folder in folders.values():
        try:
            protocols.append(dict(folder.evaluation.task.get("protocol") or {}))
        except RlxError:
            continue
    protocol = protocols[0] if protocols and all(found == protocols[0] for found in protocols) else {}
    episodes = f"{protocol['episodes']} held-out episodes" if "episodes" in protocol else "held-out episodes"
    actions = "most likely" if protocol.get("deterministic", True) else "sampled"
    policy = "final policy" if settings.checkpoint == "latest" else "best policy, chosen on validation episodes,"
    lines = [
        f"Each seed's {policy} played {episodes} with its {actions} actions: a fixed list that no training and no choice "
        "ever saw, the same for every run. A seed's score is its mean return over them; the mean and its interval are "
        "over seeds, because a seed, not an episode, is what one would get by training again.",
    ]
    looks = f", judged look by look at {', '.join(map(str, settings.looks))} seeds each" if settings.looks else ""
    lines.append(
        f"Verdicts between runs that do not differ are wrong at most {100 * settings.alpha:g} % of the time, over all "
        f"candidates together{looks}; differences in return below {settings.minimum_effect:g} count as too small to matter."
    )
    return lines
