"""What Git and DVC hold (through :mod:`rlx.launch.tools`): the state of the code, the study's roster, kept experiments."""

from rlx.experiments.code import GitState, git_state
from rlx.experiments.pipeline import upgrade_pipeline
from rlx.experiments.roster import check_roster, sync_roster
from rlx.launch.tools import dvc, environment, git, git_blobs

__all__ = [
    "GitState",
    "check_roster",
    "dvc",
    "environment",
    "git",
    "git_blobs",
    "git_state",
    "sync_roster",
    "upgrade_pipeline",
]
