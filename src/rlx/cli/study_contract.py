"""`rlx study init`, `approve`, `close`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from rlx.cli.common import AS_JSON, RUN, print_json, tell
from rlx.cli.study_common import STUDY, found, trainer_of

if TYPE_CHECKING:
    from pathlib import Path

    from rlx.studies import Study, Trainer


@click.command("init")
@click.argument("run", type=RUN)
@click.option("--name", metavar="TASK/STUDY", help="Its name [default: RUN/better].")
@click.option(
    "--budget", metavar="STEPS", help="Environment steps in all, such as 8M [default: what three rounds take]."
)
@click.option("--adapter", metavar="REPO", help="Of a repository that is not rlx's: RUN is what its task is called.")
@click.option("--steps", metavar="STEPS", help="With --adapter: of one training.")
@click.option("--scope", multiple=True, metavar="KEY=LOW:HIGH", help="With --adapter: what may change (repeatable).")
@click.option("--failure-score", type=float, metavar="X", help="With --adapter: what a failing seed scores.")
@click.option(
    "--ask-help", is_flag=True, help="With --adapter: also run its training command with --help, to find options."
)
@AS_JSON
def init(  # noqa: PLR0913
    run: str,
    *,
    name: str | None,
    budget: str | None,
    adapter: str | None,
    steps: str | None,
    scope: tuple[str, ...],
    failure_score: float | None,
    ask_help: bool,
    as_json: bool,
) -> None:
    """Begin a study of RUN, a finished run of this project.

    Writes studies/TASK/STUDY/contract.yaml, drafted from the run: read it, change what you like, then approve it. Nothing
    trains.

    With --adapter, RUN is what the task is called. The first call reads the repository's source (nothing of it runs, but with
    --ask-help) and drafts studies/RUN/adapter.yaml; when nothing in it is `unknown` any more, a second call with --steps,
    --scope and --failure-score drafts the contract.

    \b
    Example:
      rlx study init cartpole --name cartpole/better --budget 8M
    """
    from rlx.config import find_root
    from rlx.errors import UsageError
    from rlx.studies import Wish, begin, foretold, project_trainer, state_document, steps_of, summary_lines

    root = find_root()
    if adapter is not None:
        asked = ForeignAsked(name, adapter, steps, scope, failure_score, budget, ask_help=ask_help)
        _init_foreign(root, run, asked, as_json=as_json)
        return
    if steps is not None or scope or failure_score is not None or ask_help:
        raise UsageError(
            "--steps, --scope, --failure-score and --ask-help go with --adapter; the contract says them here"
        )
    wish = Wish(run, name, None if budget is None else steps_of(budget))
    trainer = project_trainer(root, run)
    study = begin(root, wish, trainer)
    if as_json:
        print_json(state_document(study))
        return
    steps_each = trainer.resolve({}).steps
    for line in (*summary_lines(study, steps_each), *foretold(study, steps_each)):
        tell(line)
    tell(
        f"Written: studies/{study.name}/contract.yaml. Next: read and change it, then `rlx study approve {study.name}`"
    )


@dataclass(frozen=True)
class ForeignAsked:
    """What a call asks for with --adapter.

    Attributes:
        name: `TASK/STUDY`; None: `better` of the task.
        adapter: The repository's folder.
        steps: Of one training, as typed.
        scope: What may change, as typed.
        failure_score: What a failing seed scores.
        budget: Steps in all, as typed.
        ask_help: Whether its training command may be run with `--help`.
    """

    name: str | None
    adapter: str
    steps: str | None
    scope: tuple[str, ...]
    failure_score: float | None
    budget: str | None
    ask_help: bool


def _init_foreign(root: Path, task: str, asked: ForeignAsked, *, as_json: bool) -> None:
    """Draft the adapter of a repository; where there is one already, the contract."""
    from pathlib import Path

    from rlx.errors import UsageError
    from rlx.studies import ForeignWish, begin_foreign, draft_adapter, state_document, steps_of, summary_lines

    if not (root / "studies" / task / "adapter.yaml").exists():
        draft = draft_adapter(root, task, Path(asked.adapter), ask_help=asked.ask_help)
        if as_json:
            print_json(draft.model_dump(mode="json"))
            return
        tell(
            f"Written: {draft.adapter} and {draft.card}. Next: fill in what is `unknown`, commit both, and call this again"
        )
        tell("with --steps, --scope and --failure-score")
        return
    if asked.steps is None or not asked.scope or asked.failure_score is None:
        raise UsageError(
            "a study of a repository needs --steps, --failure-score, and --scope KEY=LOW:HIGH for what may change"
        )
    wish = ForeignWish(
        name=asked.name or f"{task}/better",
        steps=steps_of(asked.steps, "--steps"),
        scope=asked.scope,
        failure_score=asked.failure_score,
        budget=None if asked.budget is None else steps_of(asked.budget),
    )
    study = begin_foreign(root, wish)
    if as_json:
        print_json(state_document(study))
        return
    for line in summary_lines(study, wish.steps):
        tell(line)
    tell(
        f"Written: studies/{study.name}/contract.yaml. Next: read and change it, then `rlx study approve {study.name}`"
    )


@click.command("approve")
@STUDY
@click.option("--only", metavar="ITEMS", help="Approve only these, such as task,metric.")
@click.option("--revoke", metavar="ITEMS", help="Take approvals back: these, or all.")
@click.option("--exception", metavar="IDS", help="Approve candidates' exceptions from required evidence, too.")
@click.option("--sign", type=click.Path(path_type=None), metavar="KEY", help="Sign with this SSH key.")
@click.option("--yes", is_flag=True, help="Approve without being asked; where the contract demands no more.")
@AS_JSON
def approve(  # noqa: PLR0913
    study: str | None,
    *,
    only: str | None,
    revoke: str | None,
    exception: str | None,
    sign: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Show what a contract comes to, and approve it: by its name, typed in a terminal.

    The approval stands in the ledger, with the contract's hash: an edit of the file afterwards freezes the study until it is
    approved again, and the difference is a line of the ledger.
    """
    from rlx.studies import check_approvable, renew_report, revoke as take_back, state_document, write_state

    one = found(study)
    with one.locked(take_over=True):
        if revoke is not None:
            take_back(one, _items(revoke))
            tell(f"{one.name}: taken back: {', '.join(_items(revoke))}")
        else:
            trainer = trainer_of(one)
            check_approvable(one, trainer)
            _approve(one, trainer, only, exception, sign, yes=yes, quiet=as_json)
            renew_report(one)  # it may be of a draft that was another
        write_state(one)
    if as_json:
        print_json(state_document(one))


def _items(text: str) -> list[str]:
    from rlx.errors import UsageError
    from rlx.studies import ITEMS

    names = list(ITEMS) if text in ("all", "") else [part.strip() for part in text.split(",") if part.strip()]
    if unknown := [name for name in names if name not in ITEMS]:
        raise UsageError(f"{unknown[0]!r} is no item of a contract; there are {', '.join(ITEMS)}")
    return names


def _approve(  # noqa: PLR0913
    one: Study, trainer: Trainer, only: str | None, exception: str | None, key: str | None, *, yes: bool, quiet: bool
) -> None:
    from rlx.studies import Approval, approve

    items = tuple(_items(only or "all"))
    if not quiet:
        show_contract(one, trainer)
    method, signature = consent_to(one, key, yes=yes)
    exceptions = tuple(each.strip() for each in (exception or "").split(",") if each.strip())
    approve(one, Approval(items, method, signature, exceptions))
    if not quiet:
        tell(f"{one.name}: approved ({method}): {', '.join(items)}. Next: `rlx study run {one.name} --execute`")


def show_contract(one: Study, trainer: Trainer) -> None:
    """Show what a contract comes to, and what of it has changed since it was approved."""
    from rlx.studies import approved_contract, differences, foretold, summary_lines, warnings

    steps = trainer.resolve({}).steps
    for line in (*summary_lines(one, steps), *foretold(one, steps)):
        tell(line)
    for line in warnings(one):
        tell(f"Beware: {line}")
    before = approved_contract(one)
    if before is not None:
        for name, (old, new) in differences(before, one.read_contract().contract).items():
            tell(f"changed: {name}: {old} → {new}")


def consent_to(one: Study, key: str | None = None, *, yes: bool) -> tuple[str, str | None]:
    """Ask for the study's name in a terminal, or sign; returns the method and the signature."""
    from rlx.studies import Refused, sign, verify

    if key is not None:
        from pathlib import Path

        signature = sign(one, Path(key))
        verify(one, signature, one.read_contract().hash)
        return "signature", signature
    if yes:
        return "flag", None
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(
            f"{one.name}: there is no terminal to ask in; `--sign KEY` signs, `--yes` is for contracts that demand a flag"
        )
    typed = click.prompt(f"Type the study's name ({one.name}) to approve", default="", show_default=False, err=True)
    if typed.strip() not in (one.name, one.short):
        raise Refused(f"{one.name}: not approved: {typed.strip()!r} is not its name")
    return "tty", None


@click.command("close")
@STUDY
@click.option("--reason", required=True, metavar="TEXT", help="Why.")
def close(study: str | None, *, reason: str) -> None:
    """End a study: nothing of it starts any more; its ledger and results stay."""
    from rlx.studies import write_state

    one = found(study)
    with one.locked(take_over=True):
        if one.state.closed is None:
            one.append("closed", {"reason": reason})
        write_state(one)
    tell(f"{one.name}: closed. `rlx study report {one.name}` says what it found")
