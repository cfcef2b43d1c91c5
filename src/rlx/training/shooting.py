"""What to film, how, and how far the film came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rlx.config import FinalEvalConfig, VideoConfig


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
