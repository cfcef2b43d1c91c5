"""The README's tour, pasted line by line; and the wheel, installed where nothing else is."""

from __future__ import annotations

import re
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from docs import tutorial
from tests.conftest import REPOSITORY, Project, shrink


def tour() -> list[str]:
    text = (REPOSITORY / "README.md").read_text()
    block = re.search(r"```console\n(.*?)```", text, re.DOTALL)
    assert block
    return [
        line.removeprefix("$ ").partition("  #")[0].strip() for line in block[1].splitlines() if line.startswith("$ ")
    ]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_tour_can_be_pasted_line_by_line(tmp_path: Path) -> None:
    here = tmp_path
    outputs = {}
    for line in tour():
        if line.startswith("cd "):
            here = here / line.removeprefix("cd ")
            continue
        done = subprocess.run(["bash", "-c", line], cwd=here, text=True, capture_output=True, timeout=900, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        outputs[line] = done.stdout
    assert "cartpole_epochs improved on cartpole" in outputs["rlx compare"]
    assert (here / "runs" / "cartpole_001" / "videos" / "median.mp4").is_file()
    (shown,) = [output for line, output in outputs.items() if line.startswith("dvc exp show")]
    assert "cartpole_001" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown
    assert (here / "dvc_plots" / "index.html").is_file()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_wheel_alone_makes_projects_that_run(tmp_path: Path) -> None:
    """Build the wheel, install it in a fresh environment, run `rlx init` and `dvc repro` on a tiny budget."""
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "-o", str(tmp_path / "dist"), str(REPOSITORY)],
        check=True,
        capture_output=True,
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    bin_folder = tmp_path / "venv" / "bin"
    install = [str(bin_folder / "pip"), "install", "-q", "-c", str(REPOSITORY / "constraints.txt"), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    path = {"PATH": f"{bin_folder}:/usr/bin:/bin:/usr/local/bin"}
    import os

    environment = {**os.environ, **path}
    subprocess.run(["rlx", "init", "project"], cwd=tmp_path, env=environment, check=True)
    project = Project(tmp_path / "project")
    shrink(project)
    done = subprocess.run(
        ["dvc", "repro"], cwd=project.root, env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project.root / "analysis" / "compare" / "comparison.md").is_file()
    for name in ("dvc.yaml", "params.yaml", "stages/train.py", "envs/bossfight.py", "configs/lunarlander.yaml"):
        if name != "params.yaml":
            assert (project.root / name).read_bytes() == (REPOSITORY / name).read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_tutorial_shows_what_the_program_prints() -> None:
    """Every command of docs/tutorial.md is run; outputs must be those shown, numbers aside (they depend on the processor)."""
    page = tutorial.PAGE.read_text(encoding="utf-8")
    assert tutorial.masked(tutorial.rerun(page)) == tutorial.masked(page), "run: python docs/tutorial.py"
