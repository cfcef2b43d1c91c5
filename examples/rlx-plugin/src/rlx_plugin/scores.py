"""A command: `rlx scores RUN`, the held-out score of each seed, worst first.

A command is one of click's. Known failures are raised as rlx's own errors, which rlx prints in a line, with the exit code of the
kind; what rlx knows is asked for at its doors (`rlx.config`, `rlx.experiments`, …).
"""

from __future__ import annotations

import json

import click


@click.command("scores")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(run: str, *, as_json: bool) -> None:
    """Show the held-out score of each seed of RUN, worst first.

    \b
    Example:
      rlx scores cartpole
    """
    from rlx.config import find_root  # imports that cost time stand where they are needed
    from rlx.experiments import find_run

    folder = find_run(find_root(), run)
    scores = sorted(folder.evaluation.scores["latest"].seeds.items(), key=lambda found: found[1])
    if as_json:
        click.echo(json.dumps({"run": folder.name, "scores": dict(scores)}))
        return
    for seed, score in scores:
        click.echo(f"seed {seed:<6} {score:>12,.2f}")
