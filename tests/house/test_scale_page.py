"""The page about several machines: what it says of work without a shared disk is played, by two clones and a bare repository."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from docs import tutorial
from rlx.config import read_parameters
from tests.conftest import REPOSITORY, Project, shrink

PAGE = (REPOSITORY / "docs/scale.md").read_text()


def test_examples_of_the_page_are_valid(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(launch:.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        (tmp_path / "params.yaml").write_text(f"study: {{runs: [a]}}\n{block}")
        read_parameters(tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_clones_work_together_without_a_shared_disk(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "hub")], check=True)
    people: dict[str, tutorial.Reader] = {}
    for block in (block for block in tutorial.blocks(PAGE) if block.who):
        (tmp_path / block.who).mkdir(exist_ok=True)
        reader = people.setdefault(block.who, tutorial.Reader(tmp_path / block.who))
        for command in block.commands:
            reader.type(command)
            if command.startswith("git push -q -u"):
                shrink(Project(reader.here))
                subprocess.run(["git", "push", "-q"], cwd=reader.here, check=True)
    desk = Project(people["desk"].here)
    told = json.loads(desk.rlx("info", "node1_a", "--json").stdout)
    assert told["status"] == "finished"
    desk.rlx("checkout", "node1_a")
    assert (desk.root / "runs/node1_a/checkpoints/seed_1/latest.zip").is_file()
