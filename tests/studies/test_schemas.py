"""The JSON Schemas in the documentation are those of the models, and documents keep to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]

from rlx.studies import audit_study, monitored
from rlx.studies.schemas import schemas
from rlx.studies.status import status_of
from tests.studies.simulated import begun, run

FOLDER = Path(__file__).parent.parent.parent / "docs" / "schemas"


def test_they_are_up_to_date() -> None:
    written = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert written == dict(schemas()), "python -m rlx.studies.schemas docs/schemas"


def check(name: str, document: Any) -> None:
    """Hold a document, as it is printed or written, against its schema in the documentation."""
    schema = json.loads((FOLDER / f"{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(json.dumps(document)))


def test_documents_of_a_study_keep_to_the_schemas_of_the_documentation(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    run(study, trainer, starts=3)
    found = status_of(study)
    assert type(found).model_validate_json(found.model_dump_json()) == found
    check("state", found.model_dump(mode="json"))
    assert (study.folder / "state.json").is_file()
    check("state", json.loads((study.folder / "state.json").read_text()))
    check("status", monitored(study).model_dump(mode="json"))
    for line in study.ledger.path.read_text().splitlines():
        check("ledger-line", json.loads(line))
    check("contract", yaml.safe_load((study.folder / "contract.yaml").read_text()))
    (first, *_) = sorted((study.folder / "candidates").glob("*.yaml"))
    check("candidate", yaml.safe_load(first.read_text()))
    check("audit", audit_study(study.name, study.root).model_dump(mode="json"))


def test_a_schema_refuses_what_a_document_may_not_be(tmp_path: Path) -> None:
    study, _ = begun(tmp_path)
    found = monitored(study).model_dump(mode="json")
    for wrong in ({**found, "more": 1}, {**found, "lines": "many"}, {k: v for k, v in found.items() if k != "head"}):
        with pytest.raises(ValidationError):
            check("status", wrong)
