from . import engines as engines
from .engines import prepare_fast as prepare_fast
from .policies import (
    check_arguments as check_arguments,
    device_for as device_for,
    own_modules as own_modules,
    policy_arguments as policy_arguments,
    register as register,
)
from .ppo.coverage import uncovered as uncovered
