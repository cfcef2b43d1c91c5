"""What is released: the wheel where nothing else is, with the versions that CI has, the oldest that it names, and today's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, Project, shrink

pytestmark = [pytest.mark.release, pytest.mark.timeout(1200)]

SHIPPED = ("dvc.yaml", "stages/train.py", "envs/bossfight.py", "configs/lunarlander.yaml")


def pinned() -> list[str]:
    """Return the versions with which rlx is tested otherwise."""
    return (REPOSITORY / "constraints.txt").read_text().splitlines()


def torch() -> list[str]:
    """Return the version of torch with which rlx is tested: others bring gigabytes of CUDA with them."""
    return [line for line in pinned() if line.startswith("torch==")]


def oldest() -> list[str]:
    """Return the lower end of each range in ``pyproject.toml``."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    found = [re.match(r"([\w-]+)(?:\[[\w,-]+\])?>=([\w.]+)", each) for each in project["dependencies"]]
    assert all(found), "every dependency says from which version on"
    return [f"{each[1]}=={each[2]}" for each in found if each]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "-o", str(folder), str(REPOSITORY)]
    subprocess.run(command, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


def pip(folder: Path, *arguments: str) -> None:
    command = [str(folder / "bin" / "pip"), "install", "--quiet", *arguments]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "versions",
    [
        pytest.param(pinned(), id="tested"),
        pytest.param([*torch(), *(each for each in oldest() if not each.startswith("torch=="))], id="oldest"),
        pytest.param(torch(), id="newest"),
    ],
)
def test_the_wheel_alone_makes_projects_that_run(wheel: Path, tmp_path: Path, versions: list[str]) -> None:
    """Installing takes a minute each time, and the first training compiles its kernels."""
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(versions) + "\n")
    venv.create(tmp_path / "venv", with_pip=True)
    pip(tmp_path / "venv", "--constraint", str(constraints), str(wheel))
    environment = {**os.environ, "PATH": f"{tmp_path / 'venv/bin'}:/usr/bin:/bin:/usr/local/bin"}
    environment.pop("PYTHONPATH", None)
    subprocess.run(["rlx", "init", "project"], cwd=tmp_path, env=environment, check=True)
    project = Project(tmp_path / "project")
    shrink(project)
    done = subprocess.run(
        ["dvc", "repro"], cwd=project.root, env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project.root / "analysis" / "compare" / "comparison.md").is_file()
    for name in SHIPPED:
        assert (project.root / name).read_bytes() == (REPOSITORY / name).read_bytes()
    subprocess.run(["rlx", "skills", "install", "--claude"], cwd=project.root, env=environment, check=True)
    skill = "skills/rlx-autoloop/SKILL.md"
    assert (project.root / ".claude" / skill).read_bytes() == (REPOSITORY / "plugins/rlx" / skill).read_bytes()
    python = str(tmp_path / "venv/bin/python")
    subprocess.run([python, "-m", "rlx.skills.validate"], cwd=tmp_path, env=environment, check=True)


def test_the_oldest_versions_fit_each_other(wheel: Path, tmp_path: Path) -> None:
    """All of them, torch too: nothing is installed, which would bring its CUDA."""
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(oldest()) + "\n")
    venv.create(tmp_path / "venv", with_pip=True)
    pip(tmp_path / "venv", "--dry-run", "--constraint", str(constraints), str(wheel))
