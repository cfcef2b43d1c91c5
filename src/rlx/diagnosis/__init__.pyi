from .behaviour import (
    Behaviour as Behaviour,
    behaviour_of as behaviour_of,
    logged_metrics as logged_metrics,
    notes as notes,
)
from .diagnosing import diagnose as diagnose
from .explanations import (
    COMPONENT as COMPONENT,
    EXPLANATIONS as EXPLANATIONS,
    Explanation as Explanation,
    explanation_of as explanation_of,
)
from .facts import LearningFacts as LearningFacts, learning_facts as learning_facts, windowed as windowed
from .finding import Diagnosis as Diagnosis, Evidence as Evidence, Finding as Finding, Suggestion as Suggestion
from .record import (
    HeldOutEpisodes as HeldOutEpisodes,
    RunRecord as RunRecord,
    SeedFailure as SeedFailure,
    SeedRecord as SeedRecord,
    TaskFacts as TaskFacts,
)
from .rules.rewards import components as components
from .signals import Signals as Signals
