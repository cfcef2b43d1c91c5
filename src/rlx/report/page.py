"""One self-contained HTML page on runs: verdicts, findings, charts, films, what differs, where everything comes from.

The page loads nothing: scripts, pictures and films are inside it, and its Content-Security-Policy admits only them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rlx.config import Parameters
from rlx.report.judged_runs import JudgedRuns
from rlx.report.page_content import Making, content_of
from rlx.report.page_parts import LIVE_ALONE, PARTS, rendered, whole_page
from rlx.report.study_parts import shown_studies

if TYPE_CHECKING:
    from rlx.studies import StudyView


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


def write_page(  # noqa: PLR0913
    target: Path,
    root: Path,
    parameters: Parameters,
    judged: JudgedRuns,
    heading: Heading,
    studies: Sequence[StudyView] = (),
) -> None:
    """Write the page atomically.

    Args:
        target: Where to.
        root: The project.
        parameters: How the runs were judged.
        judged: The runs.
        heading: What the page says of itself.
        studies: The studies that it is to show.
    """
    from rlx.config import write_text

    content = content_of(root, parameters, judged, Making(films=heading.films)) | shown_studies(studies)
    parts = rendered(content, [name for name in PARTS if name not in LIVE_ALONE])
    write_text(target, whole_page(heading, parts, content["charts"].data))
