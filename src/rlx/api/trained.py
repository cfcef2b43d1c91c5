"""``rlx.train``: one experiment of the project at hand, or of a new one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlx.api.making import REFUSALS, made
from rlx.api.project import Project, folder_named, open as open_project
from rlx.api.run import Run
from rlx.config import find_root
from rlx.errors import NotInProject
from rlx.experiments import create_project


def train(  # noqa: PLR0913
    config: str | Path | Mapping[str, Any] | Run,
    settings: Mapping[str, Any] | Sequence[str] = (),
    *,
    project: str | Path | Project | None = None,
    run: str | None = None,
    seeds: int | None = None,
    name: str | None = None,
    executor: str | None = None,
    quiet: bool = False,
) -> Run:
    """Train a configuration as one experiment of a project, and return it when it is finished.

    ``rlx.train("cartpole", {"algo.gamma": 0.99}, seeds=3)`` does what `rlx train cartpole -S algo.gamma=0.99 --seeds 3` does, in
    processes of its own, so that it needs no ``if __name__ == "__main__":`` and works in a notebook.

    Args:
        config: As :meth:`Project.make` takes it.
        settings: Likewise.
        project: The project, or a folder in it; by default the one that the current folder lies in. A folder that is not there,
            or is empty, becomes a new project, as by `rlx init`, and stays, unless it is refused.
        run: As :meth:`Project.make` takes it, like all that follow.
        seeds: How many seeds to train.
        name: What to call the experiment.
        executor: Where seeds are trained.
        quiet: Say only what goes wrong.

    Returns:
        The experiment.

    Raises:
        NotInProject: No project was named, and the current folder lies in none.
        ConfigError: As :meth:`Project.make`.
        UsageError: Likewise.
        TrainingFailed: Likewise.
        KeyboardInterrupt: Likewise.
    """
    if project is None and isinstance(config, Run):
        place = Project(config.root)
    elif isinstance(project, Project):
        place = project
    elif project is None:
        place = _project_here()
    else:
        with _project(folder_named(project), quiet=quiet) as there:
            return made(there.root, config, settings, run=run, seeds=seeds, name=name, executor=executor, quiet=quiet)
    return made(place.root, config, settings, run=run, seeds=seeds, name=name, executor=executor, quiet=quiet)


def _project_here() -> Project:
    try:
        return open_project()
    except NotInProject as error:
        raise NotInProject(f'{error}; rlx.train(…, project="NAME") makes one, too') from None


@contextmanager
def _project(folder: Path, *, quiet: bool) -> Iterator[Project]:
    """Give the project of a folder, which is made where nothing is; one that is new does not stay where the block is refused."""
    if folder.exists() and any(folder.iterdir()):
        yield open_project(folder)
        return
    folder = folder.absolute()
    above = [each for each in (folder, *folder.parents) if not each.exists()]
    for note in create_project(folder, None):
        if not quiet:
            print(note)
    try:
        yield Project(find_root(folder))
    except REFUSALS:
        for inner in list(folder.iterdir()):
            shutil.rmtree(inner) if inner.is_dir() else inner.unlink()
        for each in above:
            each.rmdir()
        raise
