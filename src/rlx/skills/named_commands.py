"""The commands that a skill names: found in its code, looked up in the command line as it is, and held against the roster."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import click

from rlx.errors import Problem
from rlx.skills.plugin import Page
from rlx.skills.roster import A_PERSONS, ANSWERING, DRY, LAUNCHING, SKILLS, SkillRow

SHELL = ("bash", "sh", "shell", "console")
ALLOWED_PROGRAMS = ("rlx", "git")
STARTING_PROGRAMS = ("dvc", "python", "python3", "make", "torchrun", "nohup", "uv", "sbatch", "srun")
SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_STARTING = "|".join(name.replace(" ", r"\s+") for name in LAUNCHING if name not in DRY)
NAMED_IN_PROSE = re.compile(rf"\brlx\s+(?:{_STARTING})\b|\bdvc\s+(?:repro|exp)\b")
"""Commands that start something, which a text would name also without marking them as code."""


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


def named_commands(page: Page) -> Iterator[NamedCommand]:
    """Yield the commands that a page names: in blocks, in code spans, and what starts something in the text as well."""
    blocks, text = _parted(page.body)
    for offset, label, line in blocks:
        for words in _commands(line):
            if label in SHELL or words[0] in ("rlx", *STARTING_PROGRAMS):
                yield NamedCommand(words, page.first + offset, typed=True)
    for span in SPAN.finditer(text):
        for words in _commands(" ".join(span[1].split())):
            yield NamedCommand(words, page.first + text[: span.start()].count("\n"), typed=False)
    prose = SPAN.sub(lambda span: "\n" * span[0].count("\n"), text)
    for found in NAMED_IN_PROSE.finditer(prose):
        yield NamedCommand(tuple(found[0].split()), page.first + prose[: found.start()].count("\n"), typed=False)


def _parted(body: str) -> tuple[list[tuple[int, str, str]], str]:
    """Part a text into the lines of its blocks, and the rest with blank lines in their place.

    Returns:
        Of each line of a block where it begins, its block's label and the line, with those that ``\\`` at its end lets follow; the
        rest.
    """
    blocks, text = [], []
    label, begun, start = None, "", 0
    for offset, line in enumerate(body.splitlines()):
        stripped = line.strip()
        text.append(line if label is None and not stripped.startswith("```") else "")
        if stripped.startswith("```"):
            label = stripped[3:].strip().lower() if label is None else None
            begun = ""
        elif label is not None:
            start = start if begun else offset
            begun += stripped.removeprefix("$ ")
            if begun.endswith("\\"):
                begun = f"{begun[:-1].rstrip()} "
            else:
                blocks.append((start, label, begun))
                begun = ""
    return blocks, "\n".join(text)


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


def _faults(name: str, named: NamedCommand, tree: click.Command) -> Iterator[str]:
    program = named.words[0]
    if named.typed and program not in ALLOWED_PROGRAMS:
        yield f"{program!r} is none of the programs that skills have typed: {', '.join(ALLOWED_PROGRAMS)}"
    elif program in STARTING_PROGRAMS and len(named.words) > 1:
        yield f"{program!r} can start trainings beside the gate; a skill names commands of rlx"
    elif program.startswith("--"):
        option = program.partition("=")[0]
        if option not in _all_options(tree):
            yield f"no command of rlx has the option {option}"
    elif program == "rlx":
        yield from _own(name, named, tree)


def _own(name: str, named: NamedCommand, tree: click.Command) -> Iterator[str]:
    options = [word.partition("=")[0] for word in named.words if re.match(r"--?[a-zA-Z]", word)]
    try:
        path, command = _look_up(named.words[1:], tree)
    except LookupError as error:
        yield str(error)
        return
    known = _options(tree) | _options(command)
    yield from (f"`rlx {path}` has no option {option}" for option in options if option not in known)
    yield from (f"{option} answers for a person" for option in options if option in ANSWERING)
    if named.typed and path in A_PERSONS:
        yield f"`rlx {path}` is a person's to type; say so in the text"
    starts = path in LAUNCHING and (path not in DRY or "--execute" in options)
    if starts and path not in SKILLS.get(name, SkillRow()).launches:
        yield f"`rlx {path}` starts something, and {name} is not to"


def _look_up(words: tuple[str, ...], tree: click.Command) -> tuple[str, click.Command]:
    """Find a command by its words, as far as they go: its name, such as ``study run``, and what click has.

    Raises:
        LookupError: There is none of that name.
    """
    command = tree
    path: list[str] = []
    for word in words:
        if not isinstance(command, click.Group) or word.startswith("-"):
            break
        below = _child(command, word)
        if below is None:
            raise LookupError(f"there is no command `{' '.join(('rlx', *path, word))}`")
        path.append(word)
        command = below
    return " ".join(path), command


def _child(command: click.Command, name: str) -> click.Command | None:
    """Return a command below another, None where there is none.

    Raises:
        LookupError: There is, and it cannot be imported.
    """
    if not isinstance(command, click.Group):
        return None
    try:
        return command.get_command(click.Context(command), name)
    except ImportError as error:
        raise LookupError(f"the command {name!r} cannot be imported: {error}") from None


def _options(command: click.Command) -> set[str]:
    return {"-h", "--help"} | {option for each in command.params for option in (*each.opts, *each.secondary_opts)}


def _all_options(command: click.Command) -> set[str]:
    """Return the options of a command and of all below it that can be imported."""
    found = _options(command)
    for name in command.list_commands(click.Context(command)) if isinstance(command, click.Group) else ():
        with suppress(LookupError):
            below = _child(command, name)
            found |= _all_options(below) if below is not None else set()
    return found


def _commands(line: str) -> Iterator[tuple[str, ...]]:
    """Yield the commands of a line of a shell, in words; none where it is no such line."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        for word in lexer:
            if set(word) <= set("();|&"):
                if words:
                    yield tuple(words)
                words = []
            else:
                words.append(word)
    except ValueError:  # a quotation mark that is not closed
        return
    if words:
        yield tuple(words)
