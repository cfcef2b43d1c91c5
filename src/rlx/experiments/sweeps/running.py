"""Making the points of a sweep: what is kept already is taken, what was stopped goes on, the rest is trained in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Condition, Event, Lock, Thread
from typing import TYPE_CHECKING, Any

from rlx.config import MOST_CONFIG_BYTES, read_text
from rlx.errors import ConfigError, Interrupted, Missing, RlxError, UsageError
from rlx.experiments.experiment_task import Elsewhere, make_experiments, said
from rlx.experiments.kept import same_as
from rlx.experiments.making import make, start
from rlx.experiments.planning import Plan, plan
from rlx.experiments.record import read_record
from rlx.experiments.references import find_run
from rlx.experiments.sweeps.grid import Sweep
from rlx.experiments.workplace import Verbosity, workplaces_folder
from rlx.launch import stop, usable_cores
from rlx.records import RunFolder

if TYPE_CHECKING:
    import subprocess


@dataclass(frozen=True)
class Point:
    """A point of a sweep.

    Attributes:
        settings: What it sets.
        plan: What it would be.
        name: Its experiment; None while it has none.
        state: ``kept`` (made before), ``stopped`` (to go on with), ``new``, ``finished`` or ``failed``.
        error: Why it failed.
    """

    settings: dict[str, Any]
    plan: Plan
    name: str | None
    state: str
    error: str | None = None


@dataclass(frozen=True)
class Family:
    """A sweep as it is judged: its points together, against the config itself.

    Attributes:
        itself: The config itself, as it would be made.
        measured: The config's own run in the workspace, where it has results as it is now.
        unchanged: Otherwise the config itself as a point.
        points: The points that are something else than the config, each once.
    """

    itself: Plan
    measured: RunFolder | None
    unchanged: Point | None
    points: tuple[Point, ...]

    @property
    def to_make(self) -> list[Point]:
        """The points, with the config itself where it has no results yet."""
        return [*([self.unchanged] if self.unchanged else []), *self.points]

    def judged(self, root: Path, points: Sequence[Point]) -> tuple[RunFolder | None, list[RunFolder]]:
        """Return the baseline and the runs that are there.

        Args:
            root: The project.
            points: The points as they were made; see :attr:`to_make`.
        """
        found = [(bool(point.settings), folder) for point, folder in folders_of(root, points)]
        baseline = self.measured or next((folder for changes, folder in found if not changes), None)
        return baseline, [folder for changes, folder in found if changes]


def family_of(root: Path, sweep: Sweep) -> Family:
    """Check every point, and find those that are kept or were stopped; nothing is made.

    A point that is the config itself, by other words, is the baseline and no point; two that come to the same are one.

    Raises:
        ConfigError: A point is refused; the message names its setting.
    """
    unchanged, folder = _point(root, sweep, {}), RunFolder(root / "runs" / sweep.config)
    same = unchanged.plan.snapshot.training_part()
    measured = folder.is_evaluated and folder.state == "finished" and folder.snapshot.training_part() == same
    points: dict[str, Point] = {}
    for settings in sweep.points:
        point = _point(root, sweep, settings)
        seeds = {"seed", "num_seeds"} & set(settings)
        if seeds or point.plan.snapshot.training_part() != same:
            points.setdefault(point.plan.snapshot.to_yaml(), point)
    return Family(unchanged.plan, folder if measured else None, None if measured else unchanged, tuple(points.values()))


def _point(root: Path, sweep: Sweep, settings: dict[str, Any]) -> Point:
    planned = _planned(root, sweep, settings)
    text = planned.snapshot.to_yaml()
    if name := same_as(root, sweep.config, text, planned.judged, planned.judging):
        return Point(settings, planned, name, "kept")
    for folder in sorted((root / "runs").glob(f"{sweep.name}_*")):
        record = folder / "experiment.json"
        if record.is_file() and _is(folder, planned, text):
            return Point(settings, planned, folder.name, "stopped")
    return Point(settings, planned, None, "new")


def _planned(root: Path, sweep: Sweep, settings: dict[str, Any]) -> Plan:
    """Return what a point would be; a refusal names its setting as a sweep has it, without the `-S` that nobody typed."""
    try:
        return plan(root, sweep.config, sweep.overrides(settings))
    except (ConfigError, UsageError) as error:
        if type(error) not in (ConfigError, UsageError) or not str(error).startswith("-S "):
            raise
        raise type(error)("\n".join(line.removeprefix("-S ") for line in str(error).splitlines())) from None


def _is(folder: Path, planned: Plan, text: str) -> bool:
    try:
        record = read_record(folder)
        return (
            record is not None
            and record.settings == planned.settings
            and read_text(folder / "config_snapshot.yaml", MOST_CONFIG_BYTES) == text
        )
    except (RlxError, OSError, UnicodeDecodeError):
        return False


@dataclass(frozen=True)
class Pool:
    """How points are made.

    Attributes:
        jobs: How many at once.
        tell: Called with a point that has ended, how many have by then, and how many there are.
        begin: Called with a point that begins.
        again: The command that goes on; by default ``rlx sweep`` with the sweep's name.
        elsewhere: Makes each point as a task of an executor, all at once whatever ``jobs`` says; None: this machine does.
    """

    jobs: int
    tell: Callable[[Point, int, int], None]
    begin: Callable[[Point], None] = lambda _: None
    again: str | None = None
    elsewhere: Elsewhere | None = None


def make_points(root: Path, sweep: Sweep, points: Sequence[Point], pool: Pool) -> list[Point]:
    """Make the points that are not kept, several at once, and check what comes of each.

    Args:
        root: The project.
        sweep: Whose points they are.
        points: All points; kept ones are passed on.
        pool: How.

    Returns:
        The points in order: ``kept``, ``finished`` or ``failed`` with the reason.

    Raises:
        Interrupted: After Ctrl-C, when every process has stopped; the same command goes on.
    """
    again = pool.again or f"rlx sweep {sweep.name}"
    crew = _Crew(root, sweep, max(1, usable_cores() // pool.jobs), pool.begin, again)
    todo = {index: point for index, point in enumerate(points) if point.state != "kept"}
    done = {index: point for index, point in enumerate(points) if point.state == "kept"}
    if pool.elsewhere is not None:
        return _made_elsewhere(root, sweep, points, replace(pool, again=again))
    with ThreadPoolExecutor(pool.jobs) as executor:
        futures: dict[Future[Point], int] = {}
        try:
            for turn, (index, point) in enumerate(todo.items()):
                futures[executor.submit(crew.make, point, turn)] = index
            for future in as_completed(futures):
                done[futures[future]] = future.result()
                pool.tell(future.result(), len(done), len(points))
        except KeyboardInterrupt:
            crew.stop()
            for future in futures:
                future.cancel()
            executor.shutdown(wait=True)
            raise Interrupted(
                f"{sweep.name}: interrupted with {len(done)} of {len(points)} points done; `{again}` goes on"
            ) from None
    return [done[index] for index in range(len(points))]


def _made_elsewhere(root: Path, sweep: Sweep, points: Sequence[Point], pool: Pool) -> list[Point]:
    """Make the points that are not kept as tasks of an executor, all of them at once; see :func:`make_points`."""
    assert pool.elsewhere is not None
    assert pool.again is not None
    found = list(points)
    places: dict[str, int] = {}
    for index, point in enumerate(points):
        if point.state != "kept":
            name = point.name or _reserved(root, sweep, point)
            places[name], found[index] = index, replace(point, name=name)
            pool.begin(found[index])
    made = len(points) - len(places)

    def end(name: str, failure: str | None) -> None:
        nonlocal made
        point, made = found[places[name]], made + 1
        try:
            if failure is None:
                _check(find_run(root, name), point)
        except (RlxError, OSError) as error:
            failure = str(error)
        found[places[name]] = replace(point, state="finished" if failure is None else "failed", error=failure)
        pool.tell(found[places[name]], made, len(points))

    try:
        snapshots = {name: found[index].plan.snapshot for name, index in places.items()}
        make_experiments(root, snapshots, pool.elsewhere, pool.again, end)
    except KeyboardInterrupt:
        told = f"{sweep.name}: interrupted with {made} of {len(points)} points done; `{pool.again}` goes on"
        raise Interrupted(told) from None
    return found


def _reserved(root: Path, sweep: Sweep, point: Point) -> str:
    """Reserve the folder of a new point's experiment; returns its name."""
    return start(root, point.plan, point.plan.record((f"eval@{point.plan.run}",)), stem=sweep.name).name


class _Crew:
    """Makes points, each in a DVC process of its own session, so that one signal of ours stops all of them."""

    def __init__(self, root: Path, sweep: Sweep, workers: int, begin: Callable[[Point], None], again: str):
        self._again = again
        self._root, self._sweep, self._workers, self._begin = root, sweep, workers, begin
        self._stopped, self._lock = Event(), Lock()
        self._named, self._turn = 0, Condition()
        self._running: set[subprocess.Popen[bytes]] = set()

    def make(self, point: Point, turn: int) -> Point:
        """Make one point; a failure is noted, not raised. Points get their numbers in the order of their turns."""
        name = point.name
        try:
            if self._stopped.is_set():
                return replace(point, state="failed", error="not begun")
            with self._in_turn(turn):
                if name is None:
                    name = _reserved(self._root, self._sweep, point)
            self._begin(replace(point, name=name))
            log = workplaces_folder(self._root) / f"{name}.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            verbosity = Verbosity(log=log, workers=self._workers, watch=self._watch, stopped=self._stopped.is_set)
            folder = make(self._root, name, verbosity, again=self._again)
            _check(folder, point)
            log.unlink(missing_ok=True)
            return replace(point, name=name, state="finished")
        except (RlxError, OSError) as error:
            return replace(point, name=name, state="failed", error=_reason(self._root, name, error))

    @contextmanager
    def _in_turn(self, turn: int) -> Iterator[None]:
        with self._turn:
            self._turn.wait_for(lambda: self._named >= turn or self._stopped.is_set())
            try:
                yield
            finally:
                self._named += 1
                self._turn.notify_all()

    def stop(self) -> None:
        """Interrupt everything that runs, as Ctrl-C does."""
        with self._lock:
            self._stopped.set()
            with self._turn:
                self._turn.notify_all()
            running = [Thread(target=stop, args=(process,)) for process in self._running]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    def _watch(self, process: subprocess.Popen[bytes], *, ended: bool) -> None:
        with self._lock:
            (self._running.discard if ended else self._running.add)(process)
        if not ended and self._stopped.is_set():
            stop(process)


def _check(folder: RunFolder, point: Point) -> None:
    """Check that an experiment is what was asked for, with every seed.

    Raises:
        Missing: Something of it is not there.
    """
    wanted = point.plan.snapshot
    if folder.snapshot != wanted:
        raise Missing(f"{folder.name}: has another configuration than was asked for")
    if lacking := set(wanted.seeds) - set(folder.evaluation.scores["latest"].seeds):
        raise Missing(f"{folder.name}: has no score of seed {min(lacking)}")


def _reason(root: Path, name: str | None, error: Exception) -> str:
    """Return why a point failed: the last error in what its stages said."""
    return (said(workplaces_folder(root) / f"{name}.log") if name else None) or str(error)


def folders_of(root: Path, points: Sequence[Point]) -> Iterator[tuple[Point, RunFolder]]:
    """Yield the points that are there, with their run folders."""
    for point in points:
        if point.state in ("kept", "finished") and point.name is not None:
            yield point, find_run(root, point.name)
