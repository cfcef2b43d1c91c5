"""The checks `budget`, `alpha` and `denominator`: sums over the ledger, and that nothing was left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rlx.errors import RlxError
from rlx.studies.audit.book import Book
from rlx.studies.audit.numbers import agree
from rlx.studies.audit.raw_scores import RawScores
from rlx.studies.audit.report import Findings
from rlx.studies.audit.standing import DONE, Standing, Start

RESOURCES = ("steps", "experiments", "wall_clock", "disk")
EXACT = ("steps", "experiments")
"""Resources whose plans are upper bounds, so that they cannot be overdrawn at all."""
Seen = dict[tuple[str, int, int, str], tuple[float, int]]
"""By snapshot, list, seed and metric: what was scored, and in which line."""
SLACK = 1e-6
"""Of rounding in sums of seconds."""


def _sums(standing: Standing) -> dict[str, float]:
    """Return what was spent and is reserved, by resource."""
    found = dict.fromkeys(RESOURCES, 0.0)
    for start in standing.starts.values():
        of = start.data["reserved"] if start.end is None else start.end.data["spent"]
        for name in RESOURCES:
            found[name] += of.get(name, 0)
    return found


def check_budget(book: Book, found: Findings) -> None:
    """Check that sums, reservations included, never were above the contract in force."""
    for entry, standing in book.walk():
        if entry.event == "ended":
            _settled(standing, entry.data, entry.seq, found)
        if entry.event != "started":
            continue
        found.checked += 1
        try:
            limits = book.contract(standing.contract).budget
        except RlxError as error:
            found.add(f"cannot be checked: {error}", entry.seq)
            continue
        sums, reserved = _sums(standing), entry.data["reserved"]
        if reserved["experiments"] != 1:
            found.add("a start is one experiment, and it reserves another number", entry.seq)
        for name in RESOURCES:
            total = sums[name] + reserved[name]
            if reserved[name] < 0 or total > getattr(limits, name) + SLACK:
                told = f"{name}: spent and reserved come to {total:,.10g}, and {getattr(limits, name):,} are allowed"
                found.add(told, entry.seq, experiment=entry.data.get("experiment"))


def _settled(standing: Standing, data: Mapping[str, Any], seq: int, found: Findings) -> None:
    start = standing.starts.get(data["started"])
    spent: Mapping[str, float] = data["spent"]
    if start is None:
        found.add("it ends a start that there is not", seq)
        return
    if start.end is not None:
        found.add(f"it ends the start of line {start.seq + 1}, which line {start.end.seq + 1} had ended", seq)
    for name in RESOURCES:
        if not math.isfinite(spent[name]) or spent[name] < 0:
            found.add(f"it spent {spent[name]} {name}", seq, experiment=start.experiment)
    for name in EXACT:
        if spent[name] > start.data["reserved"][name]:
            told = f"it spent {spent[name]:,} {name} and had reserved {start.data['reserved'][name]:,}"
            found.add(told, seq, experiment=start.experiment)


def check_alpha(book: Book, found: Findings) -> None:
    """Check that each slot's alpha follows from the past, and that all together are at most the contract's."""
    for entry, standing in book.walk():
        if entry.event != "slot":
            continue
        found.checked += 1
        try:
            confirmation = book.contract(standing.contract).confirmation
        except RlxError as error:
            found.add(f"cannot be checked: {error}", entry.seq)
            continue
        count = len(entry.data["arms"]) - 1
        left = confirmation.slots - len(standing.slots)
        if left < 1 or count < 1:
            found.add(f"it is opened for {count} candidates with {left} slots left", entry.seq)
            continue
        due = (confirmation.alpha - standing.alpha_spent) / left / count
        if not agree(entry.data["alpha"], due, 1e-12):
            found.add(f"its alpha is {entry.data['alpha']:.6g}, and {due:.6g} was due", entry.seq)
        total = standing.alpha_spent + entry.data["alpha"] * count
        if total > confirmation.alpha + 1e-12:
            found.add(f"alpha is overspent: {total:.6g} of {confirmation.alpha:g}", entry.seq)


def check_denominator(book: Book, scores: RawScores, found: Findings) -> None:
    """Check that every assigned seed scored or failed, none of another block did, and none counts twice."""
    seen: Seen = {}
    for entry, standing in book.walk():
        if entry.event != "ended" or entry.data["started"] not in standing.starts:
            continue
        found.checked += 1
        start = Start(standing.starts[entry.data["started"]].entry, entry)
        data, assigned = entry.data, set(start.seeds)
        scored, failed = ({int(seed) for seed in data[key]} for key in ("scores", "failures"))
        where = {"candidate": start.candidate, "experiment": start.experiment}
        for seed in sorted((scored | failed) - assigned):
            found.add(f"seed {seed} was not assigned to it", entry.seq, seed=seed, **where)
        for seed in sorted(scored & failed):
            found.add(f"seed {seed} both scored and failed", entry.seq, seed=seed, **where)
        if data["status"] in DONE and start.phase != "probe":
            for seed in sorted(assigned - scored - failed):
                found.add(f"seed {seed} was assigned, and has neither score nor failure", entry.seq, seed=seed, **where)
        for seed in sorted(scored):
            said = data["scores"][str(seed)]
            if missing := [name for name in start.data["metrics"] if name not in said]:
                found.add(f"seed {seed} has no {', '.join(missing)}", entry.seq, seed=seed, **where)
            _stays(seen, start, seed, said, found)
        if start.phase not in ("smoke", "probe") and not scores.is_said(start) and data["status"] in DONE:
            _episodes(scores, start, scored, found)


def _stays(seen: Seen, start: Start, seed: int, said: Mapping[str, float], found: Findings) -> None:
    """Check that a seed scores what it did in an earlier start of the same settings on the same list."""
    assert start.end is not None
    if start.phase == "smoke":
        return
    seq = start.end.seq
    for metric, value in said.items():
        key = (start.data["snapshot"], start.data["list"], seed, metric)
        before, line = seen.setdefault(key, (value, seq))
        if before != value:
            told = f"seed {seed}: {metric} is {value!r}, and was {before!r} in line {line + 1}, of the same settings and list"
            found.add(told, seq, seed=seed, candidate=start.candidate, experiment=start.experiment)


def _episodes(scores: RawScores, start: Start, scored: set[int], found: Findings) -> None:
    """Check that held-out episodes are of the seeds that scored, all of them, each its own."""
    assert start.end is not None
    where = {"experiment": start.experiment, "file": "eval/episodes.csv"}
    seq = start.end.seq
    if not start.end.data["experiments"]:
        if scored:
            found.add("seeds have scores, and no experiment keeps their episodes", seq, experiment=start.experiment)
        return
    try:
        episodes = scores.episodes(start)
    except (RlxError, ValueError, KeyError) as error:
        found.add(f"its episodes cannot be read: {error}", seq, **where)
        return
    failed = {int(seed) for seed in start.end.data["failures"]}
    for seed in sorted(scored - set(episodes.by_seed)):
        found.add(f"seed {seed} has a score and no episodes", seq, seed=seed, **where)
    for seed in sorted(set(episodes.by_seed) - scored - failed):
        found.add(f"seed {seed} has episodes and neither score nor failure", seq, seed=seed, **where)
    for seed in episodes.twice:
        found.add(f"seed {seed} is in several experiments of it", seq, seed=seed, **where)
    lists = {seed: [row["reset_seed"] for row in rows] for seed, (_, rows) in episodes.by_seed.items()}
    for seed, resets in lists.items():
        if len(resets) != start.data["episodes"] or len(set(resets)) != len(resets):
            told = f"seed {seed} has {len(set(resets))} episodes of its own, and {start.data['episodes']} are due"
            found.add(told, seq, seed=seed, **where)
        if resets != next(iter(lists.values())):
            found.add(f"seed {seed} played other episodes than the first seed", seq, seed=seed, **where)
