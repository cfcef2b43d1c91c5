"""What is released: its files and what they say of themselves; the wheel where nothing else is, with the versions that CI has, the
oldest that it names, and today's; and in the other Pythons that it names, as far as they are here."""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from functools import cache
from pathlib import Path

import pytest

import rlx
from rlx.experiments.template import template_files
from tests.conftest import REPOSITORY, Project, shrink
from tests.experiments.older_project import STORED_0_1

pytestmark = [pytest.mark.release, pytest.mark.timeout(1200)]

MINORS = (11, 12, 13)
"""The Pythons 3.x that the classifiers name."""
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
def released(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The source distribution, and the wheel that is made of it: what is released."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(REPOSITORY)]
    subprocess.run(command, check=True, capture_output=True)
    (source,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return source, wheel


@pytest.fixture(scope="module")
def wheel(released: tuple[Path, Path]) -> Path:
    return released[1]


def texts(path: Path) -> dict[str, bytes]:
    """Return the files of a distribution, by their name below its folder."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    with tarfile.open(path) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        return {member.name.partition("/")[2]: archive.extractfile(member).read() for member in members}  # type: ignore[union-attr]


def test_the_package_says_what_it_is(released: tuple[Path, Path]) -> None:
    """For whoever meets it in an index: all that `twine check` asks, a version that has one place, and no empty field."""
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *map(str, released)],
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    source, wheel = map(texts, released)
    said = email.message_from_bytes(wheel[f"rlx-{rlx.__version__}.dist-info/METADATA"])
    assert said["Version"] == rlx.__version__
    assert email.message_from_bytes(source["PKG-INFO"])["Version"] == rlx.__version__
    for name in (
        "Summary",
        "Author",
        "Maintainer",
        "Keywords",
        "License-Expression",
        "License-File",
        "Requires-Python",
    ):
        assert said[name], name
    named = {text.rpartition(" :: ")[2] for text in said.get_all("Classifier") if "Python :: 3." in text}
    assert named == {f"3.{minor}" for minor in (11, 12, 13)} == {f"3.{minor}" for minor in MINORS}
    assert not said.get_all("Project-URL")  # it has no page of its own


def test_nothing_is_missing_and_nothing_is_of_this_machine(released: tuple[Path, Path]) -> None:
    source, wheel = map(texts, released)
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "src"], cwd=REPOSITORY, text=True, capture_output=True, check=True
    ).stdout.split("\0")
    assert {name for name in tracked if name} <= source.keys()
    assert {name.removeprefix("src/") for name in tracked if name} <= wheel.keys()
    assert {f"rlx/template/{name}" for name in template_files()} <= wheel.keys()
    assert {f"rlx-{rlx.__version__}.dist-info/licenses/LICENSE", "rlx/py.typed"} <= wheel.keys()
    for name in (
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "SECURITY.md",
        "CITATION.cff",
        "docs/tutorial.md",
        "pyproject.toml",
    ):
        assert source[name] == (REPOSITORY / name).read_bytes(), name
    known = {
        *filter(
            None,
            subprocess.run(
                ["git", "ls-files", "-z"], cwd=REPOSITORY, text=True, capture_output=True, check=True
            ).stdout.split("\0"),
        )
    }
    assert source.keys() - known == {"PKG-INFO"}
    for names in (source, wheel):
        for name, content in names.items():
            assert str(REPOSITORY).encode() not in content, name
            assert not {"__pycache__", ".git", ".dvc/tmp", ".dvc/cache"} & {*Path(name).parts}, name


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


WITHOUT_TORCH = ("torch", "stable-baselines3", "sb3-contrib")
"""What is left out where pip has no CPU build of torch: it would bring gigabytes of CUDA."""


@cache
def python(minor: int) -> Path | None:
    """Return a Python 3.x of this machine: on the path, or among pyenv's."""
    name = f"python3.{minor}"
    homes = [Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"]
    found = [shutil.which(name), *(path / "bin" / name for home in homes for path in sorted(home.glob(f"3.{minor}.*")))]
    for path in filter(None, found):
        said = subprocess.run([str(path), "--version"], text=True, capture_output=True, check=False)
        if said.returncode == 0:
            return Path(path)
    return None


@pytest.mark.parametrize("minor", [minor for minor in MINORS if minor != sys.version_info.minor])
def test_the_wheel_works_in_other_pythons(wheel: Path, tmp_path: Path, minor: int) -> None:
    """All but what needs torch, which has a CPU build here for one Python alone: a project is made, resolved and looked at, a sweep is
    planned, and stored results are read, diagnosed and compared."""
    found = python(minor)
    if found is None:
        pytest.skip(f"there is no Python 3.{minor} on this machine")
    subprocess.run([str(found), "-m", "venv", str(tmp_path / "venv")], check=True)
    wanted = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]
    needed = [each for each in wanted if re.split(r"[\[<>=]", each)[0] not in WITHOUT_TORCH]
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(each for each in pinned() if each.split("==")[0] not in WITHOUT_TORCH) + "\n")
    pip(tmp_path / "venv", "--constraint", str(constraints), *needed)
    pip(tmp_path / "venv", "--no-deps", str(wheel))
    environment = {**os.environ, "PATH": f"{tmp_path / 'venv/bin'}:/usr/bin:/bin:/usr/local/bin"}
    environment.pop("PYTHONPATH", None)

    def told(folder: Path, *command: str) -> str:
        done = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert told(tmp_path, "rlx", "--version") == f"rlx {rlx.__version__}\n"
    assert "  train " in told(tmp_path, "rlx", "--help")
    told(tmp_path, "rlx", "init", "project")
    project = tmp_path / "project"
    for command in (
        ["rlx", "ls"],
        ["python", "-m", "stages.resolve", "cartpole"],
        ["rlx", "upgrade"],
        ["rlx", "sweep", "cartpole", "algo.gamma=0.9,0.99", "--dry-run"],
        ["rlx", "skills", "install", "--claude"],
    ):
        told(project, *command)
    snapshot = (project / "runs/cartpole/config_snapshot.yaml").read_text()
    assert snapshot == (REPOSITORY / "runs/cartpole/config_snapshot.yaml").read_text()
    stored = tmp_path / "stored"
    with tarfile.open(STORED_0_1) as archive:
        archive.extractall(stored, filter="data")
    told(stored, "dvc", "checkout", "--quiet")
    for command in (
        ["rlx", "ls"],
        ["rlx", "info", "cartpole"],
        ["rlx", "diagnose", "cartpole"],
        ["rlx", "analyze", "cartpole"],
    ):
        assert "cartpole" in told(stored, *command)
    assert "BossFight-v0" in told(stored, "rlx", "compare", "cartpole", "bossfight")
