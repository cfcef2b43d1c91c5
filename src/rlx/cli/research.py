"""`rlx research`."""

from __future__ import annotations

import click

from rlx.cli.common import RUN


@click.command("research")
@click.argument("run", type=RUN)
@click.option("--rounds", required=True, type=click.IntRange(1, 20), metavar="R", help="Rounds; each may confirm once.")
@click.option("--budget", required=True, metavar="STEPS", help="Environment steps in all, such as 8M.")
@click.option("--name", metavar="TASK/STUDY", help="Of the study [default: RUN/research].")
@click.option("--yes", is_flag=True, help="Approve the contract without being asked.")
@click.option("--jobs", type=click.IntRange(1, 1024), metavar="N", help="Starts at once [default: hardware.jobs].")
def command(run: str, *, rounds: int, budget: str, name: str | None, yes: bool, jobs: int | None) -> None:  # noqa: PLR0913
    """Look for something better than RUN in several rounds, each from what the ones before it found.

    As `rlx advisor run`, with R rounds and R slots of confirmation under one contract: the chance that anything is accepted
    falsely is held over all of them.

    \b
    Example:
      rlx research cartpole --rounds 3 --budget 8M
    """
    from rlx.cli.advisor import advise

    advise(run, budget, name or f"{run}/research", rounds=rounds, yes=yes, jobs=jobs)
