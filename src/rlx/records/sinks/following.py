"""Follows seeds in training with the sinks that were chosen, each in a thread of its own, beside what controls them."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from rlx.config import UPDATE_SECONDS
from rlx.launch import NewLines, current_call
from rlx.records.bench import Entry, logs_of
from rlx.records.clock import CLOCK, Moment, parse_moment
from rlx.records.metrics import parse_row
from rlx.records.sinks.notes import SinkNotes
from rlx.records.sinks.sink import FINISHED, SECONDS, STOPPED, Concludes, Sink
from rlx.stats import raised

LOOK_SECONDS = 0.5
"""Between two looks for new rows."""
LOOK_SHORTLY = 0.05
"""Between two looks at what the end of a training waits for."""
FLUSH_SECONDS = 2.0
PATIENCE_SECONDS = 0.5
"""How long the end of a training waits at least for a sink that has not taken all rows and does nothing, since it hangs or waits
for somebody else: what it lacks, it gets with the results, if it takes these (:mod:`rlx.records.sinks.concluding`)."""
PATIENCE_SHARE = 0.01
"""The share of a training that its end waits so, where that is longer."""
PATIENCE_AT_WORK = 20.0
"""How long it waits for one that computes: imports its library, makes a database, catches up. Not at all where an experiment is
made: whoever makes it hands on the rest, in one process for all experiments that it makes."""
PATIENCE_WHEN_STOPPED = 5.0
NICENESS = 19
"""The least claim to a processor: whoever trains on this machine comes first."""


class Follower:
    """Hands the rows of one seed on to one sink."""

    def __init__(self, sink: Sink, entry: Entry, run: str, config: Mapping[str, Any]):
        self._sink = sink
        place = logs_of(entry.folder)
        self._last = sink.open(place, run, entry.seed, entry.folder.name, config)
        self._rows, self._moments = NewLines(entry.folder / "metrics.jsonl"), NewLines(place / CLOCK)
        self._moment: Moment | None = None
        self._flushed = time.monotonic()

    def look(self) -> None:
        """Hand on the rows that have come."""
        clock = self._moments.read()
        for line in self._rows.read():
            row = parse_row(line)
            step = int(row["step"])
            if step > self._last:
                self._sink.write(step, values_of(row) | self._times(step, clock))
                self._last = step
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._sink.flush()
            self._flushed = time.monotonic()

    def close(self, state: str) -> None:
        """Hand on what is left, and end the record."""
        self.look()
        self._sink.close(state)

    def _times(self, step: int, clock: Iterator[str]) -> dict[str, float]:
        """Return the times of a row. Training notes them before it writes the row, so that they are there."""
        while self._moment is None or self._moment.step < step:
            line = next(clock, None)
            if line is None:
                return {}
            self._moment = parse_moment(line) or self._moment
        if self._moment.step > step:
            return {}
        update = self._moment.update_seconds
        return {SECONDS: self._moment.seconds} | ({} if update is None else {UPDATE_SECONDS: update})


class _SinkThread(threading.Thread):
    """One sink and the seeds that it follows; everything that is asked of the sink happens here."""

    def __init__(self, name: str, make: Callable[[], Sink]):
        super().__init__(name=f"sink {name}", daemon=True)
        self.sink, self.problem, self.is_slow = name, "", False
        self.takes_results = False
        self._make = make
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._seeds: dict[int, Follower] = {}

    def run(self) -> None:
        """Work until told to end; whatever the sink raises ends this thread and nothing else."""
        step_back()
        try:
            while (order := self._next()) is not None:
                order()
                for follower in self._seeds.values():
                    follower.look()
            for follower in self._seeds.values():
                follower.close(STOPPED)
        except BaseException as error:  # noqa: BLE001 — a sink is anybody's code
            self.problem = raised(error)

    def begin(self, entry: Entry, run: str, config: Mapping[str, Any]) -> None:
        """Have a seed followed."""
        self._orders.put(partial(self._begin, entry, run, config))

    def end(self, entry: Entry, state: str) -> None:
        """Have the rest of a seed that has ended handed on."""
        self._orders.put(partial(self._end, entry, state))

    def leave(self) -> None:
        """Have everything closed."""
        self._orders.put(None)

    def _next(self) -> Callable[[], None] | None:
        try:
            return self._orders.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            return lambda: None

    def _begin(self, entry: Entry, run: str, config: Mapping[str, Any]) -> None:
        mark = unsent(entry, self.sink)
        mark.parent.mkdir(exist_ok=True)
        mark.touch()
        sink = self._make()
        self.takes_results = isinstance(sink, Concludes)
        self._seeds[entry.seed] = Follower(sink, entry, run, config)

    def _end(self, entry: Entry, state: str) -> None:
        self._seeds.pop(entry.seed).close(state)
        if state == FINISHED:
            unsent(entry, self.sink).unlink(missing_ok=True)


class Followers:
    """Follows the seeds of a run with sinks: ``begin`` when one trains, ``end`` when it has ended.

    A sink that fails, or does not return, is said once and left out from there on.
    """

    def __init__(
        self,
        sinks: Mapping[str, Callable[[], Sink]],
        run: str,
        config: Mapping[str, Any],
        say: Callable[[str], None],
        root: Path | None = None,
    ):
        """Take what follows, and what is to be followed.

        Args:
            sinks: What makes each sink, by name.
            run: The run, or the experiment.
            config: Its effective configuration, by dotted key.
            say: Told once of each sink that failed.
            root: The project, where that is to be noted too.
        """
        self._run, self._config, self._say, self._root = run, config, say, root
        self._threads = [_SinkThread(name, make) for name, make in sinks.items()]
        self._begun: set[int] = set()
        self._ended: set[int] = set()
        self._said: set[str] = set()
        self._has_failed = False
        self._is_made = current_call().live is not None

    def __enter__(self) -> Followers:
        """Start to follow."""
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Let each sink take what is left; the records of seeds that have not ended are closed as stopped."""
        for thread in self._threads:
            thread.leave()
        share = PATIENCE_SHARE * (time.monotonic() - self._began)
        patience = max(PATIENCE_SECONDS, share) if kind is None else PATIENCE_WHEN_STOPPED
        at_work = PATIENCE_WHEN_STOPPED if kind is not None else patience if self._is_made else PATIENCE_AT_WORK
        _wait_for(self._threads, patience, at_work)
        for thread in self._threads:
            if thread.is_alive():
                thread.is_slow = True
                # whoever makes an experiment hands on the rest with its results, and tells if that cannot be done either
                if not (self._is_made and thread.takes_results and kind is None and not self._has_failed):
                    thread.problem = thread.problem or f"it has not taken all rows within {patience:.3g} s"
            elif not thread.problem and self._begun and self._root is not None:
                SinkNotes(self._root, thread.sink).find()
        self._tell()

    def begin(self, entry: Entry) -> None:
        """Follow a seed that trains, if that is not done already: signs of life come often, and late ones after the end."""
        self._tell()
        if entry.seed not in self._begun:
            self._begun.add(entry.seed)
            for thread in self._threads:
                thread.begin(entry, self._run, self._config)

    def end(self, entry: Entry, state: str) -> None:
        """Stop following a seed that has ended, once all its rows are handed on, also where no sign of life came of it."""
        if state == FINISHED:
            self.begin(entry)
        else:
            self._has_failed = True
        self._tell()
        if entry.seed in self._begun - self._ended:
            self._ended.add(entry.seed)
            for thread in self._threads:
                thread.end(entry, state)

    def catch_up(self, entry: Entry) -> None:
        """Hand on the rest of a finished seed, where a kill or a failure has kept a sink from taking it all."""
        for thread in self._threads:
            if unsent(entry, thread.sink).exists():
                thread.begin(entry, self._run, self._config)
                thread.end(entry, FINISHED)

    def _tell(self) -> None:
        """Say of each sink that was dropped why, once."""
        for thread in self._threads:
            if thread.problem and thread.sink not in self._said:
                self._said.add(thread.sink)
                line = _loss(thread)
                if self._root is not None:
                    notes = SinkNotes(self._root, thread.sink)
                    notes.lose(self._run, is_gone=not thread.is_slow)
                    if self._is_made:
                        notes.leave_word(self._run, line)
                self._say(line)


def _loss(thread: _SinkThread) -> str:
    """Return what is lost of a sink that is dropped, and why, in a sentence."""
    if not thread.is_slow:
        ends = "training goes on without it"
    elif thread.takes_results:
        ends = "it gets them with the results"
    else:
        ends = "it does not get the others"
    return f"the sink {thread.sink} is left out from here on: {thread.problem}; {ends}, and metrics.jsonl has every row"


def _wait_for(threads: Sequence[_SinkThread], patience: float, at_work: float) -> None:
    """Wait for threads to end, at most so long while they idle, and so long in all."""
    began = before = time.monotonic()
    idle = dict.fromkeys(threads, 0.0)
    used = {thread: time_at_work(thread) for thread in threads}
    while living := [thread for thread in threads if thread.is_alive() and idle[thread] < patience]:
        if time.monotonic() - began > at_work:
            return
        living[0].join(LOOK_SHORTLY)
        now = time.monotonic()
        for thread in living:
            spent = time_at_work(thread)
            idle[thread] += max(0.0, now - before - (spent - used[thread]))
            used[thread] = spent
        before = now


def time_at_work(thread: threading.Thread) -> float:
    """Return how long a thread has computed, or waited for a processor, in seconds; 0 where that is not known (Linux tells it)."""
    try:
        computed, waited, _ = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text("ascii").split()
        return (int(computed) + int(waited)) / 1e9
    except (OSError, ValueError):
        return 0.0


def step_back() -> None:
    """Let the calling thread, and what it starts, have only what others leave of the processors, where that can be said (Linux)."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def values_of(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics of a row, without what counts how far it is."""
    return {name: value for name, value in row.items() if "/" in name}


def unsent(entry: Entry, sink: str) -> Path:
    """Return the mark that a sink may lack rows of a seed."""
    return entry.folder / "sinks" / f"{sink}.unsent"
