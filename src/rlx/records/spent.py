"""Where the seconds of an experiment went, phase by phase: known on the machine that made it, beside its live notes.

No output of a stage holds them, since outputs are the same however long they took. Where those of a seed's training went stands in
``metadata.json``, with the other times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rlx.config import read_json, write_json
from rlx.errors import DataDamaged

WHOLE = "whole"
"""The phase that is all of a command."""
PHASES = ("plan", "resolve", "train", "eval", "video", "analyze", "keep", WHOLE)
TRAINING = ("environment", "acting", "update", "validation", "saving")
"""The parts of a seed's training: steps in the environment, choosing actions, learning, validation, and writing checkpoints."""
SPENT = "spent.json"
"""Where a seed on the bench has them."""
FORMAT = 1


def note_spent(path: Path, spent: Mapping[str, float], phases: Sequence[str] = PHASES) -> None:
    """Note how many seconds some phases of a run took; those of others stay as they are.

    Args:
        path: :func:`rlx.records.live_notes.spent_file` of the run.
        spent: Seconds by phase.
        phases: Which there are.
    """
    with suppress(OSError):  # a courtesy: a full disk stops nothing because of it
        known = {phase: round(seconds, 3) for phase, seconds in {**read_spent(path, phases), **spent}.items()}
        write_json(path, {"format": FORMAT, "seconds": known})


def add_spent(path: Path, spent: Mapping[str, float]) -> None:
    """Add seconds to those that some parts of a training took before, in earlier sessions."""
    before = read_spent(path, TRAINING)
    note_spent(path, {part: before.get(part, 0.0) + seconds for part, seconds in spent.items()}, TRAINING)


def read_spent(path: Path, phases: Sequence[str] = PHASES) -> dict[str, float]:
    """Return the seconds by phase, in the order of the phases; none where nobody has noted any."""
    with suppress(OSError, ValueError, TypeError, KeyError, AttributeError, DataDamaged):
        known = {str(phase): float(seconds) for phase, seconds in read_json(path)["seconds"].items()}
        return {phase: known[phase] for phase in phases if phase in known and 0 <= known[phase] < float("inf")}
    return {}
