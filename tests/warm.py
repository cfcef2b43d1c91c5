"""Runs commands in processes forked from one that has imported what they need: each test saves their start-up.

``rlx`` and ``dvc`` take one to three seconds to import what they use, and the suite calls them more than a thousand times.
This program imports it once and forks a process per command, with its own folder, environment, arguments and output. What
such a command starts in turn (DVC, a stage of the pipeline, a worker) is forked as well, from the process that starts it,
which stays its parent. A command in the tests' own process would save no more: a fork costs 0.05 s, and keeps commands
apart as processes do. What depends on a start from nothing (imports, signals, the shell's words) is tested with real
processes, not here.

It reads a JSON line per command on standard input, ``{"argv": [...], "cwd": "...", "env": {...}, "output": "FILE",
"errors": "FILE" | null, "timeout": s}``, and answers each with a line, the exit status (null: it took too long).
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import importlib
import json
import multiprocessing.process
import multiprocessing.util
import os
import pickle
import pkgutil
import re
import runpy
import signal
import subprocess
import sys
import sysconfig
import time
import traceback
from collections.abc import Mapping, Sequence
from multiprocessing import resource_tracker
from pathlib import Path
from types import ModuleType
from typing import Any

from ruamel.yaml import YAML

PRELOADED = (
    "av", "click", "dulwich.porcelain", "dvc_data.index", "gymnasium", "hydra", "jinja2", "matplotlib.pyplot", "networkx",
    "pandas", "plotly.graph_objects", "pydantic.dataclasses", "pygit2", "rich.table", "ruamel.yaml", "scipy.stats",
    "stable_baselines3", "torch._dynamo", "torch.utils.serialization.config", "yaml",
)  # fmt: skip
"""What commands, stages and workers import, some of it only when they first use it (an optimiser imports torch._dynamo)."""
PURE = ("rlx.errors", "rlx.stats", "rlx.launch.compiled", "rlx.algorithms.ppo.kernels", "rlx.envs.vector_envs.dynamics",
        "rlx.envs.vector_envs.settling")  # fmt: skip
"""Modules of rlx that know of no project: they and the machine code that they have loaded are kept."""
ABOVE = 512
"""A number above those of all files that a command has open."""
STAGE = re.compile(r"python -m (stages\.\w+)((?: [\w.-]+)*)")
PATH = list(sys.path)
REPOSITORY = Path(__file__).parents[1]
INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_kept: list[Any] = []
"""What a forked process has of its parent's and must not let go of: closing it would close what has its number now."""
_registered: set[str] = set()
_set_by_imports: dict[str, str] = {}
_spoiled = False
"""Whether a command of rlx has run in this process: its modules know of a project then."""


def main() -> None:
    """Serve commands until standard input ends."""
    os.register_at_fork(after_in_child=atexit._clear)  # what a parent has to tidy up is not its child's
    before = set(os.environ)
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    import dvc

    import rlx

    for package in (dvc, rlx):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            with contextlib.suppress(ImportError):  # of an extra that is not installed
                importlib.import_module(module.name)
    from rlx.config import compose_run

    load_kernels()
    compose_run(REPOSITORY, "cartpole")  # Hydra looks for its plugins the first time
    remember_yaml()
    import gymnasium

    _registered.update(gymnasium.registry)
    _set_by_imports.update({name: value for name, value in os.environ.items() if name not in before})
    gc.freeze()
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.write(json.dumps(status_of(request)) + "\n")
        sys.stdout.flush()


def load_kernels() -> None:
    """Load the compiled engine from disk into this process, for all that are forked from it."""
    from rlx.algorithms import load_kernels as parts, prepare_kernels

    prepare_kernels(lambda _: None)
    for _ in parts():
        pass


def remember_yaml() -> None:
    """Let a process parse a text of YAML once: DVC parses its files and ``params.yaml`` for every stage, in Python."""
    parse, parsed = YAML.load, dict[str, bytes]()

    def load(self: YAML, stream: Any) -> Any:
        if self.typ != ["safe"] or not isinstance(stream, str):
            return parse(self, stream)
        if stream not in parsed:
            parsed[stream] = pickle.dumps(parse(self, stream))
        return pickle.loads(parsed[stream])

    YAML.load = load
    YAML(typ="safe").load((REPOSITORY / "dvc.yaml").read_text())  # that of every project


def status_of(request: dict[str, Any]) -> int | None:
    """Run one command in a process of its own, and return its exit status."""
    pid = os.fork()
    if pid == 0:
        output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        errors = os.open(request["errors"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if request["errors"] else output
        os.setpgid(0, 0)
        become(request["argv"], request["cwd"], request["env"], (os.open(os.devnull, os.O_RDONLY), output, errors))
    deadline, pause = time.monotonic() + request["timeout"], 0.001
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(2 * pause, 0.05)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def become(argv: Sequence[str], cwd: str, env: Mapping[str, str], streams: Sequence[int]) -> None:
    """Let this forked process be a command with these standard streams, and end with it."""
    status = 1
    try:
        gc.freeze()
        _kept.append((sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__))
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update({**_set_by_imports, **env})
        for number, stream in enumerate([fcntl.fcntl(stream, fcntl.F_DUPFD, ABOVE) for stream in streams]):
            os.dup2(stream, number)
        os.closerange(3, 2 * ABOVE)
        sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w", buffering=1), open(2, "w", buffering=1)  # noqa: SIM115
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
        sys.argv, sys.path = list(argv), [os.path.dirname(sys.executable), *PATH[1:]]  # noqa: PTH120
        start_afresh()
        subprocess.Popen = _Popen
        multiprocessing.get_context = _context
        status = called(argv)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
    except BaseException:  # noqa: BLE001 — as an interpreter would
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(status & 0xFF)


def start_afresh() -> None:
    """Forget what the process that this one was forked from was at: its handlers, children and the project's modules."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    multiprocessing.process._children = set()
    multiprocessing.util._finalizer_registry.clear()
    resource_tracker._resource_tracker._fd = resource_tracker._resource_tracker._pid = None
    if _spoiled:
        _kept.append(dict(sys.modules))
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if name.startswith(PURE):
                continue
            if name.partition(".")[0] == "rlx" or (name != "__main__" and file and not file.startswith(INSTALLED)):
                del sys.modules[name]
        importlib.invalidate_caches()
        import gymnasium

        for name in set(gymnasium.registry) - _registered:
            del gymnasium.registry[name]


def called(argv: Sequence[str]) -> int:
    """Call the program."""
    global _spoiled
    if argv[0] == "dvc":
        from dvc.cli import main as program

        return int(program(list(argv[1:])) or 0)
    _spoiled = True
    if argv[0] != "rlx":
        _kept.append(sys.modules["__main__"])
        sys.modules["__main__"] = ModuleType("__main__")
        sys.path[0] = str(os.getcwd())  # noqa: PTH109
        runpy._run_module_as_main(argv[0])
        return 0
    from rlx.cli import main as command

    command()
    return 0


def program_of(args: Any, env: Mapping[str, str] | None) -> list[str] | None:
    """Return what a command line starts, if that is ours and can be forked: ``dvc``, or a stage by its module."""
    if not isinstance(args, list) or (env or os.environ).get("PYTHONPATH") != FOUND_BY:
        return None
    if args[:3] == [sys.executable, "-m", "dvc"]:
        return ["dvc", *args[3:]]
    if len(args) > 2 and args[-2] == "-c" and (stage := STAGE.fullmatch(args[-1])):
        return [stage[1], *stage[2].split()]
    return None


FOUND_BY = os.environ.get("PYTHONPATH")
_RealPopen, _real_context = subprocess.Popen, multiprocessing.get_context


class _Popen(_RealPopen):
    """Starts DVC and stages by forking, everything else as ever."""

    def _execute_child(
        self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo, creationflags, shell,
        p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, restore_signals, gid, gids, uid, umask,
        start_new_session, process_group,
    ) -> None:  # fmt: skip
        argv = None if shell or preexec_fn or pass_fds else program_of(args, env)
        if argv is None:
            super()._execute_child(
                args, executable, preexec_fn, close_fds, pass_fds, cwd, env, startupinfo, creationflags, shell,
                p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, restore_signals, gid, gids, uid, umask,
                start_new_session, process_group,
            )  # fmt: skip
            return
        pid = os.fork()
        if pid == 0:
            if start_new_session:
                os.setsid()
            pairs = zip((p2cread, c2pwrite, errwrite), (0, 1, 2), strict=True)
            streams = [given if given != -1 else own for given, own in pairs]
            become(argv, str(cwd or "."), dict(env or os.environ), streams)
        self.pid, self._child_created = pid, True
        self._close_pipe_fds(p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)


def _context(method: str | None = None) -> Any:
    """Let workers be forked from this process, which has imported everything: they do the same, and start at once."""
    return _real_context("fork" if os.environ.get("PYTHONPATH") == FOUND_BY else method)


if __name__ == "__main__":
    main()
