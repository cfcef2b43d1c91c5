"""Git and DVC as programs: called with our interpreter first on the path, their refusals told in their own words."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rlx.containment import shown
from rlx.errors import CommandFailed, DataRefused, Interrupted
from rlx.reading import MOST_BYTES


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

    Names that come from data go after ``--`` or are full references, so that none is taken for an option; none is a
    pattern.

    Raises:
        CommandFailed: Git refused, or is not installed; its own words are in the message.
    """
    return _run(root, ["git", "--literal-pathspecs", *arguments])


def git_blobs(root: Path, names: Sequence[str]) -> list[bytes | None]:
    """Return the content of ``REVISION:PATH`` files, None for those that do not exist, in two calls of Git.

    The first asks how large they are.

    Raises:
        DataRefused: One is too large, or has a line break in its name.
    """
    if not names:
        return []
    if broken := next((name for name in names if "\n" in name or "\0" in name), None):
        raise DataRefused(f"Git has a file with a line break in its name, {shown(broken)}; rlx does not read it")
    found: list[bytes | None] = [None] * len(names)
    told = _cat_file(root, names, "--batch-check=%(objecttype) %(objectsize) ").splitlines()
    blobs = {}
    for index, line in enumerate(told):
        kind, _, length = line.partition(b" ")
        if kind == b"blob" and length.strip().isdigit():
            blobs[index] = int(length)
    if large := next((names[index] for index, size in blobs.items() if size > MOST_BYTES), None):
        raise DataRefused(f"{shown(large)}: is larger than {MOST_BYTES:,} bytes; it is not read")
    rest, position = _cat_file(root, [names[index] for index in blobs], "--batch"), 0
    for index, size in blobs.items():
        position = rest.index(b"\n", position) + 1
        found[index] = rest[position : position + size]
        position += size + 1
    return found


def _cat_file(root: Path, names: Sequence[str], how: str) -> bytes:
    wanted = "".join(f"{name}\n" for name in names).encode(errors="surrogateescape")
    command = ["git", "cat-file", how]
    try:
        done = subprocess.run(command, cwd=root, env=environment(), input=wanted, capture_output=True, check=False)
    except FileNotFoundError:
        raise CommandFailed("`git cat-file --batch` cannot run: git is not installed, or not on the PATH") from None
    if done.returncode:
        raise CommandFailed(f"`git cat-file --batch` failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


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
    told = ["dvc", *command[3:]] if command[1:3] == ["-m", "dvc"] else [command[0], *command[2:]]
    words = shlex.join(told) if len(told) <= 12 else f"{shlex.join(told[:12])} …"
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env=environment(),
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError:
        raise CommandFailed(f"`{words}` cannot run: {command[0]} is not installed, or not on the PATH") from None
    if done.returncode:
        raise CommandFailed(f"`{words}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout
