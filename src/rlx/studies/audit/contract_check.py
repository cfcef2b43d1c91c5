"""The checks `contract` and `candidates`: what was approved, how, what was changed of it, and whether files are still what they were."""

from __future__ import annotations

import re

from rlx.config import is_plain_path
from rlx.errors import CommandFailed, RlxError
from rlx.launch import signatures
from rlx.studies.audit.amendments import breaches
from rlx.studies.audit.book import Book
from rlx.studies.audit.lines import Entry, digest_of_bytes
from rlx.studies.audit.report import Findings
from rlx.studies.audit.standing import Standing
from rlx.studies.contracts.contract import ITEMS

STRENGTH = {"flag": 0, "tty": 1, "signature": 2}
"""How one approves, by strength."""


def check_contract(book: Book, found: Findings) -> None:
    """Check approvals and amendments line by line, and that the file is the approved one."""
    amended: Entry | None = None
    for entry, standing in book.walk():
        if entry.event == "amended":
            amended = entry
        elif entry.event == "approved":
            found.checked += 1
            _approved(book, standing, entry, amended, found)
        elif entry.event == "started" and entry.contract != standing.contract:
            found.add(
                f"a start under contract {entry.contract[:15]}, and {str(standing.contract)[:15]} was approved",
                entry.seq,
                experiment=entry.data.get("experiment"),
                file="contract.yaml",
            )
    approved, path = book.end.contract, book.folder / "contract.yaml"
    real = digest_of_bytes(path.read_bytes()) if path.is_file() else "nothing"
    if approved is not None and real != approved:
        found.add(
            f"contract.yaml is {real[:15]}, and {approved[:15]} was approved: it was edited afterwards",
            file="contract.yaml",
        )


def _approved(book: Book, standing: Standing, entry: Entry, amended: Entry | None, found: Findings) -> None:
    digest = entry.data["contract"]
    try:
        new = book.contract(digest)
    except RlxError as error:
        found.add(str(error), entry.seq, file=f"approved/{digest.removeprefix('sha256:')}.yaml")
        return
    if entry.contract != digest:
        found.add(f"it approves {digest[:15]}, and the file was {entry.contract[:15]}", entry.seq, file="contract.yaml")
    if unknown := set(entry.data["items"]) - set(ITEMS):
        found.add(f"it approves {', '.join(sorted(unknown))}, which is nothing", entry.seq)
    demands = [new.approvals.require]
    if standing.contract not in (None, digest):
        old = book.contract(standing.contract)
        demands.append(old.approvals.require)
        if amended is None or (amended.data["old"], amended.data["new"]) != (standing.contract, digest):
            found.add("it approves a changed contract, and no line before it says what was amended", entry.seq)
        elif amended.data["difference"] != _differences(old.model_dump(mode="json"), new.model_dump(mode="json")):
            found.add("the amendment differs from what its line says", amended.seq)
        if _has_scored(standing):
            for told in breaches(old, new):
                found.add(told, entry.seq, file="contract.yaml")
    demand = max(demands, key=lambda one: STRENGTH[one])
    if STRENGTH[entry.data["method"]] < STRENGTH[demand]:
        found.add(f"it approves by {entry.data['method']}, and the contract demands {demand}", entry.seq)
    if entry.data["method"] == "signature" and (why := _signature(book, entry)):
        found.add(why, entry.seq)


def _differences(old: dict[str, object], new: dict[str, object]) -> dict[str, list[object]]:
    return {key: [old[key], new[key]] for key in old if old[key] != new[key]}


def _has_scored(standing: Standing) -> bool:
    return any(start.is_done and start.phase != "smoke" for start in standing.starts.values())


def _signature(book: Book, entry: Entry) -> str | None:
    """Return what is wrong with the signature of an approval; None where somebody who may sign did."""
    signers = book.root / "studies" / "allowed_signers"
    if not signers.is_file():
        return "it is signed, and studies/allowed_signers is not here to verify that"
    try:
        name = signatures.signer_of(str(entry.data["contract"]), str(entry.data.get("signature")), signers, "rlx-study")
    except CommandFailed as error:
        return f"it is signed, and that cannot be verified here: {error}"
    return None if name else "its signature is of nobody in studies/allowed_signers, or of another contract"


def check_candidates(book: Book, found: Findings) -> None:
    """Check that files of candidates, evidence and audits are what the ledger has, and that ids are in order and not reused."""
    expected = 1
    for entry, standing in book.walk():
        if entry.event == "proposed":
            found.checked += 1
            name = entry.data["candidate"]
            if name in standing.candidates or name != f"c{expected:03d}":
                found.add(
                    f"{name} is proposed, and c{expected:03d} is the next id",
                    entry.seq,
                    candidate=name,
                    file=_file(name),
                )
            expected += 1
        elif entry.event == "validated":
            _validated(standing, entry, found)
        elif entry.event in ("evidence", "audited"):
            found.checked += 1
            _document(book, entry, found)
    for name, tried in book.end.candidates.items():
        path = book.folder / _file(name)
        if not path.is_file() or path.is_symlink():
            found.add(f"{_file(name)} is gone", tried.seq, candidate=name, file=_file(name))
        elif (real := digest_of_bytes(path.read_bytes())) != tried.sha256:
            told = f"{_file(name)} was edited: it is {real[:15]}, and the ledger has {tried.sha256[:15]}"
            found.add(told, tried.seq, candidate=name, file=_file(name))
    known = set(book.end.candidates)
    for path in sorted((book.folder / "candidates").glob("c*.yaml")):
        if path.stem not in known and re.fullmatch(r"c[0-9]{3,}", path.stem):
            found.notes.append(f"candidates/{path.name} is not in the ledger yet")


def _document(book: Book, entry: Entry, found: Findings) -> None:
    """Check that a document that a line names by its hash is there and is what it was."""
    digest = str(entry.data["hash" if entry.event == "evidence" else "sha256"]).removeprefix("sha256:")
    name = f"evidence/{digest}.json" if entry.event == "evidence" else str(entry.data["file"])
    path = book.folder / name
    if not is_plain_path(name) or not path.is_file() or path.is_symlink():
        found.add(f"{name} is gone", entry.seq, file=name)
    elif digest_of_bytes(path.read_bytes()) != f"sha256:{digest}":
        found.add(f"{name} was edited: its hash is not that of its line", entry.seq, file=name)


def _validated(standing: Standing, entry: Entry, found: Findings) -> None:
    """Check that a file is validated anew only before anything of it was started or decided."""
    name = entry.data["candidate"]
    tried = standing.candidates.get(name)
    if tried is None:
        found.add(f"{name} is validated, and was never proposed", entry.seq, candidate=name)
        return
    was_started = any(start.candidate == name for start in standing.starts.values())
    if entry.data["sha256"] != tried.sha256 and (was_started or tried.status not in ("draft", "validated")):
        told = f"{name} is validated with another file after it was started or decided on: a second chance"
        found.add(told, entry.seq, candidate=name, file=_file(name))


def _file(name: str) -> str:
    return f"candidates/{name}.yaml"
