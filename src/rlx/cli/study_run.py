"""`rlx study run`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from rlx.cli.common import AS_JSON, have_warm_process, print_json, say, tell
from rlx.cli.study_common import STUDY, found, trainer_of

if TYPE_CHECKING:
    from rlx.studies import Consent, LoopResult, Study, Trainer


@click.command("run")
@STUDY
@click.option("--execute", is_flag=True, help="Do it; without this, show the plan.")
@click.option("--confirm", metavar="ID:HASH8", help="Confirm one start, where automation is each.")
@click.option("--jobs", type=click.IntRange(1, 1024), metavar="N", help="Starts at once [default: hardware.jobs].")
@click.option("--starts", type=click.IntRange(1), metavar="N", help="End after N starts.")
@click.option("--rounds", type=click.IntRange(1), metavar="N", help="End after N rounds.")
@click.option("--take-over", is_flag=True, help="Also where another machine was at work.")
@AS_JSON
def run(  # noqa: PLR0913
    study: str | None,
    *,
    execute: bool,
    confirm: str | None,
    jobs: int | None,
    starts: int | None,
    rounds: int | None,
    take_over: bool,
    as_json: bool,
) -> None:
    """Carry a study out: floor, candidates, screening, confirmation, until a stop rule.

    Without --execute it shows what is next, what the sixteen checks of the launch gate say, and what the rest costs. Ctrl-C
    stops everything; the same command goes on, with the same bits. Exit 5: a check refuses.
    """
    from rlx.studies import Consent, state_document

    one = found(study)
    trainer = trainer_of(one)
    if not execute:
        show_plan(one, trainer, as_json=as_json)
        return
    asked = Asked(jobs, starts if confirm is None else 1, rounds, take_over=take_over)
    result = carried_out(one, trainer, Consent(execute, confirm), asked)
    if as_json:
        print_json(state_document(one))
    else:
        tell(f"{one.name}: {result.why} ({result.starts} starts)")
        tell(f"Next: `rlx study report {one.name}`, `rlx study audit {one.name}`")
    if result.failed:
        from rlx.errors import TrainingFailed

        raise TrainingFailed("\n".join(["starts with failures:", *result.failed]))


@dataclass(frozen=True)
class Asked:
    """What a call asks of a study's loop.

    Attributes:
        jobs: Starts at once; None: what the contract says.
        starts: End after so many; None: no limit.
        rounds: End after so many; None: no limit.
        take_over: Also where another machine was at work.
    """

    jobs: int | None = None
    starts: int | None = None
    rounds: int | None = None
    take_over: bool = False


def carried_out(study: Study, trainer: Trainer, consent: Consent, asked: Asked) -> LoopResult:
    """Carry a study out, as far as a call asks."""
    from rlx.studies import LoopCall, propose_round, run_loop

    have_warm_process()
    call = LoopCall(
        consent=consent,
        jobs=asked.jobs or study.contract.hardware.jobs,
        propose=lambda study_, count, number: propose_round(study_, trainer, count, number),
        starts=asked.starts,
        rounds=asked.rounds,
        say=say,
        take_over=asked.take_over,
    )
    return run_loop(study, trainer, call)


def show_plan(one: Study, trainer: Trainer, *, as_json: bool) -> None:
    """Show what is next, what the gate says of it, and what the rest costs; nothing is written."""
    from rlx.studies import dry_run, dry_words

    plan = dry_run(one, trainer)
    if as_json:
        print_json(plan)
        return
    for line in dry_words(plan):
        tell(line)
