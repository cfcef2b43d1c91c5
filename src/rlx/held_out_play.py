"""Playing the held-out episodes of a run, by whoever has the policy in its own process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from rlx import checkpoints, results, watch
from rlx.actors import PolicyActor, RandomActor, StillActor, load_actor
from rlx.algorithms import prepare_fast
from rlx.config.schema import FinalEvalConfig
from rlx.config.snapshot import Snapshot
from rlx.envs import make_env, own_registrations
from rlx.episodes import Episode, EpisodesPlayed
from rlx.evaluation import SLOTS, Stepper, play, stepper_for, untouched_generators
from rlx.project_code import check_unchanged
from rlx.reset_seeds import held_out_seeds
from rlx.surroundings import preserved
from rlx.vector_envs.native import is_plain


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


def evaluate_seed(
    root: Path,
    snapshot: Snapshot,
    protocol: FinalEvalConfig,
    folder: Path | Literal["still"] | None,
    emit: Callable[[Any], None],
) -> dict[str, Any]:
    """Evaluate both policies of one seed, or the random policy, or one that does nothing.

    Args:
        root: The project.
        snapshot: The run's effective configuration.
        protocol: The episodes.
        folder: The seed's checkpoints; None: random actions; ``still``: continuous actions of 0.
        emit: Told signs of life.

    Returns:
        By checkpoint: its ``episodes``, the hash of the ``policy``, its ``step`` and ``validation`` return, and whether its
        environment ``reports_success``.
    """
    check_unchanged(root, snapshot.code.everything)
    own_registrations(root)
    if is_plain(snapshot.config.env):
        prepare_fast(emit)

    def report(played: EpisodesPlayed) -> None:
        who = folder.name.replace("_", " ") if isinstance(folder, Path) else f"{folder or 'random'} actions"
        emit((who, played))

    if not isinstance(folder, Path):
        stepper = stepper_for(snapshot.config)
        untrained = RandomActor() if folder is None else StillActor()
        episodes = play_with(stepper, snapshot, protocol, untrained, report=report)
        stepper.close()
        return {folder or results.RANDOM: {"episodes": episodes, "reports_success": False}}
    found: dict[str, Any] = {}
    with preserved():
        probe = make_env(snapshot.config.env)
    stepper = stepper_for(snapshot.config, probe)
    for name in results.CHECKPOINTS:
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
