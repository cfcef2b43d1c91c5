"""Copies of an environment in processes of their own: what goes wrong in one comes back with its number and traceback.

A copy may raise anything, end its process in any way, or not return; the others are then ended too, and
:class:`rlx.errors.EnvironmentFailed` says what happened.
"""

from __future__ import annotations

import multiprocessing
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext, suppress
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import gymnasium as gym

from rlx.envs.changing_env import begin_at
from rlx.envs.global_generators import seed_generators
from rlx.envs.masks import masks_of, tells_masks
from rlx.envs.reward_components import PREFIX, number_in
from rlx.envs.success import KEYS, success_of
from rlx.errors import EnvironmentFailed, RlxError
from rlx.launch import signal_name, tell_in_a_line, trace_of, watch
from rlx.stats import raised

RESET, STEP, ATTRIBUTE, CLOSE, MASKS, BEGIN = range(6)
DOINGS = {
    RESET: "`reset`",
    STEP: "`step`",
    ATTRIBUTE: "`get_wrapper_attr`",
    CLOSE: "`close`",
    MASKS: "`action_masks`",
    BEGIN: "being told how far training is",
}
DONE, FAILED = range(2)
CLOSING_SECONDS = 10.0
STARTING_SECONDS = 300.0
"""For a process to start and import what is ours, before the environment is asked for anything."""
LOOK_MS = 200


class Outcome(NamedTuple):
    """What a step gave: as Gymnasium's, and the last observation where a new episode has begun."""

    observation: Any
    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]
    final: Any


class Copies:
    """As many processes as makers, each with one environment, which begins a new episode when one ends.

    Attributes:
        observation_space: Of one copy.
        action_space: Of one copy.
        has_masks: Whether they tell which actions are allowed.
    """

    def __init__(self, makers: Sequence[Callable[[], gym.Env[Any, Any]]]):
        context = multiprocessing.get_context("spawn")
        self._processes: list[Any] = []
        self._connections: list[Connection] = []
        self._polls: list[Any] = []
        try:
            for maker in makers:
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs, maker, os.getpid()))
                process.start()
                theirs.close()
                poll = select.poll()
                poll.register(ours.fileno(), select.POLLIN | select.POLLHUP)
                self._processes.append(process)
                self._connections.append(ours)
                self._polls.append(poll)
            self._collect("being started", STARTING_SECONDS)
            found = self._collect("being made")
        except BaseException:
            self._end()
            raise
        self.observation_space, self.action_space, self.has_masks = found[0]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._processes)

    def begin_at(self, steps: int) -> None:
        """See :meth:`rlx.envs.vector_envs.sources.Source.begin_at`."""
        self._ask(BEGIN, [steps] * len(self))

    def reset(self, seeds: Sequence[int | None]) -> list[Any]:
        """Start a new episode in every copy, with its seed where there is one; returns the observation of each."""
        return self._ask(RESET, seeds)

    def step(self, actions: Iterable[Any]) -> list[Outcome]:
        """Step every copy."""
        return self._ask(STEP, actions)

    def attribute(self, name: str) -> list[Any]:
        """Return an attribute of every copy."""
        return self._ask(ATTRIBUTE, [name] * len(self))

    def masks(self) -> list[Any]:
        """Return which actions every copy allows now (:func:`rlx.envs.masks.masks_of`)."""
        return self._ask(MASKS, [None] * len(self))

    def close(self) -> None:
        """Close the environments, and end their processes whatever comes of that.

        Raises:
            EnvironmentFailed: One could not be closed.
        """
        try:
            if self._connections:
                self._ask(CLOSE, [None] * len(self), min(CLOSING_SECONDS, _patience()))
        finally:
            self._end()

    def _ask(self, command: int, contents: Iterable[Any], patience: float | None = None) -> list[Any]:
        for index, (connection, content) in enumerate(zip(self._connections, contents, strict=True)):
            try:
                connection.send((command, content))
            except OSError:
                self._receive(index, DOINGS[command], time.monotonic(), 0.0)  # it has ended, and perhaps said why
        return self._collect(DOINGS[command], patience)

    def _collect(self, doing: str, patience: float | None = None) -> list[Any]:
        allowed = _patience() if patience is None else patience
        starting = doing == "being started"  # our own imports: no call of the environment yet
        with nullcontext() if starting else watch.calling(watch.Call.COPIES):
            deadline = time.monotonic() + allowed
            return [self._receive(index, doing, deadline, allowed) for index in range(len(self))]

    def _receive(self, index: int, doing: str, deadline: float, allowed: float) -> Any:
        name = f"copy {index} of {len(self)}"
        while not self._polls[index].poll(LOOK_MS):
            if self._processes[index].exitcode is not None and not self._polls[index].poll(0):
                self._fail(self._death(index, name, doing))
            if time.monotonic() > deadline:
                shown = f"{allowed:g} s" + (" (env.step_timeout)" if allowed == _patience() else "")
                still = f"was still {doing} after {shown}"
                self._fail(f"{name} " + (still if doing[0] != "`" else f"did not return from {doing} for {shown}"))
        try:
            kind, content = self._connections[index].recv()
        except (EOFError, OSError):
            self._processes[index].join(2)
            self._fail(self._death(index, name, doing))
        if kind == FAILED:
            message, details = content
            self._fail(f"{message} ({name})", details)
        return content

    def _death(self, index: int, name: str, doing: str) -> str:
        code = self._processes[index].exitcode
        how = f"by signal {signal_name(-code)}" if code is not None and code < 0 else f"with exit code {code}"
        return f"{name} ended its process {how}, {watch.at(doing)}"

    def _fail(self, message: str, details: str = "") -> None:
        self._end()
        raise EnvironmentFailed(message, details)

    def _end(self) -> None:
        for process in self._processes:
            if process.exitcode is None:
                process.kill()
        for process in self._processes:
            process.join()
        for connection in self._connections:
            connection.close()
        self._connections, self._polls = [], []


def _patience() -> float:
    """Return the seconds that one call may take: what the parent of this worker allows."""
    return float(watch.board[watch.PATIENCE] or 300_000) / 1000


def _serve(connection: Connection, maker: Callable[[], gym.Env[Any, Any]], parent: int) -> None:
    """Hold one environment and do what comes; ends the process."""
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tell_in_a_line()
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    with suppress(BaseException):  # the environment may have spoiled anything here, its pipe and streams included
        try:
            _answer_all(connection, maker)
        except BaseException as error:  # noqa: BLE001 — an environment may raise anything, SystemExit too
            message = str(error) if isinstance(error, RlxError) else raised(error)
            connection.send((FAILED, (message, trace_of(error))))
        sys.stdout.flush()
    os._exit(0)


def _answer_all(connection: Connection, maker: Callable[[], gym.Env[Any, Any]]) -> None:
    """Make the environment, and answer until it is closed, or whoever held the copies is gone."""
    connection.send((DONE, None))  # what is ours has been imported
    env = maker()
    connection.send((DONE, (env.observation_space, env.action_space, tells_masks(env))))
    length = 0
    while True:
        try:
            command, content = connection.recv()
        except EOFError:
            return
        answer: Any = masks_of(env, length) if command == MASKS else _answer(env, command, content)
        if command == RESET or (command == STEP and (answer.terminated or answer.truncated)):
            length = 0
        elif command == STEP:
            length += 1
        connection.send((DONE, answer))
        if command == CLOSE:
            return


def _answer(env: gym.Env[Any, Any], command: int, content: Any) -> Any:
    if command == RESET:
        if content is not None:  # the generators belong to the environment alone here: one that uses them repeats
            seed_generators(content)
        return env.reset(seed=content)[0]
    if command == STEP:
        observation, reward, terminated, truncated, info = env.step(content)
        final, over = None, bool(terminated or truncated)
        if over:
            final, observation = observation, env.reset()[0]
        return Outcome(observation, float(reward), bool(terminated), bool(truncated), needed(info, over=over), final)
    if command == ATTRIBUTE:
        return env.get_wrapper_attr(content)
    if command == BEGIN:
        return begin_at(env, content)
    env.close()
    return None


def needed(info: dict[str, Any], *, over: bool) -> dict[str, Any]:
    """Return what training looks at in an ``info``, as numbers: the rest may be huge, or nothing that can be sent."""
    parts = {key: number_in(info[key]) for key in info if isinstance(key, str) and key.startswith(PREFIX)}
    success = success_of(info) if over else None
    return parts if success is None else {**parts, KEYS[0]: success}


def _die_with(parent: int) -> None:
    pause = threading.Event()
    while os.getppid() == parent:
        pause.wait(0.5)
    os._exit(1)
