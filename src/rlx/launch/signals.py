"""Being told to stop: Ctrl-C, TERM and a closed terminal (HUP) are one thing, and so is the death of who started us.

Whatever comes first interrupts the main thread as Ctrl-C does, so there is one way to stop. What comes while that is
under way changes nothing, until it has taken too long.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from rlx.launch.forked import stage_process
from rlx.launch.stage_call import current_call

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 10.0
"""Seconds after which another signal ends the process at once."""
SHELLS = {"sh", "bash", "dash", "zsh", "fish", "ksh", "busybox", "ash"}
"""DVC runs commands through the user's shell, which may stay between the two."""
LOOK_EVERY = 0.5
GRACE = 3.0
"""Seconds that a stage whose starter has died may take to stop in order."""


class _Received:
    """The first signal of this process, and when it came."""

    number: int | None = None
    when = 0.0
    terminals: tuple[int, ...] = ()
    deserted = False


def signal_name(number: int) -> str:
    """Return what a signal is called: ``SIGKILL``; its number where it has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def is_deserted() -> bool:
    """Tell whether nobody asked this process to stop, but whoever it works for is gone: killed, or a terminal that was closed."""
    return _Received.deserted or _Received.number == signal.SIGHUP


def listen() -> None:
    """Let every signal that asks to stop interrupt the main thread; those that are ignored (nohup, ``&``) stay ignored."""
    _Received.number = None
    _Received.terminals = tuple(fd for fd in (1, 2) if _is_terminal(fd))
    for number in NUMBERS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def exit_status() -> int:
    """Return the status by which a process that was told to stop says so: 130 after Ctrl-C, 143 after TERM."""
    return 128 + (_Received.number or signal.SIGINT)


def _interrupt(number: int, _: FrameType | None) -> None:
    if _Received.number is not None:
        if time.monotonic() - _Received.when > PATIENCE:
            os._exit(exit_status())
        return
    _Received.number, _Received.when = number, time.monotonic()
    if number == signal.SIGHUP:
        _let_go(_Received.terminals)
    raise KeyboardInterrupt


def _is_terminal(descriptor: int) -> bool:
    try:
        return os.isatty(descriptor)
    except OSError:
        return False


def _let_go(terminals: Sequence[int]) -> None:
    """Write what a closed terminal would refuse to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in terminals:
        with suppress(OSError):
            os.dup2(nowhere, descriptor)
    os.close(nowhere)


def process_identity() -> tuple[int, float]:
    """Return process id and start time of this process, by which the stages that it starts know it."""
    import psutil

    return os.getpid(), psutil.Process().create_time()


def is_same(pid: int, started: float | None) -> bool:
    """Tell whether a process of this machine is still the one that started then, and has not ended.

    Args:
        pid: Its number, which the system gives to another one sooner or later.
        started: When it started, in seconds since 1970; None where nobody noted it.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        same = started is None or abs(process.create_time() - started) < 1.0
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OverflowError, ValueError):
        return True


def end_with_starters(beat: Callable[[], None]) -> None:
    """Stop this process, in order, within seconds of the end of DVC or of the ``rlx`` that it works for.

    Args:
        beat: Called every ten seconds while all of them live.
    """
    watched = starters()
    if any(not is_same(pid, started) for pid, started in watched):
        _Received.deserted = True
        raise KeyboardInterrupt
    threading.Thread(target=_watch, args=(watched, beat), daemon=True).start()


def starters() -> list[tuple[int, float | None]]:
    """Return the processes without which a stage has nobody to work for: its shell, DVC, and ``rlx``, if it was those."""
    starter = current_call().starter
    return [*_up_to_dvc(), *([starter] if starter else [])]


def dvc_above() -> tuple[int, float | None] | None:
    """Return process id and start time of the DVC that runs this stage; None where a person runs it."""
    found = _up_to_dvc()
    return found[-1] if found else None


def _up_to_dvc() -> list[tuple[int, float | None]]:
    import psutil

    found: list[tuple[int, float | None]] = []
    with suppress(psutil.Error):
        for process in psutil.Process(stage_process()).parents() if os.environ.get("DVC_STAGE") else ():
            if process.pid == 1 and not any("dvc" in word for word in process.cmdline()):
                found.append((process.pid, 0.0))  # DVC has died already, and left its stage to the system
                break
            found.append((process.pid, process.create_time()))
            if process.name() not in SHELLS:
                break
    return found


def _watch(watched: Sequence[tuple[int, float | None]], beat: Callable[[], None]) -> NoReturn:
    pause, looks = threading.Event(), 0
    while all(is_same(pid, started) for pid, started in watched):
        if looks % 20 == 0:
            beat()
        looks += 1
        pause.wait(LOOK_EVERY)
    _Received.deserted = _Received.number is None
    os.kill(os.getpid(), signal.SIGTERM)
    pause.wait(GRACE)
    os._exit(128 + signal.SIGTERM)


def stages_below(pid: int) -> list[int]:
    """Return what a DVC process runs: its children, and those of the shells among them."""
    import psutil

    found: list[int] = []
    with suppress(psutil.Error):
        for child in psutil.Process(pid).children():
            below = child.children() if child.name() in SHELLS else []
            found += [each.pid for each in below or [child] if each.name() != "git"]
    return found
