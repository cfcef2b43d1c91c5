"""Where a study stood before each line of its ledger, followed line by line by the audit's own code."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rlx.studies.audit.lines import Entry

LIVE = ("validated", "launched", "completed")
"""Statuses of candidates of which nothing is decided, and that may be started."""
DONE = ("finished", "failed")
"""Statuses of ends by which every seed has a score or a failure."""


@dataclass
class Start:
    """A start and how it ended.

    Attributes:
        entry: Its line.
        end: The line of its end; None while it is open.
    """

    entry: Entry
    end: Entry | None = None

    @property
    def seq(self) -> int:
        """Its line's number."""
        return self.entry.seq

    @property
    def data(self) -> Mapping[str, Any]:
        """Its facts."""
        return self.entry.data

    @property
    def phase(self) -> str:
        """What it is for."""
        return str(self.data["phase"])

    @property
    def candidate(self) -> str:
        """Whose settings it trains."""
        return str(self.data["candidate"])

    @property
    def arm(self) -> str | None:
        """Of a confirmation: the candidate, or `incumbent`."""
        return self.data.get("arm")

    @property
    def experiment(self) -> str:
        """Its name."""
        return str(self.data["experiment"])

    @property
    def seeds(self) -> list[int]:
        """The seeds that it was assigned."""
        first, count = self.data["block"]
        return list(range(first, first + count))

    @property
    def is_done(self) -> bool:
        """Whether every seed has a score or a failure."""
        return self.end is not None and self.end.data["status"] in DONE


@dataclass
class Tried:
    """A candidate as it stands."""

    name: str
    sha256: str
    round: int
    source: Mapping[str, Any]
    seq: int
    status: str = "draft"
    kept: int = 0
    snapshot: str | None = None
    cost: Mapping[str, int] = field(default_factory=dict)


@dataclass
class SlotSeen:
    """A slot as its line opened it, with what came of it."""

    entry: Entry
    over: dict[str, str] = field(default_factory=dict)
    looks: dict[str, list[Entry]] = field(default_factory=dict)

    @property
    def data(self) -> Mapping[str, Any]:
        """Its facts."""
        return self.entry.data

    @property
    def candidates(self) -> list[str]:
        """Those that it confirms."""
        return [arm for arm in self.data["arms"] if arm != "incumbent"]

    @property
    def is_open(self) -> bool:
        """Whether something of it is undecided."""
        return any(name not in self.over for name in self.candidates)


@dataclass
class Standing:
    """Where a study stands."""

    contract: str | None = None
    approved: dict[str, dict[str, Any]] = field(default_factory=dict)
    created: Mapping[str, Any] = field(default_factory=dict)
    floor: Entry | None = None
    candidates: dict[str, Tried] = field(default_factory=dict)
    starts: dict[int, Start] = field(default_factory=dict)
    slots: list[SlotSeen] = field(default_factory=list)
    incumbents: list[str] = field(default_factory=lambda: ["baseline"])
    gains: dict[int | None, dict[str, float]] = field(default_factory=dict)
    screenings: list[Entry] = field(default_factory=list)
    evidence: dict[str, str] = field(default_factory=dict)
    closed: str | None = None
    audit_failed: bool = False
    rounds: int = 0

    @property
    def incumbent(self) -> str:
        """What candidates are held against."""
        return self.incumbents[-1]

    @property
    def open(self) -> list[Start]:
        """Starts without an end."""
        return [start for start in self.starts.values() if start.end is None]

    @property
    def slot(self) -> SlotSeen | None:
        """The open slot."""
        return next((slot for slot in self.slots if slot.is_open), None)

    @property
    def alpha_spent(self) -> float:
        """What slots have taken."""
        return math.fsum(slot.data["alpha"] * len(slot.candidates) for slot in self.slots)

    def done(self, who: str, phase: str, slot: int | None = None) -> list[Start]:
        """Return the starts of a candidate or arm in a phase that gave scores."""
        return [
            start
            for start in self.starts.values()
            if start.is_done
            and start.phase == phase
            and (start.arm or start.candidate) == who
            and start.data.get("slot") == slot
        ]

    def take(self, entry: Entry) -> None:
        """Take a line in."""
        getattr(self, f"_{entry.event}", lambda _: None)(entry)

    def _created(self, entry: Entry) -> None:
        self.created = self.created or entry.data

    def _approved(self, entry: Entry) -> None:
        if entry.data["contract"] != self.contract:
            self.contract, self.approved = entry.data["contract"], {}
        for item in entry.data["items"]:
            self.approved[item] = {"method": entry.data["method"], "exceptions": entry.data.get("exceptions") or []}

    def _revoked(self, entry: Entry) -> None:
        for item in entry.data["items"]:
            self.approved.pop(item, None)

    def _floor(self, entry: Entry) -> None:
        self.floor = entry

    def _evidence(self, entry: Entry) -> None:
        self.evidence[entry.data["hash"].removeprefix("sha256:")] = entry.data["kind"]

    def _proposed(self, entry: Entry) -> None:
        data = entry.data
        self.candidates[data["candidate"]] = Tried(
            data["candidate"], data["sha256"], data["round"], data["source"], entry.seq
        )
        self.rounds = max(self.rounds, data["round"])

    def _validated(self, entry: Entry) -> None:
        found = self.candidates[entry.data["candidate"]]
        found.sha256, found.snapshot, found.cost = (entry.data[key] for key in ("sha256", "snapshot", "cost"))
        found.status = "validated"

    def _started(self, entry: Entry) -> None:
        start = self.starts[entry.seq] = Start(entry)
        found = self.candidates.get(start.candidate)
        if found and start.arm != "incumbent" and start.phase in ("smoke", "trial", "promotion", "confirmation"):
            found.status = "launched"

    def _ended(self, entry: Entry) -> None:
        start = self.starts[entry.data["started"]]
        if start.end is None:
            start.end = entry
        found = self.candidates.get(start.candidate)
        if found is None or start.arm == "incumbent":
            return
        if start.phase == "smoke":
            goes_on = entry.data["status"] in ("finished", "interrupted", "lost")
            found.status = "validated" if goes_on else "debug"
        elif start.phase in ("trial", "promotion", "confirmation"):
            found.status = "completed" if start.is_done else "validated"

    def _slot(self, entry: Entry) -> None:
        self.slots.append(SlotSeen(entry))

    def _screened(self, entry: Entry) -> None:
        self.screenings.append(entry)
        for name in entry.data["inputs"]:
            found = self.candidates[name]
            if name in entry.data["kept"]:
                found.status, found.kept = "validated", found.kept + 1
            else:
                found.status = "rejected"

    def _look(self, entry: Entry) -> None:
        self.slots[entry.data["slot"] - 1].looks.setdefault(entry.data["candidate"], []).append(entry)

    def _decided(self, entry: Entry) -> None:
        data = entry.data
        self.candidates[data["candidate"]].status = data["status"]
        if data.get("slot"):
            self.slots[data["slot"] - 1].over[data["candidate"]] = data["status"]
        if data["status"] == "accepted":
            gains = self.gains.setdefault(data.get("slot"), {})
            gains[data["candidate"]] = data["numbers"]["gain"]
            others = [name for name in self.incumbents if name not in gains]
            of_slot = [name for name in gains if name in self.incumbents or name == data["candidate"]]
            earlier = {name: -place for place, name in enumerate(gains)}
            self.incumbents = [*others, *sorted(of_slot, key=lambda name: (gains[name], earlier[name]))]

    def _reverted(self, entry: Entry) -> None:
        self.candidates[entry.data["candidate"]].status = "reverted"
        self.incumbents = [name for name in self.incumbents if name != entry.data["candidate"]]

    def _closed(self, entry: Entry) -> None:
        self.closed = str(entry.data["reason"])

    def _audited(self, entry: Entry) -> None:
        self.audit_failed = not entry.data["ok"]


def walk(
    entries: Sequence[Entry], unreadable: list[tuple[Entry, str]] | None = None
) -> Iterator[tuple[Entry, Standing]]:
    """Yield every line with where the study stood before it; a line that makes no sense there changes nothing.

    Args:
        entries: The ledger's lines.
        unreadable: Takes in the lines that make no sense, and why.
    """
    standing = Standing()
    for entry in entries:
        yield entry, standing
        try:
            standing.take(entry)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            if unreadable is not None:
                unreadable.append((entry, f"{type(error).__name__}: {error}"))
