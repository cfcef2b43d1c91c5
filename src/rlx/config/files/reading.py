"""Files that somebody else may have written, read within bounds: how large, how deep, how often repeated.

Everything here refuses before it spends: a file that is no regular file is not opened, a large one not read, YAML whose
aliases would expand is not built. ``ValueError`` says what is wrong with content; whoever asked knows the cure.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rlx.errors import DataDamaged

if TYPE_CHECKING:
    import yaml

MOST_BYTES = 64 * 2**20
"""Of a file of facts, such as ``metadata.json``."""
MOST_TABLE_BYTES = 2**30
"""Of a file of rows, such as ``metrics.jsonl``."""
MOST_CONFIG_BYTES = 2**20
MOST_LINE_BYTES = 2**20
"""Of one row of a file of rows."""
MOST_NODES = 30_000
"""Keys and values of a YAML document, each alias counted as all that it stands for."""
MOST_DEPTH = 50
"""Of mappings and lists inside each other."""
LARGEST_INTEGER = 2**63


def check_file(path: Path, most: int = MOST_BYTES) -> None:
    """Check that a path is a regular file of bounded size, before anything opens it.

    Raises:
        OSError: There is none.
        DataDamaged: It is something else (a device, a pipe), or too large.
    """
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(status.st_mode):
        raise DataDamaged(f"{path}: is not a file but a device, pipe or socket; it is not read. Delete it")
    if status.st_size > most:
        raise DataDamaged(
            f"{path}: has {status.st_size:,} bytes, and a file of its kind at most {most:,}; it is not read. "
            f"If it is a file of rlx, it is damaged"
        )


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a file of bounded size; raises as :func:`check_file`."""
    check_file(path, most)
    with path.open("rb") as file:
        return file.read(most)


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """Read a text file of bounded size.

    Raises:
        OSError: There is none.
        DataDamaged: It is no file, or too large.
        ValueError: It is not UTF-8.
    """
    return read_bytes(path, most).decode("utf-8")


def read_table(path: Path) -> str:
    """Read a table of which every line ends; raises as :func:`read_text`, also where the last line is cut."""
    text = read_text(path, MOST_TABLE_BYTES)
    require(text.endswith("\n"), "its last line is cut")
    return text


def require(holds: bool, fault: str) -> None:
    """Raise ``ValueError`` where something does not hold of what was read."""
    if not holds:
        raise ValueError(fault)


def read_json(path: Path, most: int = MOST_BYTES) -> Any:
    """Read a JSON file; raises as :func:`read_text` and :func:`parse_json`."""
    return parse_json(read_bytes(path, most))


def parse_json(content: bytes | str) -> Any:
    """Read JSON as the standard has it.

    Raises:
        ValueError: It is not JSON, holds a number that cannot be computed with (NaN, 1e999, a thousand digits), half a
            character, or is nested deeper than :data:`MOST_DEPTH`.
    """
    text = content.decode("utf-8") if isinstance(content, bytes) else content
    try:
        found = json.loads(text, parse_constant=_not_finite)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    check_values(found)
    return found


def check_values(found: Any) -> None:
    """Check plain values from a file; raises as :func:`parse_json`."""
    waiting = [(found, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, dict | list):
            if depth >= MOST_DEPTH:
                raise ValueError("is nested too deeply")
            waiting += [(inner, depth + 1) for inner in (value.values() if isinstance(value, dict) else value)]
            if isinstance(value, dict):
                waiting += [(key, depth + 1) for key in value]
        elif isinstance(value, str):
            if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
                raise ValueError("holds half a character")
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise ValueError("holds a number that is not finite")
        elif isinstance(value, int) and abs(value) >= LARGEST_INTEGER:
            raise ValueError("holds a whole number of more than 18 digits")


def _not_finite(word: str) -> NoReturn:
    raise ValueError(f"holds {word}, which is no number of JSON")


def parse_yaml(content: bytes | str, most: int = MOST_NODES) -> Any:
    """Read YAML of plain values, fast.

    Raises:
        ValueError: It is no YAML, or beyond the bounds.
    """
    import yaml

    check_yaml(content, most)
    try:
        found = yaml.load(content, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        check_values(found)
    except (yaml.YAMLError, RecursionError, OverflowError, TypeError) as error:
        raise ValueError(_in_a_line(error)) from None
    return found


def check_yaml(content: bytes | str, most: int = MOST_NODES) -> None:
    """Check that YAML stays within the bounds, without building anything of it.

    Raises:
        ValueError: It is no YAML, nested too deeply, has more than ``most`` keys and values with its aliases written out, or a
            key twice in a mapping: readers take one of the two.
    """
    import yaml

    bounds, keys = _Bounds(most), _Keys()
    try:
        for event in yaml.parse(content, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            keys.note(event)
            if isinstance(event, yaml.AliasEvent):
                bounds.repeat(str(event.anchor))
            elif isinstance(event, yaml.NodeEvent):
                bounds.enter(event.anchor)
                if isinstance(event, yaml.ScalarEvent):
                    bounds.leave()
            elif isinstance(event, yaml.CollectionEndEvent):
                bounds.leave()
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(_in_a_line(error)) from None


class _Keys:
    """Follows the keys of mappings inside each other."""

    def __init__(self) -> None:
        self._open: list[set[str] | None] = []
        self._met: list[int] = []

    def note(self, event: Any) -> None:
        """Note an event of a parser; raises ``ValueError`` where it is a key that the mapping has already."""
        import yaml

        if isinstance(event, yaml.CollectionEndEvent):
            self._open.pop(), self._met.pop()
            return
        known = self._open[-1] if self._open else None
        if known is not None and isinstance(event, yaml.NodeEvent):
            self._met[-1] += 1
            if self._met[-1] % 2 and isinstance(event, yaml.ScalarEvent):
                if event.value in known:
                    where = f"line {event.start_mark.line + 1}: " if event.start_mark else ""
                    raise ValueError(f"{where}{event.value[:40]!r} is given twice")
                known.add(event.value)
        if isinstance(event, yaml.CollectionStartEvent):
            self._open.append(set() if isinstance(event, yaml.MappingStartEvent) else None)
            self._met.append(0)


class _Bounds:
    """Counts what a YAML document would be with its aliases written out."""

    def __init__(self, most: int = MOST_NODES) -> None:
        self._count, self._most = 0, most
        self._open: list[tuple[str | None, int]] = []
        self._sizes: dict[str, int] = {}

    def enter(self, anchor: Any) -> None:
        """Note that a node begins."""
        self._open.append((None if anchor is None else str(anchor), self._count))
        if anchor is not None:
            self._sizes.pop(str(anchor), None)
        self._add(1)
        if len(self._open) > MOST_DEPTH:
            raise ValueError(f"is nested more than {MOST_DEPTH} deep")

    def leave(self) -> None:
        """Note that the innermost node ends."""
        anchor, before = self._open.pop()
        if anchor is not None:
            self._sizes[anchor] = self._count - before

    def repeat(self, anchor: str) -> None:
        """Note that an alias stands for a node that has ended."""
        if any(anchor == name for name, _ in self._open):
            raise ValueError(f"*{anchor[:40]} stands for itself")
        self._add(self._sizes.get(anchor, 1))

    def _add(self, nodes: int) -> None:
        self._count += nodes
        if self._count > self._most:
            raise ValueError(f"has more than {self._most:,} keys and values (with its aliases written out)")


def bounded(loader: type[yaml.SafeLoader]) -> type[yaml.SafeLoader]:
    """Return a loader of YAML, such as keeps the places of keys, that stays within the bounds.

    What it refuses it raises as ``yaml.MarkedYAMLError``, at its place.
    """
    import yaml

    class Bounded(loader):  # type: ignore[valid-type, misc]
        """The loader, counting as it composes."""

        bounds: _Bounds

        def compose_node(self, parent: Any, index: Any) -> Any:
            """Compose one node, and count it."""
            if not hasattr(self, "bounds"):
                self.bounds = _Bounds()
            event = self.peek_event()
            try:
                if self.check_event(yaml.AliasEvent):
                    self.bounds.repeat(str(event.anchor))
                    return super().compose_node(parent, index)
                self.bounds.enter(event.anchor)
            except ValueError as error:
                raise yaml.MarkedYAMLError(None, None, str(error), event.start_mark) from None
            node = super().compose_node(parent, index)
            self.bounds.leave()
            return node

    return Bounded


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file of rows with their numbers, each with its end of line if it has one.

    Raises:
        DataDamaged: It is no file or too large, or a line is longer than :data:`MOST_LINE_BYTES`.
    """
    check_file(path, MOST_TABLE_BYTES)
    number = 0
    with path.open("rb") as file:
        while line := file.readline(MOST_LINE_BYTES + 1):
            number += 1
            if len(line) > MOST_LINE_BYTES:
                raise DataDamaged(f"{path}:{number}: is longer than a row can be; the file is damaged")
            yield number, line.decode("utf-8", "replace")


def _in_a_line(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    told = getattr(error, "problem", None) or (str(error).splitlines() or ["cannot be read"])[0]
    return f"line {mark.line + 1}: {told}" if mark else str(told)
