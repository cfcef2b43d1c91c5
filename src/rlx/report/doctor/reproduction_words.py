"""What `rlx doctor --reproduce` says: what was compared, and the table of what a score is unsure of."""

from __future__ import annotations

from collections.abc import Iterator

from rlx.report.doctor.check_result import with_noun
from rlx.report.doctor.reproduction import ReproducedPart, Reproduction
from rlx.report.text import Line
from rlx.stats import MISSING, Component, Grid, number

MARKS = {True: "same bits", False: "differs", None: "not compared"}


def reproduction_lines(found: Reproduction) -> Iterator[Line]:
    """Yield what was compared, the notes, and the verdict last."""
    yield Line(f"{found.run}, seed {found.seed}, trained again and its held-out episodes played again", "bold")
    for part in found.parts:
        yield Line(f"{part.name}: {MARKS[part.same]}, {_extent(part)}")
    for note in found.notes:
        yield Line(f"note: {note}", "dim")


def _extent(part: ReproducedPart) -> str:
    if part.same is None:
        return part.first or ""
    what = {"metrics.jsonl": "row", "eval/episodes.csv": "episode", "eval/summary.json": "score"}.get(
        part.name, "checkpoint"
    )
    return f"{with_noun(part.compared, what)} compared" if part.same else str(part.first)


def variance_grid(found: Reproduction) -> Grid:
    """Return what the uncertainty of the score comes from, a source a row."""
    variance = found.variance
    rows = [
        _row("between seeds", variance.seeds, f"{variance.n_seeds} trained"),
        _row("between episodes", variance.episodes, f"{variance.n_episodes} of each seed"),
        _row("between repeats", variance.repeats, f"seed {found.seed}, twice"),
    ]
    error = MISSING if variance.standard_error is None else number(variance.standard_error)
    title = f"{found.run} scores {number(found.score)}, with a standard error of {error}: where that comes from"
    return Grid(
        title, ["source", "seen in", "sd", "adds to the error", "share of variance"], rows, _meaning(found), left=2
    )


def _row(name: str, component: Component, seen: str) -> list[str]:
    share = MISSING if component.share is None else f"{100 * component.share:.0f} %"
    values = [MISSING if each is None else number(each) for each in (component.sd, component.of_score)]
    return [name, seen, *values, share]


def _meaning(found: Reproduction) -> str:
    """Say what the table means for whoever wants a surer score."""
    variance = found.variance
    said = [
        "Repeats of a seed are the same, so none of it is noise of the machine."
        if found.same
        else "The repeat scores the same, although something differs."
        if variance.repeats.sd == 0
        else "A repeat of a seed is another training here, as far as one repeat can tell; what it adds is counted apart from seeds."
    ]
    if variance.standard_error is None:
        said.append("How much seeds differ cannot be told from one: train at least 5.")
    elif variance.seeds.share is not None and variance.episodes.share is not None:
        if variance.seeds.share >= variance.episodes.share:
            said.append("Seeds are most of it: more seeds make the score surer, more episodes hardly.")
        else:
            said.append(
                "Episodes are most of it: more held-out episodes (final_eval.episodes) make the score surer, too."
            )
    return " ".join(said)
