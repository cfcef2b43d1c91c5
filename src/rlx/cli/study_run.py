"""`rlx study run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rlx.cli.common import AS_JSON, have_warm_process, print_json, say, tell
from rlx.cli.study_common import STUDY, found, trainer_of

if TYPE_CHECKING:
    from rlx.studies import Study, Trainer


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
    from rlx.studies import Consent, LoopCall, propose_round, run_loop, state_document

    one = found(study)
    trainer = trainer_of(one)
    consent = Consent(execute, confirm)
    if not execute:
        show_plan(one, trainer, as_json=as_json)
        return
    have_warm_process()
    call = LoopCall(
        consent=consent,
        jobs=jobs or one.contract.hardware.jobs,
        propose=lambda study_, count, number: propose_round(study_, trainer, count, number),
        starts=starts if confirm is None else 1,
        rounds=rounds,
        say=say,
        take_over=take_over,
    )
    result = run_loop(one, trainer, call)
    if as_json:
        print_json(state_document(one))
    else:
        tell(f"{one.name}: {result.why} ({result.starts} starts)")
        tell(f"Next: `rlx study report {one.name}`, `rlx study audit {one.name}`")
    if result.failed:
        from rlx.errors import TrainingFailed

        raise TrainingFailed("\n".join(["starts with failures:", *result.failed]))


def show_plan(one: Study, trainer: Trainer, *, as_json: bool) -> None:
    """Show what is next, what the gate says of it, and what the rest costs; nothing is written."""
    from rlx.studies import dry_run, dry_words

    plan = dry_run(one, trainer)
    if as_json:
        print_json(plan)
        return
    for line in dry_words(plan):
        tell(line)
