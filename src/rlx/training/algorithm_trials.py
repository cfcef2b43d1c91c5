"""Trials of an algorithm, each in a worker process: trained in one go, killed on the way, gone on with, looked at as it acts.

All of it is the training that every run has (:func:`rlx.training.one_seed.train_seed`), short, with a learner that is watched.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, wraps
from pathlib import Path
from typing import Any

import numpy as np

from rlx.algorithms import Learner, ReplayRows, algorithm, device_for, in_place_of, trained_config
from rlx.config import RunConfig, Snapshot, recorded_snapshot
from rlx.envs import PLACES, Environments, boundary_seed, check_allowed, make_env, own_registrations, seed_generators
from rlx.errors import RlxError
from rlx.launch import one_thread, skip_compiler
from rlx.records import iterate_rows, leaves, members_of, state_from
from rlx.stats import raised
from rlx.training.evaluation import untouched_generators
from rlx.training.one_seed import train_seed
from rlx.training.page_places import raised_at, told_at

SEED = 7
SEGMENTS = 3
"""Of a trial: it is killed in the second, and goes on from the checkpoint before it."""
LONGEST = 64
"""How many times the steps that were asked for a trial may have, where an algorithm takes that long to begin to learn."""
BATCHES = 4
"""Batches of observations that a policy is shown."""


@dataclass(frozen=True)
class Job:
    """A trial in one environment.

    Attributes:
        snapshot: The text of the run's snapshot.
        folder: Where its trainings write.
    """

    snapshot: str
    folder: str


@dataclass
class Steady:
    """What came of a training in one go, and of looking at the policy.

    Attributes:
        total: Environment steps of the training.
        segment: Steps between two checkpoints.
        kill_after: The call of ``advance`` (from 1) at whose end the training is to be killed.
        learned: Whether the policy changed before the first checkpoint.
        error: Why it failed; empty where it did not.
        place: Where in the page that was; empty where it is not known, or the error says it.
        alike: Whether two policies of one seed chose the same, by ``deterministic``.
        alone: Whether a learner with ``state()["policy"]`` alone chose the same, by ``deterministic``.
        touched: Parts of the state that changed while a policy acted.
        acting: Why acting failed; empty where it did not.
        logged: The metrics that were logged.
    """

    total: int = 0
    segment: int = 0
    kill_after: int = 0
    learned: bool = False
    error: str = ""
    place: str = ""
    alike: dict[bool, bool] = field(default_factory=dict)
    alone: dict[bool, bool] = field(default_factory=dict)
    touched: tuple[str, ...] = ()
    acting: str = ""
    logged: tuple[str, ...] = ()


class Watched:
    """A learner, of which is noted whether it learned before its second segment, and which ends its process when told to."""

    def __init__(self, learner: Learner, kill_after: int | None):
        self._learner, self._kill_after = learner, kill_after
        self.boundary = wraps(learner.boundary)(partial(self._boundary))
        self.advance = wraps(learner.advance)(partial(self._advance))  # a message names the page's line, not this one
        self._calls, self.policies = 0, list[str]()

    def __getattr__(self, name: str) -> Any:
        """Be the learner in everything else."""
        return getattr(self._learner, name)

    def _boundary(self, seed: int) -> None:
        """Note the policy that the segment begins with."""
        self.policies.append(digest_of(self._learner.state()["policy"]))
        self._learner.boundary(seed)

    def _advance(self) -> Any:
        """Do an iteration, and be killed at its end if it is the one."""
        metrics = self._learner.advance()
        self._calls += 1
        if self._calls == self._kill_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return metrics


def steady(root: str, jobs: Sequence[Job], steps: int, emit: Callable[[Any], None]) -> list[Steady]:
    """Train in one go, once more with validations on the way, and look at how the policy acts; for each environment.

    A training has at least :data:`SEGMENTS` segments, and is made longer until it learns within the first: state that
    nothing has changed yet would prove nothing.

    Args:
        root: The project.
        jobs: The environments; ``FOLDER/steady`` and ``FOLDER/validated`` are written.
        steps: How long a training is, if that is enough.
        emit: Called with a line whenever one is done.
    """
    found = []
    for job in jobs:
        result, folder = Steady(), Path(job.folder)
        try:
            config = _config_of(job)
            _train_until_it_learns(Path(root), config, folder / "steady", steps, result)
            often = config.eval.model_copy(update={"every": max(1, result.total // 8), "deterministic": False})
            _train(Path(root), _sized(config, result, often), folder / "validated")
            _look_at_acting(Path(root), _sized(config, result), result)
        except (Exception, SystemExit) as error:  # noqa: BLE001 — whatever a page raises is what is to be told
            result.error = str(error) if isinstance(error, RlxError) else raised(error)
            result.place = raised_at(error, algorithm(config.algo.name, Path(root)).make)
        found.append(result)
        emit("steady")
    return found


def killed(root: str, job: Job, result: Steady, _: Callable[[Any], None]) -> None:
    """Train into ``FOLDER/killed`` until SIGKILL ends this process in the middle of the second segment."""
    config = _sized(_config_of(job), result)
    _train(Path(root), config, Path(job.folder) / "killed", kill_after=result.kill_after)


def resumed(root: str, jobs: Sequence[Job], results: Sequence[Steady], emit: Callable[[Any], None]) -> list[str]:
    """Go on with what was killed, to its end; return why each failed, empty where it did not."""
    told = []
    for job, result in zip(jobs, results, strict=True):
        try:
            _train(Path(root), _sized(_config_of(job), result), Path(job.folder) / "killed")
            told.append("")
        except (Exception, SystemExit) as error:  # noqa: BLE001
            told.append(told_at(error, algorithm(_config_of(job).algo.name, Path(root)).make))
        emit("resumed")
    return told


def digest_of(tree: Any) -> str:
    """Return a hash of everything that a state holds."""
    digest = hashlib.sha256()
    for path, value in all_leaves(tree):
        digest.update(f"{path} ".encode() + bytes_of(value))
    return digest.hexdigest()


def bytes_of(value: Any) -> bytes:
    """Return a leaf of a state as bytes: an array with its dtype and shape."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        return f"{array.dtype} {array.shape} ".encode() + array.tobytes()
    return repr(value).encode()


def all_leaves(tree: Any) -> Iterator[tuple[str, Any]]:
    """Yield everything that a state holds, with its path; of a replay its columns."""
    for path, value in leaves(tree):
        if isinstance(value, ReplayRows):
            yield f"{path}/added", value.added
            yield from ((f"{path}/{name}", column) for name, column in value.since(0).items())
        else:
            yield path, value


def _config_of(job: Job) -> RunConfig:
    return recorded_snapshot(job.snapshot, "the trial's configuration", "check the algorithm again").config


def _sized(config: RunConfig, result: Steady, validation: Any = None) -> RunConfig:
    """Return a configuration with the length of a trial, validated at its end alone if nothing else is said."""
    changed = {
        "algo": config.algo.model_copy(update={"total_timesteps": result.total}),
        "checkpoint": config.checkpoint.model_copy(update={"save_every": result.segment, "keep": None}),
        "eval": validation or config.eval.model_copy(update={"every": 2 * result.total}),
    }
    return config.model_copy(update=changed)


def _train(root: Path, config: RunConfig, folder: Path, kill_after: int | None = None) -> list[str]:
    """Train a seed with a watched learner; return the hashes of the policies that its segments began with."""
    made: list[Watched] = []
    own_registrations(root)
    row, config = trained_config(root, config)

    @wraps(row.make)
    def make(*arguments: Any) -> Any:
        made.append(Watched(row.make(*arguments), kill_after))
        return made[0]

    with in_place_of(replace(row, make=make)):
        train_seed(root, Snapshot(config), SEED, folder, lambda _: None)
    return made[0].policies


def _train_until_it_learns(root: Path, config: RunConfig, folder: Path, steps: int, result: Steady) -> None:
    result.total = steps
    while True:
        result.segment = result.total // SEGMENTS
        shutil.rmtree(folder, ignore_errors=True)
        policies = _train(root, _sized(config, result), folder)
        rows = list(iterate_rows(folder / "metrics.jsonl"))
        ends = [int(row["step"]) for row in rows]
        longest = int(np.max(np.diff([0, *ends])))
        result.learned = len(policies) > 1 and policies[0] != policies[1]
        result.logged = tuple(sorted({key for row in rows for key in row}))
        if len(policies) < SEGMENTS and result.total < LONGEST * steps:
            result.total = max(2 * result.total, SEGMENTS * longest)
        elif not result.learned and result.total < LONGEST * steps:
            result.total *= 4
        else:
            break
    kept = sorted(int(path.stem[5:]) for path in (folder / "checkpoints").glob("step_*.zip"))
    first, second = (sum(end <= step for end in ends) for step in (kept[0], kept[min(1, len(kept) - 1)]))
    result.kill_after = first + (second - first) // 2 + 1 if second - first > 1 else first + 1


def _look_at_acting(root: Path, config: RunConfig, result: Steady) -> None:
    """Train a little, and compare what policies choose."""
    skip_compiler()
    row, config = trained_config(root, config)
    device = device_for(config)
    with one_thread():
        envs = [Environments(root, config, make_env(config.env)) for _ in range(2)]
        try:
            learner = row.make(config, envs[0], SEED, device)
            seed = boundary_seed(SEED, 0)
            seed_generators(seed)
            learner.boundary(seed)
            while envs[0].steps < result.segment:
                learner.advance()
            other = row.make(config, envs[1], SEED + 1, device)
            other.load_state(
                {"policy": state_from(members_of({"policy": learner.state()["policy"]}, {}), _none)["policy"]}
            )
            seen = [_observations(envs[0].observation_space, number) for number in range(BATCHES)]
            before = dict(all_leaves(learner.state()))
            before = {path: bytes_of(value) for path, value in before.items()}
            for sure in (True, False):
                choose = partial(_chosen, seen=seen, deterministic=sure, space=envs[0].action_space)
                first = choose(learner)
                result.alike[sure], result.alone[sure] = first == choose(learner), first == choose(other)
            after = {path: bytes_of(value) for path, value in all_leaves(learner.state())}
            result.touched = tuple(path for path in before | after if before.get(path) != after.get(path))
        except (Exception, SystemExit) as error:  # noqa: BLE001 — training itself went well
            result.acting = told_at(error, row.make)
        finally:
            for env in envs:
                env.close()


def _none(_: bytes) -> None:
    return None


def _observations(space: Any, number: int) -> Any:
    from rlx.algorithms import stack

    space.seed(SEED + number)
    return stack([space.sample() for _ in range(PLACES)])


def _chosen(learner: Learner, seen: Sequence[Any], deterministic: bool, space: Any) -> list[bytes]:
    """Return what a fresh policy chooses, as evaluation lets it act."""
    with untouched_generators(SEED):
        actor, memory, starts_N, found = learner.policy(SEED), None, np.ones(PLACES, np.bool_), list[bytes]()
        for observations in seen:
            actions_N, memory = actor.act(observations, memory, starts_N, None, deterministic)
            check_allowed(np.asarray(actions_N), space, "the policy")
            found.append(bytes_of(np.asarray(actions_N)))
            starts_N = np.zeros(PLACES, np.bool_)
    return found
