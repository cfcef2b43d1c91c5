"""The held-out evaluation of a run: every seed's ``latest`` and ``best`` on the same fixed episodes, in parallel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

import rlx
from rlx.config import HARDLY, FinalEvalConfig, Snapshot, step_timeout
from rlx.envs import Episode, counted, reports_success
from rlx.errors import TrainingFailed
from rlx.launch import EpisodeProgress, Failure, run_parallel
from rlx.records import results, snapshot_hash
from rlx.stats import interval, number

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
    tasks[RANDOM_TASK] = (root, snapshot, protocol, results.RANDOM)
    patience = step_timeout(root, snapshot.config.env, run)

    def played(tasks: Mapping[int, tuple[Any, ...]]) -> dict[int, Any]:
        with EpisodeProgress(run, say) as progress:
            portable = snapshot.config.portable
            return run_parallel(_evaluate, tasks, progress.event, step_timeout=patience, portable=portable)

    found = played(tasks)
    failures = {task: outcome for task, outcome in found.items() if isinstance(outcome, Failure)}
    if failures:
        who = {task: "the random policy" if task == RANDOM_TASK else f"seed {task}" for task in failures}
        raise TrainingFailed(
            "\n".join(f"{run}: {who[task]} could not be evaluated: {f.message}" for task, f in failures.items())
        )
    _count_successes(found)
    still = None
    if efforts := _hardly_acting(found, snapshot.seeds):
        idle = played({RANDOM_TASK: (root, snapshot, protocol, results.STILL)})[RANDOM_TASK]
        if not isinstance(idle, Failure):  # an environment that fails when nothing is done fails no run
            returns = [episode.episode_return for episode in idle[results.STILL]["episodes"]]
            still = results.Still(float(np.mean(returns)), efforts)
    rows: list[dict[str, Any]] = []
    for name in results.CHECKPOINTS:
        rows += [_row(seed, name, episode) for seed in snapshot.seeds for episode in found[seed][name]["episodes"]]
    rows += [_row(None, results.RANDOM, episode) for episode in found[RANDOM_TASK][results.RANDOM]["episodes"]]
    table = results.episodes_table(rows)
    scores = {}
    for name in results.CHECKPOINTS:
        policies = {seed: found[seed][name]["policy"] for seed in snapshot.seeds}
        steps = {seed: found[seed][name]["step"] for seed in snapshot.seeds}
        validation = {seed: found[seed][name]["validation"] for seed in snapshot.seeds if name == "best"}
        scores[name] = results.score_of(table[table["checkpoint"] == name], policies, steps, validation)
    random_return = float(
        np.mean([episode.episode_return for episode in found[RANDOM_TASK][results.RANDOM]["episodes"]])
    )
    task = task_of(snapshot, protocol)
    results.write_episodes(folder / "eval", table)
    summary = results.Summary(task, scores, random_return, still)
    results.write_summary(folder / "eval", summary, snapshot_hash(folder))
    for name, score in scores.items():
        estimate = score.estimate
        shown = f" {interval(estimate.interval)}" if estimate.interval else ""
        say(
            f"{run}: {name} scores {number(estimate.mean)}{shown} over {estimate.n} seed{'s' * (estimate.n != 1)} "
            f"(random: {number(random_return)})"
        )
    cut = int(table["cut"].sum())
    if cut:
        say(f"{run}: {cut} episodes hit final_eval.step_limit = {protocol.step_limit} and were cut there")
    return summary


def _hardly_acting(found: Mapping[int, Any], seeds: Sequence[int]) -> dict[int, float] | None:
    """Return the mean size of each seed's final policy's actions, where half of the seeds hardly act; else None."""
    efforts = {seed: [episode.effort for episode in found[seed]["latest"]["episodes"]] for seed in seeds}
    if any(effort is None for each in efforts.values() for effort in each):
        return None
    means = {seed: float(np.mean(each)) for seed, each in efforts.items()}
    return means if 2 * sum(mean < HARDLY for mean in means.values()) >= len(means) else None


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


def _evaluate(
    root: Path, snapshot: Snapshot, protocol: FinalEvalConfig, who: Path | str, emit: Callable[[Any], None]
) -> dict[str, Any]:
    """Evaluate one seed in a worker process; see :func:`rlx.training.held_out_play.evaluate_seed`."""
    from rlx.training.held_out_play import evaluate_seed  # torch takes seconds to import, and who asks does not play

    return evaluate_seed(root, snapshot, protocol, who, emit)


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
        **{f"{results.PART}{name}": value for name, value in facts["parts"].items()},
    }
