"""One run of a project: its results as tables, what they say, and its policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlx.api.columns import episodes_table, metrics_table, scores_table
from rlx.api.markup import facts_html
from rlx.errors import RlxError, UsageError
from rlx.stats import visible

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from rlx.config import RunConfig
    from rlx.diagnosis import Finding
    from rlx.experiments import Row
    from rlx.records import RunFolder
    from rlx.training import Policy


@dataclass(frozen=True, eq=False)
class Run:
    """A run: of the workspace, a kept experiment, or a run at a Git revision.

    Everything is read when it is asked for, and anew each time, so that a run that is in training can be followed. What is not
    there raises :class:`rlx.errors.Missing`, with the command that makes it.

    Attributes:
        root: The project.
        name: What `rlx info` takes: ``cartpole``, ``cartpole_001``, ``cartpole@v1.0``.
    """

    root: Path
    name: str

    @property
    def folder(self) -> RunFolder:
        """Its folder, as the rooms of rlx take it.

        Raises:
            Missing: There is no such run any more.
        """
        from rlx.experiments import find_run

        return find_run(self.root, self.name)

    @property
    def row(self) -> Row:
        """Its row in `rlx ls`: status, environment, seeds, mean return with interval, tags, note.

        Raises:
            Missing: There is no such run any more.
        """
        from rlx.experiments import folder_row, rows

        folder = self.folder
        if folder.origin is None and folder.path.parent != self.root / "runs":
            return folder_row(folder.path)
        found = next((row for row in rows(self.root) if row.id == self.name), None)
        return folder_row(folder.path) if found is None else found

    @property
    def status(self) -> str:
        """How it stands: ``finished``, ``running``, ``stopped``, ``failed``, …, as the first column of `rlx ls` says."""
        return self.folder.state

    @property
    def config(self) -> RunConfig:
        """Its effective configuration: ``run.config.algo.gamma``, ``run.config.env.id``; ``model_dump()`` gives plain values.

        Raises:
            ConfigError: Its snapshot cannot be read.
        """
        return self.folder.snapshot.config

    @property
    def scores(self) -> pd.DataFrame:
        """Its held-out scores, a row per training seed, in order of the seeds.

        - ``seed`` (int64): the training seed
        - ``score`` (float64): mean held-out return of its final policy (`latest`)
        - ``step`` (int64): environment steps behind that policy
        - ``best`` (float64): mean held-out return of the policy chosen on validation episodes (`best`); NaN where none was
        - ``best_step`` (Int64): environment steps behind that one
        - ``best_validation`` (float64): the validation return by which it was chosen

        Raises:
            Missing: It has no scores (yet), or they are not in this clone; the message says what to do.
            DataDamaged: The file cannot be read.
        """
        return scores_table(self.folder.evaluation)

    @property
    def episodes(self) -> pd.DataFrame:
        """Its held-out episodes, a row each, as ``eval/episodes.csv`` holds them.

        - ``seed`` (Int64): the training seed; missing in rows of the random policy
        - ``checkpoint`` (string): which policy played: `latest`, `best`, `random`, or `still`, which does nothing
        - ``episode`` (int64): the number of the episode in the held-out list
        - ``reset_seed`` (int64): what the environment was reset with
        - ``return`` (float64): sum of rewards, undiscounted
        - ``length`` (int64): steps
        - ``success`` (boolean): whether the environment said that it succeeded; missing where it says nothing
        - ``cut`` (bool): whether it was cut at the step limit of evaluation

        Where the environment tells parts of its reward, their sums follow: ``reward/<part>`` (float64).

        Raises:
            Missing: As :attr:`scores`.
            DataDamaged: The file cannot be read.
        """
        from rlx.experiments import add_to_view
        from rlx.records import read_episodes

        folder = self.folder
        _ = folder.evaluation  # says why there is none, and that it is of this configuration
        if folder.origin is not None:
            add_to_view(self.root, folder.origin, "eval/episodes.csv")
        return episodes_table(read_episodes(folder.path / "eval"))

    @property
    def metrics(self) -> pd.DataFrame:
        """What its training logged, a row per seed and iteration, as ``metrics.jsonl`` holds it; also while it trains.

        - ``seed`` (int64): the training seed
        - ``step`` (int64): environment steps taken until then
        - ``iteration`` (int64): iterations of the algorithm until then

        Each metric that was logged follows under its name (``rollout/return_mean``, …; ``docs/files.md`` has their meanings, and
        `rlx explain-metrics` those of this run), a float64 that is NaN in rows that have none.

        Raises:
            Missing: Nothing of it has been trained (yet), or its metrics are not in this clone.
            DataDamaged: The file cannot be read, or was cut.
        """
        from rlx.algorithms import vocabulary
        from rlx.experiments import rows_by_seed

        folder = self.folder
        rows = [row for rows in rows_by_seed(self.root, folder).values() for row in rows]
        return metrics_table(rows, list(vocabulary(recorded=folder.documented)))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What went wrong in it, most serious first, as `rlx diagnose` says; empty where nothing was found.

        Raises:
            ConfigError: Its snapshot cannot be read.
            DataDamaged: Another file of it cannot.
        """
        from rlx.report import analyze

        return tuple(analyze(self.root, self.folder).content.findings)

    def policy(self, checkpoint: str = "best", *, seed: int | None = None, deterministic: bool = True) -> Policy:
        """Return a trained policy, which acts in this process.

        As with `rlx eval`, code of the project that it was trained with (environments, networks, algorithms) is imported for it,
        after it has been found unchanged; the checkpoint itself runs none.

        Args:
            checkpoint: ``best``, ``latest`` or ``step_50000``.
            seed: Of which training; may be left out where there is one.
            deterministic: Take the most likely action instead of drawing one.

        Returns:
            An object with ``act(observation)``, which is also a function itself; see :class:`rlx.training.Policy`.

        Raises:
            Missing: There is no such checkpoint, or it is not in this clone.
            UsageError: No seed was named, and there are several.
            CheckpointDamaged: It is none, or does not fit the learner of its configuration.
            ConfigError: Project code that it was trained with has changed.
        """
        from rlx.report import find_checkpoints
        from rlx.stats import listed
        from rlx.training import load_policy

        found = find_checkpoints(self.root, f"{self.name}:{checkpoint}{'' if seed is None else f'#{seed}'}")
        if len(found) > 1:
            seeds = listed([str(named.seed) for named in found], 12)
            raise UsageError(
                f"{self.name} has the seeds {seeds}; say whose policy: policy({checkpoint!r}, seed={found[0].seed})"
            )
        return load_policy(self.root, found[0], deterministic=deterministic)

    def __repr__(self) -> str:
        """Return its name and how it stands."""
        try:
            return visible(f"<run {self.name}: {self.status}>", cell=True)
        except RlxError:
            return visible(f"<run {self.name}>", cell=True)

    def _repr_html_(self) -> str:
        """Return the facts of `rlx info` as a table."""
        from rlx.report import fact_lines, facts_of_run

        try:
            lines = list(fact_lines(facts_of_run(self.root, self.folder)))
        except RlxError as error:
            lines = [("run", self.name), ("problem", str(error))]
        return facts_html(lines)
