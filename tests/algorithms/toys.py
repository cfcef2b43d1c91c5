"""Small environments that show and take everything there is: dictionaries, images, masks, goals, several choices at once."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces


class Dictionary(gym.ObservationWrapper[Any, Any, Any]):
    """The same observation as a dictionary of two."""

    def __init__(self, env: gym.Env[Any, Any]):
        super().__init__(env)
        box = env.observation_space
        assert isinstance(box, spaces.Box)
        half = spaces.Box(-10, 10, (box.shape[0],), np.float32)
        self.observation_space = spaces.Dict({"one": half, "two": half})

    def observation(self, observation: Any) -> Any:
        return {"one": np.asarray(observation, np.float32), "two": -np.asarray(observation, np.float32)}


class Picture(gym.ObservationWrapper[Any, Any, Any]):
    """A picture of 36 × 36 on which the first elements are bars."""

    def __init__(self, env: gym.Env[Any, Any]):
        super().__init__(env)
        self.observation_space = spaces.Box(0, 255, (36, 36, 1), np.uint8)

    def observation(self, observation: Any) -> Any:
        picture = np.zeros((36, 36, 1), np.uint8)
        for row, value in enumerate(np.asarray(observation)[:4]):
            picture[9 * row : 9 * row + 8, : int(np.clip(18 + 9 * value, 0, 36))] = 200
        return picture


class Masked(gym.Wrapper[Any, Any, Any, Any]):
    """Every third step the second action is not allowed; taking it is an error."""

    clock = 0

    def reset(self, **kwargs: Any) -> Any:
        self.clock = 0
        return self.env.reset(**kwargs)

    def step(self, action: Any) -> Any:
        if not self.action_masks()[int(action)]:
            raise ValueError(f"action {action} is not allowed in step {self.clock}")
        self.clock += 1
        return self.env.step(action)

    def action_masks(self) -> Any:
        return np.array([True, self.clock % 3 != 0])


class Reach(gym.Env[Any, Any]):
    """A point on a line is to reach a goal, within ten steps; reward −1 until it does."""

    action_space = spaces.Box(-1, 1, (1,), np.float32)
    observation_space = spaces.Dict(
        {name: spaces.Box(-5, 5, (1,), np.float32) for name in ("observation", "achieved_goal", "desired_goal")}
    )

    def _seen(self) -> Any:
        here = np.array([self.here], np.float32)
        return {"observation": here, "achieved_goal": here.copy(), "desired_goal": self.goal.copy()}

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.here, self.goal = 0.0, self.np_random.uniform(-3, 3, 1).astype(np.float32)
        return self._seen(), {}

    def step(self, action: Any) -> Any:
        self.here = float(np.clip(self.here + float(action[0]), -5, 5))
        seen = self._seen()
        reward = float(self.compute_reward(seen["achieved_goal"], seen["desired_goal"], {}))
        return seen, reward, False, False, {"is_success": reward == 0.0}

    def compute_reward(self, achieved: Any, desired: Any, info: Any) -> Any:
        return -(np.abs(np.asarray(achieved) - np.asarray(desired))[..., 0] > 0.3).astype(np.float32)


class Choices(gym.Env[Any, Any]):
    """Several things to choose at once; what is right is shown."""

    def __init__(self, *, binary: bool):
        self.observation_space = spaces.Box(-1, 1, (3,), np.float32)
        self.action_space = spaces.MultiBinary(3) if binary else spaces.MultiDiscrete([2, 2, 2])

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.shown = self.np_random.choice([-1.0, 1.0], 3).astype(np.float32)
        return self.shown, {}

    def step(self, action: Any) -> Any:
        reward = float(np.sum((np.asarray(action) == 1) == (self.shown > 0)))
        self.shown = self.np_random.choice([-1.0, 1.0], 3).astype(np.float32)
        return self.shown, reward, False, False, {}


class Mixed(gym.Wrapper[Any, Any, Any, Any]):
    """Numbers, choices and switches side by side, beside the observation itself."""

    def __init__(self, env: gym.Env[Any, Any]):
        super().__init__(env)
        self.observation_space = spaces.Dict(
            {
                "gear": spaces.Discrete(4, start=2),
                "levers": spaces.MultiDiscrete([2, 3]),
                "seen": env.observation_space,
                "switches": spaces.MultiBinary(3),
            }
        )

    def _shown(self, seen: Any) -> Any:
        signs = np.asarray(seen)[:3] > 0
        gear = np.int64(2 + int(signs.sum()))
        return {
            "gear": gear,
            "levers": np.array([int(signs[0]), int(signs.sum()) % 3]),
            "seen": seen,
            "switches": np.resize(signs, 3).astype(np.int8),
        }

    def reset(self, **kwargs: Any) -> Any:
        seen, info = self.env.reset(**kwargs)
        return self._shown(seen), info

    def step(self, action: Any) -> Any:
        seen, *rest = self.env.step(action)
        return self._shown(seen), *rest


def _short(kind: Any, inner: str, limit: int) -> Any:
    return lambda **kwargs: kind(gym.make(inner, max_episode_steps=limit, **kwargs))


gym.register("DictCartPole-v0", _short(Dictionary, "CartPole-v1", 60))
gym.register("DictPendulum-v0", _short(Dictionary, "Pendulum-v1", 60))
gym.register("ImageCartPole-v0", _short(Picture, "CartPole-v1", 40))
gym.register("ImagePendulum-v0", _short(Picture, "Pendulum-v1", 40))
gym.register("MaskedCartPole-v0", _short(Masked, "CartPole-v1", 60))
gym.register("MixedCartPole-v0", _short(Mixed, "CartPole-v1", 40))
gym.register("MixedPendulum-v0", _short(Mixed, "Pendulum-v1", 40))
gym.register("Reach-v0", Reach, max_episode_steps=10)
gym.register("ManyChoices-v0", lambda: Choices(binary=False), max_episode_steps=20)
gym.register("BinaryChoices-v0", lambda: Choices(binary=True), max_episode_steps=20)
