"""A proof that only ``launch()`` starts what a study starts: who names what, followed through imports and definitions.

A function or class that names something that starts trainings starts them itself, for whoever names it; so on, through
aliases, doors and modules, to the commands. What does so without a permit is a problem, whether it calls the name or hands
it on; so does the method by which a study's trainer is called, whatever object has it. Beyond the proof: other methods of objects
that were given, names that ``getattr`` is given, what other rooms do inside, and C code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rlx.errors import Problem
from rlx.skills.launch_table import ANY, ENTRIES, LAUNCHING, METHODS, in_scope, is_harmless, is_permitted, starter
from rlx.skills.source_names import Source, Use, read_sources

GATE = f"rlx.{LAUNCHING.removesuffix('.py').replace('/', '.')}"
FOLLOWED = ("studies", "cli")
"""Folders whose definitions are followed; of what other rooms define, the table says what starts something."""
MOST_ALIASES = 20
"""Names that lead to names, at most."""


@dataclass(frozen=True)
class LaunchProof:
    """What is known of who starts something.

    Attributes:
        problems: What starts something beside ``launch()`` (and ``resume()``, which goes on with what that started).
        has_launch: Whether there is a ``launch()`` at all.
    """

    problems: tuple[Problem, ...]
    has_launch: bool


def prove_launches(package: Path) -> LaunchProof:
    """Prove that only ``launch()`` starts what a study starts.

    Args:
        package: The folder of the package ``rlx``: this one's, or a copy.
    """
    try:
        sources = read_sources(package, FOLLOWED)
    except SyntaxError as error:
        wrong = Problem(str(error.filename), error.lineno, None, "", "is no Python, so nothing can be proved of it")
        return LaunchProof((wrong,), has_launch=False)
    starting = _starting(sources)
    judged = [source for source in sources.values() if in_scope(_below(source))]
    problems = [problem for source in judged for problem in _of_module(source, sources, starting)]
    has_launch = GATE in sources and ENTRIES[0] in sources[GATE].defined
    return LaunchProof((*problems, *_public(sources, starting)), has_launch)


def _below(source: Source) -> str:
    """Return a file's path below the package."""
    return source.file.partition("/")[2]


def _starting(sources: dict[str, Source]) -> dict[str, str]:
    """Return the definitions that start something, in studies and commands, each with what it is that they start."""
    found: dict[str, str] = {}
    entries = {f"{GATE}.{name}" for name in ENTRIES}
    followed = tuple(f"{folder}/" for folder in FOLLOWED)
    looked_at = [source for source in sources.values() if _below(source).startswith(followed)]
    while True:
        before = len(found)
        for source in looked_at:
            for use in source.uses:
                definition = f"{source.module}.{use.owner}"
                if not use.owner or definition in found or definition in entries:
                    continue
                reason = _reason(use, source, sources, found)
                if reason is not None and not is_harmless(_below(source), reason.rpartition(".")[2]):
                    found[definition] = reason
                    name, _, method = use.owner.partition(".")
                    if method and not _is_private(method) and method not in METHODS:
                        found.setdefault(f"{source.module}.{name}", definition)
        if len(found) == before:
            return found


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def _reason(use: Use, source: Source, sources: dict[str, Source], starting: dict[str, str]) -> str | None:
    """Return what a name starts: the starter it is, or the definition that starts something; None where it starts nothing."""
    own = (
        f"{source.module}.{use.owner.partition('.')[0]}"  # a class is not started by its own methods' use of each other
    )
    for target in sorted(use.targets):
        for name in _resolved(target, sources):
            if (found := starter(name)) is not None:
                return found
            parts = name.split(".")
            below = (".".join(parts[:count]) for count in range(len(parts), 1, -1))
            if (known := next((each for each in below if each in starting and each != own), None)) is not None:
                return known
        if target.startswith(f"{ANY}.") and _is_private(last := target.rpartition(".")[2]):
            methods = (each for each in starting if each.endswith(f".{last}") and each.split(".")[-2][:1].isupper())
            if (known := next(methods, None)) is not None:
                return known
    return None


def _resolved(name: str, sources: dict[str, Source], depth: int = 0) -> Iterator[str]:
    """Yield what a qualified name leads to through imports of the modules it passes, itself first."""
    yield name
    if depth == MOST_ALIASES:
        return
    parts = name.split(".")
    for count in range(len(parts) - 1, 0, -1):
        source = sources.get(".".join(parts[:count]))
        if source is not None:
            if parts[count] not in source.defined:
                for target in source.bound.get(parts[count], ()):
                    if target != ".".join(parts[: count + 1]):
                        yield from _resolved(".".join((target, *parts[count + 1 :])), sources, depth + 1)
            return


def _of_module(source: Source, sources: dict[str, Source], starting: dict[str, str]) -> Iterator[Problem]:
    file = _below(source)
    for line in source.stars:
        yield Problem(source.file, line, None, "import *", "hides what is called; import names")
    for use in source.uses:
        reason = _reason(use, source, sources, starting)
        if reason is None or reason.startswith(f"{source.module}."):  # its own: told where it begins
            continue
        if not use.owner and is_permitted(file, reason.rpartition(".")[2]):
            yield Problem(source.file, use.line, None, reason, "starts something where the module is merely imported")
        elif not is_permitted(file, reason.rpartition(".")[2], _origin(reason, sources)):
            yield Problem(source.file, use.line, None, reason, _message(reason))


def _origin(reason: str, sources: dict[str, Source]) -> str:
    """Return the file of a definition that starts something; empty where it is none of ours."""
    parts = reason.split(".")
    modules = (".".join(parts[:count]) for count in range(len(parts) - 1, 0, -1))
    return next((_below(sources[module]) for module in modules if module in sources), "")


def _message(reason: str) -> str:
    what = "hides what is called" if reason.startswith(("builtins.", "importlib.", "sys.")) else "starts something"
    return f"{what}, and only {ENTRIES[0]}() of rlx/{LAUNCHING} may (permits: rlx/skills/launch_table.py)"


def _public(sources: dict[str, Source], starting: dict[str, str]) -> Iterator[Problem]:
    """Yield what of the gate's module starts something beside ``launch()`` and could be called from outside."""
    source = sources.get(GATE)
    if source is None:
        return
    for name in sorted(source.defined):
        reason = starting.get(f"{GATE}.{name}")
        if reason is not None and not name.startswith("_"):
            line = min(use.line for use in source.uses if use.owner.partition(".")[0] == name)
            message = f"starts something ({reason}) beside {ENTRIES[0]}(); make it private to the module"
            yield Problem(source.file, line, None, name, message)
