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
from .beginning import Wish as Wish, advice_words as advice_words, begin as begin
from .candidates import (
    accepted_overrides as accepted_overrides,
    own_candidate as own_candidate,
    set_candidate as set_candidate,
)
from .confirming import (
    Confirmation as Confirmation,
    confirm as confirm,
    confirmation_of as confirmation_of,
    same_measure as same_measure,
)
from .contracts.contract import ITEMS as ITEMS, Contract as Contract, read_contract as read_contract
from .contracts.quantities import shown_steps as shown_steps
from .dry import dry_run as dry_run, dry_words as dry_words
from .gate import Consent as Consent
from .ledger.ledger import LedgerBroken as LedgerBroken, Refused as Refused
from .loop import LoopCall as LoopCall, LoopResult as LoopResult, run_loop as run_loop
from .monitor import StudyMonitor as StudyMonitor, monitored as monitored
from .monitor_lines import (
    ALL_HEAD as ALL_HEAD,
    event_line as event_line,
    status_lines as status_lines,
    study_row as study_row,
)
from .objective import METRIC as METRIC, objective as objective
from .proposing import propose_round as propose_round, propose_some as propose_some
from .report_facts import StudyFacts as StudyFacts
from .report_gathering import facts_of_study as facts_of_study
from .report_text import report_again as report_again, report_markdown as report_markdown, write_report as write_report
from .report_words import StudyWords as StudyWords, study_words as study_words
from .searching import SearchCourse as SearchCourse, Told as Told, run_search as run_search
from .seeds import SeedScore as SeedScore, SeedTrainer as SeedTrainer, SeedWanted as SeedWanted
from .simulation import SimulatedTrainer as SimulatedTrainer, begin_simulation as begin_simulation
from .status import StudyStatus as StudyStatus, state_document as state_document, write_state as write_state
from .study import Study as Study, find_study as find_study, studies_of as studies_of, study_named as study_named
from .trainer import Trainer as Trainer
from .trainers import project_trainer as project_trainer, steps_of as steps_of, trainer_for as trainer_for
from .validating import take_up as take_up, validate as validate
