"""The check `decisions`: floor, screenings, looks and decisions, each computed again from raw data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlx.errors import RlxError
from rlx.studies.audit import numbers
from rlx.studies.audit.book import Book
from rlx.studies.audit.lines import Entry
from rlx.studies.audit.numbers import agree
from rlx.studies.audit.places import LEAST_FLOOR
from rlx.studies.audit.raw_scores import RawScores, sign_of
from rlx.studies.audit.report import Findings
from rlx.studies.audit.standing import LIVE, SlotSeen, Standing, Start
from rlx.studies.contracts.contract import Contract


@dataclass
class _Place:
    """A line that decides something, with all that it is checked against."""

    scores: RawScores
    entry: Entry
    standing: Standing
    contract: Contract
    found: Findings

    @property
    def data(self) -> Mapping[str, Any]:
        return self.entry.data

    def wrong(self, text: str, candidate: str | None = None, experiment: str | None = None) -> None:
        """Note that the line says something else than comes out."""
        self.found.add(text, self.entry.seq, candidate=candidate, experiment=experiment)

    def same(self, name: str, said: Any, value: Any, candidate: str | None = None, tolerance: float = 1e-9) -> None:
        """Compare a number of the line with the one that comes out."""
        if not agree(said, value, tolerance):
            self.wrong(f"{name} is {_shown(said)} in the ledger, and {_shown(value)} computed again", candidate)

    def counted(self, start: Start, metric: str, sign: int) -> dict[int, float]:
        return self.scores.counted(self.contract, self.standing, start, metric, sign)

    def primary(self, start: Start) -> dict[int, float]:
        return self.counted(start, self.contract.metric.name, self.contract.metric.sign)


def _shown(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def check_decisions(book: Book, scores: RawScores, found: Findings) -> None:
    """Compute every floor, screening, look and decision again."""
    checks = {"floor": _floor, "screened": _screened, "look": _look, "decided": _decided, "ended": _ended}
    for entry, standing in book.walk():
        check = checks.get(entry.event)
        if check is None:
            continue
        try:
            check(_Place(scores, entry, standing, book.contract(standing.contract), found))
        except RlxError as error:
            found.add(f"cannot be computed again: {error}", entry.seq)  # no candidate is blamed for what is not here
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, ZeroDivisionError) as error:
            told = f"cannot be computed again: {type(error).__name__}: {error}"
            found.add(told, entry.seq, candidate=entry.data.get("candidate"))
        found.checked += entry.event != "ended"


def _ended(place: _Place) -> None:
    """Compare the scores of an `ended` line with those of its held-out episodes."""
    start = place.standing.starts[place.data["started"]]
    ended = Start(start.entry, place.entry)
    if place.scores.is_said(ended) or start.phase == "smoke" or not place.data["experiments"]:
        if not place.scores.book.is_simulated and start.phase != "smoke" and place.data["experiments"]:
            place.found.notes.append(
                "scores are aggregates that another repository computed: there are no episodes to compute them from"
            )
        return
    for seed in map(int, place.data["failures"]):
        if all(place.scores.played(ended, metric, seed) is not None for metric in start.data["metrics"]):
            told = f"seed {seed} is said to have failed, and its episodes are all there"
            place.found.add(told, place.entry.seq, seed=seed, experiment=start.experiment, file="eval/episodes.csv")
    for metric in start.data["metrics"]:
        raw = place.scores.of(ended, metric)
        for seed, value in raw.items():
            said = place.data["scores"].get(str(seed), {}).get(metric)
            if not agree(said, value):
                told = f"seed {seed}: {metric} is {_shown(said)} in the ledger, and {_shown(value)} in episodes.csv"
                place.found.add(told, place.entry.seq, seed=seed, experiment=start.experiment, file="eval/episodes.csv")


def _floor(place: _Place) -> None:
    start = place.standing.starts[place.data["start"]]
    if start.phase != "floor" or not start.is_done:
        place.wrong("it is of a start that is no ended floor", experiment=start.experiment)
        return
    contract, sign = place.contract, place.contract.metric.sign
    counted = place.primary(start)
    if len(counted) < LEAST_FLOOR or place.data["seeds"] != start.seeds:
        place.wrong(f"its seeds are {place.data['seeds']}, and the start has {start.seeds}")
    for seed, value in counted.items():
        place.same(f"seed {seed}'s score", place.data["scores"].get(str(seed)), sign * value)
    confirmation = contract.confirmation
    alpha = confirmation.alpha / confirmation.slots / contract.screening.survivors
    seen = numbers.floor(list(counted.values()), confirmation.seeds, alpha, contract.metric.minimum_effect)
    place.same("mean", place.data["mean"], sign * seen.mean)
    place.same("sd", place.data["sd"], seen.sd)
    place.same("sd_interval", place.data["sd_interval"][0], seen.low)
    place.same("sd_interval", place.data["sd_interval"][1], seen.high)
    place.same("detectable", place.data["detectable"], seen.detectable, tolerance=numbers.INVERSE_TOLERANCE)


# --- screening ----------------------------------------------------------------------------------------------------------


def _screened(place: _Place) -> None:
    data, sign = place.data, place.contract.metric.sign
    rung = {"trial": 0, "promotion": 1}[data["rung"]]
    due = {name for name, tried in place.standing.candidates.items() if tried.status in LIVE and tried.kept == rung}
    if left_out := sorted(due - set(data["inputs"])):
        place.wrong(f"{', '.join(left_out)} was left out of it", left_out[0])
    if added := sorted(set(data["inputs"]) - due):
        place.wrong(f"{', '.join(added)} was not due in it", added[0])
    means, starts = {}, {}
    for name, item in data["inputs"].items():
        done = place.standing.done(name, data["rung"])
        if not done or done[-1].seq != item["start"]:
            place.wrong(f"{name}: line {item['start'] + 1} is not its newest ended {data['rung']}", name)
        start = starts[name] = place.standing.starts[item["start"]]
        counted = place.primary(start)
        for seed, value in counted.items():
            place.same(f"{name}: seed {seed}'s score", item["scores"].get(str(seed)), sign * value, name)
        means[name] = sum(counted.values()) / len(counted)
        place.same(f"{name}: mean", data["means"].get(name), sign * means[name], name)
    ranking = sorted(means, key=lambda name: (-means[name], int(name[1:])))
    if ranking != data["ranking"]:
        place.wrong(f"the ranking is {', '.join(data['ranking'])}, and {', '.join(ranking)} computed again")
    kept = _halved(place, ranking) if rung == 0 else _survivors(place, ranking, means, starts)
    if kept != data["kept"]:
        told = [", ".join(names) or "none" for names in (data["kept"], kept)]
        place.wrong(f"it keeps {told[0]}, and {told[1]} is kept by the rule", next(iter(data["kept"]), None))


def _halved(place: _Place, ranking: Sequence[str]) -> list[str]:
    if place.data["reference"] is not None:
        place.wrong("a trial is held against no reference")
    return list(ranking[: max(1, math.ceil(place.contract.screening.keep * len(ranking)))])


def _survivors(
    place: _Place, ranking: Sequence[str], means: Mapping[str, float], starts: Mapping[str, Start]
) -> list[str]:
    """Return who is worth a confirmation: above the incumbent's reference, with no guardrail's point estimate failing."""
    against = _reference(place.standing)
    values = place.primary(against)
    reference = sum(values.values()) / len(values)
    place.same("reference", place.data["reference"], place.contract.metric.sign * reference)
    if place.data["incumbent"] != place.standing.incumbent:
        place.wrong(f"the incumbent is {place.standing.incumbent}, and not {place.data['incumbent']}")
    good = [
        name
        for name in ranking
        if means[name] > reference and all(rail.estimate >= 0 for rail in _rails(place, starts[name], against))
    ]
    return good[: place.contract.screening.survivors]


def _reference(standing: Standing) -> Start:
    """Return the start by which the incumbent is known: of seeds that did not choose it."""
    found = standing.done(standing.incumbent, "reference") or standing.done("baseline", "floor")
    return found[-1]


def _rails(place: _Place, one: Start, other: Start) -> list[numbers.Rail]:
    found = []
    for rail in place.contract.guardrails:
        sign = sign_of(rail)
        sides = [list(place.counted(start, rail.metric, sign).values()) for start in (one, other)]
        bound = rail.at_least if rail.at_least is not None else rail.at_most
        found.append(
            numbers.Rail(rail.name, sides[0], sides[1], rail.no_worse_than, None if bound is None else sign * bound)
        )
    return found


# --- confirmation -------------------------------------------------------------------------------------------------------


def _sides(place: _Place, slot: SlotSeen, name: str, n: int) -> tuple[list[float], list[float], list[numbers.Rail]]:
    """Return both arms' scores of a look or decision after n seeds, and the guardrails."""
    starts = []
    for arm in (name, "incumbent"):
        done = [
            start
            for start in place.standing.done(arm, "confirmation", slot.data["number"])
            if start.data["block"][1] == n
        ]
        starts.append(done[-1])
    if place.data["inputs"] != [start.seq for start in starts]:
        place.wrong(f"its inputs are lines {place.data['inputs']}, and {[start.seq for start in starts]} are due", name)
    one, other = (list(place.primary(start).values()) for start in starts)
    return one, other, _rails(place, starts[0], starts[1])


def _look(place: _Place) -> None:
    data = place.data
    slot, name, n = place.standing.slots[data["slot"] - 1], data["candidate"], data["n"]
    if n not in place.contract.confirmation.give_up_at:
        place.wrong(f"no look was agreed on after {n} seeds", name)
    if name in slot.over:
        place.wrong(f"{name} was decided before", name)
    one, other, rails = _sides(place, slot, name, n)
    ends, upper, uppers = numbers.gives_up(one, other, rails, place.contract.metric.minimum_effect)
    place.same("gain", data["gain"], numbers.mean(one) - numbers.mean(other), name)
    place.same("upper", data["upper"], upper, name)
    for rail, value in uppers.items():
        place.same(f"the bound of {rail}", data["guardrails"].get(rail), value, name)
    if bool(data["given_up"]) != ends:
        place.wrong(f"it {'gives up' if data['given_up'] else 'goes on'}, and the rule says otherwise", name)


def _decided(place: _Place) -> None:
    data = place.data
    name, number = data["candidate"], data.get("slot")
    if not number:
        if data["status"] not in ("rejected", "debug"):
            place.wrong(f"{name} is {data['status']} without a slot", name)
        return
    slot = place.standing.slots[number - 1]
    if name not in slot.candidates or name in slot.over:
        place.wrong(f"{name} is not of slot {number}, or was decided in it before", name)
    if slot.data["incumbent"] not in place.standing.incumbents:
        if data["status"] != "inconclusive":
            place.wrong(f"{name} is {data['status']} against an incumbent that was reverted", name)
        return
    n = data["numbers"]["n"]
    looks = slot.looks.get(name, [])
    if given_up := [look for look in looks if look.data["given_up"]]:
        if data["status"] != "inconclusive" or n != given_up[0].data["n"]:
            place.wrong(f"a look gave {name} up after {given_up[0].data['n']} seeds: it is inconclusive", name)
        one, other, _ = _sides(place, slot, name, n)
        place.same("gain", data["numbers"]["gain"], numbers.mean(one) - numbers.mean(other), name)
        return
    if n != slot.data["seeds"]:
        place.wrong(f"{name} is decided after {n} of {slot.data['seeds']} seeds, and no look gave it up", name)
    due = [each for each in slot.data["give_up_at"] if each < slot.data["seeds"]]
    if [look.data["n"] for look in looks] != due:
        place.wrong(f"the looks after {due} seeds were not all made", name)
    _compare_verdict(place, slot, name, n)


def _compare_verdict(place: _Place, slot: SlotSeen, name: str, n: int) -> None:
    one, other, rails = _sides(place, slot, name, n)
    said, confirmation = place.data["numbers"], place.contract.confirmation
    alphas = (slot.data["alpha"], confirmation.guardrail_alpha)
    seen = numbers.verdict(one, other, rails, place.contract.metric.minimum_effect, alphas)
    for key, value in (
        ("gain", seen.gain),
        ("low", seen.low),
        ("high", seen.high),
        ("p", seen.p),
        ("alpha", alphas[0]),
    ):
        place.same(key, said.get(key), value, name)
    for rail, value in seen.rails.items():
        place.same(f"p of {rail}", said["guardrails"].get(rail), value, name)
    if place.data["status"] != seen.status:
        place.wrong(f"{name} is {place.data['status']}, and {seen.status} by the rule", name)
