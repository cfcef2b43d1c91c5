"""Probes of a study: planned without playing, and started as everything else is, through the launch gate."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlx.errors import Missing, TrainingFailed, UsageError
from rlx.studies.evidence.documents import Probe
from rlx.studies.evidence.probe import run_probe
from rlx.studies.evidence.probe_plan import ProbePlan
from rlx.studies.gate import Consent
from rlx.studies.keeping_evidence import keep
from rlx.studies.launching import launch, settle
from rlx.studies.study import Study, find_study, studies_of
from rlx.studies.trainer import Facts, Outcome, Resolved, StartCall, StartPlan, Trainer

LOOK = 0.1
"""Seconds between two looks at whether a probe has ended."""


@dataclass
class ProbeTrainer:
    """Plays a probe as a start of a study; what holds of project and machine says the study's own trainer.

    Attributes:
        inner: The study's trainer.
        root: The project.
        plan: What is played.
        found: What came of it.
    """

    inner: Trainer
    root: Path
    plan: ProbePlan
    found: Probe | None = None
    name: str = field(default="probe")
    keeps_time: bool = True

    def facts(self) -> Facts:
        """Return what holds just now."""
        return self.inner.facts()

    def resolve(self, overrides: Mapping[str, Any], patch: Mapping[str, Any] | None = None) -> Resolved:
        """Return what settings come to."""
        return self.inner.resolve(overrides, patch)

    def new_trainings(self, plan: StartPlan) -> int:
        """A probe trains no seed."""
        del plan
        return 0

    def tried_seeds(self) -> set[int]:
        """A probe tries no training seed."""
        return set()

    def is_alive(self, experiment: str) -> bool:
        """Tell whether the study's trainer knows it to run."""
        return self.inner.is_alive(experiment)

    def unready(self, plan: StartPlan) -> str | None:
        """Whoever planned a probe has looked at its policies."""
        del plan
        return None

    def carry_out(self, call: StartCall) -> Outcome:
        """Play it."""
        self.found = run_probe(self.root, self.plan, call.say)
        return Outcome("finished", steps=self.found.steps)


def study_of_probe(root: Path, run: str, name: str | None) -> Study:
    """Return the study that a probe of a run is evidence for: the named one, or the only open one of that run.

    Raises:
        Missing: There is none.
        UsageError: There are several.
    """
    if name is not None:
        return find_study(root, name)
    found = []
    for study in studies_of(root):
        study.read()
        if study.state.closed is None and study.contract.baseline.run == run:
            found.append(study)
    if not found:
        raise Missing(
            f"no open study has {run!r} as its baseline, and what plays is paid for by one; `rlx study init {run}`"
        )
    if len(found) > 1:
        raise UsageError(f"which study? --study with one of {', '.join(each.name for each in found)}")
    return found[0]


def probe_start(study: Study, plan: ProbePlan) -> StartPlan:
    """Return the start that a probe is."""
    number = 1 + sum(each.phase == "probe" for each in study.state.starts.values())
    seeds = sorted(plan.policies)
    return StartPlan(
        phase="probe",
        candidate="baseline",
        overrides={},
        block=(seeds[0], len(seeds)),
        list=plan.list_seed,
        experiment=f"{study.short}_probe_{number}",
        metrics=(),
        episodes=plan.episodes,
        steps=plan.steps,
    )


def probe_in(
    study: Study, trainer: Trainer, plan: ProbePlan, consent: Consent, say: Callable[[str], None]
) -> tuple[Probe, str]:
    """Play a probe for a study, through the gate, and keep it as evidence.

    Returns:
        What came of it, and the hash by which candidates cite it.

    Raises:
        Refused: The gate refuses.
        TrainingFailed: It could not be played.
    """
    with study.locked():
        study.clock.start()
        for started in list(study.state.open_starts):
            if started.phase == "probe":  # of a process that is gone, or this one would not hold the study
                settle(study, started, Outcome("interrupted", reason="its process is gone"))
        probing = ProbeTrainer(trainer, study.root, plan)
        running = launch(study, probing, probe_start(study, plan), consent, 1, say)
        try:
            while not running.is_over:
                time.sleep(LOOK)
        except KeyboardInterrupt:
            settle(study, running.started, Outcome("interrupted", reason="interrupted"))
            raise
        finally:
            study.clock.stop()
        outcome = running.outcome or Outcome("interrupted", reason="its thread ended")
        if probing.found is None:
            settle(study, running.started, Outcome("failed", reason=outcome.reason, steps=outcome.steps))
            raise TrainingFailed(f"{plan.run}: could not be probed: {outcome.reason}")
        settle(study, running.started, outcome)
        return probing.found, keep(study, probing.found)
