"""The how-tos: which there are, and that nothing of them escapes the test that types their commands (`test_readme.py`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs import tutorial
from tests.conftest import REPOSITORY

PAGES = {
    "environment", "network", "algorithm", "sink", "cluster", "study", "notebook", "colleague", "vscode", "from-rl-zoo3",
    "from-cleanrl", "from-wandb-sweeps", "from-hydra",
}  # fmt: skip
NOT_PLAYED = {"cluster": 1}
"""Blocks of commands that need more than a laptop, by page: each is told in its page, with the reason."""


def test_every_how_to_is_played_and_in_the_index() -> None:
    assert {path.stem for path in tutorial.HOW_TOS} == PAGES
    assert set(tutorial.HOW_TOS) <= set(tutorial.PAGES)
    index = (REPOSITORY / "docs/how-to/index.md").read_text()
    assert all(f"]({name}.md)" in index for name in PAGES)


@pytest.mark.parametrize("path", tutorial.HOW_TOS, ids=lambda path: path.stem)
def test_no_command_of_a_how_to_stays_unplayed_unseen(path: Path) -> None:
    page = path.read_text()
    shell = [block for block in tutorial.blocks(page) if block.kind in tutorial.SHELL]
    assert sum(not block.is_played for block in shell) == NOT_PLAYED.get(path.stem, 0)
    assert any(block.commands for block in shell if block.is_played)
    assert {block.kind for block in shell} == {"console"}  # whose outputs are shown, too
    assert all(block.text.startswith("$ ") for block in shell)
    assert "**Goal:**" in page
    assert "## What goes wrong" in page


def test_a_reader_writes_files_and_leaves_out_what_is_not_played(tmp_path: Path) -> None:
    page = (
        "```yaml\n# configs/a.yaml\nseed: 3\n```\n\n<!-- not played -->\n\n```console\n$ false\n```\n\n"
        "```console\n$ mkdir inside  # a remark\n$ cd inside\n$ cat ../configs/a.yaml\nold\n```\n"
    )
    shown = tutorial.rerun(page)
    assert "$ mkdir inside  # a remark\n$ cd inside\n$ cat ../configs/a.yaml\n# configs/a.yaml\nseed: 3\n```" in shown
    assert "old" not in shown
    assert "$ false\n```" in shown
    with pytest.raises(SystemExit, match="false: exit code 1"):
        tutorial.rerun("```console\n$ false\n```\n")
