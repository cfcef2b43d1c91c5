from .algorithm_config import (
    BUILT_IN as BUILT_IN,
    AlgorithmConfig as AlgorithmConfig,
    ForeignAlgorithm as ForeignAlgorithm,
    announce as announce,
    for_algorithm as for_algorithm,
    libraries_of as libraries_of,
    look_for_algorithm as look_for_algorithm,
    own_settings as own_settings,
    reads_policy as reads_policy,
    recorded_facts as recorded_facts,
    unknown_algorithm as unknown_algorithm,
)
from .algorithm_names import algorithm_in as algorithm_in, owners_of as owners_of, told_owners as told_owners
from .checks import (
    BUILT_IN_NETWORKS as BUILT_IN_NETWORKS,
    HARDLY as HARDLY,
    VALIDATION_STEP_LIMIT as VALIDATION_STEP_LIMIT,
    cannot_go_on as cannot_go_on,
    check_engine as check_engine,
    hidden_sizes as hidden_sizes,
    inconsistencies as inconsistencies,
)
from .composition import (
    BASE_KEYS as BASE_KEYS,
    UNREAD as UNREAD,
    Composed as Composed,
    algorithm_of as algorithm_of,
    compose_run as compose_run,
    parameters_problem as parameters_problem,
    read_parameters as read_parameters,
)
from .config_files import unfit_run_name as unfit_run_name
from .document import (
    NOT_REPLACED as NOT_REPLACED,
    Document as Document,
    Inconsistency as Inconsistency,
    KeyPath as KeyPath,
    dump as dump,
    parse_document as parse_document,
    read_document as read_document,
)
from .editing import with_list as with_list, with_value as with_value
from .entries import SWITCH as SWITCH
from .files.archives import opened as opened
from .files.atomic import (
    replacing as replacing,
    sha256_of as sha256_of,
    write_bytes as write_bytes,
    write_json as write_json,
    write_text as write_text,
)
from .files.containment import (
    anywhere as anywhere,
    check_links as check_links,
    check_plain as check_plain,
    is_plain_path as is_plain_path,
    leads_out as leads_out,
    place as place,
)
from .files.reading import (
    LARGEST_INTEGER as LARGEST_INTEGER,
    MOST_BYTES as MOST_BYTES,
    MOST_CONFIG_BYTES as MOST_CONFIG_BYTES,
    MOST_LINE_BYTES as MOST_LINE_BYTES,
    MOST_TABLE_BYTES as MOST_TABLE_BYTES,
    check_file as check_file,
    check_yaml as check_yaml,
    lines as lines,
    parse_json as parse_json,
    parse_yaml as parse_yaml,
    read_bytes as read_bytes,
    read_json as read_json,
    read_table as read_table,
    read_text as read_text,
    require as require,
)
from .files.restoring import from_dvc as from_dvc, from_git as from_git
from .files.space import is_full as is_full
from .files.stamps import Stamps as Stamps, stamps as stamps
from .judging import (
    FILE as FILE,
    SECTIONS as SECTIONS,
    SHARE as SHARE,
    Judging as Judging,
    judging_from as judging_from,
    read_judging as read_judging,
)
from .known import SMALL_IMAGE as SMALL_IMAGE, is_image_data as is_image_data, settings_for as settings_for
from .metrics import (
    COMMON as COMMON,
    COMPONENT as COMPONENT,
    NO_SOURCE as NO_SOURCE,
    UPDATE_SECONDS as UPDATE_SECONDS,
    Metric as Metric,
    Usual as Usual,
    by_name as by_name,
    is_component as is_component,
    metric_of as metric_of,
    metric_rows as metric_rows,
    metrics_from as metrics_from,
)
from .plugin import (
    PLUGIN_GROUPS as PLUGIN_GROUPS,
    Plugin as Plugin,
    every_plugin as every_plugin,
    plugins as plugins,
    say_broken as say_broken,
)
from .policy_names import NETWORK_CLASSES as NETWORK_CLASSES
from .ppo_config import PPOConfig as PPOConfig, nearest_divisors as nearest_divisors
from .project import (
    PACKAGES as PACKAGES,
    check_folders as check_folders,
    check_settled as check_settled,
    find_root as find_root,
    has_marks as has_marks,
    installing as installing,
    load_package as load_package,
)
from .project_code import check_unchanged as check_unchanged, hashes_of as hashes_of
from .project_data import (
    ReadFiles as ReadFiles,
    data_hashes as data_hashes,
    missing_data as missing_data,
    named_data as named_data,
)
from .schedules import (
    LINEAR as LINEAR,
    STEP as STEP,
    Segment as Segment,
    is_schedule as is_schedule,
    value_at as value_at,
    whole_text as whole_text,
)
from .schema import (
    CompareConfig as CompareConfig,
    EnvConfig as EnvConfig,
    FinalEvalConfig as FinalEvalConfig,
    Looks as Looks,
    Parameters as Parameters,
    PolicyConfig as PolicyConfig,
    ReferenceScore as ReferenceScore,
    RunConfig as RunConfig,
    VideoConfig as VideoConfig,
)
from .settings import as_setting as as_setting
from .snapshot import (
    ProjectCode as ProjectCode,
    Snapshot as Snapshot,
    carried_snapshot as carried_snapshot,
    complete_settings as complete_settings,
    read_snapshot as read_snapshot,
    recorded_snapshot as recorded_snapshot,
)
from .source_hashes import is_unchanged as is_unchanged
from .sources import told_briefly as told_briefly, told_sources as told_sources
from .time_limits import step_timeout as step_timeout
from .timetable import Timetable as Timetable
from .training_env import (
    TRAINING_PLACE as TRAINING_PLACE,
    EnvTraining as EnvTraining,
    is_number as is_number,
)
from .validation import field_of as field_of, problems_in as problems_in, section_type as section_type
from .values import (
    Count as Count,
    NumberOrSchedule as NumberOrSchedule,
    Positive as Positive,
    Schedule as Schedule,
    Section as Section,
)
