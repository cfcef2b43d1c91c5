"""A look at a foreign repository for `rlx study init --adapter`: a draft of its adapter, and its task card."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rlx.config import read_bytes
from rlx.launch import git
from rlx.stats import visible
from rlx.studies.adapters.draft import adapter_draft, entry_of, hint_for
from rlx.studies.adapters.isolation import SAFE, PinnedSource, pinned, worktree
from rlx.studies.adapters.running import Call, Running, run_call
from rlx.studies.adapters.source_facts import SourceFact, Sources, read_sources

MOST_IN_CARD = 40
"""Places of one topic that a task card lists."""
TITLES = {
    "entry": "Entry points",
    "config": "Configuration",
    "logging": "Logging",
    "reward": "Rewards",
    "termination": "Terminations",
    "unreadable": "Not readable",
}
_OPTION = re.compile(r"--([A-Za-z0-9][A-Za-z0-9_.\-]*)")


@dataclass(frozen=True)
class Inspection:
    """What was found in a repository.

    Attributes:
        adapter: The text of a draft of its adapter.
        card: The task card, Markdown: what was found, with file and line.
        facts: The same, each by itself.
        hint: Which hint fitted: generic, mjlab, holosoma.
        commit: The commit that was looked at.
    """

    adapter: str
    card: str
    facts: tuple[SourceFact, ...]
    hint: str
    commit: str


def inspect_repository(repository: Path, root: Path, *, help_timeout: float | None = None) -> Inspection:
    """Read a repository at the commit it is at.

    Nothing of it is imported or run, but for the training command's `--help` where that is asked for.

    Args:
        repository: Its top folder.
        root: The project, to which the adapter's path is relative.
        help_timeout: Seconds that `--help` may take; None: it is not run.

    Raises:
        Missing: It is no Git repository, or has no commit.
    """
    pinned(repository, "HEAD")
    sources = read_sources(repository)
    options, told = _help(repository, sources, help_timeout) if help_timeout is not None else ([], "")
    path = os.path.relpath(repository.resolve(), root.resolve())
    hint = hint_for(sources)["name"]
    if git(repository, *SAFE, "status", "--porcelain", "--untracked-files=no"):
        told = "; ".join(filter(None, [told, "it has uncommitted changes, which are no part of the commit"]))
    card = "\n".join(_card(sources, path, hint, told)) + "\n"
    return Inspection(adapter_draft(sources, path, options), card, sources.facts, hint, sources.commit)


def _help(repository: Path, sources: Sources, timeout: float) -> tuple[list[str], str]:
    """Return the options that the training command's `--help` lists, and what came of running it."""
    entry = entry_of(sources, "train")
    if entry is None:
        return [], "no command was found whose `--help` could be run"
    with tempfile.TemporaryDirectory(prefix="rlx-help-") as place:
        printed = Path(place, "help.txt")
        with worktree(PinnedSource(repository, sources.commit), Path(place, "worktrees")) as tree:
            words = [word.replace("{worktree}", str(tree)) for word in entry.words]
            _, failure = run_call(Call([*words, "--help"], tree, {}, printed, timeout), Running(pauses=(2.0, 2.0)))
        if failure is not None:
            return [], f"`--help` of the training command failed: {failure.message}"
        text = read_bytes(printed, 2**31).decode(errors="replace")
    options = list(dict.fromkeys(_OPTION.findall(text)))
    return options, f"`--help` of the training command lists {len(options)} options"


def _card(sources: Sources, path: str, hint: str, told: str) -> Iterator[str]:
    """Yield the lines of a task card."""
    yield f"# Task card: {visible(path, cell=True)}"
    yield ""
    yield f"Commit {sources.commit}, hint {hint}, {len(sources.files):,} files. Read from the source; nothing of it was imported."
    if told:
        yield f"Note: {visible(told, cell=True)}."
    if sources.left_out:
        yield f"{sources.left_out:,} Python files were not looked at: there are too many, or they are too large."
    if ".gitmodules" in sources.files:
        yield "It has submodules (.gitmodules), which a worktree does not bring: what needs them will fail."
    if sources.scripts:
        yield from ("", "## Console scripts", "")
        yield from (f"- `{_cell(name)}`: `{_cell(target)}`" for name, target in sorted(sources.scripts.items()))
    for topic, title in TITLES.items():
        facts = sources.of(topic)
        if not facts and topic != "unreadable":
            yield from ("", f"## {title}", "", "unknown: nothing in the source is called like it")
        if facts:
            yield from ("", f"## {title}", "")
            yield from (f"- {_cell(fact.file)}:{fact.line} `{_cell(fact.text)}`" for fact in facts[:MOST_IN_CARD])
            if len(facts) > MOST_IN_CARD:
                yield f"- and {len(facts) - MOST_IN_CARD:,} more"


def _cell(text: str) -> str:
    """Return text of the repository so that it steers neither a terminal nor Markdown."""
    return visible(text, cell=True).replace("`", "'")
