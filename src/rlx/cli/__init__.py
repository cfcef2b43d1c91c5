"""The command `rlx`. Each command is a module of its own, imported when it is called: `rlx --help` stays light.

Installed packages add commands (entry points `rlx.commands`), whose names are known without importing them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

import click

import rlx
from rlx.cli.common import LazyGroup, general_options, take_general_options
from rlx.errors import PluginBroken

if TYPE_CHECKING:
    from rlx.config import Plugin

COMMANDS = {
    "init": "Make a new project that runs at once.",
    "train": "Train a config as one experiment.",
    "sweep": "Try every combination of settings in a grid.",
    "study": "Improve a configuration under a contract.",
    "advisor": "Improve a run in one command.",
    "research": "Improve a run in several rounds.",
    "resume": "Go on with a stopped run, or train one further.",
    "ls": "List runs and kept experiments.",
    "info": "Show the facts of one run.",
    "eval": "Evaluate checkpoints on held-out episodes.",
    "video": "Film a policy.",
    "export": "Write a policy as a file of its library.",
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
    "check-algorithm": "Check that an algorithm keeps to its contract.",
    "sync": "Bring dvc.yaml in step with the study.",
    "upgrade": "Bring a project of an older rlx up to date.",
    "skills": "Install skills for Claude Code and Codex.",
    "completion": "Let the shell complete commands and names of runs.",
}
UNSETTLED = ("init", "doctor", "sync", "completion", "note", "tag", "skills")
"""Commands that work amid a merge: they settle it, or have nothing to do with it."""
CONTEXT: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "max_content_width": 80,
    "color": True,
}  # click takes no escape sequences out: streams show them


def _added() -> dict[str, Plugin]:
    """Return the commands that installed packages add, by name; rlx's own keep their names."""
    from rlx.config import plugins

    return {name: plugin for name, plugin in plugins("rlx.commands").items() if name not in COMMANDS}


def _say_refused() -> None:
    """Say which commands of packages have a name of rlx's own."""
    from rlx.config import plugins, say_broken

    for name, plugin in plugins("rlx.commands").items():
        if name in COMMANDS:
            say_broken(plugin.broken(f"`rlx {name}` is a command of rlx itself"))


class _Commands(LazyGroup):
    """Those of rlx, and those that installed packages add."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *_added()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS or (plugin := _added().get(cmd_name)) is None:
            return super().get_command(ctx, cmd_name)
        try:
            command = _loaded(plugin)
        except PluginBroken:
            if ctx.resilient_parsing:  # the shell completes names
                return None
            raise
        take_general_options(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_commands(ctx, formatter)
        _say_refused()
        if added := _added():
            with formatter.section("Commands of installed packages"):
                formatter.write_dl([(name, f"Of {plugin.package}.") for name, plugin in added.items()])


def _loaded(plugin: Plugin) -> click.Command:
    command = plugin.load()
    if not isinstance(command, click.Command):
        raise plugin.broken("it is no click command")
    return command


@click.command(
    cls=_Commands,
    lazy={name: (name.replace("-", "_"), "command", what) for name, what in COMMANDS.items()},
    context_settings=CONTEXT,
    params=general_options(),
)
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
    from rlx.launch import guarded

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
