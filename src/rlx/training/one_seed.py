"""One seed of a run, from its first step to its last: advance, log, validate, checkpoint. It knows no algorithm.

Training is a sequence of segments between checkpoints, each of which starts from a seed alone (see
:mod:`rlx.algorithms.learner`). So a killed training goes on from its newest checkpoint, and ends as if it had never
stopped; rows of metrics after that checkpoint are trimmed, never doubled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rlx.algorithms import (
    METHODS,
    UPDATE_SECONDS,
    Algorithm,
    Engine,
    Export,
    Learner,
    ReplayRows,
    State,
    device_for,
    trained_config,
)
from rlx.config import COMMON, VALIDATION_STEP_LIMIT, Snapshot, Timetable, is_component, write_bytes
from rlx.envs import (
    Environments,
    EpisodesPlayed,
    EpisodeStatistics,
    Places,
    boundary_seed,
    episode_limit,
    make_env,
    own_registrations,
    places_for,
    preserved,
    reports_success,
    seed_generators,
    tells_masks,
    validation_seeds,
)
from rlx.errors import CheckpointDamaged, Missing, NonFiniteValue, RlxError, TrainingFailed
from rlx.launch import (
    Progress,
    close_later,
    is_same_everywhere,
    may_let_go,
    one_thread,
    shown_episodes,
    skip_compiler,
    watch,
)
from rlx.records import (
    SPENT,
    TRAINING,
    Best,
    CheckpointContent,
    ClockWriter,
    MetricsWriter,
    StoredReplay,
    TrainingState,
    add_spent,
    checkpoints,
    drop_unneeded,
    leaves,
    logs_of,
    read_rings,
    write_new,
)
from rlx.stats import listed
from rlx.training.actors import PolicyPlayer, taking_over
from rlx.training.compiling import make_ready
from rlx.training.evaluation import play, untouched_generators
from rlx.training.page_places import broken

REPLAY = "replay"
KEPT_REPLAYS = 2
"""Of so many of the newest checkpoints the replay buffer is kept: one of them may turn out damaged."""
NO_REPLAY = (
    "goes on with an empty replay buffer, since checkpoint.replay is none: what it does from here on is not what an undisturbed "
    "training does, and it learns from few transitions at first"
)


@dataclass
class _Seed:
    """A seed in training: the learner and its environments, where it stands, and the files it writes."""

    snapshot: Snapshot
    folder: Path
    algorithm: Algorithm
    engine: Engine
    learner: Learner
    env: Environments
    timetable: Timetable
    state: TrainingState
    metrics: MetricsWriter
    clock: ClockWriter
    text: str = field(default="")
    places: Places | None = None
    probe: Any = None
    replay: list[StoredReplay] = field(default_factory=list)
    report: Callable[[Progress], None] = field(default=lambda _: None)
    spent: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TRAINING, 0.0))

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Count the seconds of a block as those of a part of training."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.spent[part] += time.perf_counter() - begun

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
        TrainingFailed: The algorithm does not keep to what it promises.
        CheckpointDamaged: The newest checkpoint is of another network or version of the algorithm.
        RlxError: The environment, network, algorithm or device cannot be used.
    """
    skip_compiler()
    own_registrations(root)
    with one_thread():
        run = _open(root, snapshot, seed, folder, say)
        return _train_to_the_end(run, report)


def _train_to_the_end(run: _Seed, report: Callable[[Progress], None]) -> TrainingState:
    try:
        total = run.timetable.end(run.state.step)
        report(Progress(run.state.seed, run.state.step, total, None, run.state.step, asdict(run.engine)))
        run.report = report
        with watch.doing(watch.Activity.TRAINING, run.state.step):
            _train(run, _throttled(report))
        _name_latest_and_best(run)  # once more, in case a kill came between the last checkpoint and its naming
        return run.state  # noqa: TRY300
    except NonFiniteValue as error:
        error.step = run.env.steps
        raise
    finally:
        _note_spent(run)
        run.metrics.close()
        run.clock.close()
        run.env.close()
        if run.places is not None:
            run.places.close()
        else:
            close_later(run.probe)


def _note_spent(run: _Seed) -> None:
    """Note where the seconds of this session went: what its iterations took beside the environment and updates is acting."""
    spent, environment = run.spent, run.env.seconds
    spent |= {"environment": environment, "acting": max(0.0, spent["acting"] - spent["update"] - environment)}
    add_spent(run.folder / SPENT, spent)


def _train(run: _Seed, report: Callable[[Progress], None]) -> None:
    timetable, env = run.timetable, run.env
    newest_return: float | None = None
    if not timetable.is_over(env.steps):
        _begin_segment(run)
    while not timetable.is_over(env.steps):
        before = env.steps
        with run.timed("acting"):
            learned, took = _advance(run)
        run.spent["update"] += took or 0.0
        run.state = replace(run.state, step=env.steps, iteration=run.state.iteration + 1)
        watch.board[watch.STEPS] = env.steps
        episodes = env.take_episodes()
        _note_success(run, episodes.successes)
        newest_return = float(np.mean(episodes.returns)) if episodes.returns else newest_return
        row: dict[str, Any] = {"seed": run.state.seed, "step": env.steps, "iteration": run.state.iteration}
        row |= _rollout(episodes, run.state) | learned
        if timetable.validates(before, env.steps):
            with run.timed("validation"):
                row |= _validate(run)
        _log(run, row, took)
        report(Progress(run.state.seed, env.steps, timetable.end(env.steps), newest_return))
        if timetable.ends_segment(before, env.steps):
            with run.timed("saving"):
                _checkpoint(run)
            if not timetable.is_over(env.steps):
                may_let_go(run.folder)
                _begin_segment(run)


def _advance(run: _Seed) -> tuple[dict[str, Any], float | None]:
    """Have the learner do an iteration; return its own metrics, and how long its update took.

    Raises:
        TrainingFailed: It took no step, so that training would never end, or logs what is not its own to log.
    """
    name, before = run.algorithm.name, run.env.steps
    try:
        returned: Any = run.learner.advance()
    except RlxError:
        raise
    except Exception as error:
        if bad := _ran_away(run.learner):
            raise NonFiniteValue(
                f"the policy's weights became {bad} at step {run.env.steps}: training diverged; try a smaller step size "
                "(algo.learning_rate, where the algorithm has it) or env.normalize_reward: true",
                what="weights",
                value=bad,
            ) from error
        raise
    if not isinstance(returned, Mapping):
        told = f"advance() returned {type(returned).__name__}; it returns its metrics by name, such as {{'train/loss': 0.1}}"
        raise broken(run.learner.advance, f"algo.name: {name}: {told}")
    learned = dict(returned)
    if run.env.steps == before:
        told = f"advance() returned after step {before:,} without a step in the environments"
        raise broken(run.learner.advance, f"algo.name: {name}: {told}; each call has to take at least one")
    if taken := sorted(key for key in learned if key in COMMON or is_component(key)):
        told = f"advance() returns {listed(taken)}, which every training logs by itself; leave it out, or give what you mean another name"
        raise broken(run.learner.advance, f"algo.name: {name}: {told}")
    took = learned.pop(UPDATE_SECONDS, None)
    return learned, took


def _ran_away(learner: Learner) -> str | None:
    """Return a number of a learner's policy that is NaN or infinite; None where all are finite, or nothing can be told."""
    try:
        for _, value in leaves(learner.state()["policy"]):
            array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                return str(array[~np.isfinite(array)].flat[0])
    except Exception:  # noqa: BLE001 — what went wrong first is what is told
        return None
    return None


def _begin_segment(run: _Seed) -> None:
    """Begin fresh episodes, with all randomness from the segment's own seed."""
    seed = boundary_seed(run.state.seed, run.state.boundary)
    seed_generators(seed)
    run.env.announce_steps()
    run.learner.boundary(seed)


def _open(root: Path, snapshot: Snapshot, seed: int, folder: Path, say: Callable[[str], None]) -> _Seed:
    """Build the learner and bring it to the newest good checkpoint in ``folder``, or to the start."""
    algorithm, config = trained_config(root, snapshot.config)
    snapshot = replace(snapshot, config=config)
    with preserved():
        probe = make_env(config.env)
    engine = algorithm.engine_for(config, probe.observation_space, probe.action_space)
    engine = replace(engine, portable=engine.portable and is_same_everywhere())
    has_masks = tells_masks(probe)
    if refusal := algorithm.refusal(probe.observation_space, probe.action_space, has_masks=has_masks):
        raise TrainingFailed(f"algo.name: {config.env.id}: {refusal}")
    make_ready(algorithm, config, probe, say)
    env = Environments(root, config, probe)
    try:
        learner = algorithm.make(config, env, seed, device_for(config))
        _check_methods(algorithm.name, learner)
        state = TrainingState(seed, 0, 0, 0, engine.name)
        newest = _newest(folder / "checkpoints", device_for(config), lambda line: say(f"seed {seed}: {line}"))
        found = newest[0] if newest else None
        if newest is not None and found is not None:
            state = found.state
            _load_into(learner, env, *newest)
            if found.replay is None and config.checkpoint.replay == "none" and REPLAY in learner.state():
                say(f"seed {seed}: {NO_REPLAY}")
        metrics = MetricsWriter(folder / "metrics.jsonl", state.step, {**COMMON, **algorithm.metrics})
        clock = ClockWriter(logs_of(folder), state.step)
    except BaseException:
        env.close()
        raise
    # Bytes must not depend on which other seeds the run has, nor on its name.
    alone = config.model_copy(update={"run_name": None, "seed": seed, "num_seeds": 1})
    text = Snapshot(alone, snapshot.code).to_yaml()
    timetable = Timetable.of(config, episode_limit(probe))
    replay = [found.replay] if found is not None and found.replay is not None else []
    return _Seed(
        snapshot, folder, algorithm, engine, learner, env, timetable, state, metrics, clock, text,
        probe=probe, replay=replay,
    )  # fmt: skip


def _check_methods(name: str, learner: Learner) -> None:
    """Refuse a learner that lacks something, before it has trained until that is missed.

    Raises:
        TrainingFailed: The message says what.
    """
    missing = [method for method in METHODS if not callable(getattr(learner, method, None))]
    if missing:
        told = f"its learner has no {listed(missing)}; a learner has {listed(METHODS, len(METHODS))}"
        raise broken(type(learner), f"algo.name: {name}: {told}")
    with preserved():  # a policy may draw
        actor = learner.policy(0)
    if not callable(getattr(actor, "act", None)):
        raise broken(learner.policy, f"algo.name: {name}: policy() gives {type(actor).__name__}, which has no `act`")
    if "policy" not in learner.state():
        told = 'state() has no "policy", by which alone a checkpoint acts'
        raise broken(learner.state, f"algo.name: {name}: {told}; return such as {{'policy': network.state_dict(), …}}")


def _load_into(learner: Learner, env: Environments, found: checkpoints.Checkpoint, state: State) -> None:
    with taking_over(found.path):
        learner.load_state(state)
    env.steps = found.state.step
    if found.normalizer is not None:
        env.normalizer = found.normalizer


def _newest(folder: Path, device: str, say: Callable[[str], None]) -> tuple[checkpoints.Checkpoint, State] | None:
    """Return the newest checkpoint that can be gone on from, with its whole state; remove what was chosen or written after it."""
    for path in folder.glob(".*"):  # what a killed process was writing
        path.unlink()
    found = None
    for path in checkpoints.numbered(folder):
        try:
            checkpoint = checkpoints.load(path, device)
            found = (checkpoint, _whole_state(checkpoint))
            break
        except (CheckpointDamaged, Missing) as error:
            say(f"{error}; it is passed over, and its part of the training is done again")
            path.unlink(missing_ok=True)
    for path in folder.glob("best_*.zip"):
        if found is None or int(path.stem.partition("_")[2]) > found[0].state.step:
            path.unlink()
    return found


def _whole_state(checkpoint: checkpoints.Checkpoint) -> State:
    """Return a checkpoint's state with its replay buffer.

    Raises:
        CheckpointDamaged: That is damaged, or the policy that was best by then is gone.
    """
    best = checkpoint.state.best
    if best is not None and not (checkpoint.path.parent / f"best_{best.step}.zip").is_file():
        told = f"{checkpoint.path}: the policy that was best until then (best_{best.step}.zip) is gone"
        raise CheckpointDamaged(f"{told}; it was replaced by a later one")
    if checkpoint.replay is None:
        return checkpoint.learner
    rows = ReplayRows(read_rings(checkpoint.path.parent, checkpoint.replay), checkpoint.replay.added)
    return {**checkpoint.learner, REPLAY: rows}


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
    with untouched_generators(run.state.seed):
        actor = run.learner.policy(run.state.seed)
        if run.algorithm.play is not None and config.eval.deterministic and config.eval.step_limit is None:
            played = run.algorithm.play(actor, run.env, run.env.normalizer, seeds)
            if played is not None:
                return played.returns_N.tolist(), played.lengths_N.tolist(), ()
        masked = run.algorithm.masks == "needed"
        player = PolicyPlayer(actor, run.env.normalizer, deterministic=config.eval.deterministic, masked=masked)
        if run.places is None:
            run.places = places_for(config, run.probe)  # kept open: making environments can be dear
        run.places.reseed(run.state.seed)
        with watch.doing(watch.Activity.VALIDATION):
            limit = config.eval.step_limit or VALIDATION_STEP_LIMIT
            episodes = play(player, run.places, seeds, limit, report=partial(_alive, run))
    return [e.episode_return for e in episodes], [e.length for e in episodes], [e.success for e in episodes]


def _alive(run: _Seed, played: EpisodesPlayed) -> None:
    """Tell that validation goes on."""
    total = run.timetable.end(run.state.step)
    doing = f"validating: {shown_episodes(played)}"
    run.report(Progress(run.state.seed, run.state.step, total, None, doing=doing))


def _log(run: _Seed, row: Mapping[str, Any], took: float | None) -> None:
    run.clock.add(run.state.step, took)  # first: whoever follows the rows finds their times
    try:
        run.metrics.append(row)
    except TrainingFailed as error:  # of something that the algorithm does not explain
        raise broken(run.learner.advance, str(error)) from error


def _checkpoint(run: _Seed) -> None:
    """Write the boundary that a resumed training starts from, and drop what is not wanted any more."""
    run.metrics.sync()
    run.state = replace(run.state, boundary=run.state.boundary + 1)
    _save(run, f"step_{run.state.step}.zip", goes_on=True)
    _name_latest_and_best(run)
    keep = run.snapshot.config.checkpoint.keep
    for path in checkpoints.numbered(run.checkpoints)[keep:] if keep else []:
        path.unlink()
    drop_unneeded(run.checkpoints, run.replay)


def _save(run: _Seed, name: str, *, goes_on: bool = False) -> None:
    """Write a checkpoint; one that training goes on from names the replay buffer, whose new rows are written first."""
    exported = run.algorithm.export(run.learner) if run.algorithm.export is not None else Export()
    state = run.learner.state()
    rows = state.pop(REPLAY, None)
    if goes_on and rows is not None and run.snapshot.config.checkpoint.replay == "latest":
        last, number = (run.replay[-1] if run.replay else None), run.state.boundary
        new = write_new(run.checkpoints, number, rows, last)
        run.replay = [*run.replay, new][-KEPT_REPLAYS:]
    replay = run.replay[-1] if goes_on and run.replay else None
    content = CheckpointContent(
        run.state, run.text, run.env.normalizer, state, exported.members, exported.shared, replay
    )
    try:
        checkpoints.save(run.checkpoints / name, content)
    except TypeError as error:  # of something that no file can hold
        raise broken(run.learner.state, f"algo.name: {run.algorithm.name}: {error}") from error


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
