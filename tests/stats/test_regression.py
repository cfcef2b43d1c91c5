"""`python -m benchmarks.regression`: a planted regression is found, equal learning is not flagged, and other bits need a reason."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

import rlx
from benchmarks.regression.__main__ import PAGE, main
from benchmarks.regression.baselines import Baseline, read_baselines, write_baseline
from benchmarks.regression.drift import Drift, drift_of
from benchmarks.regression.judging import ALPHA, POWER, Scores, judge, loss_noticed
from benchmarks.regression.references import margins, references
from benchmarks.regression.report import Report, regression_grid, with_table, words
from benchmarks.regression.trained import Trained
from rlx.config import BUILT_IN

STORED = [430.0, 455.0, 470.0, 480.0, 490.0, 495.0, 500.0, 500.0, 460.0, 485.0]
MARGIN = 48.0


def scores(*, loss: float = 0.0, seeds: int = 10, seed: int = 0) -> Scores:
    rng = np.random.default_rng(seed)
    return Scores(STORED, rng.choice(STORED, seeds) - loss, MARGIN)


def test_a_planted_regression_is_found_among_many_that_are_equal() -> None:
    family = {f"equal-{number}": scores(seed=number) for number in range(19)} | {"worse": scores(loss=150)}
    found = judge(family)
    assert [name for name, each in found.items() if each.verdict == "regressed"] == ["worse"]
    assert found["worse"].high < 0
    assert all(each.verdict == "not worse" for name, each in found.items() if name != "worse")


def test_a_loss_within_the_margin_and_a_gain_are_no_regressions() -> None:
    found = judge({"less": scores(loss=MARGIN - 20), "more": scores(loss=-300)})
    assert {each.verdict for each in found.values()} <= {"not worse", "unclear"}
    assert found["more"].verdict == "not worse"


def test_too_few_seeds_are_unclear_and_not_fine() -> None:
    wide = Scores([100.0, 300.0, 500.0, 200.0], [150.0, 450.0], MARGIN)
    assert judge({"wide": wide})["wide"].verdict == "unclear"


def test_scores_without_spread_are_judged() -> None:
    found = judge({"full": Scores([500.0] * 10, [500.0] * 10, MARGIN), "fallen": Scores([500.0] * 10, [30.0] * 10, 48)})
    assert (found["full"].verdict, found["fallen"].verdict) == ("not worse", "regressed")
    assert found["full"].noticed is None


def test_equal_learning_is_called_regressed_no_more_often_than_alpha() -> None:
    """No margin, so that the test has nothing to spare: 300 draws, within three standard errors of alpha."""
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(300):
        pair = Scores(rng.normal(0, 1, 6), rng.normal(0, 1, 6), 0.0)
        wrong += judge({"equal": pair})["equal"].verdict == "regressed"
    assert wrong / 300 <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / 300)


def test_the_loss_that_is_told_to_be_noticed_is_noticed_so_often() -> None:
    rng, margin, family = np.random.default_rng(5), 1.0, 2
    told = loss_noticed(rng.normal(0, 1, 2000), rng.normal(0, 1, 2000), margin, ALPHA / family)
    assert told == pytest.approx(margin, abs=0.2)  # with so many seeds the margin alone is left
    loss = loss_noticed(np.array([-1.0, 0, 1] * 2), np.array([-1.0, 0, 1] * 2), margin, ALPHA / family)
    assert loss is not None
    spread = np.std([-1.0, 0, 1] * 2, ddof=1)
    seen = 0
    for _ in range(200):
        pairs = {
            "other": Scores(rng.normal(0, spread, 6), rng.normal(0, spread, 6), margin),
            "worse": Scores(rng.normal(0, spread, 6), rng.normal(-loss, spread, 6), margin),
        }
        seen += judge(pairs)["worse"].verdict == "regressed"
    assert seen / 200 == pytest.approx(
        POWER, abs=0.13
    )  # of Bonferroni's alpha, at least; the closed test has a little more


def made_up(**changes: object) -> Trained:
    made = Trained(
        config={"env": {"id": "CartPole-v1"}, "algo": {"name": "ppo"}},
        config_sha256="c" * 64,
        scores=dict(enumerate(STORED, start=1)),
        policies={seed: f"{seed:064d}" for seed in range(1, 11)},
        random=22.0,
        engine={"name": "fast", "reason": "", "portable": True},
        versions={
            "stages": dict(rlx.STAGE_VERSIONS), "rlx": "0.0.1", **{name: _version(name) for name in ("numpy", "torch")}
        },
        host={"processor": "another"},
        cost={"cpu_seconds": 1.0, "wall_seconds": 2.0, "steps_per_seed": 10, "workers": 2},
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def _version(name: str) -> str | None:
    import importlib.metadata

    return importlib.metadata.version(name)


OTHER = {10: "f" * 64}


@pytest.mark.parametrize(
    ("stored", "again", "verdict", "why"),
    [
        ({}, {}, "same bits", ""),
        ({}, {"policies": OTHER}, "drifted", ""),
        ({}, {"scores": {10: 484.0}}, "drifted", ""),
        (
            {"versions": {"stages": {"train": 1, "eval": 2}}},
            {"policies": OTHER},
            "explained",
            "STAGE_VERSIONS['train']",
        ),
        ({"versions": {**made_up().versions, "numpy": "1.0"}}, {"policies": OTHER}, "explained", "numpy 1.0 then"),
        ({"engine": {"name": "fast", "portable": False}}, {"policies": OTHER}, "explained", "processor another then"),
        ({"engine": {"name": "sb3", "portable": True}}, {"policies": OTHER}, "explained", "engine sb3 then"),
        ({"config_sha256": "d" * 64}, {"policies": OTHER}, "explained", "config_sha256"),
    ],
)
def test_other_bits_are_a_failure_unless_something_on_record_says_why(
    stored: dict[str, object], again: dict[str, object], verdict: str, why: str
) -> None:
    found = drift_of(made_up(**stored), made_up(**again), 10)
    assert found.verdict == verdict
    assert why in "; ".join(found.why)


def test_the_report_says_what_failed_and_how_little_few_seeds_notice() -> None:
    judged = judge({"ppo-CartPole": scores(loss=200), "a2c-CartPole": scores(seeds=5)})
    drifts = {name: Drift(10, "same bits", ()) for name in judged} | {"ppo-CartPole": Drift(10, "drifted", ())}
    report = Report(judged, drifts, {"sac-Pendulum": "train failed"}, ("td3-Pendulum",), left_out=17)
    text = "\n".join([regression_grid(report).to_markdown(), *words(report)])
    for told in (
        "regressed",
        "17 reference runs were not looked at",
        "a loss is noticed with 80 % from so much on: ppo-CartPole ",
        "10: drifted",
        "STAGE_VERSIONS['train']",
        "sac-Pendulum: could not be trained",
        "td3-Pendulum",
    ):
        assert told in text
    assert not report.is_well
    baseline = Baseline("a", "2026-12-01", made_up())
    data = json.loads(report.to_json({"ppo-CartPole": baseline, "a2c-CartPole": baseline}))
    assert (data["ok"], data["judged"]["ppo-CartPole"]["verdict"]) == (False, "regressed")
    few, many = judged["a2c-CartPole"].noticed, judge({"a": scores(), "b": scores()})["a"].noticed
    assert few > many > MARGIN
    assert Report({"a": judged["a2c-CartPole"]}, {"a": drifts["a2c-CartPole"]}, {}, ()).is_well


def test_baselines_come_back_as_they_were_written(tmp_path: Path) -> None:
    write_baseline("ppo-CartPole", made_up(), tmp_path)
    (found,) = read_baselines(tmp_path).values()
    assert found.trained == made_up()
    assert (found.environment, found.name) == ("CartPole-v1", "ppo-CartPole")


def test_stored_baselines_are_whole() -> None:
    """At least ten seeds each, more than random actions score, and every environment has a margin."""
    found = read_baselines()
    assert found
    for name, baseline in found.items():
        measured = baseline.trained
        assert name in references()
        assert len(measured.scores) >= 10
        assert measured.scores.keys() == measured.policies.keys()
        assert np.mean(list(measured.scores.values())) > measured.random + margins()[baseline.environment]
        assert measured.cost["cpu_seconds"] < 2 * 20 * 60  # twenty minutes on two cores


def test_the_table_of_baselines_is_current() -> None:
    page = PAGE.read_text()
    assert page == with_table(page, read_baselines()), "run: python -m benchmarks.regression --write"


def test_every_algorithm_has_a_reference_run() -> None:
    assert {each.algorithm for each in references().values()} == {*BUILT_IN, "reinforce"}


def test_an_unknown_reference_run_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "nothing"])
    assert "no reference run is called nothing" in capsys.readouterr().err


@pytest.mark.slow
def test_the_quick_check_finds_learning_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    """Trains for some minutes: two reference runs, a stored seed and five others of each."""
    assert main(["--quick", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert len(data["judged"]) == 2
    for name, each in data["judged"].items():
        assert each["seeds"] == [5, 10]
        assert data["drift"][name]["verdict"] in ("same bits", "explained")
