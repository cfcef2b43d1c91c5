"""`rlx compare`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("compare")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--baseline", metavar="RUN", help="Compare with this run [default: the study's, else the first named].")
@click.option(
    "--checkpoint", type=click.Choice(["latest", "best"]), help="Which policies to judge [default: as params.yaml]."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON (as analysis/compare/comparison.json).")
def command(runs: tuple[str, ...], baseline: str | None, checkpoint: str | None, as_json: bool) -> None:
    """Compare runs: differences with intervals, and verdicts.

    RUN is a run of the workspace (cartpole), a kept experiment (cartpole_001) or a run folder. Without RUN, the runs
    of the study.

    \b
    Example:
      rlx compare cartpole cartpole_epochs --checkpoint best
    """
    import json

    from rlx.config.composition import read_parameters
    from rlx.project import find_root
    from rlx.report.study_comparison import compare_folders, to_data
    from rlx.runs import find_run

    root = find_root()
    parameters = read_parameters(root)
    names = list(dict.fromkeys(runs or parameters.study.runs))
    folders = [find_run(root, name) for name in names]
    against = find_run(root, baseline) if baseline else None
    if against is None:
        against = next((folder for folder in folders if folder.name == parameters.baseline), folders[0])
    if against.path not in [folder.path for folder in folders]:
        folders.insert(0, against)
    settings = parameters.compare.model_copy(update={"checkpoint": checkpoint} if checkpoint else {})
    study = compare_folders(folders, against.name, settings)
    if as_json:
        click.echo(json.dumps(to_data(study), indent=2, allow_nan=False, ensure_ascii=False))
        return
    _show(study)
    shown = Path("analysis") / "compare" / "comparison.md"
    if not runs and (root / shown).is_file():
        click.echo(f"\nPictures and settings: {shown}")


def _show(study: object) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from rlx import stats
    from rlx.report.study_comparison import StudyComparison, headlines
    from rlx.report.text import interval, number, setting

    assert isinstance(study, StudyComparison)
    console = Console(highlight=False)
    for line in headlines(study):
        console.print(Text(line, style="bold"))
    grid = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    grid.add_column("run", overflow="fold")
    for title in ("mean return", "95 % interval", "worst seed", "seeds"):
        grid.add_column(title, justify="right", overflow="fold")
    for run in study.scores:
        estimate, (worst, score) = stats.mean_with_interval(run.scores_S), run.worst
        name = f"{run.run} *" if run.run == study.baseline else run.run
        cells = [number(estimate.mean), interval(estimate.interval), f"{number(score)} ({worst})", str(estimate.n)]
        grid.add_row(Text(name), *map(Text, cells))
    grid.add_row(Text("random actions"), Text(number(study.random_return)), *(Text("—") for _ in range(3)))
    console.print()
    console.print(grid)
    console.print(
        Text(f"* baseline; {study.checkpoint} policies on held-out episodes; t intervals over seeds", style="dim")
    )
    for comparison in study.comparisons:
        console.print()
        console.print(
            Text(f"{comparison.run}: {comparison.verdict}", style="bold"),
            Text(f"— {comparison.reason}"),
            soft_wrap=False,
        )
        if comparison.test is not None:
            chance = comparison.probability_of_improvement
            console.print(
                Text(f"  p = {comparison.p_value:.3g} ({comparison.test.method}); P(better seed) = {chance:.2f}")
            )
        if comparison.next_step:
            console.print(Text(f"  {comparison.next_step}"))
        for key, (old, new) in comparison.changes.items():
            console.print(Text(f"  {key}: {setting(old)} → {setting(new)}"))
