"""Checkpoints of a study that an audit looks at again: drawn by the ledger's head, so that nobody chooses them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rlx.studies.audit.book import Book
from rlx.studies.audit.standing import Start


@dataclass(frozen=True)
class Drawn:
    """A kept checkpoint: its start, experiment and seed."""

    start: Start
    item: Mapping[str, Any]
    seed: int

    @property
    def where(self) -> dict[str, Any]:
        """What a problem with it names."""
        return {"experiment": str(self.item["name"]), "seed": self.seed}

    @property
    def policy(self) -> str:
        """Its policy's hash, as the ledger has it."""
        return str(self.item["checkpoints"][str(self.seed)]).removeprefix("sha256:")


def drawn_checkpoints(book: Book, phases: tuple[str, ...]) -> list[Drawn]:
    """Return the checkpoints that ended starts of some phases keep, in the order in which they are looked at."""
    kept = [
        Drawn(start, item, int(seed))
        for start in book.end.starts.values()
        if start.end is not None and start.phase in phases
        for item in start.end.data["experiments"]
        for seed in sorted(item.get("checkpoints") or {}, key=int)
    ]
    digest = bytes.fromhex(book.reading.head.removeprefix("sha256:"))
    return [kept[int(place)] for place in np.random.default_rng(list(digest)).permutation(len(kept))]
