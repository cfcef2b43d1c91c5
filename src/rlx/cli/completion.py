"""`rlx completion`."""

from __future__ import annotations

import click

from rlx.cli.common import tell

HOW = {
    "bash": 'Put this into ~/.bashrc:  eval "$(rlx completion bash)"',
    "zsh": 'Put this into ~/.zshrc:  eval "$(rlx completion zsh)"',
    "fish": "Run once:  rlx completion fish > ~/.config/fish/completions/rlx.fish",
}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(HOW)), required=False)
def command(shell: str | None) -> None:
    """Print what lets a SHELL complete commands, options and the names of runs.

    Without SHELL, how to set it up.

    \b
    Example:
      rlx completion bash
    """
    from click.shell_completion import get_completion_class

    from rlx.cli import cli

    if shell is None:
        for line in HOW.values():
            tell(line)
        return
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(cli, {}, "rlx", "_RLX_COMPLETE").source())
