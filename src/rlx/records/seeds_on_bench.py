"""Seeds on the bench, by what was asked of each: also those that no run and no kept experiment has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rlx.config import parse_yaml, read_json
from rlx.errors import DataDamaged
from rlx.records.bench import bench_folder


@dataclass(frozen=True)
class BenchSeed:
    """A seed on the bench.

    Attributes:
        name: Its entry's.
        environment: `env.id`.
        seed: The training seed.
        begun: When it was asked for, in seconds since 1970.
    """

    name: str
    environment: str
    seed: int
    begun: float


def bench_seeds(root: Path) -> Iterator[BenchSeed]:
    """Yield the seeds on a project's bench; entries that say nothing that can be read are passed over."""
    for path in sorted(bench_folder(root).glob("*/spec.json")):
        try:
            found = _read(path, path.stat().st_mtime_ns)
        except OSError:
            continue
        if found is not None:
            yield found


@lru_cache(maxsize=10_000)
def _read(path: Path, stamp: int) -> BenchSeed | None:
    try:
        arguments = read_json(path)["arguments"]
        environment = str(parse_yaml(arguments["snapshot"])["env"]["id"])
        return BenchSeed(path.parent.name, environment, int(arguments["seed"]), stamp / 1e9)
    except (ValueError, KeyError, TypeError, DataDamaged):
        return None
