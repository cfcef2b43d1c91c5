"""The command `rlx`. Each command is a module of its own, imported when it is called: `rlx --help` stays light."""

from __future__ import annotations

import importlib
import sys
from typing import Any, NoReturn

import click

import rlx
from rlx.cli.common import general_options

COMMANDS = {
    "init": "Make a new project that runs at once.",
    "train": "Train a config as one experiment.",
    "sweep": "Try every combination of settings in a grid.",
    "resume": "Go on with a stopped run, or train one further.",
    "ls": "List runs and kept experiments.",
    "info": "Show the facts of one run.",
    "eval": "Evaluate checkpoints on held-out episodes.",
    "video": "Film a policy.",
    "compare": "Compare runs: differences, intervals, verdicts.",
    "plot": "Draw learning curves and other metrics.",
    "analyze": "Show the whole picture of one run.",
    "diagnose": "Say what went wrong in a run, with evidence.",
    "suggest": "Say what to try next, as commands.",
    "explain-metrics": "Explain the numbers that a run logged.",
    "summarize": "Sum up a run, a sweep or the project.",
    "report": "Write a self-contained HTML page.",
    "checkout": "Bring a kept run's folder back.",
    "promote": "Make an experiment the committed configuration.",
    "rm": "Drop experiments.",
    "tag": "Give a run tags.",
    "note": "Write a line about a run.",
    "doctor": "Check the installation and the project.",
    "sync": "Bring dvc.yaml in step with the study.",
    "completion": "Let the shell complete commands and names of runs.",
}
UNSETTLED = ("init", "doctor", "sync", "completion", "note", "tag")
"""Commands that work amid a merge: they settle it, or have nothing to do with it."""
CONTEXT: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 80,
    "color": True,
}  # click takes no escape sequences out: streams show them


class _Commands(click.Group):
    """Finds commands by name without importing them, and guesses at mistyped ones."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"rlx.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        if not any(option.name == "quiet" for option in command.params):
            command.params += general_options()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if args and name not in COMMANDS and not name.startswith("-"):
            import difflib

            guess = difflib.get_close_matches(name, COMMANDS, 1)
            hint = f"did you mean `rlx {guess[0]}`?" if guess else f"there are: {', '.join(COMMANDS)}"
            raise click.UsageError(f"there is no command {name!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


@click.command(cls=_Commands, context_settings=CONTEXT, params=general_options())
@click.version_option(rlx.__version__, "-V", "--version", prog_name="rlx", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """A workbench for reinforcement-learning experiments.

    Many seeds, held-out evaluation, honest verdicts, films and curves, as a DVC pipeline. Everything works offline.

    \b
    Example:
      rlx init demo && cd demo && dvc repro && rlx compare
    """
    if context.invoked_subcommand not in UNSETTLED and not set(sys.argv) & {"-h", "--help"}:
        _check_settled(context.invoked_subcommand == "ls")


def _check_settled(only_told: bool) -> None:
    """Refuse to work on half a merge, or tell of it where nothing but names is shown."""
    from rlx.cli.common import say
    from rlx.config import check_settled, find_root
    from rlx.errors import NotInProject, RlxError

    try:
        check_settled(find_root())
    except NotInProject:
        return
    except RlxError as error:
        if not only_told:
            raise
        say(f"Beware: {error}")


def main() -> NoReturn:
    """Run the command line; known failures are one message and an exit code."""
    from rlx.cli.entry import guarded

    sys.exit(guarded(_invoke))


def _invoke() -> Any:
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        raise KeyboardInterrupt from None
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
