"""An environment with one of many observation and action spaces, chosen by name."""

from copy import deepcopy

import gymnasium as gym
import numpy as np
from gymnasium import spaces as of

BOX = of.Box(-1, 1, (2,), np.float32)
OBSERVATIONS = {
    "box": BOX,
    "none": None,
    "class": of.Box,
    "double": of.Box(-np.inf, np.inf, (2,), np.float64),
    "half": of.Box(-1, 1, (2,), np.float16),
    "bytes": of.Box(0, 255, (4,), np.uint8),
    "scalar": of.Box(-1, 1, (), np.float32),
    "constant": of.Box(2, 2, (2,), np.float32),
    "empty": of.Box(-1, 1, (0,), np.float32),
    "discrete from 1": of.Discrete(3, start=1),
    "discrete below 0": of.Discrete(3, start=-5),
    "multi-discrete from 1": of.MultiDiscrete([3, 3], start=[1, 1]),
    "multi-discrete of rows": of.MultiDiscrete([[2, 3], [4, 5]]),
    "multi-binary of rows": of.MultiBinary((2, 3)),
    "dict with an image": of.Dict({"a": of.Box(0, 255, (64, 64, 3), np.uint8), "b": BOX}),
    "dict with a small image": of.Dict({"a": of.Box(0, 255, (20, 20, 3), np.uint8), "b": BOX}),
    "dict with images both ways": of.Dict(
        {"a": of.Box(0, 255, (40, 40, 3), np.uint8), "b": of.Box(0, 255, (3, 40, 40), np.uint8)}
    ),
    "dict in a dict": of.Dict({"inner": of.Dict({"b": BOX})}),
    "dict by numbers": of.Dict({1: BOX, 2: BOX}),
    "dict with a dot": of.Dict({"arm.x": BOX, "": BOX, "type": BOX, "b": BOX}),
    "empty dict": of.Dict({}),
    "tuple": of.Tuple((BOX, of.Discrete(2))),
    "text": of.Text(5),
    "sequence": of.Sequence(BOX),
    "graph": of.Graph(BOX, None),
}
ACTIONS = {
    "discrete": of.Discrete(2),
    "none": None,
    "discrete below 0": of.Discrete(3, start=-1),
    "multi-discrete from 0": of.MultiDiscrete([3, 3]),
    "multi-discrete from 1": of.MultiDiscrete([3, 3], start=[1, 1]),
    "multi-discrete of rows": of.MultiDiscrete([[2, 3], [4, 5]]),
    "multi-binary": of.MultiBinary(3),
    "multi-binary of rows": of.MultiBinary((2, 2)),
    "unbounded": of.Box(-np.inf, np.inf, (2,), np.float32),
    "integers": of.Box(0, 10, (2,), np.int64),
    "two-dimensional": of.Box(-1, 1, (2, 3), np.float32),
    "double": of.Box(-1, 1, (2,), np.float64),
    "half": of.Box(-1, 1, (2,), np.float16),
    "scalar": of.Box(-1, 1, (), np.float32),
    "empty": of.Box(-1, 1, (0,), np.float32),
    "uneven": of.Box(np.array([0, -3], np.float32), np.array([1, 7], np.float32)),
    "dict": of.Dict({"b": BOX}),
    "tuple": of.Tuple((BOX, of.Discrete(2))),
}


class Spaces(gym.Env):
    """Raises if it is given an action outside its space; one that `spoils` writes into the array it is given."""

    def __init__(self, render_mode=None, observation="box", action="discrete", spoils=False):
        self.spoils = spoils
        if OBSERVATIONS[observation] is not None:
            self.observation_space = deepcopy(OBSERVATIONS[observation])
        if ACTIONS[action] is not None:
            self.action_space = deepcopy(ACTIONS[action])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        self.t = 0
        return self.observation_space.sample(), {}

    def step(self, action):
        if not self.action_space.contains(action):
            raise ValueError(f"action {action!r} is not in {self.action_space}")
        if self.spoils:
            action[...] = 0
        self.t += 1
        return self.observation_space.sample(), 0.0, self.t >= 20, False, {}


class Growing(Spaces):
    """Has one action more in every copy."""

    made = 1

    def __init__(self, render_mode=None):
        super().__init__()
        Growing.made += 1
        self.action_space = of.Discrete(Growing.made)
