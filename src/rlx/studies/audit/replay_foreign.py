"""Policies of another repository, played and trained again by its own commands, where one seed gives the same twice.

Whoever has the commands run stands outside of the audit, and is handed in; what comes of it is held against the ledger here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rlx.studies.audit.book import Book
from rlx.studies.audit.drawing import Drawn
from rlx.studies.audit.raw_scores import TRUTHS, RawScores, Row
from rlx.studies.audit.report import Findings

NOBODY = "another repository: nothing here has its commands run"


@dataclass(frozen=True)
class PlayedAgain:
    """What a repository's evaluation gave.

    Attributes:
        policy: SHA-256 of the policy's file.
        failure: Why it gave no episodes; None where it did.
        episodes: Of each, numbers by the columns of ``episodes.csv``.
    """

    policy: str
    failure: str | None
    episodes: Sequence[Mapping[str, float]]


class Again(Protocol):
    """Has another repository's commands run once more."""

    def reproducible(self) -> str:
        """Return what the adapter says of itself: yes, no or untested."""

    def play(self, start: Mapping[str, Any], item: Mapping[str, Any], seed: int, resets: Sequence[int]) -> PlayedAgain:
        """Have a policy played.

        Args:
            start: The facts of its start.
            item: What is kept of that.
            seed: Its training seed.
            resets: Reset seeds of its held-out episodes.

        Raises:
            ConfigError: It cannot be played here; the message says why.
        """

    def train(self, start: Mapping[str, Any], item: Mapping[str, Any], seed: int, steps: int) -> str:
        """Have a seed trained from scratch, in a folder of its own, and return the SHA-256 of its policy's file.

        Raises:
            ConfigError: It cannot be trained here; the message says why.
            TrainingFailed: It failed.
        """


def foreign_refusal(book: Book, again: Again | None) -> str | None:
    """Return why nothing of another repository is done again; None where it is."""
    if again is None:
        return NOBODY
    shown = [
        (start.experiment, item)
        for start in book.end.starts.values()
        if start.end is not None
        for item in start.end.data["experiments"]
        if "reproducible" in item
    ]
    for name, item in shown:
        if not item["reproducible"]:
            return f"reproducible: no: in {name} one seed, trained twice, gave other {', '.join(item['differs'])}"
    said = again.reproducible()
    if said == "no":
        return "reproducible: no, as adapter.yaml says"
    if not shown and said != "yes":
        return "reproducible: untested: no smoke run has shown yet that one seed, trained twice, gives the same"
    return None


def foreign_replay(again: Again, scores: RawScores, drawn: Drawn, found: Findings) -> None:
    """Have a policy played again, and hold its episodes against those that decided; raises as :meth:`Again.play`."""
    rows = scores.episodes(drawn.start).by_seed[drawn.seed][1]
    resets = [int(row["reset_seed"]) for row in rows]
    played = again.play(drawn.start.data, drawn.item, drawn.seed, resets)
    found.checked += 1
    if (real := played.policy.removeprefix("sha256:")) != drawn.policy:
        told = f"seed {drawn.seed}: its policy's file is {real[:12]}, and the ledger has {drawn.policy[:12]}"
        found.add(told, drawn.start.seq, **drawn.where)
        return
    if played.failure is not None:
        found.add(f"seed {drawn.seed}: could not be played again: {played.failure}", drawn.start.seq, **drawn.where)
        return
    if len(rows) != len(played.episodes):
        told = f"seed {drawn.seed}: {len(played.episodes)} episodes were played, episodes.csv has {len(rows)}"
        found.add(told, drawn.start.seq, file="eval/episodes.csv", **drawn.where)
        return
    for index, (row, episode) in enumerate(zip(rows, played.episodes, strict=True)):
        if (name := next(_differing(row, episode), None)) is not None:
            told = f"seed {drawn.seed}: in episode {index} {name} is {episode[name]!r}, and episodes.csv has {row.get(name)}"
            found.add(told, drawn.start.seq, file="eval/episodes.csv", **drawn.where)
            return


def _differing(row: Row, episode: Mapping[str, float]) -> Iterator[str]:
    """Yield the columns in which an episode is not what a row says."""
    for name, value in episode.items():
        text = (row.get(name) or "").strip().lower()
        try:
            number = TRUTHS[text] if text in TRUTHS else float(text)
        except ValueError:
            yield name
            continue
        if number != value:
            yield name
