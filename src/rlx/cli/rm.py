"""`rlx rm`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rlx.cli.common import RUN, say, tell

if TYPE_CHECKING:
    from rlx.experiments import Experiment


@click.command("rm")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=RUN)
def command(runs: tuple[str, ...]) -> None:
    """Drop experiments and their folders; what was said about them stays.

    Kept experiments stay in Git until it cleans up; the command that brings one back is printed. Experiments that were
    stopped or have failed are deleted for good. Runs of the study are not touched, nor files of your own.

    \b
    Example:
      rlx rm cartpole_001
    """
    from rlx.config import find_root
    from rlx.experiments import give_up, is_ours, remove, remove_folder
    from rlx.records import labels_path

    root = find_root()
    kept = {name: _kept(root, name) for name in dict.fromkeys(runs)}  # all of them are looked at before any is dropped
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


def _kept(root: Path, name: str) -> list[Experiment]:
    """Return the kept experiments of a name; none where it is one that was not finished.

    Raises:
        Missing: There is no experiment of that name.
        UsageError: It is a run of the study, or a folder that rlx has not made.
    """
    from rlx.config import is_plain
    from rlx.errors import Missing, UsageError
    from rlx.experiments import experiments, is_of_study, is_ours, nearest_run

    if found := [experiment for experiment in experiments(root) if experiment.name == name]:
        return found
    folder = root / "runs" / name
    if not is_plain(name) or "/" in name or not folder.is_dir():
        raise Missing(f"there is no experiment {name!r}; {nearest_run(root, name)}")
    if is_of_study(root, name):
        raise UsageError(
            f"{name} is a run of the study, not an experiment: take it out of study.runs in params.yaml, then `rlx sync`"
        )
    if not is_ours(root, name):
        raise UsageError(f"runs/{name} is a folder that rlx has not made; nothing of it is deleted")
    return []
