"""The steps taken in an environment when it is tried out, and what they show.

One copy is played alone, then the same again in a fresh copy and in the first one, then beside a second copy: what differs
tells whether ``reset(seed)`` determines what follows, and whether copies change one another.
"""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from rlx.config import EnvConfig, missing_data
from rlx.envs import (
    AGREE,
    OLD,
    WRAPPERS,
    Generators,
    around,
    beyond_bounds,
    described,
    flag_misfit,
    is_image,
    make_wrapped,
    masks_of,
    observation_misfit,
    reset_misfit,
    reward_misfit,
    sample_allowed,
    step_misfit,
    tells_masks,
)
from rlx.errors import EnvironmentUnusable, Misfit
from rlx.launch import Call, calling, place_of
from rlx.records import Complaint, EnvironmentFacts, Key
from rlx.stats import raised

SEED = 0
MEASURED, TRIED, REPEATED = 100, 200, 50
"""Random steps: whose observations are measured, that are taken in all, and that are repeated with a second copy."""
LEAST, AHEAD = 3, 7
TRY_SECONDS, REPEAT_SECONDS = 1.5, 0.5
"""Slow environments take fewer steps, though never fewer than :data:`LEAST`. A second copy is that many ``AHEAD``."""
ID: Key = ("env", "id")
Tell = Callable[[str, Any], None]
"""Told ``step`` with its number, ``found`` with what is known so far, ``refused`` with a message."""


@dataclass
class Found:
    """What is known so far, to become :class:`EnvironmentFacts`; ``seconds`` to make a copy and to step stay out of them."""

    environment: str
    facts: dict[str, Any] = field(default_factory=dict)
    problems: list[Complaint] = field(default_factory=list)
    remarks: list[Complaint] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """Return it as plain values."""
        facts = EnvironmentFacts(
            self.environment, **self.facts, problems=tuple(self.problems), remarks=tuple(self.remarks)
        )
        return {"facts": facts.to_data(), "seconds": self.seconds}

    def remark(self, kind: str, message: str, key: Key = ID) -> None:
        """Note something unusual, once."""
        complaint = Complaint(key, message, kind)
        if complaint not in self.remarks:
            self.remarks.append(complaint)


class WatchedTrial(gym.Wrapper[Any, Any, Any, Any]):
    """Checks everything an environment returns against what it declared.

    Attributes:
        beyond: Which observations left the declared bounds, by part.
    """

    def __init__(self, env: gym.Env[Any, Any]):
        super().__init__(env)
        self.beyond: dict[str, str] = {}
        self._space = env.observation_space

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """Start an episode, and check what comes of it."""
        with calling(Call.RESET):
            found = self.env.reset(**kwargs)
        if wrong := reset_misfit(found):
            raise Misfit(wrong)
        self._check(found[0])
        return found

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take a step, and check what comes of it."""
        with calling(Call.STEP):
            found = self.env.step(action)
        if wrong := step_misfit(found):
            raise Misfit(wrong)
        observation, reward, terminated, truncated, _ = found
        wrong = reward_misfit(reward) or flag_misfit(terminated, "terminated") or flag_misfit(truncated, "truncated")
        if wrong:
            raise Misfit(f"{wrong}; mend it in `step`")
        self._check(observation)
        return found

    def _check(self, observation: Any) -> None:
        if wrong := observation_misfit(self._space, observation):
            raise Misfit(f"{wrong}; {AGREE}")
        for told in beyond_bounds(self._space, observation):
            self.beyond[told.partition(" reach ")[0]] = told


@dataclass(frozen=True)
class TrialStep:
    """What one reset or step gave."""

    observation: Any
    reward: float | None = None
    over: bool = False

    def differs(self, other: TrialStep) -> str | None:
        """Return what differs between two steps that should be equal; None if nothing does."""
        if not _same(self.observation, other.observation):
            return "observations"
        return "rewards" if self.reward != other.reward else "ends of episodes" if self.over != other.over else None


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, tuple):
        return all(map(_same, one, other))
    return np.array_equal(np.asarray(one), np.asarray(other))


def _kept(value: Any) -> Any:
    """Return a copy of an observation: environments may return the same array at every step."""
    if isinstance(value, dict):
        return {key: _kept(member) for key, member in value.items()}
    return tuple(map(_kept, value)) if isinstance(value, tuple) else np.array(value)


class _Copy:
    """A copy of the environment, played by a fixed list of actions, or by any that are allowed."""

    def __init__(self, made: gym.Env[Any, Any], env: EnvConfig):
        self.watched = WatchedTrial(made)
        self.made = around(self.watched, env)
        self._length = 0

    def sample(self) -> Any:
        """Draw an action from its space, one that is allowed where it tells masks."""
        return sample_allowed(self.made.action_space, masks_of(self.made, self._length))

    def play(self, seed: int, actions: Iterator[Any]) -> Iterator[TrialStep]:
        """Yield what a reset and the actions give; episodes follow one another without seeds."""
        observation, _ = self.made.reset(seed=seed)
        self._length = 0
        yield TrialStep(_kept(observation))
        for action in actions:
            self._length += 1
            observation, reward, terminated, truncated, _ = self.made.step(deepcopy(action))
            over = bool(terminated or truncated)
            yield TrialStep(_kept(observation), float(np.asarray(reward).reshape(())[()]), over)
            if over:
                observation, _ = self.made.reset()
                self._length = 0
                yield TrialStep(_kept(observation))


class Trial:
    """The steps taken in an environment, and what they show."""

    def __init__(self, env: EnvConfig, made: gym.Env[Any, Any], found: Found, tell: Tell):
        self._env, self._made, self._found, self._tell = env, made, found, tell
        self._actions: list[Any] = []
        self._taken = 0

    def run(self) -> None:
        """Play one copy alone, then again, then beside a second one."""
        generators = Generators()
        try:
            first = _Copy(self._made, self._env)
            trace = self._first(first, generators)
            self._tell("found", self._found.as_data())
            self._repeat(first, trace[: REPEATED + 1], generators)
        except Exception as error:  # noqa: BLE001 — an environment may raise anything
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        """Note an error: what breaks the interface, or the very first step, cannot be trained in; training tells the rest."""
        key = _blamed(error, self._made, self._env)
        if isinstance(error, Misfit):
            key = self._spoiler(str(error)) or key
            early = self._taken <= 1 or "not a finite number" not in str(error)
            message = str(error) if self._taken <= 1 else f"{error} (step {self._taken} of random actions)"
        else:
            where = f"in step {self._taken}" if self._taken else "in its first reset"
            early, message = self._taken <= 1, f"failed {where}: {place_of(error)}{missing_data(Path.cwd(), error)}"
            if old := _old_interface(self._made, error):
                early, message = True, old
        if early:
            self._found.problems.append(Complaint(key, message, "interface"))
        else:
            self._found.remark(
                "fails", message if isinstance(error, Misfit) else f"{message}, under random actions", key
            )

    def _spoiler(self, message: str) -> Key | None:
        """Return the setting of the wrapper that breaks the interface; None where the environment itself does.

        Found by trying the environment with ever more of its wrappers.
        """
        for count in range(len(self._env.wrappers)):
            part = self._env.model_copy(update={"wrappers": self._env.wrappers[:count], "frame_stack": 1})
            try:
                with calling(Call.MAKE):
                    made = make_wrapped(part)
            except EnvironmentUnusable:
                return None
            try:
                made.action_space.seed(SEED)
                watched = WatchedTrial(made)
                watched.reset(seed=SEED)
                for _ in range(self._taken):
                    action = sample_allowed(made.action_space, masks_of(made, 0))
                    _, _, terminated, truncated, _ = watched.step(action)
                    if terminated or truncated:
                        watched.reset()
            except Exception:  # noqa: BLE001 — it fails already with these
                return (*WRAPPERS, count - 1) if count else ID
            finally:
                close(made, self._found)
        return (*WRAPPERS, len(self._env.wrappers) - 1) if self._env.wrappers else ID

    def _sampled(self, copy: _Copy) -> Iterator[Any]:
        """Yield random actions, the same ones every time, until steps or time are used up; keeps the first ones."""
        copy.made.action_space.seed(SEED)
        started = time.monotonic()
        while self._taken < TRIED and (self._taken < LEAST or time.monotonic() - started < TRY_SECONDS):
            self._taken += 1
            self._tell("step", self._taken)
            action = copy.sample()
            if len(self._actions) < REPEATED:
                self._actions.append(deepcopy(action))  # an environment may change what it is given
            yield action
        self._found.seconds["step"] = (time.monotonic() - started) / max(1, self._taken)

    def _first(self, copy: _Copy, generators: Generators) -> list[TrialStep]:
        """Play for as long as the trial lasts, and note what was seen."""
        facts = self._found.facts
        generators.seed(1)
        trace: list[TrialStep] = []
        played = copy.play(SEED, self._sampled(copy))
        trace.append(next(played))
        generators.note_reset()
        ends: list[tuple[float, int]] = []
        total, length, longest = 0.0, 0, 0
        for step in played:
            trace.append(step)
            if step.reward is None:
                continue
            total, length = total + step.reward, length + 1
            longest = max(longest, length)
            if step.over:
                ends.append((total, length))
                total, length = 0.0, 0
        generators.note_play()
        with np.errstate(over="ignore"):
            mean = float(np.mean([each[0] for each in ends])) if ends else math.nan
        facts |= {
            "steps_tried": self._taken,
            "longest_episode": longest,
            "ended": bool(ends),
            "random_return": (mean, len(ends)) if math.isfinite(mean) and self._taken == TRIED else None,
            "observation_size": _sizes(copy.made.observation_space, trace),
        }
        for told in copy.watched.beyond.values():
            self._found.remark("bounds", f"{told}: nothing is cut, but the declaration misleads")
        return trace

    def _repeat(self, first: _Copy, trace: list[TrialStep], generators: Generators) -> None:
        """Play the same again, in a fresh copy and in the first one, then in one beside the other."""
        facts = self._found.facts
        try:
            with calling(Call.MAKE):
                second = _Copy(make_wrapped(self._env), self._env)
        except EnvironmentUnusable as error:
            facts["isolated_only"] = True
            self._found.remark("isolated", f"a second copy cannot be made beside the first ({error})")
            return
        try:
            for name, (one, other) in _spaces_that_differ(first.made, second.made).items():
                message = f"its {name} is not the same in every copy: {one} and {other}; set it once, by the arguments alone, in `__init__`"
                self._found.problems.append(Complaint(ID, message, "spaces"))
            if self._found.problems:
                return
            generators.seed(2)
            played = second.play(SEED, iter(self._actions))
            different = next(played).differs(trace[0]) and "observations, from the reset on,"
            generators.note_other_reset()
            different = (
                different or _difference(played, trace[1:]) or _difference(first.play(SEED, iter(self._actions)), trace)
            )
            facts["seeded"] = different is None
            facts["generators"] = generators.touched
            if different:
                self._found.remark("unseeded", _unseeded(different, generators.touched))
            else:
                self._beside(first, second, trace)
        finally:
            close(second.made, self._found)

    def _beside(self, first: _Copy, second: _Copy, trace: list[TrialStep]) -> None:
        actions = self._actions[::-1]
        allowed = (first.sample() for _ in actions)  # what was allowed in another order may not be in this
        other = first.play(SEED + 1, allowed if tells_masks(first.made) else iter(actions))

        def in_turn() -> Iterator[TrialStep]:
            for step in second.play(SEED, iter(self._actions)):
                yield step
                next(other, None)

        for _ in range(AHEAD):  # so that the two do not begin their episodes at the same time
            next(other, None)
        if different := _difference(in_turn(), trace):
            self._found.facts["isolated_only"] = True
            self._found.remark(
                "isolated",
                f"its copies in one process change one another: {different} differ when a second one steps in turn",
            )


def _spaces_that_differ(one: Any, other: Any) -> dict[str, tuple[str, str]]:
    names = ("observation_space", "action_space")
    shown = {name: (described(getattr(one, name)), described(getattr(other, name))) for name in names}
    return {name: pair for name, pair in shown.items() if pair[0] != pair[1]}


def _difference(played: Iterator[TrialStep], trace: list[TrialStep]) -> str | None:
    """Return what differs between a play and an earlier one, as far as time allows; None if nothing does."""
    started = time.monotonic()
    for count, (step, before) in enumerate(zip(played, trace, strict=False)):
        if different := step.differs(before):
            return different
        if count > LEAST and time.monotonic() - started > REPEAT_SECONDS:
            break
    return None


def _unseeded(different: str, generators: tuple[str, ...]) -> str:
    drawn = f" (it draws from the global generator of {' and '.join(generators)})" if generators else ""
    return (
        f"`reset(seed)` does not determine what follows: with one seed and the same actions, {different} differ{drawn}. "
        "Results cannot be repeated, and no two policies meet the same held-out episodes; call `super().reset(seed=seed)` and "
        "draw from `self.np_random` alone"
    )


def _sizes(space: Any, trace: list[TrialStep]) -> tuple[float, ...]:
    """Return the root mean square of each element of a vector observation over the first steps.

    Of an array of more dimensions that of all elements together; nothing of images that the network scales itself.
    """
    if not isinstance(space, spaces.Box) or is_image(space):
        return ()
    seen = [trace[0].observation, *(step.observation for step in trace if step.reward is not None)][: MEASURED + 1]
    with np.errstate(all="ignore"):
        size_D = np.sqrt(np.square(np.asarray(seen, dtype=float)).mean(axis=0))
        if size_D.ndim > 1:
            size_D = np.sqrt(np.square(size_D).mean(keepdims=True)).ravel()
    return tuple(float(size) for size in size_D) if np.isfinite(size_D).all() else ()


def _blamed(error: Exception, made: gym.Env[Any, Any], env: EnvConfig) -> Key:
    """Return the setting of the configured wrapper in whose own code an error arose; else that of the environment."""
    layers = configured(made, env)
    trace, key = error.__traceback__, ID
    while trace:
        owner = trace.tb_frame.f_locals.get("self")
        if isinstance(owner, gym.Env) and not isinstance(owner, WatchedTrial):
            index = next((i for i, layer in enumerate(layers) if layer is owner), None)
            key = ID if index is None else (*WRAPPERS, index)
        trace = trace.tb_next
    return key


def _old_interface(made: gym.Env[Any, Any], error: Exception) -> str | None:
    """Return how an environment shows that it is of old Gym, where its error comes of that; else None."""
    if not isinstance(error, TypeError | ValueError):
        return None
    with suppress(TypeError, ValueError):  # of a callable whose signature nobody knows
        parameters = inspect.signature(made.unwrapped.reset).parameters
        if any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
            return None
        lacking = [name for name in ("seed", "options") if name not in parameters]
        if lacking:
            return f"its `reset` takes no {' and no '.join(lacking)}: this is {OLD}"
    return None


def configured(made: Any, env: EnvConfig) -> list[Any]:
    """Return the objects of the configured wrappers, innermost first."""
    layers: list[Any] = []
    while isinstance(made, gym.Wrapper):
        layers.append(made)
        made = made.env
    layers = [layer for layer in layers if not isinstance(layer, WatchedTrial)]
    return layers[: len(env.wrappers)][::-1]


def close(made: gym.Env[Any, Any], found: Found) -> None:
    """Close an environment; what it raises is noted."""
    try:
        with calling(Call.CLOSE):
            made.close()
    except Exception as error:  # noqa: BLE001 — an environment may raise anything
        found.remark("close", f"its `close` failed: {raised(error)}")
