"""Small tasks, each of one kind: late, stepwise, sparse, noisy, of negative rewards, long, of images, and a few that are at fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

Array = np.ndarray[Any, Any]
Step = tuple[Any, float, bool, bool, dict[str, Any]]


class Task(gym.Env[Any, Any]):
    """Counts steps and cuts the episode at ``limit`` by itself; a task says what is seen and what an action earns."""

    limit = 32

    def reset(self, *, seed: int | None = None, options: Mapping[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        super().reset(seed=seed)
        self.steps = 0
        self.begin()
        return self.seen(), {}

    def step(self, action: Any) -> Step:
        """Take a step."""
        self.steps += 1
        reward, ended = self.act(action)
        return self.seen(), float(reward), bool(ended), not ended and self.steps >= self.limit, {}

    def begin(self) -> None:
        """Draw what an episode starts from."""

    def seen(self) -> Any:
        """Return the observation."""
        raise NotImplementedError

    def act(self, action: Any) -> tuple[float, bool]:
        """Return an action's reward and whether it ends the episode."""
        raise NotImplementedError


def one_hot(place: int, size: int) -> Array:
    """Return zeros with a one."""
    found = np.zeros(size, dtype=np.float32)
    found[place] = 1.0
    return found


class Room(Task):
    """An empty room, crossed by turning and walking; its far corner pays less the later it is reached (as MiniGrid's do)."""

    def __init__(self, size: int = 5, slips: float = 0.0):
        self.size, self.limit, self.slips = size, 4 * size * size, slips
        self.observation_space = gym.spaces.Box(0.0, 1.0, (2 * size + 4,), np.float32)
        self.action_space = gym.spaces.Discrete(3)

    def begin(self) -> None:
        """Stand in the near corner."""
        self.x = self.y = self.facing = 0

    def seen(self) -> Array:
        """Return column, row and direction, one hot each."""
        return np.concatenate([one_hot(self.x, self.size), one_hot(self.y, self.size), one_hot(self.facing, 4)])

    def act(self, action: Any) -> tuple[float, bool]:
        """Turn left, turn right, or walk; now and then something else than was meant."""
        if self.slips and self.np_random.random() < self.slips:
            action = self.np_random.integers(3)
        if action < 2:
            self.facing = (self.facing + (1 if action else -1)) % 4
        else:
            across, down = ((1, 0), (0, 1), (-1, 0), (0, -1))[self.facing]
            self.x = min(max(self.x + across, 0), self.size - 1)
            self.y = min(max(self.y + down, 0), self.size - 1)
        reached = self.x == self.y == self.size - 1
        return (1.0 - 0.9 * self.steps / self.limit if reached else 0.0), reached


class Corridor(Task):
    """A corridor that pays at its far end only: found late, learned at once."""

    def __init__(self, length: int = 12, limit: int = 60):
        self.length, self.limit = length, limit
        self.observation_space = gym.spaces.Box(0.0, 1.0, (length,), np.float32)
        self.action_space = gym.spaces.Discrete(2)

    def begin(self) -> None:
        """Stand at the near end."""
        self.place = 0

    def seen(self) -> Array:
        """Return the place."""
        return one_hot(self.place, self.length)

    def act(self, action: Any) -> tuple[float, bool]:
        """Walk."""
        self.place = max(0, self.place + (1 if action else -1))
        ended = self.place >= self.length - 1
        return (1.0 if ended else 0.0), ended


class Stairs(Task):
    """Levels, each opened by a button of its own; the wrong one leads back to the ground: the return rises in steps."""

    def __init__(self, levels: int = 6, buttons: int = 4):
        self.levels = levels
        self.observation_space = gym.spaces.Box(0.0, 1.0, (levels + 1,), np.float32)
        self.action_space = gym.spaces.Discrete(buttons)
        self.right = [(3 * level + 1) % buttons for level in range(levels)]

    def begin(self) -> None:
        """Stand on the ground."""
        self.level = self.best = 0

    def seen(self) -> Array:
        """Return the level."""
        return one_hot(self.level, self.levels + 1)

    def act(self, action: Any) -> tuple[float, bool]:
        """Press a button; a level reached for the first time pays as many points as its number."""
        self.level = self.level + 1 if action == self.right[self.level] else 0
        risen = self.level > self.best
        self.best = max(self.best, self.level)
        return (float(self.level) if risen else 0.0), self.level == self.levels


class Guess(Task):
    """Says by its observation which action is right; the reward may be noisy, and an episode as short as one step."""

    def __init__(self, actions: int = 4, limit: int = 10, noise: float = 0.0, ends: float = 0.0):
        self.actions, self.limit, self.noise, self.ends = actions, limit, noise, ends
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (actions,), np.float32)
        self.action_space = gym.spaces.Discrete(actions)

    def begin(self) -> None:
        """Draw what is seen first."""
        self.draw()

    def draw(self) -> None:
        """Draw the next observation."""
        self.clue = self.np_random.uniform(-1.0, 1.0, self.actions).astype(np.float32)

    def seen(self) -> Array:
        """Return the clue: its largest element is the right action."""
        return self.clue

    def act(self, action: Any) -> tuple[float, bool]:
        """Guess."""
        reward = float(action == int(self.clue.argmax())) + self.noise * self.np_random.standard_normal()
        self.draw()
        return reward, self.np_random.random() < self.ends


class Switches(Task):
    """Several choices at once, each told by the observation."""

    limit = 16

    def __init__(self, switches: int = 3):
        self.switches = switches
        self.observation_space = gym.spaces.MultiBinary(switches)
        self.action_space = gym.spaces.MultiDiscrete([2] * switches)

    def begin(self) -> None:
        """Draw the first pattern."""
        self.pattern = self.np_random.integers(0, 2, self.switches).astype(np.int8)

    def seen(self) -> Array:
        """Return the pattern."""
        return self.pattern

    def act(self, action: Any) -> tuple[float, bool]:
        """Set all switches."""
        reward = float((np.asarray(action) == self.pattern).mean())
        self.begin()
        return reward, False


class Reach(Task):
    """A point in the plane that is to go to another; each step costs the distance.

    Args:
        limit: Steps of an episode.
        low: The least action.
        high: The greatest: the point moves by a tenth of where an action lies between them, from -1 to 1.
        named: Whether observations are named parts.
    """

    def __init__(self, limit: int = 40, low: float = -1.0, high: float = 1.0, *, named: bool = False):
        self.limit, self.named = limit, named
        self.action_space = gym.spaces.Box(low, high, (2,), np.float32)
        self.middle, self.half = (low + high) / 2, (high - low) / 2
        box = gym.spaces.Box(-2.0, 2.0, (2,), np.float32)
        self.observation_space: gym.Space[Any] = (
            gym.spaces.Dict({"point": box, "target": box}) if named else gym.spaces.Box(-2.0, 2.0, (4,), np.float32)
        )

    def begin(self) -> None:
        """Draw point and target."""
        self.point, self.target = self.np_random.uniform(-1.0, 1.0, (2, 2)).astype(np.float32)

    def seen(self) -> Any:
        """Return both."""
        if self.named:
            return {"point": self.point, "target": self.target}
        return np.concatenate([self.point, self.target])

    def act(self, action: Any) -> tuple[float, bool]:
        """Move."""
        way = np.clip((np.asarray(action) - self.middle) / self.half, -1.0, 1.0)
        self.point = np.clip(self.point + 0.1 * way, -2.0, 2.0).astype(np.float32)
        return -float(np.hypot(*(self.point - self.target))), False


class Images(Task):
    """A bright square on the left or on the right of a picture: the action is to name its side."""

    limit = 8

    def __init__(self, size: int = 36):
        self.size = size
        self.observation_space = gym.spaces.Box(0, 255, (size, size, 1), np.uint8)
        self.action_space = gym.spaces.Discrete(2)

    def begin(self) -> None:
        """Draw a picture."""
        self.side = int(self.np_random.integers(2))
        self.row = int(self.np_random.integers(self.size - 12))

    def seen(self) -> Array:
        """Return the picture."""
        picture = np.zeros((self.size, self.size, 1), dtype=np.uint8)
        left = 3 if self.side == 0 else self.size - 15
        picture[self.row : self.row + 12, left : left + 12] = 255
        return picture

    def act(self, action: Any) -> tuple[float, bool]:
        """Name a side."""
        reward = float(action == self.side)
        self.begin()
        return reward, False


class Push(Task):
    """A cart in a valley: the hill pays, every push costs, and doing nothing costs nothing (as MountainCarContinuous does)."""

    limit = 200

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(-2.0, 2.0, (2,), np.float32)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def begin(self) -> None:
        """Stand in the valley."""
        self.place, self.speed = float(self.np_random.uniform(-0.1, 0.1)), 0.0

    def seen(self) -> Array:
        """Return place and speed."""
        return np.array([self.place, 10 * self.speed], dtype=np.float32)

    def act(self, action: Any) -> tuple[float, bool]:
        """Push."""
        push = float(np.clip(action[0], -1.0, 1.0))
        self.speed += 0.0015 * push - 0.0025 * np.sin(3 * self.place)
        self.speed = float(np.clip(self.speed, -0.07, 0.07))
        self.place = float(np.clip(self.place + self.speed, -0.7, 1.0))
        there = self.place >= 0.97
        return (100.0 if there else 0.0) - 0.1 * push * push, there


class Lottery(Task):
    """Ends when it ends and pays what it pays, whatever is done."""

    limit = 100

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(-1.0, 1.0, (4,), np.float32)
        self.action_space = gym.spaces.Discrete(3)

    def seen(self) -> Array:
        """Return noise."""
        return self.np_random.uniform(-1.0, 1.0, 4).astype(np.float32)

    def act(self, action: Any) -> tuple[float, bool]:
        """Do anything."""
        return float(self.np_random.standard_normal()), self.np_random.random() < 0.1


class Endless(Reach):
    """Never ends, by no limit."""

    def step(self, action: Any) -> Step:
        """Take a step."""
        seen, reward, _, _, info = super().step(action)
        return seen, reward, False, False, info


class Unseeded(Guess):
    """Draws from a generator that no seed reaches."""

    def draw(self) -> None:
        """Draw the next observation."""
        self.clue = np.random.default_rng().uniform(-1.0, 1.0, self.actions).astype(np.float32)


class Broken(Guess):
    """Pays NaN once it has been played for a while."""

    played = 0

    def act(self, action: Any) -> tuple[float, bool]:
        """Guess."""
        self.played += 1
        reward, ended = super().act(action)
        return (float("nan") if self.played > 3000 else reward), ended


class Crashing(Guess):
    """Raises in the middle of training, in some seeds."""

    played = 0

    def begin(self) -> None:
        """Draw once whether this copy is one that fails."""
        super().begin()
        if not self.played:
            self.fails = self.np_random.random() < 0.1

    def act(self, action: Any) -> tuple[float, bool]:
        """Guess."""
        self.played += 1
        if self.fails and self.played > 2000:
            raise RuntimeError("the simulator lost its state")
        return super().act(action)


class Turning(Guess):
    """Turns round in the middle of training: what was right costs, and nothing is seen any more."""

    played = 0

    def act(self, action: Any) -> tuple[float, bool]:
        """Guess."""
        self.played += 1
        if self.played < 4000:
            return super().act(action)
        reward = -float(action == int(self.clue.argmax()))
        self.clue = np.zeros(self.actions, dtype=np.float32)
        return reward, False


for _name, _made in {
    "Room": Room, "Corridor": Corridor, "Stairs": Stairs, "Guess": Guess, "Switches": Switches, "Reach": Reach, "Images": Images,
    "Push": Push, "Lottery": Lottery, "Endless": Endless, "Unseeded": Unseeded, "Broken": Broken, "Crashing": Crashing,
    "Turning": Turning,
}.items():  # fmt: skip
    gym.register(f"{_name}-v0", entry_point=f"{__name__}:{_made.__name__}")
