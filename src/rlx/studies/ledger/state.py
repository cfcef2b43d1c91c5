"""The state of a study: derived from its ledger, line by line, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rlx.studies.contracts.contract import Budget
from rlx.studies.ledger.line import Line

RESOURCES = ("steps", "experiments", "wall_clock", "disk")
PHASES = ("smoke", "trial", "promotion", "confirmation")
"""Of a candidate, in their order; before them comes the floor."""
OPEN = ("draft", "validated", "launched", "completed")
"""Statuses of candidates that nothing is decided about."""


@dataclass
class Started:
    """A start: one experiment of one candidate in one phase.

    Attributes:
        seq: The ledger's line.
        hash: Of that line.
        data: Its facts.
        ended: Those of its end; None while it is open.
    """

    seq: int
    hash: str
    data: Mapping[str, Any]
    ended: Mapping[str, Any] | None = None
    ended_seq: int | None = None

    @property
    def phase(self) -> str:
        """`floor`, `smoke`, `trial`, `promotion`, `confirmation` or `probe`."""
        return str(self.data["phase"])

    @property
    def seeds(self) -> range:
        """The training seeds that it was assigned."""
        first, count = self.data["block"]
        return range(first, first + count)

    @property
    def is_finished(self) -> bool:
        """Whether every seed has a score or a failure of its own."""
        return self.ended is not None and self.ended["status"] in ("finished", "failed")


@dataclass
class CandidateState:
    """What became of a candidate.

    Attributes:
        name: Its id.
        sha256: Of its file when it was proposed, or last validated.
        status: See the specification of the life cycle in docs/studies.md.
        round: In which it was proposed.
        phase: The last phase it was started in.
        snapshot: What it resolves to.
        cost: Steps of each phase.
        reason: Why it is where it is.
        kept: Rungs of screening that it passed.
        gain: Of its confirmation, where it was accepted.
        refused: Whether it is a draft that validation refused, and that its author may mend.
    """

    name: str
    sha256: str
    status: str = "draft"
    round: int = 1
    phase: str | None = None
    snapshot: str | None = None
    cost: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    kept: int = 0
    gain: float = 0.0
    refused: bool = False
    seq: int = 0
    source: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Slot:
    """A confirmation.

    Attributes:
        number: From 1.
        alpha: Its share, of each of its candidates.
        seeds: Of each arm in the end.
        arms: First seed of each arm, by candidate's id or `incumbent`.
        episodes: The list of its held-out episodes.
        incumbent: What it is held against: `baseline`, or a candidate's id.
        over: Candidates that are decided.
        looks: Looks by candidate.
    """

    number: int
    alpha: float
    seeds: int
    arms: Mapping[str, int]
    episodes: int
    incumbent: str
    over: dict[str, str] = field(default_factory=dict)
    looks: dict[str, list[int]] = field(default_factory=dict)

    @property
    def candidates(self) -> list[str]:
        """Those that it confirms, in order."""
        return [arm for arm in self.arms if arm != "incumbent"]

    @property
    def is_open(self) -> bool:
        """Whether something of it is undecided."""
        return any(name not in self.over for name in self.candidates)


@dataclass
class StudyState:
    """Everything that follows from a ledger.

    Attributes:
        approved: By item: who, how, and by which line.
        contract: Hash of the contract that was approved last.
        floor: The newest floor.
        incumbents: `baseline`, then the candidates that were accepted, the best so far last.
    """

    approved: dict[str, dict[str, Any]] = field(default_factory=dict)
    contract: str | None = None
    created: Mapping[str, Any] = field(default_factory=dict)
    floor: Mapping[str, Any] | None = None
    candidates: dict[str, CandidateState] = field(default_factory=dict)
    starts: dict[int, Started] = field(default_factory=dict)
    slots: list[Slot] = field(default_factory=list)
    incumbents: list[str] = field(default_factory=lambda: ["baseline"])
    screenings: list[Mapping[str, Any]] = field(default_factory=list)
    evidence: dict[str, str] = field(default_factory=dict)
    claimed: Mapping[str, Any] | None = None
    closed: str | None = None
    audit: Mapping[str, Any] | None = None
    refused: set[tuple[str, str]] = field(default_factory=set)
    rounds: int = 0

    @property
    def incumbent(self) -> str:
        """The best configuration so far."""
        return self.incumbents[-1]

    @property
    def open_starts(self) -> list[Started]:
        """Starts without an end."""
        return [each for each in self.starts.values() if each.ended is None]

    def spent(self) -> dict[str, float]:
        """Return what ended starts have cost, by resource."""
        total = dict.fromkeys(RESOURCES, 0.0)
        for each in self.starts.values():
            for name, value in ((each.ended or {}).get("spent") or {}).items():
                if name in total:
                    total[name] += value
        return total

    def reserved(self) -> dict[str, float]:
        """Return what open starts have reserved, by resource."""
        total = dict.fromkeys(RESOURCES, 0.0)
        for each in self.open_starts:
            for name, value in each.data["reserved"].items():
                total[name] += value
        return total

    def left(self, budget: Budget) -> dict[str, float]:
        """Return what of a budget is neither spent nor reserved, by resource."""
        spent, reserved = self.spent(), self.reserved()
        return {name: getattr(budget, name) - spent[name] - reserved[name] for name in RESOURCES}

    def alpha_spent(self) -> float:
        """Return the share of alpha that slots have taken."""
        return sum(slot.alpha * len(slot.candidates) for slot in self.slots)

    def slot(self) -> Slot | None:
        """Return the open slot; None where there is none."""
        return next((slot for slot in self.slots if slot.is_open), None)

    def starts_of(self, candidate: str, phase: str, slot: int | None = None) -> list[Started]:
        """Return the starts of a candidate, or an arm, in a phase, in order."""
        return [
            each
            for each in self.starts.values()
            if (each.data.get("arm") or each.data["candidate"]) == candidate
            and each.phase == phase
            and each.data.get("slot") == slot
        ]

    def ended_of(self, candidate: str, phase: str, slot: int | None = None) -> Started | None:
        """Return the newest start that gave scores; None where there is none."""
        found = [each for each in self.starts_of(candidate, phase, slot) if each.is_finished]
        return found[-1] if found else None


def derive(lines: Iterable[Line]) -> StudyState:
    """Return the state that follows from a ledger's lines."""
    state = StudyState()
    for line in lines:
        handler = HANDLERS.get(line.event)
        if handler is not None:
            handler(state, line)
    return state


def _created(state: StudyState, line: Line) -> None:
    state.created = line.data


def _approved(state: StudyState, line: Line) -> None:
    if state.contract != line.data["contract"]:
        state.approved, state.contract = {}, line.data["contract"]
    for item in line.data["items"]:
        by = line.actor.agent or line.actor.user
        state.approved[item] = {
            "by": by, "method": line.data["method"], "seq": line.seq, "exceptions": line.data.get("exceptions", [])
        }  # fmt: skip


def _revoked(state: StudyState, line: Line) -> None:
    for item in line.data["items"]:
        state.approved.pop(item, None)


def _claimed(state: StudyState, line: Line) -> None:
    state.claimed = line.data


def _floor(state: StudyState, line: Line) -> None:
    state.floor = {**line.data, "seq": line.seq}


def _evidence(state: StudyState, line: Line) -> None:
    state.evidence[line.data["hash"]] = line.data["kind"]


def _proposed(state: StudyState, line: Line) -> None:
    data = line.data
    found = CandidateState(data["candidate"], data["sha256"], round=data["round"], seq=line.seq, source=data["source"])
    state.candidates[found.name] = found
    state.rounds = max(state.rounds, found.round)


def _validated(state: StudyState, line: Line) -> None:
    found = state.candidates[line.data["candidate"]]
    found.sha256, found.snapshot, found.cost = line.data["sha256"], line.data["snapshot"], line.data["cost"]
    found.status, found.seq, found.refused, found.reason = "validated", line.seq, False, ""


def _refused(state: StudyState, line: Line) -> None:
    found = state.candidates.get(str(line.data.get("candidate")))
    if found is not None and line.data["check"] == "candidate":
        found.refused, found.reason = True, str(line.data["reason"])
    state.refused.add((str(line.data["check"]), str(line.data["reason"])))


def _started(state: StudyState, line: Line) -> None:
    state.starts[line.seq] = Started(line.seq, line.hash, line.data)
    found = state.candidates.get(line.data["candidate"])
    if found is not None and line.data["phase"] in PHASES and line.data.get("arm") != "incumbent":
        found.status, found.phase, found.seq = "launched", line.data["phase"], line.seq


def _ended(state: StudyState, line: Line) -> None:
    start = state.starts[line.data["started"]]
    start.ended, start.ended_seq = line.data, line.seq
    found = state.candidates.get(start.data["candidate"])
    if found is None or start.data.get("arm") == "incumbent" or start.phase not in PHASES or found.status not in OPEN:
        return
    found.seq = line.seq
    if start.phase == "smoke":
        found.status = "validated" if line.data["status"] == "finished" else "debug"
        found.reason = "" if found.status == "validated" else str(line.data.get("reason") or "its smoke run failed")
        if line.data["status"] in ("interrupted", "lost"):
            found.status, found.reason = "validated", ""
    else:
        found.status = "completed" if start.is_finished else "validated"


def _slot(state: StudyState, line: Line) -> None:
    data = line.data
    arms = {arm: block[0] for arm, block in data["arms"].items()}
    state.slots.append(Slot(data["number"], data["alpha"], data["seeds"], arms, data["list"], data["incumbent"]))


def _screened(state: StudyState, line: Line) -> None:
    state.screenings.append({**line.data, "seq": line.seq})
    for name in line.data["inputs"]:
        found = state.candidates[name]
        found.seq = line.seq
        if name in line.data["kept"]:
            found.status, found.kept = "validated", found.kept + 1
        else:
            found.status, found.reason = "rejected", str(line.data["reasons"].get(name, "not kept by screening"))


def _look(state: StudyState, line: Line) -> None:
    slot = state.slots[line.data["slot"] - 1]
    slot.looks.setdefault(line.data["candidate"], []).append(line.data["n"])


def _decided(state: StudyState, line: Line) -> None:
    data = line.data
    found = state.candidates[data["candidate"]]
    found.status, found.reason, found.seq = data["status"], str(data["rule"]), line.seq
    if data.get("slot"):
        state.slots[data["slot"] - 1].over[found.name] = found.status
    if found.status == "accepted":
        found.gain = float(data["numbers"]["gain"])
        _crown(state, found, data.get("slot"))


def _crown(state: StudyState, found: CandidateState, slot: int | None) -> None:
    """Make an accepted candidate the incumbent: of several of one slot, the one with the largest gain."""
    rivals = (
        [] if slot is None else [name for name, status in state.slots[slot - 1].over.items() if status == "accepted"]
    )
    better = [name for name in rivals if name != found.name and state.candidates[name].gain >= found.gain]
    places = [state.incumbents.index(name) for name in better if name in state.incumbents]
    state.incumbents.insert(min(places, default=len(state.incumbents)), found.name)


def _reverted(state: StudyState, line: Line) -> None:
    found = state.candidates[line.data["candidate"]]
    found.status, found.reason, found.seq = "reverted", str(line.data["reason"]), line.seq
    state.incumbents = [name for name in state.incumbents if name != found.name]


def _closed(state: StudyState, line: Line) -> None:
    state.closed = str(line.data["reason"])


def _audited(state: StudyState, line: Line) -> None:
    state.audit = {**line.data, "seq": line.seq}


HANDLERS = {
    "created": _created, "approved": _approved, "revoked": _revoked, "claimed": _claimed, "floor": _floor, "evidence": _evidence,
    "proposed": _proposed, "validated": _validated, "refused": _refused, "started": _started, "ended": _ended, "slot": _slot,
    "screened": _screened, "look": _look, "decided": _decided, "reverted": _reverted, "closed": _closed, "audited": _audited,
}  # fmt: skip
"""What a line of each event changes; `amended` changes nothing: the approval after it does."""
