from . import checkpoints as checkpoints, results as results
from .bench import (
    LIBRARIES as LIBRARIES,
    SIZE_LIMIT as SIZE_LIMIT,
    Entry as Entry,
    bench_folder as bench_folder,
    bytes_below as bytes_below,
    count_stage_as as count_stage_as,
    entry_for as entry_for,
    fingerprint as fingerprint,
    logs_of as logs_of,
    prune as prune,
)
from .checkpoints import (
    Best as Best,
    Checkpoint as Checkpoint,
    CheckpointContent as CheckpointContent,
    TrainingState as TrainingState,
)
from .choice_of_executor import asked_executor as asked_executor
from .clock import Clock as Clock, ClockWriter as ClockWriter, read_clock as read_clock
from .differences import (
    checkpoint_difference as checkpoint_difference,
    differing_circumstances as differing_circumstances,
    metrics_difference as metrics_difference,
)
from .dvc_cache import (
    HASH as HASH,
    cache_root as cache_root,
    cached as cached,
    has_remote as has_remote,
    hash_of as hash_of,
    is_whole as is_whole,
    lay_out as lay_out,
    member as member,
    members as members,
)
from .dvc_lock import Lock as Lock, outputs_in as outputs_in, read_lock as read_lock, sections as sections
from .elsewhere import (
    Match as Match,
    content_of as content_of,
    cure_of_study_run as cure_of_study_run,
    is_pullable as is_pullable,
    match as match,
    recorded_stages as recorded_stages,
    snapshot_hash as snapshot_hash,
)
from .environment_facts import (
    FILE as FILE,
    Complaint as Complaint,
    EnvironmentFacts as EnvironmentFacts,
    Key as Key,
    SpaceFacts as SpaceFacts,
    read_facts as read_facts,
)
from .event_files import read_scalars as read_scalars
from .labels import (
    Labels as Labels,
    change_labels as change_labels,
    check_tag as check_tag,
    labels_from as labels_from,
    labels_path as labels_path,
    labels_text as labels_text,
    read_labels as read_labels,
    with_note as with_note,
    with_tags as with_tags,
    without_note as without_note,
    without_tags as without_tags,
)
from .live import (
    BENCH as BENCH,
    LAYOUT as LAYOUT,
    ORIGIN as ORIGIN,
    RECORD as RECORD,
    is_locked as is_locked,
    last_lines as last_lines,
    live_folder as live_folder,
    lock_of as lock_of,
    metrics_files as metrics_files,
    show_bench as show_bench,
)
from .live_notes import (
    AT_WORK as AT_WORK,
    LiveNotes as LiveNotes,
    Process as Process,
    StageNote as StageNote,
    making as making,
    noted_runs as noted_runs,
    notes_of as notes_of,
    spent_file as spent_file,
)
from .metadata_shape import FORMAT as FORMAT, check_metadata as check_metadata
from .metrics import (
    MetricsWriter as MetricsWriter,
    iterate_rows as iterate_rows,
    parse_row as parse_row,
    write_rows as write_rows,
)
from .origin import Origin as Origin
from .replay import (
    StoredReplay as StoredReplay,
    drop_unneeded as drop_unneeded,
    read_rings as read_rings,
    replay_of as replay_of,
    write_new as write_new,
)
from .results import (
    PART as PART,
    RANDOM as RANDOM,
    Score as Score,
    Summary as Summary,
    read_episodes as read_episodes,
    read_summary as read_summary,
)
from .run_state import (
    evidence as evidence,
    is_kept as is_kept,
    state_of as state_of,
    status_and_process as status_and_process,
)
from .runs import (
    RunFolder as RunFolder,
    read_curve_table as read_curve_table,
    read_metadata as read_metadata,
    write_metadata as write_metadata,
)
from .seeds_on_bench import BenchSeed as BenchSeed, bench_seeds as bench_seeds
from .sinks.concluding import conclude as conclude
from .sinks.conclusion import shown_settings as shown_settings
from .sinks.following import Followers as Followers
from .sinks.registry import OWN_SINKS as OWN_SINKS, chosen_sinks as chosen_sinks, sink_makers as sink_makers
from .sinks.sink import (
    FAILED as FAILED,
    FINISHED as FINISHED,
    Artifact as Artifact,
    Concludes as Concludes,
    Sink as Sink,
)
from .spent import (
    SPENT as SPENT,
    TRAINING as TRAINING,
    WHOLE as WHOLE,
    add_spent as add_spent,
    note_spent as note_spent,
    read_spent as read_spent,
)
from .states import leaves as leaves, members_of as members_of, state_from as state_from
