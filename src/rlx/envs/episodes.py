"""What comes of playing episodes; light, for those who only ask others to play (:mod:`rlx.training.evaluation` does)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Episode:
    """One played episode.

    Attributes:
        index: Its place in the list of reset seeds.
        reset_seed: What the environment was reset with.
        episode_return: Undiscounted sum of rewards.
        length: Steps taken.
        success: As the environment says at its end, None where it says nothing (see :func:`rlx.envs.success.counted`).
        cut: Whether it hit the step limit of the evaluation rather than its own end.
        effort: How large its continuous actions were: the mean over steps and elements of an action's size, 1 being the
            largest that the environment takes; None for choices, and for actions without bounds or of
            which 0 is none.
        parts: The parts of the return that the environment reports (:class:`rlx.envs.reward_components.ComponentSums`), by name.
    """

    index: int
    reset_seed: int
    episode_return: float
    length: int
    success: bool | None
    cut: bool
    effort: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class EpisodesPlayed:
    """A sign of life from an evaluation.

    Attributes:
        ended: Episodes that have ended.
        total: Episodes to play.
        steps: Environment steps taken.
    """

    ended: int
    total: int
    steps: int
