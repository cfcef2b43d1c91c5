from .backends import NATIVE as NATIVE, Backend as Backend, backend_of as backend_of, places_for as places_for
from .changing_env import ChangingEnv as ChangingEnv, misfit as misfit
from .env_wrappers import EpisodeStatistics as EpisodeStatistics, first_non_finite as first_non_finite
from .environments import Environments as Environments, Step as Step
from .episodes import Episode as Episode, EpisodesPlayed as EpisodesPlayed
from .global_generators import Generators as Generators, seed_generators as seed_generators
from .making import (
    WRAPPERS as WRAPPERS,
    around as around,
    entry_module as entry_module,
    episode_limit as episode_limit,
    make_env as make_env,
    make_wrapped as make_wrapped,
    missing_package as missing_package,
    own_registrations as own_registrations,
    surroundings_for as surroundings_for,
    wrapper_calls as wrapper_calls,
)
from .masks import (
    METHOD as METHOD,
    all_allowed as all_allowed,
    masks_of as masks_of,
    sample_allowed as sample_allowed,
    tells_masks as tells_masks,
)
from .normalization import Normalizer as Normalizer
from .places import (
    PLACES as PLACES,
    GymnasiumPlaces as GymnasiumPlaces,
    Places as Places,
)
from .reset_seeds import (
    boundary_seed as boundary_seed,
    held_out_seeds as held_out_seeds,
    validation_seeds as validation_seeds,
)
from .reward_components import ComponentSums as ComponentSums, number_in as number_in
from .space_facts import (
    described as described,
    is_image as is_image,
    is_image_channels_first as is_image_channels_first,
    largest_actions as largest_actions,
    space_from_data as space_from_data,
    space_to_data as space_to_data,
)
from .space_wrappers import BoundActions as BoundActions, ByteImages as ByteImages, RoundActions as RoundActions
from .success import counted as counted, reports_success as reports_success, success_of as success_of
from .surroundings import Surroundings as Surroundings, preserved as preserved
from .training_kwargs import TrainingKwargs as TrainingKwargs, parameters_of as parameters_of
from .value_checks import (
    AGREE as AGREE,
    OLD as OLD,
    beyond_bounds as beyond_bounds,
    flag_misfit as flag_misfit,
    kind_of as kind_of,
    observation_misfit as observation_misfit,
    plain_flag as plain_flag,
    plain_reward as plain_reward,
    reset_misfit as reset_misfit,
    reward_misfit as reward_misfit,
    step_misfit as step_misfit,
)
from .vector_envs.dynamics import advance as advance
from .vector_envs.native import (
    NativeSource as NativeSource,
    is_plain as is_plain,
    stands_in as stands_in,
    step_arrays as step_arrays,
)
from .vector_envs.settling import (
    EPSILON as EPSILON,
    FINE as FINE,
    LIMIT as LIMIT,
    Ledger as Ledger,
    settle as settle,
    show as show,
    still_statistics as still_statistics,
)
from .vector_envs.sources import GymnasiumSource as GymnasiumSource, is_vector as is_vector
from .vector_envs.training_env import (
    TrainingEnv as TrainingEnv,
    check_allowed as check_allowed,
    executable as executable,
    new_episodes as new_episodes,
    shape_misfit as shape_misfit,
)
