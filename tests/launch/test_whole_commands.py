"""Whole commands beside the warm process: the same bytes with and without it, and nothing left running after a kill."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest

from tests.conftest import Project, interruptible

pytestmark = pytest.mark.slow  # whole commands, each from nothing

TIMES = {"metadata.json", "logs", ".origin.json"}
"""What holds times, and so differs from one training to the next."""
KILLS = 8


def train(project: Project, number: int = 0, **variables: str) -> subprocess.Popen[str]:
    """Start `rlx train cartpole` as a person does, in the ``number``-th variant."""
    words = ["rlx", "train", "cartpole", "-S", f"algo.gamma={0.9 + number / 1000}"]
    code = f"import sys; from rlx.cli import main; sys.argv = {words}; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=project.root, env={**os.environ, **variables}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        preexec_fn=interruptible,  # noqa: PLW1509
    )  # fmt: skip


def made(project: Project) -> dict[str, str]:
    """Return the hash of every file of the last finished run that holds no times."""
    return made_of(max(path.parent for path in (project.root / "runs").glob("cartpole_*/analysis.json")))


def made_of(run: Path) -> dict[str, str]:
    """Return the hash of every file of a run that holds no times."""
    files = [path for path in sorted(run.rglob("*")) if path.is_file()]
    names = {path.relative_to(run): path for path in files}
    return {
        str(name): hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in names.items()
        if not TIMES & set(name.parts)
    }


def running(mark: str) -> list[psutil.Process]:
    """Return the processes that a marked command has started, and which live."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("RLX_TEST_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def copied(fresh: Project, place: Path) -> Project:
    shutil.copytree(fresh.root, place, symlinks=True)
    return Project(place)


def test_a_command_leaves_the_same_bytes_with_and_without_the_warm_process(fresh: Project, tmp_path: Path) -> None:
    found = []
    for name, variables in (("warm", {}), ("cold", {"RLX_WARM": "off"})):
        project = copied(fresh, tmp_path / name)
        command = train(project, **variables)
        said = command.communicate(timeout=300)[0]
        assert command.returncode == 0, said
        found.append(made(project))
    assert found[0]["videos/median.mp4"]
    assert found[0] == found[1]


def test_whatever_is_killed_nothing_goes_on_and_nothing_is_lost(fresh: Project, tmp_path: Path) -> None:
    """Some process of the command, at some moment; then the command is run again and ends as if nothing had happened."""
    chance = random.Random(int(os.environ.get("RLX_TEST_SEED", "0")))
    whole = copied(fresh, tmp_path / "whole")
    command = train(whole)
    began = time.monotonic()
    assert command.communicate(timeout=300)
    assert command.returncode == 0
    took = time.monotonic() - began
    project = copied(fresh, tmp_path / "killed")
    for number in range(KILLS):
        mark = uuid.uuid4().hex
        command = train(project, number, RLX_TEST_MARK=mark)
        time.sleep(chance.uniform(0.0, took))
        victims = running(mark)
        if victims:
            chance.choice(victims).kill()
        command.communicate(timeout=120)
        deadline = time.monotonic() + 20.0
        while (left := running(mark)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left, [process.cmdline() for process in left]
    for number in (1, 0):  # as if nothing had happened; what is finished already says so
        command = train(project, number)
        said = command.communicate(timeout=300)[0]
        assert command.returncode == 0, said
    finished = [made_of(path.parent) for path in (project.root / "runs").glob("cartpole_*/analysis.json")]
    assert made(whole) in finished
