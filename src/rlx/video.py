"""Films of a policy: H.264 in an mp4 that browsers play, frame by frame in bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from rlx import checkpoints, results
from rlx.actors import Actor, load_actor, stack
from rlx.atomic import replacing, write_json
from rlx.config.schema import FinalEvalConfig, VideoConfig
from rlx.config.snapshot import Snapshot
from rlx.envs import make_env, own_registrations
from rlx.errors import EnvironmentUnusable, RlxError
from rlx.evaluation import SLOTS, untouched_generators
from rlx.project_code import check_unchanged

CAPTION_HEIGHT = 28
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
    import torch

    torch.set_num_threads(1)  # as in evaluation, so that the film shows the same episode
    check_unchanged(root, snapshot.code.files)
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    os.environ.setdefault("SDL_AUDIODRIVER", "dummy")
    own_registrations(root)
    checkpoint = checkpoints.load(root / "runs" / run / "checkpoints" / f"seed_{film.seed}" / f"{film.checkpoint}.zip")
    env = make_env(snapshot.config.env, render_mode="rgb_array")
    try:
        actor = load_actor(root, snapshot.config, checkpoint, env, deterministic=protocol.deterministic)
        with untouched_generators(protocol.seed):
            scenes = _scenes(env, actor, film.reset_seed, film.episode % SLOTS, video.max_steps)
            title = f"{run}  seed {film.seed}"
            last = write_film(
                target, scenes, title, float(env.metadata.get("render_fps") or DEFAULT_FPS), video.max_width
            )
    finally:
        env.close()
    return replace(film, file=target.name, filmed_return=last.total, steps=last.step, complete=last.ended)


@dataclass(frozen=True)
class Scene:
    """One frame and what had happened by then."""

    frame: Any
    step: int
    total: float
    ended: bool


def _scenes(env: gym.Env[Any, Any], actor: Actor, reset_seed: int, place: int, max_steps: int) -> Iterator[Scene]:
    """Play one episode as evaluation does (same slot, same batch), yielding a frame per step."""
    observation, _ = env.reset(seed=reset_seed)
    actor.begin(place, env.action_space, reset_seed)
    total, ended = 0.0, False
    yield Scene(draw(env), 0, 0.0, ended=False)
    for step in range(1, max_steps + 1):
        action = actor.act(stack([observation] * SLOTS))[place]
        observation, reward, terminated, truncated, _ = env.step(action)
        total += float(reward)
        ended = bool(terminated or truncated)
        yield Scene(draw(env), step, total, ended)
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
        raise NoRenderer(f"no film: rendering failed: {type(error).__name__}: {error}") from error
    frame = np.asarray(frame) if frame is not None else None
    if frame is None or frame.ndim != 3 or frame.shape[2] != 3:
        name = env.spec.id if env.spec else "the environment"
        raise NoRenderer(
            f'no film: {name} gives no picture in render_mode "rgb_array"; implement render() to return height × width × 3 bytes'
        )
    return frame.astype(np.uint8, copy=False)


def write_film(path: Path, scenes: Iterator[Scene], title: str, fps: float, max_width: int) -> Scene:
    """Encode scenes as they come; only one frame is in memory at a time.

    Args:
        path: The mp4 to write (atomically).
        scenes: The frames.
        title: Stands on each frame, with the step and the return so far.
        fps: Frames per second.
        max_width: Wider frames are scaled down.

    Returns:
        The last scene.
    """
    import av

    last: Scene | None = None
    with replacing(path) as temporary:  # noqa: SIM117 — the container must be closed before the file is flushed
        with av.open(str(temporary), "w", format="mp4", options={"movflags": "faststart"}) as container:
            stream: Any = None
            for scene in scenes:
                picture = _captioned(scene, title, max_width)
                if stream is None:
                    stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
                    stream.height, stream.width = picture.shape[:2]
                    stream.pix_fmt = "yuv420p"
                    stream.options = {"crf": "23", "preset": "veryfast"}
                    stream.thread_count = 1
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
                last = scene
            container.mux(stream.encode(None))
    assert last is not None
    return last


def _captioned(scene: Scene, title: str, max_width: int) -> Any:
    """Put a strip with step and return above the frame; sides are made even, as yuv420p needs."""
    from PIL import Image, ImageDraw, ImageFont

    frame = Image.fromarray(scene.frame)
    if frame.width < 320:
        scale = -(-320 // frame.width)
        frame = frame.resize((frame.width * scale, frame.height * scale), Image.Resampling.NEAREST)
    if frame.width > max_width:
        frame = frame.resize((max_width, round(frame.height * max_width / frame.width)), Image.Resampling.LANCZOS)
    canvas = Image.new(
        "RGB", (frame.width + frame.width % 2, frame.height + frame.height % 2 + CAPTION_HEIGHT), (24, 24, 28)
    )
    canvas.paste(frame, (0, CAPTION_HEIGHT))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(14)
    facts = f"step {scene.step}   return {scene.total:.1f}"
    right = canvas.width - 8 - draw.textlength(facts, font=font)
    draw.text((right, 6), facts, fill=(255, 255, 255), font=font)
    while title and draw.textlength(title, font=font) > right - 20:
        title = title[:-1]
    draw.text((8, 6), title, fill=(170, 170, 180), font=font)
    return np.asarray(canvas)
