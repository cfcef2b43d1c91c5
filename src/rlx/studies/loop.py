"""The loop of a study: from the floor to decisions, several starts at once, until a stop rule or a person ends it."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from rlx.errors import Interrupted
from rlx.launch import process_identity, usable_cores
from rlx.studies.course import Done, Launch, Note, Propose, Wait, next_step
from rlx.studies.gate import Consent
from rlx.studies.launching import DISK, Running, launch, resume, resumption_refusal, settle
from rlx.studies.ledger.ledger import Refused
from rlx.studies.ledger.state import OPEN
from rlx.studies.status import write_state
from rlx.studies.study import Study
from rlx.studies.trainer import Outcome, Trainer
from rlx.studies.validating import validate

PAUSE = 0.05
"""Seconds between two looks at what runs."""
SHOWN = 2.0
"""Seconds between two writings of `state.json`."""


@dataclass(frozen=True)
class LoopCall:
    """What a loop is asked for.

    Attributes:
        consent: What was given.
        jobs: Starts at once; at most what the contract says.
        starts: End after so many; None: no limit.
        rounds: End after so many rounds from now; None: no limit.
        propose: Proposes candidates of a round: called with their number and the round; returns how many there are.
        say: Takes in lines for people.
        take_over: Also where another machine claimed the study.
    """

    consent: Consent
    jobs: int
    propose: Callable[[Study, int, int], int]
    starts: int | None = None
    rounds: int | None = None
    say: Callable[[str], None] = lambda _: None
    take_over: bool = False


@dataclass
class LoopResult:
    """How a loop ended.

    Attributes:
        why: Why, in words.
        starts: How many it made.
        failed: Starts that failed.
    """

    why: str
    starts: int = 0
    failed: list[str] = field(default_factory=list)


def run_loop(study: Study, trainer: Trainer, call: LoopCall) -> LoopResult:
    """Do what is next until nothing is.

    Raises:
        Refused: The gate refuses a start, or another loop is at work.
        Interrupted: Ctrl-C; the same command goes on.
    """
    study.kind = "loop"
    with study.locked(take_over=call.take_over, accept=call.take_over):
        claim(study)
        study.clock.start()
        crew = _Crew(study, trainer, call)
        try:
            return crew.work()
        except KeyboardInterrupt:
            crew.stop()
            raise Interrupted(f"{study.name}: interrupted; the same command goes on, with the same bits") from None
        except OSError as error:
            crew.stop()
            if error.errno == errno.ENOSPC:
                raise Refused(f"{study.name}: the disk is full; make room, and the same command goes on") from None
            raise
        except BaseException:
            crew.stop()
            raise
        finally:
            study.clock.stop()
            write_state(study)


def claim(study: Study) -> None:
    """Note which machine works on the study, where that is another than before."""
    claimed = study.state.claimed
    if claimed is None or claimed["host"] != socket.gethostname():
        pid, known = os.getpid(), process_identity()
        study.append("claimed", {"host": socket.gethostname(), "pid": pid, "process": known})


class _Crew:
    """What runs at a time."""

    def __init__(self, study: Study, trainer: Trainer, call: LoopCall):
        self.study, self.trainer, self.call = study, trainer, call
        self.running: list[Running] = []
        self.result = LoopResult("")
        self.shown = (0, time.monotonic())
        self.first_round = study.state.rounds
        self.jobs = max(1, min(call.jobs, study.contract.hardware.jobs))

    def work(self) -> LoopResult:
        self._reconcile()
        while True:
            self._settled()
            self._show()
            step = next_step(self.study)
            if isinstance(step, Note | Propose) and (why := self.study.frozen):
                raise Refused(f"{self.study.name}: frozen: {why}")
            if isinstance(step, Note):
                self._take(step)
                continue
            if isinstance(step, Propose):
                if (limit := self._over(step.round)) is not None:
                    return self._ended(f"{limit} round{'s' * (limit != 1)} done, as asked")
                if not self.call.propose(self.study, step.count, step.round):
                    return self._ended("nothing more to propose: what is in scope was tried")
                continue
            if isinstance(step, Launch) and self._has_room():
                if self.call.starts is not None and self.result.starts >= self.call.starts:
                    return self._ended(f"{self.call.starts} starts made, as asked")
                self._launched(step)
                continue
            if isinstance(step, Done):
                return self._ended(step.why)
            if not self.running and isinstance(step, Wait):
                raise Refused(f"{self.study.name}: waits for a start that nobody makes; `rlx study audit` says more")
            time.sleep(PAUSE)

    def _show(self) -> None:
        """Write `state.json` now and then, where there is something new."""
        lines, now = len(self.study.ledger.lines), time.monotonic()
        if self.shown[0] != lines and now - self.shown[1] > SHOWN:
            write_state(self.study)
            self.shown = (lines, now)

    def _over(self, next_round: int) -> int | None:
        """Return how many rounds this call was to make, where they are done; None where they are not."""
        automation = self.study.contract.automation
        limit = 1 if automation == "round" else self.call.rounds
        return limit if limit is not None and next_round > self.first_round + limit else None

    def _has_room(self) -> bool:
        return len(self.running) < self.jobs

    def _take(self, step: Note) -> None:
        if step.event == "validate":
            validate(self.study, self.trainer, step.data["candidate"])
        else:
            if step.event == "slot":
                self._check_fresh(step)
            self.study.append(step.event, dict(step.data))
            self.call.say(told(step))

    def _check_fresh(self, step: Note) -> None:
        """Refuse a slot whose seeds were trained before, before it takes its share of alpha."""
        tried = self.trainer.tried_seeds()
        for first, count in step.data["arms"].values():
            if stale := sorted(set(range(first, first + count)) & tried):
                raise Refused(
                    f"{self.study.name}: confirmation seed {stale[0]} was trained before on this environment, so it is not fresh: "
                    f"raise seeds.confirmation.first beyond {max(stale)}, and approve again"
                )

    def _launched(self, step: Launch) -> None:
        plan = step.plans[0]
        workers = max(1, usable_cores() // self.jobs)
        try:
            running = launch(self.study, self.trainer, plan, self.call.consent, workers, self.call.say)
        except Refused:
            if not self.running:
                raise
            self._wait_for_one()  # room may come from what ends first
            return
        self.result.starts += 1
        self.call.say(f"{plan.experiment}: begins ({plan.phase}, {seeds_in_words(plan.block)})")
        self.running.append(running)

    def _wait_for_one(self) -> None:
        while not any(each.is_over for each in self.running):
            self._watch()
            time.sleep(PAUSE)

    def _settled(self) -> None:
        self._watch()
        for each in [each for each in self.running if each.is_over]:
            self.running.remove(each)
            self._settle(each)

    def _settle(self, running: Running) -> None:
        outcome = running.outcome or Outcome("lost", reason="its thread ended")
        if running.call.overtime.is_set() and outcome.status == "interrupted":
            outcome = replace(outcome, status="timed-out", reason=f"took longer than {running.limit:.0f} s")
        settle(self.study, running.started, outcome, resumed=running.resumed)
        name = running.call.plan.experiment
        if outcome.status == "finished":
            self.call.say(f"{name}: finished")
            return
        if outcome.status != "interrupted":
            self.result.failed.append(f"{name}: {outcome.status}: {outcome.reason}")
        self.call.say(f"{name}: {outcome.status}: {outcome.reason}")
        if outcome.reason == DISK:
            raise Refused(f"{self.study.name}: the disk is full; make room, and the same command goes on")

    def _watch(self) -> None:
        """End what has run out of time: of its own, or of the study's wall clock."""
        left = (
            self.study.contract.budget.wall_clock - self.study.state.spent()["wall_clock"] - self.study.clock.unbooked
        )
        for each in self.running:
            if each.outcome is None and not each.call.stopped.is_set():
                if left <= 0:
                    each.call.stopped.set()
                elif time.monotonic() - each.began > each.limit:
                    each.call.overtime.set()
                    each.call.stopped.set()

    def _reconcile(self) -> None:
        """Go on with starts whose loop is gone."""
        for started in list(self.study.state.open_starts):
            name = started.data["experiment"]
            if started.phase == "probe":  # it is played anew when it is asked for
                settle(self.study, started, Outcome("interrupted", reason="its process is gone"))
                continue
            candidate = self.study.state.candidates.get(started.data["candidate"])
            if started.data.get("arm") != "incumbent" and candidate is not None and candidate.status not in OPEN:
                settle(self.study, started, Outcome("interrupted", reason=f"{candidate.name} is {candidate.status}"))
                continue
            if self.trainer.is_alive(name):
                raise Refused(
                    f"{self.study.name}: {name} is still at work in another process; wait for it, or stop that"
                )
            if why := resumption_refusal(self.study, self.trainer, started, self.call.consent):
                settle(self.study, started, Outcome("interrupted", reason=why[:300]))
                raise Refused(f"{self.study.name}: {name}, whose process is gone, does not go on: {why}")
            self.call.say(f"{name}: goes on, its process is gone")
            workers = max(1, usable_cores() // self.jobs)
            self.running.append(resume(self.study, self.trainer, started, workers, self.call.say))

    def stop(self) -> None:
        """End everything that runs, with one word to all, and take in how it ended."""
        for each in self.running:
            each.call.stopped.set()
        for each in self.running:
            each.thread.join()
        for each in self.running:
            ended = each.outcome or Outcome("interrupted", reason="interrupted")
            settle(self.study, each.started, ended, resumed=each.resumed)
        self.running = []

    def _ended(self, why: str) -> LoopResult:
        while self.running:
            self._wait_for_one()
            self._settled()
        self.result.why = why
        return self.result


def seeds_in_words(block: tuple[int, int]) -> str:
    """Return which seeds a block has."""
    first, count = block
    return f"seed {first}" if count == 1 else f"seeds {first}–{first + count - 1}"


def told(step: Note) -> str:
    """Return what a line that was appended says, in words."""
    data = step.data
    if step.event == "floor":
        return f"floor: {data['mean']:.4g} over {len(data['seeds'])} seeds, sd {data['sd']:.3g}; a slot shows {data['detectable']:.3g}"
    if step.event == "screened":
        out = [name for name in data["ranking"] if name not in data["kept"]]
        parts = [f"on: {', '.join(data['kept']) or 'none'}", *([f"out: {', '.join(out)}"] if out else [])]
        return f"screened ({data['rung']}): {'; '.join(parts)}"
    if step.event == "slot":
        arms = ", ".join(name for name in data["arms"] if name != "incumbent")
        return f"slot {data['number']}: {arms} against {data['incumbent']}, alpha {data['alpha']:.3g}"
    if step.event == "look":
        found = f"given up: {data['why']}" if data["given_up"] else "goes on"
        return f"look at {data['candidate']} after {data['n']} seeds: {found}"
    if step.event == "decided":
        return f"{data['candidate']}: {data['status']}: {data['rule']}"
    return step.event
