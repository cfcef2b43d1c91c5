"""What a file says of one setting of a search: a range, or choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlx.config import KeyPath
from rlx.errors import DataDamaged
from rlx.experiments.sweeps.space import FROM_ONE, Domain, Range, Space
from rlx.experiments.sweeps.trials import Header
from rlx.experiments.trial_lines import TRIALS
from rlx.stats import nearest

KEYS = ("low", "high", "log", "step", "choices", "when")
SCALARS = (str, int, float, bool, type(None))
FORMS = "`{low: 0.0001, high: 0.01, log: true}` or `{choices: [16, 32]}`"


class Mistake(Exception):
    """What is wrong with a setting.

    Attributes:
        path: Where in it.
        at_value: Whether it is the value there, and not the key.
    """

    def __init__(self, path: KeyPath, message: str, *, at_value: bool = True):
        self.path, self.at_value = path, at_value
        super().__init__(message)


def read_domain(value: Any) -> Domain:
    """Return what a setting may be.

    Raises:
        Mistake: It is no range and no list of choices, or an impossible one.
    """
    if not isinstance(value, Mapping) or not ("choices" in value or {"low", "high"} <= set(value)):
        raise Mistake((), f"must be {FORMS}")
    if unknown := [name for name in value if name not in KEYS]:
        raise Mistake((unknown[0],), f"unknown key; {nearest(str(unknown[0]), KEYS)}", at_value=False)
    return _choices(value) if "choices" in value else _range(value)


def recorded_space(header: Header) -> Space:
    """Return the space of a search as its trials' file records it.

    Raises:
        DataDamaged: It records none.
    """
    try:
        domains = {
            f"{key}.type" if key == "policy" else key: value if isinstance(value, list) else read_domain(value)
            for key, value in header.space.items()
        }
    except (Mistake, TypeError) as mistake:
        raise DataDamaged(
            f"sweeps/{header.sweep}/{TRIALS}:1: records no space: {mistake}; take the file from Git"
        ) from None
    return Space(domains)


def _choices(value: Mapping[str, Any]) -> list[Any]:
    if others := [name for name in value if name not in ("choices", "when")]:
        raise Mistake((others[0],), "stands beside `choices`, which says all; remove one of them", at_value=False)
    choices = value["choices"]
    if not isinstance(choices, list) or not choices or not all(isinstance(each, SCALARS) for each in choices):
        raise Mistake(("choices",), "must be a list of numbers, words, true or false")
    if len({repr(each) for each in choices}) < len(choices):
        raise Mistake(("choices",), "lists a value twice", at_value=False)
    return choices


def _range(value: Mapping[str, Any]) -> Range:
    for name in ("low", "high", *(["step"] if value.get("step") is not None else [])):
        if isinstance(value[name], bool) or not isinstance(value[name], int | float):
            raise Mistake((name,), f"must be a number, not {value[name]!r:.40}")
    found = Range(value["low"], value["high"], value.get("log", False), value.get("step"))
    _check_scale(found)
    if found.low >= found.high:
        raise Mistake(("low",), f"must be below high, and {found.low} is not below {found.high}")
    if found.step is not None:
        _check_step(found)
        if len(found.values or []) == 1:
            raise Mistake(("step",), f"is larger than the range, of which only {found.low:g} is left")
    return found


def _check_scale(found: Range) -> None:
    if not isinstance(found.log, bool) and found.log != FROM_ONE:
        raise Mistake(("log",), f"must be true, false or {FROM_ONE}, not {found.log!r:.40}")
    if found.log is True and found.low <= 0:
        raise Mistake(("low",), f"a log scale begins above 0, not at {found.low}; raise it, or leave out `log`")
    if found.log == FROM_ONE and found.high >= 1:
        raise Mistake(("high",), f"a log scale of 1 - x ends below 1, not at {found.high}; write such as 0.9999")


def _check_step(found: Range) -> None:
    assert found.step is not None
    if found.step <= 0:
        raise Mistake(("step",), "must be above 0")
    if found.log:
        raise Mistake(("step",), "is a distance, and a log scale has factors; leave out one of them", at_value=False)
    if found.is_whole and found.step != int(found.step):
        raise Mistake(("step",), "must be whole, as the bounds are; or write one of them as 1.0")
