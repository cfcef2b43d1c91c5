"""`rlx skills`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rlx.cli.common import AS_JSON, is_verbose, print_json, say, tell

if TYPE_CHECKING:
    from rlx.skills import SkillsInstalled


@click.group("skills")
def command() -> None:
    """Skills and agents that drive rlx, for Claude Code and Codex.

    They are text: which commands to use, when to stop, when to ask a person. They grant nothing; every rule that they tell
    is enforced by rlx itself (docs/skills.md).

    \b
    Example:
      rlx skills install --claude
    """


@command.command("install")
@click.option("--claude", is_flag=True, help="For Claude Code: .claude/skills and .claude/agents.")
@click.option("--codex", is_flag=True, help="For Codex: .agents/skills and .codex/agents.")
@click.option(
    "--to", "target", metavar="DIR", type=click.Path(path_type=Path), help="Into this folder instead of the project."
)
@click.option("--force", is_flag=True, help="Replace files that you changed, too.")
@AS_JSON
def install(*, claude: bool, codex: bool, target: Path | None, force: bool, as_json: bool) -> None:
    """Copy skills and agents into the project, for both programs unless one is named.

    --to DIR with --claude or --codex makes their folders in DIR (`--to ~`: for you, in all projects); --to DIR alone
    copies the plugin as it is, with its manifests.

    A file that you changed is kept and named, and the exit code is 1. What was installed is noted with its hashes in
    rlx-skills.json, so that a newer rlx brings its own files up to date. Nothing is written through links.

    \b
    Example:
      rlx skills install --codex
      rlx skills install --claude --to ~
    """
    from rlx.config import find_root
    from rlx.errors import NotInProject, UsageError
    from rlx.skills import HOSTS, PLAIN, install, plugin_folder

    chosen = {name: HOSTS[name] for name, wanted in (("claude", claude), ("codex", codex)) if wanted}
    if target is None:
        try:
            folder = find_root()
        except NotInProject as error:
            raise NotInProject(f"{error}; or name a folder: `rlx skills install --to DIR`") from None
        hosts = chosen or HOSTS
    else:
        folder, hosts = target.expanduser(), chosen or {"plugin": PLAIN}
        if not str(target).strip() or (folder.exists() and not folder.is_dir()):
            raise UsageError(f"--to {str(target)!r}: is no folder")
    done = install(folder, hosts, plugin_folder(), force=force)
    if as_json:
        print_json(done)
    else:
        _show(done, in_project=target is None)
    if done.count("kept"):
        sys.exit(1)


def _show(done: SkillsInstalled, *, in_project: bool) -> None:
    """Say what was done: numbers, and by name what was removed or kept."""
    from rlx.skills import HOSTS, PLAIN

    for name in done.hosts:
        host = HOSTS.get(name, PLAIN)
        say(f"{host.title}: skills in {host.skills}, agents in {host.agents}")
    counts = [(state, done.count(state)) for state in ("written", "updated", "same", "removed", "kept")]
    words = {"same": "already there"}
    tell(", ".join(f"{number} {words.get(state, state)}" for state, number in counts if number))
    for file in done.files:
        if file.state in ("kept", "removed") or is_verbose():
            tell(f"  {file.state:<8}{file.path}")
    if done.count("kept"):
        tell("Kept files are yours: they were changed. `--force` replaces them with those of rlx.")
    elif in_project and done.count("written") + done.count("updated") + done.count("removed"):
        say("Commit them, so that the project's people and programs have the same.")
