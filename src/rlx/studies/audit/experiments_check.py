"""The checks `artifacts` and `experiments`: kept files against the ledger's hashes, and kept experiments against its lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rlx.errors import RlxError
from rlx.experiments import experiments
from rlx.launch import git
from rlx.studies.audit.book import Book
from rlx.studies.audit.files_kept import KeptFiles
from rlx.studies.audit.lines import digest_of_bytes
from rlx.studies.audit.report import Findings
from rlx.studies.audit.standing import Start

NO_FILES = "simulation: nothing was trained, so nothing is kept"
NO_EXPERIMENTS = "another repository: its starts make no experiments; their data lie in the study's folder"
HASHED = {"episodes": "eval/episodes.csv", "snapshot": "config_snapshot.yaml", "metadata": "metadata.json"}
"""By key of an `ended` line's experiment: the file that its hash is of."""
TRAILER = "rlx-record: "
"""How the line of a kept experiment's message begins that says what it was made for."""


def check_artifacts(book: Book, files: KeptFiles, found: Findings) -> None:
    """Compute the hash of every file again that an `ended` line names."""
    if book.is_simulated:
        found.skip(NO_FILES)
        return
    for start in book.end.starts.values():
        for item in start.end.data["experiments"] if start.end else []:
            found.checked += 1
            _hashes(start, item, files, found)
            if not book.is_foreign:
                _policies(start, item, files, found)
                _metadata(start, item, files, found)


def _hashes(start: Start, item: Mapping[str, Any], files: KeptFiles, found: Findings) -> None:
    assert start.end is not None
    for key, path in HASHED.items():
        if item.get(key) is None:
            continue
        where = {"experiment": str(item["name"]), "file": path}
        try:
            real = digest_of_bytes(files.read(item, path))
        except RlxError as error:
            found.add(str(error), start.end.seq, **where)
            continue
        if real.removeprefix("sha256:") != str(item[key]).removeprefix("sha256:"):
            found.add(f"{path} is {real[:15]}, and the ledger has {item[key][:15]}", start.end.seq, **where)


def _policies(start: Start, item: Mapping[str, Any], files: KeptFiles, found: Findings) -> None:
    """Hold the policies that `summary.json` names, and of confirmations the checkpoints themselves, against the ledger."""
    said = item.get("checkpoints") or {}
    if not said:
        return
    assert start.end is not None
    name = str(item["name"])
    try:
        summary = json.loads(files.read(item, "eval/summary.json"))
        seeds = summary["checkpoints"]["latest"]["seeds"]
    except (RlxError, ValueError, KeyError, TypeError) as error:
        found.add(f"summary.json: {error}", start.end.seq, experiment=name, file="eval/summary.json")
        return
    for seed, policy in said.items():
        where = {"experiment": name, "seed": int(seed), "file": f"checkpoints/seed_{seed}/latest.zip"}
        digest = str(policy).removeprefix("sha256:")
        if (known := seeds.get(seed, {}).get("policy_sha256")) != digest:
            found.add(
                f"seed {seed}: summary.json has policy {str(known)[:12]}, the ledger {digest[:12]}",
                start.end.seq,
                **where,
            )
        if start.phase != "confirmation":
            continue
        try:
            real = policy_of(files, item, int(seed))
        except RlxError as error:
            found.add(f"seed {seed}: {error}", start.end.seq, **where)
            continue
        if real != digest:
            found.add(
                f"seed {seed}: its checkpoint holds policy {real[:12]}, the ledger {digest[:12]}",
                start.end.seq,
                **where,
            )


def policy_of(files: KeptFiles, item: Mapping[str, Any], seed: int) -> str:
    """Return the hash of the policy that a kept checkpoint holds.

    Raises:
        RlxError: It is not here, or damaged.
    """
    from rlx.records import checkpoints

    path = files.path(item, f"checkpoints/seed_{seed}/latest.zip")
    return checkpoints.weights_hash(checkpoints.load(path))


def _metadata(start: Start, item: Mapping[str, Any], files: KeptFiles, found: Findings) -> None:
    """Hold what `metadata.json` says of seeds and steps against the ledger."""
    assert start.end is not None
    where = {"experiment": str(item["name"]), "file": "metadata.json"}
    if item.get("metadata") is None:
        return
    try:
        content = json.loads(files.read(item, "metadata.json"))
        seeds = {int(each["seed"]): each for each in content["seeds"]}
    except (RlxError, ValueError, KeyError, TypeError) as error:
        found.add(f"metadata.json: {error}", start.end.seq, **where)
        return
    for seed in item["seeds"]:
        status = seeds.get(int(seed), {}).get("status")
        scored = str(seed) in start.end.data["scores"]
        if scored and status != "finished":
            found.add(
                f"seed {seed} has a score, and metadata.json says {status}", start.end.seq, seed=int(seed), **where
            )
    if len(start.end.data["experiments"]) > 1 or start.end.data["failures"]:
        return  # what failed trained, too, and is in none of the parts that are kept
    trained = sum(int(each.get("steps") or 0) for each in seeds.values() if not each.get("reused"))
    due = min(
        trained, start.data["reserved"]["steps"]
    )  # DVC may have taken it from its cache, metadata of then with it
    spent = start.end.data["spent"]["steps"]
    if (
        not due <= spent <= start.data["reserved"]["steps"]
    ):  # a start that went on after a kill pays all that it reserved
        found.add(f"it spent {spent:,} steps, and by metadata.json {due:,} were trained", start.end.seq, **where)


def check_experiments(book: Book, found: Findings) -> None:
    """Hold what kept experiments say of themselves against the ledger, in both directions."""
    if book.is_simulated or book.is_foreign:
        found.skip(NO_EXPERIMENTS if book.is_foreign else NO_FILES)
        return
    lines = {start.entry.hash: start for start in book.end.starts.values()}
    named = set[str]()
    for start in book.end.starts.values():
        for item in start.end.data["experiments"] if start.end else []:
            found.checked += 1
            named.add(str(item["commit"]))
            _carries(book, start, item, found)
    for kept in experiments(book.root):
        record = record_of(book, kept.commit)
        if kept.commit in named or record is None or not _is_of(book, record):
            continue
        found.checked += 1
        line = next((start for digest, start in lines.items() if _holds(record, digest)), None)
        if line is None:
            found.add(
                f"{kept.name} ({kept.commit[:10]}) says it is of this study, and no `started` line has the hash that it carries: "
                "trained outside, then claimed",
                experiment=kept.name,
            )
        elif line.end is not None and line.is_done:
            found.add(
                f"{kept.name} carries the line of {line.experiment}, whose end does not name it",
                line.seq,
                experiment=kept.name,
            )


def _carries(book: Book, start: Start, item: Mapping[str, Any], found: Findings) -> None:
    """Check that the experiment of an end carries the hash of its start."""
    assert start.end is not None
    name = str(item["name"])
    record = record_of(book, str(item["commit"]))
    if record is None:
        found.add(
            f"{name} ({str(item['commit'])[:10]}): there is no such experiment, or it says nothing of itself",
            start.end.seq,
            experiment=name,
        )
    elif not _is_of(book, record) or not any(_holds(record, digest) for digest in _own_and_earlier(book, start)):
        found.add(
            f"{name} does not carry the hash of its start, {start.entry.hash[:15]}", start.end.seq, experiment=name
        )


def _own_and_earlier(book: Book, start: Start) -> list[str]:
    """Return the hashes that a start's experiment may carry: its own, or that of an earlier start of it that was broken off."""
    broken_off = [
        each.entry.hash
        for each in book.end.starts.values()
        if each.experiment == start.experiment
        and each.seq < start.seq
        and each.end is not None
        and each.end.data["status"] in ("interrupted", "lost")
    ]
    return [start.entry.hash, *broken_off]


def record_of(book: Book, commit: str) -> Mapping[str, Any] | None:
    """Return what the commit of a kept experiment says that it was made for; None where it says nothing."""
    try:
        message = git(book.root, "show", "--no-patch", "--format=%B", "--end-of-options", commit)
        line = next(line for line in message.split("\n") if line.startswith(TRAILER))
        content = json.loads(line.removeprefix(TRAILER))
    except (RlxError, StopIteration, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in _texts(each)]
    return [str(value)]


def _is_of(book: Book, record: Mapping[str, Any]) -> bool:
    """Tell whether a record names this study."""
    return any(text == book.name or text.startswith(f"{book.name}@") for text in _texts(record.get("study")))


def _holds(record: Mapping[str, Any], digest: str) -> bool:
    """Tell whether a record carries the hash of a line."""
    wanted = digest.removeprefix("sha256:")
    return any(wanted in text for text in _texts({key: value for key, value in record.items() if key != "settings"}))
