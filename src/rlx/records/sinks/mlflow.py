"""MLflow: a run for each seed below one for all of them, in a database of the project or on a server."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock

from rlx.config import sha256_of
from rlx.records.sinks.options import MlflowOptions, wanted
from rlx.records.sinks.place import all_tags, made_folder, record_name
from rlx.records.sinks.sink import FAILED, FINISHED, OF_RUN, STOPPED, Artifact

DATABASE, ARTIFACTS = "mlflow.db", "mlartifacts"
STEP = "step"
"""A metric whose value is the step of the newest row that the record holds."""
MOST_METRICS, MOST_PARAMETERS, MOST_TEXT = 1000, 100, 6000
"""What one request may hold, and a parameter's value (https://mlflow.org/docs/latest/rest-api.html)."""
ROWS = 50
"""How many rows wait before they are sent."""
STATES = {FINISHED: "FINISHED", FAILED: "FAILED", STOPPED: "KILLED"}
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Nothing is reported, and a server that is gone is given up within a minute."""


class Mlflow:
    """A seed's run, gone on with whenever it is opened. Of several processes one writes at a time."""

    def __init__(self, options: MlflowOptions, folder: Path):
        """Take what ``params.yaml`` says, and the folder of the trackers; nothing is imported or made yet."""
        self._options, self._folder = options, folder

    def open(self, place: Path, run: str, seed: int, key: str, config: Mapping[str, Any]) -> int:
        """Find the run by its key, or create it; returns the step of the newest row that it holds."""
        self._client, self._metric = self._connected()
        self._pending: list[list[Any]] = []
        with self._alone():
            experiment = self._experiment()
            parent, _ = self._found(experiment, run, {"rlx.run": run, "rlx.key": record_name(run, "all")})
            if parent.info.status == "RUNNING":  # it only holds the others together
                self._client.set_terminated(parent.info.run_id)
            tags = {"mlflow.parentRunId": parent.info.run_id, "rlx.run": run, "rlx.seed": str(seed)}
            mine, new = self._found(experiment, f"{run}-seed-{seed}", {**tags, "rlx.key": record_name(run, key)})
            self._parent, self._id = parent.info.run_id, mine.info.run_id
            if new:
                self._describe(config)
            self._client.update_run(self._id, status="RUNNING")
        self._last = int(mine.data.metrics.get(STEP, -1))
        return self._last

    def write(self, step: int, row: Mapping[str, float]) -> None:
        """Take a row."""
        now = int(time.time() * 1000)
        self._pending.append(
            [self._metric(name, float(value), now, step) for name, value in (*row.items(), (STEP, step))]
        )
        self._last = step
        if len(self._pending) >= ROWS:
            self.flush()

    def flush(self) -> None:
        """Send the rows that wait, each as a whole."""
        with self._alone() if self._pending else nullcontext():
            while self._pending:
                count = max(1, _fitting(self._pending))
                self._client.log_batch(self._id, metrics=[metric for row in self._pending[:count] for metric in row])
                del self._pending[:count]

    def conclude(self, summary: Mapping[str, float | str], artifacts: Sequence[Artifact]) -> None:
        """Log scores as metrics, verdicts as tags, and files; those of the run with the run that holds all seeds."""
        self.flush()
        with self._alone():
            self._summarize(self._id, summary)
            own = {name: value for name, value in summary.items() if isinstance(value, str) or name.startswith(OF_RUN)}
            self._summarize(self._parent, own)
            for artifact in wanted(artifacts, self._options.artifacts):
                self._send(artifact, self._parent if artifact.of_run else self._id)

    def close(self, state: str) -> None:
        """Send what waits, and say how the training ended."""
        self.flush()
        with self._alone():
            self._client.set_terminated(self._id, STATES[state])

    def _connected(self) -> tuple[Any, Any]:
        """Return a client, and what a metric is made of."""
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        from mlflow.entities import Metric
        from mlflow.tracking import MlflowClient

        for name in ("mlflow", "alembic"):  # their news of making a database are none
            logging.getLogger(name).setLevel(logging.ERROR)
        made_folder(self._folder)
        address = self._options.uri or f"sqlite:///{self._folder / DATABASE}"
        with self._alone():
            return MlflowClient(tracking_uri=address, registry_uri=address), Metric

    def _alone(self) -> AbstractContextManager[Any]:
        """Hold the database alone; a server minds its own."""
        return nullcontext() if self._options.uri else FileLock(self._folder / "mlflow.lock")

    def _experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        if found := self._client.get_experiment_by_name(self._options.project):
            return str(found.experiment_id)
        place = None if self._options.uri else (self._folder / ARTIFACTS).as_uri()
        try:
            return str(self._client.create_experiment(self._options.project, artifact_location=place))
        except MlflowException:  # somebody else has just created it
            if found := self._client.get_experiment_by_name(self._options.project):
                return str(found.experiment_id)
            raise

    def _found(self, experiment: str, name: str, tags: Mapping[str, str]) -> tuple[Any, bool]:
        """Return the run of a key, and whether it is new."""
        known = self._client.search_runs([experiment], f"tags.`rlx.key` = '{tags['rlx.key']}'", max_results=1)
        if known:
            return known[0], False
        return self._client.create_run(experiment, run_name=name, tags=dict(tags)), True

    def _describe(self, config: Mapping[str, Any]) -> None:
        """Note the settings and the tags."""
        from mlflow.entities import Param, RunTag

        params = [Param(name, str(value)[:MOST_TEXT]) for name, value in config.items() if value is not None]
        tags = [RunTag(tag, "true") for tag in all_tags(self._options.tags, config)]
        for start in range(0, len(params), MOST_PARAMETERS):
            self._client.log_batch(self._id, params=params[start : start + MOST_PARAMETERS])
        self._client.log_batch(self._id, tags=tags)

    def _summarize(self, run: str, summary: Mapping[str, float | str]) -> None:
        """Give a run what it does not hold yet."""
        held = self._client.get_run(run).data
        for name, value in summary.items():
            if isinstance(value, str):
                self._client.set_tag(run, name, value)
            elif held.metrics.get(name) != value:
                self._client.log_metric(run, name, value, step=max(0, self._last))

    def _send(self, artifact: Artifact, run: str) -> None:
        """Send a file, unless the run has it already."""
        mark, digest = f"rlx.artifact.{artifact.name}", sha256_of(artifact.path)
        if self._client.get_run(run).data.tags.get(mark) == digest:
            return
        self._client.log_artifact(run, str(artifact.path), str(PurePosixPath(artifact.name).parent))
        self._client.set_tag(run, mark, digest)


def _fitting(rows: Sequence[Sequence[Any]]) -> int:
    """Return how many rows go into one request."""
    return sum(1 for total in _running(len(row) for row in rows) if total <= MOST_METRICS)


def _running(sizes: Iterator[int] | Any) -> Iterator[int]:
    total = 0
    for size in sizes:
        total += size
        yield total
