"""A trained policy as a function: for a notebook or a script that has observations of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlx.envs import all_allowed, executable, first_non_finite, make_env, preserved
from rlx.errors import UsageError
from rlx.launch import close_later
from rlx.training.actors import PolicyPlayer, load_player
from rlx.training.playing import NamedPolicy, open_policy

Array = np.ndarray[Any, Any]


class Policy:
    """A trained policy, with the observation statistics that it was trained with.

    It is a function of NumPy arrays: ``policy(observation)`` is ``policy.act(observation)``. One that remembers (a recurrent
    network) remembers from call to call; :meth:`reset` begins new episodes.

    Attributes:
        run: The run it is of.
        checkpoint: Which of its checkpoints: ``best``, ``latest`` or ``step_50000``.
        seed: Its training seed.
        step: Environment steps that it was trained for.
        observation_space: What it takes; with the wrappers of ``env.wrappers`` and ``env.frame_stack`` of its configuration.
        action_space: What it returns.
        deterministic: Whether it takes the most likely action instead of drawing one.
        needs_masks: Whether it has to be told which actions are allowed.
    """

    def __init__(self, named: NamedPolicy, step: int, seed: int, player: PolicyPlayer, env: gym.Env[Any, Any]):
        self.run, self.checkpoint, self.seed, self.step = named.run, named.name, seed, step
        self.observation_space, self.action_space = env.observation_space, env.action_space
        self.deterministic, self.needs_masks = player.deterministic, player.masked
        self._actor, self._normalizer = player.actor, player.normalizer
        self._memory: Any = None
        self._rows = 0

    def __repr__(self) -> str:
        """Return what it is."""
        return f"<policy {self.run}:{self.checkpoint}#{self.seed}, trained for {self.step:,} steps>"

    def reset(self) -> None:
        """Forget what the policy remembers: the next call begins new episodes."""
        self._memory, self._rows = None, 0

    def __call__(self, observation: Any, masks: Any = None, *, starts: Any = None) -> Any:
        """Return what :meth:`act` does."""
        return self.act(observation, masks, starts=starts)

    def act(self, observation: Any, masks: Any = None, *, starts: Any = None) -> Any:
        """Return the action for an observation, or one for each of a batch.

        Args:
            observation: One observation as ``observation_space`` says; or several, one a row (of a dict space: a dict of
                arrays, each with the rows first).
            masks: Which actions are allowed, true where they are, as ``env.action_masks()`` tells; of a batch one row for each
                observation. Needed where ``needs_masks``, and not heeded otherwise.
            starts: Of a batch, where true, the row begins a new episode, and what the policy remembers of it does not count.
                By default all rows do in the first call, and after :meth:`reset`, and none otherwise.

        Returns:
            One action such as ``env.step`` takes, or an array with a row for each observation. Continuous actions are clipped to
            what the environment takes, as in evaluation.

        Raises:
            UsageError: The observation is none of ``observation_space``, masks are missing or have another shape, or the
                number of rows has changed in the middle of episodes.
        """
        batch, alone = _batched(self.observation_space, observation)
        rows = _rows(batch)
        masks_NW = self._masks(masks, rows, alone=alone)
        starts_N = self._starts(starts, rows)
        if self._normalizer is not None:
            batch = self._normalizer(batch)
        actions_N, self._memory = self._actor.act(batch, self._memory, starts_N, masks_NW, self.deterministic)
        self._rows = rows
        actions_N = np.asarray(actions_N)
        if isinstance(self.action_space, spaces.Box):
            actions_N = executable(actions_N, self.action_space)
        return actions_N[0] if alone else actions_N

    def _starts(self, starts: Any, rows: int) -> Array:
        if starts is not None:
            found = np.atleast_1d(np.asarray(starts, dtype=np.bool_))
            if found.shape != (rows,):
                raise UsageError(
                    f"starts has the shape {found.shape}; it has one value for each of the {rows} observations"
                )
            if found.all():
                self.reset()
            if self._memory is not None and self._rows != rows:
                raise UsageError(self._other_rows(rows))
            return found | (self._rows == 0)
        if self._memory is not None and self._rows not in (0, rows):
            raise UsageError(self._other_rows(rows))
        return np.full(rows, self._rows == 0)

    def _other_rows(self, rows: int) -> str:
        return (
            f"the policy remembers {self._rows} episodes and was given {rows} observations; reset() begins new episodes, and "
            "another policy object remembers others"
        )

    def _masks(self, masks: Any, rows: int, *, alone: bool) -> Array | None:
        if not self.needs_masks:
            return None
        if masks is None:
            raise UsageError("this policy chooses among allowed actions: act(observation, env.action_masks())")
        found = np.asarray(masks, dtype=np.bool_)
        found = found[None] if alone else found
        wanted = (rows, *all_allowed(self.action_space).shape)
        if found.shape != wanted:
            raise UsageError(f"masks have the shape {found.shape}; here they have {wanted}: a row for each observation")
        return found


def _batched(space: gym.Space[Any], observation: Any) -> tuple[Any, bool]:
    """Return observations with the rows first, and whether it was one alone.

    Raises:
        UsageError: They are none of the space.
    """
    if isinstance(space, spaces.Dict):
        if not hasattr(observation, "keys") or set(observation.keys()) != set(space.spaces):
            raise UsageError(f"an observation here is a dict with the keys {', '.join(space.spaces)}")
        found = {key: _batched(inner, observation[key]) for key, inner in space.spaces.items()}
        if len({(_rows(batch), alone) for batch, alone in found.values()}) > 1:
            raise UsageError("the parts of the observation have different numbers of rows")
        return {key: batch for key, (batch, _) in found.items()}, all(alone for _, alone in found.values())
    shape = space.shape or ()
    array = _numbers(space, observation)
    if array.shape == shape:
        return array[None], True
    if array.ndim == len(shape) + 1 and array.shape[1:] == shape and len(array):
        return array, False
    raise UsageError(
        f"an observation has the shape {shape} here, and several have it row by row; this has {array.shape}"
    )


def _numbers(space: gym.Space[Any], observation: Any) -> Array:
    """Return observations as arrays of the space's type.

    Raises:
        UsageError: They are no finite real numbers.
    """
    try:
        given = np.asarray(observation)
        wrong = "complex ones" if given.dtype.kind == "c" else first_non_finite(given)
        with np.errstate(over="ignore"):  # what is too large for the type is infinite in it, and told below
            found = given if wrong else given.astype(space.dtype)
    except (TypeError, ValueError) as error:
        raise UsageError(f"an observation here is of {space}; this cannot be read as one: {str(error)[:100]}") from None
    if wrong := wrong or first_non_finite(found):
        raise UsageError(f"an observation has finite real numbers only, and this has {wrong}")
    return found


def _rows(batch: Any) -> int:
    return len(next(iter(batch.values()))) if isinstance(batch, dict) else len(batch)


def load_policy(
    root: Path, named: NamedPolicy, *, deterministic: bool = True, seed: int = 0, say: Callable[[str], None] = print
) -> Policy:
    """Load a policy into this process.

    Held-out play and film run in processes whose threads and libraries are set up for it; here they are the caller's, so that
    what a network returns may differ in its last bits from what it returned there.

    Args:
        root: The project (for environments, networks and algorithms of its own, which are imported as `rlx eval` does).
        named: Which.
        deterministic: Take the most likely action instead of drawing one.
        seed: Of what the policy draws by itself.
        say: Called with a line for people, before something that takes a while.

    Raises:
        CheckpointDamaged: It is none, or does not fit the learner of its configuration.
        ConfigError: Project code it was trained with has changed, or a file from elsewhere names code of its own.
    """
    checkpoint, snapshot = open_policy(root, named)
    with preserved():
        env = make_env(snapshot.config.env)
    try:
        player = load_player(root, snapshot.config, checkpoint, env, deterministic=deterministic, seed=seed, say=say)
        return Policy(named, checkpoint.state.step, checkpoint.state.seed, player, env)
    finally:
        close_later(env)
