"""What the check of an environment found out, as plain data: ``runs/<run>/task.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from rlx.config import from_git, is_image_data, read_json, require
from rlx.diagnosis import TaskFacts
from rlx.errors import DataDamaged

FORMAT = 1
FILE = "task.json"
Key = tuple[str | int, ...]
MOST_DIMENSIONS = 64
MOST_ACTIONS = 1_000_000
"""Elements of an action whose bounds are looked at one by one."""


@dataclass(frozen=True)
class Complaint:
    """Something about an environment that a person should know.

    Attributes:
        key: The setting it belongs to: ``("env", "wrappers", 1)``.
        message: What, and what to do about it.
        kind: What sort of thing, for programs.
    """

    key: Key
    message: str
    kind: str = ""


@dataclass(frozen=True)
class SpaceFacts:
    """A space, for people and for programs.

    Attributes:
        text: In one line.
        data: Its kind, shape and bounds (:func:`rlx.envs.space_facts.space_from_data`); None for a kind that cannot be trained on.
        flattens: Whether Gymnasium can lay it out as one row of numbers.
    """

    text: str
    data: Mapping[str, Any] | None
    flattens: bool = False


@dataclass(frozen=True)
class EnvironmentFacts:
    """An environment with its wrappers, as one process found it at ``resolve``.

    Attributes:
        environment: Its id, as written.
        registered: The id it is registered by.
        episode_limit: Most steps of one episode by its registration or a TimeLimit wrapper; None: no limit is known.
        reward_threshold: The return at which it counts as solved; None where nobody says.
        observation_space: As training sees it, conversions and frame stacking included.
        action_space: As training sees it.
        max_entropy: Entropy of uniformly random choices, in nats; None for continuous actions.
        observation_size: For each element of a vector observation, the root mean square under random actions.
        random_return: Mean return of the random episodes that ended while it was tried, and how many did.
        longest_episode: Most steps that one episode was seen to take; an episode that went on when the trial ended counts.
        ended: Whether any episode ended by itself or by the environment's own limit.
        steps_tried: How many steps it was tried for.
        seeded: Whether ``reset(seed)`` determines what follows; None where that could not be tried.
        isolated_only: Whether copies in one process change one another.
        generators: Global generators that its code seeds or draws from: ``numpy``, ``python``, ``torch``.
        modules: Modules behind the environment and its wrappers.
        registration: How the project registers it; empty for one that Gymnasium or a package registers.
        data: Files of the project that it reads, as paths in the project.
        problems: Why it cannot be trained in.
        remarks: What is unusual and does not stop training.
        masks: Whether it tells which actions are allowed, by a method ``action_masks()``; left out of files where it does not.
    """

    environment: str
    registered: str = ""
    episode_limit: int | None = None
    reward_threshold: float | None = None
    observation_space: SpaceFacts | None = None
    action_space: SpaceFacts | None = None
    max_entropy: float | None = None
    observation_size: tuple[float, ...] = ()
    random_return: tuple[float, int] | None = None
    longest_episode: int = 0
    ended: bool = False
    steps_tried: int = 0
    seeded: bool | None = None
    isolated_only: bool = False
    generators: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    registration: Mapping[str, Any] = field(default_factory=dict)
    data: tuple[str, ...] = ()
    problems: tuple[Complaint, ...] = ()
    remarks: tuple[Complaint, ...] = ()
    masks: bool = False

    @property
    def is_endless(self) -> bool:
        """Whether no limit is known, and no episode was seen to end in a trial that was made."""
        return self.episode_limit is None and not self.ended and self.steps_tried > 0

    @property
    def task(self) -> TaskFacts | None:
        """What the diagnosis needs to know; None where nothing is known."""
        if self.action_space is None or self.observation_space is None:
            return None
        low, high = _bounds(self.action_space.data)
        shape = (self.observation_space.data or {}).get("shape", ())
        return TaskFacts(
            self.max_entropy, self.episode_limit, tuple(self.observation_size), low, high, tuple(shape),
            is_image=is_image_data(self.observation_space.data or {}), seeded=self.seeded,
        )  # fmt: skip

    def to_data(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        data = {"format": FORMAT, **asdict(self)}
        if not self.masks:
            del data["masks"]
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> EnvironmentFacts:
        """Read what :meth:`to_data` wrote.

        Raises:
            KeyError | TypeError | ValueError | AttributeError: It is nothing of the kind.
        """
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']!r} is not {FORMAT}")
        found = _adapter().validate_python(dict(data))
        for space in (found.observation_space, found.action_space):
            require(
                space is None or space.data is None or isinstance(space.data.get("kind"), str), "a space of no kind"
            )
        require(found.task is None or len(found.task.observation_shape) < MOST_DIMENSIONS, "too many dimensions")
        return found


@lru_cache
def _adapter() -> TypeAdapter[EnvironmentFacts]:
    return TypeAdapter(EnvironmentFacts)


def read_facts(folder: Path) -> EnvironmentFacts | None:
    """Read the ``task.json`` of a run; None where it has none, as runs of older versions of rlx do.

    Raises:
        DataDamaged: It is something else.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        return EnvironmentFacts.from_data(read_json(path))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataDamaged(
            f"{path}: does not hold what `resolve` found out ({' '.join(str(error).split())[:120]}); {from_git(path)}"
        ) from None


def _bounds(data: Mapping[str, Any] | None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the least and greatest action of each element of a Box with bounds; empty for anything else."""
    if not data or data.get("kind") != "Box":
        return (), ()
    count = 1
    for size in data["shape"]:
        count *= int(size)
    if count > MOST_ACTIONS:
        return (), ()
    sides = []
    for side in ("low", "high"):
        found = data[side]
        if isinstance(found, dict):
            found = found["least" if side == "low" else "greatest"]
        sides.append(tuple(float(value) for value in (found if isinstance(found, list) else [found] * count)))
    return sides[0], sides[1]
