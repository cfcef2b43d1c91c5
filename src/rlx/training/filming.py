"""Making a film, in the process that draws the environment: frames one by one, so that memory stays bounded."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from rlx.algorithms import stack
from rlx.config import Snapshot, check_unchanged
from rlx.envs import (
    PLACES,
    Surroundings,
    kind_of,
    make_env,
    masks_of,
    missing_package,
    number_in,
    own_registrations,
    plain_flag,
    plain_reward,
    surroundings_for,
)
from rlx.errors import NoRenderer, RlxError
from rlx.launch import close_later, flushed_denormals, watch
from rlx.records import Checkpoint, checkpoints
from rlx.stats import raised
from rlx.training.actors import Array, Player, load_player, masks_row_by_row
from rlx.training.evaluation import untouched_generators
from rlx.training.film_writing import Scene, write_film
from rlx.training.playing import NamedPolicy, open_policy
from rlx.training.shooting import Filmed, Shooting, Shot

DEFAULT_FPS, SLOWEST_FPS, FASTEST_FPS = 30.0, 0.1, 1000.0
EVERY = 10.0
"""Seconds between two signs of life of a film in the making."""


def film_of_run(  # noqa: PLR0913
    root: Path, snapshot: Snapshot, checkpoint: Path, shooting: Shooting, target: Path, emit: Callable[[str], None]
) -> Filmed | RlxError:
    """Film episodes of a checkpoint of a run; returns, and does not raise, what is refused: see :func:`rlx.training.video.film_run`."""
    try:
        check_unchanged(root, snapshot.code.everything)
        own_registrations(root)
        return _film(root, snapshot, checkpoints.load(checkpoint), shooting, target, emit)
    except RlxError as error:
        return error


def film_of_policy(
    root: Path, policy: NamedPolicy, shooting: Shooting, target: Path, emit: Callable[[str], None]
) -> Filmed | RlxError:
    """Film episodes of any policy; see :func:`rlx.training.video.film_played`, and :func:`film_of_run`."""
    try:
        checkpoint, snapshot = open_policy(root, policy)
        return _film(root, snapshot, checkpoint, shooting, target, emit)
    except RlxError as error:
        return error


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
        protocol = shooting.protocol
        actor = load_player(
            root, snapshot.config, checkpoint, env, deterministic=protocol.deterministic, seed=protocol.seed, say=emit
        )
        stage = _Stage(env, surroundings, actor, shooting.video.max_steps)
        generators = untouched_generators(shooting.protocol.seed)
        with generators, flushed_denormals(), watch.doing(watch.Activity.FILMING):
            surroundings.reseed(shooting.protocol.seed)
            scenes = (scene for shot in shooting.shots for scene in _scenes(stage, shot))
            fps = frames_per_second(env.metadata)
            last = write_film(target, _told(scenes, emit), fps, shooting.video.max_width)
            return Filmed(last.total, last.step, last.ended)
    finally:
        close_later(env)


def frames_per_second(metadata: Mapping[str, Any]) -> float:
    """Return what an environment says of itself (``render_fps``), where that is a number that a film can have."""
    said = number_in(metadata.get("render_fps"))
    if said is None or not 0 < said < math.inf:
        return DEFAULT_FPS
    return min(max(said, SLOWEST_FPS), FASTEST_FPS)


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
    actor: Player
    max_steps: int


def _scenes(stage: _Stage, shot: Shot) -> Iterator[Scene]:
    """Play one episode as evaluation does (same slot, same batch), yielding a frame per step."""
    place, env, actor = shot.episode % PLACES, stage.env, stage.actor
    with stage.surroundings, watch.calling(watch.Call.RESET):
        observation, _ = env.reset(seed=shot.reset_seed)
    actor.begin(place, env.action_space, shot.reset_seed)
    total, ended = 0.0, False
    yield Scene(_drawn(stage), shot.title, 0, 0.0, ended=False)
    for step in range(1, stage.max_steps + 1):
        masks = masks_row_by_row(env.action_space, {place: _mask(stage, step - 1)})
        action = actor.act(stack([observation] * PLACES), masks)[place]
        with stage.surroundings:
            watch.stepping()
            observation, reward, terminated, truncated, _ = env.step(action)
            watch.returned()
        total += plain_reward(reward)
        ended = plain_flag(terminated, "terminated") or plain_flag(truncated, "truncated")
        yield Scene(_drawn(stage), shot.title, step, total, ended)
        if ended:
            return


def _mask(stage: _Stage, step: int) -> Array | None:
    """Return which actions are allowed, where somebody heeds it."""
    if not stage.actor.masked:
        return None
    with stage.surroundings:
        return masks_of(stage.env, step)


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
        raise NoRenderer(f"no film: rendering needs {missing_package(error)}") from None
    except Exception as error:
        hint = "; without a screen, set MUJOCO_GL=egl (or osmesa)" if "GL" in raised(error) else ""
        raise NoRenderer(f"no film: rendering failed: {raised(error)}{hint}") from error
    picture = np.asarray(frame) if frame is not None else None
    if picture is None or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape or not _holds_bytes(picture):
        name = env.spec.id if env.spec else "the environment"
        raise NoRenderer(
            f'no film: {name} gives no picture in render_mode "rgb_array", but {kind_of(frame)}; implement render() to return '
            "height × width × 3 bytes"
        )
    return picture.astype(np.uint8, copy=False)


def _holds_bytes(picture: Any) -> bool:
    """Tell whether an array holds the whole numbers 0-255, in whatever type; numbers from 0 to 1 would show as black."""
    if picture.dtype == np.uint8:
        return True
    if picture.dtype.kind not in "iuf" or not np.array_equal(picture, np.clip(np.round(picture), 0, 255)):
        return False
    return bool(picture.dtype.kind != "f" or picture.max() != 1)
