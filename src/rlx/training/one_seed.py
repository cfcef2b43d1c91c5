"""One seed of a run, from its first step to its last: collect, update, log, validate, checkpoint.

Training is a sequence of segments between checkpoints, each of which starts from a seed alone (see
:mod:`rlx.algorithms.ppo`). So a killed training goes on from its newest checkpoint, and ends as if it had never
stopped; rows of metrics after that checkpoint are trimmed, never doubled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rlx.algorithms import engines as algorithms
from rlx.config import VALIDATION_STEP_LIMIT, Snapshot, boundary_interval, write_bytes
from rlx.envs import (
    EpisodesPlayed,
    EpisodeStatistics,
    boundary_seed,
    episode_limit,
    is_plain,
    make_env,
    make_vector_env,
    normalization,
    own_registrations,
    preserved,
    reports_success,
    validation_seeds,
)
from rlx.errors import CheckpointDamaged, Missing, NonFiniteValue, TrainingFailed
from rlx.launch import Progress, close_later, one_thread, shown_episodes, skip_compiler, watch
from rlx.records import Best, ClockWriter, MetricsWriter, TrainingState, checkpoints, logs_of
from rlx.training.actors import PolicyActor
from rlx.training.evaluation import Stepper, play, stepper_for, untouched_generators


@dataclass(frozen=True)
class Timetable:
    """When things happen, in environment steps: a pure function of the configuration.

    Steps count, not updates: a training that goes on from another may have rollouts of another size.
    """

    rollout: int
    total_steps: int
    segment: int
    validation_every: int

    @classmethod
    def of(cls, snapshot: Snapshot, limit: int | None) -> Timetable:
        """Lay out the training of one seed; ``limit`` is the episode limit of its environment."""
        config = snapshot.config
        rollout = config.algo.rollout_steps * config.env.num_envs
        return cls(rollout, config.algo.total_timesteps, boundary_interval(config, limit), config.eval.every)

    def is_over(self, step: int) -> bool:
        """Tell whether the budget is spent."""
        return step >= self.total_steps

    def end(self, step: int) -> int:
        """Return the step at which training ends, from ``step`` on in whole rollouts."""
        return step + max(0, -(-(self.total_steps - step) // self.rollout)) * self.rollout

    def ends_segment(self, step: int) -> bool:
        """Tell whether a checkpoint follows the update that ended at ``step``."""
        return self._crosses(step, self.segment)

    def validates(self, step: int) -> bool:
        """Tell whether the update that ended at ``step`` crossed a multiple of ``eval.every``, or was the last."""
        return self._crosses(step, self.validation_every)

    def _crosses(self, step: int, every: int) -> bool:
        return step // every > (step - self.rollout) // every or self.is_over(step)


@dataclass
class _Seed:
    """A seed in training: the algorithm, where it stands, and the files it writes."""

    root: Path
    snapshot: Snapshot
    folder: Path
    engine: algorithms.Engine
    model: Any
    venv: Any
    recorder: Any
    timetable: Timetable
    state: TrainingState
    metrics: MetricsWriter
    clock: ClockWriter
    text: str = field(default="")
    stepper: Stepper | None = None
    probe: Any = None
    report: Callable[[Progress], None] = field(default=lambda _: None)

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"


def train_seed(  # noqa: PLR0913
    root: Path,
    snapshot: Snapshot,
    seed: int,
    folder: Path,
    report: Callable[[Progress], None],
    say: Callable[[str], None] = lambda _: None,
) -> TrainingState:
    """Train one seed to its end, going on from its newest checkpoint if it has one.

    Args:
        root: The project.
        snapshot: The run's effective configuration.
        seed: The training seed.
        folder: The seed's bench: ``checkpoints/``, ``metrics.jsonl`` and ``logs/`` grow in it.
        report: Called about four times a second with how far it is.
        say: Called with a line for people, before something that takes a while.

    Returns:
        The final state. ``checkpoints/latest.zip`` and ``best.zip`` hold the policies.

    Raises:
        NonFiniteValue: A reward, observation or training quantity became NaN or infinite.
        RlxError: The environment, network or device cannot be used.
    """
    skip_compiler()
    own_registrations(root)
    with one_thread():
        run = _open(root, snapshot, seed, folder, say)
        return _train_to_the_end(run, report)


def _train_to_the_end(run: _Seed, report: Callable[[Progress], None]) -> TrainingState:
    first = run.state.step
    try:
        total = run.timetable.end(run.state.step)
        report(Progress(run.state.seed, run.state.step, total, None, run.state.step, asdict(run.engine)))
        run.report = report
        with watch.doing(watch.Activity.TRAINING, run.state.step):
            _train(run, _throttled(report))
        _name_latest_and_best(run)  # once more, in case a kill came between the last checkpoint and its naming
        return run.state  # noqa: TRY300
    except NonFiniteValue as error:
        error.step = first + run.recorder.steps_taken
        raise
    finally:
        run.metrics.close()
        run.clock.close()
        run.venv.close()
        if run.stepper is not None:
            run.stepper.close()
        else:
            close_later(run.probe)


def _train(run: _Seed, report: Callable[[Progress], None]) -> None:
    timetable, seed = run.timetable, run.state.seed
    newest_return: float | None = None
    if not timetable.is_over(run.state.step):
        run.model.begin_segment(boundary_seed(seed, run.state.boundary))
    while not timetable.is_over(run.state.step):
        losses = run.model.iterate(timetable.total_steps)
        run.state = replace(
            run.state, step=run.model.num_timesteps, update=run.state.update + 1, n_updates=run.model._n_updates
        )
        watch.board[watch.STEPS] = run.state.step
        episodes = run.recorder.take()
        _note_success(run, episodes.successes)
        newest_return = float(np.mean(episodes.returns)) if episodes.returns else newest_return
        row = {
            "seed": seed,
            "step": run.state.step,
            "update": run.state.update,
            **_rollout(episodes, run.state),
            **losses,
        }
        if timetable.validates(run.state.step):
            row |= _validate(run)
        _log(run, row)
        report(Progress(seed, run.state.step, timetable.end(run.state.step), newest_return))
        if timetable.ends_segment(run.state.step):
            _checkpoint(run)
            if not timetable.is_over(run.state.step):
                run.model.begin_segment(boundary_seed(seed, run.state.boundary))


def _open(root: Path, snapshot: Snapshot, seed: int, folder: Path, say: Callable[[str], None]) -> _Seed:
    """Build the algorithm and bring it to the newest good checkpoint in ``folder``, or to the start."""
    config = snapshot.config
    with preserved():
        probe = make_env(config.env)
    engine = algorithms.choose_engine(config, probe.observation_space, probe.action_space)
    timetable = Timetable.of(snapshot, episode_limit(probe))
    if engine.name == algorithms.FAST or is_plain(config.env):
        algorithms.prepare_fast(say)
    venv, recorder = make_vector_env(root, config, fast=engine.name == algorithms.FAST)
    try:
        model = algorithms.build(root, config, seed, venv)
        state = TrainingState(seed, 0, 0, 0, 0, engine.name)
        found = _newest(folder / "checkpoints", str(model.device), lambda line: say(f"seed {seed}: {line}"))
        if found is not None:
            state = found.state
            _load_into(model.policy, found)
            model.num_timesteps, model._n_updates = state.step, state.n_updates
            if found.normalizer is not None:
                normalization.write_into(venv, found.normalizer)
        metrics = MetricsWriter(folder / "metrics.jsonl", state.step)
        clock = ClockWriter(logs_of(folder), state.step)
    except BaseException:
        venv.close()
        raise
    # Bytes must not depend on which other seeds the run has, nor on its name.
    alone = snapshot.config.model_copy(update={"run_name": None, "seed": seed, "num_seeds": 1})
    text = Snapshot(alone, snapshot.code).to_yaml()
    return _Seed(
        root, snapshot, folder, engine, model, venv, recorder, timetable, state, metrics, clock, text, probe=probe
    )


def _load_into(policy: Any, found: checkpoints.Checkpoint) -> None:
    try:
        policy.load_state_dict(found.weights)
        policy.optimizer.load_state_dict(found.optimizer)
    except (RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise TrainingFailed(f"{found.path.name} holds another network than this configuration's: {reason}") from None


def _newest(folder: Path, device: str, say: Callable[[str], None]) -> checkpoints.Checkpoint | None:
    """Return the newest checkpoint that can be read, and remove what was chosen or written after it."""
    for path in folder.glob(".*"):  # what a killed process was writing
        path.unlink()
    found = None
    for path in checkpoints.numbered(folder):
        try:
            found = checkpoints.load(path, device)
            break
        except (CheckpointDamaged, Missing) as error:
            say(f"{error}; it is passed over, and its part of the training is done again")
            path.unlink(missing_ok=True)
    for path in folder.glob("best_*.zip"):
        if found is None or int(path.stem.partition("_")[2]) > found.state.step:
            path.unlink()
    return found


def _note_success(run: _Seed, said: Iterable[bool | None]) -> None:
    """Take note of whether the environment reports success: from then on its silence means failure."""
    if not run.state.reports_success and reports_success(said):
        run.state = replace(run.state, reports_success=True)


def _rollout(episodes: EpisodeStatistics, state: TrainingState) -> dict[str, float]:
    row: dict[str, float] = {"rollout/episodes": len(episodes.returns)}
    if episodes.returns:
        row["rollout/return_mean"] = float(np.mean(episodes.returns))
        row["rollout/length_mean"] = float(np.mean(episodes.lengths))
        row["rollout/truncated_share"] = float(np.mean(episodes.truncations))
    if episodes.successes and state.reports_success:
        row["rollout/success_rate"] = float(np.mean([bool(success) for success in episodes.successes]))
    return row | {f"reward/{name}": mean for name, mean in episodes.components.items()}


def _validate(run: _Seed) -> dict[str, float]:
    """Play the validation episodes, and keep the policy if it is the best so far."""
    returns, lengths, said = _play_validation(run)
    _note_success(run, said)
    score = float(np.mean(returns))
    if run.state.best is None or score > run.state.best.validation_return:
        run.state = replace(run.state, best=Best(run.state.step, score))
        _save(run, f"best_{run.state.step}.zip")
    row = {"validation/return_mean": score, "validation/length_mean": float(np.mean(lengths))}
    rate = float(np.mean([bool(success) for success in said])) if said and run.state.reports_success else None
    return row | ({"validation/success_rate": rate} if rate is not None else {})


def _play_validation(run: _Seed) -> tuple[Sequence[float], Sequence[int], Sequence[bool | None]]:
    """Return the validation episodes' returns, lengths, and what the environment said of their success."""
    config = run.snapshot.config
    seeds = validation_seeds(config.eval.episodes)
    compiled = config.eval.deterministic and config.eval.step_limit is None
    if compiled and (played := run.model.play(seeds)):
        return (*played, ())
    actor = PolicyActor(run.model.policy, normalization.read_from(run.venv), config.eval.deterministic)
    run.model.policy.set_training_mode(False)
    with untouched_generators(run.state.seed):
        if run.stepper is None:
            run.stepper = stepper_for(config, run.probe)  # kept open: making environments can be dear
        run.stepper.reseed(run.state.seed)
        with watch.doing(watch.Activity.VALIDATION):
            limit = config.eval.step_limit or VALIDATION_STEP_LIMIT
            episodes = play(actor, run.stepper, seeds, limit, report=partial(_alive, run))
    return [e.episode_return for e in episodes], [e.length for e in episodes], [e.success for e in episodes]


def _alive(run: _Seed, played: EpisodesPlayed) -> None:
    """Tell that validation goes on."""
    total = run.timetable.end(run.state.step)
    doing = f"validating: {shown_episodes(played)}"
    run.report(Progress(run.state.seed, run.state.step, total, None, doing=doing))


def _log(run: _Seed, row: dict[str, Any]) -> None:
    run.clock.add(run.state.step, run.model.update_seconds)  # first: whoever follows the rows finds their times
    run.metrics.append(row)


def _checkpoint(run: _Seed) -> None:
    """Write the boundary that a resumed training starts from, and drop what is not wanted any more."""
    run.metrics.sync()
    run.state = replace(run.state, boundary=run.state.boundary + 1)
    _save(run, f"step_{run.state.step}.zip")
    _name_latest_and_best(run)
    keep = run.snapshot.config.checkpoint.keep
    for path in checkpoints.numbered(run.checkpoints)[keep:] if keep else []:
        path.unlink()


def _save(run: _Seed, name: str) -> None:
    checkpoints.save(run.checkpoints / name, run.model, run.state, run.text, normalization.read_from(run.venv))


def _name_latest_and_best(run: _Seed) -> None:
    """Give the two policies that everybody asks for their names, and drop those that were best once."""
    write_bytes(run.checkpoints / "latest.zip", (run.checkpoints / f"step_{run.state.step}.zip").read_bytes())
    if run.state.best is None:
        return
    best = run.checkpoints / f"best_{run.state.best.step}.zip"
    write_bytes(run.checkpoints / "best.zip", best.read_bytes())
    for path in run.checkpoints.glob("best_*.zip"):
        if path != best:
            path.unlink()


def _throttled(report: Callable[[Progress], None]) -> Callable[[Progress], None]:
    last = 0.0

    def maybe(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > 0.25 or progress.step >= progress.total:
            last = now
            report(progress)

    return maybe
