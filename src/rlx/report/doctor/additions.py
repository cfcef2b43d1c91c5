"""Checks of what is added to rlx: by installed packages (entry points), and by the project's own algorithms and rules of diagnosis."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rlx.algorithms import algorithm
from rlx.config import BUILT_IN, Plugin, every_plugin, plugins
from rlx.errors import PluginBroken
from rlx.experiments import SAMPLERS, rules_of, rules_of_project, sampler
from rlx.launch import EXECUTORS, executor
from rlx.records import OWN_SINKS
from rlx.report.doctor.check_result import CheckResult, listed, ok, problem, with_noun

_REGISTERS = re.compile(r"^@?register\(\s*[\"'](\w+)[\"']", re.MULTILINE)


@dataclass(frozen=True)
class PluginPackage:
    """An installed package that adds to rlx.

    Attributes:
        package: Its name.
        version: Its version.
        adds: What of it can be used, by kind (``algorithms``, ``sinks``, ``executors``, ``samplers``, ``rules``, ``commands``).
        problems: What of it cannot be used, each in a line with why and what to do.
    """

    package: str
    version: str
    adds: Mapping[str, tuple[str, ...]]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class _Kind:
    """What packages may add: its entry points, the names that rlx itself has, and what loads one and returns its names."""

    group: str
    noun: str
    own: Collection[str]
    load: Callable[[Plugin], tuple[str, ...]]

    @property
    def name(self) -> str:
        return self.group.removeprefix("rlx.")


@dataclass
class _Found:
    adds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def plugin_packages(commands: Collection[str] = ()) -> tuple[PluginPackage, ...]:
    """Return the installed packages that add to rlx, each with what it adds; all of that is imported.

    Args:
        commands: The names of rlx's own commands, which no package may take.
    """
    found: dict[str, _Found] = {}
    for kind in _kinds(commands):
        first = plugins(kind.group)
        for plugin in every_plugin(kind.group):
            of_package = found.setdefault(plugin.package, _Found())
            try:
                names = _loaded(kind, plugin, first[plugin.name])
                of_package.adds[kind.name] = (*of_package.adds.get(kind.name, ()), *names)
            except PluginBroken as error:
                of_package.problems.append(str(error))
    return tuple(
        PluginPackage(name, version, of_package.adds, tuple(of_package.problems))
        for package, of_package in sorted(found.items())
        for name, _, version in [package.partition(" ")]
    )


def _kinds(commands: Collection[str]) -> tuple[_Kind, ...]:
    return (
        _Kind("rlx.algorithms", "an algorithm", BUILT_IN, _algorithm),
        _Kind("rlx.sinks", "a sink", OWN_SINKS, _sink),
        _Kind("rlx.executors", "an executor", EXECUTORS, _executor),
        _Kind("rlx.samplers", "a sampler", SAMPLERS, _sampler),
        _Kind("rlx.rules", "a rule", (), lambda plugin: tuple(rule.id for rule in rules_of(plugin))),
        _Kind("rlx.commands", "a command", commands, _command),
    )


def _loaded(kind: _Kind, plugin: Plugin, first: Plugin) -> tuple[str, ...]:
    """Return the names that a plugin adds.

    Raises:
        PluginBroken: It cannot be used.
    """
    if plugin.name in kind.own:
        raise plugin.broken(f"rlx itself has {kind.noun} {plugin.name!r}")
    if plugin != first:
        raise plugin.broken(f"{first.package} adds {kind.noun} {plugin.name!r}, and is found first")
    return kind.load(plugin)


def _algorithm(plugin: Plugin) -> tuple[str, ...]:
    return (algorithm(plugin.name).name,)


def _sink(plugin: Plugin) -> tuple[str, ...]:
    if not callable(plugin.load()):
        raise plugin.broken("it is nothing that can be called to make a sink")
    return (plugin.name,)


def _executor(plugin: Plugin) -> tuple[str, ...]:
    executor(plugin.name, {plugin.name: plugin})
    return (plugin.name,)


def _sampler(plugin: Plugin) -> tuple[str, ...]:
    sampler(plugin.name)
    return (plugin.name,)


def _command(plugin: Plugin) -> tuple[str, ...]:
    import click

    if not isinstance(plugin.load(), click.Command):
        raise plugin.broken("it is no click command")
    return (plugin.name,)


def packages(found: Iterable[PluginPackage]) -> Iterator[CheckResult]:
    """Say what installed packages add, and what of it is broken; nothing where none adds anything."""
    for package in found:
        if package.adds:
            adds = "; ".join(f"{kind} {listed(names, 9)}" for kind, names in package.adds.items())
            yield ok("plugins", f"{package.package} {package.version}: {adds}")
        for broken in package.problems:
            yield problem("plugins", broken)


def rules(root: Path) -> Iterator[CheckResult]:
    """Check that the project's ``rules/`` can be used: what is broken is passed over by every diagnosis."""
    try:
        found = rules_of_project(root)
    except PluginBroken as error:
        yield problem("rules", str(error), "until that is mended, `rlx diagnose` passes all of rules/ over")
        return
    if found:
        yield ok("rules", f"{with_noun(len(found), 'rule')} of the project: {listed([rule.id for rule in found])}")


def algorithms(root: Path) -> Iterator[CheckResult]:
    """Check, from their text alone, that no page of ``algorithms/`` has the name of another algorithm: of two none is taken."""
    places: dict[str, list[str]] = {}
    for file in sorted((root / "algorithms").glob("*.py")):
        text = file.read_text("utf-8", errors="replace")
        for found in _REGISTERS.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            places.setdefault(found[1], []).append(f"{file.relative_to(root)}:{line}")
    added = plugins("rlx.algorithms")
    for name, lines in places.items():
        taken = ["rlx itself"] if name in BUILT_IN else [added[name].package] if name in added else []
        if len(taken + lines) > 1:
            told = f"{name!r} is registered in {' and in '.join(lines)}{f', and by {listed(taken)}' if taken else ''}"
            yield problem("algorithms", told, "rename all but one: of two algorithms of one name none is taken")
