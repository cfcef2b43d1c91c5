from .confirming import (
    Confirmation as Confirmation,
    confirm as confirm,
    confirmation_of as confirmation_of,
    same_measure as same_measure,
)
from .objective import METRIC as METRIC, objective as objective
from .searching import SearchCourse as SearchCourse, Told as Told, run_search as run_search
from .seeds import SeedScore as SeedScore, SeedTrainer as SeedTrainer, SeedWanted as SeedWanted
