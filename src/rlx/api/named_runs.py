"""Runs as people name them in Python: objects, or names with the project that has them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rlx.api.project import Project, open as open_project
from rlx.api.run import Run
from rlx.errors import UsageError


def root_and_names(runs: Sequence[Run | str], project: str | Path | Project | None) -> tuple[Path, list[str]]:
    """Return the project of some runs, and their names.

    Args:
        runs: Them.
        project: Whose they are, where they are names alone; by default the project of the current folder.

    Raises:
        UsageError: They are of several projects, or something among them is no run.
        NotInProject: There is no project.
    """
    if odd := next((run for run in runs if not isinstance(run, Run | str)), None):
        raise UsageError(f"{type(odd).__name__} is no run and no name of one")
    if project is None:
        roots = list(dict.fromkeys(run.root for run in runs if isinstance(run, Run)))
        root = roots[0] if roots else open_project().root
    else:
        root = project.root if isinstance(project, Project) else open_project(project).root
    if other := next((run for run in runs if isinstance(run, Run) and run.root != root), None):
        raise UsageError(
            f"{other.name} is a run of {other.root}, not of {root}; runs of several projects: compare their scores"
        )
    return root, [run.name if isinstance(run, Run) else run for run in runs]
