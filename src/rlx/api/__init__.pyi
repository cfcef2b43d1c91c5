from .columns import (
    EPISODES as EPISODES,
    METRICS as METRICS,
    SCORES as SCORES,
    Column as Column,
)
from .judgement import Judgement as Judgement, compare as compare
from .picture import plot as plot
from .project import Project as Project, open as open  # noqa: A004 - it is `rlx.open`
from .run import Run as Run
from .runs import Runs as Runs
from .trained import train as train
