"""The page ``docs/cli.md``: every command, as its own help tells it."""

from __future__ import annotations

import sys

import click

from rlx.cli import COMMANDS, CONTEXT, cli

HEAD = """# The command line

<!-- Made by `python -m rlx.cli.reference > docs/cli.md`. -->

Every command works from any folder inside a project, shows its help with `-h`, and takes `-q` (only results and
errors), `-v` (everything, DVC's words too) and `--no-color` (as `NO_COLOR=1`). What reports has `--json`
([schemas](json.md)), most also `--csv` or `--md`. Output is plain when piped.

**RUN**, wherever a command takes one, is a run of the workspace (`cartpole`), a kept experiment (`cartpole_003`), a run
at any Git revision (`cartpole@main`, `cartpole@v1.0`, `cartpole@EXPERIMENT`), or a folder.
**CHECKPOINT** is a file, or `RUN:best`, `RUN:latest`, `RUN:step_50000` (one of every seed), with `#101` for the training seed 101 alone.

**Exit codes**: 0 ok · 1 something failed, or a check found a problem · 2 usage · 3 configuration · 4 a run, checkpoint or
file is missing or damaged · 5 refused by a gate (studies) · 130 interrupted.
"""


def commands_page() -> str:
    """Return the page."""
    lines = [HEAD, "| command | what it does |", "| --- | --- |"]
    lines += [f"| [`rlx {name}`](#rlx-{name}) | {what} |" for name, what in COMMANDS.items()]
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        lines += _help(command, f"rlx {name}", "##")
    return "\n".join(lines) + "\n"


def _help(command: click.Command, name: str, heading: str) -> list[str]:
    """Return the help of a command, and of those below it."""
    context = click.Context(command, info_name=name, terminal_width=80, **CONTEXT)
    lines = ["", f"{heading} {name}", "", "```text", command.get_help(context), "```"]
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            if (each := command.get_command(context, below)) is not None:
                lines += _help(each, f"{name} {below}", f"{heading}#")
    return lines


if __name__ == "__main__":
    sys.stdout.write(commands_page())
