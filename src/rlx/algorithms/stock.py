"""What stock Stable-Baselines3 finds in a checkpoint. Only its ``load`` ever reads ``data``: rlx does not unpickle."""

from __future__ import annotations

import io
import json
from collections import deque
from operator import attrgetter
from typing import Any

import stable_baselines3
import torch
from stable_baselines3.common.save_util import data_to_json

from rlx.algorithms.registry import Export
from rlx.algorithms.schedules import for_stock

VOLATILE = {
    "start_time": 0,
    "_last_obs": None,
    "_last_episode_starts": None,
    "_last_original_obs": None,
    "tensorboard_log": None,
}
"""What SB3 would save that differs between equal training states, and what is saved in its place."""
REMADE = ("exploration_schedule",)
"""What ``load`` makes anew from the settings."""


def stock_export(model: Any) -> Export:
    """Return the members by which stock ``load`` opens an algorithm; its weights and optimisers are kept once.

    Args:
        model: Any algorithm of Stable-Baselines3's shape, whose learner has ``policy/network`` and ``networks`` in its state.
    """
    names, variables = model._get_torch_save_params()
    members = {"data": _data(model)}
    members |= {f"{name}.pth": tensors(attrgetter(name)(model).state_dict()) for name in names}
    if loose := {name: attrgetter(name)(model) for name in (*variables, *loose_tensors(model))}:
        members["pytorch_variables.pth"] = tensors(loose)
    members["_stable_baselines3_version"] = stable_baselines3.__version__.encode()
    shared = {("policy/network" if name == "policy" else f"networks/{name}"): f"{name}.pth" for name in names}
    return Export(members, shared)


def _data(model: Any) -> bytes:
    """Return SB3's ``data`` member, without what differs between equal states (times, addresses, last observations)."""
    names, variables = model._get_torch_save_params()
    kept_elsewhere = {name.partition(".")[0] for name in (*names, *variables)}
    excluded = {"policy", *REMADE, *kept_elsewhere, *loose_tensors(model), *model._excluded_save_params()}
    data = {key: for_stock(value) for key, value in model.__dict__.items() if key not in excluded}
    data.update(VOLATILE)
    if getattr(data.get("replay_buffer_class"), "__module__", "").startswith("rlx."):  # stock has its own instead
        data |= {"replay_buffer_class": None, "replay_buffer_kwargs": {}}
    for buffer in ("ep_info_buffer", "ep_success_buffer"):
        data[buffer] = deque(maxlen=data["_stats_window_size"])
    for space in (model.observation_space, model.action_space):
        repr(space)  # spaces remember theirs, so that the first checkpoint of a process would differ from later ones
    described = json.loads(data_to_json(data))
    stripped = {
        key: {part: value[part] for part in (":type:", ":serialized:")}
        if isinstance(value, dict) and ":serialized:" in value
        else value
        for key, value in described.items()
    }
    return (json.dumps(stripped, indent=1, allow_nan=False) + "\n").encode()


def loose_tensors(model: Any) -> list[str]:
    """Return the tensors of an algorithm that SB3 would pickle into ``data``, with their addresses."""
    known = {name.partition(".")[0] for names in model._get_torch_save_params() for name in names}
    known |= set(model._excluded_save_params())
    return [name for name, value in vars(model).items() if isinstance(value, torch.Tensor) and name not in known]


def tensors(content: Any) -> bytes:
    """Serialise a ``state_dict``, each tensor with memory of its own (an engine may keep them all in one)."""
    buffer = io.BytesIO()
    torch.save(_own_memory(content), buffer)
    return buffer.getvalue()


def _own_memory(content: Any) -> Any:
    if isinstance(content, torch.Tensor):
        return content.detach().clone()
    if isinstance(content, dict):
        return type(content)((key, _own_memory(value)) for key, value in content.items())
    return content
