"""Evaluating and filming any checkpoint, by the configuration that it carries itself."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlx.config import (
    MOST_TABLE_BYTES,
    FinalEvalConfig,
    RunConfig,
    Snapshot,
    carried_snapshot,
    compose_run,
    is_component,
    is_unchanged,
    read_text,
    step_timeout,
)
from rlx.envs import Episode, counted, make_env, own_registrations, places_for, preserved, reports_success
from rlx.errors import ConfigError, TrainingFailed
from rlx.launch import STEP_TIMEOUT, EpisodeProgress, Failure, Terminal, run_parallel
from rlx.records import PART, Checkpoint, checkpoints
from rlx.training.actors import load_player
from rlx.training.held_out_play import play_with


@dataclass(frozen=True)
class NamedPolicy:
    """A policy to play.

    Attributes:
        label: What a person called it: ``cartpole:best``.
        run: The run it is of; None for a file.
        name: Which checkpoint of it: ``best``.
        seed: Its training seed; None where only the file knows.
        path: The checkpoint.
    """

    label: str
    run: str | None
    name: str
    seed: int | None
    path: Path


@dataclass(frozen=True)
class Played:
    """What a policy did.

    Attributes:
        policy: Which.
        environment: Where.
        seed: Its training seed.
        step: Environment steps it was trained for.
        episodes: Every episode.
        reports_success: Whether the environment reported success in the policy's training.
    """

    policy: NamedPolicy
    environment: str
    seed: int
    step: int
    episodes: list[Episode]
    reports_success: bool


def play_policies(
    root: Path, policies: Sequence[NamedPolicy], protocol: FinalEvalConfig, say: Callable[[str], None]
) -> list[Played]:
    """Play the held-out episodes of a protocol with each policy, in parallel.

    Raises:
        CheckpointDamaged: A file is no checkpoint, or damaged.
        DataDamaged: The configuration that it carries is.
        Missing: It is not there.
        TrainingFailed: A policy could not be played; the message says which and why.
    """
    configs = [_carried_config(policy) for policy in policies]
    told = zip(policies, configs, strict=True)
    patience = max((step_timeout(root, config.env, policy.run) for policy, config in told), default=STEP_TIMEOUT)
    found: dict[int, Any] = {}
    with EpisodeProgress("", say, Terminal(stderr=True)) as progress:
        for portable in (False, True):  # libraries choose their code once for a process
            indices = [i for i, config in enumerate(configs) if config.portable is portable]
            tasks = {index: (root, policies[index], protocol) for index in indices}
            if tasks:
                found |= run_parallel(_play, tasks, progress.event, step_timeout=patience, portable=portable)
    labels = {
        i: "" if f.message.startswith(policies[i].label) else f"{policies[i].label}: "
        for i, f in found.items()
        if isinstance(f, Failure)
    }
    failed = [f"{label}{found[i].message}" for i, label in sorted(labels.items())]
    if failed:
        raise TrainingFailed("\n".join(dict.fromkeys(failed)))
    played: list[Played] = [found[index] for index in range(len(policies))]
    return [_with_successes(item, [other for other in played if _same_run(item, other)]) for item in played]


def _carried_config(policy: NamedPolicy) -> RunConfig:
    """Return the configuration that a policy carries."""
    return carried_snapshot(checkpoints.load(policy.path).config, policy.path).config


def _same_run(one: Played, other: Played) -> bool:
    return (one.policy.run, one.environment) == (other.policy.run, other.environment)


def _with_successes(item: Played, run: Sequence[Played]) -> Played:
    """Count silence about success as failure, where the environment speaks of it anywhere in the run."""
    reported = any(each.reports_success or reports_success(e.success for e in each.episodes) for each in run)
    episodes = [replace(e, success=counted(e.success, reported=reported)) for e in item.episodes]
    return replace(item, episodes=episodes)


def _play(root: Path, policy: NamedPolicy, protocol: FinalEvalConfig, emit: Callable[[Any], None]) -> Played:
    checkpoint, snapshot = open_policy(root, policy)
    with preserved():
        probe = make_env(snapshot.config.env)
    actor = load_player(
        root, snapshot.config, checkpoint, probe, deterministic=protocol.deterministic, seed=protocol.seed, say=emit
    )
    places = places_for(snapshot.config, probe)
    name = f"{policy.label} seed {checkpoint.state.seed}"
    episodes = play_with(places, protocol, actor, report=lambda played: emit((name, played)))
    places.close()
    return Played(
        policy,
        snapshot.config.env.id,
        checkpoint.state.seed,
        checkpoint.state.step,
        episodes,
        checkpoint.state.reports_success,
    )


def open_policy(root: Path, policy: NamedPolicy) -> tuple[Checkpoint, Snapshot]:
    """Load a checkpoint with the configuration that it carries, and check that both can be used here.

    Raises:
        CheckpointDamaged: It is none, or damaged.
        ConfigError: Project code it was trained with has changed, or a file from elsewhere names code of its own.
    """
    checkpoint = checkpoints.load(policy.path)
    snapshot = carried_snapshot(checkpoint.config, policy.path)
    if policy.run is None:
        _check_foreign(root, policy.path, snapshot)
    for name, digest in snapshot.code.everything.items():
        if not is_unchanged(root / name, digest):
            raise ConfigError(
                f"{policy.label}: was trained with another {name} than the project has now, so it would be played in another "
                f"world; check out the commit that `rlx info` names, or bring that file back"
            )
    own_registrations(root)
    return checkpoint, snapshot


def _check_foreign(root: Path, path: Path, snapshot: Snapshot) -> None:
    """Refuse a file whose configuration would import or call what only the file names: a checkpoint runs no code."""
    env = snapshot.config.env
    if not (env.wrappers or env.kwargs or ":" in env.id):
        return
    for config in sorted((root / "configs").glob("*.yaml")):
        try:
            if compose_run(root, config.stem).config.env.is_same(env):
                return
        except ConfigError:
            continue
    raise ConfigError(
        f"{path}: its environment has wrappers, arguments or a module that no config of this project has, and a file may not "
        f"choose what code runs here. If you trust it, write a config with the same `env` section into configs/ first"
    )


def kept_episodes(folder: Path, policy: NamedPolicy, protocol: dict[str, Any]) -> list[Episode] | None:
    """Return the episodes that the eval stage played with a policy, where it did under this protocol; else None.

    Args:
        folder: The run's ``eval`` folder.
        policy: The policy.
        protocol: The protocol as plain values, as ``summary.json`` has it.
    """
    from rlx.records import read_summary

    try:
        summary = read_summary(folder)
        if dict(summary.task["protocol"]) != protocol or policy.name not in summary.scores:
            return None
        text = read_text(folder / "episodes.csv", MOST_TABLE_BYTES)
        rows = [
            row
            for row in csv.DictReader(io.StringIO(text, newline=""))
            if (row["checkpoint"], row["seed"]) == (policy.name, str(policy.seed))
        ]
        if len(rows) != protocol["episodes"]:
            return None  # cut
        if not all(math.isfinite(float(row["return"])) for row in rows):
            return None
        return [
            Episode(
                int(row["episode"]),
                int(row["reset_seed"]),
                float(row["return"]),
                int(row["length"]),
                {"True": True, "False": False}.get(row["success"]),
                row["cut"] == "True",
                parts={
                    name.removeprefix(PART): float(value) for name, value in row.items() if is_component(name) and value
                },
            )
            for row in rows
        ] or None
    except Exception:  # noqa: BLE001 — damaged results are played anew
        return None
