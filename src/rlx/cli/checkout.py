"""`rlx checkout`."""

from __future__ import annotations

import click

from rlx.cli.common import RUN, tell


@click.command("checkout")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=RUN)
def command(runs: tuple[str, ...]) -> None:
    """Bring the folder of a kept RUN back, checkpoints and films included.

    The folder runs/RUN/ is made from Git and DVC's cache, read-only. RUN is a kept experiment (cartpole_001), a run at a
    Git revision (cartpole@v1.0), or a run of the study whose files are gone.

    \b
    Example:
      rlx checkout cartpole_001
    """
    from rlx.config import find_root
    from rlx.errors import Missing
    from rlx.experiments import check_outputs, export_kept, kept_origin, recorded_here
    from rlx.launch import dvc
    from rlx.records import RunFolder

    root = find_root()
    for name in runs:
        record = recorded_here(root).get(name)
        if record is not None:
            folder = RunFolder(root / "runs" / name).path
            check_outputs(root, record)
            others = RunFolder(folder).state == "elsewhere"  # what lies there may be of another commit
            if missing := [f"runs/{name}/{out}" for out in record.outputs if others or not (folder / out).exists()]:
                dvc(root, "--wait-for-lock", "checkout", "--quiet", "--", *missing)
            tell(f"runs/{name}/ is there")
            continue
        origin = kept_origin(root, name)
        if origin is None:
            raise Missing(f"{name} is not kept in Git: only experiments and runs at a revision can be brought back")
        export_kept(root, origin, name)
        tell(f"runs/{name}/ is there, read-only")
