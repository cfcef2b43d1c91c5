"""Where the values of a run's configuration come from, told in as few lines as there are files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

BASE, DEFAULT = "params.yaml", "default"


def told_sources(sources: Mapping[str, str]) -> list[str]:
    """Return a line per file: what it decides, and last what nobody says."""
    by_source = _by_source(sources)
    order = sorted(by_source, key=lambda source: (source == DEFAULT, source == BASE, source))
    return [f"{source}: {_listed(by_source[source])}" for source in order]


def told_briefly(sources: Mapping[str, str]) -> str:
    """Return in a sentence what decides a run beside its base configuration."""
    by_source = _by_source(sources)
    own = [
        f"{_listed(keys)} from {source}" for source, keys in sorted(by_source.items()) if source not in (BASE, DEFAULT)
    ]
    return f"values: {'; '.join([*own, f'the rest from {BASE}, else defaults'])}"


def _by_source(sources: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, source in sources.items():
        found.setdefault(source, []).append(key)
    return found


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
