from .confirming import (
    Confirmation as Confirmation,
    confirm as confirm,
    confirmation_of as confirmation_of,
    same_measure as same_measure,
)
from .evidence.curriculum import check_curriculum as check_curriculum, is_learnable as is_learnable
from .evidence.curriculum_file import read_curriculum as read_curriculum
from .evidence.documents import (
    ComponentReflection as ComponentReflection,
    Curriculum as Curriculum,
    EvidenceDocument as EvidenceDocument,
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
from .evidence.final_policies import final_policies as final_policies, finished_seeds as finished_seeds
from .evidence.parameters import (
    Parameter as Parameter,
    PlannedParameter as PlannedParameter,
    parse_parameter as parse_parameter,
)
from .evidence.probe import run_probe as run_probe
from .evidence.probe_plan import ProbePlan as ProbePlan, plan_probe as plan_probe
from .evidence.randomization import Within as Within, check_ranges as check_ranges, within as within
from .evidence.reflection import reflect as reflect, reflection_of as reflection_of
from .evidence.review import read_review as read_review, review_form as review_form
from .objective import METRIC as METRIC, objective as objective
from .searching import SearchCourse as SearchCourse, Told as Told, run_search as run_search
from .seeds import SeedScore as SeedScore, SeedTrainer as SeedTrainer, SeedWanted as SeedWanted
