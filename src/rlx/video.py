"""Films of a policy: which episodes, and their frames one by one, so that memory stays bounded.

The environment is drawn in a process of its own: whichever way it dies or hangs there, only the film is missing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from rlx import checkpoints, results, watch
from rlx.actors import Actor, load_actor, stack
from rlx.atomic import write_json
from rlx.checkpoints import Checkpoint
from rlx.closing import close_later
from rlx.config.schema import FinalEvalConfig, VideoConfig
from rlx.config.snapshot import Snapshot
from rlx.config.time_limits import step_timeout
from rlx.envs import make_env, own_registrations, surroundings_for
from rlx.errors import EnvironmentUnusable, RlxError
from rlx.evaluation import SLOTS, Episode, untouched_generators
from rlx.failures import ENVIRONMENT, PROCESS
from rlx.film_writing import Scene, write_film
from rlx.playing import Played, Policy, open_policy
from rlx.project_code import check_unchanged
from rlx.space_wrappers import plain_reward
from rlx.surroundings import Surroundings
from rlx.workers import Failure, run_alone

DEFAULT_FPS = 30
EVERY = 10.0
"""Seconds between two signs of life of a film in the making."""


class NoRenderer(RlxError):
    """The environment cannot be filmed on this machine."""


class FilmFailed(RlxError):
    """A film could not be made, for a reason that is not the environment's."""


@dataclass(frozen=True)
class Film:
    """What a film shows; written beside it as ``<name>.json``.

    Attributes:
        file: The film, or None if there is none.
        reason: Why there is none.
        seed: Training seed of the policy.
        checkpoint: Which of its checkpoints.
        episode: Index of the held-out episode.
        reset_seed: What the environment was reset with.
        evaluated_return: The episode's return in evaluation.
        filmed_return: Its return up to the end of the film.
        steps: Steps on film.
        complete: Whether the film reaches the episode's end.
    """

    file: str | None
    reason: str | None
    seed: int
    checkpoint: str
    episode: int
    reset_seed: int
    evaluated_return: float
    filmed_return: float | None = None
    steps: int | None = None
    complete: bool | None = None


def representative(table: Any, checkpoint: str = "latest") -> tuple[int, int]:
    """Return (training seed, held-out episode) of the median episode of the median seed.

    With an even number the lower of the two in the middle is taken: never the more flattering one.

    Args:
        table: The run's ``episodes.csv``.
        checkpoint: Which policies.
    """
    rows = table[table["checkpoint"] == checkpoint]
    means = rows.groupby("seed")["return"].mean().reset_index().sort_values(["return", "seed"], kind="stable")
    seed = int(means["seed"].iloc[(len(means) - 1) // 2])
    episodes = rows[rows["seed"] == seed].sort_values(["return", "episode"], kind="stable")
    return seed, int(episodes["episode"].iloc[(len(episodes) - 1) // 2])


def representatives(played: Sequence[Played], show: str, episodes: int) -> tuple[Played, list[Episode]]:
    """Return the policy, and its episodes, that stand for all: the median ones, the best, or the worst.

    Seeds are ordered by their mean return, episodes by their return; of an even number the lower of the two in the middle
    is the median: never the more flattering one.

    Args:
        played: What each seed's policy did.
        show: ``median``, ``best`` or ``worst``.
        episodes: How many episodes; around the median, or from the best (worst) on.
    """
    ordered = sorted(
        played, key=lambda item: (sum(e.episode_return for e in item.episodes) / len(item.episodes), item.seed)
    )
    place = {"best": -1, "worst": 0, "median": (len(ordered) - 1) // 2}[show]
    item = ordered[place]
    ranked = sorted(item.episodes, key=lambda episode: (episode.episode_return, episode.index))
    if show == "best":
        return item, ranked[::-1][:episodes]
    first = 0 if show == "worst" else max(0, (len(ranked) - 1) // 2 - (episodes - 1) // 2)
    return item, ranked[first : first + episodes]


def film_run(  # noqa: PLR0913
    root: Path,
    run: str,
    snapshot: Snapshot,
    protocol: FinalEvalConfig,
    video: VideoConfig,
    say: Callable[[str], None] = print,
) -> Film:
    """Film the representative episode of a run into ``runs/<run>/videos/``.

    Args:
        root: The project.
        run: The run's name.
        snapshot: Its effective configuration.
        protocol: The held-out episodes, of which one is filmed.
        video: How.
        say: Called with a line now and then.

    Returns:
        What was filmed; where the environment cannot be rendered, a film without a file and the reason why.
    """
    folder = root / "runs" / run
    table = results.read_episodes(folder / "eval")
    seed, episode = representative(table)
    row = table[(table["checkpoint"] == "latest") & (table["seed"] == seed) & (table["episode"] == episode)].iloc[0]
    film = Film(None, None, seed, "latest", episode, int(row["reset_seed"]), float(row["return"]))
    target = folder / "videos" / "median.mp4"
    shooting = Shooting([Shot(episode, film.reset_seed, f"{run}  seed {seed}")], protocol, video)
    checkpoint = folder / "checkpoints" / f"seed_{seed}" / f"{film.checkpoint}.zip"
    limit = step_timeout(root, snapshot.config.env, run)
    try:
        last = _apart(
            _film_of_run, (root, snapshot, checkpoint, shooting, target), limit, lambda line: say(f"{run}: {line}")
        )
        film = replace(film, file=target.name, filmed_return=last.total, steps=last.steps, complete=last.complete)
    except (NoRenderer, EnvironmentUnusable) as error:
        film = replace(film, reason=str(error))
    write_json(target.with_suffix(".json"), asdict(film))
    return film


def film_policy(root: Path, policy: Policy, shooting: Shooting, target: Path, say: Callable[[str], None]) -> Filmed:
    """Film episodes of a policy one after another, as evaluation plays them.

    Args:
        root: The project.
        policy: The policy.
        shooting: The episodes.
        target: An ``.mp4`` (H.264) or a ``.gif``.
        say: Called with a line now and then.

    Raises:
        NoRenderer: The environment cannot be filmed on this machine; the message says what to install or set.
        RlxError: The policy cannot be used; see :func:`rlx.playing.open_policy`.
    """
    _, snapshot = open_policy(root, policy)
    limit = step_timeout(root, snapshot.config.env, policy.run)
    return _apart(_film_of_policy, (root, policy, shooting, target), limit, say)


def _apart(
    film: Callable[..., Filmed | RlxError], arguments: tuple[Any, ...], limit: float, say: Callable[[str], None]
) -> Filmed:
    """Film in a process of its own; whatever is the environment's fault there is no film, anything else an error."""
    found = run_alone(film, arguments, say, step_timeout=limit)
    if isinstance(found, Failure):
        if found.cause.kind in (ENVIRONMENT, PROCESS):
            raise NoRenderer(f"no film: {found.message}")
        raise FilmFailed(f"the film could not be made: {found.message}")
    if isinstance(found, RlxError):
        raise found
    filmed: Filmed = found
    return filmed


def _film_of_run(  # noqa: PLR0913
    root: Path, snapshot: Snapshot, checkpoint: Path, shooting: Shooting, target: Path, emit: Callable[[str], None]
) -> Filmed | RlxError:
    try:
        check_unchanged(root, snapshot.code.everything)
        own_registrations(root)
        return _film(root, snapshot, checkpoints.load(checkpoint), shooting, target, emit)
    except RlxError as error:
        return error


def _film_of_policy(
    root: Path, policy: Policy, shooting: Shooting, target: Path, emit: Callable[[str], None]
) -> Filmed | RlxError:
    try:
        checkpoint, snapshot = open_policy(root, policy)
        return _film(root, snapshot, checkpoint, shooting, target, emit)
    except RlxError as error:
        return error


@dataclass(frozen=True)
class Shot:
    """An episode to film.

    Attributes:
        episode: Its index among the held-out episodes.
        reset_seed: What the environment is reset with.
        title: What stands on its frames.
    """

    episode: int
    reset_seed: int
    title: str


@dataclass(frozen=True)
class Shooting:
    """What to film, and how."""

    shots: Sequence[Shot]
    protocol: FinalEvalConfig
    video: VideoConfig


@dataclass(frozen=True)
class Filmed:
    """The end of a film.

    Attributes:
        total: Return of the last episode up to there.
        steps: Steps of it.
        complete: Whether that is the episode's end.
    """

    total: float
    steps: int
    complete: bool


def _film(  # noqa: PLR0913
    root: Path,
    snapshot: Snapshot,
    checkpoint: Checkpoint,
    shooting: Shooting,
    target: Path,
    emit: Callable[[str], None],
) -> Filmed:
    """Film episodes in this process; its environments are registered."""
    import torch

    torch.set_num_threads(1)  # as in evaluation, so that the film shows the same episode
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
    surroundings = surroundings_for(snapshot.config, 0)
    with surroundings:
        env = make_env(snapshot.config.env, render_mode="rgb_array")
    try:
        actor = load_actor(root, snapshot.config, checkpoint, env, deterministic=shooting.protocol.deterministic)
        stage = _Stage(env, surroundings, actor, shooting.video.max_steps)
        with untouched_generators(shooting.protocol.seed), watch.doing(watch.Activity.FILMING):
            surroundings.reseed(shooting.protocol.seed)
            scenes = (scene for shot in shooting.shots for scene in _scenes(stage, shot))
            fps = float(env.metadata.get("render_fps") or DEFAULT_FPS)
            last = write_film(target, _told(scenes, emit), fps, shooting.video.max_width)
            return Filmed(last.total, last.step, last.ended)
    finally:
        close_later(env)


def _told(scenes: Iterator[Scene], emit: Callable[[str], None]) -> Iterator[Scene]:
    """Pass scenes on, and give a sign of life now and then."""
    said = time.monotonic()
    for scene in scenes:
        if time.monotonic() - said >= EVERY:
            said = time.monotonic()
            emit(f"filming, step {scene.step:,}")
        yield scene


@dataclass(frozen=True)
class _Stage:
    """Who plays where, and for how long."""

    env: gym.Env[Any, Any]
    surroundings: Surroundings
    actor: Actor
    max_steps: int


def _scenes(stage: _Stage, shot: Shot) -> Iterator[Scene]:
    """Play one episode as evaluation does (same slot, same batch), yielding a frame per step."""
    place, env, actor = shot.episode % SLOTS, stage.env, stage.actor
    with stage.surroundings, watch.calling(watch.Call.RESET):
        observation, _ = env.reset(seed=shot.reset_seed)
    actor.begin(place, env.action_space, shot.reset_seed)
    total, ended = 0.0, False
    yield Scene(_drawn(stage), shot.title, 0, 0.0, ended=False)
    for step in range(1, stage.max_steps + 1):
        action = actor.act(stack([observation] * SLOTS))[place]
        with stage.surroundings:
            watch.stepping()
            observation, reward, terminated, truncated, _ = env.step(action)
            watch.returned()
        total += plain_reward(reward)
        ended = bool(terminated or truncated)
        yield Scene(_drawn(stage), shot.title, step, total, ended)
        if ended:
            return


def _drawn(stage: _Stage) -> Any:
    with stage.surroundings, watch.calling(watch.Call.RENDER):
        return draw(stage.env)


def draw(env: gym.Env[Any, Any]) -> Any:
    """Return a picture of an environment: height × width × 3 bytes.

    Raises:
        NoRenderer: It gives none.
    """
    try:
        frame = env.render()
    except gym.error.DependencyNotInstalled as error:
        raise NoRenderer(f"no film: rendering needs a package that is not installed: {error}") from None
    except Exception as error:
        hint = "; without a screen, set MUJOCO_GL=egl (or osmesa)" if "GL" in f"{type(error).__name__} {error}" else ""
        raise NoRenderer(f"no film: rendering failed: {type(error).__name__}: {error}{hint}") from error
    frame = np.asarray(frame) if frame is not None else None
    if frame is None or frame.ndim != 3 or frame.shape[2] != 3:
        name = env.spec.id if env.spec else "the environment"
        raise NoRenderer(
            f'no film: {name} gives no picture in render_mode "rgb_array"; implement render() to return height × width × 3 bytes'
        )
    return frame.astype(np.uint8, copy=False)
