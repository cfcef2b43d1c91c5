"""Rules of diagnosis beside rlx's own: of installed packages (``rlx.rules``), and of the project (``rules/__init__.py``).

They are loaded here and handed to the diagnosis, which itself only computes. What is broken is said and passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rlx.config import Plugin, load_package, plugins, say_broken
from rlx.diagnosis import RULES, Rule
from rlx.errors import ConfigError, PluginBroken

GROUP = "rlx.rules"
FOLDER = "rules"
"""The project's package whose ``RULES`` are applied, too."""


def more_rules(root: Path) -> tuple[Rule, ...]:
    """Return the rules that installed packages and the project add, each name once; rlx's own come before all of them.

    Args:
        root: The project, whose ``rules/`` is imported.
    """
    found: dict[str, Rule] = {}
    sources: list[Callable[[], tuple[Rule, ...]]] = [partial(rules_of, plugin) for plugin in plugins(GROUP).values()]
    sources.append(partial(rules_of_project, root))
    for load in sources:
        try:
            for rule in load():
                found.setdefault(rule.id, rule)
        except PluginBroken as error:
            say_broken(error)
    return tuple(found.values())


def rules_of(plugin: Plugin) -> tuple[Rule, ...]:
    """Return the rules that an installed package adds.

    Raises:
        PluginBroken: It cannot be imported, or adds something else.
    """
    return _checked(plugin.load(), plugin.broken)


def rules_of_project(root: Path) -> tuple[Rule, ...]:
    """Return the rules that the project adds; none where it has no ``rules/``.

    Raises:
        PluginBroken: They cannot be imported, or are something else.
    """

    def broken(why: str) -> PluginBroken:
        return PluginBroken(f"{FOLDER}/__init__.py: its RULES cannot be used: {why}")

    try:
        package = load_package(root, FOLDER)
    except ConfigError as error:
        raise PluginBroken(str(error)) from error
    return _checked(getattr(package, "RULES", None), broken) if package else ()


def _checked(content: Any, broken: Callable[[str], PluginBroken]) -> tuple[Rule, ...]:
    """Return a rule, or several, as several.

    Raises:
        PluginBroken: It is something else, or has the name of a rule of rlx.
    """
    rules = tuple(content) if isinstance(content, list | tuple) else (content,)
    if not all(isinstance(rule, Rule) for rule in rules):
        raise broken("it is neither an rlx.diagnosis.Rule nor a list of them")
    if odd := [rule.id for rule in rules if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", str(rule.id))]:
        raise broken(f"a rule is called {odd[0]!r}; use small letters, digits and - (files are named so)")
    if taken := {rule.id for rule in rules} & {rule.id for rule in RULES}:
        raise broken(f"rlx has a rule {min(taken)!r}; give it a name of its own")
    return rules
