from .columns import row_of as row_of, stack as stack
from .learner import (
    UPDATE_SECONDS as UPDATE_SECONDS,
    Actor as Actor,
    Learner as Learner,
    ReplayRows as ReplayRows,
    State as State,
)
from .policies import (
    check_arguments as check_arguments,
    device_for as device_for,
    own_modules as own_modules,
)
from .ppo.trial import load_kernels as load_kernels, prepare_kernels as prepare_kernels
from .registry import (
    FAMILIES as FAMILIES,
    KINDS as KINDS,
    METHODS as METHODS,
    Algorithm as Algorithm,
    AlgorithmConfig as AlgorithmConfig,
    Engine as Engine,
    EpisodesAtOnce as EpisodesAtOnce,
    Export as Export,
    algorithm as algorithm,
    algorithms as algorithms,
    in_place_of as in_place_of,
    kinds as kinds,
    known_algorithm as known_algorithm,
    register as register,
    trained_config as trained_config,
    vocabulary as vocabulary,
)
from .replay import (
    Batch as Batch,
    Replay as Replay,
)
from .returns import discounted_returns as discounted_returns
from .rollout import Rollout as Rollout, advantages as advantages
