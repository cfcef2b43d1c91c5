"""A search as Optuna's own journal, ``sweeps/<name>/optuna.log``: for `optuna-dashboard`, and for nothing else.

It is made from ``trials.jsonl`` and never read back. A session writes it anew when it begins, since one that was killed may
have cut a line, with which Optuna opens no journal at all; from there on trials are added as their cohorts end.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from rlx.experiments.sweeps.space import Space, Tried
from rlx.experiments.sweeps.trials import Trial, Trials

FILE = "optuna.log"


class Journal:
    """The journal of a search; where Optuna is not installed, nothing."""

    def __init__(self, folder: Path, name: str, space: Space):
        self._path, self._name, self._space = (folder / FILE).absolute(), name, space
        self._study: Any = None
        self._held: set[int] = set()

    def add(self, trials: Trials, own: Mapping[str, Any]) -> None:
        """Add the trials that have ended and are not in it.

        Args:
            trials: The search.
            own: What the config itself says of the settings.
        """
        if importlib.util.find_spec("optuna") is None:
            return
        unheld = [number for number in trials.asked if number not in self._held]
        new = [trial for trial in trials.trials(unheld) if trial.state != "running"]
        if new and self._study is None:
            self._study = self._begun()
        for trial in new:
            if (frozen := _frozen(self._space, trials, trial, own)) is not None:
                self._study.add_trial(frozen)
            self._held.add(trial.number)

    def _begun(self) -> Any:
        """Begin the file anew.

        The lock is the kernel's: Optuna's own lets the next writer wait half a minute for one that was killed.
        """
        import warnings

        import optuna
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._path.unlink(missing_ok=True)
        lock: Any = FileLock(f"{self._path}.lock")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            storage = JournalStorage(JournalFileBackend(str(self._path), lock_obj=lock))
        return optuna.create_study(study_name=self._name, storage=storage, direction="maximize")


def _frozen(space: Space, trials: Trials, trial: Trial, own: Mapping[str, Any]) -> Any:
    """Return a trial as Optuna keeps it, with its means by number of seeds; None of one outside the space."""
    from optuna.trial import TrialState

    from rlx.experiments.sweeps.tpe import frozen_trial

    settings = trial.settings if trial.number else own
    found = frozen_trial(space, Tried(settings, trial.score, trial.seeds, trial.state == "failed"))
    if found is None:
        return None
    if trial.state == "pruned":
        found.state = TrialState.PRUNED
    scores = {len(each.values): trials.scores([trial.number], each.rung) for each in trials.results[trial.number]}
    found.intermediate_values = {
        seeds: float(score) for seeds, by_trial in scores.items() if (score := by_trial[trial.number]) is not None
    }
    found.set_user_attr("trial", trial.number)
    return found
