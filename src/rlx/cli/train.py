"""`rlx train`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rlx.cli.common import CONFIG, is_quiet, is_verbose, say, tell

if TYPE_CHECKING:
    from rlx.config import Parameters
    from rlx.experiments import Loudness
    from rlx.records import RunFolder


@click.command("train")
@click.argument("config", type=CONFIG)
@click.option(
    "-S", "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting, for this experiment only."
)
@click.option("--seeds", type=click.IntRange(min=1), metavar="N", help="How many seeds to train.")
@click.option("--name", metavar="NAME", help="What to call the experiment [default: CONFIG_001, _002, …].")
def command(config: str, overrides: tuple[str, ...], seeds: int | None, name: str | None) -> None:
    """Train CONFIG (a file of configs/) as one DVC experiment.

    All stages of that run are made in a copy of the project as it is now, uncommitted changes included; the workspace
    stays untouched. The result is kept as an experiment (`dvc exp show`) and as the folder runs/NAME/, which shows the
    training while it goes on. What was trained before with the same configuration, code and seeds is not trained again.

    A KEY names a setting of params.yaml (algo.gamma=0.9), or of a config that sets it itself
    (configs/NAME.yaml:algo.gamma=0.9).

    \b
    Example:
      rlx train cartpole -S algo.gamma=0.9 --seeds 3
    """
    from rlx.config import find_root, told_briefly
    from rlx.experiments import check_name, in_the_making, make, one_at_a_time, plan, same_as, start, whole_run

    root = find_root()
    if name is not None:
        check_name(name)
    run = config.removeprefix("configs/").removesuffix(".yaml")
    settings = [*overrides, *([f"num_seeds={seeds}"] if seeds is not None else [])]
    planned = plan(root, run, settings)
    with one_at_a_time(root):  # two who ask for the same at once are to see each other
        same = same_as(root, run, planned.snapshot.to_yaml(), planned.judged, planned.judging)
        if same is not None:
            tell(f"{same} is that already: the same configuration, code and seeds. Nothing was trained.")
            tell(f"Its facts: `rlx info {same}`")
            return
        if twin := in_the_making(root, planned):
            tell(f"{twin} is just being made with the same configuration, code and seeds; nothing else was started.")
            tell("How far it is: `rlx ls`")
            return
        name = start(root, planned, whole_run(run), name=name).name
    say(f"{name}: {run}{''.join(f' -S {setting}' for setting in settings)}")
    for line in [*included(root), told_briefly(planned.sources)]:
        say(line)
    finished = make(root, name, loudness(), again=f"rlx resume {name}")
    show_result(root, finished, planned.parameters)


def loudness() -> Loudness:
    """Return how loud the stages may be."""
    from rlx.experiments import Loudness

    return Loudness(is_quiet(), is_verbose())


def included(root: Path) -> list[str]:
    """Return what an experiment has beside the commit, and what it lacks, a line each."""
    from rlx.experiments import git_state, untracked_others, untracked_sources

    new, others = untracked_sources(root), untracked_others(root)
    edits = [name for name in git_state(root).dirty if name not in new and name not in others]
    lines = [f"with uncommitted edits of {_listed(edits)}"] * bool(edits)
    lines += [f"with new files: {_listed(new)}"] * bool(new)
    return lines + [f"without {_listed(others)}: Git does not know them (`git add`)"] * bool(others)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def show_result(root: Path, folder: RunFolder, parameters: Parameters) -> None:
    """Print an experiment's result, its interval, what changed against the baseline, and the next command."""
    from rlx.records import RunFolder
    from rlx.report import (
        compare_folders,
        diagnosis_headline,
        read_analysis,
        setting,
        settling,
        unlearned,
        verdict_headline,
    )
    from rlx.stats import interval, number

    name, score = folder.name, folder.evaluation.scores["latest"]
    n, found = score.estimate.n, score.estimate.interval
    shown = f", 95 % interval {interval(found)} over {n} seeds" if found else " (one seed: no interval)"
    random_return = number(folder.evaluation.random_return)
    say("")
    tell(f"{name}: mean return {number(score.estimate.mean)}{shown}; random actions: {random_return}", "bold")
    analysis = read_analysis(folder)
    if analysis and any(finding.severity != "info" for finding in analysis.findings):
        tell(f"Diagnosis: {diagnosis_headline(analysis)} `rlx diagnose {name}` tells more.")
    members = parameters.study.methods.get(parameters.baseline, [parameters.baseline])
    finished = [base for base in (RunFolder(root / "runs" / run) for run in members) if base.state == "finished"]
    environment = folder.snapshot.config.env.id
    baseline = next((base for base in finished if base.snapshot.config.env.id == environment), None)
    if baseline is None and finished:
        others = ", ".join(dict.fromkeys(base.snapshot.config.env.id for base in finished))
        tell(f"The study's baseline is on {others}, not on {environment}: there is nothing to compare it with.")
        tell(f"Next: `rlx info {name}`")
        return
    if baseline is None:
        tell(f"The study's baseline, {parameters.baseline}, has no results here yet: `dvc repro` makes them.")
        tell(f"Next: `rlx info {name}`")
        return
    study = compare_folders([baseline, folder], baseline.name, parameters.compare)
    for comparison in study.comparisons:
        changed = [f"{key} {setting(old)} → {setting(new)}" for key, (old, new) in comparison.changes.items()]
        tell(f"against {baseline.name}: {'; '.join(changed) if changed else 'no setting differs'}")
        for warning in comparison.warnings:
            tell(f"Beware: {warning}.")
        if (settled_by := settling(comparison)) is not None:
            tell(f"To settle it: {settled_by}")
    for line in [*unlearned(study), *(verdict_headline(study, comparison) for comparison in study.comparisons)]:
        tell(line, "bold")
    comparable = any(comparison.difference is not None for comparison in study.comparisons)
    tell(f"Next: `rlx compare {baseline.name} {name}`" if comparable else f"Next: `rlx info {name}`")
