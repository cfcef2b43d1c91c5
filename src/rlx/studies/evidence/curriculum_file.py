"""The record of a curriculum, read from the file that a person or an agent wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rlx.config import Document, KeyPath, read_document
from rlx.errors import ConfigError, Problem
from rlx.stats import nearest
from rlx.studies.evidence.final_policies import versions_here

if TYPE_CHECKING:
    from pydantic import ValidationError

    from rlx.studies.evidence.documents import Curriculum, Probe

FORM = "a record has format, probe, cases, bridge, diversity, task_hash and rollback"


def read_curriculum(path: Path, probe: Probe) -> Curriculum:
    """Return the record that a YAML or JSON file holds; what it says is held against a probe by ``check_curriculum``.

    Args:
        path: The file: ``format: 1``, ``probe`` (its hash), ``cases``, ``bridge``, ``diversity``, ``task_hash``, ``rollback``.
        probe: The probe whose run it is about.

    Raises:
        ConfigError: It is no record; the message says each line and its cure.
    """
    from pydantic import ValidationError

    from rlx.studies.evidence.documents import Curriculum, CurriculumContent

    document = read_document(path)
    data = dict(document.data)
    problems = list(document.problems)
    if data.pop("format", None) != 1:
        problems.append(document.problem(("format",), "write `format: 1`", at_value=True))
    if problems:
        raise ConfigError(problems)
    try:
        found = CurriculumContent.model_validate_json(json.dumps(data))
    except ValidationError as error:
        raise ConfigError(_problems(document, error)) from None
    return Curriculum(
        run=probe.run,
        snapshot=probe.snapshot,
        seeds=probe.seeds,
        policies=probe.policies,
        command=f"rlx study propose --curriculum {path.name}",
        versions=versions_here(),
        **{name: getattr(found, name) for name in CurriculumContent.model_fields},
    )


def _problems(document: Document, error: ValidationError) -> list[Problem]:
    """Return what is wrong with a record, each at its line."""
    from rlx.studies.evidence.documents import CurriculumContent

    problems = []
    for item in error.errors(include_url=False, include_input=False):
        path: KeyPath = tuple(part for part in item["loc"] if part not in ("int", "float"))
        if item["type"] == "extra_forbidden":
            known = list(CurriculumContent.model_fields) if len(path) == 1 else []
            told = f"is no part of a record; {nearest(str(path[-1]), known, FORM)}"
        elif item["type"] == "missing":
            told = f"is missing; {FORM}"
        else:
            told = f"{item['msg'][0].lower()}{item['msg'][1:]}; {FORM}"
        problems.append(document.problem(path, told, at_value=item["type"] not in ("extra_forbidden", "missing")))
    return list({(each.line, each.key): each for each in problems}.values())
