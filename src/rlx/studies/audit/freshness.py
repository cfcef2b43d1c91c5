"""Whether seeds of confirmations were trained before, by anything that this project keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from rlx.config import parse_yaml, read_json
from rlx.errors import DataDamaged
from rlx.experiments import experiments
from rlx.launch import git_blobs
from rlx.records import bench_seeds
from rlx.studies.audit.book import Book
from rlx.studies.audit.standing import Start


@dataclass(frozen=True)
class _Trained:
    """Seeds that something trained, on which environment, and when (seconds since 1970)."""

    what: str
    environment: str
    seeds: range
    at: float


@dataclass
class Freshness:
    """What this project keeps that was trained.

    Attributes:
        root: The project.
        environment: The study's.
        notes: What could not be looked at.
    """

    root: Path
    environment: str
    notes: list[str] = field(default_factory=list)

    @cached_property
    def _trained(self) -> list[_Trained]:
        kept = experiments(self.root)
        found = []
        shown = {each.name for each in kept}  # what `runs/` shows of them is no run of its own
        runs = sorted(path.name for path in (self.root / "runs").glob("*") if path.is_dir() and path.name not in shown)
        for run in runs:
            path = self.root / "runs" / run
            try:
                began = datetime.fromisoformat(read_json(path / "metadata.json")["started"]).timestamp()
                text = (path / "config_snapshot.yaml").read_text(encoding="utf-8")
            except (OSError, ValueError, KeyError, TypeError, DataDamaged):
                continue
            found += _of(f"run {run}", text, began)
        names = [(each, run) for each in kept for run in runs]
        blobs = git_blobs(self.root, [f"{each.commit}:./runs/{run}/config_snapshot.yaml" for each, run in names])
        before = git_blobs(self.root, [f"{each.baseline}:./runs/{run}/config_snapshot.yaml" for each, run in names])
        for (each, _), blob, old in zip(names, blobs, before, strict=True):
            if blob is not None and blob != old:
                found += _of(f"experiment {each.name}", blob.decode("utf-8", "replace"), each.created)
        return [each for each in [*found, *self._bench()] if each.environment == self.environment]

    def _bench(self) -> Iterator[_Trained]:
        """Yield the seeds on the bench, which nothing may have kept."""
        for each in bench_seeds(self.root):
            seeds = range(each.seed, each.seed + 1)
            yield _Trained(f"bench entry {each.name}", each.environment, seeds, each.begun)

    def tried(self, start: Start, book: Book) -> Iterator[tuple[int, str]]:
        """Yield a seed of a start that something had trained before the start, with what that was."""
        if book.is_simulated or book.is_foreign:
            return
        own = {
            f"experiment {item['name']}"
            for other in book.end.starts.values()
            if other.end is not None
            for item in other.end.data["experiments"]
        }
        earlier = {
            seed
            for other in book.end.starts.values()
            if other.seq < start.seq and (other.arm, other.data.get("slot")) == (start.arm, start.data.get("slot"))
            for seed in other.seeds
        }
        seeds, began = set(start.seeds) - earlier, datetime.fromisoformat(start.entry.time).timestamp()
        for each in self._trained:
            if each.what not in own and each.at < began and (shared := seeds & set(each.seeds)):
                yield min(shared), each.what


def _of(what: str, snapshot: str, at: float) -> list[_Trained]:
    try:
        settings: Any = parse_yaml(snapshot)
        first, count = int(settings["seed"]), int(settings["num_seeds"])
        return [_Trained(what, str(settings["env"]["id"]), range(first, first + count), at)]
    except (ValueError, KeyError, TypeError):
        return []
