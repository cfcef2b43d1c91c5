"""What `rlx study run` would do, without doing it: the next start with the gate's answers, and what the rest costs at most."""

from __future__ import annotations

from typing import Any

from rlx.studies.contracts.quantities import shown_bytes, shown_seconds, shown_steps
from rlx.studies.course import LEAST_FLOOR, Done, Launch, Note, Propose, next_step
from rlx.studies.gate import Consent
from rlx.studies.launching import ask
from rlx.studies.loop import seeds_in_words
from rlx.studies.study import Study
from rlx.studies.trainer import Trainer


def dry_run(study: Study, trainer: Trainer) -> dict[str, Any]:
    """Return the plan as plain values; nothing is written."""
    step = next_step(study)
    found: dict[str, Any] = {
        "study": study.name,
        "next": type(step).__name__.lower(),
        "why": _why(step, [each.data["experiment"] for each in study.state.open_starts]),
        "starts": [],
    }
    if isinstance(step, Launch):
        for index, plan in enumerate(step.plans):
            asked, checks = ask(study, trainer, plan, Consent(execute=True))
            entry: dict[str, Any] = {
                "experiment": plan.experiment,
                "phase": plan.phase,
                "candidate": plan.candidate,
                "block": list(plan.block),
                "list": plan.list,
                "cost": {"steps": asked.cost.steps, "wall_clock": asked.cost.wall_clock, "disk": asked.cost.disk},
            }
            if index == 0:
                entry["checks"] = [{"number": c.number, "name": c.name, "refusal": c.refusal} for c in checks]
            found["starts"].append(entry)
    found["rest"] = rest_cost(study, trainer)
    found["left"] = study.left()
    return found


def _why(step: Any, left_open: list[str]) -> str:
    if isinstance(step, Done):
        return step.why
    if isinstance(step, Propose):
        return f"round {step.round}: {step.count} candidates are to be proposed"
    if isinstance(step, Note):
        return f"{step.event} is to be noted"
    if isinstance(step, Launch):
        return f"{len(step.plans)} start{'s are' if len(step.plans) != 1 else ' is'} due"
    return f"{', '.join(left_open)} {'are' if len(left_open) > 1 else 'is'} open, and with --execute goes on where its process is gone"


def rest_cost(study: Study, trainer: Trainer) -> dict[str, int]:
    """Return what the rounds and slots that are left take at most, in steps by phase."""
    contract, state = study.contract, study.state
    resolved = trainer.resolve({})
    rounds = max(0, contract.stop.rounds - state.rounds)
    slots = contract.confirmation.slots - len(state.slots)
    return {
        "floor": 0
        if state.floor or state.created["baseline"]["seeds"][1] >= LEAST_FLOOR
        else LEAST_FLOOR * resolved.steps,
        "smoke": rounds * contract.proposals.per_round * resolved.smoke_trainings * resolved.smoke_steps,
        "screening": rounds * contract.screening_seeds * resolved.steps,
        "confirmation": slots * contract.slot_seeds * resolved.steps,
    }


def dry_words(plan: dict[str, Any]) -> list[str]:
    """Return a plan in lines."""
    lines = [f"{plan['study']}: {plan['why']}"]
    for index, start in enumerate(plan["starts"]):
        cost = start["cost"]
        lines.append(
            f"{'next' if index == 0 else 'then'}: {start['experiment']}: {start['phase']}, "
            f"{seeds_in_words((start['block'][0], start['block'][1]))}, {shown_steps(cost['steps']) if cost['steps'] else '0'} steps, about "
            f"{shown_seconds(cost['wall_clock'])}, {shown_bytes(cost['disk'])}"
        )
        lines += [
            f"  {'✓' if each['refusal'] is None else '✗'} {each['number']:>2} {each['name']}"
            + (f": {each['refusal']}" if each["refusal"] else "")
            for each in start.get("checks", [])
        ]
    rest = ", ".join(f"{name} {shown_steps(steps)}" for name, steps in plan["rest"].items() if steps)
    lines.append(f"at most, from here to the end: {f'{rest} steps' if rest else 'nothing more is trained'}")
    lines.append(
        f"left of the budget: {shown_steps(int(plan['left']['steps'])) if plan['left']['steps'] > 0 else 0} steps"
    )
    return [*lines, "This is a plan: nothing was started. `--execute` carries it out"]
