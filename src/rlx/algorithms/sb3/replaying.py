"""Replay buffers of Stable-Baselines3's shape as rows that are written once, and back."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
from stable_baselines3.common.buffers import NStepReplayBuffer
from stable_baselines3.her.her_replay_buffer import HerReplayBuffer

from rlx.algorithms.frames import FrameReplayBuffer
from rlx.algorithms.learner import ReplayRows, State

Array = np.ndarray[Any, Any]
CHANGED_AT_BOUNDARIES = ("dones", "timeouts", "ep_start", "ep_length", "_current_ep_start")
HINDSIGHT = ("ep_start", "ep_length")
"""Of hindsight replay, where each row's episode begins and how long it is: overwriting a row changes those of others."""


def settle(buffer: Any) -> None:
    """End the episodes that a boundary cuts: no return of several steps, and no goal of later, reaches over it.

    Done twice it is as done once.
    """
    last = buffer.pos - 1
    if isinstance(buffer, FrameReplayBuffer):
        buffer.boundary()
    elif isinstance(buffer, HerReplayBuffer):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            buffer.truncate_last_trajectory()
    elif isinstance(buffer, NStepReplayBuffer):
        # never over a true end, which would be bootstrapped then
        buffer.timeouts[last] = np.maximum(buffer.timeouts[last], 1 - buffer.dones[last])


def rings(buffer: Any) -> dict[str, Array]:
    """Return the arrays that have a row for each transition, by name; of dict observations one for each key."""
    found: dict[str, Array] = {}
    for name, value in vars(buffer).items():
        members = value if isinstance(value, dict) else {"": value}
        for key, array in members.items():
            if isinstance(array, np.ndarray) and array.shape[:1] == (buffer.buffer_size,) and array.dtype != object:
                found[f"{name}/{key}" if key else name] = array
    return found


def replay_state(buffer: Any, added: int) -> State:
    """Return a buffer as the next boundary leaves it.

    Args:
        buffer: It; stays as it is.
        added: How many rows (steps of all copies) were ever added.
    """
    if isinstance(buffer, FrameReplayBuffer):
        return {"replay": ReplayRows(buffer.columns(), buffer.added), "stacks": buffer.kept()}
    settled = copy.copy(buffer)
    for name in CHANGED_AT_BOUNDARIES:
        if hasattr(buffer, name):
            setattr(settled, name, getattr(buffer, name).copy())
    settle(settled)
    found = rings(settled)
    hindsight = {name: found.pop(name)[: buffer.size()] for name in HINDSIGHT if name in found}
    state: State = {"replay": ReplayRows(found, added)}
    if hindsight:
        state["hindsight"] = {**hindsight, "begins": settled._current_ep_start}
    return state


def restore(buffer: Any, state: State) -> int:
    """Take over what :func:`replay_state` gave; returns how many rows were ever added."""
    rows: ReplayRows = state["replay"]
    if isinstance(buffer, FrameReplayBuffer):
        buffer.restore(rows, state["stacks"])
        return rows.added
    first = max(rows.first, rows.added - buffer.buffer_size)
    places = np.arange(first, rows.added) % buffer.buffer_size
    held = rows.since(first)
    for name, ring in rings(buffer).items():
        if name not in HINDSIGHT:
            ring[places] = held[name]
    buffer.pos, buffer.full = rows.added % buffer.buffer_size, rows.added >= buffer.buffer_size
    if "hindsight" in state:
        for name in HINDSIGHT:
            saved = np.asarray(state["hindsight"][name])
            getattr(buffer, name)[: len(saved)] = saved
        buffer._current_ep_start = np.asarray(state["hindsight"]["begins"]).copy()
    return rows.added
