from .adapters.adapter import UNKNOWN as UNKNOWN, Adapter as Adapter
from .adapters.command_line import Launcher as Launcher, argument_list as argument_list, launchers as launchers
from .adapters.foreign import ForeignEvent as ForeignEvent, ForeignTraining as ForeignTraining
from .adapters.foreign_seed import worktrees_folder as worktrees_folder
from .adapters.found_files import found_files as found_files
from .adapters.inspecting import Inspection as Inspection, inspect_repository as inspect_repository
from .adapters.isolation import (
    PinnedSource as PinnedSource,
    check_clean as check_clean,
    clear_leftovers as clear_leftovers,
    pinned as pinned,
    worktree as worktree,
)
from .adapters.metric_files import (
    Written as Written,
    read_learning as read_learning,
    read_number as read_number,
    read_rows as read_rows,
)
from .adapters.outcome import (
    ForeignEpisode as ForeignEpisode,
    ForeignOutcome as ForeignOutcome,
    read_outcome as read_outcome,
)
from .adapters.quoting import arguments_for as arguments_for, file_for as file_for
from .adapters.reading import (
    problems as problems,
    read_adapter as read_adapter,
    validated_adapter as validated_adapter,
)
from .adapters.reproducibility import is_reproducible as is_reproducible, outcome_differences as outcome_differences
from .adapters.running import ForeignFailure as ForeignFailure, Running as Running
from .confirming import (
    Confirmation as Confirmation,
    confirm as confirm,
    confirmation_of as confirmation_of,
    same_measure as same_measure,
)
from .objective import METRIC as METRIC, objective as objective
from .searching import SearchCourse as SearchCourse, Told as Told, run_search as run_search
from .seeds import SeedScore as SeedScore, SeedTrainer as SeedTrainer, SeedWanted as SeedWanted
