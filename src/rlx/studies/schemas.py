"""JSON Schemas of the documents of studies, made from the models that check them: ``python -m rlx.studies.schemas docs/schemas``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from rlx.config import write_text
from rlx.studies.adapters.adapter import Adapter
from rlx.studies.audit.report import AuditReport
from rlx.studies.beginning_foreign import AdapterDraft
from rlx.studies.contracts.candidate import Candidate
from rlx.studies.contracts.contract import Contract, Metric
from rlx.studies.evidence.documents import Curriculum, Probe, Reflection, Review
from rlx.studies.ledger.line import Line
from rlx.studies.monitor import StudyMonitor
from rlx.studies.report_facts import StudyFacts
from rlx.studies.status import QueueEntry, StudyStatus

MODELS: dict[str, type] = {
    "contract": Contract,
    "metric": Metric,
    "candidate": Candidate,
    "ledger-line": Line,
    "state": StudyStatus,
    "queue": QueueEntry,
    "status": StudyMonitor,
    "report": StudyFacts,
    "reflection": Reflection,
    "review": Review,
    "probe": Probe,
    "curriculum": Curriculum,
    "adapter": Adapter,
    "adapter-draft": AdapterDraft,
    "audit": AuditReport,
}
"""By the name of the schema's file."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each schema."""
    for name, model in MODELS.items():
        content: dict[str, Any] = {"$schema": DIALECT, **TypeAdapter(model).json_schema(mode="validation")}
        yield f"{name}.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def main(folder: Path) -> None:
    """Write all schemas."""
    for name, text in schemas():
        write_text(folder / name, text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
