"""`rlx train`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rlx.config.schema import Parameters


@click.command("train")
@click.argument("config")
@click.option(
    "-S", "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a setting, for this experiment only."
)
@click.option("--seeds", type=click.IntRange(min=1), metavar="N", help="How many seeds to train.")
@click.option("--name", metavar="NAME", help="What to call the experiment [default: CONFIG_001, _002, …].")
def command(config: str, overrides: tuple[str, ...], seeds: int | None, name: str | None) -> None:
    """Train CONFIG (a file of configs/) as one DVC experiment.

    All stages of that run are made in a temporary copy, so the workspace stays as it is; uncommitted changes are
    included. The result is kept as an experiment (`dvc exp show`) and as the folder runs/NAME/.

    A KEY names a setting of params.yaml (algo.gamma=0.9), or of a config that sets it itself
    (configs/NAME.yaml:algo.gamma=0.9).

    \b
    Example:
      rlx train cartpole -S algo.gamma=0.9 --seeds 3
    """
    from rlx.config.composition import read_parameters
    from rlx.errors import Interrupted, TrainingFailed, UsageError
    from rlx.experiments import add_new_files, experiment_names, export_experiment, next_name, run_experiment
    from rlx.project import find_root

    root = find_root()
    run = Path(config).stem if config.endswith(".yaml") else config
    parameters = read_parameters(root)
    _check_config(root, run)
    chosen = name or next_name(root, run)
    if not chosen.replace("-", "").replace("_", "").isalnum():
        raise UsageError(f"--name {chosen!r}: use letters, digits, - and _")
    if chosen in experiment_names(root) or (root / "runs" / chosen).exists():
        raise UsageError(f"there is an experiment or run {chosen!r} already; choose another --name, or none")
    settings = [_addressed(root, run, setting) for setting in overrides]
    if seeds is not None:
        settings.append(_addressed(root, run, f"num_seeds={seeds}"))
    new = add_new_files(root)
    if new:
        click.echo(f"staged for Git, so that the experiment has them: {', '.join(new)}")
    click.echo(f"{chosen}: {run}{''.join(f' {setting}' for setting in settings)}")
    status = run_experiment(root, chosen, run, parameters.study.runs, settings)
    if chosen not in experiment_names(root):
        if status == 0:
            raise TrainingFailed(
                f"{chosen}: DVC made no experiment, because nothing differs from the committed state; `rlx compare` shows it"
            )
        again = shlex.join(["rlx", *sys.argv[1:]])
        if status == Interrupted.exit_code:
            raise Interrupted(
                f"{chosen}: interrupted; finished seeds and checkpoints are kept, `{again}` goes on from them"
            )
        raise TrainingFailed(
            f"{chosen}: did not finish (see above); after mending, `{again}` goes on from what is done"
        )
    export_experiment(root, chosen, run)
    _tell(root, chosen, parameters)


def _check_config(root: Path, run: str) -> None:
    """Compose the config in this process first, so that mistakes are told at once."""
    from rlx.config.composition import compose_run

    compose_run(root, run)


def _addressed(root: Path, run: str, setting: str) -> str:
    """Address a plain KEY=VALUE to the file that has the last word on KEY for this run.

    Raises:
        UsageError: It is not KEY=VALUE, or no setting has that name.
    """
    import difflib

    from rlx.config.composition import BASE_KEYS, compose_run
    from rlx.config.schema import Parameters
    from rlx.config.validation import field_of, section_type
    from rlx.errors import UsageError

    key, equals, value = setting.partition("=")
    if not equals or not key.strip():
        raise UsageError(f"-S {setting}: must be KEY=VALUE, such as algo.gamma=0.9")
    if ":" in key:
        return setting
    path = tuple(key.lstrip("+").split("."))
    _, info = field_of(Parameters, path)
    if info is None and "kwargs" not in path:
        names = [
            f"{name}.{inner}" if found else name
            for name, field in Parameters.model_fields.items()
            for found in [section_type(field.annotation)]
            for inner in (found.model_fields if found else [""])
        ]
        guess = difflib.get_close_matches(key, names, 1)
        raise UsageError(
            f"-S {setting}: there is no setting {key!r}" + (f"; did you mean {guess[0]}?" if guess else "")
        )
    if path[0] not in BASE_KEYS:
        return setting
    for prefix, document in compose_run(root, run).documents:
        inner = path[len(prefix) :]
        if path[: len(prefix)] == prefix and inner in document.keys:
            return setting if document.name == "params.yaml" else f"{document.name}:{'.'.join(map(str, inner))}={value}"
    return f"+{setting}"


def _tell(root: Path, name: str, parameters: Parameters) -> None:
    """Print the result, its interval, what changed against the baseline, and the next command."""
    from rlx.report.comparison_words import headlines
    from rlx.report.study_comparison import compare_folders
    from rlx.report.text import setting
    from rlx.runs import RunFolder
    from rlx.wording import interval, number

    folder = RunFolder(root / "runs" / name)
    score = folder.evaluation.scores["latest"]
    n, found = score.estimate.n, score.estimate.interval
    shown = f", 95 % interval {interval(found)} over {n} seeds" if found else " (one seed: no interval)"
    click.echo(
        f"\n{name}: mean return {number(score.estimate.mean)}{shown}; random actions: {number(folder.evaluation.random_return)}"
    )
    members = parameters.study.methods.get(parameters.baseline, [parameters.baseline])
    finished = [base for base in (RunFolder(root / "runs" / run) for run in members) if base.is_evaluated]
    environment = folder.snapshot.config.env.id
    baseline = next((base for base in finished if base.snapshot.config.env.id == environment), None)
    if baseline is None:
        click.echo(
            f"The baseline {parameters.baseline} has no results on {environment} here yet: `dvc repro` makes them."
        )
        return
    study = compare_folders([baseline, folder], baseline.name, parameters.compare)
    for comparison in study.comparisons:
        changed = [f"{key} {setting(old)} → {setting(new)}" for key, (old, new) in comparison.changes.items()]
        click.echo(f"against {baseline.name}: {'; '.join(changed) if changed else 'no setting differs'}")
        for warning in comparison.warnings:
            click.echo(f"Beware: {warning}.")
        if comparison.next_step:
            click.echo(
                f"To settle it: {comparison.next_step}" + (f": `{comparison.command}`" if comparison.command else "")
            )
    click.echo(headlines(study)[0])
    click.echo(f"Next: rlx compare {baseline.name} {name}")
