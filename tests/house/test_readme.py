"""The README's tour, the tutorial and the how-tos, pasted line by line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from docs import tutorial
from tests.conftest import REPOSITORY


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_tour_can_be_pasted_line_by_line(tmp_path: Path) -> None:
    text = (REPOSITORY / "README.md").read_text()
    (tour,) = (block for block in tutorial.blocks(text) if block.kind == "console")
    reader = tutorial.Reader(tmp_path)
    outputs = {command: reader.type(command) for command in tour.commands}
    assert "cartpole_epochs improved on cartpole" in outputs["rlx compare"]
    assert (reader.here / "runs" / "cartpole_001" / "videos" / "median.mp4").is_file()
    (shown,) = [output for line, output in outputs.items() if line.startswith("dvc exp show")]
    assert "cartpole_001" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown
    assert (reader.here / "dvc_plots" / "index.html").is_file()


def test_pages_are_read_on_a_machine_without_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has: what `.ci/components` installs stays installed, and pages show what a laptop says."""
    tools, links = tmp_path / "tools", tmp_path / "links"
    for folder in (tools, links):
        folder.mkdir()
    for name in (*tutorial.HIDDEN, "greet"):
        (tools / name).write_text(f"#!/bin/sh\necho {name}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    assert tutorial.Reader(tmp_path).type("sbatch; greet") == "sbatch\ngreet\n"
    reader = tutorial.Reader(tmp_path, tutorial.laptop(links))
    assert reader.type("command -v sbatch squeue; greet; git --version >/dev/null && echo git") == "greet\ngit\n"


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", tutorial.PAGES, ids=lambda path: path.stem)
def test_a_page_shows_what_the_program_prints(path: Path) -> None:
    """Every command of the page is run; outputs must be those shown, numbers aside (they depend on the processor)."""
    page = path.read_text(encoding="utf-8")
    assert tutorial.masked(tutorial.rerun(page)) == tutorial.masked(page), (
        f"run: python docs/tutorial.py {path.relative_to(REPOSITORY)}"
    )
