from . import leftovers as leftovers, repository as repository
from .added_rules import more_rules as more_rules, rules_of as rules_of, rules_of_project as rules_of_project
from .asking import Started as Started, start_once as start_once
from .chosen_side import take_their_results as take_their_results
from .clone import asks_for_driver as asks_for_driver, is_set_up as is_set_up, set_up as set_up
from .code import (
    SOURCES as SOURCES,
    git_state as git_state,
    untracked_others as untracked_others,
    untracked_sources as untracked_sources,
)
from .concluding import verdict_named as verdict_named
from .continuing import (
    begun_again as begun_again,
    check_goes_on as check_goes_on,
    continuation as continuation,
)
from .creation import create_project as create_project, is_project as is_project
from .data import sync_data as sync_data
from .experiment import RecordedRun as RecordedRun
from .experiment_task import Elsewhere as Elsewhere
from .index import Listing as Listing, Row as Row, folder_row as folder_row, progress as progress, rows as rows
from .kept import (
    check_name as check_name,
    experiment_named as experiment_named,
    export_kept as export_kept,
    is_ours as is_ours,
    remove as remove,
    remove_folder as remove_folder,
    same_as as same_as,
)
from .making import (
    abandoned as abandoned,
    drop_abandoned as drop_abandoned,
    give_up as give_up,
    is_in_the_making as is_in_the_making,
    make as make,
    start as start,
    whole_run as whole_run,
)
from .merging import (
    Sides as Sides,
    by_lines as by_lines,
    in_conflict as in_conflict,
    settle_conflicts as settle_conflicts,
    way_of as way_of,
)
from .past_code import PastCode as PastCode, code_of_run as code_of_run
from .pipeline import is_of_older_rlx as is_of_older_rlx
from .planning import Plan as Plan, plan as plan
from .promoting import (
    check_ready as check_ready,
    lacks_results as lacks_results,
    plan_overrides as plan_overrides,
    plan_promotion as plan_promotion,
    promote as promote,
)
from .record import LINEAGE as LINEAGE, Record as Record, kept_record as kept_record, read_record as read_record
from .references import (
    asked_to_be as asked_to_be,
    droppable as droppable,
    find_origin as find_origin,
    find_run as find_run,
    kept_origin as kept_origin,
    known_runs as known_runs,
    nearest_experiment as nearest_experiment,
)
from .repository import git_head as git_head, under_way as under_way
from .resolving import resolve_run as resolve_run
from .revisions import (
    SMALL as SMALL,
    add_to_view as add_to_view,
    experiments as experiments,
    files_of as files_of,
    recorded as recorded,
    recorded_here as recorded_here,
)
from .roster import check_roster as check_roster, sync_roster as sync_roster
from .row_filter import parse_filter as parse_filter
from .run_metrics import (
    SeedMetrics as SeedMetrics,
    read_metrics as read_metrics,
    rows_by_seed as rows_by_seed,
    training_clocks as training_clocks,
    training_times as training_times,
)
from .run_record import record_of as record_of
from .search_workplace import SearchWorkplace as SearchWorkplace
from .settings import (
    Remote as Remote,
    default_remote as default_remote,
    dvc_settings as dvc_settings,
    without_remote as without_remote,
)
from .stage_process import run_stage as run_stage
from .sweeps.domains import recorded_space as recorded_space
from .sweeps.grid import MOST_POINTS as MOST_POINTS, Sweep as Sweep, read_grid as read_grid, read_sweep as read_sweep
from .sweeps.halving import Rung as Rung, survivors as survivors
from .sweeps.journal import Journal as Journal
from .sweeps.running import (
    Family as Family,
    Point as Point,
    Pool as Pool,
    family_of as family_of,
    make_points as make_points,
)
from .sweeps.samplers import (
    SAMPLERS as SAMPLERS,
    Sampler as Sampler,
    SamplerRow as SamplerRow,
    answered as answered,
    sampler as sampler,
)
from .sweeps.search import (
    Search as Search,
    cohort_cost as cohort_cost,
    own_values as own_values,
    shown_cost as shown_cost,
)
from .sweeps.space import ALGORITHM as ALGORITHM, Range as Range, Space as Space, Tried as Tried
from .sweeps.standing import is_searched as is_searched, standing_trials as standing_trials
from .sweeps.tpe import importances as importances
from .sweeps.trials import Header as Header, Result as Result, Trial as Trial, Trials as Trials
from .sweeps.trials_file import (
    TrialsFile as TrialsFile,
    has_trials as has_trials,
    sweeps_of as sweeps_of,
    trials_of as trials_of,
)
from .sweeps.typed import typed_sweep as typed_sweep
from .sweeps.varying import Variations as Variations, with_steps as with_steps
from .trial_lines import trials_path as trials_path
from .untrusted import check_lock as check_lock, check_outputs as check_outputs
from .upgraded_files import UpgradedFile as UpgradedFile
from .upgrading import Upgrade as Upgrade, older_files as older_files, plan_upgrade as plan_upgrade, upgrade as upgrade
from .workplace import Verbosity as Verbosity
