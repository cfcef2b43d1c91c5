"""The settings of the libraries' algorithms against the libraries themselves: every name, default and kind of value, or a reason."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from rlx.algorithms.sb3.building import class_of
from rlx.algorithms.sb3.table import TABLE as SB3
from rlx.algorithms.sbx.table import TABLE as SBX
from rlx.config.aliases import renamed
from rlx.config.policy_names import NETWORK_CLASSES
from rlx.config.ppo_config import PPOConfig
from rlx.config.schema import PolicyConfig
from rlx.config.unsupported import unsupported

LEFT_OUT = {
    "policy": "the section `policy`",
    "policy_kwargs": "the section `policy`",
    "env": "the section `env`",
    "seed": "`seed` of the run",
    "device": "`device` of the run",
    "verbose": "said with -q and -v",
    "tensorboard_log": "`log.sinks` of params.yaml",
    "stats_window_size": "rlx logs every episode",
    "_init_setup_model": "an inner matter of the library",
    "rollout_buffer_class": "the library's own buffer",
    "rollout_buffer_kwargs": "the library's own buffer",
    "replay_buffer_class": "`algo.replay`",
    "replay_buffer_kwargs": "`algo.replay`",
    "optimize_memory_usage": "such a buffer cannot hold a segment's end; images are stored once anyway",
}
"""What of a library's constructor is no setting of `algo`, and why."""
OWN = {
    "name": "which algorithm it is",
    "engine": "what computes it",
    "total_timesteps": "of `learn`, not of the constructor",
    "iteration_steps": "how often metrics are written",
    "replay": "`replay_buffer_class` and its arguments",
}
"""What is a setting of `algo` and no argument of a library's constructor."""
ROWS = {**SB3, **SBX}


def parameters_of(made: Any) -> dict[str, inspect.Parameter]:
    found = dict(inspect.signature(made).parameters)
    found.pop("self", None)
    return {name: each for name, each in found.items() if each.kind is not inspect.Parameter.VAR_KEYWORD}


def library(name: str) -> tuple[dict[str, inspect.Parameter], Any]:
    if name == "ppo":
        from stable_baselines3 import PPO

        return parameters_of(PPO), PPOConfig
    pytest.importorskip(ROWS[name].package)
    return parameters_of(class_of(ROWS[name])), ROWS[name].Config


@pytest.mark.parametrize("name", ["ppo", *ROWS])
def test_every_argument_is_a_setting_with_the_librarys_default_or_left_out_with_a_reason(name: str) -> None:
    theirs, model = library(name)
    config = model()  # validates: every default is within its range
    names = {key: path[1] for key, path in renamed(model).items() if path[0] == "algo"}
    known = set()
    for argument, parameter in theirs.items():
        ours = names.get(argument, argument)
        if argument in LEFT_OUT:
            assert ours not in model.model_fields, argument
            continue
        assert ours in model.model_fields, f"{name}: {argument} is a setting of the library's that rlx leaves out"
        known.add(ours)
        value = getattr(config, ours)
        assert value == parameter.default, f"{name}.{ours}: {value} here, {parameter.default} in the library"
        assert isinstance(value, bool) == isinstance(parameter.default, bool)
    assert set(model.model_fields) - known <= set(OWN), set(model.model_fields) - known - set(OWN)
    for argument in LEFT_OUT.keys() & theirs.keys() - {
        "policy",
        "policy_kwargs",
        "env",
        "seed",
        "device",
        "_init_setup_model",
    }:
        understood = argument in ("replay_buffer_class", "replay_buffer_kwargs", "optimize_memory_usage")
        assert understood or argument in unsupported(model), f"{argument} is refused without a reason"


SETS = {"ppo": "MlpPolicy", **dict.fromkeys(ROWS, "MlpPolicy"), "recurrent_ppo": "MlpLstmPolicy"}
WITHOUT = {
    "sbx_dqn": "SBX's DQN takes `n_units`, one width of two layers",
    "ars": "the default is the linear policy; ARS's MlpPolicy has [64, 64], which `policy: MlpPolicy` means",
}
"""Policies whose default network is not `policy_defaults`."""


@pytest.mark.parametrize("name", ["ppo", *ROWS])
def test_networks_have_the_librarys_defaults_and_arguments(name: str) -> None:
    from stable_baselines3 import PPO

    _, model = library(name)
    cls = PPO if name == "ppo" else class_of(ROWS[name])
    theirs = parameters_of(cls.policy_aliases[SETS[name]])
    ours = {**PolicyConfig().model_dump(), **model.policy_defaults}
    for argument, kind in model.policy_arguments.items():
        assert argument in theirs, f"{name}: policy.kwargs.{argument} is no argument of the library's policy"
        default = theirs[argument].default
        assert default is None or isinstance(default, kind) or kind is float, argument
    activation = theirs["activation_fn"].default
    wanted = NETWORK_CLASSES[ours["activation"]]
    assert getattr(activation, "__name__", str(activation)).lower() == wanted.lower()
    if name == "maskable_ppo":
        assert "log_std_init" not in theirs  # its actions are discrete
    elif "rollout_steps" in model.model_fields and not name.startswith("sbx_"):
        assert (theirs["ortho_init"].default, theirs["log_std_init"].default) == (
            ours["ortho_init"],
            ours["log_std_init"],
        )
    elif "use_sde" in model.model_fields and not name.startswith("sbx_"):
        assert theirs["log_std_init"].default == ours["log_std_init"]
    assert name not in WITHOUT or "net_arch" not in theirs or theirs["net_arch"].default is None


def test_policies_of_the_libraries_have_a_meaning_by_their_names() -> None:
    from sb3_contrib import ARS, RecurrentPPO
    from stable_baselines3 import PPO, SAC

    for cls, model in (
        (PPO, PPOConfig),
        (SAC, SB3["sac"].Config),
        (ARS, SB3["ars"].Config),
        (RecurrentPPO, SB3["recurrent_ppo"].Config),
    ):
        assert set(cls.policy_aliases) <= set(model.policy_names)
