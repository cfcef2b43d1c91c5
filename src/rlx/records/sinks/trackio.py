"""Trackio: a run for each seed, in databases in the project."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlx.records.sinks.options import TrackioOptions, wanted
from rlx.records.sinks.place import all_tags, made_folder, record_name
from rlx.records.sinks.sink import Artifact

_QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "GRADIO_ANALYTICS_ENABLED": "False",
}
"""It is local: nothing asks or tells anybody."""


class Trackio:
    """A seed's run, gone on with whenever it is opened."""

    def __init__(self, options: TrackioOptions, folder: Path):
        """Take what ``params.yaml`` says, and the folder of the trackers; nothing is imported or made yet."""
        self._options, self._folder = options, folder

    def open(self, place: Path, run: str, seed: int, key: str, config: Mapping[str, Any]) -> int:
        """Find the run; returns the step of the newest row that it holds."""
        self._storage = _storage(made_folder(self._folder) / "trackio")
        self._name, self._id = f"{run}-seed-{seed}", record_name(run, key)
        told = {name: value for name, value in config.items() if value is not None}
        tags = all_tags(self._options.tags, config)
        self._config: dict[str, Any] = {"training_seed": seed, "tags": tags, **told, "_Group": run}
        self._pending: list[tuple[int, dict[str, Any], str]] = []
        last = self._storage.get_last_step(self._options.project, self._name, run_id=self._id)
        self._last = -1 if last is None else int(last)
        return self._last

    def write(self, step: int, row: Mapping[str, float]) -> None:
        """Take a row."""
        self._pending.append((step, dict(row), f"{self._id}-{step}"))
        self._last = step

    def flush(self) -> None:
        """Store the rows that wait; one that is there already is not stored again."""
        if not self._pending:
            return
        steps, rows, marks = zip(*self._pending, strict=True)
        self._storage.bulk_log(
            self._options.project,
            self._name,
            list(rows),
            steps=list(steps),
            config={**self._config, "_Created": datetime.now(UTC).isoformat()},
            log_ids=list(marks),
            run_id=self._id,
        )
        self._pending = []

    def conclude(self, summary: Mapping[str, float | str], artifacts: Sequence[Artifact]) -> None:
        """Store scores as values at the last step, all of the summary with the settings, and the files."""
        from trackio.artifact import Artifact as Stored

        self.flush()
        self._config |= {f"summary/{name}": value for name, value in summary.items()}
        numbers = {name: value for name, value in summary.items() if not isinstance(value, str)}
        self._pending.append((max(0, self._last), numbers, f"{self._id}-summary-{sorted(numbers.items())}"))
        self.flush()
        project = self._options.project
        for artifact in wanted(artifacts, self._options.artifacts):
            stored = Stored(f"{self._id}-{artifact.name.replace('/', '-')}", artifact.kind)
            stored.add_file(artifact.path)
            self._storage.commit_artifact_version(  # what is the same is stored once
                project=project,
                name=stored.name,
                type=stored.type,
                description=None,
                manifest=stored._build_manifest(project),
                metadata=None,
                aliases=None,
                run_name=self._name,
                run_id=self._id,
            )

    def close(self, state: str) -> None:
        """Store what waits."""
        self.flush()


def _storage(folder: Path) -> Any:
    """Import the library so that it keeps its databases in a folder; which one, it reads when it is imported."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    before = os.environ.get("TRACKIO_DIR")
    os.environ["TRACKIO_DIR"] = str(folder)
    try:
        from trackio import sqlite_storage, utils
    finally:
        if before is None:
            del os.environ["TRACKIO_DIR"]
        else:
            os.environ["TRACKIO_DIR"] = before
    if folder != utils.TRACKIO_DIR:
        raise RuntimeError(f"this process writes to {utils.TRACKIO_DIR} already; one project at a time can be followed")
    return sqlite_storage.SQLiteStorage
