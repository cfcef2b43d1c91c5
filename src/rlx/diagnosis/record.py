"""What a diagnosis looks at: everything that is known of one run, as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rlx.config import Metric, RunConfig
from rlx.stats import Array


@dataclass(frozen=True)
class HeldOutEpisodes:
    """Episodes that one policy played.

    Attributes:
        returns_E: Return of each episode, in the environment's own units.
        lengths_E: Its length in steps.
        effort: Mean size of the actions, 1 being the largest that the environment takes; None where it was not noted.
    """

    returns_E: Array
    lengths_E: Array
    effort: float | None = None


@dataclass(frozen=True)
class SeedFailure:
    """Why a seed did not finish.

    Attributes:
        kind: ``non-finite``, ``environment``, ``process`` or ``other``.
        message: One line for people.
        what: What was not finite (``reward``, ``observation``, ``weights`` or a metric); empty for other kinds.
        step: The environment step where it happened; None if unknown.
        traceback: Where its traceback is, for people; empty where there is none.
    """

    kind: str
    message: str
    what: str = ""
    step: int | None = None
    traceback: str = ""


@dataclass(frozen=True)
class SeedRecord:
    """What is known of one seed.

    Attributes:
        seed: Which.
        steps_U: Environment steps at each update, increasing.
        values: By metric (:class:`rlx.config.Metric`), its value at each iteration; NaN where it is absent.
        status: ``finished``, ``failed``, ``stopped`` or ``running``.
        seconds_U: Seconds of training at each update; None where they are not known.
        held_out: Held-out episodes of the final policy; None before they are played.
        failure: Why it failed, if it did.
        update_seconds_U: Seconds of each update of the network, without its rollout; None where they were not logged.
    """

    seed: int
    steps_U: Array
    values: Mapping[str, Array]
    status: str = "finished"
    seconds_U: Array | None = None
    held_out: HeldOutEpisodes | None = None
    failure: SeedFailure | None = None
    update_seconds_U: Array | None = None

    def metric(self, name: str) -> Array:
        """Return a metric at each update, all NaN where it was not logged."""
        found = self.values.get(name)
        return np.full(len(self.steps_U), np.nan) if found is None else found


@dataclass(frozen=True)
class TaskFacts:
    """What is known of the environment without training: its spaces, and what random actions meet in it.

    Attributes:
        max_entropy: Entropy of the uniform policy in nats (``ln n`` for n actions); None for continuous actions.
        episode_limit: Most steps of one episode; None without a limit.
        observation_size_D: For each element of a vector observation, the root mean square that random actions met;
            empty for images and other observations.
        action_low_A: Least value of each element of a continuous action; empty for choices.
        action_high_A: Greatest value likewise.
        observation_shape: Shape of an array observation; empty for others.
        is_image: Whether observations are images in bytes.
        seeded: Whether ``reset(seed)`` determines what follows; None where that is not known.
    """

    max_entropy: float | None
    episode_limit: int | None
    observation_size_D: tuple[float, ...] = ()
    action_low_A: tuple[float, ...] = ()
    action_high_A: tuple[float, ...] = ()
    observation_shape: tuple[int, ...] = ()
    is_image: bool = False
    seeded: bool | None = None


@dataclass(frozen=True)
class RunRecord:
    """What is known of one run.

    Attributes:
        run: Its name, as commands take it.
        config: Its effective configuration.
        status: ``finished``, ``failed``, ``stopped``, ``running`` or ``resolved``.
        seeds: What each seed left; of one that has not finished an update, empty arrays.
        random: Held-out episodes of random actions; None before they are played.
        family: The family of its algorithm: ``on-policy``, ``off-policy`` or ``evolution``.
        metrics: The metrics that its algorithm documents, by name; None where that was not recorded (by versions that knew PPO only).
        still_return: Mean return of doing nothing in the held-out episodes; None where that was not played.
        task: What is known of the environment; None where it could not be made.
        seeds_wanted: How many seeds it is to have.
        stale: For a run that says it is running: whether its process is gone.
    """

    run: str
    config: RunConfig
    status: str
    seeds: Sequence[SeedRecord]
    random: HeldOutEpisodes | None = None
    task: TaskFacts | None = None
    seeds_wanted: int = 0
    stale: bool = False
    still_return: float | None = None
    family: str = "on-policy"
    metrics: Mapping[str, Metric] | None = None

    def only(self, seeds: Sequence[int]) -> RunRecord:
        """Return the record with some of its seeds."""
        return replace(
            self, seeds=tuple(record for record in self.seeds if record.seed in seeds), seeds_wanted=len(seeds)
        )
