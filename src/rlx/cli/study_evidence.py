"""`rlx study reflect` and `rlx study probe`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rlx.cli.common import AS_JSON, FORCE, OUTPUT, RUN, print_grid, print_json, print_lines, say, tell

if TYPE_CHECKING:
    from rlx.studies import Probe, ProbePlan, Reflection


@click.command("reflect")
@click.argument("run", type=RUN)
@click.option(
    "-o", "--output", type=OUTPUT, metavar="FILE", help="Write the document (JSON) there; - is standard output."
)
@click.option("--study", metavar="TASK/STUDY", help="Keep it as evidence of this study [default: the open one of RUN].")
@FORCE
@AS_JSON
def reflect(run: str, output: Path | None, *, study: str | None, force: bool, as_json: bool) -> None:
    """Say what the parts of RUN's reward did in training, and whether its return can be trusted.

    RUN is a finished run. Of each part (reward_* in the environment's info): its course, share and trend, whether it
    dominates, is ignored, saturated or was traded, and whether it goes with the validation return; and the risk that the
    return is raised by something else than the task, with the clause that says so. Nothing is trained.

    \b
    Example:
      rlx study reflect cheetah -o reflection.json
    """
    from rlx.config import find_root
    from rlx.report import STDOUT, check_destination, reflection_grid, reflection_lines
    from rlx.studies import reflect as reflected

    if output is not None:
        check_destination(output, force=force or _is_evidence(output))
    found = reflected(find_root(), run)
    if output is not None:
        _deliver(output, found)
    if as_json:
        print_json(found.model_dump(mode="json"))
    elif output != STDOUT:
        if found.components:
            print_grid(reflection_grid(found))
        print_lines(reflection_lines(found))
        if output is not None:
            say(f"written: {output}")
    _keep(found, run, study)


@click.command("probe")
@click.argument("run", type=RUN)
@click.option(
    "--parameter", "-p", "parameters", multiple=True, required=True, metavar="KEY=LO:HI[:N]",
    help="What to vary: env.kwargs.gravity=-11.5:-4, by default with 9 values. Several may be given.",
)  # fmt: skip
@click.option(
    "--design", type=click.Choice(["one", "sobol"]), default="one", show_default=True,
    help="One parameter at a time, or all together (for report only: no safe range).",
)  # fmt: skip
@click.option("--episodes", type=click.IntRange(1, 100_000), default=20, show_default=True, metavar="N", help="Episodes of each seed at each point.")  # fmt: skip
@click.option("--keep", type=click.FloatRange(0, 1, min_open=True), default=0.8, show_default=True, metavar="SHARE", help="Share of the gain over random actions that a value must keep.")  # fmt: skip
@click.option("--confirm", metavar="ID:HASH8", help="Confirm this start, where automation is each.")
@click.option("--execute", is_flag=True, help="Play it; without this, the plan and its cost are printed.")
@click.option(
    "--study", metavar="TASK/STUDY", help="Whose evidence it is, and who pays [default: the open one of RUN]."
)
@click.option("-o", "--output", type=OUTPUT, metavar="PICTURE", help="Draw it (.png or .svg); - is standard output.")
@FORCE
@AS_JSON
def probe(  # noqa: PLR0913 — one for each option
    run: str,
    parameters: tuple[str, ...],
    design: str,
    episodes: int,
    keep: float,
    output: Path | None,
    *,
    execute: bool,
    confirm: str | None,
    study: str | None,
    force: bool,
    as_json: bool,
) -> None:
    """Say how far RUN's policies carry when parameters of its environment differ; nothing is trained.

    The final policy of each finished seed plays episodes at values around the nominal one, on a list of its own. The safe
    range is the connected values around nominal at which the one-sided lower 95 % t bound over seeds keeps --keep of
    nominal's gain over random actions; values beyond a failing one are no part of it. An environment that refuses a value
    fails there. The exit code is 1 if the policies fail at nominal. What plays is paid for by a study, goes through its launch
    gate, and is kept as its evidence.

    KEY is an argument that the environment's constructor takes: LunarLander-v3 has gravity, CartPole-v1 has none to vary.

    \b
    Example:
      rlx study probe lunarlander -p env.kwargs.gravity=-11.5:-4 --execute -o probe.png
    """
    from rlx.config import find_root
    from rlx.report import check_destination
    from rlx.studies import Consent, parse_parameter, plan_probe, probe_in, study_of_probe, trainer_for

    asked = [parse_parameter(text) for text in parameters]
    if output is not None:
        _check_kind(output)
        check_destination(output, force=force)
    root = find_root()
    plan = plan_probe(root, run, asked, "sobol" if design == "sobol" else "one", (episodes, keep))
    if not execute:
        show_probe_plan(plan, as_json=as_json)
        if output is not None:
            say("Nothing is drawn without --execute.")
        return
    one = study_of_probe(root, run, study)
    found, digest = probe_in(one, trainer_for(one), plan, Consent(execute=True, confirm=confirm), say)
    show_probe(found, output, force=force, as_json=as_json)
    if not as_json:
        tell(f"Kept as evidence of {one.name}: --evidence {digest[:19]}")
    if found.verdict == "fails-at-nominal":
        raise SystemExit(1)


def _keep(found: Reflection, run: str, study: str | None) -> None:
    """Keep a reflection as evidence of the study that it is for, where there is one."""
    from rlx.config import find_root
    from rlx.errors import Missing
    from rlx.studies import keep, study_of_probe

    try:
        one = study_of_probe(find_root(), run, study)
    except Missing:
        if study is not None:
            raise
        return
    with one.locked():
        digest = keep(one, found)
    say(f"kept as evidence of {one.name}: --evidence {digest[:19]}")


def show_probe_plan(plan: ProbePlan, *, as_json: bool) -> None:
    """Print what a probe would play and cost."""
    from dataclasses import asdict

    from rlx.report import probe_plan_grid, probe_plan_lines

    if as_json:
        print_json({"format": 1, **asdict(plan), "steps": plan.steps, "command": plan.command, "executed": False})
        return
    print_grid(probe_plan_grid(plan))
    print_lines(probe_plan_lines(plan))


def show_probe(found: Probe, output: Path | None, *, force: bool, as_json: bool) -> None:
    """Print what came of a probe, and draw it where that is asked for."""
    from rlx.report import STDOUT, delivered, probe_grids, probe_lines, probe_picture, save_figure

    if output is not None:
        suffix = output.suffix or ".png"
        with delivered(output, suffix, force=force) as path:
            save_figure(probe_picture(found), path)
    if as_json:
        print_json(found.model_dump(mode="json"))
    elif output != STDOUT:
        for grid in probe_grids(found):
            print_grid(grid)
            click.echo()
        print_lines(probe_lines(found))
        if output is not None:
            say(f"drawn: {output}")


def _check_kind(output: Path) -> None:
    """Refuse a picture of another kind before anything is played."""
    from rlx.errors import UsageError

    if output != Path("-") and output.suffix not in (".png", ".svg"):
        raise UsageError(f"-o {output}: a picture ends in .png or .svg")


def _deliver(output: Path, found: Reflection) -> None:
    """Write a document as the bytes that its hash is of."""
    from rlx.config import write_bytes
    from rlx.launch import write_bytes_out
    from rlx.report import STDOUT
    from rlx.studies import canonical_json

    content = canonical_json(found)
    if output == STDOUT:
        write_bytes_out(content + b"\n")
    else:
        write_bytes(output, content)


def _is_evidence(path: Path) -> bool:
    """Tell whether a file is evidence already, which rlx wrote: it may be replaced."""
    from rlx.config import read_bytes
    from rlx.errors import DataDamaged
    from rlx.studies import parse_evidence

    try:
        parse_evidence(read_bytes(path))
    except (OSError, ValueError, DataDamaged):
        return False
    return not path.is_symlink()
