"""Keys of rl-zoo's entries and Stable-Baselines3's algorithms that have no counterpart here, each with the reason."""

from __future__ import annotations

from typing import Any

from rlx.config.algorithm_config import AlgorithmConfig
from rlx.config.algorithm_names import algorithm_name
from rlx.config.replay_names import AS_EVER, NOISE, REPLAY

ALWAYS = {
    "vec_env_wrapper": "rlx wraps each copy by itself (env.wrappers), not the vector of them; stacking is `frame_stack`, scaling `normalize`",
    "callback": "rlx runs no callbacks; validation, checkpoints and early stops are settings of their own",
    "rollout_buffer_class": "rlx uses Stable-Baselines3's own rollout buffer",
    "rollout_buffer_kwargs": "rlx uses Stable-Baselines3's own rollout buffer",
    "normalize_kwargs": "write `normalize: \"{'norm_obs': …, 'norm_reward': …}\"`",
    "monitor_kwargs": "rlx records episodes itself",
    "verbose": "what is printed is said with -q and -v",
    "tensorboard_log": "TensorBoard's events are in runs/<run>/logs/, unless `log.sinks` of params.yaml leaves them out",
    "stats_window_size": "rlx logs every episode of a rollout",
    "noise_std_final": "the noise on actions stays as large as it is (`algo.action_noise`)",
    "n_episodes_rollout": "episodes between two updates are `train_freq: [1, episode]`",
    "prioritized_replay": "rlx replays uniformly or with hindsight (`algo.replay`)",
}
"""Of every algorithm."""
NO_NOISE, NO_REPLAY = "{} takes no action noise", "{} has no replay buffer"


def unsupported(settings: type[AlgorithmConfig]) -> dict[str, str]:
    """Return the keys that have no counterpart with an algorithm, and why."""
    name, fields = algorithm_name(settings), settings.model_fields
    found = {key: reason for key, reason in ALWAYS.items() if key not in fields}
    if "action_noise" not in fields:
        found |= dict.fromkeys(NOISE, NO_NOISE.format(name))
    if "replay" not in fields:
        found |= dict.fromkeys(REPLAY, NO_REPLAY.format(name))
    return found


def says_nothing(key: str, value: Any) -> bool:
    """Tell whether such a key has a value by which it changes nothing, and may stand where it is."""
    return value is None or (key in AS_EVER and value == AS_EVER[key][0]) or (key == "verbose" and value == 0)
