"""Policies played where the environment has other keyword arguments, everything else as they were trained."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlx.config import FinalEvalConfig, RunConfig, Snapshot, is_unchanged, step_timeout
from rlx.envs import (
    Episode,
    EpisodesPlayed,
    counted,
    is_plain,
    make_env,
    own_registrations,
    parameters_of,
    places_for,
    preserved,
    reports_success,
)
from rlx.errors import ConfigError, EnvironmentUnusable
from rlx.launch import PROCESS, Call, Failure, calling, run_alone, run_parallel
from rlx.stats import raised

EVERY = 10.0
"""Seconds between two lines that say how far it is."""


@dataclass(frozen=True)
class VariedPlay:
    """Episodes to play in a variation of a run's environment.

    Attributes:
        label: What they are, for people: ``seed 3, length=0.7``.
        kwargs: The keyword arguments of the environment, all of them.
        policy: The checkpoint that plays; None for random actions.
    """

    label: str
    kwargs: Mapping[str, Any]
    policy: Path | None = None


def arguments_of(root: Path, snapshot: Snapshot) -> dict[str, Any]:
    """Return the arguments of a run's environment that are a number or a text where `env.kwargs` does not name them; nothing is made or stepped.

    Raises:
        ConfigError: It cannot be imported, in a process of its own.
    """
    found = run_alone(_arguments, (root, snapshot), step_timeout=step_timeout(root, snapshot.config.env))
    if isinstance(found, Failure):
        raise ConfigError(f"{snapshot.config.env.id}: its arguments cannot be read: {found.message}")
    return dict(found)


def play_varied(
    root: Path,
    snapshot: Snapshot,
    plays: Sequence[VariedPlay],
    protocol: FinalEvalConfig,
    say: Callable[[str], None] = lambda _: None,
) -> list[list[Episode] | Failure]:
    """Play the episodes of a protocol in each variation, in worker processes; an environment may refuse one, hang or crash.

    Args:
        root: The project.
        snapshot: The run's effective configuration.
        plays: Who plays where.
        protocol: The episodes.
        say: Told how far it is.

    Returns:
        For each, its episodes, or why there are none. One whose process died is played once more before that counts.

    Raises:
        ConfigError: The project's code is not what the run was trained with.
    """
    for name, digest in snapshot.code.everything.items():
        if not is_unchanged(root / name, digest):
            raise ConfigError(
                f"{name}: is not what the run was trained with, so its policies would be played in another world; check out the "
                "commit that `rlx info` names, or bring that file back"
            )
    patience = step_timeout(root, snapshot.config.env)

    def run(numbers: Sequence[int]) -> dict[int, Any]:
        tasks = {number: (root, snapshot, plays[number], protocol) for number in numbers}
        told, portable = _Told(say, len(tasks)), snapshot.config.portable
        return run_parallel(_play, tasks, told.event, told.end, step_timeout=patience, portable=portable)

    found = run(range(len(plays)))
    died = [
        number for number, outcome in found.items() if isinstance(outcome, Failure) and outcome.cause.kind == PROCESS
    ]
    if died:
        found |= run(died)
    reported = any(
        reports_success(episode.success for episode in outcome)
        for outcome in found.values()
        if not isinstance(outcome, Failure)
    )
    return [_with_successes(found[number], reported=reported) for number in range(len(plays))]


class _Told:
    """Says now and then how far it is."""

    def __init__(self, say: Callable[[str], None], total: int):
        self._say, self._total, self._ended, self._last = say, total, 0, time.monotonic()

    def event(self, content: Any) -> None:
        """Pass on a line; how far single episodes are is not said."""
        if isinstance(content, str):
            self._say(content)

    def end(self, _: int, __: Any) -> None:
        """Count what has ended."""
        self._ended += 1
        if time.monotonic() - self._last > EVERY:
            self._last = time.monotonic()
            self._say(f"{self._ended} of {self._total} variations played")


def _with_successes(outcome: list[Episode] | Failure, *, reported: bool) -> list[Episode] | Failure:
    """Count silence about success as failure, where the environment speaks of it anywhere."""
    if isinstance(outcome, Failure):
        return outcome
    return [replace(episode, success=counted(episode.success, reported=reported)) for episode in outcome]


def varied(config: RunConfig, kwargs: Mapping[str, Any]) -> RunConfig:
    """Return a configuration whose environment has other keyword arguments, from the backend that can make it so."""
    if dict(kwargs) == config.env.kwargs:
        return config
    return config.model_copy(update={"env": config.env.model_copy(update={"kwargs": dict(kwargs), "backend": "auto"})})


def _play(
    root: Path, snapshot: Snapshot, play: VariedPlay, protocol: FinalEvalConfig, emit: Callable[[Any], None]
) -> list[Episode]:
    """Play one variation, in a worker process."""
    from rlx.algorithms import prepare_kernels
    from rlx.records import checkpoints
    from rlx.training.actors import Player, RandomPlayer, load_player
    from rlx.training.held_out_play import play_with

    def report(played: EpisodesPlayed) -> None:
        emit((play.label, played))  # a sign of life

    own_registrations(root)
    config = varied(snapshot.config, play.kwargs)
    actor: Player = RandomPlayer()
    probe = None
    if play.policy is not None:
        with preserved():
            probe = make_env(config.env)
        actor = load_player(
            root,
            config,
            checkpoints.load(play.policy),
            probe,
            deterministic=protocol.deterministic,
            seed=protocol.seed,
            say=emit,
        )
    elif is_plain(config.env):
        prepare_kernels(emit)
    places = places_for(config, probe)
    episodes = play_with(places, protocol, actor, report=report)
    places.close()
    return episodes


def _arguments(root: Path, snapshot: Snapshot, _: Callable[[Any], None]) -> dict[str, Any]:
    """Read the arguments in a worker process; what is no plain value stays there."""
    own_registrations(root)
    env = snapshot.config.env.task.model_copy(update={"kwargs": {}})
    try:
        with calling(Call.IMPORT):
            known = parameters_of(env).values
    except Exception as error:
        raise EnvironmentUnusable(f"{env.id}: its arguments cannot be read: {raised(error)}") from error
    return {name: value for name, value in known.items() if isinstance(value, bool | int | float | str)}
