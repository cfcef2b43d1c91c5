from .api import (
    Judgement as Judgement,
    Project as Project,
    Run as Run,
    Runs as Runs,
    compare as compare,
    open as open,  # noqa: A004 - it is `rlx.open`
    plot as plot,
    train as train,
)
from .training import Policy as Policy

__version__: str
STAGE_VERSIONS: dict[str, int]
NAMES_OF_PROJECTS: dict[str, str]
