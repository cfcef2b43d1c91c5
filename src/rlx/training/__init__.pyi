from .acting import Policy as Policy, load_policy as load_policy
from .algorithm_check import (
    CheckedAlgorithm as CheckedAlgorithm,
    check_algorithm as check_algorithm,
)
from .algorithm_promises import Promise as Promise
from .executor_choice import (
    chosen_executor as chosen_executor,
    executor_elsewhere as executor_elsewhere,
    executor_named as executor_named,
    ready_executor as ready_executor,
    terms_of as terms_of,
)
from .exporting import export_stock as export_stock
from .filming import draw as draw
from .held_out import evaluate_run as evaluate_run, task_of as task_of
from .playing import (
    NamedPolicy as NamedPolicy,
    Played as Played,
    kept_episodes as kept_episodes,
    play_policies as play_policies,
)
from .retraining import retrain_seed as retrain_seed
from .seed_task import training_task as training_task
from .seeds import SeedOutcome as SeedOutcome, check as check, train_run as train_run
from .trial_settings import trial_configs as trial_configs
from .varied_play import (
    VariedPlay as VariedPlay,
    arguments_of as arguments_of,
    play_varied as play_varied,
)
from .video import film_played as film_played, film_run as film_run, representatives as representatives
