"""Scope from snapshots: what a kept experiment really trained with, against the baseline's, setting by setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from rlx.comparison import flatten
from rlx.config import parse_yaml
from rlx.errors import RlxError
from rlx.launch import git_blobs
from rlx.studies.audit.amendments import value_refusal
from rlx.studies.audit.book import Book
from rlx.studies.audit.files_kept import KeptFiles
from rlx.studies.audit.lines import digest_of_bytes
from rlx.studies.audit.standing import Standing, Start
from rlx.studies.contracts.contract import Contract
from rlx.studies.contracts.scope import is_never

OF_STARTS = ("seed", "num_seeds", "device", "run_name", "final_eval", "compare", "video")
"""Settings that a start itself has, or that decide no training."""


@dataclass
class Snapshots:
    """Snapshots of a study's experiments.

    Attributes:
        book: The study.
        files: What its experiments keep.
        notes: What could not be checked, and why.
    """

    book: Book
    files: KeptFiles
    notes: list[str] = field(default_factory=list)

    @cached_property
    def baseline(self) -> Mapping[str, Any] | None:
        """The baseline's settings, by dotted key; None where its snapshot is not here."""
        wanted = self.book.end.created["baseline"]
        name = f"runs/{wanted['run']}/config_snapshot.yaml"
        path = self.book.root / name
        contents = [path.read_bytes()] if path.is_file() else []
        commits = {str(start.data.get("commit")) for start in self.book.end.starts.values()}
        contents += [blob for blob in git_blobs(self.book.root, [f"{one}:./{name}" for one in sorted(commits)]) if blob]
        for content in contents:
            if digest_of_bytes(content) == wanted["snapshot"]:
                return flatten(parse_yaml(content.decode()))
        return None

    def refusals(self, start: Start, contract: Contract, standing: Standing) -> list[str]:
        """Return which settings of a start's experiments differ from the baseline's and may not."""
        if self.book.is_simulated or self.book.is_foreign or start.phase in ("smoke", "probe"):
            return []
        end = self.book.end.starts[start.seq].end
        if end is None or not end.data["experiments"]:
            return []
        if self.baseline is None:
            self.notes.append(
                "the baseline's config_snapshot.yaml is nowhere here, so scope is not checked by snapshots"
            )
            return []
        found = []
        for item in end.data["experiments"]:
            try:
                content = self.files.read(item, "config_snapshot.yaml")
            except RlxError as error:
                found.append(f"{item['name']}: {error}")
                continue
            found += self._compared(flatten(parse_yaml(content.decode())), start, contract, standing)
        return found

    def _compared(self, settings: Mapping[str, Any], start: Start, contract: Contract, standing: Standing) -> list[str]:
        base = self.baseline or {}
        allowed = () if start.candidate == "baseline" else tuple(contract.scope)
        patched = start.data.get("patch") is not None
        found = []
        for key in sorted({*base, *settings}):
            old, new = base.get(key), settings.get(key)
            if old == new or key.split(".")[0] in OF_STARTS or (patched and key.startswith("code")):
                continue
            if key.startswith("code") and (key not in base or key not in settings):
                continue  # another network's module, say: its setting is looked at by its own name
            name = next((one for one in allowed if key == one or key.startswith(f"{one}.")), None)
            if name is None or is_never(key):
                found.append(f"it trained with {key} = {new!r} (baseline: {old!r}), which is not in scope")
            elif _is_looked_at(contract, name, key) and (why := value_refusal(contract.scope[name], new)):
                found.append(f"it trained with {key}: {why}")
        del standing
        return found


def _is_looked_at(contract: Contract, name: str, key: str) -> bool:
    """Tell whether a setting's value can be held against the scope's entry: stages are composed, and sections may be whole."""
    entry = contract.scope[name]
    return entry.family != "curriculum" and (name == key or entry.range is not None)
