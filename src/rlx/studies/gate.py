"""The sixteen checks of the launch gate, each a function, in the order in which they are made.

:func:`rlx.studies.launching.launch` makes them under the study's lock, immediately before each start.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rlx.comparison import flatten
from rlx.config import is_plain_path
from rlx.errors import ConfigError, DataDamaged, Missing
from rlx.studies.contracts.candidate import ReadCandidate, read_candidate
from rlx.studies.contracts.contract import ITEMS, METHODS
from rlx.studies.contracts.scope import scope_of
from rlx.studies.course import next_block, stopped
from rlx.studies.evidence_rules import evidence_refusal
from rlx.studies.ledger.ledger import read_chain
from rlx.studies.study import Study
from rlx.studies.trainer import Cost, Facts, Resolved, StartPlan, Trainer

ROOM = 1.5
"""Free disk must be so many times what a start is planned to leave."""
EARLIER = {"smoke": None, "trial": "smoke", "promotion": "trial", "confirmation": "promotion"}


@dataclass(frozen=True)
class Consent:
    """What the call that wants a start was given.

    Attributes:
        execute: `--execute`.
        confirm: `--confirm ID:HASH8`, for this start alone.
    """

    execute: bool = False
    confirm: str | None = None


@dataclass(frozen=True)
class Asked:
    """A start, with everything that the checks look at.

    Attributes:
        study: The study, whose lock is held.
        trainer: Who would carry it out.
        plan: The start.
        cost: What it takes at most.
        facts: What holds just now.
        consent: What the call was given.
        baseline: What the baseline comes to.
        resolved: What the candidate comes to; the reason where it is refused.
    """

    study: Study
    trainer: Trainer
    plan: StartPlan
    cost: Cost
    facts: Facts
    consent: Consent
    baseline: Resolved
    resolved: Resolved | str

    @property
    def of_candidate(self) -> bool:
        """Whether it is of a candidate, and not of the baseline as it is."""
        return self.plan.candidate != "baseline"

    def read(self) -> ReadCandidate:
        """Return the candidate as its file has it."""
        return read_candidate(self.study.folder, self.plan.candidate)


@dataclass(frozen=True)
class Checked:
    """What came of a check.

    Attributes:
        number: Its number.
        name: What it is called.
        refusal: Why it refuses; None where it lets pass.
    """

    number: int
    name: str
    refusal: str | None


def check_all(asked: Asked) -> list[Checked]:
    """Make the checks in their order; those that cannot be made since an earlier one refused are made as well as can be."""
    found = []
    for number, (name, check) in enumerate(CHECKS, 1):
        try:
            refusal = check(asked)
        except (ConfigError, Missing, DataDamaged) as error:
            refusal = str(error)
        found.append(Checked(number, name, refusal))
    return found


def _ledger(asked: Asked) -> str | None:
    chain, ledger = read_chain(asked.study.ledger.path), asked.study.ledger
    if chain.problem:
        return chain.problem
    if chain.head != ledger.head:
        return "the ledger was changed by somebody else just now"
    return ledger.moved(accept=True)


def _approval(asked: Asked) -> str | None:
    study, state = asked.study, asked.study.state
    if state.closed is not None:
        return f"the study is closed: {state.closed}"
    if state.contract is None:
        return "nothing is approved yet; `rlx study approve` shows the contract and asks"
    if (why := study.frozen) is not None:
        return why
    wanted = METHODS.index(study.contract.approvals.require)
    weak = [
        item for item in ITEMS if item not in state.approved or METHODS.index(state.approved[item]["method"]) < wanted
    ]
    if weak:
        need = study.contract.approvals.require
        return f"not approved (by {need}): {', '.join(weak)}; `rlx study approve` asks"
    return None


def _consent(asked: Asked) -> str | None:
    automation = asked.study.contract.automation
    if automation == "none":
        return "automation is none: the contract allows plans only"
    if not asked.consent.execute:
        return "needs --execute: without it this is a plan"
    if automation == "each":
        token = token_of(asked.plan)
        if asked.consent.confirm != token:
            return f"automation is each: confirm this start with --confirm {token}"
    return None


def token_of(plan: StartPlan) -> str:
    """Return what confirms a start where each one is to be: the candidate with the beginning of its hash."""
    digest = (plan.candidate_sha256 or "sha256:baseline").partition(":")[2]
    return f"{plan.candidate}:{digest[:8]}"


def _stop_rules(asked: Asked) -> str | None:
    return stopped(asked.study)


def _order(asked: Asked) -> str | None:  # noqa: PLR0911 — a refusal each
    state, plan = asked.study.state, asked.plan
    if plan.phase == "probe":
        return None
    if plan.phase != "floor" and state.floor is None:
        return "there is no floor yet"
    if not asked.of_candidate:
        return None
    found = state.candidates.get(plan.candidate)
    if found is None:
        return f"{plan.candidate} is not in the ledger; `rlx study validate` takes it up"
    if asked.read().hash != found.sha256:
        return f"candidates/{plan.candidate}.yaml has changed since it was validated; `rlx study validate` looks at it again"
    if plan.arm == "incumbent" or plan.phase == "reference":
        slot = state.slot()
        known = [*state.incumbents, *([slot.incumbent] if slot is not None else [])]
        return None if plan.candidate in known else f"{plan.candidate} is not the incumbent"
    if found.status not in ("validated", "launched", "completed"):
        return f"{plan.candidate} is {found.status}"
    before = EARLIER[plan.phase]
    if before is not None and state.ended_of(plan.candidate, before) is None:
        return f"{plan.candidate} has had no {before}: a phase cannot be left out"
    rungs = {"promotion": 1, "confirmation": 2}.get(plan.phase, 0)
    return None if found.kept >= rungs else f"screening has not let {plan.candidate} go on"


def scope_refusal(study: Study, baseline: Resolved, resolved: Resolved, family: str | None) -> str | None:
    """Return which resolved setting differs from the baseline's and may not; None where none does.

    Settings are looked at after composition, so that nothing comes in by `defaults:` or by another name.
    """
    scope = study.contract.scope
    sections: dict[str, dict[str, Any]] = {}
    for key in sorted(set(baseline.settings) | set(resolved.settings)):
        old, new = baseline.settings.get(key), resolved.settings.get(key)
        if (old == new and type(old) is type(new)) or (key == "patch" and family == "code"):
            continue
        found = scope_of(key, scope)
        if found is None:
            return f"{key} would be {new!r} (baseline: {old!r}), and it is not in scope"
        name, entry = found
        if family is not None and entry.family != family:
            return f"{key} is of family {entry.family}, and the candidate says {family}"
        if name != key:
            sections.setdefault(name, {})[key.removeprefix(f"{name}.")] = new
        elif entry.family != "curriculum" and (
            why := entry.refusal(new)
        ):  # stages are composed: their defaults are filled
            return f"{key}: {why}"
    return _section_refusal(study, sections)


def _section_refusal(study: Study, sections: dict[str, dict[str, Any]]) -> str | None:
    """Return which section that is in scope would have settings that it may not; None where none would."""
    for name, values in sections.items():
        if why := study.contract.scope[name].section_refusal(values):
            return f"{name}: {why}"
    return None


def override_refusal(study: Study, overrides: dict[str, Any]) -> str | None:
    """Return which override is out of scope by itself; None where none is."""
    sections: dict[str, dict[str, Any]] = {}
    for key, value in overrides.items():
        plain = key.lstrip("+~")
        found = scope_of(plain, study.contract.scope)
        if found is None:
            return f"{key} is not in scope"
        name, entry = found
        if name != plain:
            sections.setdefault(name, {})[plain.removeprefix(f"{name}.")] = value
        elif isinstance(value, dict) and entry.values is None:
            sections.setdefault(name, {}).update(flatten(value))
        elif why := entry.refusal(value):
            return f"{key}: {why}"
    return _section_refusal(study, sections)


def _scope(asked: Asked) -> str | None:
    if not asked.of_candidate:
        return None
    if isinstance(asked.resolved, str):
        return asked.resolved
    candidate = asked.read().candidate
    if why := override_refusal(asked.study, dict(candidate.overrides)):
        return why
    if dict(asked.plan.overrides) != dict(candidate.overrides):
        return "the start has other overrides than the candidate's file"
    if asked.plan.phase != "floor" and asked.resolved.snapshot != asked.study.state.candidates[candidate.id].snapshot:
        return "it resolves to something else than when it was validated: configs or code have changed"
    return scope_refusal(asked.study, asked.baseline, asked.resolved, candidate.family)


def _task(asked: Asked) -> str | None:
    contract, facts = asked.study.contract, asked.facts
    if facts.task != contract.task.hash:
        return "the task is not the approved one: environment, its code, the held-out protocol or an engine version changed"
    created = asked.study.state.created
    if facts.code != created["code"]:
        return "the project's code that the baseline uses has changed since the study began"
    if not isinstance(asked.resolved, str) and asked.resolved.engine != asked.baseline.engine:
        return f"the engine would be {asked.resolved.engine}, and the baseline's is {asked.baseline.engine}"
    if asked.plan.phase == "floor" and asked.baseline.snapshot != created["baseline"]["resolved"]:
        return f"configs/{contract.baseline.run}.yaml is not what the study began with"
    return None


def _evidence(asked: Asked) -> str | None:
    if not asked.of_candidate or asked.plan.arm == "incumbent" or asked.plan.phase == "reference":
        return None
    return evidence_refusal(asked.study, asked.read().candidate)


def _seeds(asked: Asked) -> str | None:  # noqa: PLR0911 — a refusal each
    study, plan, state = asked.study, asked.plan, asked.study.state
    seeds, lists = study.contract.seeds, study.contract.evaluation
    own = set(plan.seeds)
    if plan.phase == "smoke":
        return None if own == {seeds.smoke} else "a smoke run has the smoke seed alone"
    if plan.phase in ("trial", "promotion"):
        counts = {"trial": study.contract.screening.trial_seeds, "promotion": study.contract.screening.promotion_seeds}
        if plan.block != (seeds.selection.first, counts[plan.phase]) or plan.list != lists.selection_list:
            return "its seeds or its list are not those of screening"
        return None
    if plan.phase in ("floor", "reference", "probe"):
        return (
            None if plan.list == lists.selection_list or plan.phase == "probe" else "its list is not that of selection"
        )
    slot = next((slot for slot in state.slots if slot.number == plan.slot), None)
    if (
        slot is None
        or plan.arm is None
        or plan.arm not in slot.arms
        or plan.block[0] != slot.arms[plan.arm]
        or plan.list != slot.episodes
    ):
        return "its block or list is not the one that its slot was given"
    if not own <= set(seeds.confirmation.range):
        return (
            f"the confirmation seeds are used up; `seeds.confirmation.count` may be raised ({next_block(study, state)})"
        )
    mine: set[int] = set()
    for each in state.starts_of(plan.arm, "confirmation", plan.slot):
        mine |= set(each.seeds)
    if tried := sorted((own - mine) & asked.trainer.tried_seeds()):
        return (
            f"confirmation seed {tried[0]} was trained before on this environment, so it is not fresh; move "
            "seeds.confirmation.first ahead and approve again"
        )
    return None


def _budget(asked: Asked) -> str | None:
    left = asked.study.left()
    wanted = {"steps": asked.cost.steps, "experiments": 1, "wall_clock": asked.cost.wall_clock, "disk": asked.cost.disk}
    short = [name for name, value in wanted.items() if value > left[name]]
    if not short:
        return None
    name = short[0]
    return f"budget: {name}: it would take {wanted[name]:,.0f}, and {max(0, left[name]):,.0f} are left"


def _slot_open(asked: Asked) -> str | None:
    plan, state = asked.plan, asked.study.state
    if plan.phase != "confirmation":
        return None
    slot = state.slot()
    if slot is None or slot.number != plan.slot:
        return "no slot is open for it"
    if plan.arm == "incumbent" and plan.candidate != slot.incumbent:
        return f"the incumbent's arm is {slot.incumbent}, as it was when the slot opened"
    if plan.arm != "incumbent" and (plan.arm != plan.candidate or plan.candidate in slot.over):
        return "it is decided, or not of this slot"
    return (
        None
        if plan.block[1] in (*asked.study.contract.confirmation.give_up_at, slot.seeds)
        else "no look has so many seeds"
    )


def _machine(asked: Asked) -> str | None:
    study, facts = asked.study, asked.facts
    hardware = study.contract.hardware
    if hardware.device not in facts.devices:
        return f"this machine has no {hardware.device}: a fact about the machine, which no candidate is blamed for"
    if hardware.host not in ("any", facts.host):
        return f"the contract is for {hardware.host}, and this is {facts.host}"
    if len(study.state.open_starts) >= hardware.jobs:
        return f"{hardware.jobs} starts are open already (hardware.jobs)"
    floor = study.state.floor
    if floor is None or asked.plan.phase == "floor":
        return None
    changed = [name for name, value in floor["versions"].items() if facts.versions.get(name) != value]
    if changed:
        return f"{', '.join(changed)} are not as at the floor; install those versions again, or begin a new study"
    return None


def _disk(asked: Asked) -> str | None:
    wanted = ROOM * asked.cost.disk
    free = asked.facts.free_disk
    return None if free >= wanted else f"{free:,} bytes of disk are free, and {wanted:,.0f} are wanted"


def _twice(asked: Asked) -> str | None:
    plan = asked.plan
    for each in asked.study.state.open_starts:
        if (each.data["candidate"], each.phase, each.data.get("arm")) == (plan.candidate, plan.phase, plan.arm):
            return f"it is open already (line {each.seq})"
    return f"{plan.experiment} is at work" if asked.trainer.is_alive(plan.experiment) else None


def _adapter(asked: Asked) -> str | None:
    if (why := asked.trainer.unready(asked.plan)) is not None:
        return why
    if asked.plan.patch is None:
        return None
    touched = asked.plan.patch["touches"]
    return next(
        (f"its patch names {name!r}, which is no plain path" for name in touched if not is_plain_path(name)), None
    )


def _commit(asked: Asked) -> str | None:
    if asked.facts.commit is None:
        return "there is no Git commit here that says what runs"
    return None if asked.study.contract.hardware.host in ("any", socket.gethostname()) else "another host"


CHECKS: tuple[tuple[str, Callable[[Asked], str | None]], ...] = (
    ("ledger", _ledger),
    ("approval", _approval),
    ("consent", _consent),
    ("stop rules", _stop_rules),
    ("order", _order),
    ("scope", _scope),
    ("task", _task),
    ("evidence", _evidence),
    ("seeds", _seeds),
    ("budget", _budget),
    ("slot", _slot_open),
    ("machine", _machine),
    ("disk", _disk),
    ("twice", _twice),
    ("adapter", _adapter),
    ("commit", _commit),
)
"""The checks by name, in the order of docs/studies.md."""
