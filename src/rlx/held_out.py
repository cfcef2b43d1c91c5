"""The held-out evaluation of a run: every seed's ``latest`` and ``best`` on the same fixed episodes, in parallel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

import rlx
from rlx import checkpoints, results, watch
from rlx.actors import PolicyActor, RandomActor, load_actor
from rlx.algorithms import prepare_fast
from rlx.config.schema import FinalEvalConfig
from rlx.config.snapshot import Snapshot
from rlx.config.time_limits import step_timeout
from rlx.elsewhere import snapshot_hash
from rlx.envs import make_env, own_registrations
from rlx.errors import TrainingFailed
from rlx.evaluation import SLOTS, Episode, EpisodesPlayed, Stepper, play, stepper_for, untouched_generators
from rlx.progress import EpisodeProgress
from rlx.project_code import check_unchanged
from rlx.reset_seeds import held_out_seeds
from rlx.success import counted, reports_success
from rlx.surroundings import preserved
from rlx.vector_envs.native import is_plain
from rlx.wording import interval, number
from rlx.workers import Failure, run_parallel

CHECKPOINTS = ("latest", "best")
RANDOM_TASK = -1


def evaluate_run(
    root: Path, run: str, snapshot: Snapshot, protocol: FinalEvalConfig, say: Callable[[str], None]
) -> results.Summary:
    """Play the held-out episodes with every policy of a run and with random actions; write ``runs/<run>/eval/``.

    Args:
        root: The project.
        run: The run's name; its checkpoints are in ``runs/<run>/checkpoints``.
        snapshot: Its effective configuration.
        protocol: The episodes.
        say: Called with a line per policy.

    Raises:
        TrainingFailed: A policy could not be evaluated; the message says which and why.
    """
    folder = root / "runs" / run
    tasks: dict[int, tuple[Any, ...]] = {
        seed: (root, snapshot, protocol, folder / "checkpoints" / f"seed_{seed}") for seed in snapshot.seeds
    }
    tasks[RANDOM_TASK] = (root, snapshot, protocol, None)
    patience = step_timeout(root, snapshot.config.env, run)
    with EpisodeProgress(run, say) as progress:
        found = run_parallel(_evaluate, tasks, progress.event, step_timeout=patience)
    failures = {task: outcome for task, outcome in found.items() if isinstance(outcome, Failure)}
    if failures:
        who = {task: "the random policy" if task == RANDOM_TASK else f"seed {task}" for task in failures}
        raise TrainingFailed(
            "\n".join(f"{run}: {who[task]} could not be evaluated: {f.message}" for task, f in failures.items())
        )
    _count_successes(found)
    rows: list[dict[str, Any]] = []
    for name in CHECKPOINTS:
        rows += [_row(seed, name, episode) for seed in snapshot.seeds for episode in found[seed][name]["episodes"]]
    rows += [_row(None, results.RANDOM, episode) for episode in found[RANDOM_TASK][results.RANDOM]["episodes"]]
    table = results.episodes_table(rows)
    scores = {}
    for name in CHECKPOINTS:
        policies = {seed: found[seed][name]["policy"] for seed in snapshot.seeds}
        steps = {seed: found[seed][name]["step"] for seed in snapshot.seeds}
        validation = {seed: found[seed][name]["validation"] for seed in snapshot.seeds if name == "best"}
        scores[name] = results.score_of(table[table["checkpoint"] == name], policies, steps, validation)
    random_return = float(
        np.mean([episode.episode_return for episode in found[RANDOM_TASK][results.RANDOM]["episodes"]])
    )
    task = task_of(snapshot, protocol)
    results.write_episodes(folder / "eval", table)
    results.write_summary(folder / "eval", task, scores, random_return, snapshot_hash(folder))
    for name, score in scores.items():
        estimate = score.estimate
        shown = f" {interval(estimate.interval)}" if estimate.interval else ""
        say(
            f"{run}: {name} scores {number(estimate.mean)}{shown} over {estimate.n} seeds "
            f"(random: {number(random_return)})"
        )
    cut = int(table["cut"].sum())
    if cut:
        say(f"{run}: {cut} episodes hit final_eval.step_limit = {protocol.step_limit} and were cut there")
    return results.Summary(task, scores, random_return)


def _count_successes(found: dict[int, dict[str, Any]]) -> None:
    """Count silence about success as failure, where the environment speaks of it anywhere in the run."""
    played = [entry for entries in found.values() for entry in entries.values()]
    reported = any(entry["reports_success"] for entry in played) or reports_success(
        episode.success for entry in played for episode in entry["episodes"]
    )
    for entry in played:
        entry["episodes"] = [replace(e, success=counted(e.success, reported=reported)) for e in entry["episodes"]]


def task_of(snapshot: Snapshot, protocol: FinalEvalConfig) -> dict[str, Any]:
    """Return what a score measures; only scores of equal tasks can be compared."""
    env = snapshot.config.env
    return {
        "environment": env.id,
        "environment_kwargs": env.kwargs,
        "wrappers": env.wrappers,
        "registration": snapshot.code.registration,
        "environment_code": {path: digest for path, digest in snapshot.code.files.items() if path.startswith("envs/")},
        **({"environment_data": snapshot.code.data} if snapshot.code.data else {}),
        "protocol": protocol.model_dump(),
        "training_version": rlx.STAGE_VERSIONS["train"],
        "evaluation_version": rlx.STAGE_VERSIONS["eval"],
    }


def play_held_out(
    root: Path, snapshot: Snapshot, protocol: FinalEvalConfig, actor: Any, only: list[int] | None = None
) -> list[Episode]:
    """Play the held-out episodes (or only some of them; with deterministic actions they come out the same) with one actor."""
    own_registrations(root)
    stepper = stepper_for(snapshot.config)
    try:
        return play_with(stepper, snapshot, protocol, actor, only)
    finally:
        stepper.close()


def play_with(  # noqa: PLR0913
    stepper: Stepper,
    snapshot: Snapshot,
    protocol: FinalEvalConfig,
    actor: Any,
    only: list[int] | None = None,
    report: Callable[[EpisodesPlayed], None] = lambda _: None,
) -> list[Episode]:
    """Play the held-out episodes as :func:`play_held_out` does, in environments that stay open for the next actor."""
    seeds = held_out_seeds(protocol.episodes, protocol.seed)
    with untouched_generators(protocol.seed), watch.doing(watch.Activity.EVALUATION):
        stepper.reseed(protocol.seed)
        if isinstance(actor, PolicyActor) and snapshot.config.algo.use_sde:
            actor.policy.reset_noise(SLOTS)  # drawn from the protocol's seed, with the trained log_std
        return play(actor, stepper, seeds, protocol.step_limit, only, report)


def _evaluate(
    root: Path, snapshot: Snapshot, protocol: FinalEvalConfig, folder: Path | None, emit: Callable[[Any], None]
) -> dict[str, Any]:
    """Evaluate both policies of one seed (or the random policy), in a worker process."""
    check_unchanged(root, snapshot.code.everything)
    own_registrations(root)
    if is_plain(snapshot.config.env):
        prepare_fast(emit)

    def report(played: EpisodesPlayed) -> None:
        emit(("random actions" if folder is None else folder.name.replace("_", " "), played))

    if folder is None:
        stepper = stepper_for(snapshot.config)
        episodes = play_with(stepper, snapshot, protocol, RandomActor(), report=report)
        stepper.close()
        return {results.RANDOM: {"episodes": episodes, "reports_success": False}}
    found: dict[str, Any] = {}
    with preserved():
        probe = make_env(snapshot.config.env)
    stepper = stepper_for(snapshot.config, probe)
    for name in CHECKPOINTS:
        checkpoint = checkpoints.load(folder / f"{name}.zip")
        policy = checkpoints.weights_hash(checkpoint)
        same = next((entry for entry in found.values() if entry["policy"] == policy), None)
        actor = load_actor(root, snapshot.config, checkpoint, probe, deterministic=protocol.deterministic)
        best = checkpoint.state.best
        found[name] = {
            "policy": policy,
            "step": checkpoint.state.step,
            "reports_success": checkpoint.state.reports_success,
            "validation": best.validation_return if best else None,
            "episodes": same["episodes"] if same else play_with(stepper, snapshot, protocol, actor, report=report),
        }
    stepper.close()
    return found


def _row(seed: int | None, checkpoint: str, episode: Episode) -> dict[str, Any]:
    facts = asdict(episode)
    return {
        "seed": seed,
        "checkpoint": checkpoint,
        "episode": facts["index"],
        "reset_seed": facts["reset_seed"],
        "return": facts["episode_return"],
        "length": facts["length"],
        "success": facts["success"],
        "cut": facts["cut"],
    }
