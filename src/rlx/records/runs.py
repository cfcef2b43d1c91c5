"""The run folder ``runs/<run>/``: its layout, and ``metadata.json`` with the facts that may differ between equal runs."""

from __future__ import annotations

import io
import os
import platform
import re
import shlex
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlx.config import (
    FILE,
    Judging,
    Metric,
    Snapshot,
    check_links,
    find_root,
    from_dvc,
    libraries_of,
    metrics_from,
    read_json,
    read_judging,
    read_snapshot,
    read_table,
    recorded_facts,
    write_json,
)
from rlx.errors import DataDamaged, Missing, NotInProject
from rlx.launch import versions_of
from rlx.records.bench import bench_folder
from rlx.records.dvc_cache import is_object
from rlx.records.elsewhere import check_own, cure_of_study_run, snapshot_hash
from rlx.records.live import LAYOUT, live_folder
from rlx.records.live_notes import AT_WORK, Process
from rlx.records.metadata_shape import FORMAT, check_metadata, not_metadata
from rlx.records.metrics import iterate_rows
from rlx.records.run_state import run_state
from rlx.records.spent import TRAINING

if TYPE_CHECKING:  # pandas and scipy take a second to import, and training needs neither
    from rlx.comparison import RunScores
    from rlx.records.origin import Origin
    from rlx.records.results import Summary
    from rlx.stats import SeedCurve

LIBRARIES = ("rlx", "torch", "stable-baselines3", "gymnasium", "numpy", "numba", "scipy", "dvc")


_BEING_MADE = "has no scores yet: it is being made; `rlx ls` shows how far it is"
WHY_UNFINISHED = {
    **dict.fromkeys(AT_WORK, _BEING_MADE),
    "elsewhere": "has no scores here: {cure}",
    "stopped": "has no scores yet: it was stopped; `rlx resume {run}` goes on from there",
    "failed": "has no scores: it failed; `rlx resume {run}` goes on after the cause is mended",
}
"""Why a run that is not finished has no scores, by its state."""


@dataclass(frozen=True)
class RunFolder:
    """A run on disk.

    Attributes:
        path: Its folder.
        label: What a person called it, where that is not the folder's name (``cartpole@v1.0``).
        origin: The commit it was read from, where it was read through Git.
    """

    path: Path
    label: str | None = None
    origin: Origin | None = None

    def __post_init__(self) -> None:
        """Refuse a folder from which links lead elsewhere: it may be from a stranger, and all of it is read."""
        check_links(self.path, LAYOUT, self._may_lead)

    def _may_lead(self, target: Path) -> bool:
        """Tell whether a link in the folder may lead to a resolved path: to DVC's cache, or to a seed on the bench."""
        try:
            root = find_root(self.path.parent.parent)  # `runs/` may be a link
        except NotInProject:
            return False
        bench = bench_folder(root).resolve()
        inner = target.relative_to(bench).parts if target.is_relative_to(bench) else ()
        return is_object(root, target) or bool(inner and re.fullmatch(r"[0-9a-f]{24}", inner[0]))

    @property
    def name(self) -> str:
        """What the run is called: its label, or the name of its folder."""
        return self.label or self.path.name

    @property
    def snapshot(self) -> Snapshot:
        """The effective configuration; see :func:`rlx.config.snapshot.read_snapshot`."""
        return read_snapshot(self.path / "config_snapshot.yaml")

    @property
    def judging(self) -> Judging | None:
        """By what the run is judged; None for a run that was made before that was written down."""
        path = self.path / FILE
        return read_judging(path) if path.exists() else None

    @property
    def judged(self) -> Judging:
        """By what the run is judged.

        Raises:
            Missing: It was not written down.
            DataDamaged: The file cannot be read.
        """
        found = self.judging
        if found is None:
            raise Missing(
                f"{self.path / FILE}: no such file; `dvc repro` makes it (in an older project, first `rlx upgrade`)"
            )
        return found

    @property
    def evaluation(self) -> Summary:
        """The held-out scores; see :func:`rlx.records.results.read_summary`.

        Raises:
            Missing: There are none, or they are of another configuration.
            DataDamaged: The file cannot be read.
        """
        from rlx.records.results import read_summary

        if not self.is_evaluated and (told := WHY_UNFINISHED.get(self.state)):
            raise Missing(
                f"{self.name} {told.format(run=shlex.quote(self.path.name), cure=cure_of_study_run(self.path))}"
            )
        check_own(self.path, self.name)
        return read_summary(self.path / "eval")

    def check_own_training(self) -> None:
        """Refuse to read what training left of another configuration than the one beside it.

        Raises:
            Missing: It did; the message says whose it is and what brings the run's own.
        """
        check_own(self.path, self.name, scores=False)

    @property
    def state(self) -> str:
        """What the run is just now; see :mod:`rlx.records.run_state`."""
        try:
            metadata = read_metadata(self.path)
        except (Missing, DataDamaged):
            metadata = None
        return run_state(self.path, metadata, kept=self.origin is not None)

    @property
    def documented(self) -> dict[str, Metric]:
        """The metrics that it was trained with, as ``metadata.json`` keeps them; empty where it keeps none that can be read."""
        try:
            return metrics_from(read_metadata(self.path).get("metrics")) or {}
        except (Missing, DataDamaged):
            return {}

    @property
    def seeded(self) -> bool | None:
        """Whether ``reset(seed)`` of its environment determines an episode, as `resolve` found; None: not known.

        Raises:
            DataDamaged: Its ``task.json`` cannot be read.
        """
        from rlx.records.environment_facts import read_facts  # loads NumPy, which few commands need

        facts = read_facts(self.path)
        return facts.seeded if facts else None

    @property
    def is_evaluated(self) -> bool:
        """Whether there are held-out scores."""
        return (self.path / "eval" / "summary.json").exists()

    def scores(self, checkpoint: str) -> RunScores:
        """Return what comparing needs, with the scores of ``latest`` or ``best``.

        Raises:
            Missing: The run has no evaluation, or none of that checkpoint.
            DataDamaged: A file of it cannot be read.
        """
        from rlx.comparison import RunScores, flatten

        summary, snapshot = self.evaluation, self.snapshot
        if checkpoint not in summary.scores:
            raise Missing(
                f"{self.path}: its evaluation has no checkpoint {checkpoint!r}; there are {', '.join(summary.scores)}"
            )
        score = summary.scores[checkpoint]
        config = {key: value for key, value in snapshot.to_data().items() if key not in ("format", "run_name")}
        if start := config["checkpoint"].get("start"):
            config["checkpoint"] = {**config["checkpoint"], "start": start["run"]}  # hashes mean nothing to people
        budget = max(score.steps.values(), default=None)
        return RunScores(self.name, score.seeds, score.policies, summary.task, flatten(config), score.success, budget)

    def episode_means(self, checkpoint: str, metric: str) -> dict[int, float]:
        """Return each seed's mean of a number of its held-out episodes.

        Args:
            checkpoint: ``latest`` or ``best``.
            metric: ``return``, ``length`` or ``success``.

        Raises:
            Missing: There are no episodes, or the environment does not report success.
            DataDamaged: ``episodes.csv`` cannot be read.
        """
        from rlx.records.results import read_episodes

        table = read_episodes(self.path / "eval")
        rows = table[table["checkpoint"] == checkpoint]
        if rows[metric].isna().any():
            raise Missing(f"{self.name}: its environment does not report {metric} in every episode")
        means = rows.astype({metric: float}).groupby("seed")[metric].mean()
        return {int(str(seed)): float(mean) for seed, mean in means.items()}

    def final_validation(self) -> dict[int, float]:
        """Return the validation return of each seed's final policy; without the seeds whose last update was not validated.

        Raises:
            DataDamaged: ``metrics.jsonl`` cannot be read.
        """
        path, found, steps = self.path / "metrics.jsonl", dict[int, tuple[int, float]](), dict[int, int]()
        for row in iterate_rows(path) if path.is_file() else ():
            seed, step = int(row["seed"]), int(row["step"])
            steps[seed] = max(step, steps.get(seed, 0))
            if (value := row.get("validation/return_mean")) is not None:
                found[seed] = step, float(value)
        return {seed: value for seed, (step, value) in found.items() if step == steps[seed]}

    def evidence(self, checkpoint: str) -> RunScores:
        """Return the scores together with all that an honest comparison names beside them.

        That is, from ``metadata.json``, where there is one, the engine, code and library versions, and in which steps the
        seeds were planned.

        Raises:
            Missing: As :meth:`scores`.
            DataDamaged: As :meth:`scores`, or ``metadata.json`` cannot be read.
        """
        found = self.scores(checkpoint)
        metadata = read_metadata(self.path) if (self.path / "metadata.json").exists() else {}
        planned = {
            seed["seed"]: seed["planned"]
            for seed in metadata.get("seeds", [])
            if seed.get("planned") and seed["seed"] in found.scores
        }
        return replace(
            found,
            provenance=provenance(metadata),
            planned=planned,
            random_return=self.evaluation.random_return,
            seeded=self.seeded,
        )


SAME = "any with AVX2 and FMA: the bits are the same"
"""What stands for the processor of a run whose result does not depend on it."""


def is_portable(metadata: Mapping[str, Any]) -> bool:
    """Tell whether a run's result has the same bits on every x86 processor with AVX2 and FMA, by its metadata."""
    return bool((metadata.get("engine") or {}).get("portable"))


def provenance(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a run comes from, of what its metadata tell: engine, code and library versions; empty if nothing."""
    if not metadata:
        return {}
    git = metadata.get("git") or {}
    dirty = git.get("dirty") or []
    versions = {f"versions.{name}": version for name, version in (metadata.get("versions") or {}).items()}
    return {
        "engine": (metadata.get("engine") or {}).get("name"),
        "code.commit": (git.get("commit") or "")[:12] or None,
        "code.changed files": ", ".join(dirty) or None,
        "processor": SAME if is_portable(metadata) else (metadata.get("host") or {}).get("processor"),
        **versions,
    }


def read_curve_table(folder: Path) -> dict[int, SeedCurve] | None:
    """Return each seed's learning curve from ``plots/learning_curve.csv``: mean returns over environment steps.

    None where the file is missing; :class:`~rlx.errors.DataDamaged` where it is no such table.
    """
    import numpy as np
    import pandas as pd

    from rlx.stats import SeedCurve

    path = folder / "plots" / "learning_curve.csv"
    if not path.exists():
        return None
    try:
        table = pd.read_csv(io.StringIO(read_table(path)))
        by_seed = table.astype({"step": int, "seed": int, "return_mean": float}).groupby("seed")
        found = {
            int(str(seed)): SeedCurve(rows["step"].to_numpy(), rows["return_mean"].to_numpy()) for seed, rows in by_seed
        }
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise DataDamaged(
            f"{path}: is not a learning curve ({str(error)[:120]}); {from_dvc(path, folder.name)}"
        ) from None
    if not all(np.isfinite(curve.values_T).all() for curve in found.values()):
        raise DataDamaged(f"{path}: has empty cells; {from_dvc(path, folder.name)}")
    return found


def write_metadata(
    folder: Path, status: str, snapshot: Snapshot, seeds: Sequence[Any], facts: Mapping[str, Any]
) -> None:
    """Write ``metadata.json``: status, seeds, versions, code, host and cost.

    Args:
        folder: The run folder.
        status: ``running``, ``finished``, ``failed`` or ``stopped``.
        snapshot: The run's effective configuration.
        seeds: Outcomes of the seeds that have ended (:class:`rlx.training.seeds.SeedOutcome`).
        facts: What the caller knows of code and time: ``git``, ``started``, ``ended``, ``seconds``, ``device``.
    """
    done = [asdict(seed) for seed in seeds]
    told = [engine for seed in done if (engine := seed.pop("engine"))]
    engines = {engine["name"]: engine["reason"] for engine in told}
    portable = all(engine.get("portable", False) for engine in told)
    steps = sum(seed["steps"] for seed in done)
    seconds = sum(seed["seconds"] or 0.0 for seed in done)
    noted = [seed["spent"] for seed in done if seed["spent"]]
    spent = {part: round(sum(each.get(part, 0.0) for each in noted), 3) for part in TRAINING} if noted else None
    content = {
        "format": FORMAT,
        "status": status,
        "snapshot": snapshot_hash(folder),
        "run_name": snapshot.config.run_name,
        "environment": snapshot.config.env.id,
        "algorithm": snapshot.config.algo.name,
        **recorded_facts(snapshot.config.algo.name),
        "process": asdict(Process.own()) if status == "running" else None,
        "seeds": done,
        "seeds_wanted": snapshot.seeds,
        "environment_facts": _environment_facts(folder),
        "engine": {"name": ", ".join(engines), "reason": "; ".join(engines.values()), "portable": portable}
        if engines
        else None,
        **facts,
        "cost": {
            "environment_steps": steps,
            "training_seconds_all_seeds": round(seconds, 3),
            "training_seconds_by_part": spent,
            "steps_per_second_per_worker": round(steps / seconds, 1) if seconds else None,
        },
        "versions": {
            "python": platform.python_version(),
            **versions_of((*LIBRARIES, *libraries_of(snapshot.config.algo))),
        },
        "host": host(),
    }
    for target in (folder, live_folder()):
        if target is not None:
            write_json(target / "metadata.json", content)


def _environment_facts(folder: Path) -> dict[str, Any] | None:
    """Return what of the environment bears on how far a result can be trusted; None where nothing was noted."""
    from rlx.records.environment_facts import read_facts

    try:
        facts = read_facts(folder)
    except DataDamaged:
        return None
    return {"seeded": facts.seeded, "global_generators": list(facts.generators)} if facts else None


def read_metadata(folder: Path) -> dict[str, Any]:
    """Read ``metadata.json``.

    Raises:
        Missing: There is none.
        DataDamaged: It is not such a file, see :mod:`rlx.records.metadata_shape`.
    """
    path = folder / "metadata.json"
    if not path.exists():
        raise Missing(f"{path}: no such file")
    try:
        content: dict[str, Any] = read_json(path)
        check_metadata(content)
    except (OSError, ValueError) as error:
        raise not_metadata(path, error) from None
    return content


def host() -> dict[str, Any]:
    """Return what the bits of a result can depend on, beside the libraries: processor, its features, system."""
    return {
        "name": socket.gethostname(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": _processor("model name") or platform.processor(),
        "vector_instructions": sorted(
            set((_processor("flags") or "").split()) & {"avx", "avx2", "avx512f", "fma", "amx_tile"}
        ),
        "cores": os.cpu_count(),
        "executable": sys.executable,
    }


def _processor(key: str) -> str | None:
    """Return a line of ``/proc/cpuinfo`` (None where there is no such file)."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), None)
