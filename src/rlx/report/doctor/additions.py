"""Checks of what is added to rlx: by installed packages (entry points), and by the project's own rules of diagnosis."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rlx.config import PLUGIN_GROUPS, plugins
from rlx.errors import PluginBroken
from rlx.experiments import rules_of, rules_of_project
from rlx.report.doctor.check_result import CheckResult, listed, ok, problem, with_noun

RULES = "rlx.rules"


def packages(_: Path | None) -> Iterator[CheckResult]:
    """Check that what installed packages add can be imported; nothing is said where none adds anything."""
    for group in PLUGIN_GROUPS:
        there = []
        for plugin in plugins(group).values():
            try:
                rules_of(plugin) if group == RULES else plugin.load()
                there.append(f"{plugin.name} ({plugin.package})")
            except PluginBroken as error:
                yield problem("plugins", str(error))
        if there:
            yield ok("plugins", f"{group}: {listed(there)}")


def rules(root: Path) -> Iterator[CheckResult]:
    """Check that the project's ``rules/`` can be used: what is broken is passed over by every diagnosis."""
    try:
        found = rules_of_project(root)
    except PluginBroken as error:
        yield problem("rules", str(error), "until that is mended, `rlx diagnose` passes all of rules/ over")
        return
    if found:
        yield ok("rules", f"{with_noun(len(found), 'rule')} of the project: {listed([rule.id for rule in found])}")
