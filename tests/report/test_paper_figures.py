"""Figures for papers: their width, their fonts, their colours, the same bytes again; and the style sheet by itself."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from rlx.records import RunFolder
from rlx.report import WIDTHS, curve_sheet, save_paper_figure
from rlx.report.metric_choice import chosen_metrics
from rlx.report.plots import COLOURS
from tests.conftest import Project
from tests.stored_project import RUNS, stored_project

STYLE = "rlx.report.paper"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored_project(tmp_path_factory.mktemp("paper") / "project").root


def box(content: bytes) -> tuple[float, float]:
    """Return the inches that a PDF's page is wide and high."""
    found = re.search(rb"/MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+) \]", content)
    assert found
    return float(found[1]) / 72, float(found[2]) / 72


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("metrics", [(), ("internals",)])
def test_a_figure_is_as_wide_as_its_column(root: Path, tmp_path: Path, width: str, metrics: tuple[str, ...]) -> None:
    folders = [RunFolder(root / "runs" / run) for run in RUNS]
    sheet = curve_sheet(root, folders, chosen_metrics(metrics, "steps", None, folders))
    for name in ("a.pdf", "b.pdf"):
        save_paper_figure(sheet, width, tmp_path / name)
    content = (tmp_path / "a.pdf").read_bytes()
    assert content == (tmp_path / "b.pdf").read_bytes()
    wide, high = box(content)
    assert wide == pytest.approx(WIDTHS[width])
    assert 1 < high < 11
    assert b"/FontFile2" in content  # TrueType, embedded
    assert b"/Type3" not in content
    assert b"CreationDate" not in content


def test_drawing_for_a_paper_changes_nothing_else(root: Path, tmp_path: Path) -> None:
    before = dict(mpl.rcParams)
    folders = [RunFolder(root / "runs" / run) for run in RUNS]
    sheet = curve_sheet(root, folders, chosen_metrics((), "steps", None, folders))
    save_paper_figure(sheet, "single", tmp_path / "a.pdf")
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == []


def test_the_style_sheet_is_anybodys() -> None:
    with plt.style.context(STYLE):
        assert (mpl.rcParams["pdf.fonttype"], mpl.rcParams["ps.fonttype"]) == (42, 42)
        assert mpl.rcParams["figure.figsize"][0] == WIDTHS["single"]
        found = mpl.rcParams["axes.prop_cycle"].by_key()["color"]
        assert [mpl.colors.to_hex(f"#{colour.removeprefix('#')}").upper() for colour in found] == list(COLOURS)


def test_the_command_draws_a_pdf(root: Path) -> None:
    project = Project(root)
    said = project.rlx("plot", *RUNS, "--paper").stdout.split()
    assert said[-1] == "plots/cartpole+cartpole_epochs-returns.pdf"
    first = (root / said[-1]).read_bytes()
    assert first.startswith(b"%PDF")
    project.rlx("plot", *RUNS, "--paper")
    assert (root / said[-1]).read_bytes() == first
    project.rlx("plot", *RUNS, "--paper", "--width", "double", "-o", "wide.svg")
    assert 'width="486pt"' in (root / "wide.svg").read_text()
