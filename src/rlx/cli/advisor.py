"""`rlx advisor run`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from rlx.cli.common import RUN, say, tell

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
    from rlx.cli.study_audit import audited
    from rlx.cli.study_common import trainer_of
    from rlx.cli.study_report import reported
    from rlx.cli.study_run import Asked, carried_out
    from rlx.config import find_root
    from rlx.errors import UsageError
    from rlx.studies import Consent, state_document, steps_of, study_named

    root, steps = find_root(), steps_of(budget)
    study = study_named(root, name)
    if study is None:
        study = _begun(run_name, steps, name, rounds, yes=yes)
        if study is None:
            return
    elif study.state.created and (own := study.state.created["baseline"]["run"]) != run_name:
        raise UsageError(f"{study.name} is a study of {own}, not of {run_name}; --name gives a new one another name")
    elif study.contract.budget.steps != steps:
        say(f"{study.name} goes on with its own budget: {study.contract.budget.steps:,} steps")
    trainer = trainer_of(study)
    if study.state.contract is None:
        _approved(study, trainer, yes=yes)
    result = carried_out(study, trainer, Consent(execute=True), Asked(jobs))
    tell(f"{study.name}: {result.why} ({result.starts} starts)")
    is_sound = audited(study)
    reported(study)
    accepted = [each for each, found in state_document(study)["candidates"].items() if found["status"] == "accepted"]
    if accepted and is_sound:
        tell(f"Next: `rlx promote {study.short}_{accepted[-1]}_confirm` makes it the committed configuration")
    if not is_sound:
        raise SystemExit(1)


def _begun(run_name: str, budget: int, name: str, rounds: int, *, yes: bool) -> Study | None:
    """Draft the study; where nobody can approve it, show the plan and leave nothing."""
    from rlx.config import find_root
    from rlx.studies import Wish, advice_words, begin, project_trainer

    root = find_root()
    trainer = project_trainer(root, run_name)
    asked = sys.stdin.isatty() and sys.stderr.isatty()
    wish = Wish(run_name, name, budget, rounds, by_advice=True, approval="tty" if asked and not yes else "flag")
    for line in advice_words(root, wish, trainer):
        tell(line)
    if not asked and not yes:
        tell("This is a plan: nothing was started. In a terminal it asks; `--yes` approves it")
        return None
    return begin(root, wish, trainer)


def _approved(study: Study, trainer: Trainer, *, yes: bool) -> None:
    from rlx.cli.study_contract import consent_to, show_contract
    from rlx.studies import ITEMS, Approval, approve, check_approvable

    with study.locked():
        check_approvable(study, trainer)
        show_contract(study, trainer)
        method, _ = consent_to(study, yes=yes)
        approve(study, Approval(tuple(ITEMS), method))
