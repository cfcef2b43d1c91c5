"""`rlx advisor run`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rlx.cli.common import RUN, have_warm_process, say, tell

if TYPE_CHECKING:
    from rlx.studies import Study, Trainer


@click.group("advisor", no_args_is_help=True)
def command() -> None:
    """Improve a run under a contract, in one command.

    \b
    Example:
      rlx advisor run cartpole --budget 2M
    """


@command.command("run")
@click.argument("run", type=RUN)
@click.option("--budget", required=True, metavar="STEPS", help="Environment steps in all, such as 2M.")
@click.option("--name", metavar="TASK/STUDY", help="Of the study [default: RUN/advisor].")
@click.option("--yes", is_flag=True, help="Approve the contract without being asked.")
@click.option("--jobs", type=click.IntRange(1, 1024), metavar="N", help="Starts at once [default: hardware.jobs].")
def run(run: str, *, budget: str, name: str | None, yes: bool, jobs: int | None) -> None:
    """Look for something better than RUN within a budget, and say honestly whether it was found.

    Drafts a study's contract, asks once (the approval), tries candidates, confirms the best on fresh seeds, audits, and
    reports. Without a terminal and without --yes it shows the plan and trains nothing. The same command goes on after Ctrl-C.

    \b
    Example:
      rlx advisor run cartpole --budget 2M
    """
    advise(run, budget, name or f"{run}/advisor", rounds=1, yes=yes, jobs=jobs)


def advise(  # noqa: PLR0913
    run_name: str, budget: str, name: str, *, rounds: int, yes: bool, jobs: int | None
) -> None:
    """Make a study of a run from beginning to report; what is there of it goes on."""
    from rlx.config import find_root
    from rlx.studies import state_document, study_named

    root = find_root()
    study = study_named(root, name)
    if study is None:
        study = _begun(run_name, budget, name, rounds, yes=yes)
        if study is None:
            return
    trainer = _trainer(study)
    if study.state.contract is None:
        _approved(study, trainer, yes=yes)
    _carried_out(study, trainer, jobs)
    _concluded(study)
    accepted = [each for each, found in state_document(study)["candidates"].items() if found["status"] == "accepted"]
    if accepted:
        tell(f"Next: `rlx promote {study.short}_{accepted[-1]}_confirm` makes it the committed configuration")


def _trainer(study: Study) -> Trainer:
    from rlx.studies import trainer_for

    return trainer_for(study)


def _begun(run_name: str, budget: str, name: str, rounds: int, *, yes: bool) -> Study | None:
    """Draft the study; where nobody can approve it, show the plan and leave nothing."""
    from rlx.config import find_root
    from rlx.studies import Wish, advice_words, begin, project_trainer, steps_of

    root = find_root()
    trainer = project_trainer(root, run_name)
    asked = sys.stdin.isatty() and sys.stderr.isatty()
    wish = Wish(
        run_name, name, steps_of(budget), rounds, by_advice=True, approval="tty" if asked and not yes else "flag"
    )
    for line in advice_words(root, wish, trainer):
        tell(line)
    if not asked and not yes:
        tell("This is a plan: nothing was started. In a terminal it asks; `--yes` approves it")
        return None
    return begin(root, wish, trainer)


def _approved(study: Study, trainer: Trainer, *, yes: bool) -> None:
    from rlx.studies import ITEMS, Approval, Refused, approve, check_approvable, foretold, summary_lines

    with study.locked():
        check_approvable(study, trainer)
        method = "flag"
        if not yes:
            steps = trainer.resolve({}).steps
            for line in (*summary_lines(study, steps), *foretold(study, steps)):
                tell(line)
            typed = click.prompt(
                f"Type the study's name ({study.name}) to approve", default="", show_default=False, err=True
            )
            if typed.strip() not in (study.name, study.short):
                raise Refused(f"{study.name}: not approved; the contract is there: studies/{study.name}/contract.yaml")
            method = "tty"
        approve(study, Approval(tuple(ITEMS), method))


def _carried_out(study: Study, trainer: Trainer, jobs: int | None) -> None:
    from rlx.studies import Consent, LoopCall, propose_round, run_loop

    have_warm_process()
    call = LoopCall(
        consent=Consent(execute=True),
        jobs=jobs or study.contract.hardware.jobs,
        propose=lambda study_, count, number: propose_round(study_, trainer, count, number),
        say=say,
    )
    result = run_loop(study, trainer, call)
    tell(f"{study.name}: {result.why} ({result.starts} starts)")


def _concluded(study: Study) -> None:
    """Audit the study, and report."""
    from rlx.cli.study_audit import audited
    from rlx.cli.study_report import reported

    audited(study)
    reported(study)
