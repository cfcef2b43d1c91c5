"""The notebooks of the documentation run as they stand, and what they keep of their outputs is small and nobody's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def test_there_are_two() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["from-an-environment-to-a-verdict", "reading-published-scores"]


@pytest.mark.slow  # one trains two experiments of ten seeds
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    import nbformat
    from nbclient import NotebookClient

    for each in FOLDER.glob("*.csv"):
        shutil.copy(each, tmp_path)
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "stream" and output.name == "stderr"] == []
    shown = [data for output in outputs if (data := output.get("data"))]
    assert any("against" in data.get("text/html", "") for data in shown)  # a verdict


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_kept_of_outputs_is_small_and_names_no_machine(path: Path) -> None:
    text = path.read_text()
    assert len(text) < 250_000
    for cell in json.loads(text)["cells"]:
        for output in cell.get("outputs", []):
            assert output["output_type"] != "error"
            said = json.dumps({key: value for key, value in output.get("data", {}).items() if key != "image/png"})
            assert not [place for place in ("/tmp", "/home", "/root", "/Users") if place in said]
