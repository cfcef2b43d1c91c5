"""A candidate's settings as a foreign command takes them: as arguments or a file, each value verbatim, and never a shell."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from rlx.errors import UsageError
from rlx.stats import shown

_NAMES = {
    "hydra": re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[./@][A-Za-z0-9_\-]+)*"),
    "argparse": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*"),
    "tyro": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*"),
    "gin": re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[./][A-Za-z_][A-Za-z0-9_]*)*"),
    "file": re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*(?:\.[A-Za-z0-9_\-]+)*"),
}
"""What a setting may be called, by style: what could mean something else to the command's parser is refused."""
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def arguments_for(style: str, settings: Mapping[str, Any]) -> list[str]:
    """Return settings as arguments of a command.

    Args:
        style: ``hydra``, ``argparse``, ``tyro`` or ``gin``.
        settings: Names and plain values.

    Raises:
        UsageError: A name or value cannot be said in this style.
    """
    _check_names(style, settings)
    return [argument for name, value in settings.items() for argument in _SAYING[style](name, value)]


def file_for(style: str, settings: Mapping[str, Any]) -> str:
    """Return settings as the content of a file: YAML, or for ``gin`` bindings; raises as :func:`arguments_for`."""
    _check_names(style, settings)
    if style == "gin":
        return "".join(f"{name} = {_python(name, value)}\n" for name, value in settings.items())
    nested: dict[str, Any] = {}
    for name, value in settings.items():
        _check_values(name, value)
        *sections, last = name.split(".")
        place = nested
        for section in sections:
            place = place.setdefault(section, {})
            if not isinstance(place, dict):
                raise UsageError(f"{name}: {section} is set as a whole, too; say one of the two")
        if last in place:
            raise UsageError(f"{name}: parts of it are set, too; say one of the two")
        place[last] = value
    return _yaml(nested)


def _yaml(content: Mapping[str, Any]) -> str:
    """Return YAML that its versions 1.1 (PyYAML) and 1.2 (OmegaConf, ruamel) read alike.

    They differ in what is a number or a truth (``on``, ``1e5``, ``1:30``), so every text is quoted, and a float has its point.
    """
    import yaml

    class Quoting(yaml.SafeDumper):
        """Quotes every text, and repeats what stands twice."""

        def ignore_aliases(self, data: Any) -> bool:
            """Name nothing."""
            return True

    Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))
    return yaml.dump(dict(content), Dumper=Quoting, sort_keys=False, width=2**31, allow_unicode=True)


def _check_names(style: str, settings: Mapping[str, Any]) -> None:
    for name in settings:
        if not _NAMES[style].fullmatch(name):
            raise UsageError(
                f"{shown(name)} is not what a setting can be called in the style {style} of adapter.yaml; "
                f"write it as the repository's own command takes it, without dashes before it"
            )


def _check_values(name: str, value: Any) -> None:
    """Refuse what no command can be told."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise UsageError(f"{name}: {shown(str(key))} is not a text, and keys are")
            _check_values(name, key)
            _check_values(name, inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_values(name, inner)
    elif isinstance(value, str):
        if "\0" in value:
            raise UsageError(f"{name}: its value holds a zero byte, which no argument can")
        try:
            os.fsencode(value)
            value.encode()
        except UnicodeEncodeError:
            raise UsageError(f"{name}: its value holds half a character, which no argument can") from None
    elif isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{name}: {value} is not a finite number")
    elif value is not None and not isinstance(value, bool | int | float):
        raise UsageError(f"{name}: a {type(value).__name__} is no plain value")


def _hydra(name: str, value: Any) -> list[str]:
    _check_values(name, value)
    return [f"{name}={_hydra_value(name, value)}"]


def _hydra_value(name: str, value: Any) -> str:
    """Return a value in the grammar of Hydra 1.3's overrides."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        if "${" in value:
            raise UsageError(f"{name}: Hydra would replace ${{…}} in its value; write the value itself")
        # backslashes mean themselves, but for those before a quote, which are doubled
        return "'" + re.sub(r"(\\*)'", r"\1\1\\'", re.sub(r"(\\+)\Z", r"\1\1", value)) + "'"
    if isinstance(value, Mapping):
        if bad := next((key for key in value if not _PLAIN_KEY.fullmatch(key)), None):
            raise UsageError(f"{name}: {shown(bad)} is not a key that Hydra's arguments can have")
        return "{" + ",".join(f"{key}:{_hydra_value(name, inner)}" for key, inner in value.items()) + "}"
    return "[" + ",".join(_hydra_value(name, inner) for inner in value) + "]"


def _word(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        raise UsageError(f"{name}: arguments cannot hold a mapping; name its parts ({name}.KEY)")
    if value is None or isinstance(value, list | tuple):
        raise UsageError(f"{name}: {'nothing' if value is None else 'a list'} cannot be said here")
    return value if isinstance(value, str) else repr(value)


def _argparse(name: str, value: Any) -> list[str]:
    """Return an option of ``argparse``: one argument, or several where it takes a list (``nargs``)."""
    _check_values(name, value)
    if value is None:
        raise UsageError(f"{name}: argparse has no word for nothing; leave the setting out")
    if isinstance(value, list | tuple):
        return [f"--{name}", *(_listed(name, inner) for inner in value)]
    return [f"--{name}={_word(name, value)}"]


def _tyro(name: str, value: Any) -> list[str]:
    """Return an option of tyro, where a setting that is true or false is a flag with a name for each."""
    _check_values(name, value)
    if isinstance(value, bool):
        sections, dot, last = name.rpartition(".")
        return [f"--{name}" if value else f"--{sections}{dot}no-{last}"]
    return [f"--{name}=None"] if value is None else _argparse(name, value)


def _listed(name: str, value: Any) -> str:
    word = _word(name, value)
    if isinstance(value, str) and word.startswith("-"):
        raise UsageError(f"{name}: {shown(word)} in its list would be taken for an option")
    return word


def _gin(name: str, value: Any) -> list[str]:
    return [f"--gin_bindings={name}={_python(name, value)}"]


def _python(name: str, value: Any) -> str:
    """Return a value as a literal of Python, which is what gin reads."""
    _check_values(name, value)
    return repr(value)


_SAYING: Mapping[str, Callable[[str, Any], list[str]]] = {
    "hydra": _hydra,
    "argparse": _argparse,
    "tyro": _tyro,
    "gin": _gin,
}
