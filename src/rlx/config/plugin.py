"""What installed packages add to rlx, by entry points: ``rlx.sinks``, ``rlx.algorithms`` and so on.

Listing imports nothing. A package that cannot be loaded is a problem in one line, never a traceback: whoever wants all
passes over it, whoever wants that one refuses.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rlx.errors import PluginBroken
from rlx.stats import raised


@dataclass(frozen=True)
class Plugin:
    """One thing that an installed package adds.

    Attributes:
        name: What it is called in settings.
        package: The distribution that brings it, in words.
        entry: Where it is.
    """

    name: str
    package: str
    entry: importlib.metadata.EntryPoint = field(repr=False)

    def load(self) -> Any:
        """Import it.

        Raises:
            PluginBroken: That failed, whatever its code raised; the message names package and place in one line.
        """
        try:
            return self.entry.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 — a package may raise anything as it is imported
            raise PluginBroken(
                f"{self.name}: {self.package} cannot be loaded ({self.entry.value}): {raised(error)}; "
                f"mend it, or uninstall it"
            ) from None


@dataclass(frozen=True)
class Plugins:
    """What installed packages add to one group.

    Attributes:
        found: By name.
        problems: What was passed over, a line each.
    """

    found: Mapping[str, Plugin]
    problems: tuple[str, ...]

    def load_all(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Import all of them; returns those that could be, by name, and a line for everything that was passed over."""
        loaded: dict[str, Any] = {}
        problems = list(self.problems)
        for name, plugin in self.found.items():
            try:
                loaded[name] = plugin.load()
            except PluginBroken as error:
                problems.append(str(error))
        return loaded, tuple(problems)


def plugins(group: str, taken: Iterable[str] = ()) -> Plugins:
    """Return what installed packages add to a group, without importing any of it.

    Args:
        group: The group of entry points, such as ``rlx.sinks``.
        taken: Names that rlx has itself; a package cannot take them over.
    """
    own, found, problems = set(taken), dict[str, Plugin](), list[str]()
    entries = importlib.metadata.entry_points(group=group)
    for plugin in sorted((_plugin(entry) for entry in entries), key=lambda each: (each.name, each.package)):
        if plugin.name in own:
            problems.append(f"{plugin.name}: {plugin.package} brings one for {group}, and rlx has its own; passed over")
        elif (other := found.get(plugin.name)) is None:
            found[plugin.name] = plugin
        elif other != plugin:
            problems.append(
                f"{plugin.name}: {plugin.package} brings one for {group}, and so does {other.package}; passed over"
            )
    return Plugins(found, tuple(problems))


def _plugin(entry: importlib.metadata.EntryPoint) -> Plugin:
    name = entry.dist.metadata["Name"] if entry.dist else None  # None too where the package's metadata are damaged
    return Plugin(entry.name, f"the package {name}" if name else "a package", entry)
