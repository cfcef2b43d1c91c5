"""The study's roster: the compare stage in ``dvc.yaml`` lists the results of exactly the runs in ``study.runs``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlx.config import FILE as JUDGING
from rlx.errors import ConfigError
from rlx.experiments.pipeline import ANALYSIS, PLOTS, compares_plots, load_pipeline, write_pipeline, writes_judging
from rlx.launch import current_call

RESULTS = ("config_snapshot.yaml", JUDGING, "eval", ANALYSIS, "metadata.json")
"""What the compare stage needs of each run, as paths in its folder."""


def compare_deps(pipeline: Any, runs: Sequence[str]) -> list[str]:
    """Return what the compare stage of a pipeline must list for these runs, in order."""
    results = [result for result in RESULTS if result != JUDGING or writes_judging(pipeline)]
    if compares_plots(pipeline):
        results[results.index(ANALYSIS)] = PLOTS
    return [f"runs/{run}/{result}" for run in runs for result in results]


def check_roster(root: Path, runs: Sequence[str]) -> None:
    """Check that the compare stage in ``dvc.yaml`` depends on exactly the study's runs.

    Raises:
        ConfigError: It does not; the message carries the cure.
    """
    if current_call().run is not None:
        return  # the stages of one run alone are made
    pipeline = load_pipeline(root)
    listed = {dep.split("/")[1] for dep in _listed(pipeline) if dep.startswith("runs/")}
    if [dep for dep in _listed(pipeline) if dep.startswith("runs/")] != compare_deps(pipeline, runs):
        missing, extra = [run for run in runs if run not in listed], sorted(listed - set(runs))
        facts = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"still lists {', '.join(extra)}"] * bool(extra)
        what = " and ".join(facts) or "lists their results incompletely or in another order"
        raise ConfigError(
            f"dvc.yaml: the compare stage is out of step with study.runs in params.yaml: it {what}; mend it with `rlx sync`"
        )


def sync_roster(root: Path, runs: Sequence[str]) -> bool:
    """Bring the compare stage's deps in ``dvc.yaml`` in step with the study's runs; comments stay.

    Returns:
        Whether anything had to change.
    """
    pipeline = load_pipeline(root)
    listed = _listed(pipeline)
    wanted = [dep for dep in listed if not dep.startswith("runs/")] + compare_deps(pipeline, runs)
    if listed == wanted:
        return False
    deps = pipeline["stages"]["compare"]["deps"]
    deps[:] = wanted
    write_pipeline(root, pipeline)
    return True


def _listed(pipeline: Any) -> list[str]:
    try:
        return [str(dep) for dep in pipeline["stages"]["compare"]["deps"]]
    except (KeyError, TypeError):
        raise ConfigError(
            "dvc.yaml: has no stage `compare` with `deps`; `rlx init` in an empty folder shows how it should look"
        ) from None
