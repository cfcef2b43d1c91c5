"""A seed trained again from scratch, apart from everything that the project keeps: for whoever compares bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rlx.config import Snapshot, step_timeout
from rlx.errors import TrainingFailed
from rlx.launch import LOCAL, Failure, Terms, carry_out
from rlx.records import Entry
from rlx.training.executor_choice import executor_named, terms_of
from rlx.training.seed_task import training_task


def retrain_seed(  # noqa: PLR0913
    root: Path, snapshot: Snapshot, seed: int, folder: Path, on_event: Callable[[Any], None], title: str
) -> dict[str, Any]:
    """Train one seed on this machine in a folder of its own; nothing of the project's bench is read or changed.

    Args:
        root: The project whose code it uses.
        snapshot: The effective configuration.
        seed: The training seed.
        folder: Where checkpoints, metrics and logs are put, as in a bench folder; it is made.
        on_event: Called with lines for people and with :class:`rlx.launch.Progress`.
        title: What it is for, where that is shown.

    Returns:
        What ``done.json`` says: the engine, the steps, the final state.

    Raises:
        TrainingFailed: It did not finish; the message says why.
        ConfigError: The project's code is another than the snapshot was made from.
    """
    entry, patience = Entry(folder, seed), step_timeout(root, snapshot.config.env)
    terms = terms_of(root, LOCAL, Terms(1, patience, on_event, snapshot.config.portable), title)
    outcomes: list[Any] = []
    executor = executor_named(LOCAL).start(terms)
    task = training_task(root, snapshot, entry, patience)
    carry_out(executor, [task], on_event, lambda _, outcome: outcomes.append(outcome))
    if isinstance(outcomes[0], Failure):
        raise TrainingFailed(outcomes[0].message)
    done: dict[str, Any] = outcomes[0]
    return done
