"""A line of a ledger: canonical JSON, chained by hashes."""

from __future__ import annotations

import hashlib
import json
import re
from functools import lru_cache
from typing import Any, Literal

from rlx.config import Section

FIRST = "sha256:" + "0" * 64
"""What the first line has as the hash of the one before it."""
Event = Literal[
    "created", "approved", "revoked", "amended", "claimed", "floor", "evidence", "proposed", "validated", "refused", "started",
    "ended", "slot", "screened", "look", "decided", "reverted", "closed", "audited",
]  # fmt: skip


class Actor(Section):
    """Who wrote a line.

    Attributes:
        kind: A person at a terminal, the loop, or an agent.
        user: The account.
        host: The machine.
        agent: The agent's name, where it says one (`RLX_AGENT`).
    """

    kind: Literal["person", "loop", "agent"]
    user: str
    host: str
    agent: str | None = None


class Line(Section):
    """A line.

    Attributes:
        seq: Its number, from 0; it orders.
        time: When it was written, in UTC; for people.
        actor: Who wrote it.
        contract: Hash of the contract at that moment.
        event: What happened.
        data: The facts of it (docs/studies.md lists them by event).
        prev: Hash of the line before.
        hash: Hash of this line without this.
    """

    seq: int
    time: str
    actor: Actor
    contract: str
    event: Event
    data: dict[str, Any]
    prev: str
    hash: str

    def to_text(self) -> str:
        """Return the line as it stands in the file, without its end."""
        return canonical(self.model_dump())


def canonical(data: Any) -> str:
    """Return plain values as canonical JSON: sorted keys, no spaces, UTF-8.

    Raises:
        ValueError: It holds NaN or an infinity.
    """
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def hash_of(data: Any) -> str:
    """Return ``sha256:`` and the hash of plain values in canonical JSON."""
    return f"sha256:{hashlib.sha256(canonical(data).encode()).hexdigest()}"


def hash_of_line(content: dict[str, Any]) -> str:
    """Return the hash of a line: of everything in it but the hash."""
    return hash_of({key: value for key, value in content.items() if key != "hash"})


@lru_cache(maxsize=20_000)
def parse(text: str) -> Line:
    """Return the line that a text is.

    Raises:
        ValueError: It is none, is not written as lines are, or has another hash than it says.
    """
    from rlx.config import parse_json

    content = parse_json(text)
    line = Line.model_validate(content)
    if line.to_text() != text:
        raise ValueError("is not written as rlx writes lines")
    if hash_of_line(content) != line.hash:
        raise ValueError("has another hash than it says")
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", line.prev):
        raise ValueError("its prev is no hash")
    return line
