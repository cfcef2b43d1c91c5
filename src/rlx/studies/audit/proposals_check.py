"""The check `proposals`: what the sampler proposed, drawn again from what the ledger had at that moment."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from rlx.errors import RlxError
from rlx.experiments import Range, SamplerRow, Space, Tried, sampler
from rlx.studies.audit.book import Book
from rlx.studies.audit.lines import Entry
from rlx.studies.audit.raw_scores import RawScores
from rlx.studies.audit.report import Findings
from rlx.studies.audit.standing import Standing
from rlx.studies.contracts.contract import Contract

DRAWN = ("algorithm",)
"""Families that a sampler draws."""
SEEDS = 1000
"""The sampler's seed is the first eight hex digits of the contract's hash, modulo this."""


def check_proposals(book: Book, scores: RawScores, found: Findings) -> None:
    """Draw every proposal of a sampler again."""
    numbers = set[int]()
    for entry, standing in book.walk():
        source = entry.data.get("source") or {}
        if entry.event != "proposed" or source.get("kind") != "sampler":
            continue
        name = entry.data["candidate"]
        try:
            _check_one(scores, standing, entry, numbers, found)
        except RlxError as error:
            found.notes.append(f"{name} could not be drawn again: {error}")
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            found.add(f"{name} could not be drawn again: {type(error).__name__}: {error}", entry.seq, candidate=name)
    if not found.checked and not found.problems and not found.notes:
        found.skip("no sampler proposed anything")


def _check_one(scores: RawScores, standing: Standing, entry: Entry, numbers: set[int], found: Findings) -> None:
    book, source, name = scores.book, entry.data["source"], entry.data["candidate"]
    contract, number = book.contract(standing.contract), int(source["number"])
    if source["sampler"] != contract.proposals.sampler:
        told = f"{name} is of {source['sampler']}, and the contract's sampler is {contract.proposals.sampler}"
        found.add(told, entry.seq, candidate=name)
        return
    row = sampler(source["sampler"])
    if (other := _other_version(row, source.get("version"))) is not None:
        found.notes.append(f"{name} was not drawn again: {other}")
        return
    if number in numbers or number < max(numbers, default=-1):
        found.add(f"{name} is proposal {number}, which came before", entry.seq, candidate=name)
    file = book.candidate(name, entry.data["sha256"])
    if file is None:
        found.notes.append(f"{name} was not drawn again: its file was edited since it was proposed")
        return
    space = _space(contract, str(standing.contract))
    tried = _tried(book, scores, contract, standing) if row.cohort is not None else []
    found.checked += 1
    drawn = _drawn(row, space, tried, number)
    if not _is_same(drawn, file.overrides):
        told = f"{name} is not what {row.name} proposes as number {number}: that is {_shown(drawn)}"
        found.add(told, entry.seq, candidate=name, file=f"candidates/{name}.yaml")
    for passed in range(max(numbers, default=-1) + 1, number):
        _passed_over(book, standing, _drawn(row, space, tried, passed), passed, found)
    numbers.add(number)


def _other_version(row: SamplerRow, version: str | None) -> str | None:
    """Return how the sampler's library is another one than then; None where it is not."""
    if not row.needs:
        return None
    try:
        here = f"{row.needs} {importlib.metadata.version(row.needs)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{version} drew it, and {row.needs} is not installed here"
    return None if here == version else f"{version} drew it, and {here} is installed here"


def _space(contract: Contract, digest: str) -> Space:
    domains: dict[str, Any] = {}
    for key, entry in contract.scope.items():
        if entry.family in DRAWN:
            low, high = entry.range or (0, 0)
            domains[key] = (
                list(entry.values) if entry.values is not None else Range(low, high, log=entry.scale == "log")
            )
    return Space(domains, seed=int(digest.removeprefix("sha256:")[:8], 16) % SEEDS)


def _tried(book: Book, scores: RawScores, contract: Contract, standing: Standing) -> list[Tried]:
    """Return what a sampler could learn from: selection means of all candidates by then, failures included."""
    found = []
    for tried in standing.candidates.values():
        file = book.candidate(tried.name, tried.sha256)
        if file is None:
            continue
        done = standing.done(tried.name, "promotion") or standing.done(tried.name, "trial")
        if not done:
            found.append(Tried(dict(file.overrides), failed=tried.status in ("debug", "rejected")))
            continue
        metric = contract.metric
        values = list(scores.counted(contract, standing, done[-1], metric.name, metric.sign).values())
        found.append(Tried(dict(file.overrides), sum(values) / len(values), len(values)))
    return found


def _drawn(row: SamplerRow, space: Space, tried: list[Tried], number: int) -> Mapping[str, Any] | None:
    made = row.make(Space(space.domains, seed=space.seed, tried=list(tried)))
    if row.remembers:
        for earlier in range(number):
            made.ask(earlier)
    return made.ask(number)


def _is_same(drawn: Mapping[str, Any] | None, overrides: Mapping[str, Any]) -> bool:
    return drawn is not None and dict(drawn) == dict(overrides)


def _passed_over(book: Book, standing: Standing, drawn: Mapping[str, Any] | None, number: int, found: Findings) -> None:
    """Say where a number that the sampler drew became no candidate: it must come to something that was tried."""
    for tried in standing.candidates.values():
        file = book.candidate(tried.name, tried.sha256)
        if file is not None and _is_same(drawn, file.overrides):
            return
    found.notes.append(
        f"proposal {number} ({_shown(drawn)}) was passed over: rlx does so where it comes to what was tried; look whether it does"
    )


def _shown(drawn: Mapping[str, Any] | None) -> str:
    return "nothing" if drawn is None else ", ".join(f"{key}={value!r}" for key, value in drawn.items())
