"""`rlx eval`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rlx.cli.common import AS_CSV, AS_JSON, AS_MARKDOWN, CHECKPOINT, print_csv, print_grid, print_json, say, tell

if TYPE_CHECKING:
    from rlx.config import FinalEvalConfig
    from rlx.report import Grid, PlayedPolicy
    from rlx.training import Policy


@click.command("eval")
@click.argument("checkpoints", nargs=-1, required=True, metavar="CHECKPOINT...", type=CHECKPOINT)
@click.option(
    "--episodes", type=click.IntRange(1, 100_000), metavar="N", help="How many episodes [default: final_eval]."
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), metavar="S", help="Another list of held-out episodes.")
@click.option("--stochastic", is_flag=True, help="Sample actions instead of taking the most likely one.")
@AS_JSON
@AS_CSV
@AS_MARKDOWN
def command(checkpoints: tuple[str, ...], *, as_json: bool, as_csv: bool, as_markdown: bool, **chosen: Any) -> None:
    """Evaluate checkpoints on held-out episodes.

    CHECKPOINT is a file, or RUN:latest, RUN:best or RUN:step_50000 (of every seed), with #SEED for one seed. The episodes
    are those behind every reported score of the run (final_eval), unless told otherwise; the answer is the same every time.

    \b
    Example:
      rlx eval cartpole:best cartpole_001:best#101 --episodes 200
    """
    from rlx.report import evaluated, to_json
    from rlx.training import play_policies

    root, policies, protocol = asked_for(checkpoints, chosen)
    found = evaluated(play_policies(root, policies, protocol, say), protocol)
    played = found.policies
    if as_json:
        print_json(found)
    elif as_csv:
        rows = [to_json(item) | row for item in played for row in to_json(item.episodes)]
        print_csv(_COLUMNS, rows)
    elif as_markdown:
        click.echo(_grid(played, protocol).to_markdown())
    else:
        print_grid(_grid(played, protocol))
        for line in _over_seeds(played):
            tell(line)


_COLUMNS = ("checkpoint", "seed", "step", "episode", "reset_seed", "return", "length", "success", "cut")


def asked_for(references: Sequence[str], chosen: dict[str, Any]) -> tuple[Path, list[Policy], FinalEvalConfig]:
    """Return the project (outside of one: the current folder), the policies asked for, and the episodes.

    The episodes are those by which the policies' run is judged; of several runs that are judged by different ones, and of
    plain files, those of ``params.yaml``.
    """
    from rlx.config import FinalEvalConfig, find_root, read_parameters
    from rlx.errors import NotInProject
    from rlx.records import RunFolder

    try:
        root = find_root()
        protocol = read_parameters(root).final_eval
    except NotInProject:
        root, protocol = Path.cwd(), FinalEvalConfig()
    policies = policies_of(root, references)
    folders = [policy.path.parents[2:4] if policy.run else () for policy in policies]  # finished, or on the bench
    judgings = [next((found for folder in each if (found := RunFolder(folder).judging)), None) for each in folders]
    if judgings and judgings[0] and all(found and found.final_eval == judgings[0].final_eval for found in judgings):
        protocol = judgings[0].final_eval
    changes = {key: chosen[key] for key in ("episodes", "seed") if chosen.get(key) is not None}
    return (
        root,
        policies,
        protocol.model_copy(update=changes | ({"deterministic": False} if chosen.get("stochastic") else {})),
    )


def policies_of(root: Path, references: Sequence[str]) -> list[Policy]:
    """Return the policies that references name, each once."""
    from rlx.config import find_root
    from rlx.errors import NotInProject
    from rlx.report import find_checkpoints

    found = []
    for reference in dict.fromkeys(references):
        if not reference.endswith(".zip"):
            try:
                find_root()
            except NotInProject as error:
                raise NotInProject(f"{error}; outside of one, name checkpoint files") from None
        found += find_checkpoints(root, reference)
    return found


def _grid(played: Sequence[PlayedPolicy], protocol: FinalEvalConfig) -> Grid:
    from rlx.report import Grid
    from rlx.stats import MISSING, number

    head = ["checkpoint", "seed", "step", "mean return", "sd", "min", "max"]
    rows = [
        [
            row.checkpoint.partition("#")[0],
            str(row.seed),
            f"{row.step:,}",
            *(
                MISSING if value is None else number(value)
                for value in (row.return_mean, row.return_std, row.return_min, row.return_max)
            ),
        ]
        for row in played
    ]
    if any(row.success_rate is not None for row in played):
        head.append("success")
        for cells, row in zip(rows, played, strict=True):
            cells.append(MISSING if row.success_rate is None else f"{100 * row.success_rate:.0f} %")
    how = "most likely actions" if protocol.deterministic else "sampled actions"
    where = ", ".join(dict.fromkeys(item.environment for item in played))
    cut = sum(row.cut for row in played)
    note = "sd, min and max: over episodes." + (
        f" {cut} episodes were cut at {protocol.step_limit} steps." if cut else ""
    )
    title = f"{protocol.episodes} held-out episodes each (list {protocol.seed}) of {where}, {how}"
    return Grid(title, head, rows, note)


def _over_seeds(played: Sequence[PlayedPolicy]) -> list[str]:
    """Say what each reference with several seeds scores: the mean over seeds, with its interval."""
    import numpy as np

    from rlx import stats
    from rlx.stats import interval, number

    lines = []
    for label in dict.fromkeys(item.checkpoint for item in played):
        means = [item.return_mean for item in played if item.checkpoint == label]
        if len(means) > 1:
            found = stats.mean_with_interval(np.array(means))
            lines.append(
                f"{label}: mean return {number(found.mean)} {interval(found.interval)} over {len(means)} seeds"
            )
    return lines
