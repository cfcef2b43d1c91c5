"""Policies played on held-out episodes: which are asked for, in which episodes, and what they did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rlx import stats
from rlx.config import FinalEvalConfig, find_root, read_parameters
from rlx.errors import NotInProject
from rlx.experiments import find_run
from rlx.records import RunFolder
from rlx.report.checkpoint_references import find_checkpoints
from rlx.report.document import to_json
from rlx.report.played import PlayedPolicy
from rlx.stats import MISSING, Grid, interval, number
from rlx.training import NamedPolicy, Played, kept_episodes, play_policies

EPISODE_COLUMNS = ("checkpoint", "seed", "step", "episode", "reset_seed", "return", "length", "success", "cut")


def asked_policies(
    references: Sequence[str], chosen: Mapping[str, Any]
) -> tuple[Path, list[NamedPolicy], FinalEvalConfig]:
    """Return the project (outside of one: the current folder), the policies asked for, and the episodes.

    The episodes are those by which the policies' run is judged; of several runs that are judged by different ones, and of
    plain files, those of ``params.yaml``.

    Args:
        references: What was typed: checkpoint files, ``RUN:latest`` and the like.
        chosen: ``episodes``, ``seed`` and ``stochastic``, as far as they were said.

    Raises:
        Missing: There is no such run or checkpoint.
        NotInProject: A reference names a run, and this is no project.
    """
    try:
        root = find_root()
        protocol = read_parameters(root).final_eval
    except NotInProject:
        root, protocol = Path.cwd(), FinalEvalConfig()
    policies = _policies_of(root, references)
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


def _policies_of(root: Path, references: Sequence[str]) -> list[NamedPolicy]:
    """Return the policies that references name, each once."""
    found = []
    for reference in dict.fromkeys(references):
        if not reference.endswith(".zip"):
            try:
                find_root()
            except NotInProject as error:
                raise NotInProject(f"{error}; outside of one, name checkpoint files") from None
        found += find_checkpoints(root, reference)
    return found


def known_or_played(
    root: Path, policies: list[NamedPolicy], protocol: FinalEvalConfig, say: Callable[[str], None]
) -> list[Played]:
    """Return what the policies did in the held-out episodes: as the eval stage wrote it down, else played now."""
    found: list[Played] = []
    for policy in policies:
        run = policy.label.rpartition(":")[0] or policy.label.partition("#")[0]
        folder = find_run(root, run).path / "eval" if policy.run else None
        known = kept_episodes(folder, policy, protocol.model_dump()) if folder else None
        if known is None or policy.seed is None:
            break
        found.append(Played(policy, "", policy.seed, 0, known, reports_success=False))
    return found if len(found) == len(policies) else play_policies(root, policies, protocol, say)


def episode_rows(played: Sequence[PlayedPolicy]) -> list[dict[str, Any]]:
    """Return the policies' episodes as rows of :data:`EPISODE_COLUMNS`."""
    return [
        head | row
        for item in played
        for head in [to_json(replace(item, episodes=()))]  # without what comes row by row
        for row in to_json(item.episodes)
    ]


def played_grid(played: Sequence[PlayedPolicy], protocol: FinalEvalConfig) -> Grid:
    """Return what policies scored, a row each."""
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


def over_seeds(played: Sequence[PlayedPolicy]) -> list[str]:
    """Say what each reference with several seeds scores: the mean over seeds, with its interval."""
    lines = []
    for label in dict.fromkeys(item.checkpoint for item in played):
        means = [item.return_mean for item in played if item.checkpoint == label]
        if len(means) > 1:
            found = stats.mean_with_interval(np.array(means))
            lines.append(
                f"{label}: mean return {number(found.mean)} {interval(found.interval)} over {len(means)} seeds"
            )
    return lines
