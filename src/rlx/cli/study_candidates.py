"""`rlx study propose`, `validate`, `set`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rlx.cli.common import AS_JSON, print_json, tell
from rlx.cli.study_common import STUDY, found, trainer_of

if TYPE_CHECKING:
    from rlx.studies import Study, Trainer


@click.command("propose")
@STUDY
@click.option("-n", "count", type=click.IntRange(1, 100), metavar="N", help="How many [default: proposals.per_round].")
@click.option("--source", type=click.Choice(["rules", "sampler"]), help="Where from [default: rules first].")
@click.option("--from", "replaces", metavar="ID", help="A mended form of this candidate.")
@click.option("-S", "settings", multiple=True, metavar="KEY=VALUE", help="Your own: what it sets (repeatable).")
@click.option("--because", metavar="TEXT", help="Your own: why it should be better.")
@click.option(
    "--evidence", "cited", multiple=True, metavar="HASH", help="Your own: a document in evidence/ (repeatable)."
)
@click.option("--review", metavar="FILE", help="A review of a reward, to be kept as evidence and cited.")
@click.option("--curriculum", metavar="FILE", help="A curriculum's record, to be kept as evidence and cited.")
@AS_JSON
def propose(  # noqa: PLR0913
    study: str | None,
    *,
    count: int | None,
    source: str | None,
    replaces: str | None,
    settings: tuple[str, ...],
    because: str | None,
    cited: tuple[str, ...],
    review: str | None,
    curriculum: str | None,
    as_json: bool,
) -> None:
    """Write candidates: what diagnosis suggests and the sampler draws, or your own.

    \b
    Example:
      rlx study propose -n 4
      rlx study propose -S algo.update_epochs=10 \\
          --because "more passes use each rollout better"
    """
    from rlx.errors import UsageError
    from rlx.studies import Refused, propose_some, write_state

    one = found(study)
    if (settings or because) and not (settings and because):
        raise UsageError("a candidate of your own takes -S KEY=VALUE and --because TEXT")
    owns = {"--from": replaces, "--evidence": cited, "--review": review, "--curriculum": curriculum}
    drawn = {"-n": count, "--source": source}
    if misplaced := [name for name, value in (drawn if settings else owns).items() if value]:
        told = "does not go with" if settings else "is of a candidate of your own: give"
        raise UsageError(f"{misplaced[0]} {told} -S KEY=VALUE and --because TEXT")
    with one.locked(take_over=True):
        trainer = trainer_of(one)
        if settings and because:
            names = [
                _own(one, trainer, settings, because, [*cited], {"review": review, "curriculum": curriculum}, replaces)
            ]
        else:
            names = propose_some(one, trainer, count or one.contract.proposals.per_round, source)
        write_state(one)
    if not names:
        raise Refused(f"{one.name}: nothing more to propose: what is in scope was tried")
    _show(one, names, as_json=as_json)


def _own(  # noqa: PLR0913
    one: Study,
    trainer: Trainer,
    settings: tuple[str, ...],
    because: str,
    cited: list[str],
    written: dict[str, str | None],
    replaces: str | None,
) -> str:
    from rlx.studies import own_candidate

    return own_candidate(one, trainer, _typed(settings), because, cited, written, replaces)


def _typed(settings: tuple[str, ...]) -> dict[str, Any]:
    from rlx.config import parse_document
    from rlx.errors import ConfigError, UsageError

    found_settings: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"-S {setting}: must be KEY=VALUE, such as algo.gamma=0.9")
        try:
            found_settings[key.strip()] = parse_document(f"value: {value}", f"-S {setting}").data["value"]
        except ConfigError:
            found_settings[key.strip()] = value
    return found_settings


def _show(one: Study, names: list[str], *, as_json: bool) -> None:
    from rlx.studies import state_document

    state = one.state
    if as_json:
        print_json(state_document(one))
        return
    for name in names:
        each = state.candidates[name]
        steps = sum(each.cost.values())
        cost = f", {steps:,} steps if it goes all the way" if steps else ""
        tell(f"{name}: {each.status}{cost}" + (f": {each.reason}" if each.reason else ""))


@click.command("validate")
@STUDY
@click.argument("ids", nargs=-1, metavar="[ID]...")
@AS_JSON
def validate(study: str | None, ids: tuple[str, ...], *, as_json: bool) -> None:
    """Check candidates, those that people and agents added too, and what they cost; nothing starts.

    Exit 1 if one is not valid.
    """
    from rlx.errors import RlxError
    from rlx.studies import take_up, validate as validate_one, write_state

    one = found(study)
    with one.locked(take_over=True):
        trainer = trainer_of(one)
        take_up(one)
        wanted = [name for name, each in one.state.candidates.items() if each.status in ("draft", "validated")]
        results = [validate_one(one, trainer, name) for name in (ids or wanted)]
        write_state(one)
    if as_json:
        print_json([{"candidate": each.candidate, "refusal": each.refusal, "cost": each.cost} for each in results])
    else:
        for each in results:
            tell(f"{each.candidate}: {'valid' if each.refusal is None else each.refusal}")
        if not results:
            tell(f"{one.name}: there is no candidate to check; `rlx study propose` writes some")
    if bad := [each for each in results if each.refusal is not None]:
        raise RlxError(f"{one.name}: {len(bad)} of {len(results)} candidates are not valid")


@click.command("set")
@STUDY
@click.argument("candidate", required=False, metavar="ID")
@click.argument("status", required=False, metavar="STATUS")
@click.option("--reason", required=True, metavar="TEXT", help="Why.")
def set_status(study: str | None, candidate: str | None, status: str | None, *, reason: str) -> None:
    """Say that a candidate is rejected, needs debug, or, where it was accepted, is reverted.

    `accepted` cannot be said: the rule alone grants it (exit 5).

    \b
    Example:
      rlx study set cartpole/better c003 rejected --reason "same as c001"
    """
    from rlx.errors import UsageError
    from rlx.studies import set_candidate, write_state

    if status is None:  # the study was left out
        study, candidate, status = None, study, candidate
    if candidate is None or status is None:
        raise UsageError("say which candidate and what: `rlx study set [STUDY] ID STATUS --reason TEXT`")
    one = found(study)
    with one.locked(take_over=True):
        set_candidate(one, candidate, status, reason)
        write_state(one)
    tell(f"{one.name}: {candidate} is {status}")
