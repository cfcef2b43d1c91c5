"""The served page in a browser: it follows a training, keeps what a person does with it, and says when nobody serves it."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Project, interruptible
from tests.report.test_report_page import PLAYED
from tests.studies.reported import SMALL, is_high
from tests.studies.simulated import SimulatedTrainer, begun, run

pytestmark = [pytest.mark.component, pytest.mark.xdist_group("page")]  # a browser and a training, a minute


@pytest.fixture(scope="module")
def served(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, str]]:
    """A project with a study under a contract, and the address of its page."""
    root = tmp_path_factory.mktemp("served") / "study"
    shutil.copytree(finished.root, root, symlinks=True)
    project = Project(root)
    trainer = SimulatedTrainer(lambda overrides, rng: 10 + 6 * is_high(overrides) + rng.normal(), {"algo.gain": 0.0})
    run(begun(root, trainer, "toy/better", **SMALL)[0], trainer)
    process, address = serve(project)
    yield project, address
    ended(process)


def serve(project: Project) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        ["rlx", "-q", "report", "--serve"],
        cwd=project.root,
        text=True,
        stdout=subprocess.PIPE,
        preexec_fn=interruptible,  # noqa: PLW1509 — nothing of this process is used there
    )
    assert process.stdout
    address = process.stdout.readline().strip()
    process.stdout.close()
    return process, address


def ended(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130


@pytest.fixture
def page(browser: Browser, served: tuple[Project, str]) -> Iterator[Page]:
    """The page, opened; at the end it must have asked nobody else for anything, and complained of nothing."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened, complaints, loaded = context.new_page(), [], []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: loaded.append(request.url))
    opened.goto(served[1])
    opened.wait_for_selector("#chart-scores-0 .main-svg >> nth=0")
    yield opened
    assert complaints == []
    assert [url for url in loaded if not url.startswith(("data:", served[1]))] == []
    context.close()


def test_it_follows_a_training(page: Page, served: tuple[Project, str]) -> None:
    project, _ = served
    page.locator("input[name=seed][value='2']").uncheck()
    page.locator("#metric").select_option("train/entropy_loss")
    details = page.locator("#verdict ~ .cards details").first
    details.evaluate("one => (one.open = false)")
    page.locator("#find-run").fill("epochs")
    expect(page.locator("#all-runs tr:visible")).to_have_count(1)
    page.locator("#metric").focus()
    page.evaluate("window.chart = document.getElementById('chart-curves-0')")
    training = subprocess.Popen(
        ["rlx", "-q", "train", "cartpole", "-S", "algo.gamma=0.97"], cwd=project.root, stdout=subprocess.DEVNULL
    )
    expect(page.locator("[data-part=now]")).to_contain_text("cartpole_001", timeout=120_000)
    expect(page.locator("input[name=run][value=cartpole_001]")).to_be_checked(timeout=120_000)
    assert training.wait(300) == 0
    card = page.locator("[data-part=now] .card[data-key=cartpole_001]")
    expect(card).to_contain_text("cartpole_001: mean return", timeout=120_000)
    expect(card).to_contain_text("against cartpole")
    assert "cartpole_001 seed 1" in page.evaluate("document.getElementById('chart-curves-0').data.map(one => one.name)")
    expect(page.locator("[data-part=films]")).to_contain_text("cartpole_001")
    # what a person did is as it was
    assert not page.locator("input[name=seed][value='2']").is_checked()
    assert page.locator("#metric").input_value() == "train/entropy_loss"
    assert details.evaluate("one => one.open") is False
    assert page.evaluate("document.activeElement.id") == "metric"
    assert page.evaluate("window.chart === document.getElementById('chart-curves-0')")
    expect(page.locator("#all-runs tr:visible")).to_have_count(1)
    expect(page.locator("#following")).to_contain_text("Follows what happens.")


def test_a_film_plays_from_the_server(page: Page) -> None:
    film = page.locator("video").first
    film.scroll_into_view_if_needed()
    assert film.get_attribute("src").startswith("films/")  # type: ignore[union-attr]
    assert film.evaluate(PLAYED) > 0.05
    assert film.evaluate("film => film.error === null && film.videoWidth > 0")
    film.evaluate("film => new Promise(done => { film.onseeked = done; film.currentTime = film.duration / 2; })")


def test_a_study_is_shown_and_cannot_be_approved(page: Page) -> None:
    study = page.locator("details.study")
    expect(study).to_contain_text("toy/better")
    for words in ("Candidates", "Budget", "Noise floor", "rlx study report toy/better"):
        expect(study).to_contain_text(words)
    assert page.locator("form, [type=submit]").count() == 0
    study.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert study.evaluate("one => one.open") is False


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (400, "light"), (400, "dark")])
def test_everyone_can_read_it(browser: Browser, served: tuple[Project, str], width: int, scheme: Any) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(served[1])
    page.wait_for_selector("#chart-scores-0 .main-svg >> nth=0")
    page.evaluate("document.querySelectorAll('details').forEach(one => (one.open = true))")
    page.wait_for_function("wide => document.scrollingElement.scrollWidth <= wide", arg=width)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    context.close()


def test_it_says_when_nobody_serves_it_any_more(browser: Browser, served: tuple[Project, str]) -> None:
    process, address = serve(served[0])
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    page.wait_for_selector("#chart-scores-0 .main-svg >> nth=0")
    ended(process)
    expect(page.locator("#following")).to_contain_text("Not connected any more", timeout=60_000)
    assert page.locator("#following").evaluate("one => one.classList.contains('lost')")
    expect(page.locator("#verdict ~ .cards .card").first).to_be_visible()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    context.close()
