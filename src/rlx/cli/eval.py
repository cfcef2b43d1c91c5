"""`rlx eval`."""

from __future__ import annotations

from typing import Any

import click

from rlx.cli.common import AS_CSV, AS_JSON, AS_MARKDOWN, CHECKPOINT, print_csv, print_grid, print_json, say, tell


@click.command("eval")
@click.argument("checkpoints", nargs=-1, required=True, metavar="CHECKPOINT...", type=CHECKPOINT)
@click.option(
    "--episodes", type=click.IntRange(1, 100_000), metavar="N", help="How many episodes [default: final_eval]."
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), metavar="S", help="Another list of held-out episodes.")
@click.option("--stochastic", is_flag=True, help="Sample actions instead of taking the most likely one.")
@AS_JSON
@AS_CSV
@AS_MARKDOWN
def command(checkpoints: tuple[str, ...], *, as_json: bool, as_csv: bool, as_markdown: bool, **chosen: Any) -> None:
    """Evaluate checkpoints on held-out episodes.

    CHECKPOINT is a file, or RUN:latest, RUN:best or RUN:step_50000 (of every seed), with #SEED for one seed. The episodes
    are those behind every reported score of the run (final_eval), unless told otherwise; the answer is the same every time.

    \b
    Example:
      rlx eval cartpole:best cartpole_001:best#101 --episodes 200
    """
    from rlx.report import EPISODE_COLUMNS, asked_policies, episode_rows, evaluated, over_seeds, played_grid
    from rlx.training import play_policies

    root, policies, protocol = asked_policies(checkpoints, chosen)
    found = evaluated(play_policies(root, policies, protocol, say), protocol)
    played = found.policies
    if as_json:
        print_json(found)
    elif as_csv:
        print_csv(EPISODE_COLUMNS, episode_rows(played))
    elif as_markdown:
        click.echo(played_grid(played, protocol).to_markdown())
    else:
        print_grid(played_grid(played, protocol))
        for line in over_seeds(played):
            tell(line)
