"""The executor ``ray``: a detached actor with a name for each task, on a cluster that others started or that ends with the command.

Actors of a cluster outlive the command, and the next one finds them by what ``handle.json`` says. Each runs a task's command in a
process below it. With the cluster speaks a process of its own (:mod:`rlx.launch.ray_side`); where that has no answer, nothing is
known, and tasks are as they were. ``docs/scale.md`` says what happens when.
"""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlx.launch import signals
from rlx.launch.execution import Sight, Terms
from rlx.launch.failures import CANCELLED, NODE_LOST, OTHER, OUT_OF_MEMORY, PROCESS, Cause, Failure
from rlx.launch.lease import holder_of
from rlx.launch.patience import Patience
from rlx.launch.ray_connection import RayAway, RayConnection, RayRefuses
from rlx.launch.task import HANDLE, Task, read_spec, task_variables, write_whole

CURRENT = Path("/tmp/ray/ray_current_cluster")
"""Where `ray start` notes the cluster that it has started on this machine."""
CURE = "`ray start --head` starts one on this machine; launch.ray.address says where another is, or `local`"
REACHED = 5.0
"""Seconds in which a cluster has to take a connection."""
CONNECTING = 10.0
"""Seconds between two attempts to reach a cluster that does not answer."""
MODE, TOKEN = "RAY_AUTH_MODE", "RAY_AUTH_TOKEN"
"""Ray's own variables: whether a cluster is joined with a token (unset: where it wants one), and the token."""
LOST = (
    (NODE_LOST, ("node has died", "node was terminated", "node died", "nodediederror")),
    (OUT_OF_MEMORY, ("outofmemoryerror", "running low on memory")),
    (CANCELLED, ("killed by `ray.kill`", "killed by ray.kill")),
)
"""What became of an actor, by Ray's words."""


@dataclass(frozen=True)
class Request:
    """What each task asks of Ray: the options of ``launch.ray`` (:class:`rlx.config.RayConfig`)."""

    address: str | None = None
    cpus: float = 1
    gpus: float = 0
    resources: Mapping[str, float] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """Return what an actor reserves."""
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, "resources": dict(self.resources)}


def check(terms: Terms) -> None:
    """Refuse what is known not to work.

    Raises:
        ImportError: Ray is not installed.
        ConfigError: No cluster answers.
    """
    if importlib.util.find_spec("ray") is None:
        raise ModuleNotFoundError("No module named 'ray'", name="ray")
    address = _address(Request(**terms.options).address)
    if address is None:
        raise terms.refusal("address", f"no Ray cluster is known here; {CURE}")
    if not _is_reached(address):
        raise terms.refusal("address", f"nothing answers at {address}; {CURE}")


class RayActors:
    """Runs each task in an actor of a Ray cluster."""

    pause, tries = 2.0, 3

    def __init__(self, terms: Terms):
        check(terms)
        self._terms, self._request = terms, Request(**terms.options)
        self._patience = Patience("Ray", terms.on_event)
        self._tasks: dict[str, Task] = {}
        self._names: dict[str, str] = {}
        self._gone: dict[str, Sight] = {}
        self._running: set[str] = set()
        self._unsent: list[str] = []
        self._next = 0.0
        self._side: RayConnection | None = None

    def attach(self, tasks: Sequence[Task]) -> set[str]:
        """Find the tasks whose actors are there; waits for the cluster, since nobody else knows."""
        found = {task.key: name for task in tasks if (name := _handle(task)) is not None}
        self._tasks |= {task.key: task for task in tasks if task.key in found}
        self._names |= found
        while True:
            try:
                living = self._watched(list(found))
                break
            except RayAway as error:
                self._patience.away(str(error))
                time.sleep(1.0)
        for key in found.keys() - living:
            del self._tasks[key], self._names[key]
        return living

    def submit(self, tasks: Sequence[Task]) -> None:
        """Start an actor for each task; Ray lets them wait for room."""
        for task in tasks:
            self._tasks[task.key], self._names[task.key] = task, f"{task.folder.name}-{task.attempt[:12]}"
            self._gone.pop(task.key, None)
            self._running.discard(task.key)
            content = {"executor": "ray", "name": self._names[task.key], "attempt": task.attempt}
            write_whole(task.folder / HANDLE, content)
        self._unsent += [task.key for task in tasks]
        with suppress(RayAway):
            self._send()

    def _send(self) -> None:
        """Start the actors of tasks that have none yet."""
        side = self._connected()
        if self._unsent:
            self._asked(side, do="submit", tasks=self._told(self._unsent), variables=task_variables())
            self._unsent = []

    def look(self) -> Mapping[str, Sight]:
        """Return how the tasks are; those of a cluster that does not answer are as they were."""
        try:
            self._send()
            for key, outcome in self._asked(self._connected(), do="look")["gone"].items():
                self._gone[key] = ended(outcome)
            self._patience.back()
        except RayAway as error:
            self._patience.away(str(error))
        over = self._patience.is_over
        return {
            key: self._gone.get(key) or (self._patience.given_up() if over else self._living(key))
            for key in self._tasks
        }

    def _living(self, key: str) -> Sight:
        """Return how a task is of which no end is known: it runs from its first sign of life on."""
        task = self._tasks[key]
        holder = None if key in self._running else holder_of(task.folder)
        if holder is not None and holder.attempt == task.attempt:
            self._running.add(key)
        return Sight("running" if key in self._running else "waiting")

    def cancel(self, keys: Iterable[str]) -> None:
        """Kill the actors of tasks; where nobody asked to stop, but whoever started this process is gone, they go on."""
        if signals.is_deserted():
            return
        wanted = [key for key in keys if key in self._tasks and key not in self._gone]
        try:
            self._asked(self._connected(), do="cancel", keys=wanted)
        except RayAway as error:
            self._terms.on_event(f"Ray does not answer ({error}): its tasks, if there are any, go on")
            return
        for key in wanted:
            (self._tasks[key].folder / HANDLE).unlink(missing_ok=True)
            self._gone[key] = Sight("gone", "cancelled")

    def close(self) -> None:
        """Let go of the cluster; one that was started for this command ends."""
        if self._side is not None:
            self._side.close()

    def _connected(self) -> RayConnection:
        """Return the connection; one that was lost is made anew, and what is there is watched again.

        Raises:
            RayAway: The cluster does not answer.
        """
        if self._side is not None and self._side.is_open:
            return self._side
        if time.monotonic() < self._next:
            raise RayAway("it was not reached")
        self._next = time.monotonic() + CONNECTING
        address, lost = _address(self._request.address), self._side is not None
        if address is None or not _is_reached(address):
            raise RayAway(f"nothing answers at {address}" if address else "no cluster is known")
        try:
            self._side = self._opened(address)
        except RayRefuses as error:
            if lost:
                raise RayAway(str(error)) from None
            raise self._terms.refusal("address", f"Ray at {address} refuses: {error}") from None
        if lost:
            sent = [key for key in self._tasks if key not in self._unsent and key not in self._gone]
            living = self._asked(self._side, do="watch", tasks=self._told(sent), variables=task_variables())["living"]
            for key in set(sent) - set(living):
                self._gone[key] = Sight("gone", "Ray knows it no longer")
        return self._side

    def _opened(self, address: str) -> RayConnection:
        """Return a new connection with a cluster; with a token where the cluster wants one, and Ray's variables say nothing of it.

        A cluster of this command's own has a token of its own: Ray would leave one in the home folder, and with that all clusters
        that are started there later would want it.

        Raises:
            RayRefuses: The cluster refuses.
            RayAway: It does not answer.
        """
        own = {} if MODE in os.environ else {MODE: "token"}
        if address == "local" and own:
            return self._joined(address, {**own, TOKEN: secrets.token_hex(32)})
        try:
            return self._joined(address, {})
        except RayRefuses as error:
            if not (own and error.wants_token):
                raise
            return self._joined(address, own)

    def _joined(self, address: str, variables: Mapping[str, str]) -> RayConnection:
        side = RayConnection(variables)
        try:
            side.ask(do="connect", address=address, options=self._request.options())
        except BaseException:
            side.close()
            raise
        return side

    def _watched(self, keys: list[str]) -> set[str]:
        """Return which of some tasks have an actor."""
        side = self._connected()
        return (
            set(self._asked(side, do="watch", tasks=self._told(keys), variables=task_variables())["living"])
            if keys
            else set()
        )

    def _asked(self, side: RayConnection, **request: Any) -> dict[str, Any]:
        """Return an answer; what Ray cannot do just now counts as none."""
        try:
            return side.ask(**request)
        except RayRefuses as error:
            side.close()
            raise RayAway(str(error)) from None

    def _told(self, keys: Iterable[str]) -> list[dict[str, Any]]:
        return [
            {
                "key": key,
                "name": self._names[key],
                "command": self._tasks[key].command,
                "folder": str(self._tasks[key].folder),
            }
            for key in keys
        ]


def ended(outcome: Mapping[str, Any]) -> Sight:
    """Return what is to be said of an actor that has ended."""
    host = str(outcome.get("host", ""))
    if "unseen" in outcome:
        told = f"{host} does not see {outcome['unseen']}: the project has to be on a disk that all nodes share"
        return Sight("gone", told, host, Failure(told, told, Cause(OTHER)), final=True)
    if "status" in outcome:
        reason = f"exit code {outcome['status']}"
        message = f"its process on {host} ended with {reason} and left neither a result nor an error"
        return Sight("gone", reason, host, Failure(message, message, Cause(PROCESS)))
    words = str(outcome.get("words", ""))
    told = f"{outcome.get('error')} {words}".lower()
    kind = next((kind for kind, known in LOST if any(each in told for each in known)), PROCESS)
    names = {
        NODE_LOST: "the node that it ran on is gone",
        OUT_OF_MEMORY: "Ray killed it for want of memory",
        CANCELLED: "it was cancelled in Ray",
        PROCESS: "its process was killed",
    }
    message = f"{names[kind]} (Ray says {outcome.get('error')})"
    return Sight("gone", message, host, Failure(message, f"{message}\n\n{words}", Cause(kind)), final=kind == CANCELLED)


def _address(said: str | None) -> str | None:
    """Return where a cluster is; None where none is known."""
    if said is not None:
        return said
    if address := os.environ.get("RAY_ADDRESS"):
        return address
    try:
        return CURRENT.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def _is_reached(address: str) -> bool:
    """Tell whether something takes connections at an address."""
    if address == "local":
        return True
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=REACHED).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True


def _handle(task: Task) -> str | None:
    """Return the name of the actor of a task's newest attempt; None where it has none."""
    try:
        content: Any = json.loads((task.folder / HANDLE).read_text(encoding="utf-8"))
        own = content["executor"] == "ray" and content["attempt"] == read_spec(task.folder)["attempt"]
        return str(content["name"]) if own else None
    except Exception:  # noqa: BLE001 — no handle, or a damaged one: the task is begun anew
        return None
