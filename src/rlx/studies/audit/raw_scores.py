"""Scores of starts from raw data: held-out episodes where there are experiments, the lines of ends in a simulation."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rlx.errors import DataDamaged
from rlx.studies.audit.book import Book
from rlx.studies.audit.files_kept import KeptFiles
from rlx.studies.audit.lines import Entry
from rlx.studies.audit.standing import Standing, Start
from rlx.studies.contracts.contract import Contract, Guardrail

FINAL = "latest"
"""The policies whose episodes count."""
BY_CHANCE = "random"
TRUTHS = {"true": 1.0, "false": 0.0}
Row = Mapping[str, str]


@dataclass
class Episodes:
    """The held-out episodes of a start.

    Attributes:
        by_seed: Of each seed's final policy, with the experiment's name.
        random: Of random actions.
        twice: Seeds of which several experiments of the start have episodes.
    """

    by_seed: dict[int, tuple[str, list[Row]]] = field(default_factory=dict)
    random: list[Row] = field(default_factory=list)
    twice: list[int] = field(default_factory=list)


@dataclass
class RawScores:
    """Scores of all starts of a study.

    Attributes:
        book: The study.
        files: What its experiments keep.
    """

    book: Book
    files: KeptFiles
    _episodes: dict[int, Episodes] = field(default_factory=dict)

    def episodes(self, start: Start) -> Episodes:
        """Return the held-out episodes of an ended start.

        Raises:
            RlxError: They are not here, or are no such table.
        """
        if start.seq not in self._episodes:
            found = self._episodes[start.seq] = Episodes()
            assert start.end is not None
            for item in start.end.data["experiments"]:
                self._read(item, found)
        return self._episodes[start.seq]

    def _read(self, item: Mapping[str, Any], found: Episodes) -> None:
        if "episodes" not in item:  # every seed of a foreign start failed: it has no episodes, and says so
            return
        text = self.files.read(item, "eval/episodes.csv").decode()
        for row in csv.DictReader(io.StringIO(text, newline="")):
            if row["checkpoint"] == BY_CHANCE:
                found.random.append(row)
            elif row["checkpoint"] == FINAL:
                seed = int(row["seed"])
                name, rows = found.by_seed.setdefault(seed, (str(item["name"]), []))
                if name != item["name"]:
                    found.twice.append(seed)
                rows.append(row)

    def of(self, start: Start, metric: str) -> dict[int, float | None]:
        """Return what each assigned seed of a start scored; None where it failed.

        Raises:
            RlxError: Its episodes are not here.
        """
        assert start.end is not None
        if self.is_said(start):
            said = start.end.data["scores"]
            return {seed: said.get(str(seed), {}).get(metric) for seed in start.seeds}
        failed = {int(seed) for seed in start.end.data["failures"]}
        return {seed: None if seed in failed else self.played(start, metric, seed) for seed in start.seeds}

    def is_said(self, start: Start) -> bool:
        """Tell whether the end's line is all that says what was scored: in a simulation, and of foreign aggregates."""
        items = start.end.data["experiments"] if start.end else []
        return self.book.is_simulated or any(item.get("aggregate") for item in items)

    def played(self, start: Start, metric: str, seed: int) -> float | None:
        """Return what a seed's held-out episodes show, whether it is said to have failed or not; None without them."""
        return measured(metric, self.episodes(start).by_seed.get(seed, ("", []))[1])

    def random(self, start: Start, metric: str) -> float | None:
        """Return what random actions scored in a start's held-out episodes."""
        assert start.end is not None
        if not self.is_said(start):
            rows = self.episodes(start).random
            if rows:
                return measured(metric, rows)
        value = start.end.data["random"].get(metric)
        return None if value is None else float(value)

    def counted(self, contract: Contract, standing: Standing, start: Start, metric: str, sign: int) -> dict[int, float]:
        """Return what every assigned seed counts, failures included; more is better.

        Raises:
            DataDamaged: A seed failed, and what failures score is not known.
        """
        found = {}
        for seed, value in self.of(start, metric).items():
            number = self._fallback(contract, standing, start, metric) if value is None else value
            if number is None:
                raise DataDamaged(f"seed {seed} has no {metric}, and what a failure scores is not known")
            found[seed] = sign * float(number)
        return found

    def _fallback(self, contract: Contract, standing: Standing, start: Start, metric: str) -> float | None:
        given = contract.metric.failure_score
        if metric == contract.metric.name and not isinstance(given, str):
            return float(given)
        floor = self._floor_start(standing.floor, standing)
        value = None if floor is None else self.random(floor, metric)
        return self.random(start, metric) if value is None else value

    def _floor_start(self, floor: Entry | None, standing: Standing) -> Start | None:
        return None if floor is None else standing.starts.get(floor.data["start"])


def measured(metric: str, rows: Sequence[Row]) -> float | None:
    """Return a policy's number from its episodes; None where one of them lacks it."""
    key = "return" if metric == "return_p10" else metric
    numbers = []
    for row in rows:
        text = (row.get(key) or "").strip().lower()
        try:
            number = TRUTHS[text] if text in TRUTHS else float(text)
        except ValueError:
            return None
        if not math.isfinite(number):
            return None
        numbers.append(number)
    if not numbers:
        return None
    if metric == "return_p10":
        return float(np.quantile(numbers, 0.1))
    return math.fsum(numbers) / len(numbers)


def sign_of(rail: Guardrail) -> int:
    """Return 1 where more of a guardrail's metric is better, else -1."""
    if rail.no_worse_than is None:
        return 1 if rail.at_most is None else -1
    return -1 if rail.direction == "minimize" else 1
