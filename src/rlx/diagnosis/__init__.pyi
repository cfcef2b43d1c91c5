from .behaviour import (
    Behaviour as Behaviour,
    behaviour_of as behaviour_of,
    logged_metrics as logged_metrics,
    notes as notes,
)
from .diagnosing import diagnose as diagnose
from .facts import LearningFacts as LearningFacts, learning_facts as learning_facts, windowed as windowed
from .finding import (
    Detection as Detection,
    Diagnosis as Diagnosis,
    Evidence as Evidence,
    Finding as Finding,
    Suggestion as Suggestion,
)
from .record import (
    HeldOutEpisodes as HeldOutEpisodes,
    RunRecord as RunRecord,
    SeedFailure as SeedFailure,
    SeedRecord as SeedRecord,
    TaskFacts as TaskFacts,
)
from .rules import RULES as RULES
from .rules.rewards import (
    component_shares as component_shares,
    components as components,
    saturated_components as saturated_components,
    traded_components as traded_components,
)
from .rules.rule import Needs as Needs, Rule as Rule
from .signals import Signals as Signals
