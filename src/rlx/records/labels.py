"""What people say about a run, tags and lines of prose: ``runs/<run>.yaml`` beside its folder, one file per run, for Git.

Each tag and each note has a line of its own, so that what two people say of a run merges (:mod:`rlx.experiments.merging`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlx.config import MOST_CONFIG_BYTES, parse_yaml, place, read_bytes, require, write_text
from rlx.errors import DataDamaged, UsageError
from rlx.records.live import lock_of
from rlx.stats import shown

HEADER = "# Tags and notes on this run: `rlx tag` and `rlx note` write here.\n"


@dataclass(frozen=True)
class Labels:
    """Tags and notes, in the order they were given."""

    tags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """All notes in a line."""
        return "; ".join(self.notes)


def labels_path(root: Path, run: str) -> Path:
    """Return the file of a run's labels."""
    return place(root / "runs", f"{run}.yaml", f"tags and note of {run}")


def read_labels(root: Path, run: str) -> Labels:
    """Read the labels of a run; none where there is no file.

    Raises:
        DataDamaged: The file is not as `rlx tag` writes it.
    """
    path = labels_path(root, run)
    try:
        return labels_from(read_bytes(path, MOST_CONFIG_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return Labels()
    except (OSError, AttributeError, TypeError, ValueError) as error:
        raise DataDamaged(f"{path}: is not a file of tags and notes ({str(error)[:120]}); mend it") from None


def labels_from(content: bytes) -> Labels:
    """Read the text of a file of labels; older ones have one ``note`` in the place of ``notes``.

    Raises:
        ValueError: It is not as `rlx tag` writes it.
    """
    found: Any = parse_yaml(content) or {}
    require(isinstance(found, dict), "it is no mapping of tags and notes")
    strange = [str(key) for key in found if key not in ("tags", "notes", "note")]
    require(not strange, f"it has {shown(strange[0])} in it, which would be lost" if strange else "")
    tags, notes = found.get("tags") or [], found.get("notes") or []
    if (note := found.get("note")) and isinstance(notes, list):
        notes = [note, *notes]
    lists = isinstance(tags, list) and isinstance(notes, list)
    require(
        lists and all(isinstance(text, str | int | float) for text in [*tags, *notes]),
        "tags and notes are lists of words",
    )
    return Labels(tuple(map(str, tags)), tuple(map(str, notes)))


def labels_text(labels: Labels) -> str:
    """Return the text of a file of labels."""
    import yaml

    plain = {name: list(told) for name, told in (("tags", labels.tags), ("notes", labels.notes)) if told}
    return HEADER + yaml.dump(plain, Dumper=_dumper(), allow_unicode=True, sort_keys=False, width=10_000)


def _dumper() -> Any:
    """Return a dumper that sets lists in, as people write them."""
    import yaml

    class Indented(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, False)

    return Indented


def change_labels(root: Path, run: str, change: Callable[[Labels], Labels]) -> Labels:
    """Change a run's labels while no other process does; an empty result deletes the file.

    Args:
        root: The project.
        run: The run's name.
        change: From the labels there are to those there shall be.

    Returns:
        What was written.
    """
    with lock_of(root, f"{run.replace('/', '_')}.labels"):
        labels = change(read_labels(root, run))
        path = labels_path(root, run)
        if labels == Labels():
            path.unlink(missing_ok=True)
        else:
            write_text(path, labels_text(labels))
    return labels


def with_note(labels: Labels, note: str) -> Labels:
    """Return labels with one more note, in a line."""
    line = " ".join(note.split())
    return replace(labels, notes=tuple(dict.fromkeys([*labels.notes, *([line] if line else [])])))


def without_note(labels: Labels, note: str | None) -> Labels:
    """Return labels without a note; None: without any."""
    line = None if note is None else " ".join(note.split())
    return replace(labels, notes=tuple(each for each in labels.notes if line is not None and each != line))


def with_tags(labels: Labels, tags: tuple[str, ...]) -> Labels:
    """Return labels with more tags; those already there stay where they are."""
    return replace(labels, tags=tuple(dict.fromkeys([*labels.tags, *tags])))


def without_tags(labels: Labels, tags: tuple[str, ...]) -> Labels:
    """Return labels without some tags; absent ones do not matter."""
    return replace(labels, tags=tuple(tag for tag in labels.tags if tag not in tags))


def check_tag(tag: str) -> str:
    """Return a tag, any word of any alphabet, or refuse it.

    Raises:
        UsageError: It is empty, longer than 64 characters, or has white space, commas or control characters in it.
    """
    if not 0 < len(tag) <= 64 or "," in tag or not tag.isprintable() or any(letter.isspace() for letter in tag):
        raise UsageError(f"the tag {tag!r} must be one word of at most 64 characters, without commas")
    return tag
