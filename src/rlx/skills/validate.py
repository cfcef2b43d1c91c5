"""The release gate of skills: ``python -m rlx.skills.validate``, with ``--release`` before a release.

It reads the plugin, looks up every command that skills name in the command line as it is, and proves that one function alone
starts what studies start. It looks at the whole program from outside, and nothing in the program imports it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from rlx.errors import Problem
from rlx.skills.launch_proof import prove_launches
from rlx.skills.launch_table import ENTRIES, LAUNCHING
from rlx.skills.manifests import manifest_problems
from rlx.skills.named_commands import command_line, command_problems
from rlx.skills.plugin import plugin_folder
from rlx.skills.rules import frontmatter_problems, length_problems, read_plugin

PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class GateCheck:
    """One check of the gate.

    Attributes:
        name: Of the check.
        problems: What is wrong.
        missing: What could not be checked, as it is not there; wrong in a release.
    """

    name: str
    problems: tuple[Problem, ...] = ()
    missing: tuple[str, ...] = ()


def gate(plugin: Path, checkout: Path | None, package: Path) -> list[GateCheck]:
    """Return all checks.

    Args:
        plugin: The plugin's folder.
        checkout: The repository, whose lists of plugins are checked too; None for an installed wheel.
        package: The folder of the package ``rlx`` of which the proof is made.
    """
    from rlx.cli import cli

    pages, unread = read_plugin(plugin)
    line = command_line(cli)
    named = [each for name, page in pages.items() for each in command_problems(name, page, line)]
    missing = tuple(f"`rlx {name}`" for name in line.missing)
    proof = prove_launches(package)
    no_launch = () if proof.has_launch else (f"{ENTRIES[0]}() in rlx/{LAUNCHING}",)
    return [
        GateCheck("files", tuple(unread)),
        GateCheck("frontmatter", tuple(frontmatter_problems(pages))),
        GateCheck("length", tuple(length_problems(pages))),
        GateCheck("manifests", tuple(manifest_problems(plugin, checkout))),
        GateCheck("commands", tuple(named), missing),
        GateCheck("launching", proof.problems, no_launch),
        toy_study(),
    ]


def toy_study() -> GateCheck:
    """Run the study that ``rlx.studies`` offers for this: whole, with a trainer that trains nothing, in an empty folder.

    ``rlx.studies.toy_study(folder)`` returns what went otherwise than it should, a line each.
    """
    from rlx import studies

    run: Callable[[Path], list[str]] | None = getattr(studies, "toy_study", None)
    if run is None:
        return GateCheck("toy study", missing=("toy_study(folder) in rlx.studies",))
    with tempfile.TemporaryDirectory(prefix="rlx-") as folder:
        told = run(Path(folder))
    return GateCheck("toy study", tuple(Problem("rlx.studies.toy_study", None, None, "", line) for line in told))


@click.command()
@click.option("--release", is_flag=True, help="Also refuse what is not there yet.")
@click.option("--plugin", type=click.Path(path_type=Path, exists=True), help="Another plugin's folder.")
@click.option("--package", type=click.Path(path_type=Path, exists=True), help="Another copy of the package rlx.")
def main(*, release: bool, plugin: Path | None, package: Path | None) -> None:
    """Check the skills that rlx ships; exit code 1 where something is wrong."""
    checkout = PACKAGE.parents[1] if (PACKAGE.parents[1] / "pyproject.toml").is_file() else None
    checks = gate(plugin or plugin_folder(), checkout, package or PACKAGE)
    for check in checks:
        wrong = check.problems or (release and check.missing)
        click.echo(f"{'wrong' if wrong else 'ok':<6}{check.name}")
        for problem in check.problems:
            click.echo(f"      {problem}")
        for what in check.missing:
            click.echo(f"      not there: {what}")
    if any(check.problems or (release and check.missing) for check in checks):
        sys.exit(1)


if __name__ == "__main__":
    main()
