"""`rlx study`: a group of commands, each imported when it is called."""

from __future__ import annotations

import importlib

import click

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


class _Group(click.Group):
    """Finds its commands by name without importing the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        from rlx.cli.common import general_options

        module, name, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"rlx.cli.{module}"), name)
        taken = {option for parameter in command.params for option in parameter.opts}
        command.params += [option for option in general_options() if not taken & set(option.opts)]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, what) for name, (_, _, what) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if args and name not in COMMANDS and not name.startswith("-"):
            from rlx.stats import nearest

            hint = nearest(name, COMMANDS, form="`rlx study {}`")
            raise click.UsageError(f"there is no command {name!r} of studies; {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.command("study", cls=_Group, no_args_is_help=True)
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
