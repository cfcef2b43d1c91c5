"""Where the values of a run's configuration come from, told in as few lines as there are files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

DEFAULT = "default"


def told_sources(sources: Mapping[str, str], *, defaults: bool = False) -> list[str]:
    """Return a line per file: what it decides.

    Args:
        sources: Where each value comes from, by dotted key.
        defaults: With the values that nobody says, too.
    """
    by_source: dict[str, list[str]] = {}
    for key, source in sources.items():
        by_source.setdefault(source, []).append(key)
    order = sorted(by_source, key=lambda source: (source == DEFAULT, source == "params.yaml", source))
    return [f"{source}: {_listed(by_source[source])}" for source in order if defaults or source != DEFAULT]


def _listed(keys: Sequence[str]) -> str:
    """Return dotted keys with the section said once: ``env.id, algo.{gamma, batch_size}``."""
    sections: dict[str, list[str]] = {}
    for key in keys:
        section, _, name = key.rpartition(".")
        sections.setdefault(section, []).append(name)
    shown = []
    for section, names in sections.items():
        if not section:
            shown += names
        else:
            shown.append(f"{section}.{names[0]}" if len(names) == 1 else f"{section}.{{{', '.join(names)}}}")
    return ", ".join(shown)
