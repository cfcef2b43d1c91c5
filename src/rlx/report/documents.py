"""The JSON that commands print with ``--json``: which document each is, and the page ``docs/json.md`` about them.

Fields may be added within a format; whoever renames, removes or changes one raises its number.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from rlx.experiments import Listing
from rlx.report.analysis import Analyzed, Diagnosed, Suggested
from rlx.report.comparison_files import Compared
from rlx.report.doctor.examination import Examination
from rlx.report.doctor.reproduction import Reproduction
from rlx.report.document import from_json, key_of
from rlx.report.metric_explanations import ExplainedRun
from rlx.report.metric_tables import Plotted
from rlx.report.played import Evaluated, FilmFacts
from rlx.report.project_summary import ProjectSummed
from rlx.report.run_facts import RunFacts
from rlx.report.run_summary import RunSummed
from rlx.report.search_result import Searched
from rlx.report.sweep_points import Swept
from rlx.report.sweep_summary import SweepSummed
from rlx.skills import SkillsInstalled
from rlx.training import CheckedAlgorithm

DOCUMENTS: dict[str, type] = {
    "ls": Listing,
    "info": RunFacts,
    "compare": Compared,
    "eval": Evaluated,
    "video": FilmFacts,
    "sweep": Swept,
    "sweep SEARCH": Searched,
    "plot": Plotted,
    "explain-metrics": ExplainedRun,
    "summarize RUN": RunSummed,
    "summarize SWEEP": SweepSummed,
    "summarize": ProjectSummed,
    "analyze": Analyzed,
    "diagnose": Diagnosed,
    "suggest": Suggested,
    "doctor": Examination,
    "doctor --reproduce": Reproduction,
    "check-algorithm": CheckedAlgorithm,
    "skills install": SkillsInstalled,
}
"""By command, what its ``--json`` prints."""
TYPE_NAMES = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    NoneType: "null",
    Any: "anything",
}
"""How types are called."""
HEAD = """# JSON

<!-- Made by `python -m rlx.report.documents > docs/json.md`. -->

Every command that reports prints JSON with `--json`, the same numbers as its tables with every digit. Each document
carries the number of its `format`: fields may be added to one; a field that changes or goes raises the number. Numbers
that do not exist, or are infinite, are `null`. Messages go to standard error, so that the output can be piped:
`rlx ls --json | python -m json.tool`.
"""


def check_document(command: str, text: str) -> None:
    """Check that a text is the document that a command prints, and nothing more.

    Raises:
        ValueError: It is not.
    """
    from_json(DOCUMENTS[command], text, exact=True)


def render_documents() -> str:
    """Return the page about all documents."""
    lines, told = [HEAD], set[type]()
    for command, document in DOCUMENTS.items():
        lines += [f"## rlx {command}", "", _meaning(document), ""]
        waiting = [document]
        while waiting:
            part = waiting.pop(0)
            if part in told:
                continue
            told.add(part)
            lines += [] if part is document else [f"**{part.__name__}**: {_meaning(part)}", ""]
            lines += ["| field | type | meaning |", "| --- | --- | --- |"]
            meanings, kinds = _attributes(part), get_type_hints(part)
            lines += [
                f"| `{key_of(each.name)}` | {_type(kinds[each.name], waiting)} | {meanings[each.name]} |"
                for each in fields(part)
                if each.metadata.get("document", True)
            ]
            lines.append("")
    return "\n".join(lines)


def _meaning(part: type) -> str:
    """Return the first paragraph of a class's docstring."""
    return _markdown((part.__doc__ or "").partition("\n\n")[0])


def _attributes(part: type) -> dict[str, str]:
    """Return what the docstrings of a class and its bases say of each field."""
    found: dict[str, str] = {}
    for each in reversed(part.__mro__):
        text = inspect.cleandoc(each.__doc__ or "").partition("Attributes:\n")[2]
        for name, meaning in re.findall(r"^    (\w+): ((?:.*\n?)(?:^ {8}.*\n?)*)", text, re.MULTILINE):
            found[name] = _markdown(meaning)
    return found


def _markdown(text: str) -> str:
    """Return the text of a docstring in a line of Markdown."""
    plain = re.sub(r":\w+:`(?:[^`]*\.)?([^`.]+)`", r"`\1`", text.replace("``", "`"))
    return " ".join(re.sub(r"\bNone\b|\bNaN\b(?= where)", "null", plain).split())


def _type(annotation: Any, waiting: list[type]) -> str:
    """Describe a type, and note which parts it consists of."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in arguments)
    if origin in (dict, Mapping):
        return "mapping" if arguments[1] is Any else f"mapping of {_type(arguments[1], waiting)}"
    if origin is not None:
        inner = ["number"] if origin is np.ndarray else [_type(each, waiting) for each in arguments if each is not ...]
        either = " or ".join(dict.fromkeys(inner))
        return either if origin in (Union, UnionType) else f"list of {either}"
    if annotation not in TYPE_NAMES:
        waiting.append(annotation)
    return TYPE_NAMES.get(annotation) or str(annotation.__name__)


if __name__ == "__main__":
    import sys

    sys.stdout.write(render_documents())
