"""What a person names, summed up."""

from __future__ import annotations

from pathlib import Path

from rlx.config import find_root, read_parameters
from rlx.errors import Missing
from rlx.experiments import find_run
from rlx.report.project_summary import summarize_project
from rlx.report.run_summary import summarize_run
from rlx.report.summarized import Summarized
from rlx.report.sweep_summary import points_of, summarize_sweep


def summarize(what: str) -> Summarized:
    """Sum up what a person names: a run, a sweep or, by its folder, a project.

    Raises:
        NotInProject: This is no project.
        Missing: There is no such run or sweep.
    """
    path = Path(what)
    root = find_root(path if path.is_dir() else None)
    parameters = read_parameters(root)
    is_run = (path / "config_snapshot.yaml").exists()
    if path.is_dir() and not is_run and (path.resolve() == root or not what.strip("/.")):
        return summarize_project(root, parameters)
    try:
        return summarize_run(root, parameters, find_run(root, str(path.resolve()) if is_run else what))
    except Missing:
        sweep = path.stem if path.suffix == ".yaml" else what
        members = points_of(root, sweep)
        if not members:
            raise
        return summarize_sweep(root, parameters, sweep, members)
