"""The README's tour and the tutorial, pasted line by line."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from docs import tutorial
from tests.conftest import REPOSITORY


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
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", tutorial.PAGES, ids=lambda path: path.stem)
def test_a_tutorial_shows_what_the_program_prints(path: Path) -> None:
    """Every command of the page is run; outputs must be those shown, numbers aside (they depend on the processor)."""
    page = path.read_text(encoding="utf-8")
    assert tutorial.masked(tutorial.rerun(page)) == tutorial.masked(page), (
        f"run: python docs/tutorial.py docs/{path.name}"
    )
