"""Weights & Biases: a run for each seed, offline in the project unless ``mode: online`` is said."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rlx.errors import ConfigError
from rlx.records.sinks.options import WandbOptions, wanted
from rlx.records.sinks.place import all_tags, made_folder, record_name
from rlx.records.sinks.sink import FAILED, Artifact

KEY = "WANDB_API_KEY"
"""The environment variable that holds the key of whoever sends."""
STEP = "env_step"
"""The x-axis: environment steps."""


class Wandb:
    """A seed's run. Offline it is written anew whenever it is opened, since such files cannot be gone on with."""

    def __init__(self, options: WandbOptions, folder: Path):
        """Take what ``params.yaml`` says, and the folder of the trackers; nothing is imported or made yet."""
        self._options, self._folder = options, folder

    def open(self, place: Path, run: str, seed: int, key: str, config: Mapping[str, Any]) -> int:
        """Begin the run anew (offline), or go on with it (online).

        Raises:
            ConfigError: It is to send, and there is no key in the environment.
        """
        options, name = self._options, record_name(run, key)
        online = options.mode == "online"
        if online and not os.environ.get(KEY):
            raise ConfigError(f"mode: online needs a key in the environment variable {KEY}; or say mode: offline")
        folder = made_folder(self._folder)
        for old in () if online else (folder / "wandb").glob(f"offline-run-*-{name}"):
            shutil.rmtree(old)
        wandb = _started(folder)
        self._run = wandb.init(
            entity=options.entity,
            project=options.project,
            group=run,
            name=f"{run}-seed-{seed}",
            id=name,
            tags=all_tags(options.tags, config),
            config={"training_seed": seed, **{key: value for key, value in config.items() if value is not None}},
            resume="allow" if online else None,
            reinit="create_new",  # the seeds of a run train at the same time
            settings=_settings(wandb, folder, options.mode),
        )
        self._run.define_metric(STEP, hidden=True)
        self._run.define_metric("*", step_metric=STEP)
        return int(self._run.summary.get(STEP, -1)) if online else -1

    def write(self, step: int, row: Mapping[str, float]) -> None:
        """Log a row."""
        self._run.log({STEP: step, **row})

    def flush(self) -> None:
        """Do nothing: another process writes, as rows come."""

    def conclude(self, summary: Mapping[str, float | str], artifacts: Sequence[Artifact]) -> None:
        """Fill the run's summary, and hand over the files, the policies as versions of one model."""
        import wandb

        self._run.summary.update(dict(summary))
        files = wanted(artifacts, self._options.artifacts)
        for kind in dict.fromkeys(artifact.kind for artifact in files):
            bundle = wandb.Artifact(f"{self._run.id}-{kind}", type=kind)
            for artifact in files:
                if artifact.kind == kind:
                    bundle.add_file(str(artifact.path), name=artifact.name)
            self._run.log_artifact(bundle)

    def close(self, state: str) -> None:
        """End the run."""
        self._run.finish(exit_code=int(state == FAILED))


def _started(folder: Path) -> Any:
    """Import the library, and start its process, so that it reports nothing of its own and keeps what it writes in the project.

    At its end a process would wait for a server that does not answer; records are closed one by one, so there is nothing to wait
    for.
    """
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    os.environ.setdefault("WANDB_SILENT", "true")
    for name, inner in (("DATA", "data"), ("CACHE", "cache"), ("CONFIG", "config"), ("ARTIFACT", "artifacts")):
        os.environ.setdefault(f"WANDB_{name}_DIR", str(folder / "wandb" / inner))
    import wandb

    service = getattr(wandb.setup(), "_connection", None)
    if (let_go := getattr(service, "_cleanup", None)) is not None:
        let_go()
    return wandb


def _settings(wandb: Any, folder: Path, mode: str) -> Any:
    """Return what keeps it to what it was given: no console, code, Git, machine or statistics of its own."""
    return wandb.Settings(
        mode=mode,
        root_dir=str(folder),
        console="off",
        silent=True,
        disable_code=True,
        disable_git=True,
        save_code=False,
        init_timeout=20.0,
        x_disable_meta=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )
