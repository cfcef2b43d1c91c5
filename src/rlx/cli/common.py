"""What commands share: arguments that complete themselves, how much is said, tables and JSON."""

from __future__ import annotations

import csv
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rlx.launch import StageCall, Terminal
    from rlx.report import Line
    from rlx.stats import Grid

    TextParam = click.ParamType[str]
    PathParam = click.ParamType[Path]
else:
    TextParam = PathParam = click.ParamType  # no generic class before click 8.5

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would compute; a text of this kind gets an apostrophe in front."""


class _Named(TextParam):
    """A name that the shell can complete."""

    def __init__(self, name: str, known: Callable[[Path], Sequence[str]]):
        self.name, self._known = name, known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an empty name."""
        if not str(value).strip():
            self.fail("must not be empty", param, ctx)
        return value

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """Return the names that begin as typed; none outside a project."""
        from rlx.config import find_root
        from rlx.errors import RlxError

        try:
            names = self._known(find_root())
        except (RlxError, OSError):
            return []
        return [click.shell_completion.CompletionItem(name) for name in names if name.startswith(incomplete)]


def _runs(root: Path) -> list[str]:
    from rlx.experiments import known_runs

    return known_runs(root)


def _checkpoints(root: Path) -> list[str]:
    return [f"{run}:{name}" for run in _runs(root) for name in ("latest", "best")]


def _configs(root: Path) -> list[str]:
    return sorted(path.stem for path in (root / "configs").glob("*.yaml"))


def _sweeps(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in (root / "sweeps").glob("*.yaml"))


def _metrics(_: Path) -> list[str]:
    from rlx.algorithms import vocabulary

    return list(vocabulary())


RUN = _Named("run", _runs)
CHECKPOINT = _Named("checkpoint", _checkpoints)
CONFIG = _Named("config", _configs)
SWEEP = _Named("sweep", _sweeps)
METRIC = _Named("metric", _metrics)


def _note(**told: Any) -> None:
    """Note what the command line says of output, for this process and those that work for it."""
    from rlx.launch import tell_on

    tell_on(**told)


def _noted() -> StageCall:
    from rlx.launch import current_call

    return current_call()


def _for_programs(_: click.Context, __: click.Parameter, value: bool) -> bool:
    if value:
        _note(output_is_data=True)
    return value


AS_JSON = click.option(
    "--json", "as_json", is_flag=True, callback=_for_programs, help="Print everything as JSON (docs/json.md)."
)
AS_CSV = click.option("--csv", "as_csv", is_flag=True, callback=_for_programs, help="Print CSV, with every field.")
AS_MARKDOWN = click.option("--md", "as_markdown", is_flag=True, callback=_for_programs, help="Print Markdown.")


class _Output(PathParam):
    """A file to write; ``-`` is standard output."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Refuse an empty name."""
        if not str(value).strip():
            self.fail("must not be empty", param, ctx)
        if str(value) == "-":
            _note(output_is_data=True)
        return Path(value)


OUTPUT = _Output()


def _by_executor(_: click.Context, __: click.Parameter, value: str | None) -> None:
    if value is not None:
        from rlx.launch import tell_on
        from rlx.training import executor_named

        executor_named(value)  # refused before anything begins
        tell_on(executor=value)


BY_EXECUTOR = click.option(
    "--executor",
    metavar="NAME",
    callback=_by_executor,
    expose_value=False,
    help="Where seeds are trained [default: launch.executor of params.yaml].",
)
FORCE = click.option("--force", is_flag=True, help="Replace a file that rlx did not write.")


def have_warm_process() -> None:
    """Start the process that stages are forked from, while this command finds out what is to be made; it ends with it."""
    from rlx.launch import warm_process

    click.get_current_context().with_resource(warm_process())


def _quieter(_: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        _note(verbosity=str(param.name))


def _colourless(_: click.Context, __: click.Parameter, value: bool) -> None:
    if value:
        os.environ["NO_COLOR"] = "1"


def general_options() -> list[click.Option]:
    """Return the options that every command takes, and that may stand before it too."""
    hidden = {"expose_value": False, "is_flag": True}
    return [
        click.Option(["-q", "--quiet"], help="Say only results and errors.", callback=_quieter, **hidden),
        click.Option(["-v", "--verbose"], help="Say everything, DVC's words too.", callback=_quieter, **hidden),
        click.Option(["--no-color"], help="No colours (as NO_COLOR=1).", callback=_colourless, **hidden),
    ]


def take_general_options(command: click.Command) -> None:
    """Let a command take what every command takes; so do those of a group."""
    taken = {option for parameter in command.params for option in parameter.opts}
    command.params += [option for option in general_options() if not taken & set(option.opts)]
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        take_general_options(below)


class LazyGroup(click.Group):
    """Finds its commands by name without importing the others, and guesses at mistyped ones."""

    def __init__(self, *, lazy: Mapping[str, tuple[str, str, str]], path: str = "rlx", **settings: Any):
        """Make a group.

        Args:
            lazy: By name: the module below ``rlx.cli``, the command's name in it, and what it does in a few words.
            path: How the group is typed.
            settings: Of :class:`click.Group`.
        """
        super().__init__(**settings)
        self.lazy, self.path = lazy, path

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of its commands."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None where there is none of this name."""
        if cmd_name not in self.lazy:
            return None
        module, name, _ = self.lazy[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"rlx.cli.{module}"), name)
        take_general_options(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each does, in a few words."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, what) for name, (_, _, what) in self.lazy.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called; refuse a name that there is not with the nearest that there is."""
        name = args[0] if args else ""
        if args and not name.startswith("-") and name not in (known := self.list_commands(ctx)):
            from rlx.stats import nearest

            hint = nearest(name, known, form=f"`{self.path} {{}}`")
            raise click.UsageError(f"there is no command {name!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)


def is_quiet() -> bool:
    """Tell whether only results and errors are wanted."""
    return _noted().verbosity == "quiet"


def is_verbose() -> bool:
    """Tell whether everything is wanted."""
    return _noted().verbosity == "verbose"


def say(line: str) -> None:
    """Say something that is not a result: nothing when quiet, on standard error where the output is data."""
    if not is_quiet():
        _print(line, "", "", aside=_noted().output_is_data)


def tell(line: str, style: str = "", indent: str = "") -> None:
    """Print a line as it is, broken at the width of the terminal, but never inside a command."""
    _print(line, style, indent, aside=False)


def print_lines(lines: Iterable[Line]) -> None:
    """Print lines, each when it is known."""
    for line in lines:
        if line.aside:
            say(line.text)
        else:
            tell(line.text, line.weight)


def tell_fact(name: str, text: str) -> None:
    """Print a fact under its name, which is padded; long texts go on under themselves."""
    from rich.text import Text

    from rlx.report import wrapped
    from rlx.stats import visible

    drawn = console()
    first, *rest = wrapped(visible(text), max(20, drawn.width - len(name))).splitlines() or [""]
    drawn.print(Text.assemble((name, "dim"), first), soft_wrap=True)
    for line in rest:
        drawn.print(Text(" " * len(name) + line), soft_wrap=True)


def _print(line: str, style: str, indent: str, *, aside: bool) -> None:
    from rich.text import Text

    from rlx.report import wrapped
    from rlx.stats import visible

    drawn = console(stderr=aside)
    drawn.print(Text(wrapped(visible(line), drawn.width, indent), style=style), soft_wrap=True)


def console(*, stderr: bool = False) -> Terminal:
    """Return the terminal."""
    from rlx.launch import Terminal

    return Terminal(stderr=stderr)


def print_json(content: Any) -> None:
    """Print a document as JSON, floats with every digit; in ASCII where the terminal has no more."""
    import json

    from rlx.report import to_json
    from rlx.stats import visible_json

    ascii_only = not (sys.stdout.encoding or "").lower().startswith("utf")
    click.echo(visible_json(json.dumps(to_json(content), indent=2, ensure_ascii=ascii_only, allow_nan=False)))


def print_csv(names: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Print rows as CSV; lists become words, and no text is a formula or steers a terminal."""
    writer = csv.DictWriter(sys.stdout, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _csv_cell(value) for key, value in row.items()})


def _csv_cell(value: Any) -> Any:
    """Return what stands in a cell of CSV: numbers as they are, texts so that a spreadsheet takes them for texts."""
    from rlx.stats import visible

    text = " ".join(map(str, value)) if isinstance(value, list | tuple) else value
    if not isinstance(text, str):
        return text
    return f"'{visible(text, cell=True)}" if text.startswith(FORMULA) else visible(text, cell=True)


def print_grid(grid: Grid) -> None:
    """Print a table with its title and note."""
    from rlx.cli.grids import drawn

    if grid.title:
        tell(grid.title, "bold")
    terminal = console()
    terminal.print(drawn(grid, terminal.width))
    if grid.note:
        tell(grid.note, "dim")
