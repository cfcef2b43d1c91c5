"""What the commands of studies share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rlx.cli.common import _Named

if TYPE_CHECKING:
    from rlx.studies import Study, Trainer


def _studies(root: Path) -> list[str]:
    from rlx.studies import studies_of

    return [study.name for study in studies_of(root)]


STUDY = click.argument("study", type=_Named("study", _studies), required=False)


def found(name: str | None) -> Study:
    """Return the study of a name, or the only open one."""
    from rlx.config import find_root
    from rlx.studies import find_study

    return find_study(find_root(), name)


def trainer_of(study: Study) -> Trainer:
    """Return who trains for a study: this project, or the repository of its adapter."""
    from rlx.studies import trainer_for

    return trainer_for(study)
