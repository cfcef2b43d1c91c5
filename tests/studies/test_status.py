"""What a person sees of a study while it goes on: at a glance, in 80 columns, and without a byte being written."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from click.testing import CliRunner
from hypothesis import given, strategies as st

from rlx.cli import study_status
from rlx.cli.study_status import status
from rlx.config import write_json
from rlx.errors import Missing, UsageError
from rlx.records import results
from rlx.stats import minimum_detectable_effect
from rlx.studies import Consent, Study, monitored, state_document, status_lines
from rlx.studies.course import Launch, next_step
from rlx.studies.launching import ask, started_data
from rlx.studies.monitor_lines import bar
from rlx.studies.report_contract import shown_resource
from tests.studies.reported import Simulated, better

pytestmark = pytest.mark.usefixtures("without_commits")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return Simulated(tmp_path_factory.mktemp("done"), better).run()


@pytest.fixture
def middle(tmp_path: Path) -> Simulated:
    """A study with a floor, and one start of a candidate open."""
    simulated = Simulated(tmp_path, better)
    simulated.run(starts=1)
    study, step = simulated.study, next_step(simulated.study)
    assert isinstance(step, Launch)
    with study.locked():
        asked, _ = ask(study, simulated.trainer, step.plans[0], Consent(execute=True))
        study.append("started", started_data(asked))
    return simulated


def seen(study: Study) -> Study:
    return Study(study.root, study.folder).read()


def files(root: Path) -> dict[Path, tuple[int, bytes]]:
    found = (path for path in root.rglob("*") if path.is_file())
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def frozen_by_contract(study: Study) -> None:
    path = study.folder / "contract.yaml"
    path.write_text(path.read_text().replace("10M", "20M"))


def frozen_by_nonsense(study: Study) -> None:
    (study.folder / "contract.yaml").write_text("{")


def frozen_by_ledger(study: Study) -> None:
    text = study.ledger.path.read_text()
    study.ledger.path.write_text(text.replace('"event":"floor"', '"event": "floor"'))


@pytest.mark.parametrize("width", [80, 60, 132])
def test_it_fits_the_terminal(done: Study, middle: Simulated, width: int) -> None:
    for study in (done, middle.study):
        lines = status_lines(monitored(seen(study)), width)
        assert max(map(len, lines)) <= width
        assert lines[0] == f"{study.name}  OPEN"


def test_everything_is_there_at_a_glance(middle: Simulated) -> None:
    text = "\n".join(status_lines(monitored(seen(middle.study))))
    for part in (
        "floor ",
        "incumbent ",
        "steps ",
        "experiments ",
        "wall clock ",
        "disk ",
        "alpha ",
        "candidates  3:",
        "next ",
    ):
        assert part in text
    assert "study_c001_smoke (smoke)" in text
    assert "+ 1 reserved" in text
    assert f"rlx study run {middle.study.name} --execute" in text


@given(st.floats(0, 1e12), st.floats(0, 1e12), st.floats(0, 1e12))
def test_a_bar_is_as_long_as_it_is_and_shows_what_was_spent_at_all(spent: float, reserved: float, total: float) -> None:
    shown = bar(spent, reserved, total, 16)
    assert len(shown) == 18
    assert set(shown[1:-1]) <= set("#+.")
    if total > 0:
        assert ("#" in shown) == (spent > 0)


def test_small_amounts_are_not_shown_as_large_ones() -> None:
    assert shown_resource("disk", 219_000) == "0.22MB"
    assert shown_resource("disk", 12) == "<0.01MB"
    assert shown_resource("disk", 0) == "0"
    assert shown_resource("steps", 512) == "512"
    assert shown_resource("wall_clock", 90) == "1.5m"


def test_scores_count_seeds_that_failed(tmp_path: Path) -> None:
    def fragile(overrides: Mapping[str, Any], rng: np.random.Generator) -> float | None:
        return None if overrides and rng.random() < 0.5 else 10 + rng.normal()

    study = Simulated(tmp_path, fragile, salt=2).run()
    shown = [each for each in monitored(study).candidates.values() if each.failed]
    assert shown
    for each in shown:
        assert each.score is not None
        assert each.score < 10 * (each.seeds - each.failed) / each.seeds + 2
        assert any(f" {each.seeds - each.failed}/{each.seeds} " in line for line in status_lines(monitored(study)))


@pytest.mark.parametrize(
    ("freeze", "word", "action"),
    [
        (frozen_by_contract, "not the approved one", "approve"),
        (frozen_by_nonsense, "contract.yaml", "approve"),
        (frozen_by_ledger, "ledger.jsonl:", "audit"),
    ],
)
def test_a_frozen_study_says_why(tmp_path: Path, freeze: Callable[[Study], None], word: str, action: str) -> None:
    simulated = Simulated(tmp_path, better)
    simulated.run(starts=1)
    freeze(simulated.study)
    shown = monitored(seen(simulated.study))
    assert shown.phase == "frozen"
    assert word in str(shown.frozen)
    assert shown.next.action == action
    assert shown.budget["steps"].total == 10_000_000  # of the contract that was approved
    assert "FROZEN" in status_lines(shown)[0]


def test_nothing_is_written_and_a_loop_is_not_disturbed(middle: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(middle.study.root)
    with middle.study.locked():
        before = files(middle.study.root)
        for arguments in ([], ["--json"], ["--all"], ["study"]):
            assert CliRunner().invoke(status, arguments).exit_code == 0
        assert files(middle.study.root) == before
        holder = monitored(seen(middle.study)).holder
        assert holder is not None
        assert holder.alive
    assert monitored(seen(middle.study)).holder is None


def test_the_document_is_the_state_and_what_is_live(done: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(done.root)
    document = json.loads(CliRunner().invoke(status, ["--json"]).output)
    live = {key: document.pop(key) for key in ("holder", "live", "foretold")}
    assert live == {"holder": None, "live": [], "foretold": None}
    assert document == state_document(seen(done))
    assert document["incumbent"]["candidate"] == "c001" or document["incumbent"]["candidate"] in document["candidates"]
    everything = json.loads(CliRunner().invoke(status, ["--all", "--json"]).output)
    assert [each["study"] for each in everything["studies"]] == ["toy/study"]


def test_the_floor_says_what_failed_and_how_fast_it_was(tmp_path: Path) -> None:
    def fragile(_: Mapping[str, Any], rng: np.random.Generator) -> float | None:
        return None if rng.random() < 0.3 else 10 + rng.normal()

    study = Simulated(tmp_path, fragile, salt=3).run(starts=2)
    ended = study.state.ended_of("baseline", "floor")
    floor = monitored(study).floor
    assert ended is not None
    assert ended.ended is not None
    assert floor is not None
    assert floor.failures == ended.ended["failures"]
    assert floor.failures
    assert floor.pace.seeds == len(floor.seeds) == 8
    assert floor.pace.steps == ended.ended["spent"]["steps"]


def test_before_the_floor_it_says_what_the_baselines_own_seeds_tell(tmp_path: Path) -> None:
    rails = [{"metric": "length", "no_worse_than": 5.0}, {"metric": "success", "no_worse_than": 0.1}]
    simulated = Simulated(tmp_path, better, {"guardrails": rails})
    told = monitored(seen(simulated.study)).foretold
    assert told is not None
    assert (told.sd, told.detectable, told.guardrails) == (None, None, [])
    assert told.slot_steps == 2 * 8 * 1000
    run = simulated.study.contract.baseline.run
    row = {"checkpoint": "latest", "reset_seed": 7, "success": None, "cut": False}
    scores = {1: 9.0, 2: 11.0, 3: 10.0}
    rows = [
        {**row, "seed": seed, "episode": 0, "return": score, "length": int(10 * score)}
        for seed, score in scores.items()
    ]
    (tmp_path / "runs" / run / "eval").mkdir(parents=True)
    results.write_episodes(tmp_path / "runs" / run / "eval", results.episodes_table(rows))
    told = monitored(seen(simulated.study)).foretold
    assert told is not None
    assert told.sd == pytest.approx(1.0)
    effect = minimum_detectable_effect(1.0, 8, simulated.study.contract.slot_alpha)
    assert effect is not None
    assert told.detectable == pytest.approx(simulated.study.contract.metric.minimum_effect + effect)
    (rail,) = told.guardrails
    assert rail.name == "length no worse than 5"
    assert 0 < rail.kept < 1


def test_mistakes(done: Study, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(done.root)
    for arguments in (["study", "--all"], ["--all", "--watch"], ["--watch", "--json"]):
        assert isinstance(CliRunner().invoke(status, arguments).exception, UsageError)
    missing = CliRunner().invoke(status, ["stady"]).exception
    assert isinstance(missing, Missing)
    assert "toy/study" in str(missing)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    monkeypatch.chdir(tmp_path)
    for arguments in ([], ["--all"]):
        assert isinstance(CliRunner().invoke(status, arguments).exception, Missing)


# --- watching -----------------------------------------------------------------------------------------------------------


def test_without_a_terminal_what_happens_is_told_line_by_line(
    middle: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(middle.study.root)
    writer = Study(middle.study.root, middle.study.folder)

    def pause(_: float) -> None:
        with writer.locked():
            writer.append("closed", {"reason": "enough \x1b[31m"})

    monkeypatch.setattr(study_status.time, "sleep", pause)
    made = CliRunner().invoke(status, ["--watch"])
    assert made.exit_code == 0, made.exception
    assert made.output.count("toy/study  OPEN") == 1
    assert made.output.rstrip().endswith("closed")
    assert "\x1b" not in made.output


def test_watching_a_study_that_is_over_ends_at_once(done: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(done.root)

    def pause(_: float) -> None:
        raise AssertionError

    monkeypatch.setattr(study_status.time, "sleep", pause)
    assert CliRunner().invoke(status, ["--watch"]).exit_code == 0


# --- what runs ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def sleeper() -> Iterator[psutil.Process]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield psutil.Process(process.pid)
    process.kill()
    process.wait()


def run_it(root: Path, experiment: str, process: psutil.Process, rows: list[str]) -> None:
    """Lay out the live folder of an experiment that a process makes."""
    folder, bench = root / "runs" / experiment, root / ".dvc" / "tmp" / "rlx" / "abc"
    (folder / "bench").mkdir(parents=True)
    bench.mkdir(parents=True)
    (bench / "metrics.jsonl").write_text("".join(f"{row}\n" for row in rows))
    (folder / "bench" / "seed_900000").symlink_to(bench)
    (folder / "config_snapshot.yaml").write_text("algo:\n  total_timesteps: 1000\nnum_seeds: 2\n")
    note = {"format": 1, "stage": None, "over": False, "failed": False, "host": socket.gethostname()}
    write_json(
        bench.parent / f"{experiment}.making.json", {**note, "pid": process.pid, "started": process.create_time()}
    )


def test_what_runs_is_seen_from_its_live_folder(middle: Simulated, sleeper: psutil.Process) -> None:
    experiment = str(middle.study.state.open_starts[0].data["experiment"])
    rows = ['{"seed": 900000, "step": 256, "loss": 1.0}', '{"seed": 900000, "step": 512, "loss": NaN}']
    run_it(middle.study.root, experiment, sleeper, rows)
    (live,) = monitored(seen(middle.study), time.time() + 30).live
    assert (live.alive, live.pid) == (True, sleeper.pid)
    assert live.progress == 512 / 2000
    assert live.row_age is not None
    assert live.row_age > 25
    assert live.row_pace is not None
    assert live.memory is not None
    assert live.memory > 10**6
    assert live.disk is not None
    assert live.disk >= len("\n".join(rows))
    assert live.non_finite == ["loss"]
    found = monitored(seen(middle.study), findings=lambda folder: [f"warning: {folder.name} forgets"])
    assert f"  warning: {experiment} forgets" in "\n".join(status_lines(found))
    text = "\n".join(status_lines(monitored(seen(middle.study))))
    assert f"26 %, alive (process {sleeper.pid})" in text
    assert "not finite: loss" in text
    sleeper.kill()
    sleeper.wait()
    (live,) = monitored(seen(middle.study)).live
    assert not live.alive
    following = monitored(seen(middle.study)).next
    assert (following.action, following.command) == ("run", "rlx study run toy/study --execute")
    assert f"{experiment} was left open" in following.why
    assert "no process is at work" in "\n".join(status_lines(monitored(seen(middle.study))))


def test_a_live_folder_with_nonsense_in_it_is_no_reason_to_fail(middle: Simulated, sleeper: psutil.Process) -> None:
    experiment = str(middle.study.state.open_starts[0].data["experiment"])
    run_it(middle.study.root, experiment, sleeper, ["{", "[1]", '{"step": "x"}', "\x1b[31m"])
    (middle.study.root / "runs" / experiment / "config_snapshot.yaml").write_bytes(b"\xff\xfe")
    (live,) = monitored(seen(middle.study)).live
    assert live.progress is None
    lines = status_lines(monitored(seen(middle.study)))
    assert "\x1b" not in "".join(lines)
