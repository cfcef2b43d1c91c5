from . import signals as signals, signatures as signatures, watch as watch
from .carrying_out import carry_out as carry_out
from .closing import close_later as close_later
from .compiled import (
    bound as bound,
    cache_folder as cache_folder,
    compiled_here as compiled_here,
    elementwise as elementwise,
    exact as exact,
    has_fma as has_fma,
    inlined as inlined,
    is_ready as is_ready,
    is_same_everywhere as is_same_everywhere,
    ready as ready,
)
from .execution import Executor as Executor, Sight as Sight, Terms as Terms
from .executors import (
    EXECUTORS as EXECUTORS,
    LOCAL as LOCAL,
    RAY as RAY,
    SLURM as SLURM,
    ExecutorRow as ExecutorRow,
    executor as executor,
)
from .failures import (
    CANCELLED as CANCELLED,
    ENGINE_AWAY as ENGINE_AWAY,
    ENVIRONMENT as ENVIRONMENT,
    NODE_LOST as NODE_LOST,
    PROCESS as PROCESS,
    SOFTWARE as SOFTWARE,
    TIME_LIMIT as TIME_LIMIT,
    Cause as Cause,
    place_of as place_of,
    tell_in_a_line as tell_in_a_line,
    trace_of as trace_of,
)
from .guarding import guarded as guarded, leave as leave
from .letting_go import (
    LetGo as LetGo,
    is_asked_to_let_go as is_asked_to_let_go,
    may_let_go as may_let_go,
    touch_safe_place as touch_safe_place,
)
from .new_lines import NewLines as NewLines
from .own_process import answer as answer, run_in_own_process as run_in_own_process
from .progress import (
    EpisodeProgress as EpisodeProgress,
    Progress as Progress,
    SeedProgress as SeedProgress,
    shown_duration as shown_duration,
    shown_episodes as shown_episodes,
)
from .signals import (
    dvc_above as dvc_above,
    is_same as is_same,
    process_identity as process_identity,
    signal_name as signal_name,
)
from .software import software_of as software_of, versions_of as versions_of
from .stage_call import (
    VARIABLE as VARIABLE,
    StageCall as StageCall,
    current_call as current_call,
    main_root as main_root,
    tell_on as tell_on,
    working_for as working_for,
)
from .streams import write_bytes_out as write_bytes_out
from .supervised import (
    MOST_OUTPUT as MOST_OUTPUT,
    PAUSES as PAUSES,
    Conditions as Conditions,
    Ended as Ended,
    run_supervised as run_supervised,
    wait_for as wait_for,
)
from .task import Task as Task
from .terminal import Terminal as Terminal
from .threads import (
    flushed_denormals as flushed_denormals,
    has_own_bits as has_own_bits,
    one_thread as one_thread,
    skip_compiler as skip_compiler,
)
from .tools import (
    Watch as Watch,
    dvc as dvc,
    dvc_in_terminal as dvc_in_terminal,
    environment as environment,
    git as git,
    git_blobs as git_blobs,
    has_identity as has_identity,
    in_background as in_background,
    in_terminal as in_terminal,
    stop as stop,
)
from .warm import hand_over as hand_over, warm_process as warm_process
from .watch import Activity as Activity, Call as Call, calling as calling, doing as doing
from .workers import (
    STEP_TIMEOUT as STEP_TIMEOUT,
    Failure as Failure,
    run_alone as run_alone,
    run_parallel as run_parallel,
    usable_cores as usable_cores,
    worker_count as worker_count,
)
