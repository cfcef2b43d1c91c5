"""A replay buffer for stacked images that keeps each frame once, with Stable-Baselines3's interface and its very samples.

Of a stack of k frames the k - 1 older ones are the newer ones of the stack before, and the next observation is the observation of
the next step: Stable-Baselines3 keeps each frame 2k times. Here a row keeps the newest frame of its *next* observation, so that the
last observation of an episode is there, whatever ended it, and stacks are rebuilt when they are sampled.

What cannot be rebuilt is kept beside: the stack with which an episode begins (one frame where that repeats it, as
``env.frame_stack`` does), and any stack that does not go on from the one before. So no other way of stacking, and no images that
are not stacked at all, give wrong samples: they only take memory, of which a warning tells.

Symbols: N copies of the environment, K frames in a stack, B samples; ``…`` is the shape of one frame.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from operator import itemgetter
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.buffers import BaseBuffer, ReplayBuffer
from stable_baselines3.common.preprocessing import get_action_dim, get_obs_shape
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from rlx.algorithms.learner import ReplayRows
from rlx.envs import is_image_channels_first

Array = np.ndarray[Any, Any]
BEFORE, AFTER = 0, 1
"""Whether a kept stack is that of a row's observation, or of its next one."""
SURE = 100
"""Stacks that go on from none, from which on most of all being such is told."""


class FrameReplayBuffer(ReplayBuffer):
    """See the module; ``add`` and ``sample`` are those of :class:`stable_baselines3.common.buffers.ReplayBuffer`.

    Row r, counted from the first that was ever added, is at r % :attr:`ring` of each column. The ring is K rows longer than the
    buffer: the oldest row that can be sampled needs the frames of those before it.

    Attributes:
        added: How many rows were ever added.
        ring: How many rows the columns hold.
        broken: How many next observations did not go on from the observation, and were kept whole.
    """

    def __init__(  # noqa: PLR0913 — as Stable-Baselines3 calls it
        self,
        buffer_size: int,
        observation_space: spaces.Box,
        action_space: spaces.Space[Any],
        device: Any = "auto",
        n_envs: int = 1,
        optimize_memory_usage: bool = False,
        handle_timeout_termination: bool = True,
        frames: int = 4,
    ):
        """Make an empty one.

        Args:
            buffer_size: Transitions that it holds, of all copies together.
            observation_space: Images, channels first or last: ``frames`` frames along the channels.
            action_space: Of one copy.
            device: Of the samples.
            n_envs: N.
            optimize_memory_usage: Stable-Baselines3's own way to save memory; must be False.
            handle_timeout_termination: Whether the end of an episode by a time limit is no end for the value.
            frames: K, how many frames are in a stack.

        Raises:
            ValueError: The images cannot be stacks of so many frames, or ``optimize_memory_usage``.
        """
        BaseBuffer.__init__(self, buffer_size, observation_space, action_space, device, n_envs=n_envs)
        shape: Any = get_obs_shape(observation_space)
        self._channels_first = len(shape) == 3 and is_image_channels_first(observation_space)
        if optimize_memory_usage:
            raise ValueError("optimize_memory_usage is another way to save memory, which frames kept once do not need")
        if len(shape) != 3 or shape[0 if self._channels_first else -1] % frames:
            raise ValueError(f"images of shape {shape} are no stacks of {frames} frames along the channels")
        self.buffer_size = max(buffer_size // n_envs, 1)
        self.optimize_memory_usage, self.handle_timeout_termination = False, handle_timeout_termination
        self._frames, self.ring = frames, self.buffer_size + frames
        cut = (shape[0] // frames, *shape[1:]) if self._channels_first else (*shape[:2], shape[2] // frames)
        kind, acts = observation_space.dtype, self._maybe_cast_dtype(action_space.dtype)
        each = (self.ring, n_envs)
        self._rows: dict[str, Array] = {
            "frames": np.zeros((*each, *cut), kind),
            "ages": np.zeros(each, np.uint8),
            "starts": np.zeros(each, np.bool_),
            "actions": np.zeros((*each, get_action_dim(action_space)), acts),
            "rewards": np.zeros(each, np.float32),
            "dones": np.zeros(each, np.float32),
            "timeouts": np.zeros(each, np.float32),
        }
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        super().reset()
        self.added = self.broken = 0
        self._kept: dict[tuple[int, int, int], Array] = {}
        self.boundary()

    def boundary(self) -> None:
        """Note that all episodes begin anew; what is added next goes on from nothing, as after :meth:`restore`."""
        self._last: Array | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of all that it keeps; of the columns those of rows that were added."""
        each = sum(column.nbytes for column in self._rows.values()) // self.ring
        return each * min(self.added, self.ring) + sum(stack.nbytes for stack in self._kept.values())

    def add(  # noqa: PLR0913 — as Stable-Baselines3 calls it
        self, obs: Array, next_obs: Array, action: Array, reward: Array, done: Array, infos: list[dict[str, Any]]
    ) -> None:
        """Add a transition of every copy; see :meth:`stable_baselines3.common.buffers.ReplayBuffer.add`."""
        before, after = self._cut(obs), self._cut(next_obs)
        row, at = self.added, self.added % self.ring
        goes_on_N = np.zeros(self.n_envs, np.bool_) if self._last is None else _equal(before, self._last)
        shifts_N = _equal(after[:, :-1], before[:, 1:])
        old_N = np.where(goes_on_N, self._rows["ages"][at - 1], 0)
        for copy in np.flatnonzero(~goes_on_N):
            self._kept[row, int(copy), BEFORE] = _briefly(before[copy])
        for copy in np.flatnonzero(~shifts_N):
            self._kept[row, int(copy), AFTER] = _briefly(after[copy])
        new = {
            "frames": after[:, -1],
            "ages": np.where(shifts_N, np.minimum(old_N + 1, self._frames), 0),
            "starts": ~goes_on_N,
            "actions": action.reshape(self.n_envs, -1),
            "rewards": reward,
            "dones": done,
            "timeouts": [self.handle_timeout_termination and info.get("TimeLimit.truncated", False) for info in infos],
        }
        for name, values in new.items():
            self._rows[name][at] = values
        self._last = after.copy()
        self.added += 1
        self.pos, self.full = self.added % self.buffer_size, self.added >= self.buffer_size
        self._count_broken(int((~shifts_N).sum()))
        while self._kept and (oldest := next(iter(self._kept)))[0] < self.added - self.ring:
            del self._kept[oldest]

    def _count_broken(self, more: int) -> None:
        told = self._mostly_broken()
        self.broken += more
        if self._mostly_broken() and not told:
            warnings.warn(
                f"observations are no stacks of {self._frames} frames that go on from one another: replay keeps them whole, "
                f"{self.broken} of {self.added * self.n_envs} so far",
                stacklevel=3,
            )

    def _mostly_broken(self) -> bool:
        return self.broken >= SURE and 2 * self.broken > self.added * self.n_envs

    def _get_samples(self, batch_inds: Array, env: Any = None) -> ReplayBufferSamples:
        """Return what Stable-Baselines3's buffer would at these places, drawing the copies as it does."""
        copies_B = np.random.randint(0, high=self.n_envs, size=(len(batch_inds),))  # noqa: NPY002 — the generator that it uses
        laps = self.added // self.buffer_size
        rows_B = batch_inds + self.buffer_size * np.where(batch_inds < self.pos, laps, laps - 1)
        found = {
            name: self._rows[name][rows_B % self.ring, copies_B] for name in ("actions", "dones", "timeouts", "rewards")
        }
        data = (
            self._seen(self._before(rows_B, copies_B), env),
            found["actions"],
            self._seen(self._after(rows_B, copies_B), env),
            (found["dones"] * (1 - found["timeouts"])).reshape(-1, 1),
            self._normalize_reward(found["rewards"].reshape(-1, 1), env),
        )
        return ReplayBufferSamples(*(self.to_torch(each, copy=False) for each in data))  # all are copies already

    def newest(self, rows: int) -> dict[str, Array]:
        """Return the newest rows, R rows of N copies each: observations, actions, rewards, dones and timeouts."""
        rows_R = np.arange(self.added - rows, self.added)
        rows_B, copies_B = np.repeat(rows_R, self.n_envs), np.tile(np.arange(self.n_envs), rows)
        seen = self._before(rows_B, copies_B)
        found = {name: self._rows[name][rows_R % self.ring] for name in ("actions", "rewards", "dones", "timeouts")}
        return {"observations": seen.reshape(rows, self.n_envs, *seen.shape[1:]), **found}

    def _seen(self, images: Array, env: Any) -> Array:
        """Return observations as a network sees them: normalised as ``env`` says, of which images have no statistics."""
        return np.asarray(self._normalize_obs(images, env))

    def _before(self, rows_B: Array, copies_B: Array) -> Array:
        """Return the observations of rows: where an episode begins the stack kept of it, else what came after the row before."""
        return self._joined(self._stacks(rows_B - 1, copies_B, self._rows["starts"][rows_B % self.ring, copies_B]))

    def _after(self, rows_B: Array, copies_B: Array) -> Array:
        """Return the next observations of rows."""
        return self._joined(self._stacks(rows_B, copies_B, np.zeros(len(rows_B), np.bool_)))

    def _stacks(self, rows_B: Array, copies_B: Array, starts_B: Array) -> Array:
        """Return stacks after rows, B × K × …; where ``starts_B``, the one with which the next row begins."""
        size = self._frames
        places_BK = (rows_B[:, None] + np.arange(1 - size, 1)) % self.ring * self.n_envs + copies_B[:, None]
        frames = self._rows["frames"]
        stacks = frames.reshape(-1, *frames.shape[2:]).take(places_BK, axis=0)
        ages_B = self._rows["ages"][rows_B % self.ring, copies_B]
        for index in np.flatnonzero(starts_B | (ages_B < size)):
            row, copy, age = int(rows_B[index]), int(copies_B[index]), int(ages_B[index])
            if starts_B[index]:
                stacks[index] = self._kept[row + 1, copy, BEFORE]
                continue
            first = row - age + 1
            begun = age > 0 and self._rows["starts"][first % self.ring, copy]
            kept = self._kept[(first, copy, BEFORE) if begun else (first - 1, copy, AFTER)]
            stacks[index, : size - age] = kept if len(kept) == 1 else kept[age:]
        return stacks

    def _cut(self, images: Array) -> Array:
        """Return a batch of images cut into frames, B × K × …."""
        images = np.asarray(images)
        batch, size = len(images), self._frames
        if self._channels_first:
            return images.reshape(batch, size, -1, *images.shape[2:])
        return np.moveaxis(images.reshape(*images.shape[:3], size, -1), 3, 1)

    def _joined(self, stacks: Array) -> Array:
        """Return frames, B × K × …, as a batch of images."""
        if self._channels_first:
            return stacks.reshape(len(stacks), -1, *stacks.shape[3:])
        return np.ascontiguousarray(np.moveaxis(stacks, 1, 3)).reshape(len(stacks), *stacks.shape[2:4], -1)

    def columns(self) -> dict[str, Array]:
        """Return the rows by column, for :class:`rlx.algorithms.learner.ReplayRows`: rings of :attr:`ring` rows, never changed later."""
        return dict(self._rows)

    def kept(self) -> dict[str, Array]:
        """Return what is kept beside the rows: ``single`` frames and ``whole`` stacks, with the row, copy and kind of each."""
        cut = self._rows["frames"].shape[2:]
        found: dict[str, Array] = {}
        for name, size in (("single", 1), ("whole", self._frames)):
            mine = {
                where: stack for where, stack in sorted(self._kept.items(), key=itemgetter(0)) if len(stack) == size
            }
            if name == "whole" and self._frames == 1:
                mine = {}
            found[f"{name}_at"] = np.array(list(mine), np.int64).reshape(-1, 3)
            found[name] = np.array(list(mine.values()), self._rows["frames"].dtype).reshape(-1, size, *cut)
        return found

    def restore(self, rows: ReplayRows, kept: Mapping[str, Array]) -> None:
        """Go on from :meth:`columns` and :meth:`kept`; new episodes begin.

        Raises:
            ValueError: They are of a buffer of another size.
        """
        first = max(0, rows.added - self.ring)
        if rows.first > first or any(rows.columns[name].shape[1:] != own.shape[1:] for name, own in self._rows.items()):
            raise ValueError(f"replay of {rows.capacity} rows does not fit a buffer of {self.ring}")
        self.reset()
        places = np.arange(first, rows.added) % self.ring
        for name, column in rows.since(first).items():
            self._rows[name][places] = column
        self.added = rows.added
        self.pos, self.full = self.added % self.buffer_size, self.added >= self.buffer_size
        stacks = [
            (tuple(map(int, where)), np.array(stack))
            for name in ("single", "whole")
            for where, stack in zip(kept[f"{name}_at"], kept[name], strict=True)
        ]
        self._kept = {(row, copy, kind): stack for (row, copy, kind), stack in sorted(stacks, key=itemgetter(0))}


def _equal(one: Array, other: Array) -> Array:
    """Tell for each copy whether two arrays are equal; one bool per copy."""
    return np.array([np.array_equal(mine, theirs) for mine, theirs in zip(one, other, strict=True)], np.bool_)


def _briefly(stack: Array) -> Array:
    """Return a stack to keep: of one that repeats a frame, that frame (1 × …), else all (K × …)."""
    return np.array(stack[:1] if (stack == stack[0]).all() else stack)
