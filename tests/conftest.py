"""Fixtures: a fresh project, and one whose study has been run once."""

from __future__ import annotations

import atexit
import functools
import hashlib
import importlib.metadata
import json
import multiprocessing
import multiprocessing.context
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
import pytest
from filelock import FileLock

from rlx.launch.threads import worker_variables

os.environ |= {
    **worker_variables(),
    "DVC_NO_ANALYTICS": "1",
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@localhost",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@localhost",
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "COLUMNS": "80",
}
os.environ.pop("DVC_ROOT", None)
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as in a container: every process would compile everything anew
sys.dont_write_bytecode = False
os.register_at_fork(after_in_child=atexit._clear)  # what these tests have to tidy up is not a forked worker's

REPOSITORY = Path(__file__).parents[1]
FOUND_BY = os.environ.get("PYTHONPATH")


def interruptible() -> None:
    """Let a new process hear Ctrl-C, also where the tests themselves run in the background (for ``preexec_fn``)."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


class _Warm:
    """A process that has imported everything, and from which commands are forked; see ``tests/warm.py``."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("warm.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=os.sep
        )

    def status(self, **request: object) -> int | None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        with self._process:  # closes what it reads, so that it ends, and waits for it
            pass


_warm: list[_Warm] = []


def pytest_unconfigure() -> None:
    """Let the warm process go."""
    while _warm:
        _warm.pop().close()


def run(
    command: Sequence[str], folder: Path, *, apart: bool = False, timeout: float = 900
) -> subprocess.CompletedProcess[str]:
    """Run a command with its output in one text, or with errors ``apart``; `rlx`, `dvc` and `python -m stages…` start warm.

    They start from nothing where the test has put packages on the path.
    """
    words = ["dvc", *command[3:]] if command[:3] == (sys.executable, "-m", "dvc") else list(command)
    if words[:2] == ["python", "-m"] and words[2].startswith("stages."):
        words = words[2:]
    if not (words[0] in ("rlx", "dvc") or words[0].startswith("stages.")) or os.environ.get("PYTHONPATH") != FOUND_BY:
        stderr = subprocess.PIPE if apart else subprocess.STDOUT
        return subprocess.run(
            command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=stderr, timeout=timeout, check=False
        )
    if not _warm:
        _warm.append(_Warm())
    with tempfile.TemporaryDirectory(prefix="rlx-test-") as place:
        output, errors = Path(place, "output"), Path(place, "errors")
        request = {
            "argv": words,
            "cwd": str(folder),
            "env": dict(os.environ),
            "output": str(output),
            "timeout": timeout,
        }
        status = _warm[0].status(**request, errors=str(errors) if apart else None)
        texts = [path.read_text(errors="replace") if path.is_file() else "" for path in (output, errors)]
        if status is None:
            raise subprocess.TimeoutExpired(words, timeout, texts[0])
        return subprocess.CompletedProcess(words, status, texts[0], texts[1] if apart else None)


@dataclass
class Project:
    """A project on disk, driven as a user drives it."""

    root: Path

    def run(self, *command: str, check: bool = True, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        done = run(command, self.root, timeout=timeout)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)} exited with {done.returncode}:\n{done.stdout}")
        return done

    def dvc(self, *arguments: str, check: bool = True) -> str:
        return self.run(sys.executable, "-m", "dvc", *arguments, check=check).stdout

    def rlx(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("rlx", *arguments, check=check)

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments).stdout

    def commit(self, message: str = "change") -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text, f"{old!r} is not in {name}"
        (self.root / name).write_text(text.replace(old, new))

    def lock(self) -> dict[str, dict]:
        import yaml

        return yaml.safe_load((self.root / "dvc.lock").read_text())["stages"]


def own(folder: Path) -> None:
    """Let results that a test made up be those of the snapshot beside them."""
    from rlx.records.elsewhere import snapshot_hash

    for name in ("metadata.json", "eval/summary.json"):
        path = folder / name
        if path.is_file():
            content = json.loads(path.read_text()) | {"snapshot": snapshot_hash(folder)}
            path.unlink()  # it is a link into DVC's cache
            path.write_text(json.dumps(content))


def shrink(project: Project) -> None:
    """Give a fresh project a budget that a test can afford."""
    for old, new in (
        ("seed: 101", "seed: 1"),
        ("num_seeds: 20", "num_seeds: 2"),
        ("total_timesteps: 50000", "total_timesteps: 2048"),
        ("save_every: 25000", "save_every: 1024"),
        ("every: 10000", "every: 1024"),
        ("  episodes: 20\n", "  episodes: 2\n"),
        ("  episodes: 100\n", "  episodes: 4\n"),
        ("max_steps: 3000", "max_steps: 30"),
    ):
        project.replace("params.yaml", old, new)
    project.commit("shrink")


_real_context = multiprocessing.get_context
SPAWNING = {
    "test_workers_use_one_thread_each_and_events_arrive",
    "test_never_more_workers_than_cores",
    "test_results_are_the_same_for_any_number_of_workers",
    "test_a_seed_whose_environment_dies_is_named",
    "test_a_copy_in_a_process_of_its_own_is_named",
    "test_prints_of_an_environment_are_no_output",
    "test_a_sink_gets_every_row_of_every_seed",
    "test_the_film_shows_the_evaluated_episode",
    "test_what_an_environment_sets_for_its_process_changes_nothing",
    "test_workers_that_need_other_code_paths_start_with_them",
}
"""The tests whose workers start from nothing, as they do outside of tests; those of all others are forked."""


@pytest.fixture(autouse=True)
def forked_workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers be forked from this process, which has imported everything: they do the same, and start at once."""
    if request.node.originalname not in SPAWNING:
        monkeypatch.setattr("multiprocessing.get_context", lambda _=None: _forking())


@functools.cache
def _forking() -> multiprocessing.context.ForkContext:
    """Return what forks workers, after this process has loaded what each of them would."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import stable_baselines3  # noqa: F401
        import torch._dynamo  # noqa: F401 — imported by the first optimiser

    from tests.warm import load_kernels

    load_kernels()
    return _real_context("fork")


@pytest.fixture(autouse=True)
def kernels_from_disk(request: pytest.FixtureRequest) -> None:
    """Let tests that call kernels have them from disk, as a training has: what is compiled in memory can round otherwise."""
    if request.path.parent.name in ("algorithms", "envs", "training"):
        from rlx.algorithms import prepare_kernels

        prepare_kernels(print)


@pytest.fixture(autouse=True)
def no_trace_of_projects() -> Iterator[None]:
    """Let no test know the environments and networks of another one's project, which have the same names."""

    def of_projects(name: str) -> bool:
        return name.partition(".")[0] in ("envs", "policies", "algorithms", "rules")

    def registered() -> dict[str, Any]:
        registry = sys.modules["gymnasium"].registry if "gymnasium" in sys.modules else {}
        return {name: spec for name, spec in registry.items() if of_projects(str(spec.entry_point).partition(":")[0])}

    def loaded() -> dict[Path, Any]:
        return sys.modules["rlx.envs.making"]._own if "rlx.envs.making" in sys.modules else {}

    modules, specs = {name for name in sys.modules if of_projects(name)}, registered()
    projects, path = set(loaded()), list(sys.path)
    yield
    sys.path[:] = path
    for root in set(loaded()) - projects:
        del loaded()[root]
    for name in [name for name in sys.modules if of_projects(name) and name not in modules]:
        del sys.modules[name]
    for name in set(registered()) - set(specs):
        del sys.modules["gymnasium"].registry[name]


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A fresh project of `rlx init` with a tiny budget; do not change it, copy it."""
    made = Project(tmp_path_factory.mktemp("fresh") / "project")
    run(["rlx", "init", str(made.root)], made.root.parent).check_returncode()
    shrink(made)
    return made


@pytest.fixture
def project(fresh: Project, tmp_path: Path) -> Project:
    """A copy of the fresh project, to change at will."""
    shutil.copytree(fresh.root, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")


MADE_FROM = ("src", "stages", "configs", "envs", "policies", "algorithms", "params.yaml", "dvc.yaml", ".dvc/config",
             ".dvc/plots", ".gitignore", ".gitattributes", ".dvcignore", "runs/README.md", "tests/conftest.py")  # fmt: skip
KEPT = 5
"""Finished projects that stay in the cache folder, the ones used last."""


def _key() -> str:
    """Return a hash of all that the finished project comes from: code, templates, and the versions of what is installed."""
    digest = hashlib.sha256(f"{sys.version} {platform.machine()} {sys.prefix}".encode())
    for found in sorted(f"{each.name} {each.version}" for each in importlib.metadata.distributions()):
        digest.update(found.encode())
    for name in MADE_FROM:
        inside = sorted((REPOSITORY / name).rglob("*")) if (REPOSITORY / name).is_dir() else [REPOSITORY / name]
        for path in inside:
            if path.is_file() and path.suffix != ".pyc":
                digest.update(f"{path.relative_to(REPOSITORY)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _finished(cache: Path) -> Path:
    """Return the folder of the finished project and of its remote; made where nobody has, or has been interrupted."""
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / _key()
    with FileLock(cache / "lock"):
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            made = Project(folder / "project")
            run(["rlx", "init", str(made.root), "--remote", str(folder / "remote")], folder).check_returncode()
            shrink(made)
            made.dvc("repro")
            made.commit("run the study")
        (folder / "done").touch()
        last_used = sorted(cache.glob("*/done"), key=lambda path: path.stat().st_mtime)
        for old in last_used[:-KEPT]:
            shutil.rmtree(old.parent, ignore_errors=True)
    return folder / "project"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose tiny study has been run and committed; do not change it, copy it.

    Made once for each state of the code (in the user's cache folder), and copied for each process that tests run in.
    """
    made = _finished(Path(platformdirs.user_cache_dir("rlx-tests")) / "finished")
    copy = tmp_path_factory.mktemp("own") / "project"
    shutil.copytree(made, copy, symlinks=True)
    return Project(copy)


@pytest.fixture
def study(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project, to change at will."""
    shutil.copytree(finished.root, tmp_path / "study", symlinks=True)
    return Project(tmp_path / "study")
