"""Git and DVC as programs: called with our interpreter first on the path, their refusals told in their own words."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from rlx.errors import CommandFailed, DataRefused, Interrupted
from rlx.launch.signals import process_identity, stages_below
from rlx.launch.stage_call import current_call
from rlx.stats import shown

MOST_BYTES = 64 * 2**20
"""Of a file that is read from Git's store."""
LONGEST = 20.0
"""Seconds that DVC and its stages may take to stop before they are killed; what they had saved is kept."""


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


def git(root: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> str:
    """Run Git in ``root`` and return what it prints, with some variables added to its environment.

    Names that come from data go after ``--`` or are full references, so that none is taken for an option; none is a
    pattern.

    Raises:
        CommandFailed: Git refused, or is not installed; its own words are in the message.
    """
    literal = (
        [] if arguments[0] == "check-ignore" else ["--literal-pathspecs"]
    )  # it knows no patterns, and refuses this
    return _run(root, ["git", *literal, *arguments], variables)


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
    process = subprocess.Popen(command, cwd=folder, env=_for_stages(variables), stdout=stdout)
    try:
        return process.wait()
    except KeyboardInterrupt:
        stop(process)
        return Interrupted.exit_code


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _for_stages(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for DVC where it runs stages: they end with this process."""
    given = {**environment(), **variables}
    return {**given, **replace(current_call(given), starter=process_identity()).variables()}


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a DVC process, its stages first: they keep what they have, and DVC then sees that they failed.

    DVC ends without a word to its stages when it is terminated, so they are told, whoever sent the signal and whether or
    not Ctrl-C has reached them too. DVC itself is told where it runs no stage, or goes on regardless.
    """
    began = last = time.monotonic()
    told, asked = set[int](), 0
    while process.poll() is None and time.monotonic() - began < LONGEST:
        for stage in stages_below(process.pid):
            last = time.monotonic()
            if stage not in told:
                told.add(stage)
                _send(stage, signal.SIGTERM)
        if time.monotonic() - last > 1.0 + 3.0 * (asked + bool(told)):
            process.send_signal((signal.SIGINT, signal.SIGTERM)[min(asked, 1)])
            asked += 1
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    if process.poll() is None:
        for stage in stages_below(process.pid):
            _send(stage, signal.SIGKILL)
        process.kill()
    process.wait()


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
            env=_for_stages(variables),
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


def _run(root: Path, command: list[str], variables: Mapping[str, str] | None = None) -> str:
    told = ["dvc", *command[3:]] if command[1:3] == ["-m", "dvc"] else [command[0], *command[2:]]
    words = shlex.join(told) if len(told) <= 12 else f"{shlex.join(told[:12])} …"
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env={**environment(), **(variables or {})},
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
