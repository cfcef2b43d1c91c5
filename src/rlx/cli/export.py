"""`rlx export`."""

from __future__ import annotations

from pathlib import Path

import click

from rlx.cli.common import CHECKPOINT, FORCE, OUTPUT, tell


@click.command("export")
@click.argument("checkpoint", type=CHECKPOINT)
@click.option("--sb3", is_flag=True, help="As the zip that Stable-Baselines3's (sb3-contrib's, SBX's) `load` opens.")
@click.option("-o", "--output", type=OUTPUT, metavar="FILE", help="Where [default: RUN-seed_N.zip here].")
@FORCE
def command(checkpoint: str, output: Path | None, *, sb3: bool, force: bool) -> None:
    """Write a trained policy as a file of its library.

    CHECKPOINT is a file, or RUN:latest, RUN:best or RUN:step_50000, with #SEED where the run has several seeds. Checkpoints of
    Stable-Baselines3's and sb3-contrib's algorithms open in stock `load` as they are; SBX's own file is made on demand, and holds
    pickles. It holds no normaliser and no replay buffer.

    \b
    Example:
      rlx export cartpole:best#101 --sb3 -o cartpole.zip
    """
    from rlx.errors import UsageError
    from rlx.report import asked_policies, check_destination, delivered
    from rlx.training import export_stock

    if not sb3:
        raise UsageError("say in which form: --sb3 is the one that there is")
    if output is not None:
        if output.suffix != ".zip":
            raise UsageError(f"-o {output}: Stable-Baselines3's files end in .zip")
        check_destination(output, force=force)
    root, policies, _ = asked_policies([checkpoint], {})
    if len(policies) > 1:
        seeds = ", ".join(f"#{policy.seed}" for policy in policies)
        raise UsageError(
            f"{checkpoint}: has {len(policies)} seeds; name one of {seeds}, such as {checkpoint}#{policies[0].seed}"
        )
    target = output or Path(f"{policies[0].label.replace(':', '-').partition('#')[0]}-seed_{policies[0].seed}.zip")
    with delivered(target, ".zip", force=force, default=False) as path:
        export_stock(root, policies[0], path)
    tell(f"{target}: opens in stock `load`")
