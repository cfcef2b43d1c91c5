"""`rlx rm`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from rlx.cli.common import RUN, say, tell

if TYPE_CHECKING:
    from pathlib import Path


@click.command("rm")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=RUN)
@click.option("--force", is_flag=True, help="Also experiments that are evidence of a study.")
def command(runs: tuple[str, ...], *, force: bool) -> None:
    """Drop experiments and their folders; what was said about them stays.

    Kept experiments stay in Git until it cleans up; the command that brings one back is printed. Experiments that were
    stopped or have failed are deleted for good. Runs of the study are not touched, nor files of your own.

    \b
    Example:
      rlx rm cartpole_001
    """
    from rlx.config import find_root
    from rlx.errors import UsageError
    from rlx.experiments import droppable, give_up, is_ours, remove, remove_folder
    from rlx.records import labels_path

    root = find_root()
    if not force and (evidence := sorted(_of_studies(root, runs))):
        raise UsageError(
            f"{', '.join(evidence[:5])}{' …' * (len(evidence) > 5)}: evidence of a study, whose audit fails without; `--force` drops "
            "it all the same"
        )
    # all of them are looked at before any is dropped
    kept = {name: droppable(root, name) for name in dict.fromkeys(runs)}
    for name, experiments in kept.items():
        folder = root / "runs" / name
        ours = is_ours(root, name)
        if ours and not experiments:
            stay = give_up(root, name)
            tell(f"{name} is deleted")
        else:
            stay = remove_folder(root, name, experiments[0]) if ours else []
            if folder.exists() and not ours:
                say(f"runs/{name}/ stays: it is not the folder of the experiment but a run of the study, or yours")
        for experiment in experiments:
            remove(root, experiment)
            back = shlex.join(["git", "update-ref", experiment.reference, experiment.commit])
            tell(f"{name} is dropped; this brings it back: `{back}`")
        if stay:
            say(f"runs/{name}/ stays with what rlx has not put there: {', '.join(stay[:5])}{' …' * (len(stay) > 5)}")
        if labels_path(root, name).is_file():
            say(f"its tags and note stay in runs/{name}.yaml")


def _of_studies(root: Path, runs: tuple[str, ...]) -> set[str]:
    """Return those that studies made, and that are kept."""
    if not (root / "studies").is_dir():
        return set()
    from rlx.experiments import experiment_named
    from rlx.studies import of_studies

    return {name for name in of_studies(root, runs) if experiment_named(root, name) is not None}
