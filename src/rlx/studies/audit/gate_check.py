"""The check `gate`: every start, and every slot, against what the study allowed at its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rlx.errors import RlxError
from rlx.studies.audit.amendments import value_refusal
from rlx.studies.audit.book import Book
from rlx.studies.audit.evidence import missing_evidence
from rlx.studies.audit.freshness import Freshness
from rlx.studies.audit.lines import Entry
from rlx.studies.audit.places import misplaced, not_fresh, wrong_slot
from rlx.studies.audit.report import Findings
from rlx.studies.audit.snapshots import Snapshots
from rlx.studies.audit.standing import LIVE, Standing, Start
from rlx.studies.contracts.contract import ITEMS, Contract
from rlx.studies.contracts.scope import ScopeEntry, is_never

BEFORE = {"trial": "smoke", "promotion": "trial", "confirmation": "promotion"}
RUNGS = {"promotion": 1, "confirmation": 2}


@dataclass
class _Gate:
    """A start at its place.

    Attributes:
        book: The study.
        standing: Where it stood.
        contract: The contract in force.
        start: The start.
    """

    book: Book
    standing: Standing
    contract: Contract
    start: Start

    @property
    def own(self) -> bool:
        """Whether it is of a candidate for its own sake, not as the incumbent."""
        return self.start.candidate != "baseline" and self.start.arm != "incumbent" and self.start.phase != "reference"


def check_gate(book: Book, snapshots: Snapshots, freshness: Freshness, found: Findings) -> None:
    """Check every start and every slot at its place."""
    for entry, standing in book.walk():
        if entry.event not in ("started", "slot"):
            continue
        found.checked += 1
        where = {"candidate": entry.data.get("candidate"), "experiment": entry.data.get("experiment")}
        try:
            contract = book.contract(standing.contract)
            if entry.event == "slot":
                told = list(wrong_slot(contract, str(standing.contract), standing, entry))
            else:
                gate = _Gate(book, standing, contract, Start(entry))
                told = [why for check in CHECKS for why in check(gate)]
                told += snapshots.refusals(gate.start, contract, standing)
                _fresh(gate, freshness, found)
        except RlxError as error:
            told = [f"cannot be checked: {error}"]
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            told = [f"cannot be checked: {type(error).__name__}: {error}"]
        for text in told:
            found.add(text, entry.seq, **where)
    found.notes += snapshots.notes + freshness.notes


def _fresh(gate: _Gate, freshness: Freshness, found: Findings) -> None:
    start = gate.start
    if start.phase != "confirmation":
        return
    where = {"candidate": start.candidate, "experiment": start.experiment}
    if (seed := not_fresh(gate.standing, start)) is not None:
        found.add(f"confirmation seed {seed} is not fresh: an earlier start had it", start.seq, seed=seed, **where)
    for seed, told in freshness.tried(start, gate.book):
        found.add(f"confirmation seed {seed} is not fresh: {told} had it", start.seq, seed=seed, **where)


def _approval(gate: _Gate) -> Iterator[str]:
    standing = gate.standing
    if standing.closed is not None:
        yield "the study was closed"
    if standing.audit_failed:
        yield "the newest audit had failed: the study was frozen"
    if missing := [item for item in ITEMS if item not in standing.approved]:
        yield f"not approved then: {', '.join(missing)}"
    if gate.contract.automation == "none":
        yield "automation is none: nothing may start"


def _order(gate: _Gate) -> Iterator[str]:
    standing, start = gate.standing, gate.start
    if start.phase in ("floor", "probe"):
        return
    if standing.floor is None:
        yield "there was no floor"
    if start.candidate == "baseline":
        return
    tried = standing.candidates.get(start.candidate)
    if tried is None:
        yield f"{start.candidate} was never proposed"
        return
    if not gate.own:
        if start.candidate not in standing.incumbents:
            yield f"{start.candidate} was not the incumbent"
        return
    if tried.status not in LIVE:
        yield f"{start.candidate} was {tried.status}"
    before = BEFORE.get(start.phase)
    if before and not standing.done(start.candidate, before):
        yield f"{start.candidate} had had no {before}"
    if tried.kept < RUNGS.get(start.phase, 0):
        yield f"screening had not let {start.candidate} go on"
    if start.phase not in ("smoke", *BEFORE):
        yield f"{start.phase} is no phase"


def _candidate(gate: _Gate) -> Iterator[str]:
    start = gate.start
    if start.candidate == "baseline":
        if start.data["overrides"] or start.data["snapshot"] != gate.standing.created["baseline"]["resolved"]:
            yield "the baseline was started with other settings than it had at the study's beginning"
        return
    tried = gate.standing.candidates.get(start.candidate)
    if tried is None:
        return
    if start.data.get("candidate_sha256") != tried.sha256:
        yield f"it was started from another candidates/{tried.name}.yaml than was validated"
    if start.data["snapshot"] != tried.snapshot:
        yield f"it comes to {start.data['snapshot'][:15]}, and {str(tried.snapshot)[:15]} was validated"
    file = gate.book.candidate(tried.name, tried.sha256)
    if file is not None and dict(file.overrides) != dict(start.data["overrides"]):
        yield f"its overrides are not those of candidates/{tried.name}.yaml"
    family = None if file is None else file.family
    for key, value in start.data["overrides"].items():
        if why := out_of_scope(gate.contract.scope, key.lstrip("+~"), value, family):
            yield why


def out_of_scope(scope: Mapping[str, ScopeEntry], key: str, value: Any, family: str | None) -> str | None:
    """Return why a setting may not have a value; None where it may."""
    parts = key.split(".")
    names = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    name = next((name for name in names if name in scope), None)
    if name is None or is_never(key):
        return f"{key} is not in scope"
    if family is not None and scope[name].family != family:
        return f"{key} is of family {scope[name].family}, and the candidate says {family}"
    why = value_refusal(scope[name], value) if name == key or scope[name].range is not None else None
    return f"{key}: {why}" if why else None


def _task(gate: _Gate) -> Iterator[str]:
    if gate.standing.created.get("task") != gate.contract.task.hash:
        yield "the contract's task is not the one that the study was created for"


def _evidence(gate: _Gate) -> Iterator[str]:
    if not gate.own:
        return
    tried = gate.standing.candidates.get(gate.start.candidate)
    file = None if tried is None else gate.book.candidate(tried.name, tried.sha256)
    if tried is not None and file is not None:
        yield from missing_evidence(gate.book, gate.standing, file)


def _place(gate: _Gate) -> Iterator[str]:
    yield from misplaced(gate.contract, gate.standing, gate.start)


def _machine(gate: _Gate) -> Iterator[str]:
    start, hardware, floor = gate.start, gate.contract.hardware, gate.standing.floor
    if start.data.get("device") != hardware.device:
        yield f"it ran on {start.data.get('device')}, and the contract says {hardware.device}"
    if hardware.host not in ("any", start.data.get("host")):
        yield f"it ran on {start.data.get('host')}, and the contract says {hardware.host}"
    if len(gate.standing.open) >= hardware.jobs:
        yield f"{hardware.jobs} starts were open already"
    if floor is not None and start.phase != "floor" and dict(start.data["versions"]) != dict(floor.data["versions"]):
        yield "its versions are not the floor's"
    if gate.start.phase not in ("smoke", "probe") and start.data["episodes"] != gate.contract.evaluation.episodes:
        yield f"it plays {start.data['episodes']} episodes, and the contract says {gate.contract.evaluation.episodes}"


def _twice(gate: _Gate) -> Iterator[str]:
    start = gate.start
    for other in gate.standing.open:
        if (other.candidate, other.phase, other.arm) == (start.candidate, start.phase, start.arm):
            yield f"it was open already, since line {other.seq + 1}"
    done = gate.standing.done(start.arm or start.candidate, start.phase, start.data.get("slot"))
    if start.phase != "probe" and any(other.data["block"] == start.data["block"] for other in done):
        yield "it was done before: a second try of the same seeds"


def _commit(gate: _Gate) -> Iterator[str]:
    if not gate.start.data.get("commit"):
        yield "no commit says what ran"


def _stop_rules(gate: _Gate) -> Iterator[str]:
    stop, standing = gate.contract.stop, gate.standing
    ended = sorted(
        (start for start in standing.starts.values() if start.end), key=lambda start: start.end.seq if start.end else 0
    )
    failed = 0
    for start in ended:
        data: Mapping[str, Any] = start.end.data if start.end else {}
        failed = failed + 1 if data["status"] == "lost" or (start.is_done and not data["scores"]) else 0
    if failed >= stop.failed_starts:
        yield f"the {failed} starts before it had failed (stop.failed_starts)"
    if stop.deadline is not None and _time(gate.start.entry) > datetime.fromisoformat(stop.deadline):
        yield f"the deadline {stop.deadline} had passed"


def _time(entry: Entry) -> datetime:
    return datetime.fromisoformat(entry.time)


CHECKS: tuple[Callable[[_Gate], Iterator[str]], ...] = (
    _approval, _stop_rules, _order, _candidate, _task, _evidence, _place, _machine, _twice, _commit,
)  # fmt: skip
"""What is checked of each start, beside budget (its own check), snapshots and freshness."""
