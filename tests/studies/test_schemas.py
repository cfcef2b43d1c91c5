"""The JSON Schemas in the documentation are those of the models, and documents keep to them."""

from __future__ import annotations

from pathlib import Path

from rlx.studies.schemas import schemas
from rlx.studies.status import status_of
from tests.studies.simulated import begun, run

FOLDER = Path(__file__).parent.parent.parent / "docs" / "schemas"


def test_they_are_up_to_date() -> None:
    written = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert written == dict(schemas()), "python -m rlx.studies.schemas docs/schemas"


def test_a_state_keeps_to_its_schema(tmp_path: Path) -> None:
    study, trainer = begun(tmp_path)
    run(study, trainer, starts=3)
    found = status_of(study)
    assert type(found).model_validate_json(found.model_dump_json()) == found
