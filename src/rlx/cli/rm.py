"""`rlx rm`."""

from __future__ import annotations

import shutil

import click

from rlx.cli.common import RUN, say, tell


@click.command("rm")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=RUN)
def command(runs: tuple[str, ...]) -> None:
    """Drop experiments and their folders; what was said about them stays.

    Kept experiments stay in Git until it cleans up; the command that brings one back is printed. Experiments that were
    stopped or have failed are deleted for good. Runs of the study are not touched.

    \b
    Example:
      rlx rm cartpole_001
    """
    from rlx.errors import Missing, UsageError
    from rlx.experiments.kept import RECORD, experiment_named, reference_of, remove
    from rlx.experiments.making import give_up
    from rlx.labels import labels_path
    from rlx.project import find_root
    from rlx.references import nearest_run

    root = find_root()
    kept = {name: experiment for name in dict.fromkeys(runs) if (experiment := experiment_named(root, name))}
    for name in runs:  # all of them are looked at before any is dropped
        folder = root / "runs" / name
        if name in kept:
            continue
        if not (name.strip("./") and "/" not in name and folder.is_dir()):
            raise Missing(f"there is no experiment {name!r}; {nearest_run(root, name)}")
        if not (folder / RECORD).is_file() and "@" not in name:
            raise UsageError(
                f"{name} is a run of the study, not an experiment: take it out of study.runs in params.yaml, then `rlx sync`"
            )
    for name in dict.fromkeys(runs):
        if name in kept:
            reference = reference_of(root, kept[name])
            remove(root, [name])
            tell(f"{name} is dropped; this brings it back: `git update-ref {reference} {kept[name].commit}`")
            shutil.rmtree(root / "runs" / name, ignore_errors=True)
        else:
            give_up(root, name)
            tell(f"{name} is deleted")
        if labels_path(root, name).is_file():
            say(f"its tags and note stay in runs/{name}.yaml")
