"""`rlx study`: a group of commands, each imported when it is called."""

from __future__ import annotations

import click

from rlx.cli.common import LazyGroup

COMMANDS = {
    "init": ("study_contract", "init", "Begin a study of a finished run."),
    "approve": ("study_contract", "approve", "Show a contract and approve it."),
    "propose": ("study_candidates", "propose", "Write candidates, with evidence."),
    "validate": ("study_candidates", "validate", "Check candidates; nothing starts."),
    "run": ("study_run", "run", "Show the plan, or carry it out."),
    "status": ("study_status", "status", "Show what a study is at."),
    "reflect": ("study_evidence", "reflect", "Look at the reward components of a run."),
    "probe": ("study_evidence", "probe", "Try policies off the task, without training."),
    "set": ("study_candidates", "set_status", "Reject or revert a candidate."),
    "close": ("study_contract", "close", "End a study."),
    "audit": ("study_audit", "audit", "Recompute everything from raw data."),
    "report": ("study_report", "report", "Write what was found."),
}
"""Module and command of each."""


@click.command("study", cls=LazyGroup, lazy=COMMANDS, path="rlx study", no_args_is_help=True)
def command() -> None:
    """Improve a configuration under a contract, without fooling yourself.

    A contract says what may change, at what cost, and what counts as better; candidates are screened, confirmed on fresh
    seeds, and accepted by a rule that nobody can bend. Nothing trains before it is approved, nor without --execute.

    \b
    Example:
      rlx study init cartpole --name cartpole/better
      rlx study approve
      rlx study run --execute
      rlx study audit
      rlx promote better_c003_confirm
    """
