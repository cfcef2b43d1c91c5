"""Telling sinks what came of runs: after evaluation, film and comparison, beside which nothing trains any more."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

from rlx.config import UPDATE_SECONDS
from rlx.errors import DataDamaged, RlxError
from rlx.launch import main_root
from rlx.records.clock import CLOCK, Clock, read_clock
from rlx.records.live import lock_of
from rlx.records.metrics import iterate_rows
from rlx.records.runs import RunFolder
from rlx.records.sinks.conclusion import Conclusion, conclusions, shown_settings
from rlx.records.sinks.following import time_at_work, values_of
from rlx.records.sinks.notes import SinkNotes
from rlx.records.sinks.place import trackers_folder
from rlx.records.sinks.registry import chosen_sinks
from rlx.records.sinks.sink import FINISHED, SECONDS, Concludes, Sink
from rlx.stats import listed, raised

PATIENCE = 30.0
"""Seconds that a sink may idle over the record of one seed, waiting for somebody else, before it is left out."""
PATIENCE_AT_WORK = 300.0
"""Seconds that it may take for it in all."""


def conclude(
    root: Path, verdicts: Mapping[str, Mapping[str, str]], say: Callable[[str], None], *, is_heard: bool = True
) -> None:
    """Tell every sink that takes it what came of runs; nothing that a sink does, or that is wrong with a run, is an error.

    What a sink could not get before is told again. What it holds already is not.

    Args:
        root: The project; in the copy in which an experiment is made nothing is told, since it has no name there.
        verdicts: By run, evaluated, what was judged of it, by name (empty where nothing was).
        say: Told once of each sink that failed.
        is_heard: Whether what the trainings of these runs said was shown; if not, what they said of sinks is told now.
    """
    if main_root(root).resolve() != root.resolve():
        return
    try:
        makers = chosen_sinks(root)
        for name in makers:
            _pass_on(SinkNotes(root, name), verdicts, None if is_heard else say)
        takers = {name: make for name, make in makers.items() if isinstance(make(), Concludes)}
        for name in takers:
            for run, verdict in verdicts.items():
                SinkNotes(root, name).owe(run, verdict)
    except (RlxError, OSError, UnicodeDecodeError) as error:
        say(f"nothing is told to the sinks of `log`: {raised(error)}")
        return
    threads = [_Telling(root, name, make, set(verdicts)) for name, make in takers.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.wait()
        if thread.problem and not thread.is_said:
            say(
                f"the sink {thread.sink} has not got what came of {', '.join(verdicts)}: {thread.problem}; it gets it after the "
                f"next run"
            )


def _pass_on(notes: SinkNotes, runs: Iterable[str], say: Callable[[str], None] | None) -> None:
    """Tell, once for all of them, what was said of a sink where runs were trained."""
    words = {run: word for run in runs if (word := notes.take_word(run)) is not None}
    if words and say is not None:
        run, word = next(iter(words.items()))
        also = f" (likewise in {listed(list(words)[1:])})" if len(words) > 1 else ""
        say(f"{run}: {word}{also}")


class _Telling(threading.Thread):
    """Tells one sink what is due."""

    def __init__(self, root: Path, sink: str, make: Callable[[], Sink], runs: set[str]):
        super().__init__(name=f"sink {sink}", daemon=True)
        self.sink, self.problem, self.is_said = sink, "", False
        self._root, self._make, self._runs, self._notes = root, make, runs, SinkNotes(root, sink)
        self._moved, self._run = time.monotonic(), ""

    def run(self) -> None:
        """Tell all, run by run; whatever the sink raises ends this thread and nothing else."""
        lost = self._notes.lost()
        if (
            lost is not None and lost[0] in self._runs and lost[1]
        ):  # it has just failed in their training, which was said
            return
        try:
            with lock_of(self._root, f"sink {self.sink}"):
                self._moved = time.monotonic()
                for run, verdict in [*self._notes.due()]:
                    self._run = run
                    try:
                        self._tell(run, verdict)
                    except DataDamaged as error:  # it stays so, and would keep all others from being told
                        self.problem = str(error)
                        self._notes.settle(run)
                self._notes.find()
        except BaseException as error:  # noqa: BLE001 — a sink is anybody's code
            self.problem = raised(error)
            self._lose()

    def wait(self) -> None:
        """Wait until it has ended, or a record takes too long."""
        idle, at = 0.0, self._moved
        before, worked = time.monotonic(), time_at_work(self)
        while self.is_alive() and idle < PATIENCE and time.monotonic() - self._moved < PATIENCE_AT_WORK:
            self.join(0.1)
            now, works = time.monotonic(), time_at_work(self)
            idle, at = (0.0 if at != self._moved else idle + max(0.0, now - before - (works - worked))), self._moved
            before, worked = now, works
        if self.is_alive():
            self.problem = f"it has not answered within {PATIENCE:g} s"
            self._lose()

    def _lose(self) -> None:
        lost = self._notes.lost()
        self.is_said = lost is not None and lost[0] == self._run
        self._notes.lose(self._run)

    def _tell(self, run: str, verdict: Mapping[str, str]) -> None:
        try:
            folder = RunFolder(self._root / "runs" / run)
            due = {each.seed: each for each in conclusions(self._root, folder, verdict)}
            config = shown_settings(folder.snapshot)
        except (RlxError, OSError):  # it is gone, or is being made anew: that will be told
            self._notes.settle(run)
            return
        held = self._notes.held(run)
        digests = {str(seed): each.digest for seed, each in due.items()}
        due = {seed: each for seed, each in due.items() if held.get(str(seed)) != digests[str(seed)]}
        for seed, rows in _rows(folder.path, due):
            self._record(folder.path, due[seed], config, rows)
            held = {**held, str(seed): digests[str(seed)]}
            self._notes.hold(run, held)
            self._moved = time.monotonic()
        self._notes.settle(run)

    def _record(self, folder: Path, due: Conclusion, config: Mapping[str, Any], rows: Iterator[dict[str, Any]]) -> None:
        """Bring the record of a seed up to date."""
        logs = folder / "logs" / f"seed_{due.seed}"
        place = trackers_folder(self._root) / self.sink / due.run / f"seed_{due.seed}"
        place.mkdir(parents=True, exist_ok=True)
        if (logs / CLOCK).is_file():
            shutil.copy2(logs / CLOCK, place / CLOCK)
        clock, sink = read_clock(logs), self._make()
        last = sink.open(place, due.run, due.seed, due.key, config)
        for row in rows:
            if int(row["step"]) > last:
                sink.write(int(row["step"]), values_of(row) | _times(clock, int(row["step"])))
        assert isinstance(sink, Concludes)
        sink.conclude(due.summary, due.artifacts)
        sink.close(FINISHED)
        (place / CLOCK).unlink(missing_ok=True)
        for empty in (place, place.parent, place.parent.parent):
            with suppress(OSError):  # something is left in it
                empty.rmdir()


def _times(clock: Clock, step: int) -> dict[str, float]:
    found = {SECONDS: clock.seconds.get(step), UPDATE_SECONDS: clock.update_seconds.get(step)}
    return {name: value for name, value in found.items() if value is not None}


def _rows(folder: Path, seeds: Mapping[int, Any]) -> Iterator[tuple[int, Iterator[dict[str, Any]]]]:
    """Yield the rows of seeds, each seed's behind each other, as the file has them."""
    if seeds:
        for seed, rows in groupby(iterate_rows(folder / "metrics.jsonl"), key=lambda row: int(row["seed"])):
            if seed in seeds:
                yield seed, rows
