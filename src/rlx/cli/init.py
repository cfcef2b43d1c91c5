"""`rlx init`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("init")
@click.argument("name")
@click.option("--env", "env_id", metavar="ID", help="Start on this Gymnasium environment.")
@click.option(
    "--algo", "algorithm", metavar="NAME", help="Train by this algorithm (ppo, sac, dqn, …, reinforce) on --env."
)
@click.option("--remote", metavar="URL", help="Where `dvc push` shall put results: a folder, s3://…, ssh://…")
@click.option("--no-hooks", is_flag=True, help="Leave out the Git hook by which results follow `git checkout`.")
def command(name: str, env_id: str | None, algorithm: str | None, remote: str | None, *, no_hooks: bool) -> None:
    """Make a new project in the folder NAME that runs at once.

    Git and DVC are set up and the first state is committed. Without --env it holds the study that rlx's own repository
    runs. With it, params.yaml starts with settings that are tuned for the environment and the algorithm where they are known
    (docs/presets.md), else with the library's defaults, and says which. An existing folder is fine as long as no file would be overwritten. In a clone of a project, `rlx init .` sets up
    what Git keeps per clone: the merge of what two people add, and results that follow `git checkout`.

    \b
    Example:
      rlx init demo
      rlx init lander --env LunarLander-v3
      rlx init pendulum --env Pendulum-v1 --algo sac
    """
    import shlex

    from rlx.config import algorithm_in
    from rlx.errors import UsageError
    from rlx.experiments import create_project, is_project, set_up

    if not name.strip():
        raise UsageError("NAME must not be empty; `rlx init .` makes the project in this folder")
    place = Path(name)
    algorithm = None if algorithm is None else algorithm_in(algorithm.lower())
    for option, value in (("--env", env_id), ("--algo", algorithm), ("--remote", remote)):
        if value is not None and not value.strip():
            raise UsageError(f"{option} '': must not be empty; leave it out, or say which")
    if algorithm is not None and env_id is None:
        raise UsageError(f"--algo {algorithm}: on which environment? (`--env Pendulum-v1 --algo {algorithm}`)")
    if env_id is None and remote is None and is_project(place):
        notes = set_up(place, hooks=not no_hooks)
        for note in notes:
            click.echo(f"note: {note}", err=True)
        follow = "" if no_hooks or notes else "; results follow `git checkout`"
        click.echo(f"this clone of {place.resolve().name} is set up: Git merges runs that two people add{follow}")
        return
    for note in create_project(place, env_id, remote, algorithm=algorithm or "ppo", hooks=not no_hooks):
        click.echo(f"note: {note}", err=True)
    where = "" if place.resolve() == Path.cwd() else f"cd {shlex.quote(str(name))} && "
    click.echo(f"{name} is ready. Next: {where}dvc repro")
