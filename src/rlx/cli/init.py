"""`rlx init`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("init")
@click.argument("name", type=click.Path(path_type=Path))
@click.option("--env", "env_id", metavar="ID", help="Start on this Gymnasium environment.")
@click.option("--remote", metavar="URL", help="Where `dvc push` shall put results: a folder, s3://…, ssh://…")
def command(name: Path, env_id: str | None, remote: str | None) -> None:
    """Make a new project in the folder NAME that runs at once.

    Git and DVC are set up and the first state is committed. Without --env it holds the study that rlx's own repository
    runs. An existing folder is fine as long as no file would be overwritten.

    \b
    Example:
      rlx init demo
      rlx init lander --env LunarLander-v3
    """
    import shlex

    from rlx.creation import create_project
    from rlx.errors import UsageError

    for option, value in (("--env", env_id), ("--remote", remote)):
        if value is not None and not value.strip():
            raise UsageError(f"{option} '': must not be empty; leave it out, or say which")
    for note in create_project(name, env_id, remote):
        click.echo(f"note: {note}", err=True)
    where = "" if name.resolve() == Path.cwd() else f"cd {shlex.quote(str(name))} && "
    click.echo(f"{name} is ready. Next: {where}dvc repro")
