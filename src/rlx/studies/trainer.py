"""The seam between a study and whatever trains for it: experiments of this project, a foreign repository, a simulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Protocol

from rlx.errors import RlxError


@dataclass(frozen=True)
class Facts:
    """What holds of project and machine just now.

    Attributes:
        task: Hash of the task.
        code: Hash of the project's code that the baseline's training uses.
        versions: Of the libraries that decide bits.
        host: The machine's name.
        devices: Devices that are there.
        commit: Git's commit.
        dirty: Hash of uncommitted changes; None where there are none.
        free_disk: Bytes.
    """

    task: str
    code: str
    versions: Mapping[str, str]
    host: str
    devices: frozenset[str]
    commit: str | None
    dirty: str | None
    free_disk: int


@dataclass(frozen=True)
class Resolved:
    """What a candidate comes to.

    Attributes:
        settings: All settings that decide a training, by dotted key.
        snapshot: Hash of them with the code.
        steps: Environment steps of a seed, in whole rollouts.
        smoke_steps: Those of a smoke run.
        engine: Which engine computes it.
        smoke_trainings: How often a smoke run trains its seed: twice where that is to show whether it gives the same twice.
    """

    settings: Mapping[str, Any]
    snapshot: str
    steps: int
    smoke_steps: int
    engine: str = ""
    smoke_trainings: int = 1


@dataclass(frozen=True)
class StartPlan:
    """A start that is to be made.

    Attributes:
        phase: `floor`, `reference`, `smoke`, `trial`, `promotion`, `confirmation` or `probe`.
        candidate: Its id, or `baseline`.
        overrides: Settings that differ from the baseline's.
        block: First training seed, and how many.
        list: Its held-out episodes.
        experiment: Its name.
        metrics: What is to be measured.
        episodes: Held-out episodes of each policy.
        slot: Of a confirmation.
        arm: Of a confirmation: the candidate's id, or `incumbent`.
        candidate_sha256: Of the candidate's file; None of the baseline.
        look: Seeds after which this is; of a confirmation.
        patch: A change of code.
        steps: Environment steps that it takes at most, where it trains nothing (a probe).
    """

    phase: str
    candidate: str
    overrides: Mapping[str, Any]
    block: tuple[int, int]
    list: int
    experiment: str
    metrics: tuple[str, ...]
    episodes: int
    slot: int | None = None
    arm: str | None = None
    candidate_sha256: str | None = None
    look: int | None = None
    patch: Mapping[str, Any] | None = None
    steps: int | None = None

    @property
    def seeds(self) -> range:
        """Its training seeds."""
        return range(self.block[0], self.block[0] + self.block[1])


@dataclass(frozen=True)
class Cost:
    """What a start takes at most; wall clock is an estimate.

    Attributes:
        steps: Environment steps of training.
        wall_clock: Seconds.
        disk: Bytes.
    """

    steps: int
    wall_clock: float
    disk: int


@dataclass(frozen=True)
class Outcome:
    """How a start has ended.

    Attributes:
        status: `finished` (every seed has a score), `failed` (some failed, each has a score or a failure), `interrupted`,
            `timed-out`, or `lost` (the process or the machine failed, not the candidate).
        scores: Metrics by seed.
        failures: What failed, by seed: kind and message.
        random: What random actions score, by metric.
        steps: Environment steps that were trained.
        bytes: What it left on the disk.
        experiments: What keeps it: name, commit, and hashes of snapshot, episodes, metadata and checkpoints.
        reason: Why, in a line, where it is not `finished`.
    """

    status: str
    scores: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    failures: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    random: Mapping[str, float] = field(default_factory=dict)
    steps: int = 0
    bytes: int = 0
    experiments: tuple[Mapping[str, Any], ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class StartCall:
    """What a trainer is given with a start.

    Attributes:
        plan: The start.
        seq: Of its line in the ledger.
        hash: Of that line, which what is kept carries.
        study: `task/study`.
        workers: How many seeds may train at once.
        stopped: Set when it is to stop.
        overtime: Set before that where it ran out of time: seeds that are finished count.
        say: Takes in lines for people.
        hashes: Of the ledger's lines that its experiment may carry: its own, and those of earlier starts of it that were broken off.
    """

    plan: StartPlan
    seq: int
    hash: str
    study: str
    workers: int
    stopped: Event
    overtime: Event = field(default_factory=Event)
    hashes: frozenset[str] = frozenset()
    say: Callable[[str], None] = lambda _: None


class StartLost(RlxError):
    """A start could not be made, for no fault of the candidate's.

    Attributes:
        steps: Environment steps that were trained before, and stay.
        is_full: Whether the disk is full.
    """

    def __init__(self, message: str, steps: int = 0, *, is_full: bool = False):
        self.steps, self.is_full = steps, is_full
        super().__init__(message)


class Trainer(Protocol):
    """Trains and evaluates for a study. It starts nothing of its own accord: :mod:`rlx.studies.launching` calls it."""

    name: str
    """What it is: `experiments`, `adapter` or `simulation`."""
    keeps_time: bool
    """Whether it ends what takes too long by itself."""

    def facts(self) -> Facts:
        """Return what holds just now."""

    def resolve(self, overrides: Mapping[str, Any], patch: Mapping[str, Any] | None = None) -> Resolved:
        """Return what settings come to.

        Raises:
            ConfigError: They are refused; the message names the setting.
        """

    def new_trainings(self, plan: StartPlan) -> int:
        """Return how many trainings a start still takes: one for each seed that is not trained yet, where nothing else is said."""

    def tried_seeds(self) -> set[int]:
        """Return the training seeds of everything that was ever trained here on this environment."""

    def is_alive(self, experiment: str) -> bool:
        """Tell whether a process is at work on a start."""

    def unready(self, plan: StartPlan) -> str | None:
        """Return why a start could not be carried out as it is planned; None where nothing speaks against it."""

    def carry_out(self, call: StartCall) -> Outcome:
        """Make a start, or go on with it, and return how it ended; what is trained already is not trained again."""
