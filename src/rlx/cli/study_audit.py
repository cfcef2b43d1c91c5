"""`rlx study audit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from rlx.cli.common import AS_JSON, console, print_json, say, tell
from rlx.cli.study_common import STUDY, found

if TYPE_CHECKING:
    from rlx.studies import AuditReport, CheckReport, Study

    CountParam = click.ParamType[int | Literal["all"]]
else:
    CountParam = click.ParamType

NAME_WIDTH = 13
INDENT = "    "
MOST_SHOWN = 12
"""Problems of one check that are printed; `--json` has all."""
STYLES = {"✓": "green", "✗": "bold red", "–": "dim"}


class _Count(CountParam):
    """A number, or ``all``."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | Literal["all"]:
        """Refuse what is neither."""
        if value == "all":
            return "all"
        if not str(value).isdigit():
            self.fail(f"{value!r} is neither a number nor `all`", param, ctx)
        return int(value)


@click.command("audit")
@STUDY
@click.option("--replay", metavar="N|all", type=_Count(), default=2, show_default=True, help="Policies to play again.")
@click.option("--retrain", is_flag=True, help="Train a seed of a confirmation again.")
@click.option("--head", metavar="HASH", help="A hash of the ledger's that was kept elsewhere.")
@AS_JSON
def audit(study: str | None, replay: int | Literal["all"], head: str | None, *, retrain: bool, as_json: bool) -> None:
    """Compute everything that a study decided again, from raw data.

    STUDY is a study (better), with its task where two have that name (cartpole/better); it may be left out where one is
    open. Hashes, approvals, each start at its place, budget, floor, screenings, looks, decisions, alpha and the sampler's
    proposals are recomputed by code that decided none of them; --replay plays kept policies again bit for bit, --retrain
    trains one seed from scratch. The audit is written into audits/ and noted in the ledger: one that fails freezes the
    study, and reverts what was accepted and does not come out again. The exit code is 1 if a check failed.

    \b
    Example:
      rlx study audit cartpole/better --replay all
    """
    if not audited(found(study), replay, head, retrain=retrain, as_json=as_json):
        raise SystemExit(1)


def audited(
    study: Study,
    replay: int | Literal["all"] = 2,
    head: str | None = None,
    *,
    retrain: bool = False,
    as_json: bool = False,
) -> bool:
    """Audit a study, note that in its ledger, and print what was found; returns whether all is well."""
    from rlx.studies import Refused

    refused: Refused | None = None
    try:
        with study.locked():
            report = _made(study, replay, head, retrain=retrain)
            _note(study, report)
    except Refused as error:
        refused = error
        report = _made(study, replay, head, retrain=retrain)
        say(f"not noted in the ledger: {error}")
    if as_json:
        print_json(report.model_dump(mode="json"))
    else:
        _show(report, is_noted=refused is None)
    return report.ok


def _made(study: Study, replay: int | Literal["all"], head: str | None, *, retrain: bool) -> AuditReport:
    from rlx.studies import again_of, audit_study, report_again

    path = study.folder / "report.md"

    def render() -> str:
        return report_again(study, path.read_text(encoding="utf-8"))

    again = again_of(study)
    return audit_study(
        study.name, study.root, replay=replay, retrain=retrain, head=head, say=say, render=render, again=again
    )


def _note(study: Study, report: AuditReport) -> None:
    """Write the audit, and append what follows from it."""
    from rlx.studies import write_audit

    data = write_audit(study.folder, report)
    study.append("audited", data)
    for name in report.unsupported:
        study.append(
            "reverted", {"candidate": name, "reason": f"its decision does not come out again ({data['file']})"}
        )


def _show(report: AuditReport, *, is_noted: bool) -> None:
    tell(f"{report.study}: {report.lines} lines, head {report.head.removeprefix('sha256:')[:16]}", "bold")
    for name, check in report.checks.items():
        _show_check(name, check)
    failed = [name for name, check in report.checks.items() if not check.ok]
    for name in report.unsupported:
        then = "it is reverted" if is_noted else "an audit that is noted reverts it"
        tell(f"{name} was accepted, and is not by what is kept: {then}", "bold red")
    if failed:
        then = "the study is frozen until an audit passes" if is_noted else "the ledger does not say so"
        tell(f"failed: {', '.join(failed)}; {then}", "bold red")
    else:
        skipped = sum(check.skipped is not None for check in report.checks.values())
        tell(
            f"all {len(report.checks) - skipped} checks that were made passed" + f"; {skipped} skipped" * bool(skipped)
        )


def _show_check(name: str, check: CheckReport) -> None:
    mark = "✗" if not check.ok else "–" if check.skipped else "✓"
    told = check.skipped or f"{check.checked} looked at" if check.ok else f"{len(check.problems)} wrong"
    _line(mark, name, told)
    for problem in check.problems[:MOST_SHOWN]:
        tell(problem.text, indent=INDENT)
    if (more := len(check.problems) - MOST_SHOWN) > 0:
        tell(f"and {more} more; --json has all", indent=INDENT)
    for note in check.notes[:MOST_SHOWN]:
        tell(f"note: {note}", "dim", indent=INDENT)


def _line(mark: str, name: str, text: str) -> None:
    """Print a check's mark and name, and what came of it beside them."""
    from rich.text import Text

    from rlx.report import wrapped
    from rlx.stats import visible

    drawn, indent = console(), " " * (NAME_WIDTH + 2)
    body = wrapped(visible(text), drawn.width, indent)[len(indent) :]
    drawn.print(Text.assemble((f"{mark} ", STYLES[mark]), f"{name:<{NAME_WIDTH}}", body), soft_wrap=True)
