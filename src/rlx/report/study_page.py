"""One self-contained HTML page on a study: verdict, what was not shown, all that was tried, and what it stands on.

The page loads nothing and runs nothing: its Content-Security-Policy admits its own style and pictures alone. It says what the
study's `report.md` says, with pictures of the scores; the same study gives the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rlx
from rlx.config import write_text
from rlx.report.page_parts import page_environment
from rlx.report.page_pictures import Picture, data_uri
from rlx.report.study_parts import LOOKS, budget_bars, sentence_of
from rlx.stats import number

if TYPE_CHECKING:
    from rlx.studies import StudyFacts, StudyWords


def write_study_page(facts: StudyFacts, words: StudyWords, target: Path) -> None:
    """Write the page atomically.

    Args:
        facts: What there is to say.
        words: The same in words and tables.
        target: Where to.
    """
    from markupsafe import Markup

    style = "".join(
        (Path(__file__).parent / name).read_text(encoding="utf-8") for name in ("page.css", "study_page.css")
    )
    template = page_environment().get_template("study.html.j2")
    content = template.render(
        version=rlx.__version__,
        style=Markup(style),
        facts=facts,
        words=words,
        looks=LOOKS,
        sentence=sentence_of(facts),
        bars=budget_bars(facts),
        pictures=study_pictures(facts),
    )
    write_text(target, content)


def study_pictures(facts: StudyFacts) -> dict[str, Picture]:
    """Return by name the pictures that have something to show."""
    from rlx.report import plots
    from rlx.report.study_pictures import optimism_picture, scores_picture, shown_candidates

    found = {}
    metric = str(facts.contract["metric"]["name"])
    confirmed = [each for each in facts.confirmations if each.screening is not None and each.scores.mean is not None]
    if facts.floor is not None or any(each.screening for each in facts.candidates):
        svg = plots.to_svg(scores_picture(facts))
        drawn = shown_candidates(facts)
        lines = [f"{each.id} {number(each.screening[-1].mean)}" for each in drawn]
        alt = f"Strip plot of {metric} seed by seed: {'; '.join(lines) or 'the floor alone'}. The tables have the numbers."
        caption = (
            "Dots: a seed each; crosses: seeds that failed, with the score that the contract gives them; diamonds: means. Dashed: "
            "the baseline's mean. Screening chose among these, so the best of them flatter."
        )
        if (left_out := sum(bool(each.screening) for each in facts.candidates) - len(drawn)) > 0:
            caption += f" Not drawn: {left_out} that scored less in screening; the table has them."
        found["scores"] = Picture(data_uri("image/svg+xml", svg), alt, caption)
    if confirmed:
        svg = plots.to_svg(optimism_picture(confirmed, metric))
        lines = [f"{each.candidate} {number(each.screening)}, then {number(each.scores.mean)}" for each in confirmed]
        caption = (
            "Each candidate that was confirmed: its mean in screening, by which it was chosen, against its mean on fresh seeds. On "
            "the diagonal both are equal; how far a point lies off it is what choosing had flattered."
        )
        alt = f"Screening score against score on fresh seeds: {'; '.join(lines)}."
        found["optimism"] = Picture(data_uri("image/svg+xml", svg), alt, caption)
    return found
