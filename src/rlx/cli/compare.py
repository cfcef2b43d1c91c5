"""`rlx compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rlx.cli.common import AS_JSON, AS_MARKDOWN, RUN, print_grid, print_json, tell

if TYPE_CHECKING:
    from rlx.report.study_comparison import StudyComparison


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

    from rlx.report.comparison_files import to_data
    from rlx.report.comparison_words import to_markdown

    effect = judging["minimum_effect"]
    if effect is not None and not math.isfinite(effect):
        raise click.BadParameter(f"{effect} is not a finite number", param_hint="'--minimum-effect'")
    gather = _from_table if scores else _from_project
    study = gather(scores, runs, {key: value for key, value in judging.items() if value is not None}, sequential)
    if as_json:
        print_json(to_data(study))
    elif as_markdown:
        click.echo(to_markdown(study, pictures=False), nl=False)
    else:
        _show(study)
        shown = Path("analysis") / "compare" / "comparison.md"
        if not (runs or scores or sequential or any(judging.values())) and shown.is_file():
            click.echo(f"\nPictures, and every setting that differs: {shown}")


def _from_table(path: Path | None, runs: tuple[str, ...], judging: dict[str, Any], sequential: bool) -> StudyComparison:
    from dataclasses import replace

    from rlx.config.schema import CompareConfig
    from rlx.errors import UsageError
    from rlx.report.score_table import read_score_table
    from rlx.report.study_comparison import Bars, judge

    assert path is not None
    if "checkpoint" in judging:
        raise UsageError("--checkpoint does not apply to --scores: the file says which scores")
    if judging.pop("metric", "return") != "return":
        raise UsageError("--metric does not apply to --scores: the file says which scores")
    methods, found = read_score_table(path)
    names = list(methods) or [run.run for run in found]
    chosen = [*runs, *([judging["baseline"]] if judging.get("baseline") else [])]
    if unknown := next((name for name in chosen if name not in names), None):
        raise UsageError(f"{path}: has no run {unknown!r}; there are: {', '.join(names)}")
    if runs:
        names = chosen
        methods = {name: members for name, members in methods.items() if name in names}
        found = [run for run in found if run.run in names or any(run.run in members for members in methods.values())]
    baseline = judging.pop("baseline", names[0])
    study = judge(found, baseline, Bars(CompareConfig(**judging)), methods, sequential=sequential)
    return replace(study, checkpoint=None)


def _from_project(_: Path | None, runs: tuple[str, ...], judging: dict[str, Any], sequential: bool) -> StudyComparison:
    from rlx.config.composition import read_parameters
    from rlx.errors import Missing, UsageError
    from rlx.project import find_root
    from rlx.references import find_run
    from rlx.report.judged_runs import chosen_runs, with_outdated
    from rlx.report.study_comparison import compare_folders, compare_metric
    from rlx.report.sweep_digest import judge_sweep, members_of

    root, baseline = find_root(), judging.pop("baseline", None)
    parameters = read_parameters(root)
    metric = judging.pop("metric", "return")
    effect = judging.pop("minimum_effect", None)
    settings = parameters.compare.model_copy(update=judging)
    if metric != "return":
        if effect is not None:
            raise UsageError("--minimum-effect is in units of return; it does not apply to another --metric")
        folders, against = chosen_runs(root, parameters, runs or parameters.study.runs, baseline)
        return compare_metric(folders, against, settings, metric, sequential=sequential)
    if not runs and (baseline is None or baseline in parameters.study.methods):
        folders = [find_run(root, name) for name in parameters.study.runs]
        against = baseline or parameters.baseline
        methods = parameters.study.methods
        study = compare_folders(folders, against, settings, methods, sequential=sequential, effect=effect)
        return with_outdated(study, folders)
    try:
        folders, against = chosen_runs(root, parameters, runs or parameters.study.runs, baseline)
    except Missing:
        if len(runs) != 1 or not (members := members_of(root, runs[0])):
            raise
        judged = judge_sweep(root, parameters, runs[0], members)
        if judged.study is None:
            raise Missing(f"{runs[0]}: none of its experiments has held-out scores") from None
        folders, against = list(judged.folders.values()), baseline or judged.study.baseline
        settings = settings.model_copy(update={"looks": None})
    return with_outdated(compare_folders(folders, against, settings, sequential=sequential, effect=effect), folders)


def _show(study: StudyComparison) -> None:
    from rlx.report.comparison_tables import grids
    from rlx.report.comparison_words import beware_of_all, changes, headlines, judgement, shared_warnings

    for line in headlines(study):
        tell(line, "bold")
    for grid in grids(study):
        click.echo()
        print_grid(grid)
    shared = shared_warnings(study)
    if shared:
        click.echo()
        tell(beware_of_all(study))
    for comparison in study.comparisons:
        click.echo()
        tell(f"{comparison.run} against {comparison.baseline}: {comparison.verdict}", "bold")
        for line in judgement(comparison, commands=study.checkpoint is not None, told=shared):
            tell(line, indent="  ")
        for key, old, new in changes(comparison):
            tell(f"{key}: {old} → {new}", indent="  ")
