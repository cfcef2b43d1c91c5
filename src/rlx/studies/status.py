"""What a study is at, as one document: `state.json`, `rlx study status --json`, and what a person sees."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from rlx.config import Section, write_json
from rlx.errors import ConfigError, Missing
from rlx.studies.contracts.contract import ITEMS, Contract
from rlx.studies.course import Done, Launch, Note, Propose, next_step
from rlx.studies.ledger.ledger import last
from rlx.studies.ledger.state import RESOURCES, StudyState
from rlx.studies.report_points import mean_of, points_of
from rlx.studies.study import Study

FORMAT = 1


class CandidateStatus(Section):
    """A candidate in a line."""

    status: str
    phase: str | None
    score: float | None
    """Its mean in screening, seeds that failed included."""
    seeds: int
    failed: int
    """Of those seeds."""
    seq: int
    round: int
    source: str
    reason: str


class BudgetStatus(Section):
    """What became of a part of the budget."""

    total: float
    spent: float
    reserved: float
    left: float


class FloorPace(Section):
    """What the floor's start took; by this, time and disk of other starts are planned."""

    steps: int
    """Environment steps that it trained: 0 where it played finished policies."""
    seconds: float
    bytes: int
    seeds: int


class FloorStatus(Section):
    """The noise floor."""

    mean: float
    sd: float
    """Between seeds."""
    sd_interval: list[float]
    """Of 95 %."""
    detectable: float
    """The smallest true gain, minimum effect included, that a slot shows four times in five."""
    seeds: list[int]
    failures: dict[str, dict[str, str]]
    """Seeds that failed: kind and message."""
    pace: FloorPace


class AlphaStatus(Section):
    """What became of alpha."""

    total: float
    spent: float
    slots_left: int
    next: float


class QueueEntry(Section):
    """A start that is due."""

    candidate: str
    phase: str
    block: list[int]
    list: int
    experiment: str


class NextAction(Section):
    """What to do next."""

    action: str
    command: str
    why: str


class OpenStart(Section):
    """A start that is open."""

    seq: int
    experiment: str
    phase: str
    candidate: str
    since: str


class StudyStatus(Section):
    """A study's state (`state.json`), derived from its ledger."""

    format: int
    study: str
    question: str
    phase: str
    frozen: str | None
    head: str
    lines: int
    contract_hash: str
    approved: dict[str, dict[str, Any]]
    incumbent: dict[str, Any]
    floor: FloorStatus | None
    candidates: dict[str, CandidateStatus]
    budget: dict[str, BudgetStatus]
    alpha: AlphaStatus
    open: list[OpenStart]
    queue: list[QueueEntry]
    next: NextAction
    stop: str | None
    health: list[str]


def state_document(study: Study) -> dict[str, Any]:
    """Return a study's state as plain values.

    Raises:
        ConfigError, Missing: The contract cannot be read.
    """
    return status_of(study).model_dump(mode="json")


def status_of(study: Study) -> StudyStatus:
    """Return what a study is at; see :func:`state_document`."""
    contract, state = study.contract, study.state
    spent, reserved, remaining = state.spent(), state.reserved(), state.left(contract.budget)
    budget = {
        name: BudgetStatus(
            total=float(getattr(contract.budget, name)),
            spent=round(spent[name], 1),
            reserved=round(reserved[name], 1),
            left=round(remaining[name], 1),
        )
        for name in RESOURCES
    }
    slots_left = max(0, contract.confirmation.slots - len(state.slots))
    left = contract.confirmation.alpha - state.alpha_spent()
    queue, following, stop = _next(study)
    times = {line.seq: line.time for line in study.ledger.lines}
    return StudyStatus(
        format=FORMAT,
        study=study.name,
        question=contract.question,
        phase=study.phase,
        frozen=study.frozen,
        head=study.ledger.head,
        lines=len(study.ledger.lines),
        contract_hash=state.contract or study.read_contract().hash,
        approved={item: state.approved[item] for item in ITEMS if item in state.approved},
        incumbent={
            "run": contract.baseline.run,
            "candidate": None if state.incumbent == "baseline" else state.incumbent,
            "since": _since(study),
            "reference": _reference(contract, state),
        },
        floor=_floor(study),
        candidates={name: _candidate(study, contract, name) for name in state.candidates},
        budget=budget,
        alpha=AlphaStatus(
            total=contract.confirmation.alpha,
            spent=state.alpha_spent(),
            slots_left=slots_left,
            next=left / slots_left if slots_left else 0.0,
        ),
        open=[
            OpenStart(
                seq=each.seq,
                experiment=each.data["experiment"],
                phase=each.phase,
                candidate=each.data["candidate"],
                since=times.get(each.seq, ""),
            )
            for each in state.open_starts
        ],
        queue=queue,
        next=following,
        stop=stop,
        health=health_of(study),
    )


def _floor(study: Study) -> FloorStatus | None:
    floor = study.state.floor
    if floor is None:
        return None
    return FloorStatus.model_validate({key: floor[key] for key in FloorStatus.model_fields}, strict=False)


def _candidate(study: Study, contract: Contract, name: str) -> CandidateStatus:
    state, metric = study.state, contract.metric.name
    found = state.candidates[name]
    starts = [each for phase in ("promotion", "trial") if (each := state.ended_of(name, phase)) is not None]
    points = points_of(contract, state, starts[0], metric) if starts else ()
    return CandidateStatus(
        status=found.status,
        phase=found.phase,
        score=mean_of(points),
        seeds=len(points),
        failed=sum(point.failed is not None for point in points),
        seq=found.seq,
        round=found.round,
        source=short_source(found.source),
        reason=found.reason,
    )


def short_source(source: Mapping[str, Any]) -> str:
    """Return in a word or two who proposed a candidate."""
    kind = str(source.get("kind", "—"))
    named = {"sampler": "sampler", "rule": "rule"}.get(kind, "name")
    return str(source.get(named) or kind)


def _since(study: Study) -> int | None:
    """Return the line since which the incumbent is the best configuration: of its acceptance, or of the floor."""
    state = study.state
    if state.incumbent == "baseline":
        return None if state.floor is None else int(state.floor["seq"])
    decided = [line.seq for line in study.ledger.of("decided") if line.data["candidate"] == state.incumbent]
    return decided[-1] if decided else None


def _reference(contract: Contract, state: StudyState) -> float | None:
    """Return the incumbent's mean over seeds that did not choose it; None before there is one."""
    start = state.ended_of(state.incumbent, "reference")
    if state.incumbent == "baseline":
        start = state.ended_of("baseline", "floor")
    return None if start is None else mean_of(points_of(contract, state, start, contract.metric.name))


def _next(study: Study) -> tuple[list[QueueEntry], NextAction, str | None]:  # noqa: PLR0911 — a state each
    """Return the starts that are due, what to do next, and which stop rule has fired."""
    run = f"rlx study run {study.name} --execute"
    if study.state.closed is not None:
        return [], NextAction(action="nothing", command="", why=f"closed: {study.state.closed}"), study.state.closed
    missing = [item for item in ITEMS if item not in study.state.approved]
    if study.frozen or missing:
        if study.broken is not None or (study.state.audit is not None and not study.state.audit["ok"]):
            return [], NextAction(action="audit", command=f"rlx study audit {study.name}", why=str(study.frozen)), None
        why = study.frozen or f"not approved: {', '.join(missing)}"
        return [], NextAction(action="approve", command=f"rlx study approve {study.name}", why=why), None
    try:
        step = next_step(study)
    except (ConfigError, Missing, KeyError) as error:
        return [], NextAction(action="look", command=f"rlx study audit {study.name}", why=str(error)), None
    if isinstance(step, Launch):
        queue = [
            QueueEntry(
                candidate=each.candidate,
                phase=each.phase,
                block=list(each.block),
                list=each.list,
                experiment=each.experiment,
            )
            for each in step.plans
        ]
        return (
            queue,
            NextAction(action="run", command=run, why=_due(queue)),
            None,
        )
    if isinstance(step, Propose):
        return [], NextAction(action="run", command=run, why=f"round {step.round} is to be proposed"), None
    if isinstance(step, Note):
        return [], NextAction(action="run", command=run, why=f"{step.event} is due"), None
    if isinstance(step, Done):
        return [], NextAction(action="report", command=f"rlx study report {study.name}", why=step.why), step.why
    return [], NextAction(action="wait", command=f"rlx study status {study.name} --watch", why="starts are open"), None


def _due(queue: list[QueueEntry]) -> str:
    more = f", and {len(queue) - 1} more" if len(queue) > 1 else ""
    return f"{queue[0].experiment} is due{more}"


def health_of(study: Study) -> list[str]:
    """Return what a person should look at: failed starts, budgets nearly spent, warnings of the ledger."""
    state, found = study.state, []
    failed = [each for each in state.starts.values() if each.ended and each.ended["status"] in ("lost", "failed")]
    if failed:
        newest = failed[-1]
        assert newest.ended is not None
        had = "start had" if len(failed) == 1 else "starts had"
        found.append(
            f"{len(failed)} {had} failures; the newest, {newest.data['experiment']}: "
            f"{newest.ended['reason'] or next((each['message'] for each in newest.ended['failures'].values()), '')}"
        )
    refused, started = last(study.ledger.lines, "refused"), last(study.ledger.lines, "started")
    if refused is not None and refused.data["check"] != "candidate" and refused.seq > (started.seq if started else -1):
        found.append(f"the newest start was refused: {refused.data['check']}: {refused.data['reason']}")
    try:
        left, budget = study.left(), study.contract.budget
    except (ConfigError, Missing):
        return found
    found += [
        f"{name}: less than a tenth of the budget is left"
        for name in RESOURCES
        if left[name] < getattr(budget, name) / 10
    ]
    return found


def write_state(study: Study) -> None:
    """Write `state.json`, which is derived: deleting or editing it changes nothing."""
    try:
        content = state_document(study)
    except (ConfigError, Missing):
        return
    with suppress(OSError):
        write_json(study.folder / "state.json", content)
