"""What came of one seed of a foreign training, and the files that say it: ``outcome.json`` and ``episodes.csv``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, get_args

from rlx.config import read_json, require, write_json
from rlx.errors import DataDamaged
from rlx.records import results
from rlx.studies.adapters.running import ForeignFailure, Kind

FORMAT = 1
OUTCOME = "outcome.json"
POLICY = "latest"
"""What ``episodes.csv`` calls the policy: a foreign repository's final one."""


@dataclass(frozen=True)
class ForeignEpisode:
    """One held-out episode.

    Attributes:
        episode: Its number, from 0.
        reset_seed: The seed its environment was reset with.
        score: Its return.
        length: Environment steps.
        success: Whether it succeeded; None where the repository does not say.
        cut: Whether it was cut off before its end.
        parts: Columns ``reward/NAME`` and ``info/NAME``.
    """

    episode: int
    reset_seed: int
    score: float
    length: int
    success: bool | None = None
    cut: bool = False
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ForeignOutcome:
    """What came of one seed.

    Attributes:
        seed: The training seed.
        episodes: Its held-out episodes; none where it failed, or where only aggregates are known.
        aggregate: For ``evidence: aggregate``: what the repository computed itself, by our names.
        failure: Why it failed; None where it did not.
        steps: Environment steps that it trained; None where nothing says.
        train_seconds: How long training took, by the monotonic clock.
        evaluate_seconds: How long evaluation took.
        size: Bytes that it left in ``{out}``.
        checkpoint: SHA-256 of the final policy's file, where the adapter names it.
        attempts: How often it was started: what a signal killed is started once more.
        lost_steps: Environment steps of the start before, which was killed; they were trained, too.
    """

    seed: int
    episodes: tuple[ForeignEpisode, ...] = ()
    aggregate: Mapping[str, float] = field(default_factory=dict)
    failure: ForeignFailure | None = None
    steps: int | None = None
    train_seconds: float = 0.0
    evaluate_seconds: float = 0.0
    size: int = 0
    checkpoint: str | None = None
    attempts: int = 1
    lost_steps: int = 0

    @property
    def is_aggregate(self) -> bool:
        """Whether a verdict on it rests on numbers that the repository computed itself."""
        return bool(self.aggregate)

    def values(self, name: str) -> tuple[float, ...]:
        """Return a metric of each episode (``return``, ``length``, ``success``, ``reward/NAME``, ``info/NAME``).

        Of an aggregate that is one number; none where the metric is not there, or the seed failed.
        """
        if self.is_aggregate:
            return (self.aggregate[name],) if name in self.aggregate else ()
        if name in ("return", "length"):
            return tuple(float(each.score if name == "return" else each.length) for each in self.episodes)
        if name == "success":
            told = [each.success for each in self.episodes]
            return tuple(float(each) for each in told if each is not None) if None not in told else ()
        return tuple(each.parts[name] for each in self.episodes if name in each.parts)


def write_outcome(folder: Path, outcome: ForeignOutcome) -> None:
    """Write ``outcome.json`` of a seed."""
    write_json(folder / OUTCOME, {"format": FORMAT, **asdict(outcome)})


def read_outcome(folder: Path) -> ForeignOutcome:
    """Read ``outcome.json`` of a seed.

    Raises:
        OSError: There is none.
        DataDamaged: It is no such file.
    """
    path = folder / OUTCOME
    try:
        content = read_json(path)
        require(content.pop("format") == FORMAT, f"its format is not {FORMAT}")
        episodes = tuple(ForeignEpisode(**each) for each in content.pop("episodes"))
        told = content.pop("failure")
        require(told is None or told["kind"] in get_args(Kind), "it failed in a way that is not known")
        found = ForeignOutcome(**content, episodes=episodes, failure=None if told is None else ForeignFailure(**told))
        require(found.failure is not None or bool(episodes) != found.is_aggregate, "it has no evidence and no failure")
        require(all(math.isfinite(each.score) for each in episodes), "a return is not finite")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataDamaged(
            f"{path}: is not the outcome of a seed ({str(error)[:120]}); delete it to train again"
        ) from None
    return found


def write_episodes(folder: Path, outcomes: Sequence[ForeignOutcome]) -> None:
    """Write ``episodes.csv`` of all seeds that have episodes, in rlx's own format; none where no seed has."""
    rows: list[dict[str, Any]] = [
        {
            "seed": outcome.seed,
            "checkpoint": POLICY,
            "episode": each.episode,
            "reset_seed": each.reset_seed,
            "return": each.score,
            "length": each.length,
            "success": each.success,
            "cut": each.cut,
            **each.parts,
        }
        for outcome in sorted(outcomes, key=lambda outcome: outcome.seed)
        for each in outcome.episodes
    ]
    if not rows:
        (folder / "episodes.csv").unlink(missing_ok=True)
        return
    table = results.episodes_table(rows)
    for name in sorted({name for row in rows for name in row} - set(results.COLUMNS)):
        table[name] = [row.get(name) for row in rows]
    results.write_episodes(folder, table)


def write_start(folder: Path, plan: Mapping[str, Any], outcomes: Sequence[ForeignOutcome]) -> None:
    """Write ``outcome.json`` of a start: what was asked, and what came of each seed, but for its episodes."""
    seeds = {}
    for outcome in sorted(outcomes, key=lambda outcome: outcome.seed):
        told = asdict(outcome)
        seeds[str(told.pop("seed"))] = {**told, "episodes": len(outcome.episodes)}
    write_json(folder / OUTCOME, {"format": FORMAT, "plan": dict(plan), "seeds": seeds})
