"""Settings that move over a training: ``{start, end, shape, warmup}``, or through points, ``{piecewise: [[share, value], …]}``.

A schedule is a row of segments, each from one share of the training and value to the next, with a shape between. The share is that
of the budget in environment steps: 0 at the beginning, 1 at the end (Stable-Baselines3's ``progress_remaining`` is 1 - share).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from pydantic_core import PydanticCustomError

LINEAR: Literal["linear"] = "linear"
COSINE, EXPONENTIAL, STEP = "cosine", "exponential", "step"
SHAPES = "must be a number, a mapping with start and end, or lin_NUMBER"
KEYS = ("start", "end", "shape", "warmup", "piecewise")
FORMS = "a schedule has start and end (and may have shape and warmup), or piecewise (and may have shape)"


class Segment(NamedTuple):
    """A part of a schedule: a value moves from ``first`` to ``last`` between two shares of the training."""

    begin: float
    stop: float
    first: float
    last: float
    shape: str


def segments_of(
    start: float, end: float, shape: str = LINEAR, warmup: float = 0.0, piecewise: Sequence[tuple[float, float]] = ()
) -> tuple[Segment, ...]:
    """Return the parts of a schedule, in order, which together reach from share 0 to 1; see :class:`rlx.config.values.Schedule`."""
    if piecewise:
        pairs = pairwise(piecewise)
        return tuple(Segment(begin, stop, first, last, shape) for (begin, first), (stop, last) in pairs)
    rest = Segment(warmup, 1.0, start, end, shape)
    return (Segment(0.0, warmup, 0.0, start, LINEAR), rest) if warmup else (rest,)


def value_at(segments: Sequence[Segment], share: float) -> float:
    """Return the value of a row of segments when a share of the training (0 to 1) is over.

    Where one segment ends and the next begins, the next one's first value counts.
    """
    part = next((each for each in reversed(segments) if share >= each.begin), segments[0])
    if share >= part.stop:
        return part.last
    over = (share - part.begin) / (part.stop - part.begin)
    if over <= 0 or part.shape == STEP:
        return part.first
    if part.shape == COSINE:
        return part.last + (part.first - part.last) * (1 + math.cos(math.pi * over)) / 2
    if part.shape == EXPONENTIAL:
        return float(part.first * (part.last / part.first) ** over)
    return part.first + over * (part.last - part.first)


def is_schedule(value: object) -> bool:
    """Tell whether a plain value is a mapping of the form of a schedule."""
    return (
        isinstance(value, dict) and set(value) <= set(KEYS) and ("piecewise" in value or {"start", "end"} <= set(value))
    )


def whole(value: Any) -> Any:
    """Return a schedule with null for all that it does not say, so that merged over another one it replaces that; else the value."""
    return {**dict.fromkeys(KEYS), **value} if is_schedule(value) else value


def whole_text(text: str) -> str:
    """Return a mapping as ``-S`` has it, ``{start:0.1,end:0}``, with null for all that it does not say; see :func:`whole`."""
    said = re.findall(rf"[{{,]\s*({'|'.join(KEYS)})\s*:", text)
    rest = ",".join(f"{key}:null" for key in KEYS if key not in said)
    return f"{text.rstrip()[:-1]},{rest}}}" if said and rest else text


def read_schedule(value: Any) -> float | dict[str, Any]:
    """Return a number, or the fields of a schedule: of a mapping, or of rl-zoo's ``lin_0.001`` (from that value to 0).

    Raises:
        PydanticCustomError: It is none; the message says what is wanted.
    """
    if isinstance(value, str):
        match = re.fullmatch(r"(lin_)?([-+0-9.eE]+)", value.strip())
        try:
            number = float(match[2]) if match else math.nan
        except ValueError:
            number = math.nan
        if not match or not math.isfinite(number):
            raise _refused(SHAPES)
        return read_schedule({"start": number, "end": 0.0} if match[1] else number)
    if isinstance(value, dict):
        said = {key: item for key, item in value.items() if item is not None}
        return _through_points(said) if "piecewise" in said else _between_ends(said)
    number = _number(value)
    if number <= 0:
        raise _refused("must be greater than 0")
    return number


def _between_ends(said: dict[str, Any]) -> dict[str, Any]:
    """Read ``{start, end, shape, warmup}``."""
    if not {"start", "end"} <= said.keys() <= {"start", "end", "shape", "warmup"}:
        raise _refused(FORMS)
    start, end = _number(said["start"]), _number(said["end"])
    shape = _shape(said, LINEAR, COSINE, EXPONENTIAL)
    warmup = _number(said.get("warmup", 0.0), "warmup must be a share of training, at least 0 and less than 1")
    if start < 0 or end < 0 or not (start or end):
        raise _refused("start and end must be at least 0, and not both 0")
    if shape == EXPONENTIAL and not (start and end):
        raise _refused("an exponential schedule never reaches 0; start and end must be greater than 0")
    if not 0 <= warmup < 1:
        raise _refused("warmup must be a share of training, at least 0 and less than 1")
    if warmup and not start:
        raise _refused("a warm-up rises to start, which must then be greater than 0")
    return {"start": start, "end": end, "shape": shape, "warmup": warmup}


def _through_points(said: dict[str, Any]) -> dict[str, Any]:
    """Read ``{piecewise: [[share, value], …], shape}``."""
    if not said.keys() <= {"piecewise", "shape"}:
        raise _refused(FORMS)
    shape, wanted = (
        _shape(said, LINEAR, STEP),
        "piecewise must be a list of two or more points [share of training, value]",
    )
    given = said["piecewise"]
    if not isinstance(given, list | tuple) or len(given) < 2:
        raise _refused(wanted)
    if not all(isinstance(point, list | tuple) and len(point) == 2 for point in given):
        raise _refused(wanted)
    points = tuple((_number(share, wanted), _number(value, wanted)) for share, value in given)
    shares, values = zip(*points, strict=True)
    if shares[0] != 0 or shares[-1] != 1 or any(a >= b for a, b in pairwise(shares)):
        raise _refused("the shares of training of piecewise must increase from 0 to 1")
    if min(values) < 0 or not any(values):
        raise _refused("the values of piecewise must be at least 0, and not all 0")
    return {"start": values[0], "end": values[-1], "shape": shape, "piecewise": points}


def _shape(said: dict[str, Any], *known: Any) -> Any:
    shape = said.get("shape", LINEAR)
    if shape not in known:
        through = "piecewise" in said
        raise _refused(f"the shape {'between points' if through else 'of a schedule'} is one of {', '.join(known)}")
    return shape


def _number(value: Any, otherwise: str = SHAPES) -> float:
    try:
        number = math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
    except OverflowError:
        number = math.nan
    if not math.isfinite(number):
        raise _refused(otherwise)
    return number


def _refused(message: str) -> PydanticCustomError:
    return PydanticCustomError("schedule", message)
