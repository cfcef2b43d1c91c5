"""`rlx compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rlx.cli.common import AS_JSON, AS_MARKDOWN, RUN, print_grid, print_json, tell

if TYPE_CHECKING:
    from rlx.comparison import StudyComparison


class _Looks(click.ParamType):  # type: ignore[type-arg]
    """Numbers of seeds each, separated by commas; valid as ``compare.looks`` is."""

    name = "looks"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        """Return the numbers."""
        from pydantic import TypeAdapter, ValidationError

        from rlx.config import Looks

        try:
            looks: list[int] = TypeAdapter(Looks).validate_python([int(word) for word in str(value)[:1000].split(",")])
        except ValidationError as error:
            self.fail(f"{value!r}: {error.errors()[0]['msg']}", param, ctx)
        except ValueError:
            self.fail(f"{value!r} is no list of numbers such as 5,10,20", param, ctx)
        return looks


LOOKS = _Looks()


@click.command("compare")
@click.argument("runs", nargs=-1, metavar="[RUN]...", type=RUN)
@click.option(
    "--baseline", metavar="RUN", type=RUN, help="Compare with this run [default: the study's, else the first named]."
)
@click.option(
    "--checkpoint", type=click.Choice(["latest", "best"]), help="Which policies to judge [default: as params.yaml]."
)
@click.option(
    "--metric",
    type=click.Choice(["return", "length", "success"]),
    help="What to compare by; more is better [default: return].",
)
@click.option("--minimum-effect", type=click.FloatRange(min=0), help="Smaller differences in return do not matter.")
@click.option(
    "--sequential", is_flag=True, help="Judge look by look, for seeds added until the answer is clear (compare.looks)."
)
@click.option(
    "--scores",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare scores from a CSV file instead: columns run, seed, score [, task]; needs no project.",
)
@click.option(
    "--references",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="For several tasks: a CSV file of the scores that count as 0 and 1 (columns task, low, high).",
)
@click.option("--normalized", is_flag=True, help="For several tasks: the scores in the file are normalised already.")
@click.option(
    "--looks", metavar="N,N,…", type=LOOKS, help="Judge look by look, at these numbers of seeds each, such as 5,10,20."
)
@AS_JSON
@AS_MARKDOWN
def command(
    runs: tuple[str, ...], scores: Path | None, *, as_json: bool, as_markdown: bool, sequential: bool, **judging: Any
) -> None:
    """Compare runs: differences with intervals, and verdicts.

    RUN is a run of the workspace (cartpole), a kept experiment (cartpole_001), a run folder, or the name of a sweep,
    whose points are compared with its config. Without RUN, the runs of the study.

    \b
    Example:
      rlx compare cartpole cartpole_epochs --checkpoint best
    """
    import math

    from rlx.config import find_root
    from rlx.errors import UsageError
    from rlx.report import Asked, compare_runs, compare_table, compared, comparison_markdown, settings_here

    effect = judging["minimum_effect"]
    if effect is not None and not math.isfinite(effect):
        raise click.BadParameter(f"{effect} is not a finite number", param_hint="'--minimum-effect'")
    asked = Asked(runs, sequential=sequential, **judging)
    if scores:
        settings, whose = settings_here()
        study = compare_table(scores, asked, settings)
    else:
        study = compare_runs(find_root(), asked)
    if asked.references and not study.methods:
        raise UsageError("--references is for methods on several environments (study.methods, or tasks of --scores)")
    if as_json:
        print_json(compared(study))
    elif as_markdown:
        click.echo(comparison_markdown(study, pictures=False), nl=False)
    else:
        _show(study)
        shown = Path("analysis") / "compare" / "comparison.md"
        if not (runs or scores or sequential or any(judging.values())) and shown.is_file():
            click.echo(f"\nPictures, and every setting that differs: {shown}")
    if scores and not (as_json or as_markdown):
        click.echo(f"Judged by {whose}.", err=True)


def _show(study: StudyComparison) -> None:
    from rlx.report import OWN, beware_of_all, change_rows, comparison_grids, headlines, judgement, shared_warnings

    for line in headlines(study):
        tell(line, "bold")
    for grid in comparison_grids(study):
        click.echo()
        print_grid(grid)
    shared = shared_warnings(study)
    if shared:
        click.echo()
        tell(beware_of_all(study))
    if study.methods:
        return
    for comparison in study.comparisons:
        click.echo()
        tell(f"{comparison.run} against {comparison.baseline}: {comparison.verdict}", "bold")
        for line in judgement(comparison, commands=study.checkpoint is not None, told=shared):
            tell(line, indent="  ")
        for key, old, new in change_rows(comparison):
            told = f"{comparison.baseline}: {old}; {comparison.run}: {new}" if key == OWN else f"{old} → {new}"
            tell(f"{key}: {told}", indent="  ")
