"""Metrics explained: every one of them, and what curves of known shape are said to do."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays

from rlx.algorithms import algorithms, vocabulary
from rlx.config import COMMON, NO_SOURCE, ForeignAlgorithm, Metric, metric_of, metrics_from
from rlx.config.schema import RunConfig
from rlx.diagnosis import RULES
from rlx.diagnosis.behaviour import Behaviour, behaviour_of, logged_metrics, notes
from rlx.diagnosis.course import trend_of
from rlx.diagnosis.record import Array, HeldOutEpisodes, RunRecord, SeedRecord, TaskFacts
from rlx.diagnosis.rules import policy, usual_settings
from rlx.diagnosis.signals import Signals
from rlx.errors import UsageError
from rlx.experiments import record_of
from rlx.records import RunFolder
from rlx.report.document import to_json
from rlx.report.documents import check_document
from rlx.report.metric_choice import metric_named
from rlx.report.metric_explanations import explain_record, explanation_markdown, facts
from tests.conftest import REPOSITORY, Project, own, run

U = 200
T = np.linspace(0, 1, U)
KL = "train/approx_kl"
KNOWN = vocabulary("ppo")
COMING = ("train/value_target_mean", "train/value_target_std", "train/advantage_std", "rollout/truncated_share")


def record(*curves: Array, metric: str = KL, status: str = "finished", **values: Array) -> RunRecord:
    """A run of one seed per curve, numbered from 101, with 100 steps per update."""
    seeds = tuple(
        SeedRecord(
            101 + index,
            100 * np.arange(1, len(curve) + 1),
            {metric: np.asarray(curve, dtype=float), **{k.replace("__", "/"): v for k, v in values.items()}},
        )
        for index, curve in enumerate(curves)
    )
    config = RunConfig.model_validate({"env": {"id": "Toy-v0"}})
    return RunRecord("toy", config, status, seeds, task=TaskFacts(float(np.log(2)), None, 500), seeds_wanted=len(seeds))


def behaviour(*curves: Array, metric: str = KL, **values: Array) -> Behaviour:
    explanation = metric_of(metric, KNOWN)
    assert explanation is not None
    return behaviour_of(Signals(record(*curves, metric=metric, **values)), explanation)


def noisy(curve: Array, seeds: int = 5, noise: float = 0.001) -> list[Array]:
    rng = np.random.default_rng(0)
    return [curve + rng.normal(0, noise, len(curve)) for _ in range(seeds)]


def test_every_metric_is_explained_in_full() -> None:
    assert {*COMMON} <= {*KNOWN}
    assert set(COMING) <= set(KNOWN)
    known_settings = {setting for row in algorithms().values() for setting in row.Config.model_fields}
    for each in KNOWN.values():
        texts = (each.meaning, each.formula, each.unit, each.usual.text, each.usual.source, each.higher, each.lower)
        assert all(texts), each.name
        assert each.meaning.endswith("."), each.name
        named = [name for text in texts for name in re.findall(r"(?:train|rollout|validation)/[a-z_]+[a-z]", text)]
        assert set(named) <= set(KNOWN), each.name
        settings_named = [name for text in texts for name in re.findall(r"\balgo\.([a-z_]+)", text)]
        assert set(settings_named) <= known_settings, each.name
    assert sum(each.usual.source.startswith(NO_SOURCE) for each in KNOWN.values()) > 5


def test_parts_of_the_reward_are_explained_by_their_names() -> None:
    found = metric_of("reward/forward", KNOWN)
    assert found is not None
    assert 'info["reward_forward"]' in found.formula
    assert "<name>" not in str(found)
    assert metric_of("reward/", KNOWN) is metric_of("train/nonsense", KNOWN) is None


def test_usual_ranges_agree_with_the_diagnosis() -> None:
    assert KNOWN["train/clip_fraction"].usual.high == policy.MUCH_CLIPPED
    assert KNOWN["train/learning_rate"].usual.high == usual_settings.LEARNING_RATE.high
    assert KNOWN[KL].usual.high == 0.02 < policy.SUSTAINED_KL


@pytest.mark.parametrize(
    ("curve", "trend"),
    [
        (T, "rises"),
        (-T, "falls"),
        (0.012 * np.exp(-8 * T), "falls"),
        (np.sin(np.pi * T), "rises then falls"),
        (1 - np.sin(np.pi * T), "falls then rises"),
        (np.sin(6 * np.pi * T), "oscillates"),
        (1 + 0 * T, "flat"),
        (100 + T, "flat"),
        (T + 0.1 * np.sin(8 * np.pi * T), "rises"),
    ],
)
@pytest.mark.parametrize("seeds", [1, 2, 7])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e6])
def test_shapes_are_named_at_any_scale_with_noise(curve: Array, trend: str, seeds: int, scale: float) -> None:
    curves = [scale * each for each in noisy(curve, seeds, 0.1 * float(np.ptp(curve)) or 0.1)]
    found = behaviour(*curves, metric="train/loss").course
    assert found is not None
    assert found.trend == trend


@given(
    arrays.arrays(float, st.tuples(st.integers(1, 6), st.integers(8, 60)), elements=st.floats(-1e3, 1e3)),
)
@settings(max_examples=150, deadline=None)
def test_what_is_said_fits_the_levels(curves: Array) -> None:
    found = behaviour(*curves, metric="train/loss").course
    assert found is not None
    assert found.lowest <= found.late <= found.highest or found.late == pytest.approx(found.highest)
    higher = {"rises": found.late > found.early, "falls": found.late < found.early}
    assert higher.get(found.trend, True)
    if found.trend == "rises then falls":
        assert found.highest > max(found.early, found.late)
    if found.trend == "falls then rises":
        assert found.lowest < min(found.early, found.late)
    assert set(found.agreeing) <= set(found.seeds)


def test_noise_alone_is_no_trend() -> None:
    named = [
        behaviour(*np.random.default_rng(i).normal(5, 2, (1 + i % 5, U)), metric="train/loss").course for i in range(60)
    ]
    assert sum(course is None or course.trend != "flat" for course in named) <= 1
    assert trend_of(np.ones(20), 0.0) == ("constant", None)


def test_a_curve_that_settles_is_told_with_its_numbers() -> None:
    found = behaviour(*noisy(0.001 + 0.011 * np.exp(-20 * T), 20, 1e-5))
    text = " ".join(found.sentences)
    told = re.search(r"^Starts at 0\.00[6-9]\d*, falls to 0\.00\d+ by step ([\d,]+) and stays near there\.", text)
    assert told, text
    assert 2000 <= int(told[1].replace(",", "")) <= 5000
    assert "All 20 seeds alike." in text
    assert "Within the usual range (below 0.02) throughout." in text


def test_a_curve_that_moves_to_the_end_has_not_settled() -> None:
    found = behaviour(*noisy(T))
    assert found.course is not None
    assert found.course.settled is None
    assert "still moving at the end" in found.sentences[0]


def test_seeds_outside_the_usual_range_and_apart_are_named() -> None:
    found = behaviour(*[np.full(U, 0.01)] * 4, np.r_[np.full(U // 2, 0.01), np.full(U // 2, 0.5)])
    text = " ".join(found.sentences)
    assert "Above the usual 0.02 in 1 of 5 seeds, for 50 % of training." in text
    assert "0.500 (seed 105)" in text
    both = " ".join(behaviour(np.linspace(-20, 20, U), metric="train/value_target_mean").sentences)
    assert "Outside the usual range (-10 to 10) in the only seed" in both


def test_what_is_missing_is_told() -> None:
    assert "no training episode ended" in behaviour(np.full(U, np.nan), metric="rollout/return_mean").sentences[0]
    late = behaviour(np.where(T < 0.5, np.nan, 1.0), metric="rollout/return_mean", rollout__episodes=np.ones(U))
    assert late.sentences[:2] == ("Is 1.00 throughout.", "No value before step 10,000.")
    short = behaviour(np.array([1.0, 2.0, 6.0]))
    assert short.sentences == (
        "Median 2.00 (from 1.00 to 6.00) in at most 3 updates a seed: too little to tell a course.",
    )
    assert behaviour().sentences == ("Not logged: no update was made yet.",)
    assert list(notes(Signals(record(status="resolved")))) != []
    assert behaviour(T, T[:3], metric="step").sentences == ("It ends at 300 to 20,000.",)


def test_context_comes_from_the_configuration_and_other_metrics() -> None:
    entropy = behaviour(-np.log(2) * (1 - 0.6 * T), metric="train/entropy_loss")
    assert re.search(r"entropy is 98\.\d % at first and 42\.9 % at the end", entropy.sentences[-1])
    loss = behaviour(np.full(U, 2.0), metric="train/value_loss", train__value_target_std=np.full(U, 2.0))
    assert "50 % of the variance of its targets" in loss.sentences[-1]
    gradient = behaviour(np.r_[np.full(U // 2, 0.1), np.full(U // 2, 9.0)], metric="train/gradient_norm")
    assert "exceeds algo.max_grad_norm (0.5) for 50 % of training" in gradient.sentences[-1]


VALUES = st.one_of(st.floats(-1e3, 1e3), st.floats(), st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e308, 5e-324]))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(0, 40).flatmap(lambda n: arrays.arrays(float, (2, n), elements=VALUES)), max_size=4),
    st.sampled_from([*KNOWN, "reward/forward"]),
    st.booleans(),
)
@pytest.mark.filterwarnings("error")
def test_any_numbers_give_sentences_without_nan(curves: list[Array], metric: str, logs_targets: bool) -> None:
    seeds = tuple(
        SeedRecord(
            index,
            64 * np.arange(1, rows.shape[1] + 1),
            {metric: rows[0], "rollout/episodes": rows[1]}
            | ({"train/value_target_std": rows[1]} if logs_targets else {})
            | {metric: rows[0]},
            held_out=HeldOutEpisodes(np.array([np.nan, 1.0]), np.array([1.0, 1.0])),
        )
        for index, rows in enumerate(curves)
    )
    made = RunRecord(
        "toy", RunConfig(), "running", seeds, random=HeldOutEpisodes(np.array([]), np.array([])), task=None
    )
    signals = Signals(made)
    explanation = metric_of(metric, KNOWN)
    assert explanation is not None
    found = behaviour_of(signals, explanation)
    text = " ".join([*found.sentences, *notes(signals), *logged_metrics(signals)])
    assert found.sentences
    assert not re.search(r"\b(nan|inf)\b", text.lower()), text
    assert max(len(word) for word in text.split()) < 40
    if found.course is not None:
        json.dumps(vars(found.course), allow_nan=False)


def test_names_are_found_by_their_ends_and_mistakes_are_answered() -> None:
    known = [*KNOWN, "reward/forward"]
    assert metric_named("train/std", known) == "train/std"
    assert metric_named("kl", known) == metric_named("approx_kl", known) == KL
    assert metric_named("forward", known) == "reward/forward"
    assert metric_named("loss", known) == "train/loss"
    for name, answer in (
        ("std_", "train/std"),
        ("return_mean", "rollout/return_mean or validation/return_mean"),
        ("aprox_kl", KL),
    ):
        with pytest.raises(UsageError, match=f"did you mean .*{answer}"):
            metric_named(name, known)
    with pytest.raises(UsageError, match="there are: seed"):
        metric_named("[bold]qqqq", known)


def test_findings_that_rest_on_a_metric_are_named() -> None:
    explained = explain_record(record(*[np.full(U, 0.3)] * 3, train__loss=T), "kl")
    assert list(explained.metrics[0].findings) == ["policy-changes-too-fast"]
    page = explanation_markdown(explained, full=True)
    assert all(f"- **{name}**: " in page for name in ("formula", "unit", "source", "high", "low", "here"))
    assert "k3 estimator" in page
    assert "(policy-changes-too-fast, " in page
    assert not explain_record(record(*[np.full(U, 0.3)] * 3, train__loss=T), "train/loss").metrics[0].findings
    check_document("explain-metrics", json.dumps(to_json(explained)))
    assert [name for name, _ in facts(explained.metrics[0], full=False)] == ["meaning", "usual", "here", "finding"]


def test_a_run_is_explained_by_what_it_was_trained_with() -> None:
    own = {"train/loss": Metric("train/loss", "loss of the critic"), "debug/kl": Metric("debug/kl", "of the prior")}
    foreign = RunConfig().model_copy(update={"algo": ForeignAlgorithm(name="gone")})
    told = replace(record(T, train__loss=T, debug__kl=T), config=foreign, metrics={**COMMON, **own})
    assert explain_record(told, "train/loss").metrics[0].meaning == "loss of the critic"  # and not what PPO's means
    assert explain_record(told, "kl").metrics[0].metric == "debug/kl"
    lied = replace(told, metrics={"rollout/return_mean": Metric("rollout/return_mean", "a lie"), **own})
    assert explain_record(lied, "rollout/return_mean").metrics[0].meaning == COMMON["rollout/return_mean"].meaning
    recorded = metrics_from({name: metric.to_data() for name, metric in KNOWN.items()})
    assert vocabulary("ppo", recorded or {}) == KNOWN  # what is not recorded is known of the algorithm
    everything = vocabulary(recorded=recorded or {})  # other tests' projects may have brought algorithms of their own
    assert everything.keys() >= KNOWN.keys()
    assert all(everything[key].title == metric.title for key, metric in KNOWN.items())


def test_a_run_is_of_the_family_and_logs_the_metrics_that_it_was_trained_with(tmp_path: Path) -> None:
    run = shutil.copytree(REPOSITORY / "tests/data/documents/project", tmp_path / "p") / "runs/cartpole"
    before = json.loads((run / "metadata.json").read_text())
    loss = Metric("train/loss", "loss of the critic")
    facts = {"family": "off-policy", "metrics": {loss.name: loss.to_data()}}
    (run / "metadata.json").write_text(json.dumps(before | facts))
    own(run)
    told = record_of(tmp_path / "p", RunFolder(run))
    assert told.family == "off-policy"
    assert told.metrics.keys() == {*COMMON, loss.name}
    assert told.metrics[loss.name] == loss
    newer = Signals(replace(told, family="of-a-newer-version"))
    assert {"plateau", "few-seeds"} <= {rule.id for rule in RULES if rule.needs.met_by(newer)}


def test_means_over_episodes_count_by_their_episodes_where_the_run_says_that_they_are() -> None:
    score = Metric("rollout/score", "of the episodes", per_episode=True)
    counts, values = np.tile([1.0, 3.0], U // 2), np.tile([0.0, 4.0], U // 2)
    told = record(T, rollout__episodes=counts, rollout__score=values)
    assert Signals(told).windowed(score.name)[0, 0] == 2
    assert Signals(replace(told, metrics={score.name: score})).windowed(score.name)[0, 0] == 3


def test_the_command_explains_a_run(finished: Project) -> None:
    text = finished.rlx("explain-metrics", "cartpole").stdout
    assert max(map(len, text.splitlines())) <= 80
    groups = [line for line in text.splitlines() if line.isupper()]
    assert groups == ["ROLLOUT", "TRAIN", "VALIDATION"]
    assert text.count("  here     ") == text.count("  usual    ") == text.count("  meaning  ") >= 15
    done = run(["rlx", "explain-metrics", "cartpole", "kl", "--json"], finished.root, apart=True)
    assert done.returncode == 0
    check_document("explain-metrics", done.stdout)
    assert [each["metric"] for each in json.loads(done.stdout)["metrics"]] == [KL]
    wrong = finished.rlx("explain-metrics", "cartpole", "aprox_kl", check=False)
    assert wrong.returncode == 2
    assert "did you mean train/approx_kl?" in wrong.stdout
