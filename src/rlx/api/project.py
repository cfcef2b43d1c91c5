"""A project, opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlx.api.markup import text_html
from rlx.api.runs import Runs
from rlx.errors import Missing, UsageError

if TYPE_CHECKING:
    from rlx.api.run import Run


@dataclass(frozen=True)
class Project:
    """A project: a folder with ``params.yaml``, ``configs/`` and ``runs/``, as `rlx init` makes one.

    Attributes:
        root: The folder.
    """

    root: Path

    @property
    def runs(self) -> Runs:
        """Its runs by name: those of the workspace (of the roster, once they are made) and kept experiments; read anew.

        ``project.runs["cartpole"]``, ``project.runs.where(tag="paper")``.
        """
        from rlx.experiments import rows

        return Runs(self.root, {row.id: row for row in rows(self.root)})

    def make(  # noqa: PLR0913
        self,
        config: str | Path | Mapping[str, Any] | Run,
        settings: Mapping[str, Any] | Sequence[str] = (),
        *,
        run: str | None = None,
        seeds: int | None = None,
        name: str | None = None,
        executor: str | None = None,
        quiet: bool = False,
    ) -> Run:
        """Train a config as one experiment, as `rlx train` does, and return it when it is finished.

        All stages are made in a copy of the project as it is now, by processes of their own: nothing that this process has
        imported or changed takes part, and results have the bits that the command gives. What was trained before with the
        same configuration, code and seeds is not trained again; its experiment is returned. What was stopped goes on.

        Args:
            config: The name of a file in ``configs/``; a run, whose settings are taken over where it is an experiment; or a
                configuration as a mapping of plain values, which is written to ``configs/`` (see ``run``).
            settings: What to change, for this experiment only: ``{"algo.gamma": 0.99}``, or ``["algo.gamma=0.99"]`` as `-S`
                takes it.
            run: For a mapping: what to call its file in ``configs/``, and so the run; by default its ``run_name``. A file of that
                name which was not written so, is not overwritten.
            seeds: How many seeds to train; by default as configured.
            name: What to call the experiment; by default ``<run>_001``, ``_002``, ….
            executor: Where seeds are trained: ``local``, ``slurm``, ``ray``; by default as ``params.yaml`` says.
            quiet: Say only what goes wrong.

        Returns:
            The experiment.

        Raises:
            ConfigError: There is no such config or setting, or a value is refused; the message names it.
            UsageError: The name is taken, or another process is making the same.
            TrainingFailed: A stage failed; finished seeds and checkpoints are kept.
            KeyboardInterrupt: Ctrl-C, likewise; the message says how to go on.
        """
        from rlx.api.making import made

        return made(self.root, config, settings, run=run, seeds=seeds, name=name, executor=executor, quiet=quiet)

    def __repr__(self) -> str:
        """Return where it is."""
        return f"<rlx project {self.root}>"

    def _repr_html_(self) -> str:
        """Return its runs as a table."""
        return f"<p><strong>{text_html(self.root.name)}</strong></p>\n{self.runs._repr_html_()}"


def folder_named(path: object) -> Path:
    """Return a path that a person gave for a project, which may not be there yet.

    Raises:
        UsageError: It is none, or that of something else than a folder.
    """
    if not isinstance(path, str | Path):
        raise UsageError(f"{path!r}: {type(path).__name__} is no path; give a project's folder, or a folder in it")
    folder = Path(path)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; give the project's folder, or a folder in it")
    return folder


def open(path: str | Path = ".") -> Project:  # noqa: A001 — it is `rlx.open`
    """Open the project that a folder lies in.

    Nothing is imported from it, and nothing of it is run.

    Args:
        path: The project, or a folder in it; by default the current one.

    Raises:
        UsageError: It is no folder, or no path.
        Missing: There is no such folder.
        NotInProject: It lies in no project; `rlx init` makes one.
        ConfigError: ``dvc.yaml`` is half of a merge.
        DataDamaged: So is ``dvc.lock``, or it cannot be read.
    """
    from rlx.config import check_settled, find_root

    folder = folder_named(path)
    if not folder.exists():
        raise Missing(f"{folder}: no such folder")
    root = find_root(folder)
    check_settled(root)
    return Project(root)
