"""`rlx compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rlx.cli.common import AS_JSON, AS_MARKDOWN, RUN, print_grid, print_json, tell

if TYPE_CHECKING:
    from rlx.config import CompareConfig
    from rlx.report import StudyComparison


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

    from rlx.errors import UsageError
    from rlx.report import compared, comparison_markdown

    effect = judging["minimum_effect"]
    if effect is not None and not math.isfinite(effect):
        raise click.BadParameter(f"{effect} is not a finite number", param_hint="'--minimum-effect'")
    given = {key: value for key, value in judging.items() if value is not None and value is not False}
    scaled = "references" in given
    if scores:
        settings, whose = _settings_of_project()
        study = _from_table(scores, runs, settings, given, sequential=sequential)
    else:
        study = _from_project(runs, given, sequential=sequential)
    if scaled and not study.methods:
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


def _from_table(
    path: Path, runs: tuple[str, ...], settings: CompareConfig, judging: dict[str, Any], *, sequential: bool
) -> StudyComparison:
    from dataclasses import replace

    from rlx.config import ReferenceScore
    from rlx.errors import UsageError
    from rlx.report import Bars, judge, read_references, read_score_table

    references, normalized = judging.pop("references", None), judging.pop("normalized", False)
    if references and normalized:
        raise UsageError("--normalized says that the scores need no --references; keep one of the two")
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
    tasks = list(dict.fromkeys(str(run.task["environment"]) for run in found))
    if normalized:
        judging["reference_scores"] = {task: ReferenceScore(low=0.0, high=1.0) for task in tasks}
    elif references:
        judging["reference_scores"] = read_references(references, tasks)
    elif not set(settings.reference_scores) <= set(tasks):
        judging["reference_scores"] = {
            task: found for task, found in settings.reference_scores.items() if task in tasks
        }
    settings = settings.model_copy(update={"threshold": None, **judging})
    study = judge(found, baseline, Bars(settings), methods, sequential=sequential)
    return replace(study, checkpoint=None)


def _settings_of_project() -> tuple[CompareConfig, str]:
    """Return the ``compare`` section of the project that this is called in, and whose it is, in words."""
    from rlx.config import CompareConfig, find_root, read_parameters
    from rlx.errors import RlxError

    try:
        root = find_root()
    except RlxError:
        return CompareConfig(), "the defaults, since this is no project"
    return read_parameters(root).compare, f"compare.* of {root / 'params.yaml'}"


def _from_project(runs: tuple[str, ...], judging: dict[str, Any], *, sequential: bool) -> StudyComparison:
    from rlx.config import find_root, read_parameters
    from rlx.errors import Missing, UsageError
    from rlx.experiments import find_run
    from rlx.report import (
        chosen_runs,
        compare_folders,
        compare_metric,
        judge_sweep,
        members_of,
        read_references,
        with_outdated,
    )

    root, baseline = find_root(), judging.pop("baseline", None)
    parameters = read_parameters(root)
    if judging.pop("normalized", False):
        raise UsageError("--normalized is for --scores: returns of a project's runs are not normalised")
    if references := judging.pop("references", None):
        folders = [find_run(root, name) for name in parameters.study.runs]
        known = list(dict.fromkeys(folder.snapshot.config.env.id for folder in folders))
        judging["reference_scores"] = read_references(references, known)
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
        settings = settings.model_copy(update={"looks": judging.get("looks")})  # the study's are not a sweep's
    return with_outdated(compare_folders(folders, against, settings, sequential=sequential, effect=effect), folders)


def _show(study: StudyComparison) -> None:
    from rlx.report import beware_of_all, changes, comparison_grids, headlines, judgement, shared_warnings

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
        for key, old, new in changes(comparison):
            tell(f"{key}: {old} → {new}", indent="  ")
