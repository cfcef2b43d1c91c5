"""The page of `rlx report` in a browser: it renders without a network, its filter works, everyone can read it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Project

pytestmark = [pytest.mark.component, pytest.mark.xdist_group("page")]  # a browser, half a minute
HOSTILE = "</script><script>alert(1)</script><b>%{x}"
SHOWN = """id => document.getElementById(id).data.filter(trace => trace.visible !== false).map(trace => trace.name)"""

PLAYED = """film => new Promise(done => {
  film.loop = false;
  film.onended = () => done(film.currentTime);
  film.play();
  setTimeout(() => done(film.currentTime), 20000);
})"""
"""Plays a film to its end, and gives how far it came."""


@pytest.fixture(scope="module")
def address(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page on a study, a run whose policy jumped, and one that failed; with hostile words in them."""
    root = tmp_path_factory.mktemp("report") / "study"
    shutil.copytree(finished.root, root, symlinks=True)
    for name in ("copy", "broken"):
        shutil.copytree(root / "runs/cartpole_epochs", root / "runs" / name)
    jumped = root / "runs/copy/metrics.jsonl"
    rows = [json.loads(line) | {"train/approx_kl": 3.0} for line in jumped.read_text().splitlines()]
    jumped.unlink()
    jumped.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    failed = root / "runs/broken/metadata.json"
    metadata = json.loads(failed.read_text())
    metadata["status"] = metadata["seeds"][0]["status"] = "failed"
    metadata["seeds"][0]["error"] = f"ValueError: {HOSTILE}"
    failed.unlink()
    failed.write_text(json.dumps(metadata))
    Project(root).write("runs/copy.yaml", json.dumps({"note": HOSTILE}))
    Project(root).rlx("report", "cartpole", "cartpole_epochs", "copy", "broken")
    return (root / "report.html").as_uri()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page, opened; at the end it must have loaded nothing and complained of nothing."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened, complaints, loaded = context.new_page(), [], []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: loaded.append(request.url))
    opened.on("dialog", lambda dialog: complaints.append(dialog.message))
    opened.goto(address)
    opened.wait_for_selector("#chart-scores-0 .main-svg")
    yield opened
    assert complaints == []
    assert [url for url in loaded if not url.startswith("data:")] == [address]
    context.close()


def shown(page: Page, chart: str = "chart-curves-0") -> list[str]:
    return page.evaluate(SHOWN, chart)


def test_it_shows_verdicts_findings_and_charts(page: Page) -> None:
    words = page.locator("main").inner_text()
    assert page.locator("#verdict ~ .cards .card").first.inner_text().startswith(("?", "▲", "▼", "=", "≡", "×"))
    assert "The policy changes too fast" in words
    assert "3.00, above 0.500, steps" in words
    assert f"ValueError: {HOSTILE}" in words
    assert "rlx train" in words
    assert HOSTILE in words
    for chart in ("chart-differences", "chart-curves-0", "chart-scores-0"):
        assert page.locator(f"#{chart} .main-svg").count()
    assert "cartpole seed 1" in shown(page)
    assert not page.locator(".still").first.is_visible()


def test_the_filter_works_by_keyboard(page: Page) -> None:
    page.locator("input[name=seed][value='2']").focus()
    page.keyboard.press("Space")
    assert {"cartpole seed 1", "cartpole mean"} <= set(shown(page))
    assert not [name for name in shown(page) if name.endswith("seed 2")]
    seeds = (
        "document.getElementById('chart-scores-0').data.filter(t => t.name.endsWith('seeds')).map(t => t.customdata)"
    )
    assert page.evaluate(seeds) == [["1"]] * 3
    page.locator("input[name=run][value=cartpole]").focus()
    page.keyboard.press("Space")
    assert not [name for name in shown(page) if name.startswith("cartpole ")]
    assert "3 of 4 runs, 1 of 2 seeds" in page.locator("#shown").inner_text()
    page.locator("#no-seeds").press("Enter")
    page.locator("#means").press("Space")
    page.locator("#bands").press("Space")
    assert shown(page) == []
    page.locator("#all-seeds").press("Enter")
    assert set(shown(page)) == {
        f"{run} seed {seed}" for run in ("copy", "broken", "cartpole_epochs") for seed in (1, 2)
    }


def test_values_are_shown_under_the_mouse_and_as_a_table(page: Page) -> None:
    page.locator("#bands").press("Space")
    page.locator("#metric").select_option("train/entropy_loss")
    assert "minus the mean entropy" in page.locator("#meaning").inner_text()
    chart = page.locator("#chart-curves-0")
    chart.scroll_into_view_if_needed()
    box = chart.locator(".nsewdrag").bounding_box()
    assert box
    for part in range(4, 60):
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * part / 60)
        if chart.locator(".hoverlayer text").count():
            break
    assert "at step" in str(chart.locator(".hoverlayer").text_content())
    page.locator("summary", has_text="as a table").first.click()
    assert page.locator("#numbers caption").inner_text() == "minus the policy's entropy"
    assert "cartpole" in page.locator("#numbers tbody tr").first.inner_text()


def test_a_finding_is_shown_in_the_curves(page: Page) -> None:
    page.locator("button", has_text="Show in the curves").press("Enter")
    assert page.locator("#metric").input_value() == "train/approx_kl"
    shapes = page.evaluate("document.getElementById('chart-curves-0').layout.shapes")
    assert [(shape["x0"], shape["x1"]) for shape in shapes if shape["type"] == "rect"] == [(0, 512)]
    assert "shaded: steps 0 to 512" in page.locator("#shown").inner_text()
    assert page.evaluate("document.activeElement.id") == "metric"
    page.locator("#whole").press("Enter")
    assert page.evaluate("document.getElementById('chart-curves-0').layout.shapes") in (None, [])


def test_commands_are_copied(page: Page) -> None:
    page.locator("#verdict ~ .cards details").evaluate_all("all => all.forEach(one => (one.open = true))")
    commands = page.locator("button[data-copy]").evaluate_all("all => all.map(one => one.dataset.copy)")
    assert any(command.startswith("rlx train ") for command in commands)
    settling = page.locator("#verdict ~ .cards button[data-copy]").first
    assert settling.get_attribute("data-copy").startswith("rlx train cartpole")  # type: ignore[union-attr]
    settling.press("Enter")
    expect(settling).to_have_text("Copied")


def test_the_verdict_comes_first(page: Page) -> None:
    for width in (1280, 400):
        page.set_viewport_size({"width": width, "height": 800})
        verdict, findings = (page.locator(name).bounding_box() for name in ("#verdict", "#findings"))
        assert verdict
        assert findings
        assert verdict["y"] < findings["y"]
        table = page.locator(".scroll table", has_text="verdict").first
        first = table.locator("thead th").evaluate_all("all => all.map(one => one.textContent)")[:2]
        assert "verdict" in first, first


def test_a_film_plays(page: Page) -> None:
    film = page.locator("video").first
    film.scroll_into_view_if_needed()
    assert film.evaluate("film => film.loop")
    assert film.evaluate(PLAYED) > 0.05
    assert film.evaluate("film => film.error === null && film.videoWidth > 0")
    assert film.get_attribute("poster").startswith("data:image/jpeg")  # type: ignore[union-attr]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_everyone_can_read_it(browser: Browser, address: str, width: int, scheme: Any) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#chart-scores-0 .main-svg")
    page.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")
    for wide in (2560, width):
        page.set_viewport_size({"width": wide, "height": 900})
        page.wait_for_function("wide => document.scrollingElement.scrollWidth <= wide", arg=wide)  # charts follow
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    context.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_paper_and_browsers_without_scripts_get_still_pictures(
    browser: Browser, address: str, tmp_path: Path, scripts: bool
) -> None:
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    page.goto(address)
    if scripts:
        page.emulate_media(media="print")
    assert page.locator(".picture").evaluate_all("all => all.map(one => one.checkVisibility())") == [True] * 3
    assert not page.locator(".controls").is_visible()
    assert not page.locator("#chart-differences").is_visible()
    assert page.locator("video").first.is_visible() is not scripts
    assert page.pdf(path=tmp_path / "page.pdf", format="A4").startswith(b"%PDF")
    context.close()
