"""The release gate of skills: ``python -m rlx.skills.validate``.

It reads the plugin, looks up every command that skills name in the command line as it is, and proves that one function alone
starts what studies start. It looks at the program from outside, as it is installed: the command ``rlx``, the package's files, and a
toy study in a process of its own. Nothing in the program imports it.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import click

from rlx.errors import Problem
from rlx.launch import Conditions, run_supervised
from rlx.skills.launch_proof import prove_launches
from rlx.skills.launch_table import ENTRIES, LAUNCHING
from rlx.skills.manifests import manifest_problems
from rlx.skills.named_commands import command_problems
from rlx.skills.plugin import plugin_folder
from rlx.skills.rules import frontmatter_problems, length_problems, read_plugin

PACKAGE = Path(__file__).parents[1]
TOY = "rlx.studies.toy"
LONGEST = 600.0
"""Seconds that a toy study may take, on any machine; it takes a few."""


@dataclass(frozen=True)
class GateCheck:
    """One check of the gate.

    Attributes:
        name: Of the check.
        problems: What is wrong.
    """

    name: str
    problems: tuple[Problem, ...] = ()


def gate(plugin: Path, checkout: Path | None, package: Path) -> list[GateCheck]:
    """Return all checks.

    Args:
        plugin: The plugin's folder.
        checkout: The repository, whose lists of plugins are checked too; None for an installed wheel.
        package: The folder of the package ``rlx`` of which the proof is made.
    """
    pages, unread = read_plugin(plugin)
    (installed,) = entry_points(group="console_scripts", name="rlx")
    tree = importlib.import_module(installed.module).cli
    named = [each for name, page in pages.items() for each in command_problems(name, page, tree)]
    proof = prove_launches(package)
    told = f"there is no {ENTRIES[0]}() in it"
    no_launch = () if proof.has_launch else (Problem(f"rlx/{LAUNCHING}", None, None, "", told),)
    return [
        GateCheck("files", tuple(unread)),
        GateCheck("frontmatter", tuple(frontmatter_problems(pages))),
        GateCheck("length", tuple(length_problems(pages))),
        GateCheck("manifests", tuple(manifest_problems(plugin, checkout))),
        GateCheck("commands", tuple(named)),
        GateCheck("launching", (*proof.problems, *no_launch)),
        toy_study(),
    ]


def toy_study() -> GateCheck:
    """Run a toy study, whole, with a trainer that trains nothing, in an empty folder."""
    with tempfile.TemporaryDirectory(prefix="rlx-") as above:
        folder, output = Path(above, "study"), Path(above, "printed.txt")
        folder.mkdir()
        conditions = Conditions(folder=folder, variables=os.environ, output=output, timeout=LONGEST)
        ended = run_supervised([sys.executable, "-m", TOY, str(folder)], conditions)
        printed = output.read_text(encoding="utf-8", errors="replace").splitlines()
    told = [] if ended.status == 0 else printed or [f"took longer than {LONGEST:g} seconds, or was ended"]
    return GateCheck("toy study", tuple(Problem(TOY, None, None, "", line) for line in told))


@click.command()
@click.option("--plugin", type=click.Path(path_type=Path, exists=True), help="Another plugin's folder.")
@click.option("--package", type=click.Path(path_type=Path, exists=True), help="Another copy of the package rlx.")
def main(*, plugin: Path | None, package: Path | None) -> None:
    """Check the skills that rlx ships; exit code 1 where something is wrong."""
    checkout = PACKAGE.parents[1] if (PACKAGE.parents[1] / "pyproject.toml").is_file() else None
    checks = gate(plugin or plugin_folder(), checkout, package or PACKAGE)
    for check in checks:
        click.echo(f"{'wrong' if check.problems else 'ok':<6}{check.name}")
        for problem in check.problems:
            click.echo(f"      {problem}")
    if any(check.problems for check in checks):
        sys.exit(1)


if __name__ == "__main__":
    main()
