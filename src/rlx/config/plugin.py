"""What installed packages add to rlx, by their entry points: found by name, imported when it is used.

A package says in its metadata what it adds, for example ``[project.entry-points."rlx.samplers"] halton = "it:ROW"``.
Finding the names imports nothing. A broken plugin costs nobody anything but whoever asks for it, and then a line.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

from rlx.errors import PluginBroken
from rlx.stats import raised, visible

PLUGIN_GROUPS = ("rlx.algorithms", "rlx.sinks", "rlx.executors", "rlx.samplers", "rlx.rules", "rlx.commands")
"""What packages may add to."""
_said: set[str] = set()


@dataclass(frozen=True)
class Plugin:
    """Something that an installed package adds.

    Attributes:
        name: What it is called there.
        package: Whose it is, with the version.
        entry: Where it is.
    """

    name: str
    package: str
    entry: importlib.metadata.EntryPoint

    def load(self) -> Any:
        """Import it; what it prints meanwhile is no output of the command that asks for it.

        Raises:
            PluginBroken: It cannot be imported, whatever its code raises.
        """
        if not self.entry.pattern.match(self.entry.value):
            raise self.broken(f"its entry point is {self.entry.value!r}, which is no `module` or `module:name`")
        try:
            with redirect_stdout(sys.stderr):
                return self.entry.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise self.broken(f"importing {self.entry.value} failed: {raised(error)}") from error

    def broken(self, why: str) -> PluginBroken:
        """Return the error that it cannot be used, in one line with what to do."""
        package = self.package.split()[0]
        told = f"the plugin {self.name!r} ({self.entry.group}) of the package {self.package} cannot be used: {why}"
        cure = f"upgrade that package, or `pip uninstall {package}`"
        return PluginBroken(visible(" ".join(f"{told}; {cure}".split())))


def plugins(group: str) -> dict[str, Plugin]:
    """Return what installed packages add to a group, by name; of two with one name the first that Python finds.

    Args:
        group: One of :data:`PLUGIN_GROUPS`.
    """
    found: dict[str, Plugin] = {}
    for plugin in every_plugin(group):
        found.setdefault(plugin.name, plugin)
    return found


def every_plugin(group: str) -> Iterator[Plugin]:
    """Yield all that installed packages add to a group, also what has the name of another one, in the order in which Python finds it."""
    for entry in importlib.metadata.entry_points(group=group):
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "?"
        yield Plugin(entry.name, package, entry)


def say_broken(error: PluginBroken) -> None:
    """Say on standard error, once, that a plugin is passed over."""
    if str(error) not in _said:
        _said.add(str(error))
        sys.stderr.write(f"Passed over: {error}\n")
