"""Seeds and lists: which block a start must have at its place, and whether its seeds were fresh."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from rlx.studies.audit.lines import Entry
from rlx.studies.audit.standing import Standing, Start
from rlx.studies.contracts.contract import Contract

LEAST_FLOOR = 5
"""Seeds of a floor, at least."""


def misplaced(contract: Contract, standing: Standing, start: Start) -> Iterator[str]:
    """Yield what is wrong with the block and the list of a start."""
    seeds, phase = contract.seeds, start.phase
    block, episodes = list(start.data["block"]), start.data["list"]
    selection = contract.evaluation.selection_list
    if phase == "probe":
        return
    if phase != "confirmation" and episodes != selection:
        yield f"it plays list {episodes}, and selection's is {selection}"
    if phase == "smoke" and block != [seeds.smoke, 1]:
        yield f"its seeds are {_shown(block)}, and a smoke run has {seeds.smoke} alone"
    if phase in ("trial", "promotion"):
        count = contract.screening.trial_seeds if phase == "trial" else contract.screening.promotion_seeds
        if block != [seeds.selection.first, count]:
            yield f"its seeds are {_shown(block)}, and screening's are {_shown([seeds.selection.first, count])}"
    if phase == "floor":
        own = list(standing.created["baseline"]["seeds"])
        due = own if own[1] >= LEAST_FLOOR else [seeds.selection.first, LEAST_FLOOR]
        if block != due:
            yield f"its seeds are {_shown(block)}, and the floor's are {_shown(due)}"
    if phase == "reference":
        slots = [slot for slot in standing.slots if slot.over.get(start.candidate) == "accepted"]
        if not slots or block != list(slots[-1].data["arms"][start.candidate]):
            yield f"its seeds are {_shown(block)}, which are not those of the confirmation that accepted it"
    if phase == "confirmation":
        yield from _in_slot(contract, standing, start)


def _in_slot(contract: Contract, standing: Standing, start: Start) -> Iterator[str]:
    slot = standing.slot
    first, count = start.data["block"]
    if slot is None or slot.data["number"] != start.data.get("slot"):
        yield f"slot {start.data.get('slot')} is not open"
        return
    arm = start.arm
    if arm not in slot.data["arms"]:
        yield f"{arm} is no arm of slot {slot.data['number']}"
        return
    whose = slot.data["incumbent"] if arm == "incumbent" else arm
    if start.candidate != whose:
        yield f"it trains {start.candidate} in the arm of {whose}"
    if arm != "incumbent" and arm in slot.over:
        yield f"{arm} is decided already"
    due = slot.data["arms"][arm]
    counts = [*slot.data["give_up_at"], slot.data["seeds"]]
    if first != due[0] or count not in counts or count > due[1]:
        yield f"its seeds are {_shown([first, count])}, and its arm's block is {_shown(due)}, in looks of {counts}"
    if start.data["list"] != slot.data["list"]:
        yield f"it plays list {start.data['list']}, and its slot's is {slot.data['list']}"
    last = contract.seeds.confirmation.first + contract.seeds.confirmation.count
    if first < contract.seeds.confirmation.first or first + count > last:
        yield f"its seeds {_shown([first, count])} are outside those of confirmation"


def not_fresh(standing: Standing, start: Start) -> int | None:
    """Return a seed of a confirmation that an earlier start had, other than of the same arm of its slot; None where none had."""
    own = set(start.seeds)
    baseline = standing.created.get("baseline", {}).get("seeds")
    if baseline and (shared := own & set(range(baseline[0], sum(baseline)))):
        return min(shared)
    for other in standing.starts.values():
        same = (other.phase, other.data.get("slot"), other.arm) == (start.phase, start.data.get("slot"), start.arm)
        if not same and other.phase != "probe" and other.seq != start.seq and (shared := own & set(other.seeds)):
            return min(shared)
    return None


def wrong_slot(contract: Contract, digest: str, standing: Standing, entry: Entry) -> Iterator[str]:
    """Yield what is wrong with a slot as it was opened, but for its alpha.

    Args:
        contract: The one in force.
        digest: Its hash, by which the coin falls.
        standing: Where the study stood.
        entry: The line.
    """
    data, confirmation = entry.data, contract.confirmation
    number = len(standing.slots) + 1
    if data["number"] != number or number > confirmation.slots:
        yield f"it is slot {data['number']}, and {number} of {confirmation.slots} would be next"
    if standing.slot is not None:
        yield f"slot {standing.slot.data['number']} is still open"
    due = sorted(
        (name for name, tried in standing.candidates.items() if tried.kept >= 2 and tried.status == "validated"),
        key=_id,
    )
    arms = ["incumbent", *due]
    if hashlib.sha256(f"{digest}:{number}".encode()).digest()[0] % 2:
        arms.reverse()
    used = [first + count for slot in standing.slots for first, count in slot.data["arms"].values()]
    begin = max([contract.seeds.confirmation.first, *used])
    blocks = {arm: [begin + index * confirmation.seeds, confirmation.seeds] for index, arm in enumerate(arms)}
    if {arm: list(block) for arm, block in data["arms"].items()} != blocks:
        yield f"its arms have the blocks {_blocks(data['arms'])}, and {_blocks(blocks)} are due"
    if data["list"] != contract.evaluation.confirmation_lists_from + number - 1:
        yield f"its list is {data['list']}, and {contract.evaluation.confirmation_lists_from + number - 1} is due"
    if data["incumbent"] != standing.incumbent:
        yield f"its incumbent is {data['incumbent']}, and {standing.incumbent} was it"
    if data["seeds"] != confirmation.seeds or list(data["give_up_at"]) != list(confirmation.give_up_at):
        yield "its seeds or looks are not the contract's"


def _id(name: str) -> int:
    return int(name[1:])


def _shown(block: list[int]) -> str:
    first, count = block
    return f"{first}–{first + count - 1}" if count > 1 else str(first)


def _blocks(arms: dict[str, list[int]]) -> str:
    return ", ".join(f"{arm}: {_shown(list(block))}" for arm, block in sorted(arms.items()))
