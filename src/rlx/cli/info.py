"""`rlx info`."""

from __future__ import annotations

import click

from rlx.cli.common import AS_JSON, RUN, print_json, tell_fact


@click.command("info")
@click.argument("run", type=RUN)
@AS_JSON
def command(run: str, *, as_json: bool) -> None:
    """Show the facts of RUN: status, scores, seeds, cost, code, versions.

    RUN is a run of the workspace (cartpole), a kept experiment (cartpole_001), a run at a Git revision
    (cartpole@v1.0), or a run folder.

    \b
    Example:
      rlx info cartpole@main
    """
    from rlx.config import find_root
    from rlx.experiments import find_run
    from rlx.report import fact_lines, facts_of_run

    root = find_root()
    facts = facts_of_run(root, find_run(root, run))
    if as_json:
        print_json(facts)
        return
    lines = list(fact_lines(facts))
    width = max(len(name) for name, _ in lines) + 2
    for name, text in lines:
        tell_fact(name.ljust(width), text)
