"""The commands that a skill names: found in its code, looked up in the command line as it is, and held against the roster."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import click

from rlx.errors import Problem
from rlx.skills.plugin import Page
from rlx.skills.roster import A_PERSONS, ANSWERING, DRY, LAUNCHING, PENDING, SKILLS, SkillRow

SHELL = ("bash", "sh", "shell", "console")
ALLOWED_PROGRAMS = ("rlx", "git")
STARTING_PROGRAMS = ("dvc", "python", "python3", "make", "torchrun", "nohup", "uv", "sbatch", "srun")


@dataclass(frozen=True)
class NamedCommand:
    """A command in a page.

    Attributes:
        words: It, in words.
        line: Where, in the file.
        typed: Whether it stands in a block of shell lines, to be typed; else in the text.
    """

    words: tuple[str, ...]
    line: int
    typed: bool


@dataclass(frozen=True)
class LookedUp:
    """A command of rlx, found in the command line as far as it goes.

    Attributes:
        path: Its name, such as ``study run``; of a command that is not there, the name of its group.
        command: What click has; None where the whole group is missing and may be.
    """

    path: str
    command: click.Command | None


def named_commands(page: Page) -> Iterator[NamedCommand]:
    """Yield the commands that a page names, in shell blocks and in code spans; ``\\`` at its end lets a line go on."""
    text: list[str] = []
    fence, begun = None, ""
    for line in page.body.splitlines():
        stripped = line.strip()
        text.append(line if fence is None and not stripped.startswith("```") else "")
        if stripped.startswith("```"):
            fence = stripped[3:].strip() or "text" if fence is None else None
        elif fence in SHELL:
            begun += stripped.removeprefix("$ ")
            if begun.endswith("\\"):
                begun = f"{begun[:-1].rstrip()} "
            else:
                if words := _words(begun):
                    yield NamedCommand(words, page.first + len(text) - 1, typed=True)
                begun = ""
    for span in re.finditer(r"(?<!`)`([^`]+)`(?!`)", "\n".join(text)):
        if words := _words(" ".join(span[1].split())):
            yield NamedCommand(words, page.first + "\n".join(text)[: span.start()].count("\n"), typed=False)


def command_problems(name: str, page: Page, tree: click.Command) -> list[Problem]:
    """Return which commands and options of a page there are not, and which of them it may not name.

    Args:
        name: The skill's or agent's name.
        page: Its text.
        tree: The command line.
    """
    found = []
    for named in named_commands(page):
        for message in _faults(name, named, tree):
            text = " ".join(named.words)
            found.append(Problem(page.file, named.line, None, f"`{text}`", message))
    return found


def missing_groups(tree: click.Command) -> list[str]:
    """Return which commands are not there at all, and may be while they are written."""
    return [name for name in PENDING if _child(tree, name) is None]


def _faults(name: str, named: NamedCommand, tree: click.Command) -> Iterator[str]:
    program = named.words[0]
    if named.typed and program not in ALLOWED_PROGRAMS:
        yield f"{program!r} is none of the programs that skills have typed: {', '.join(ALLOWED_PROGRAMS)}"
    elif program in STARTING_PROGRAMS and len(named.words) > 1:
        yield f"{program!r} can start trainings beside the gate; a skill names commands of rlx"
    elif program.startswith("--"):
        yield from _lone_option(program.partition("=")[0], tree)
    elif program == "rlx":
        yield from _own(name, named, tree)


def _own(name: str, named: NamedCommand, tree: click.Command) -> Iterator[str]:
    options = [word.partition("=")[0] for word in named.words if re.match(r"--?[a-zA-Z]", word)]
    try:
        found = _look_up(named.words[1:], tree)
    except LookupError as error:
        yield str(error)
        return
    if found.command is not None:
        known = _options(tree) | _options(found.command)
        yield from (f"`rlx {found.path}` has no option {option}" for option in options if option not in known)
    yield from (f"{option} answers for a person" for option in options if option in ANSWERING)
    if named.typed and found.path in A_PERSONS:
        yield f"`rlx {found.path}` is a person's to type; say so in the text"
    starts = found.path in LAUNCHING and (found.path not in DRY or "--execute" in options)
    if starts and found.path not in SKILLS.get(name, SkillRow()).launches:
        yield f"`rlx {found.path}` starts something, and {name} is not to"


def _lone_option(option: str, tree: click.Command) -> Iterator[str]:
    """Check an option that stands by itself: some command has it. Those of missing groups cannot be known yet."""
    if not missing_groups(tree) and option not in _all_options(tree):
        yield f"no command of rlx has the option {option}"


def _look_up(words: tuple[str, ...], tree: click.Command) -> LookedUp:
    """Find a command by its words.

    Raises:
        LookupError: There is none of that name.
    """
    command = tree
    path: list[str] = []
    for word in words:
        if not isinstance(command, click.Group) or word.startswith("-"):
            break
        below = _child(command, word)
        if below is None and not path and word in PENDING:
            named = [each for each in words if re.fullmatch(r"[a-z][a-z-]*", each)]
            return LookedUp(" ".join(named[:1] if word == "research" else named[:2]), None)
        if below is None:
            raise LookupError(f"there is no command `{' '.join(('rlx', *path, word))}`")
        path.append(word)
        command = below
    return LookedUp(" ".join(path), command)


def _child(command: click.Command, name: str) -> click.Command | None:
    return command.get_command(click.Context(command), name) if isinstance(command, click.Group) else None


def _options(command: click.Command) -> set[str]:
    return {"-h", "--help"} | {option for each in command.params for option in (*each.opts, *each.secondary_opts)}


def _all_options(command: click.Command) -> set[str]:
    found = _options(command)
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            below = _child(command, name)
            found |= _all_options(below) if below is not None else set()
    return found


def _words(line: str) -> tuple[str, ...]:
    """Return a line's words; none where it is no line of a shell."""
    try:
        return tuple(shlex.split(line, comments=True))
    except ValueError:
        return ()
