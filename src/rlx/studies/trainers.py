"""Who trains for a study."""

from __future__ import annotations

from pathlib import Path

from rlx.studies.experiments_trainer import ExperimentsTrainer
from rlx.studies.study import Study
from rlx.studies.trainer import Trainer

ADAPTER = "adapter.yaml"


def project_trainer(root: Path, run: str) -> ExperimentsTrainer:
    """Return the trainer that makes experiments of this project."""
    return ExperimentsTrainer(root, run)


def trainer_for(study: Study) -> Trainer:
    """Return the trainer of a study: its task's adapter, where it has one, else this project."""
    if (study.folder.parent / ADAPTER).is_file():
        from rlx.studies.foreign_trainer import ForeignTrainer

        steps = int(study.state.created.get("steps", 1))
        return ForeignTrainer(study.root, study.folder, steps)
    return project_trainer(study.root, study.contract.baseline.run)


def steps_of(text: str, option: str = "--budget") -> int:
    """Return environment steps as people type them with an option, such as ``8M``.

    Raises:
        UsageError: It is no such amount.
    """
    from rlx.errors import UsageError
    from rlx.studies.contracts.quantities import STEPS, amount

    try:
        return amount(text, STEPS, "8M")
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from None
