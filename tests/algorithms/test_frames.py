"""The replay buffer that keeps each frame once gives, bit for bit, what Stable-Baselines3's gives."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings, strategies as st
from stable_baselines3 import DQN
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from rlx.algorithms import ReplayRows
from rlx.algorithms.frames import FrameReplayBuffer
from rlx.envs import seed_generators
from rlx.envs.observation_wrappers import StackFrames

SIDE = 13


class Pictures(gym.Env[Any, Any]):
    """Frames of few different values, so that some are equal by chance; episodes of random lengths end in both ways."""

    def __init__(self, channels: int, first: bool, seed: int, longest: int = 9):
        shape = (channels, SIDE, SIDE) if first else (SIDE, SIDE, channels)
        self.observation_space, self.action_space = spaces.Box(0, 255, shape, np.uint8), spaces.Discrete(3)
        self.generator, self.longest = np.random.default_rng(seed), longest

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.left = int(self.generator.integers(1, self.longest))
        return self.seen(), {}

    def seen(self) -> Any:
        shape = self.observation_space.shape
        return np.full(shape, self.generator.integers(0, 3) * 100, np.uint8) | self.generator.integers(
            0, 2, (1, 1, 1)
        ).astype(np.uint8)

    def step(self, action: Any) -> Any:
        self.left -= 1
        cut = bool(self.generator.integers(0, 2))
        return self.seen(), float(self.generator.normal()), self.left == 0 and not cut, self.left == 0 and cut, {}


class ZeroPadded(gym.Wrapper[Any, Any, Any, Any]):
    """Stacks with zeros before an episode's first frame, and in its middle shows once something else altogether."""

    def __init__(self, env: Any, count: int, wild: bool):
        super().__init__(env)
        self.count, self.wild, self.inner = count, wild, StackFrames(env, count)
        self.observation_space = self.inner.observation_space

    def reset(self, **kwargs: Any) -> Any:
        _, info = self.inner.reset(**kwargs)
        self.inner._frames = [np.zeros_like(self.inner._frames[0])] * (self.count - 1) + self.inner._frames[-1:]
        return np.concatenate(self.inner._frames, axis=self.inner._axis), info

    def step(self, action: Any) -> Any:
        seen, *rest = self.inner.step(action)
        if self.wild and self.env.unwrapped.left == 2:  # type: ignore[attr-defined]
            self.inner._frames = [frame ^ 1 for frame in self.inner._frames]
            seen = np.concatenate(self.inner._frames, axis=self.inner._axis)
        return seen, *rest


def stream(envs: list[Any], steps: int, boundaries: set[int]) -> Iterator[Any]:
    """Yield what Stable-Baselines3 adds to replay; None where all episodes begin anew."""
    seen = np.stack([env.reset()[0] for env in envs])
    generator = np.random.default_rng(0)
    for step in range(steps):
        if step in boundaries:
            seen = np.stack([env.reset()[0] for env in envs])
            yield None
        actions = generator.integers(0, 3, len(envs))
        found = [env.step(action) for env, action in zip(envs, actions, strict=True)]
        after = np.stack([each[0] for each in found])
        dones = np.array([each[2] or each[3] for each in found])
        infos = [{"TimeLimit.truncated": each[3] and not each[2]} for each in found]
        yield seen, after.copy(), actions, np.array([each[1] for each in found]), dones, infos
        seen = after.copy()
        for index in np.flatnonzero(dones):
            seen[index] = envs[index].reset()[0]


def two(envs: list[Any], size: int, frames: int, *, timeouts: bool = True) -> tuple[ReplayBuffer, FrameReplayBuffer]:
    given = (size, envs[0].observation_space, envs[0].action_space, "cpu", len(envs))
    return ReplayBuffer(*given, handle_timeout_termination=timeouts), FrameReplayBuffer(
        *given, handle_timeout_termination=timeouts, frames=frames
    )


def assert_same(theirs: ReplayBuffer, ours: FrameReplayBuffer, seed: int, batch: int = 32) -> None:
    assert (theirs.pos, theirs.full, theirs.size()) == (ours.pos, ours.full, ours.size())
    drawn = []
    for buffer in (theirs, ours):
        seed_generators(seed)
        drawn.append([buffer.sample(batch), np.random.get_state()[2]])  # noqa: NPY002 — what is left of it
    for name in drawn[0][0]._fields:
        one, other = (getattr(each[0], name) for each in drawn)
        if one is None:
            assert other is None
            continue
        assert one.dtype == other.dtype, name
        assert one.shape == other.shape, name
        assert (one == other).all(), name
    assert drawn[0][1] == drawn[1][1]


@settings(deadline=None)
@given(
    st.integers(1, 3), st.sampled_from([1, 2, 4]), st.sampled_from([1, 3]), st.booleans(), st.integers(1, 60),
    st.integers(1, 90), st.sets(st.integers(1, 89), max_size=3), st.sampled_from(["repeat", "zeros", "wild"]),
    st.booleans(), st.integers(0, 2**31 - 1),
)  # fmt: skip
def test_every_sample_is_that_of_stable_baselines3(
    copies: int, frames: int, channels: int, first: bool, size: int, steps: int, boundaries: set[int], padding: str,
    timeouts: bool, seed: int,
) -> None:  # fmt: skip
    def env(index: int) -> Any:
        made = Pictures(channels, first, seed + index)
        return StackFrames(made, frames) if padding == "repeat" else ZeroPadded(made, frames, padding == "wild")

    envs = [env(index) for index in range(copies)]
    theirs, ours = two(envs, size * copies, frames, timeouts=timeouts)
    for index, added in enumerate(stream(envs, steps, boundaries)):
        if added is None:
            ours.boundary()
            continue
        theirs.add(*added)
        ours.add(*added)
        if index % 7 == 0:
            assert_same(theirs, ours, index)
    assert_same(theirs, ours, seed, 300)
    assert padding == "wild" or ours.broken == 0


@settings(deadline=None)
@given(st.integers(5, 40), st.integers(1, 70), st.integers(1, 40), st.integers(0, 2**31 - 1))
def test_a_restored_one_goes_on_to_the_same_bits(size: int, steps: int, more: int, seed: int) -> None:
    envs = [StackFrames(Pictures(1, True, seed + index), 4) for index in range(2)]
    theirs, ours = two(envs, 2 * size, 4)
    again = two(envs, 2 * size, 4)[1]
    for index, added in enumerate(stream(envs, steps + more, {steps})):
        if added is None:
            ours.boundary()
            columns = {name: column.copy() for name, column in ours.columns().items()}
            again.restore(ReplayRows(columns, ours.added), ours.kept())
            continue
        theirs.add(*added)
        ours.add(*added)
        if again.added:
            again.add(*added)
            assert_same(theirs, again, index)
    assert again.added == ours.added == steps + more
    rows, others = ReplayRows(ours.columns(), ours.added), ReplayRows(again.columns(), again.added)
    for name, column in rows.since(0).items():
        assert (column == others.since(0)[name]).all(), name
    for name, kept in ours.kept().items():
        assert (kept == again.kept()[name]).all(), name


def test_rows_are_written_once() -> None:
    envs = [StackFrames(Pictures(1, True, index), 4) for index in range(2)]
    ours = two(envs, 40, 4)[1]
    written: dict[int, dict[str, Any]] = {}
    for added in stream(envs, 70, {30, 31}):
        if added is None:
            ours.boundary()
            continue
        ours.add(*added)
        now = ReplayRows(ours.columns(), ours.added)
        assert now.capacity == 24
        for row in range(now.first, now.added):
            found = {name: column[row % now.capacity].copy() for name, column in now.columns.items()}
            for name, value in written.setdefault(row, found).items():
                assert (value == found[name]).all()


def test_another_size_is_refused() -> None:
    envs = [StackFrames(Pictures(1, True, 0), 4)]
    ours, larger = two(envs, 10, 4)[1], two(envs, 60, 4)[1]
    for added in stream(envs, 40, set()):
        ours.add(*added)
    with pytest.raises(ValueError, match="replay of 14 rows does not fit a buffer of 64"):
        larger.restore(ReplayRows(ours.columns(), ours.added), ours.kept())


def test_what_cannot_be_stacks_is_refused() -> None:
    space, acts = spaces.Box(0, 255, (3, SIDE, SIDE), np.uint8), spaces.Discrete(2)
    with pytest.raises(ValueError, match=r"images of shape \(3, 13, 13\) are no stacks of 4 frames along the channels"):
        FrameReplayBuffer(10, space, acts, "cpu", frames=4)
    with pytest.raises(ValueError, match="optimize_memory_usage"):
        FrameReplayBuffer(10, space, acts, "cpu", 1, True, frames=3)


def test_images_that_are_not_stacked_are_told_and_kept_whole() -> None:
    class Random(Pictures):
        def seen(self) -> Any:
            return self.generator.integers(0, 256, self.observation_space.shape).astype(np.uint8)

    envs = [Random(4, True, 0, longest=60)]
    theirs, ours = two(envs, 100, 4)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for added in stream(envs, 250, set()):
            theirs.add(*added)
            ours.add(*added)
    assert len(told) == 1
    assert "are no stacks of 4 frames that go on from one another: replay keeps them whole, 100 of" in str(
        told[0].message
    )
    assert_same(theirs, ours, 1, 300)
    assert ours.nbytes < theirs.observations.nbytes + theirs.next_observations.nbytes


def test_replay_takes_little_more_than_its_frames() -> None:
    generator = np.random.default_rng(0)
    space = spaces.Box(0, 255, (4, 84, 84), np.uint8)
    ours = FrameReplayBuffer(1000, space, spaces.Discrete(4), "cpu", frames=4)
    stack = np.repeat(generator.integers(0, 256, (1, 1, 84, 84)).astype(np.uint8), 4, axis=1)
    for step in range(1500):
        after = np.concatenate([stack[:, 1:], generator.integers(0, 256, (1, 1, 84, 84)).astype(np.uint8)], axis=1)
        done = step % 100 == 99
        ours.add(stack, after, np.zeros(1, np.int64), np.zeros(1), np.array([done]), [{}])
        stack = np.repeat(after[:, -1:], 4, axis=1) ^ 1 if done else after
    frames = 1000 + 1000 // 100  # one more for each episode that began
    assert ours.nbytes <= 1.05 * frames * 84 * 84


def test_images_are_not_normalised_and_rewards_are() -> None:
    envs = [StackFrames(Pictures(1, True, 0), 4)]
    theirs, ours = two(envs, 50, 4)
    venv = VecNormalize(DummyVecEnv([lambda: StackFrames(Pictures(1, True, 0), 4)]), norm_obs=False)  # type: ignore[list-item]
    venv.ret_rms.var = np.array(9.0)
    for added in stream(envs, 50, set()):
        theirs.add(*added)
        ours.add(*added)
    seed_generators(0)
    one = theirs.sample(20, venv)
    seed_generators(0)
    other = ours.sample(20, venv)
    assert (one.rewards == other.rewards).all()
    assert (one.observations == other.observations).all()
    assert other.observations.dtype == one.observations.dtype


def test_dqn_learns_the_same_with_it() -> None:
    def trained(**replay: Any) -> Any:
        venv = DummyVecEnv([lambda i=i: StackFrames(Pictures(1, False, i), 4) for i in range(2)])  # type: ignore[misc]
        arguments = {"learning_starts": 20, "buffer_size": 60, "batch_size": 8, "target_update_interval": 20}
        model = DQN("MlpPolicy", venv, seed=1, device="cpu", policy_kwargs={"net_arch": [8]}, **arguments, **replay)
        return model.learn(200)

    ours = trained(replay_buffer_class=FrameReplayBuffer, replay_buffer_kwargs={"frames": 4})
    theirs = trained()
    assert isinstance(ours.replay_buffer, FrameReplayBuffer)
    assert ours.replay_buffer.broken == 0
    for one, other in zip(ours.policy.parameters(), theirs.policy.parameters(), strict=True):
        assert (one == other).all()
