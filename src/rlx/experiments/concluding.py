"""When sinks are told what came of runs: after the last stage of each, and when they were compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlx.config import read_json, read_parameters
from rlx.errors import DataDamaged, RlxError
from rlx.launch import current_call
from rlx.stats import raised

LAST = {"analyze": "videos/median.json", "video": "analysis.json"}
"""Stages of which the later one ends the making of a run, and what the other writes."""
COMPARE = "compare"


def conclude_stage(root: Path, stage: str, run: str | None) -> None:
    """Tell the sinks of the project what came of runs, if a stage was the last of them; nothing can fail by it.

    Of an experiment the command that makes it tells, once it is kept and judged.

    Args:
        root: The project.
        stage: The stage that has ended well.
        run: Its run.
    """
    if current_call().live is not None:
        return
    from rlx.records import conclude  # when the stage has ended: it takes a moment to load

    try:
        if stage == COMPARE:
            conclude(root, verdicts_of(root), print)
        elif run is not None and stage in LAST and (root / "runs" / run / LAST[stage]).is_file():
            conclude(root, {run: {}}, print)
    except Exception as error:  # noqa: BLE001 — what is made is made
        print(f"nothing is told to the sinks of `log`: {raised(error)}")


def verdicts_of(root: Path) -> dict[str, dict[str, str]]:
    """Return, for each run of the study, what the comparison says of it, by name."""
    try:
        judged: Any = read_json(root / "analysis" / COMPARE / "summary.json")
        study = read_parameters(root).study
        return {
            run: verdict_named(judged[run]["verdict"], read_parameters(root).baseline)
            if "verdict" in judged[run]
            else {}
            for run in study.runs
            if run in judged
        }
    except (OSError, ValueError, KeyError, TypeError, DataDamaged, RlxError):
        return {}


def verdict_named(verdict: str, baseline: str) -> dict[str, str]:
    """Return a verdict as sinks get it."""
    return {"verdict": verdict, "verdict_against": baseline}
