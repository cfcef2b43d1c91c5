"""Films of a policy: which episodes, and their frames one by one, so that memory stays bounded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from rlx import checkpoints, results
from rlx.actors import Actor, load_actor, stack
from rlx.atomic import write_json
from rlx.checkpoints import Checkpoint
from rlx.config.schema import FinalEvalConfig, VideoConfig
from rlx.config.snapshot import Snapshot
from rlx.envs import make_env, own_registrations
from rlx.errors import EnvironmentUnusable, RlxError
from rlx.evaluation import SLOTS, Episode, untouched_generators
from rlx.film_writing import Scene, write_film
from rlx.playing import Played
from rlx.project_code import check_unchanged

DEFAULT_FPS = 30


class NoRenderer(RlxError):
    """The environment cannot be filmed on this machine."""


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


def film_run(root: Path, run: str, snapshot: Snapshot, protocol: FinalEvalConfig, video: VideoConfig) -> Film:
    """Film the representative episode of a run into ``runs/<run>/videos/``.

    Returns:
        What was filmed; where the environment cannot be rendered, a film without a file and the reason why.
    """
    folder = root / "runs" / run
    table = results.read_episodes(folder / "eval")
    seed, episode = representative(table)
    row = table[(table["checkpoint"] == "latest") & (table["seed"] == seed) & (table["episode"] == episode)].iloc[0]
    film = Film(None, None, seed, "latest", episode, int(row["reset_seed"]), float(row["return"]))
    target = folder / "videos" / "median.mp4"
    try:
        film = _film(root, run, snapshot, protocol, video, film, target)
    except (NoRenderer, EnvironmentUnusable) as error:
        film = replace(film, reason=str(error))
    write_json(target.with_suffix(".json"), asdict(film))
    return film


def _film(  # noqa: PLR0913
    root: Path, run: str, snapshot: Snapshot, protocol: FinalEvalConfig, video: VideoConfig, film: Film, target: Path
) -> Film:
    check_unchanged(root, snapshot.code.everything)
    own_registrations(root)
    checkpoint = checkpoints.load(root / "runs" / run / "checkpoints" / f"seed_{film.seed}" / f"{film.checkpoint}.zip")
    shot = Shot(film.episode, film.reset_seed, f"{run}  seed {film.seed}")
    last = film_episodes(root, snapshot, checkpoint, Shooting([shot], protocol, video), target)
    return replace(film, file=target.name, filmed_return=last.total, steps=last.step, complete=last.ended)


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


def film_episodes(root: Path, snapshot: Snapshot, checkpoint: Checkpoint, shooting: Shooting, target: Path) -> Scene:
    """Film episodes of a policy one after another, as evaluation plays them.

    Args:
        root: The project, whose environments are registered.
        snapshot: The policy's configuration.
        checkpoint: The policy.
        shooting: The episodes.
        target: An ``.mp4`` (H.264) or a ``.gif``.

    Returns:
        The last frame of the last episode.

    Raises:
        NoRenderer: The environment cannot be filmed on this machine; the message says what to install or set.
    """
    import torch

    torch.set_num_threads(1)  # as in evaluation, so that the film shows the same episode
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
    env = make_env(snapshot.config.env, render_mode="rgb_array")
    try:
        actor = load_actor(root, snapshot.config, checkpoint, env, deterministic=shooting.protocol.deterministic)
        with untouched_generators(shooting.protocol.seed):
            scenes = (scene for shot in shooting.shots for scene in _scenes(env, actor, shot, shooting.video.max_steps))
            fps = float(env.metadata.get("render_fps") or DEFAULT_FPS)
            return write_film(target, scenes, fps, shooting.video.max_width)
    finally:
        env.close()


def _scenes(env: gym.Env[Any, Any], actor: Actor, shot: Shot, max_steps: int) -> Iterator[Scene]:
    """Play one episode as evaluation does (same slot, same batch), yielding a frame per step."""
    place = shot.episode % SLOTS
    observation, _ = env.reset(seed=shot.reset_seed)
    actor.begin(place, env.action_space, shot.reset_seed)
    total, ended = 0.0, False
    yield Scene(draw(env), shot.title, 0, 0.0, ended=False)
    for step in range(1, max_steps + 1):
        action = actor.act(stack([observation] * SLOTS))[place]
        observation, reward, terminated, truncated, _ = env.step(action)
        total += float(reward)
        ended = bool(terminated or truncated)
        yield Scene(draw(env), shot.title, step, total, ended)
        if ended:
            return


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
