"""One file of a project as the present rlx writes it, with what its owner changed in it."""

from __future__ import annotations

from dataclasses import dataclass

from rlx.errors import ConfigError
from rlx.experiments.merging import by_lines
from rlx.experiments.pipeline import NAME as PIPELINE, merged_pipeline, shipped_pipelines
from rlx.experiments.shipped import nearest_shipped, shipped_versions


@dataclass(frozen=True)
class UpgradedFile:
    """What becomes of a file.

    Attributes:
        name: Its path in the project.
        before: What it holds.
        after: What it holds then; the same where it is left as it is.
        is_edited: Whether its owner has changed it, which stays.
        conflict: The lines that its owner and rlx changed both, as Git shows them; empty where there are none.
    """

    name: str
    before: bytes
    after: bytes
    is_edited: bool = False
    conflict: str = ""


def upgraded(name: str, content: bytes) -> UpgradedFile:
    """Return what becomes of a file that rlx keeps in projects.

    One that rlx once shipped becomes the present one. In one that its owner changed, what rlx changed since is put in; where
    that is not possible, or where it is the owner's altogether, it stays as it is.
    """
    try:
        shipped = shipped_pipelines(content) if name == PIPELINE else shipped_versions(name)
        if content in shipped:
            return UpgradedFile(name, content, shipped[-1])
        base = nearest_shipped(content, shipped)
        if base is None or base == shipped[-1]:
            return UpgradedFile(name, content, content, is_edited=True)
        merge = merged_pipeline if name == PIPELINE else by_lines
        merged, conflict = merge(base, content, shipped[-1])
    except ConfigError:
        return UpgradedFile(name, content, content, is_edited=True)
    if conflict:
        return UpgradedFile(name, content, content, is_edited=True, conflict=_conflicts(merged))
    return UpgradedFile(name, content, merged, is_edited=True)


def _conflicts(merged: bytes) -> str:
    """Return the parts of a text that have Git's marks, with them."""
    kept, inside = [], False
    for line in merged.decode("utf-8", "replace").splitlines():
        inside |= line.startswith("<<<<<<<")
        if inside:
            kept.append(line)
        inside &= not line.startswith(">>>>>>>")
    return "\n".join(kept)


def as_now(name: str, content: bytes | None) -> bytes | None:
    """Return what a stage file of an older version would be in the present project; None where there is none."""
    return None if content is None else upgraded(name, content).after
