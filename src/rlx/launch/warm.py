"""The side of the warm process that asks: a stage lets it run the stage, in a process forked from one with all libraries.

Libraries take longer to import than most stages take to run. On Linux a command of rlx, or the first stage of a
``dvc repro``, starts one process that imports what stages need (:mod:`rlx.launch.warm_server`). Stages hand their work to
it (:func:`hand_over`, which ``stages/__init__.py`` calls) and end as their forks do. Nobody needs it: where nothing
answers, or ``RLX_WARM=off`` is set, a stage runs in its own process, with the same results.

The protocol, over a socket of the abstract namespace (which leaves no file behind) whose both ends must belong to the same
user: the stage sends what it is to do (module, arguments, folder, environment) with its standard streams; the fork answers with its process id; the stage says
"go", or is gone; the fork, or whoever saw it die, sends its exit status.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rlx.launch.forked import ROOM, TOKEN, stage_process
from rlx.launch.threads import worker_variables

VARIABLE = "RLX_WARM"
OFF = "off"
NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WAIT = 60.0
"""Seconds that a stage waits for its fork, while libraries are imported, before it runs by itself."""
FIRST = {"stages.resolve", "stages.train", "stages.eval"}
"""Stages that others follow in the same `dvc repro`, so that a warm process is worth starting."""
STATUS = struct.Struct("<q")
SIZE = struct.Struct("<Q")
CREDENTIALS = struct.Struct("3i")
_OTHERS = ("DVC_", "RLX_", "GIT_")
_SHELL = {"PWD", "OLDPWD", "SHLVL", "_", "COLUMNS", "LINES"}
"""Environment variables that no library reads when it is imported, and that differ from stage to stage."""
_SET_BY_IMPORTS = {"PYGAME_HIDE_SUPPORT_PROMPT", "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK"}
"""Those that libraries set themselves when they are imported, for all that starts later (gymnasium, scikit-learn's)."""


@contextmanager
def warm_process() -> Iterator[None]:
    """Have a warm process for the stages that this block starts; it ends with the block, or with this process."""
    if not _possible() or VARIABLE in os.environ:
        yield
        return
    from rlx.launch.tools import environment  # which stages have, so that the signatures agree

    address = f"rlx-warm-{os.getuid()}-{os.urandom(16).hex()}"
    process = _start(address, os.getpid(), signature(environment()))
    os.environ[VARIABLE] = address
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        if process is not None:
            process.kill()
            process.wait()


def hand_over() -> None:
    """In a stage: let the warm process run it, and exit as it does; return where this process has to do it itself."""
    if _stage() is None or not _possible() or sys.gettrace() or sys.getprofile():
        return
    if stage_process() != os.getpid():  # this is the fork
        return
    address = os.environ.get(VARIABLE)
    if address is None:
        address = _beside_dvc()
    if address is None:
        return
    connection = _asked(address)
    if connection is None:
        return
    with connection:
        _wait_for(connection)


def signature(environment: dict[str, str]) -> str:
    """Return a hash of what libraries depend on when they are imported: two processes of one signature import the same."""
    others = _SHELL | _SET_BY_IMPORTS
    read = {name: value for name, value in environment.items() if not name.startswith(_OTHERS) and name not in others}
    interpreter = [
        sys.version,
        os.path.realpath(sys.executable),
        sys.prefix,
        str(sys.flags),
        sys.warnoptions,
        sys._xoptions,
    ]
    return hashlib.sha256(repr([*interpreter, __file__, sorted(read.items())]).encode()).hexdigest()


def _possible() -> bool:
    return sys.platform == "linux" and os.environ.get(VARIABLE) != OFF and hasattr(os, "pidfd_open")


def _stage() -> tuple[str, list[str]] | None:
    """Return module and arguments of the stage that this process was started for; None where it was started otherwise."""
    words = sys.orig_argv
    if "-m" not in words:
        return None
    module, *arguments = words[words.index("-m") + 1 :]
    return (module, arguments) if module.startswith("stages.") else None


def _start(address: str, owner: int, agreed: str) -> subprocess.Popen[bytes] | None:
    """Start the warm process, which ends when its owner does; None where there is one of this address."""
    path = [str(Path(part).absolute()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    environment = {
        **os.environ,
        **worker_variables(),
        "MPLBACKEND": "Agg",
        TOKEN: ROOM,
        "PYTHONPATH": os.pathsep.join(path),
    }
    nowhere = subprocess.DEVNULL
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        try:
            listener.bind(f"\0{address}")
            listener.listen(64)
            number = listener.fileno()
            flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
            words = [sys.executable, *flags, "-P", "-m", "rlx.launch.warm_server", str(number), str(owner), agreed]
            return subprocess.Popen(
                words, env=environment, cwd="/", pass_fds=[number], stdin=nowhere, stdout=nowhere, stderr=nowhere,
                start_new_session=True,
            )  # fmt: skip
        except OSError:
            return None


def _beside_dvc() -> str | None:
    """Return the address of the warm process that lives as long as the DVC that runs this stage.

    A stage that others follow starts it, and gets None: it would only wait for imports that it can do itself.
    """
    from rlx.launch.signals import dvc_above

    found = dvc_above()
    if found is None or found[0] == 1:
        return None
    try:
        started = Path(f"/proc/{found[0]}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except OSError:
        return None
    address = f"rlx-warm-{os.getuid()}-{found[0]}-{started}"
    stage = _stage()
    if stage is None or stage[0] not in FIRST:
        return address
    return address if _start(address, found[0], signature(dict(os.environ))) is None else None


def _asked(address: str) -> socket.socket | None:
    """Hand the stage over; returns the connection to its fork, which has begun; None where nobody takes it."""
    stage = _stage()
    assert stage is not None
    ignored = [int(number) for number in NUMBERS if signal.getsignal(number) is signal.SIG_IGN]
    errand = {
        "module": stage[0],
        "arguments": stage[1],
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "path": sys.path,
        "umask": _umask(),
        "ignored": ignored,
        "signature": signature(dict(os.environ)),
    }
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(WAIT)
        connection.connect(f"\0{address}")
        peer(connection)
        content = json.dumps(errand).encode()
        socket.send_fds(connection, [SIZE.pack(len(content))], [0, 1, 2])
        connection.sendall(content)
        (pid,) = SIZE.unpack(exactly(connection, SIZE.size))
        _pass_on_signals(pid)
        connection.sendall(b"go")
        connection.settimeout(None)
    except (OSError, EOFError, ValueError):
        connection.close()
        for number in NUMBERS:
            if number not in ignored:
                signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        return None
    return connection


def _wait_for(connection: socket.socket) -> None:
    """Wait for the end of the fork, and end as it did."""
    try:
        (status,) = STATUS.unpack(exactly(connection, STATUS.size))
    except (OSError, EOFError):
        sys.stderr.write("error: the process of this stage ended without a word (killed, or out of memory?)\n")
        status = 1
    if status < 0:
        with suppress(OSError, ValueError):
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


def _pass_on_signals(pid: int) -> None:
    """Let the fork hear what this process is told: to stop, to pause and to go on."""

    def send(number: int) -> None:
        with suppress(OSError):
            os.killpg(pid, number) if number in (signal.SIGSTOP, signal.SIGCONT) else os.kill(pid, number)

    def pause(*_: Any) -> None:
        send(signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        send(signal.SIGCONT)

    for number in NUMBERS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, _: send(number))
    signal.signal(signal.SIGTSTP, pause)


def _umask() -> int:
    mask = os.umask(0o77)
    os.umask(mask)
    return mask


def peer(connection: socket.socket) -> int:
    """Return the process at the other end of a connection.

    Raises:
        PermissionError: It belongs to another user.
    """
    pid, user, _ = CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    if user != os.getuid():
        raise PermissionError
    return int(pid)


def exactly(connection: socket.socket, size: int) -> bytes:
    """Receive a number of bytes.

    Raises:
        EOFError: The other end has closed the connection before.
    """
    content = b""
    while len(content) < size:
        more = connection.recv(size - len(content))
        if not more:
            raise EOFError
        content += more
    return content
