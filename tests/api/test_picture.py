"""``rlx.plot`` gives a figure that is nobody else's, and leaves matplotlib as it was."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

import rlx
from rlx.errors import Missing, UsageError
from tests.conftest import Project
from tests.stored_project import stored_project


@pytest.fixture
def stored(tmp_path: Path) -> Project:
    return stored_project(tmp_path / "stored")


def test_a_figure_of_its_own_comes_back(stored: Project, tmp_path: Path) -> None:
    settings = dict.copy(mpl.rcParams)
    runs = rlx.open(stored.root).runs
    figure = rlx.plot(runs["cartpole"], runs["cartpole_epochs"])
    assert isinstance(figure, Figure)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 2
    assert all(len(axes.lines) >= 6 for axes in shown)
    assert figure.legends[0].get_texts()[0].get_text().startswith("cartpole (2 seeds)")
    figure.savefig(tmp_path / "curves.png")
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert plt.get_fignums() == []
    assert dict.copy(mpl.rcParams) == settings


def test_metrics_are_named_as_on_the_command_line(stored: Project) -> None:
    figure = rlx.plot("cartpole", metrics="kl", project=stored.root)
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()] == ["train/approx_kl (CartPole-v1)"] or len(figure.axes) == 1  # fmt: skip
    with pytest.raises(UsageError, match="there is no metric 'klx'"):
        rlx.plot("cartpole", metrics=["klx"], project=stored.root)


def test_what_cannot_be_drawn_is_told(stored: Project) -> None:
    with pytest.raises(UsageError, match="at least one run"):
        rlx.plot(project=stored.root)
    with pytest.raises(Missing, match="there is no run 'nothing'"):
        rlx.plot("nothing", project=stored.root)
    with pytest.raises(UsageError, match="is steps or time"):
        rlx.plot("cartpole", x="hours", project=stored.root)  # type: ignore[arg-type]
    for odd in ({"windows": -1}, {"windows": 1.5}, {"metrics": 3}, {"metrics": [3]}):
        with pytest.raises(UsageError, match=f"{next(iter(odd))}=.*: is "):
            rlx.plot("cartpole", project=stored.root, **odd)  # type: ignore[arg-type]
    (stored.root / "runs/cartpole/metrics.jsonl").unlink()
    with pytest.raises(Missing, match="there is nothing to draw"):
        rlx.plot("cartpole", project=stored.root)
    with pytest.warns(UserWarning, match="no metrics of it here"):
        rlx.plot("cartpole", "cartpole_epochs", project=stored.root)
