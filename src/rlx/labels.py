"""What people say about a run, tags and a line of prose: ``runs/<run>.yaml`` beside its folder, one file per run, for Git."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from rlx.atomic import write_text
from rlx.containment import place
from rlx.errors import DataDamaged, UsageError
from rlx.project import main_root
from rlx.reading import MOST_CONFIG_BYTES, parse_yaml, read_bytes, require

HEADER = "# Tags and a note on this run: `rlx tag` and `rlx note` write here.\n"


@dataclass(frozen=True)
class Labels:
    """Tags, in the order they were given, and a note."""

    tags: tuple[str, ...] = ()
    note: str = ""


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
        content: Any = parse_yaml(read_bytes(path, MOST_CONFIG_BYTES)) or {}
        tags, note = content.get("tags") or [], content.get("note") or ""
        words = isinstance(tags, list) and all(isinstance(text, str | int | float) for text in [*tags, note])
        require(words, "tags are a list of words, a note is text")
        return Labels(tuple(map(str, tags)), str(note))
    except (FileNotFoundError, NotADirectoryError):
        return Labels()
    except (OSError, AttributeError, TypeError, ValueError) as error:
        raise DataDamaged(f"{path}: is not a file of tags and a note ({str(error)[:120]}); mend or delete it") from None


def change_labels(root: Path, run: str, change: Callable[[Labels], Labels]) -> Labels:
    """Change a run's labels while no other process does; an empty result deletes the file.

    Args:
        root: The project.
        run: The run's name.
        change: From the labels there are to those there shall be.

    Returns:
        What was written.
    """
    import yaml

    folder = main_root(root) / ".dvc" / "tmp" / "rlx-locks"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{run.replace('/', '_')}.labels"):
        labels = change(read_labels(root, run))
        path = labels_path(root, run)
        if labels == Labels():
            path.unlink(missing_ok=True)
        else:
            plain = {"tags": list(labels.tags), "note": labels.note}
            write_text(path, HEADER + yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=10_000))
    return labels


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
