"""The side of Ray: a process that speaks with a cluster, and answers the executor ``ray`` in lines of JSON.

Ray ends a process whose cluster is gone for a minute, has threads of its own, and prints. So it is kept out of the process that
carries tasks out: this one may die at any time, and the next finds what there is, since tasks are detached actors with names.

Each request is a line on standard input, each answer one on standard output: ``connect`` first, then ``submit``, ``watch``,
``look``, ``cancel``. The end of standard input ends it, and tasks of a cluster that others started go on.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

NAMESPACE = "rlx"
OUTPUT = "output.txt"
"""What a task's command prints, in its folder."""


class Runner:
    """An actor, in which one task's command runs; it travels by value, so a node needs Ray alone to begin it."""

    def __init__(self) -> None:
        self.outcome: dict[str, Any] | None = None

    def run(self, command: list[str], folder: str, variables: dict[str, str], output: str) -> dict[str, Any]:
        """Run a command once, however often this is called; returns its exit status, and where it ran.

        The command ends when this process does, by the end of its standard input.
        """
        import os
        import subprocess
        import sys

        host = os.uname().nodename
        if self.outcome is None and not os.path.isdir(folder):  # noqa: PTH112 — all that it needs is named here
            self.outcome = {"unseen": folder, "host": host}
        if self.outcome is None:
            python = command[0] if os.access(command[0], os.X_OK) else sys.executable
            words = [python, *command[1:], "--while-open"]
            with open(os.path.join(folder, output), "ab") as log:  # noqa: PTH118, PTH123
                process = subprocess.Popen(
                    words, stdin=subprocess.PIPE, stdout=log, stderr=log, env={**os.environ, **variables}, cwd=folder
                )
                self.outcome = {"status": process.wait(), "host": host}
        return self.outcome


class Side:
    """Answers requests."""

    def __init__(self, ray: Any):
        self._ray = ray
        self._actors: dict[str, Any] = {}
        self._calls: dict[str, tuple[Any, ...]] = {}
        self._refs: dict[str, Any] = {}
        self._options: dict[str, Any] = {}

    def connect(self, address: str, options: dict[str, Any]) -> dict[str, Any]:
        """Connect with a cluster, or start one (``local``)."""
        own: dict[str, Any] = {"address": address}
        if address == "local":
            own = {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        self._ray.init(namespace=NAMESPACE, log_to_driver=False, logging_level="ERROR", **own)
        self._options = options
        return {"nodes": sum(node["Alive"] for node in self._ray.nodes())}

    def submit(self, tasks: list[dict[str, Any]], variables: dict[str, str]) -> dict[str, Any]:
        """Start an actor for each task, where there is none of its name."""
        kind = self._ray.remote(max_restarts=0)(Runner)
        for task in tasks:
            options = {**self._options, "name": task["name"], "lifetime": "detached", "get_if_exists": True}
            self._actors[task["key"]] = kind.options(**options).remote()
            self._call(task["key"], (task["command"], task["folder"], variables, OUTPUT))
        return {}

    def watch(self, tasks: list[dict[str, Any]], variables: dict[str, str]) -> dict[str, Any]:
        """Find actors that were started before; returns the keys of those that are there."""
        living = []
        for task in tasks:
            try:
                self._actors[task["key"]] = self._ray.get_actor(task["name"])
            except ValueError:
                continue
            living.append(task["key"])
            self._call(task["key"], (task["command"], task["folder"], variables, OUTPUT))
        return {"living": living}

    def _call(self, key: str, arguments: tuple[Any, ...]) -> None:
        """Have an actor run its command; of one that does or did, the answer is that of the first call."""
        self._calls[key] = arguments
        self._refs[key] = self._actors[key].run.remote(*arguments)

    def look(self) -> dict[str, Any]:
        """Return what has ended since the last look, by key."""
        keys = {ref: key for key, ref in self._refs.items()}
        if not keys:
            return {"gone": {}}
        ready, _ = self._ray.wait(list(keys), num_returns=len(keys), timeout=0)
        found = {keys[ref]: self._outcome(ref) for ref in ready}
        for key in [key for key, outcome in found.items() if outcome is None]:
            self._call(key, self._calls[key])
        gone = {key: outcome for key, outcome in found.items() if outcome is not None}
        for key in gone:
            self._ray.kill(self._actors.pop(key))
            del self._refs[key]
        return {"gone": gone}

    def _outcome(self, ref: Any) -> dict[str, Any] | None:
        """Return how an actor has ended; None where it cannot be reached just now."""
        errors = self._ray.exceptions
        try:
            outcome: dict[str, Any] = self._ray.get(ref)
        except errors.ActorUnavailableError:
            return None
        except errors.RayError as error:
            return {"error": type(error).__name__, "words": str(error)[:4000]}
        return outcome

    def cancel(self, keys: list[str]) -> dict[str, Any]:
        """Kill actors."""
        for key in keys:
            if key in self._actors:
                self._ray.kill(self._actors.pop(key))
                self._refs.pop(key, None)
        return {}


def answer(side: Side, line: str) -> dict[str, Any]:
    """Return the answer to a request; a refusal where it fails."""
    request = json.loads(line)
    does: dict[str, Callable[..., dict[str, Any]]] = {
        name: getattr(side, name) for name in ("connect", "submit", "watch", "look", "cancel")
    }
    try:
        return does[request.pop("do")](**request)
    except Exception as error:  # noqa: BLE001 — whatever Ray raises is for whoever asked
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        told = [f"{type(each).__name__}: {each}"[:1000] for each in ([error] if cause is error else [error, cause])]
        return {"refused": "; ".join(told)}


def main() -> None:
    """Answer until there are no more requests."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what Ray prints is no answer
    import ray

    side = Side(ray)
    for line in sys.stdin:
        answers.write(json.dumps(answer(side, line)) + "\n")
        answers.flush()
    ray.shutdown()


if __name__ == "__main__":
    main()
