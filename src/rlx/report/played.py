"""What policies did in episodes, as `rlx eval` and `rlx video` tell it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from rlx.config import FinalEvalConfig
    from rlx.envs import Episode
    from rlx.training import Played


@dataclass(frozen=True)
class FilmedEpisode:
    """An episode on film.

    Attributes:
        episode: Its place in the list.
        reset_seed: What the environment was reset with.
        return_: Undiscounted sum of rewards.
        length: Steps.
    """

    episode: int
    reset_seed: int
    return_: float
    length: int


@dataclass(frozen=True)
class PlayedEpisode(FilmedEpisode):
    """One held-out episode.

    Attributes:
        success: As the environment reports it.
        cut: Whether it hit ``final_eval.step_limit``.
    """

    success: bool | None
    cut: bool


@dataclass(frozen=True)
class PlayedPolicy:
    """What one policy did.

    Attributes:
        checkpoint: As it was asked for.
        file: The checkpoint file.
        environment: Where it played.
        seed: Its training seed.
        step: Environment steps it was trained for.
        return_mean: Mean return over the episodes.
        return_std: Standard deviation over them.
        return_min: The worst.
        return_max: The best.
        length_mean: Mean length, in steps.
        success_rate: Share of successes, where reported.
        cut: Episodes that hit the step limit.
        episodes: Each of them.
    """

    checkpoint: str
    file: str
    environment: str
    seed: int
    step: int
    return_mean: float
    return_std: float | None
    return_min: float
    return_max: float
    length_mean: float
    success_rate: float | None
    cut: int
    episodes: Sequence[PlayedEpisode]


@dataclass(frozen=True)
class Evaluated:
    """`rlx eval CHECKPOINT... --json`.

    Attributes:
        format: Version of this schema.
        protocol: The episodes: as ``final_eval`` in ``params.yaml``.
        policies: One per checkpoint and seed.
    """

    format: Literal[1]
    protocol: Mapping[str, Any]
    policies: Sequence[PlayedPolicy]


@dataclass(frozen=True)
class FilmFacts:
    """`rlx video CHECKPOINT --json`.

    Attributes:
        format: Version of this schema.
        checkpoint: As it was asked for.
        seed: Training seed of the policy shown.
        episodes: In the order of the film.
        complete: Whether every episode is shown to its end (``video.max_steps``).
        file: The film.
    """

    format: Literal[1]
    checkpoint: str
    seed: int
    episodes: Sequence[FilmedEpisode]
    complete: bool
    file: str


def evaluated(played: Sequence[Played], protocol: FinalEvalConfig) -> Evaluated:
    """Return what policies did in the episodes of a protocol."""
    return Evaluated(1, protocol.model_dump(), [_policy(item) for item in played])


def filmed_episode(episode: Episode) -> FilmedEpisode:
    """Return what is told of an episode on film."""
    return FilmedEpisode(episode.index, episode.reset_seed, episode.episode_return, episode.length)


def _policy(item: Played) -> PlayedPolicy:
    returns = np.array([episode.episode_return for episode in item.episodes])
    successes = [episode.success for episode in item.episodes if episode.success is not None]
    return PlayedPolicy(
        checkpoint=item.policy.label,
        file=str(item.policy.path),
        environment=item.environment,
        seed=item.seed,
        step=item.step,
        return_mean=float(returns.mean()),
        return_std=float(returns.std(ddof=1)) if len(returns) > 1 else None,
        return_min=float(returns.min()),
        return_max=float(returns.max()),
        length_mean=float(np.mean([episode.length for episode in item.episodes])),
        success_rate=float(np.mean(successes)) if successes else None,
        cut=sum(episode.cut for episode in item.episodes),
        episodes=[
            PlayedEpisode(each.index, each.reset_seed, each.episode_return, each.length, each.success, each.cut)
            for each in item.episodes
        ],
    )
