"""Playing the held-out episodes of a run, by whoever has the policy in its own process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rlx.algorithms import prepare_kernels
from rlx.config import FinalEvalConfig, Snapshot, check_unchanged
from rlx.envs import (
    Episode,
    EpisodesPlayed,
    Places,
    held_out_seeds,
    is_plain,
    make_env,
    own_registrations,
    places_for,
    preserved,
)
from rlx.launch import flushed_denormals, watch
from rlx.records import checkpoints, results
from rlx.training.actors import Player, PolicyPlayer, RandomPlayer, StillPlayer, load_player
from rlx.training.evaluation import play, untouched_generators

UNTRAINED: dict[str, Callable[[], Player]] = {results.RANDOM: RandomPlayer, results.STILL: StillPlayer}
"""Who plays without having been trained."""


def play_held_out(
    root: Path, snapshot: Snapshot, protocol: FinalEvalConfig, actor: Any, only: list[int] | None = None
) -> list[Episode]:
    """Play the held-out episodes (or only some of them; with deterministic actions they come out the same) with one actor."""
    own_registrations(root)
    places = places_for(snapshot.config)
    try:
        return play_with(places, protocol, actor, only)
    finally:
        places.close()


def play_with(
    places: Places,
    protocol: FinalEvalConfig,
    actor: Any,
    only: list[int] | None = None,
    report: Callable[[EpisodesPlayed], None] = lambda _: None,
) -> list[Episode]:
    """Play the held-out episodes as :func:`play_held_out` does, in environments that stay open for the next actor."""
    seeds = held_out_seeds(protocol.episodes, protocol.seed)
    with untouched_generators(protocol.seed), flushed_denormals(), watch.doing(watch.Activity.EVALUATION):
        places.reseed(protocol.seed)
        found = _at_once(actor, seeds, protocol) if only is None else None
        return play(actor, places, seeds, protocol.step_limit, only, report) if found is None else found


def _at_once(actor: Player, seeds: Sequence[int], protocol: FinalEvalConfig) -> list[Episode] | None:
    """Play all episodes at once, where that is possible."""
    played = actor.at_once(seeds) if isinstance(actor, PolicyPlayer) else None
    if played is None or played.limit > protocol.step_limit:
        return None
    efforts = [None] * len(seeds) if played.efforts_N is None else played.efforts_N.tolist()
    told = zip(seeds, played.returns_N.tolist(), played.lengths_N.tolist(), efforts, strict=True)
    return [
        Episode(index, seed, total, length, None, cut=False, effort=effort)
        for index, (seed, total, length, effort) in enumerate(told)
    ]


def evaluate_seed(
    root: Path,
    snapshot: Snapshot,
    protocol: FinalEvalConfig,
    who: Path | str,
    emit: Callable[[Any], None],
) -> dict[str, Any]:
    """Evaluate both policies of one seed, or the random policy, or one that does nothing.

    Args:
        root: The project.
        snapshot: The run's effective configuration.
        protocol: The episodes.
        who: The folder of the seed's checkpoints, or a key of :data:`UNTRAINED`.
        emit: Told signs of life.

    Returns:
        By checkpoint: its ``episodes``, the hash of the ``policy``, its ``step`` and ``validation`` return, and whether its
        environment ``reports_success``.
    """
    check_unchanged(root, snapshot.code.everything)
    own_registrations(root)

    def report(played: EpisodesPlayed) -> None:
        emit((who.name.replace("_", " ") if isinstance(who, Path) else f"{who} actions", played))

    if not isinstance(who, Path):
        if is_plain(snapshot.config.env):
            prepare_kernels(emit)
        places = places_for(snapshot.config)
        episodes = play_with(places, protocol, UNTRAINED[who](), report=report)
        places.close()
        return {who: {"episodes": episodes, "reports_success": False}}
    found: dict[str, Any] = {}
    with preserved():
        probe = make_env(snapshot.config.env)
    places = places_for(snapshot.config, probe)
    for name in results.CHECKPOINTS:
        checkpoint = checkpoints.load(who / f"{name}.zip")
        policy = checkpoints.weights_hash(checkpoint)
        same = next((entry for entry in found.values() if entry["policy"] == policy), None)
        actor = load_player(
            root, snapshot.config, checkpoint, probe, deterministic=protocol.deterministic, seed=protocol.seed, say=emit
        )
        best = checkpoint.state.best
        found[name] = {
            "policy": policy,
            "step": checkpoint.state.step,
            "reports_success": checkpoint.state.reports_success,
            "validation": best.validation_return if best else None,
            "episodes": same["episodes"] if same else play_with(places, protocol, actor, report=report),
        }
    places.close()
    return found
