"""What a clone needs beside the project's files: Git's merge driver and hook, which Git keeps out of commits on purpose."""

from __future__ import annotations

from pathlib import Path

from rlx.config import write_text
from rlx.errors import CommandFailed
from rlx.experiments.repository import answer
from rlx.launch import git

DRIVER = "merge.rlx.driver"
COMMAND = "if command -v rlx > /dev/null; then rlx sync --driver %O %A %B %P; else git merge-file -L ours -L base -L theirs %A %O %B; fi"
"""What ``.gitattributes`` means by ``merge=rlx``; where no rlx is on the path (another environment, a Git of a desktop), Git's
own merge by lines, since a driver that fails leaves our side in the file, without a mark."""
HOOK = """#!/bin/sh
# Written by `rlx init`: after `git checkout` or `git switch` the results follow, as far as they are in DVC's cache.
# Delete this file to do `dvc checkout` yourself.
[ "$3" = 1 ] || exit 0  # files were checked out, not a branch
for busy in rebase-merge rebase-apply BISECT_LOG; do
  [ -e "$(git rev-parse --git-path $busy)" ] && exit 0
done
command -v dvc > /dev/null || exit 0
dvc checkout --quiet --allow-missing > /dev/null 2>&1
exit 0
"""
"""DVC's own hook (`dvc install`) fails, at length, wherever a commit's results are not in the cache: in every fresh clone."""


def is_set_up(root: Path) -> bool:
    """Tell whether this clone merges as the project's ``.gitattributes`` say."""
    return bool(answer(root, "config", "--get", DRIVER))


def asks_for_driver(root: Path) -> bool:
    """Tell whether the project's ``.gitattributes`` name rlx's merge driver."""
    try:
        return "merge=rlx" in (root / ".gitattributes").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def set_up(root: Path, *, hooks: bool) -> list[str]:
    """Let Git merge the project's files as rlx does, and let results follow `git checkout`.

    Args:
        root: The project.
        hooks: Install the hook; one of the person's own stays.

    Returns:
        What the caller should tell.

    Raises:
        CommandFailed: Git refused.
    """
    git(root, "config", "merge.rlx.name", "rlx: the roster by union, dvc.lock by stage")
    git(root, "config", DRIVER, COMMAND)
    if not hooks:
        return []
    hook = root / git(root, "rev-parse", "--git-path", "hooks/post-checkout").strip()
    own = root / git(root, "rev-parse", "--git-common-dir").strip() / "hooks"
    if hook.parent.resolve() != own.resolve() and not hook.exists():
        return [
            f"Git takes its hooks from {hook.parent} (core.hooksPath), where rlx adds none: after `git checkout`, run "
            "`dvc checkout` yourself"
        ]
    if hook.is_symlink() or (hook.exists() and _text(hook) != HOOK):
        return ["there is a post-checkout hook already: after `git checkout`, run `dvc checkout` yourself"]
    try:
        hook.parent.mkdir(parents=True, exist_ok=True)
        write_text(hook, HOOK)
        hook.chmod(0o755)
    except OSError as error:
        raise CommandFailed(f"{hook}: cannot be written: {error.strerror}") from None
    return []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
