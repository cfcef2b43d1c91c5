"""Git and DVC as programs: called with our interpreter first on the path, their refusals told in their own words."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rlx.errors import CommandFailed, Interrupted


def environment() -> dict[str, str]:
    """Return the environment for DVC and Git: our interpreter first on the path, nothing phones home."""
    folder = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", "")
    return {
        **os.environ,
        "PATH": f"{folder}{os.pathsep}{path}",
        "DVC_NO_ANALYTICS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
    }


def has_identity(root: Path) -> bool:
    """Tell whether Git knows who commits here."""
    try:
        return bool(git(root, "config", "user.name").strip() and git(root, "config", "user.email").strip())
    except CommandFailed:
        return False


def git(root: Path, *arguments: str) -> str:
    """Run Git in ``root`` and return what it prints.

    Raises:
        CommandFailed: Git refused, or is not installed; its own words are in the message.
    """
    return _run(root, ["git", *arguments])


def git_blobs(root: Path, names: Sequence[str]) -> list[bytes | None]:
    """Return the content of ``REVISION:PATH`` objects, None for those that do not exist, in one call of Git."""
    if not names:
        return []
    wanted = "".join(f"{name}\n" for name in names).encode()
    command = ["git", "cat-file", "--batch"]
    try:
        done = subprocess.run(command, cwd=root, env=environment(), input=wanted, capture_output=True, check=False)
    except FileNotFoundError:
        raise CommandFailed("`git cat-file --batch` cannot run: git is not installed, or not on the PATH") from None
    if done.returncode:
        raise CommandFailed(f"`git cat-file --batch` failed: {done.stderr.decode(errors='replace').strip()}")
    found: list[bytes | None] = []
    rest = done.stdout
    position = 0
    for _ in names:
        end = rest.index(b"\n", position)
        header, position = rest[position:end], end + 1
        if header.endswith((b" missing", b" ambiguous")):
            found.append(None)
            continue
        size = int(header.split(b" ")[2])
        found.append(rest[position : position + size])
        position += size + 1
    return found


def dvc(root: Path, *arguments: str) -> str:
    """Run DVC in ``root`` and return what it prints; see :func:`git`."""
    return _run(root, [sys.executable, "-m", "dvc", *arguments])


def dvc_in_terminal(root: Path, *arguments: str) -> int:
    """Run DVC with its output, and Ctrl-C, going to and coming from the terminal; returns its exit status (130 after Ctrl-C)."""
    return in_terminal([sys.executable, "-m", "dvc", *arguments], root, {}, quiet=False)


def in_terminal(command: Sequence[str], folder: Path, variables: Mapping[str, str], *, quiet: bool) -> int:
    """Run a command as :func:`dvc_in_terminal` does.

    Args:
        command: The command.
        folder: Where.
        variables: Environment variables to add.
        quiet: Show nothing but errors.
    """
    stdout = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen(command, cwd=folder, env={**environment(), **variables}, stdout=stdout)
    interrupted = False
    while True:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            interrupted = True  # the terminal sent Ctrl-C to the stages too; wait until they have stopped
            continue
        return Interrupted.exit_code if interrupted else status


class Watch(Protocol):
    """Told of a process that has started or ended."""

    def __call__(self, process: subprocess.Popen[bytes], *, ended: bool) -> None:
        """Take note of it."""


def in_background(
    command: Sequence[str], folder: Path, variables: Mapping[str, str], log: Path, watch: Watch | None
) -> int:
    """Run a command in a session of its own, whose Ctrl-C is not the terminal's; returns its exit status.

    Args:
        command: The command.
        folder: Where.
        variables: Environment variables to add.
        log: What it prints goes here.
        watch: Told the process, so that somebody can stop it.
    """
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment(), **variables},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        if watch:
            watch(process, ended=False)
        try:
            return process.wait()
        finally:
            if watch:
                watch(process, ended=True)


def _run(root: Path, command: list[str]) -> str:
    shown = " ".join(["dvc", *command[3:]] if command[1:3] == ["-m", "dvc"] else command)
    try:
        done = subprocess.run(command, cwd=root, env=environment(), capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise CommandFailed(f"`{shown}` cannot run: {command[0]} is not installed, or not on the PATH") from None
    if done.returncode:
        raise CommandFailed(f"`{shown}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout
