"""Verdicts in Python: the comparison that `rlx compare` makes, shown as a notebook shows things."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rlx.api.markup import grid_html, text_html
from rlx.api.named_runs import root_and_names
from rlx.api.project import Project
from rlx.api.published import is_scores, scores_from
from rlx.api.run import Run
from rlx.comparison import Comparison, StudyComparison, Verdict
from rlx.errors import UsageError

if TYPE_CHECKING:
    from rlx.report import Asked


@dataclass(frozen=True, repr=False)
class Judgement(StudyComparison):
    """Runs judged together: :class:`rlx.comparison.StudyComparison`, which the commands have too, as a notebook shows it.

    ``comparisons`` has one :class:`rlx.comparison.Comparison` per candidate, with its verdict, difference, interval, warnings and
    what would settle it; ``scores`` every run's scores.
    """

    @property
    def headlines(self) -> list[str]:
        """Sentences to repeat to a colleague, as `rlx compare` begins."""
        from rlx.report import headlines

        return headlines(self)

    @property
    def comparison(self) -> Comparison:
        """The candidate against the baseline, where there is one candidate.

        Raises:
            UsageError: There are several, or none.
        """
        if len(self.comparisons) != 1:
            raise UsageError(f"there are {len(self.comparisons)} candidates; .comparisons has a comparison of each")
        return self.comparisons[0]

    @property
    def verdict(self) -> Verdict:
        """The word on it: improved, regressed, equivalent, inconclusive, identical or not comparable.

        Raises:
            UsageError: As :attr:`comparison`.
        """
        return self.comparison.verdict

    def to_dict(self) -> dict[str, Any]:
        """Return the document that `rlx compare --json` prints (``docs/json.md``)."""
        from rlx.report import compared, to_json

        found: dict[str, Any] = to_json(compared(self))
        return found

    def __repr__(self) -> str:
        """Return the sentences."""
        return "\n".join(self.headlines)

    def _repr_markdown_(self) -> str:
        """Return the page that `rlx compare --md` prints."""
        from rlx.report import comparison_markdown

        return comparison_markdown(self, pictures=False)

    def _repr_html_(self) -> str:
        """Return the sentences, the tables, and what each verdict rests on."""
        from rlx.report import comparison_grids, judgement

        parts = [f"<p><strong>{text_html(line)}</strong></p>" for line in self.headlines]
        parts += [grid_html(grid) for grid in comparison_grids(self)]
        for found in () if self.methods else self.comparisons:
            title = text_html(f"{found.run} against {found.baseline}: {found.verdict}")
            lines = "".join(
                f"<li>{text_html(line)}</li>" for line in judgement(found, commands=self.checkpoint is not None)
            )
            parts.append(f"<p><strong>{title}</strong></p>\n<ul>{lines}</ul>")
        return "\n".join(parts)


def compare(  # noqa: PLR0913
    *runs: Any,
    names: Sequence[str] | None = None,
    baseline: str | Run | None = None,
    checkpoint: Literal["latest", "best"] | None = None,
    metric: Literal["return", "length", "success"] | None = None,
    minimum_effect: float | None = None,
    sequential: bool = False,
    looks: Sequence[int] | None = None,
    references: str | Path | None = None,
    normalized: bool = False,
    project: str | Path | Project | None = None,
) -> Judgement:
    """Judge runs, or scores from elsewhere, with the verdict that `rlx compare` gives.

    ``rlx.compare(project.runs["cartpole"], project.runs["cartpole_001"])``, ``rlx.compare("cartpole", "cartpole_001")``;
    ``rlx.compare()`` judges the study of ``params.yaml``. Scores from elsewhere need no project:
    ``rlx.compare([241, 260, 239], [310, 288, 305], names=["theirs", "ours"])``, ``rlx.compare({"theirs": […], "ours": […]})``,
    a table with the columns ``run``, ``seed``, ``score`` [, ``task``], or the name of a CSV file that has them.

    Args:
        runs: Runs or their names, as `rlx compare` takes them; or scores: an array per run with one score for each seed (a
            mapping of seed to score says which), one mapping of such by name, one table, or one CSV file.
        names: What to call arrays, in their order; by default ``a``, ``b``, ….
        baseline: What to compare with; by default the study's baseline if it is among them, else the first.
        checkpoint: Which policies of runs to judge; by default as ``params.yaml`` says.
        metric: What to compare runs by; more is better; by default the return.
        minimum_effect: Smaller differences do not matter.
        sequential: Judge look by look, for seeds added until the answer is clear.
        looks: Judge look by look, at these numbers of seeds each.
        references: For several tasks: a CSV file of the scores that count as 0 and 1 (columns task, low, high).
        normalized: For several tasks: the scores are normalised already.
        project: Whose runs, where they are names; by default the project of the current folder, whose ``compare`` section also
            says how scores from elsewhere are judged, where there is one.

    Returns:
        The comparison. A notebook shows it as tables.

    Raises:
        UsageError: What was asked for does not apply.
        Missing: There is no such run, or it has no scores; the message says what to do.
        DataDamaged: A file of a run, or the table of scores, cannot be read; a score is not a finite number.
    """
    from rlx.report import Asked, compare_runs

    chosen = baseline.name if isinstance(baseline, Run) else baseline
    how: dict[str, Any] = {
        "baseline": chosen,
        "checkpoint": checkpoint,
        "metric": metric,
        "minimum_effect": _effect(minimum_effect),
        "sequential": sequential,
        "looks": _looks(looks),
        "references": None if references is None else Path(references),
        "normalized": normalized,
    }
    for value, known in ((checkpoint, ("latest", "best")), (metric, ("return", "length", "success"))):
        if value not in (None, *known):
            raise UsageError(f"{value!r} is none of {', '.join(known)}")
    if runs and all(is_scores(each) for each in runs):
        study = _compared_scores(runs, names, Asked(**how), project)
    else:
        if names is not None:
            raise UsageError("names= is for arrays of scores; runs have names")
        if any(is_scores(each) for each in runs):
            raise UsageError("runs and arrays of scores are one at a time; `run.scores` has the scores of a run")
        root, asked = root_and_names(runs, project)
        study = compare_runs(root, Asked(asked, **how))
    if references and not study.methods:
        raise UsageError("references are for methods on several environments (study.methods, or tasks of scores)")
    return Judgement(**{each.name: getattr(study, each.name) for each in fields(StudyComparison)})


def _compared_scores(
    given: Sequence[Any], names: Sequence[str] | None, asked: Asked, project: str | Path | Project | None
) -> StudyComparison:
    """Judge scores from elsewhere, by the settings of a project where there is one."""
    from rlx.api.project import open as open_project
    from rlx.config import read_parameters
    from rlx.report import compare_scores, settings_here

    if project is None:
        settings, _ = settings_here()
    else:
        found = project if isinstance(project, Project) else open_project(project)
        settings = read_parameters(found.root).compare
    table, where = scores_from(given, names)
    return compare_scores(table, where, asked, settings)


def _effect(value: float | None) -> float | None:
    import math

    if value is not None and not (math.isfinite(value) and value >= 0):
        raise UsageError(f"minimum_effect={value}: is a finite number, at least 0")
    return None if value is None else float(value)


def _looks(looks: Sequence[int] | None) -> list[int] | None:
    """Return valid looks.

    Raises:
        UsageError: They are none.
    """
    if looks is None:
        return None
    from pydantic import TypeAdapter, ValidationError

    from rlx.config import Looks

    try:
        found: list[int] = TypeAdapter(Looks).validate_python(list(looks))
    except ValidationError as error:
        raise UsageError(f"looks={list(looks)!r}: {error.errors()[0]['msg']}") from None
    return found
