"""Which changes of an approved contract are allowed, by the audit's own reading of the rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rlx.studies.contracts.contract import Contract, Guardrail
from rlx.studies.contracts.scope import ScopeEntry

FIXED = (
    "metric", "task", "baseline", "screening", "evaluation", "confirmation.alpha", "confirmation.guardrail_alpha",
    "confirmation.seeds", "confirmation.give_up_at", "seeds.smoke", "seeds.selection", "hardware.device",
)  # fmt: skip
"""What nothing changes once something was scored."""
GROWING = (
    "budget.steps", "budget.experiments", "budget.wall_clock", "budget.disk", "confirmation.slots",
    "seeds.confirmation.first",
)  # fmt: skip
"""What may grow alone."""


def _at(contract: Contract, key: str) -> Any:
    value: Any = contract
    for part in key.split("."):
        value = getattr(value, part)
    return value


def breaches(old: Contract, new: Contract) -> Iterator[str]:
    """Yield every change that is not allowed after the first look."""
    for key in FIXED:
        if _at(old, key) != _at(new, key):
            yield f"{key} was changed after the first look"
    for key in GROWING:
        if _at(new, key) < _at(old, key):
            yield f"{key} was lowered from {_at(old, key)} to {_at(new, key)} after the first look"
    for key, entry in new.scope.items():
        if key not in old.scope or not _is_narrower(entry, old.scope[key]):
            yield f"scope.{key} was widened after the first look"
    for rail in old.guardrails:
        if not any(_is_as_tight(rail, other) for other in new.guardrails):
            yield f"the guardrail {rail.name} was dropped or loosened after the first look"


def _is_narrower(new: ScopeEntry, old: ScopeEntry) -> bool:
    if new.family != old.family:
        return False
    if new.range is not None:
        if old.range is None or (old.is_whole and not new.is_whole):
            return False
        return new.range[0] >= old.range[0] and new.range[1] <= old.range[1]
    return all(value_refusal(old, value) is None for value in new.values or [])


def _is_as_tight(old: Guardrail, new: Guardrail) -> bool:
    if (new.metric, new.direction) != (old.metric, old.direction):
        return False
    pairs = (
        (old.no_worse_than, new.no_worse_than, -1),
        (old.at_least, new.at_least, 1),
        (old.at_most, new.at_most, -1),
    )
    return all(one is None or (other is not None and sign * other >= sign * one) for one, other, sign in pairs)


def value_refusal(entry: ScopeEntry, value: Any) -> str | None:
    """Return why a scope's entry does not allow a value; None where it does."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if entry.range is not None and entry.family == "randomization" and isinstance(value, list) and len(value) == 2:
        return next((told for each in value if (told := value_refusal(entry, each))), None)
    if entry.range is not None and isinstance(value, dict):
        return next((f"{key}: {told}" for key, each in value.items() if (told := value_refusal(entry, each))), None)
    if entry.values is not None:
        for one in entry.values:
            one_is_number = isinstance(one, int | float) and not isinstance(one, bool)
            if one == value and (is_number == one_is_number):
                return None
        return f"{value!r} is none of {entry.values}"
    low, high = entry.range or (0, 0)
    if not is_number or not low <= value <= high:
        return f"{value!r} is not within {low} to {high}"
    return f"{value!r} is not whole" if entry.is_whole and value != int(value) else None
