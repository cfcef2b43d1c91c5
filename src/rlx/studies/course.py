"""The course of a study: what is to be done next, from its contract and ledger alone.

Floor, then rounds: proposals, smoke runs, trials, promotions, a slot of confirmation. So a loop that was killed goes on where
it was, and what a plan shows is what the loop will do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rlx.studies.contracts.candidate import read_candidate
from rlx.studies.contracts.contract import smallest_p
from rlx.studies.failures import score_of_failure
from rlx.studies.ledger.ledger import Refused
from rlx.studies.ledger.state import OPEN, CandidateState, Slot, Started, StudyState
from rlx.studies.protocol.confirmation import Arms, Decision, Look, Rail, alpha_of, decide, look_at
from rlx.studies.protocol.floor import floor_of
from rlx.studies.protocol.screening import halved, surviving
from rlx.studies.study import Study
from rlx.studies.trainer import StartPlan

LEAST_FLOOR = 5
"""Seeds of a floor."""
SHORT = {"smoke": "smoke", "trial": "trial", "promotion": "promo"}


@dataclass(frozen=True)
class Note:
    """A line to append."""

    event: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Propose:
    """Candidates to propose: how many, and in which round."""

    count: int
    round: int


@dataclass(frozen=True)
class Launch:
    """Starts to make, the most urgent first."""

    plans: tuple[StartPlan, ...]


@dataclass(frozen=True)
class Wait:
    """Nothing until an open start ends."""


@dataclass(frozen=True)
class Done:
    """Nothing more; why."""

    why: str


Step = Note | Propose | Launch | Wait | Done


def next_step(study: Study) -> Step:  # noqa: PLR0911 — a step each
    """Return what is to be done next.

    Args:
        study: The study, its ledger read.
    """
    state = study.state
    if why := stopped(study):
        return Done(why)
    if (step := _floor(study, state)) is not None:
        return step
    if (slot := state.slot()) is not None:
        return _slot(study, state, slot)
    current = [each for each in state.candidates.values() if each.status in OPEN and not each.refused]
    ended = no_more_rounds(study)
    if current and (why := no_slot(study)) is not None:
        names = ", ".join(each.name for each in current)
        return Done(
            f"{why}; {names} wait: approve more slots, or `rlx study set {study.name} {current[0].name} rejected`"
        )
    if (
        state.incumbent != "baseline"
        and state.ended_of(state.incumbent, "reference") is None
        and not (ended and not current)
    ):
        return _launch(state, [_reference_plan(study, state)])
    if drafts := [each for each in current if each.status == "draft"]:
        return _draft(drafts[0])
    if current:
        first = min(each.round for each in current)  # what came later waits for its own round
        return _screening(study, state, [each for each in current if each.round == first])
    if ended:
        return Done(ended)
    return Propose(study.contract.proposals.per_round, state.rounds + 1)


def stopped(study: Study) -> str | None:
    """Return which stop rule has fired; None where none has."""
    state, contract = study.state, study.contract
    if state.closed is not None:
        return f"the study is closed: {state.closed}"
    deadline = contract.stop.deadline
    if deadline is not None and datetime.now(UTC) >= datetime.fromisoformat(deadline):
        return f"its deadline {deadline} has passed"
    failed = 0
    counted = [
        each
        for each in state.starts.values()
        if each.ended and each.phase != "probe" and each.ended["reason"] != "disk"
    ]
    for each in sorted(counted, key=lambda each: each.ended_seq or 0):
        bad = (each.ended is not None and each.ended["status"] == "lost") or _all_failed(each)
        failed = failed + 1 if bad else 0
    if failed >= contract.stop.failed_starts:
        return (
            f"the last {failed} starts failed (stop.failed_starts); `rlx diagnose` says why, and after mending that a larger number "
            "can be approved"
        )
    return None


def _all_failed(start: Started) -> bool:
    return start.is_finished and start.ended is not None and not start.ended["scores"]


def no_more_rounds(study: Study) -> str | None:
    """Return why no further round begins; None where one may."""
    state, contract = study.state, study.contract
    if why := no_slot(study):
        return why
    if state.rounds >= contract.stop.rounds:
        return f"{state.rounds} round{'s are' if state.rounds != 1 else ' is'} done (stop.rounds)"
    if (needed := round_steps(study)) > (left := study.left()["steps"]):
        return f"a further round takes up to {needed:,} steps, and {max(0, round(left)):,} of the budget are left"
    idle = 0
    for each in state.screenings:
        if each["rung"] == "promotion":
            idle = 0 if each["kept"] else idle + 1
    if idle >= contract.stop.no_survivor_rounds:
        return f"in the last {idle} rounds no candidate did better than the incumbent (stop.no_survivor_rounds)"
    return None


def no_slot(study: Study) -> str | None:
    """Return why no further slot can be opened; None where one can."""
    confirmation, state = study.contract.confirmation, study.state
    if len(state.slots) >= confirmation.slots:
        return f"every slot of confirmation is used (confirmation.slots: {confirmation.slots})"
    left = confirmation.slots - len(state.slots)
    share = alpha_of(confirmation.alpha, state.alpha_spent(), left, study.contract.screening.survivors)
    if share < smallest_p(confirmation.seeds):
        return f"alpha is spent: a slot would have {max(0.0, share):.2g}, which {confirmation.seeds} seeds cannot reach"
    return None


def round_steps(study: Study) -> int:
    """Return the steps that a round takes at most: its candidates' screening, and a whole slot."""
    contract = study.contract
    return int(study.state.created["steps"]) * (contract.screening_seeds + contract.slot_seeds)


# --- floor and incumbent -------------------------------------------------------------------------------------------------


def _floor(study: Study, state: StudyState) -> Step | None:
    if state.floor is not None:
        return None
    if (ended := state.ended_of("baseline", "floor")) is not None:
        assert ended.ended is not None
        if (scored := len(ended.ended["scores"])) < LEAST_FLOOR:
            return Done(
                f"{scored} of the baseline's {len(ended.seeds)} seeds have a score, and a floor needs {LEAST_FLOOR}: mend the baseline "
                "and begin a new study"
            )
        return Note("floor", floor_data(study, ended))
    first, count = state.created["baseline"]["seeds"]
    if count < LEAST_FLOOR:
        first, count = study.contract.seeds.selection.first, LEAST_FLOOR
    plan = _plan(study, "floor", "baseline", {}, (first, count), study.contract.evaluation.selection_list)
    return _launch(state, [plan])


def floor_data(study: Study, start: Started) -> dict[str, Any]:
    """Return what a `floor` line says of an ended start."""
    contract = study.contract
    scores = scores_of(study, start, contract.metric.name, contract.metric.sign)
    found = floor_of(scores, contract.confirmation.seeds, contract.slot_alpha, contract.metric.minimum_effect)
    assert start.ended is not None
    steps, seconds = start.ended["spent"]["steps"], start.ended["spent"]["wall_clock"]
    return {
        "start": start.seq,
        "runs": [each["name"] for each in start.ended["experiments"]],
        "seeds": list(start.seeds),
        "scores": {str(seed): contract.metric.sign * value for seed, value in scores.items()},
        "failures": {str(seed): why for seed, why in start.ended["failures"].items()},
        "random": start.ended["random"],
        "mean": contract.metric.sign * found.mean,
        "sd": found.sd,
        "sd_interval": [found.low, found.high],
        "detectable": found.detectable,
        "pace": {"steps": steps, "seconds": seconds, "bytes": start.ended["spent"]["disk"], "seeds": len(start.seeds)},
        "versions": dict(start.data["versions"]),
    }


def scores_of(study: Study, start: Started, metric: str, sign: int) -> dict[int, float]:
    """Return what every assigned seed of an ended start scores, failures included; more is better.

    A seed that failed scores `failure_score`: of the deciding metric what the contract says, of others what random actions do.
    """
    assert start.ended is not None
    contract = study.contract
    fallback = score_of_failure(contract, study.state, start.ended, metric)
    found: dict[int, float] = {}
    for seed in start.seeds:
        score = start.ended["scores"].get(str(seed), {}).get(metric)
        value = fallback if score is None else score
        if value is None:
            raise Refused(
                f"{study.name}: seed {seed} of {start.data['experiment']} has no {metric}, and nobody knows what random actions score: "
                + (
                    "give metric.failure_score a number in a new study"
                    if metric == contract.metric.name
                    else f"a guardrail on {metric} cannot be judged here; begin a new study without it"
                )
            )
        found[seed] = sign * float(value)
    return found


def reference_of(study: Study) -> tuple[dict[int, float], Started]:
    """Return the incumbent's scores on the selection list over seeds that did not choose it, and the start they are of."""
    state, metric = study.state, study.contract.metric
    start = state.ended_of(state.incumbent, "reference") or state.ended_of("baseline", "floor")
    assert start is not None
    return scores_of(study, start, metric.name, metric.sign), start


def _reference_plan(study: Study, state: StudyState) -> StartPlan:
    name = state.incumbent
    slot = next(slot for slot in state.slots if slot.over.get(name) == "accepted")
    block = (slot.arms[name], slot.seeds)
    lists = study.contract.evaluation.selection_list
    return _plan(study, "reference", name, overrides_of(study, name), block, lists)


# --- a round ------------------------------------------------------------------------------------------------------------


def _draft(found: CandidateState) -> Step:
    """Return that a draft waits: the loop validates it, which is no pure matter."""
    return Note("validate", {"candidate": found.name})


def _screening(study: Study, state: StudyState, current: list[CandidateState]) -> Step:
    contract = study.contract
    todo: list[StartPlan] = []
    for each in current:
        if state.ended_of(each.name, "smoke") is None:
            todo.append(_candidate_plan(study, each.name, "smoke"))
        elif each.kept == 0 and state.ended_of(each.name, "trial") is None:
            todo.append(_candidate_plan(study, each.name, "trial"))
        elif each.kept == 1 and state.ended_of(each.name, "promotion") is None:
            todo.append(_candidate_plan(study, each.name, "promotion"))
    if todo:
        order = ("promotion", "trial", "smoke")
        todo.sort(key=lambda plan: (order.index(plan.phase), int(plan.candidate[1:])))
        return _launch(state, todo)
    tried = [each for each in current if each.kept == 0]
    if tried:
        return Note("screened", _rung(study, [each.name for each in tried], "trial"))
    promoted = [each for each in current if each.kept == 1]
    if promoted:
        return Note("screened", _rung(study, [each.name for each in promoted], "promotion"))
    survivors = sorted((each.name for each in current if each.kept >= 2), key=lambda name: int(name[1:]))
    assert survivors, contract
    return Note("slot", slot_data(study, state, survivors))


def _rung(study: Study, names: list[str], rung: str) -> dict[str, Any]:
    contract, state = study.contract, study.state
    sign, metric = contract.metric.sign, contract.metric.name
    inputs, means = {}, {}
    for name in names:
        start = state.ended_of(name, rung)
        assert start is not None
        scores = scores_of(study, start, metric, sign)
        inputs[name] = {"start": start.seq, "scores": {str(seed): sign * value for seed, value in scores.items()}}
        means[name] = sum(scores.values()) / len(scores)
    if rung == "trial":
        found, reference = halved(means, contract.screening.keep), None
    else:
        values, _ = reference_of(study)
        reference = sum(values.values()) / len(values)
        violated = {name: _violated(study, name) for name in names}
        found = surviving(means, reference, violated, contract.screening.survivors)
    return {
        "rung": rung,
        "round": state.rounds,
        "inputs": inputs,
        "means": {name: sign * value for name, value in means.items()},
        "ranking": list(found.ranking),
        "kept": list(found.kept),
        "reasons": dict(found.reasons),
        "reference": None if reference is None else sign * reference,
        "incumbent": state.incumbent,
    }


def _violated(study: Study, name: str) -> list[str]:
    """Return the guardrails whose point estimate a candidate fails in screening."""
    start = study.state.ended_of(name, "promotion")
    assert start is not None
    _, reference = reference_of(study)
    return [rail.name for rail in rails_of(study, start, reference) if not rail.holds_by_point()]


def _candidate_plan(study: Study, name: str, phase: str) -> StartPlan:
    contract = study.contract
    counts = {"smoke": 1, "trial": contract.screening.trial_seeds, "promotion": contract.screening.promotion_seeds}
    first = contract.seeds.smoke if phase == "smoke" else contract.seeds.selection.first
    lists = contract.evaluation.selection_list
    return _plan(study, phase, name, overrides_of(study, name), (first, counts[phase]), lists)


def overrides_of(study: Study, name: str) -> dict[str, Any]:
    """Return the overrides of a candidate; of `baseline` none."""
    return {} if name == "baseline" else dict(read_candidate(study.folder, name).candidate.overrides)


# --- confirmation -------------------------------------------------------------------------------------------------------


def slot_data(study: Study, state: StudyState, survivors: list[str]) -> dict[str, Any]:
    """Return what a `slot` line says: its share of alpha, fresh blocks for each arm, and its own list.

    Which block is whose is a coin from the contract's hash and the slot's number.
    """
    confirmation = study.contract.confirmation
    number = len(state.slots) + 1
    arms = ["incumbent", *survivors]
    if _coin(state.contract or "", number):
        arms.reverse()
    first = next_block(study, state)
    blocks = {arm: [first + place * confirmation.seeds, confirmation.seeds] for place, arm in enumerate(arms)}
    left = confirmation.slots - len(state.slots)
    return {
        "number": number,
        "alpha": alpha_of(confirmation.alpha, state.alpha_spent(), left, len(survivors)),
        "seeds": confirmation.seeds,
        "arms": blocks,
        "list": study.contract.list_of(number),
        "incumbent": state.incumbent,
        "give_up_at": list(confirmation.give_up_at),
    }


def next_block(study: Study, state: StudyState) -> int:
    """Return the first confirmation seed that no slot has."""
    used = [first + slot.seeds for slot in state.slots for first in slot.arms.values()]
    return max([study.contract.seeds.confirmation.first, *used])


def _coin(contract: str, number: int) -> bool:
    import hashlib

    return hashlib.sha256(f"{contract}:{number}".encode()).digest()[0] % 2 == 1


def _slot(study: Study, state: StudyState, slot: Slot) -> Step:
    if slot.incumbent not in state.incumbents:
        name = next(name for name in slot.candidates if name not in slot.over)
        rule = f"{slot.incumbent}, which it was held against, was reverted meanwhile"
        return Note(
            "decided",
            {
                "candidate": name,
                "slot": slot.number,
                "status": "inconclusive",
                "rule": rule,
                "inputs": [],
                "numbers": {},
            },
        )
    counts = [*(n for n in study.contract.confirmation.give_up_at if n < slot.seeds), slot.seeds]
    for n in counts:
        undecided = [name for name in slot.candidates if name not in slot.over]
        arms = ["incumbent", *undecided]
        missing = [arm for arm in arms if _arm_ended(state, slot, arm, n) is None]
        if missing:
            if n != slot.seeds and all(n in slot.looks.get(name, []) for name in undecided):
                continue
            return _launch(state, [_arm_plan(study, slot, arm, n) for arm in missing])
        for name in undecided:
            if n == slot.seeds:
                return Note("decided", decision_data(study, slot, name, n))
            if n not in slot.looks.get(name, []):
                return Note("look", look_data(study, slot, name, n))
            if _given_up(study, slot, name, n):
                return Note("decided", given_up_data(study, slot, name, n))
    return Wait()


def _given_up(study: Study, slot: Slot, name: str, n: int) -> bool:
    """Tell whether the look after n seeds gave a candidate up: one after more of them did not do it here."""
    look = (slot.number, name, n)
    return any(
        line.data["given_up"]
        for line in study.ledger.of("look")
        if (line.data["slot"], line.data["candidate"], line.data["n"]) == look
    )


def _arm_ended(state: StudyState, slot: Slot, arm: str, n: int) -> Started | None:
    found = [
        each
        for each in state.starts_of(arm, "confirmation", slot.number)
        if each.is_finished and each.data["block"][1] == n
    ]
    return found[-1] if found else None


def _arm_plan(study: Study, slot: Slot, arm: str, n: int) -> StartPlan:
    name = slot.incumbent if arm == "incumbent" else arm
    called = f"incumbent_{slot.number}" if arm == "incumbent" else f"{arm}_confirm"
    ending = "" if n == slot.seeds else f"_{n}"
    block = (slot.arms[arm], n)
    return _plan(
        study, "confirmation", name, overrides_of(study, name), block, slot.episodes,
        called=f"{called}{ending}", slot=slot.number, arm=arm, look=n,
    )  # fmt: skip


def rails_of(study: Study, candidate: Started, incumbent: Started) -> list[Rail]:
    """Return the guardrails with what two starts show of them."""
    found = []
    for each in study.contract.guardrails:
        arms = Arms(*(scores_of(study, start, each.metric, each.sign) for start in (candidate, incumbent)))
        bound = each.at_least if each.at_least is not None else each.at_most
        found.append(Rail(each.name, arms, each.no_worse_than, None if bound is None else each.sign * bound))
    return found


def _seen(study: Study, slot: Slot, name: str, n: int) -> tuple[Arms, list[Rail], list[int]]:
    metric = study.contract.metric
    starts = [_arm_ended(study.state, slot, arm, n) for arm in (name, "incumbent")]
    candidate, incumbent = starts
    assert candidate is not None
    assert incumbent is not None
    arms = Arms(*(scores_of(study, start, metric.name, metric.sign) for start in (candidate, incumbent)))
    return arms, rails_of(study, candidate, incumbent), [candidate.seq, incumbent.seq]


def look_data(study: Study, slot: Slot, name: str, n: int) -> dict[str, Any]:
    """Return what a `look` line says."""
    arms, rails, inputs = _seen(study, slot, name, n)
    found: Look = look_at(arms, rails, study.contract.metric.minimum_effect)
    return {
        "slot": slot.number,
        "candidate": name,
        "n": n,
        "inputs": inputs,
        "gain": found.gain,
        "upper": found.upper,
        "guardrails": dict(found.rails),
        "given_up": bool(found.why),
        "why": found.why,
    }


def given_up_data(study: Study, slot: Slot, name: str, n: int) -> dict[str, Any]:
    """Return what a `decided` line says of a candidate that a look gave up."""
    arms, _, inputs = _seen(study, slot, name, n)
    why = [line.data["why"] for line in study.ledger.of("look") if line.data["candidate"] == name][-1]
    return {
        "candidate": name, "slot": slot.number, "status": "inconclusive", "rule": f"given up after {n} seeds: {why}",
        "inputs": inputs, "numbers": {"gain": arms.gain, "n": n},
    }  # fmt: skip


def decision_data(study: Study, slot: Slot, name: str, n: int) -> dict[str, Any]:
    """Return what a `decided` line says of a candidate of which all seeds are there."""
    arms, rails, inputs = _seen(study, slot, name, n)
    contract = study.contract
    found: Decision = decide(
        arms, rails, contract.metric.minimum_effect, slot.alpha, contract.confirmation.guardrail_alpha
    )
    numbers = {
        "gain": found.gain, "low": found.low, "high": found.high, "p": found.p, "alpha": slot.alpha, "n": n,
        "guardrails": dict(found.rails),
    }  # fmt: skip
    return {
        "candidate": name, "slot": slot.number, "status": found.status, "rule": found.rule, "inputs": inputs, "numbers": numbers,
    }  # fmt: skip


# --- starts -------------------------------------------------------------------------------------------------------------


def _plan(  # noqa: PLR0913
    study: Study, phase: str, candidate: str, overrides: Mapping[str, Any], block: tuple[int, int], lists: int, *,
    called: str | None = None, slot: int | None = None, arm: str | None = None, look: int | None = None,
) -> StartPlan:  # fmt: skip
    sha = study.state.candidates[candidate].sha256 if candidate in study.state.candidates else None
    plain = "floor" if phase == "floor" else f"{candidate}_{SHORT.get(phase, phase)}"
    patch = None
    if candidate != "baseline":
        found = read_candidate(study.folder, candidate).candidate.patch
        patch = None if found is None else found.model_dump()
    return StartPlan(
        phase=phase,
        candidate=candidate,
        overrides=dict(overrides),
        block=block,
        list=lists,
        experiment=f"{study.short}_{called or plain}",
        metrics=study.contract.metrics,
        episodes=1 if phase == "smoke" else study.contract.evaluation.episodes,
        slot=slot,
        arm=arm,
        candidate_sha256=sha,
        look=look,
        patch=patch,
    )


def _launch(state: StudyState, plans: list[StartPlan]) -> Step:
    """Return those of some starts that are not open; `Wait` where all are."""
    opened = {(each.data["candidate"], each.phase, each.data.get("arm")) for each in state.open_starts}
    new = tuple(plan for plan in plans if (plan.candidate, plan.phase, plan.arm) not in opened)
    return Launch(new) if new else Wait()
