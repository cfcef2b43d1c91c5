from .audit.auditing import audit_study as audit_study
from .audit.report import (
    AuditReport as AuditReport,
    CheckReport as CheckReport,
    write_audit as write_audit,
)
from .confirming import (
    Confirmation as Confirmation,
    confirm as confirm,
    confirmation_of as confirmation_of,
    same_measure as same_measure,
)
from .ledger.ledger import Refused as Refused
from .objective import METRIC as METRIC, objective as objective
from .searching import SearchCourse as SearchCourse, Told as Told, run_search as run_search
from .seeds import SeedScore as SeedScore, SeedTrainer as SeedTrainer, SeedWanted as SeedWanted
from .study import find_study as find_study
