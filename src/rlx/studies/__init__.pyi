from .adapters.adapter import Adapter as Adapter
from .adapters.command_line import argument_list as argument_list, launchers as launchers
from .adapters.foreign import ForeignTraining as ForeignTraining
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
from .advice import plan_budget as plan_budget
from .approving import (
    Approval as Approval,
    approve as approve,
    approved_contract as approved_contract,
    check_approvable as check_approvable,
    differences as differences,
    revoke as revoke,
    sign as sign,
    summary_lines as summary_lines,
    verify as verify,
    warnings as warnings,
)
from .audit.auditing import audit_study as audit_study
from .audit.report import (
    AuditReport as AuditReport,
    CheckReport as CheckReport,
    write_audit as write_audit,
)
from .beginning import Wish as Wish, advice_words as advice_words, begin as begin
from .beginning_foreign import (
    AdapterDraft as AdapterDraft,
    ForeignWish as ForeignWish,
    begin_foreign as begin_foreign,
    draft_adapter as draft_adapter,
)
from .candidates import (
    accepted_overrides as accepted_overrides,
    own_candidate as own_candidate,
    set_candidate as set_candidate,
)
from .confirming import (
    Confirmation as Confirmation,
    confirm as confirm,
    same_measure as same_measure,
)
from .contracts.contract import ITEMS as ITEMS, read_contract as read_contract
from .dry import dry_run as dry_run, dry_words as dry_words
from .evidence.curriculum import check_curriculum as check_curriculum, is_learnable as is_learnable
from .evidence.curriculum_file import read_curriculum as read_curriculum
from .evidence.documents import (
    ComponentReflection as ComponentReflection,
    Curriculum as Curriculum,
    Probe as Probe,
    ProbedParameter as ProbedParameter,
    ProbeFailure as ProbeFailure,
    ProbePoint as ProbePoint,
    Reflection as Reflection,
    Review as Review,
)
from .evidence.files import (
    canonical_json as canonical_json,
    parse_evidence as parse_evidence,
    read_evidence as read_evidence,
    write_evidence as write_evidence,
)
from .evidence.parameters import (
    PlannedParameter as PlannedParameter,
    parse_parameter as parse_parameter,
)
from .evidence.probe import run_probe as run_probe
from .evidence.probe_plan import ProbePlan as ProbePlan, plan_probe as plan_probe
from .evidence.randomization import check_ranges as check_ranges, within as within
from .evidence.reflection import reflect as reflect, reflection_of as reflection_of
from .evidence.review import read_review as read_review, review_form as review_form
from .foreign_again import again_of as again_of
from .foretelling import foretold as foretold
from .gate import Consent as Consent
from .keeping_evidence import keep as keep
from .ledger.ledger import LedgerBroken as LedgerBroken, Refused as Refused
from .loop import LoopCall as LoopCall, LoopResult as LoopResult, run_loop as run_loop
from .monitor import StudyMonitor as StudyMonitor, monitored as monitored
from .monitor_lines import (
    ALL_HEAD as ALL_HEAD,
    event_line as event_line,
    status_lines as status_lines,
    study_row as study_row,
)
from .names import of_studies as of_studies
from .objective import METRIC as METRIC, objective as objective
from .probing import probe_in as probe_in, study_of_probe as study_of_probe
from .proposing import propose_round as propose_round, propose_some as propose_some
from .report_facts import StudyFacts as StudyFacts
from .report_gathering import facts_of_study as facts_of_study
from .report_text import (
    renew_report as renew_report,
    report_again as report_again,
    report_markdown as report_markdown,
    write_report as write_report,
)
from .report_words import StudyWords as StudyWords, study_words as study_words
from .searching import SearchCourse as SearchCourse, Told as Told, run_search as run_search
from .seeds import SeedScore as SeedScore, SeedTrainer as SeedTrainer, SeedWanted as SeedWanted
from .simulation import SimulatedTrainer as SimulatedTrainer, begin_simulation as begin_simulation
from .status import state_document as state_document, write_state as write_state
from .study import Study as Study, find_study as find_study, studies_of as studies_of, study_named as study_named
from .trainer import Trainer as Trainer
from .trainers import project_trainer as project_trainer, steps_of as steps_of, trainer_for as trainer_for
from .validating import take_up as take_up, validate as validate
from .view import StudyView as StudyView, StudyViews as StudyViews
