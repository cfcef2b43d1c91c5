"""A person's or agent's review of a reward, read from the file it was written in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rlx.config import Document, read_document
from rlx.errors import ConfigError, Problem
from rlx.stats import nearest
from rlx.studies.evidence.final_policies import versions_here

if TYPE_CHECKING:
    from rlx.studies.evidence.documents import Review

QUESTIONS = {
    "without_task": "can it be earned without doing the task, and how?",
    "scale": "how large are its parts beside each other, and beside what the algorithm expects?",
    "signal": "what does it tell a policy that knows nothing (early), and one that is nearly good (late)?",
    "terminations": "what do the ends of episodes pay: is ending early, or never, worth it?",
    "guardrail": "which guardrail of the contract would show that it is gamed?",
}
"""The five questions, by key."""
HEAD = ("format", "reviewer")
EMPTY = frozenset({"", "-", "—", ".", "?", "…", "...", "tbd", "todo", "n/a", "na", "none", "unknown", "xxx", "fixme"})
"""Answers that say nothing."""
MOST = 20_000
"""Characters of one answer."""


def read_review(path: Path, run: str, seeds: tuple[int, ...] = (), snapshot: str | None = None) -> Review:
    """Return the review that a YAML or JSON file holds: ``format: 1``, ``reviewer``, and the five answers by key.

    Args:
        path: The file.
        run: The run whose reward is reviewed.
        seeds: Its training seeds.
        snapshot: Hash of its configuration.

    Raises:
        ConfigError: It is no review; the message says each line and its cure.
    """
    from rlx.studies.evidence.documents import Answers, Review

    document = read_document(path)
    problems = [*document.problems, *_problems(document)]
    if problems:
        raise ConfigError(problems)
    return Review(
        run=run,
        snapshot=snapshot,
        seeds=seeds,
        policies={},
        command=f"rlx study propose --review {path.name}",
        versions=versions_here(),
        reviewer=document.data["reviewer"].strip(),
        answers=Answers(**{key: document.data[key].strip() for key in QUESTIONS}),
    )


def review_form() -> str:
    """Return a review file with the questions, to be filled in."""
    lines = ["format: 1", "reviewer:      # who answers", *(f"{key}:      # {text}" for key, text in QUESTIONS.items())]
    return "\n".join(lines) + "\n"


def _problems(document: Document) -> Iterator[Problem]:
    data: Mapping[str, object] = document.data
    known = [*HEAD, *QUESTIONS]
    for key in data:
        if key not in known:
            yield document.problem((key,), f"is no part of a review; {nearest(str(key), known)}")
    if "format" not in data:
        yield document.problem(("format",), "is missing; write `format: 1`")
    elif data["format"] != 1 or isinstance(data["format"], bool):
        yield document.problem(("format",), "this rlx reads reviews of format 1", at_value=True)
    yield from _text(document, "reviewer", "who answers?")
    for key, question in QUESTIONS.items():
        yield from _text(document, key, question)


def _text(document: Document, key: str, question: str) -> Iterator[Problem]:
    """Yield what is wrong with an answer."""
    if key not in document.data:
        yield document.problem((key,), f"is missing; answer in a sentence: {question}")
        return
    value = document.data[key]
    if value is None or (isinstance(value, str) and value.strip().lower() in EMPTY):
        yield document.problem((key,), f"says nothing; answer in a sentence: {question}", at_value=True)
    elif not isinstance(value, str):
        yield document.problem((key,), f"must be a text; answer in a sentence: {question}", at_value=True)
    elif len(value) > MOST:
        yield document.problem((key,), f"has {len(value):,} characters, and an answer at most {MOST:,}", at_value=True)
