"""Verdicts, and the sentences they are told in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlx import stats
from rlx.comparison import Comparison, Criteria, RunScores, compare, config_differences, flatten
from rlx.config.schema import CompareConfig, ReferenceScore
from rlx.report.comparison_files import metrics_of, to_data
from rlx.report.comparison_words import headlines, to_markdown
from rlx.report.study_comparison import Bars, StudyComparison, judge
from rlx.report.text import table
from rlx.wording import number


def run(name: str, scores: list[float], policies: str = "", **task: Any) -> RunScores:
    seeds = range(1, len(scores) + 1)
    hashes = {seed: f"{policies or name}{seed}" for seed in seeds}
    return RunScores(
        name, dict(zip(seeds, scores, strict=True)), hashes, {"environment": "X-v0", **task}, {"algo.gamma": 0.9}
    )


BASE = run("base", [100, 102, 98, 101, 99])


def verdict(candidate: RunScores, effect: float = 0.0) -> tuple[str, str, str | None]:
    found = compare(BASE, [candidate], Criteria(0.05, effect))[0]
    return found.verdict, found.reason, found.command


def test_improved_and_regressed() -> None:
    assert verdict(run("up", [150, 152, 148, 149, 151]))[0] == "improved"
    assert verdict(run("down", [50, 52, 48, 49, 51]))[0] == "regressed"


def test_improved_needs_an_interval_beyond_the_minimum_effect() -> None:
    better = run("up", [104, 106, 105, 107, 103])
    assert verdict(better)[0] == "improved"
    word, reason, _ = verdict(better, effect=5.0)
    assert word == "inconclusive"
    assert "includes differences up to ±5" in reason


def many(centre: float, n: int) -> list[float]:
    return list(centre + np.linspace(-2, 2, n))


def test_equivalent_is_an_interval_inside_the_minimum_effect_with_seeds_enough_to_see_failures() -> None:
    def judged(n: int, effect: float) -> Comparison:
        return compare(run("base", many(100, n)), [run("same", many(100.1, n))], Criteria(0.05, effect))[0]

    assert judged(14, 10).verdict == "equivalent"
    assert judged(14, 0).verdict == "inconclusive"
    few = judged(13, 10)
    assert few.verdict == "inconclusive"
    assert few.reason.endswith(
        "lies inside ±10, but 13 seeds each may miss a failure of one training in five; 14 would not"
    )
    assert few.more_seeds == {"seed": 14, "num_seeds": 14}  # seeds 1 to 13 were looked at


def test_one_candidate_beyond_the_minimum_effect_says_so_in_p() -> None:
    reason = verdict(run("up", [150, 152, 148, 149, 151]), effect=5.0)[1]
    assert reason.endswith("excludes differences up to ±5, and p = 0.0079 (of no more than ±5)")


def test_seeds_that_all_hit_the_cap_prove_little() -> None:
    base, candidate = run("base", [500.0] * 5), run("up", [500.0] * 5)
    found = compare(base, [candidate], Criteria(0.05, 5))[0]
    assert (found.verdict, found.p_value) == ("inconclusive", 1.0)
    assert "no spread" in headlines(study([candidate], 5, base))[0]
    assert compare(base, [run("down", [300.0] * 5)], Criteria())[0].verdict == "regressed"


def test_bit_equal_policies_are_identical() -> None:
    assert verdict(run("copy", [100, 102, 98, 101, 99], policies="base"))[0] == "identical"


def test_scores_without_policies_are_identical_where_they_are_bit_equal() -> None:
    def bare(name: str, scores: list[float]) -> RunScores:
        return RunScores(name, dict(enumerate(scores)), {}, {}, {})

    twin = compare(bare("a", [1.0, 2.0]), [bare("b", [1.0, 2.0])], Criteria())[0]
    assert (twin.verdict, twin.reason) == ("identical", "their scores are bit-equal, seed by seed")
    assert compare(bare("a", [1.0, 2.0]), [bare("b", [2.0, 1.0])], Criteria())[0].verdict == "inconclusive"


def test_more_seeds_of_the_same_training_are_not_a_second_opinion() -> None:
    longer = run("more", [100, 102, 98, 101, 99, 150, 160], policies="base")
    word, reason, _ = verdict(longer)
    assert word == "identical"
    assert "the policies of all 5 seeds they share are bit-equal" in reason


def test_identical_runs_are_not_counted_as_candidates() -> None:
    better = run("up", [103.0, 104, 102, 105, 103.5])
    copies = [run(f"copy{i}", [100, 102, 98, 101, 99], policies="base") for i in range(5)]
    assert compare(BASE, [better, *copies], Criteria())[0].verdict == "improved"


def test_an_effect_beyond_the_minimum_is_tested_as_such() -> None:
    better = run("up", [107, 109, 108, 110, 106])
    found = compare(BASE, [better], Criteria(0.05, 5))[0]
    assert found.verdict == "improved"
    shifted = stats.permutation_test(better.scores_S - 5, BASE.scores_S)
    assert found.p_beyond == shifted.p > found.p_value  # type: ignore[operator]


def test_different_engines_and_libraries_are_named() -> None:
    one = replace(BASE, provenance={"engine": "fast", "versions.torch": "2.13.0", "versions.rlx": "0.1.0"})
    other = replace(
        run("up", [150, 152, 148, 149, 151]),
        provenance={"engine": "stable-baselines3", "versions.torch": "2.13.0", "versions.rlx": "0.2.0"},
    )
    found = compare(one, [other], Criteria())[0]
    assert found.provenance == {"engine": ("fast", "stable-baselines3"), "versions.rlx": ("0.1.0", "0.2.0")}
    assert found.warnings == (
        "they were made with different engine (fast and stable-baselines3), which may be the difference",
    )


def test_seeds_added_after_a_look_are_told() -> None:
    grown = replace(run("up", [150, 152, 148, 149, 151]), planned={1: 4, 2: 4, 3: 4, 4: 4, 5: 5})
    (warning,) = compare(BASE, [grown], Criteria())[0].warnings
    assert warning.startswith("up was finished with 4, then 5 seeds")
    assert "rlx compare --sequential" in warning
    assert compare(BASE, [grown], Criteria(looks=(4, 5)))[0].warnings == ()
    blind = replace(grown, planned={1: 3, 2: 3, 3: 3, 4: 5, 5: 5})  # 3 against 3 seeds could not have been decisive
    assert compare(BASE, [blind], Criteria())[0].warnings == ()
    whole = replace(grown, planned=dict.fromkeys(range(1, 6), 5))
    fewer = replace(grown, planned=dict.fromkeys(range(1, 6), 20))  # a run cut down to fewer seeds was not looked at
    assert compare(BASE, [whole, fewer], Criteria())[0].warnings == ()


def looked(base: list[float], candidate: list[float], effect: float = 0.0) -> Comparison:
    return compare(run("base", base), [run("c", candidate)], Criteria(0.05, effect, (5, 10, 20)))[0]


def test_looks_end_as_soon_as_the_answer_is_clear() -> None:
    rng = np.random.default_rng(1)
    base, far = list(rng.normal(0, 1, 20)), list(rng.normal(9, 1, 20))
    found = looked(base, far)
    assert (found.verdict, found.seeds, len(found.looks)) == ("improved", (5, 5), 1)
    assert looked(far, base).verdict == "regressed"
    early = looked(base[:5], far[:5])
    assert (early.verdict, early.reason) == (found.verdict, found.reason)


def test_looks_go_on_while_it_is_not_clear() -> None:
    rng = np.random.default_rng(2)
    base, near = list(rng.normal(0, 1, 20)), list(rng.normal(0.3, 1, 20))
    first = looked(base[:3], near[:3])
    assert (first.next_step, first.more_seeds) == ("go on to the first look", {"num_seeds": 5})
    assert first.difference is not None
    assert first.difference.interval is None
    assert looked(base[:7], near[:7]).more_seeds == {"num_seeds": 10}
    last = looked(base, near)
    assert last.verdict == "inconclusive"
    assert "the schedule is used up" in str(last.next_step)


def test_looks_can_show_that_nothing_matters() -> None:
    rng = np.random.default_rng(3)
    base, same = list(rng.normal(0, 1, 20)), list(rng.normal(0, 1, 20))
    found = looked(base, same, effect=3)
    assert (found.verdict, found.seeds) == ("equivalent", (20, 20))
    assert looked(base, list(np.array(same) + 2.5), effect=2).verdict == "inconclusive"
    assert looked(base, list(np.array(same) + 6), effect=2).verdict == "improved"
    assert looked(base, list(np.array(same) - 6), effect=2).verdict == "regressed"


def test_several_environments_are_judged_together_and_apart() -> None:
    rng = np.random.default_rng(4)
    runs, methods = [], {"ppo": [], "wide": []}  # type: ignore[var-annotated]
    for task, scale in (("A-v0", 1.0), ("B-v0", 1000.0)):
        for method, gain in (("ppo", 0.0), ("wide", 1.5)):
            name = f"{method}_{task[0]}"
            scores = list(scale * (5 + gain + rng.normal(size=8)))
            runs.append(replace(run(name, scores, environment=task), random_return=0.0))
            methods[method].append(name)
    found = judge(runs, "ppo", Bars(CompareConfig()), methods)
    assert [method.method for method in found.methods] == ["wide", "ppo"]
    assert found.methods[0].verdict == "improved"
    assert headlines(found)[0].startswith("wide improved on ppo over 2 environments: +0.")
    assert {(c.run, c.baseline) for c in found.comparisons} == {("wide_A", "ppo_A"), ("wide_B", "ppo_B")}
    low, high = found.references["B-v0"]
    assert low == 0.0
    assert high == pytest.approx(np.mean([runs[2].scores_S, runs[3].scores_S]))
    looked_at = judge(runs, "ppo", Bars(CompareConfig(looks=[4, 8])), methods)
    assert looked_at.methods[0].looks
    assert "group-sequential" in to_markdown(looked_at)
    given = CompareConfig(reference_scores={"A-v0": ReferenceScore(low=-1.0, high=9.0)})
    assert judge(runs, "ppo", Bars(given), methods).references["A-v0"] == (-1.0, 9.0)
    markdown = to_markdown(found)
    assert markdown.index("## All environments together") < markdown.index("## Scores on A-v0")


def test_a_task_that_a_method_lacks_is_left_out_of_the_average() -> None:
    runs = [run("a1", [1, 2, 3], environment="A-v0"), run("a2", [1, 2, 3], environment="B-v0")]
    runs += [run("b1", [2, 3, 4], environment="A-v0")]
    found = judge(runs, "a", Bars(CompareConfig()), {"a": ["a1", "a2"], "b": ["b1"]})
    assert found.methods == ()
    assert [comparison.run for comparison in found.comparisons] == ["b1"]
    assert headlines(found)[0].startswith("No verdict over environments")


def test_learning_is_compared_seed_by_seed() -> None:
    steps = np.array([0.0, 50, 100])

    def learner(name: str, end: float) -> RunScores:
        curves = {seed: (steps, np.array([0.0, end + seed, end + seed])) for seed in range(1, 6)}
        return replace(run(name, [end] * 5), curves=curves, environment_steps=100)

    found = judge([learner("base", 50), learner("fast", 90)], "base", Bars(CompareConfig(threshold=90)), {})
    slow, fast = found.learning
    assert fast.difference is not None
    assert fast.difference.mean == pytest.approx(30)  # 40 more, over three quarters of the budget
    assert (slow.solved, fast.solved) == ((0, 5), (5, 5))
    assert slow.reaching is not None
    assert (slow.reaching.reached, slow.reaching.median_steps) == (0, None)
    assert fast.reaching is not None
    assert fast.reaching.median_steps == 50
    assert "Learning" in to_markdown(found)


def test_different_tasks_are_named_and_never_averaged() -> None:
    word, reason, _ = verdict(run("other", [1, 2, 3], environment="Y-v0"))
    assert word == "not comparable"
    assert "environment ('X-v0' and 'Y-v0')" in reason
    assert "training_version" not in reason  # what follows from another environment is not told
    for respect, told in (
        ("protocol", "protocol"),
        ("training_version", "training_version"),
        ("evaluation_version", "evaluation_version"),
        ("environment_code", "the code of a"),
    ):
        word, reason, _ = verdict(run("other", [1, 2, 3, 4, 5], **{respect: {"a": 1}}))
        assert word == "not comparable"
        assert told in reason


def test_too_few_seeds_say_how_many_are_enough() -> None:
    base, candidate = run("base", [1, 2, 3]), run("up", [101, 102, 103])
    found = compare(base, [candidate], Criteria())[0]
    assert found.verdict == "inconclusive"
    assert "3 against 3 seeds cannot reach p ≤ 0.05 (the smallest is 0.1)" in found.reason
    assert found.next_step == "train at least 4 seeds each"
    assert found.more_seeds == {"num_seeds": 4}
    single = compare(run("base", [1]), [run("up", [2])], Criteria())[0]
    assert single.verdict == "inconclusive"
    assert single.difference is not None
    assert single.difference.interval is None


def test_inconclusive_says_what_would_settle_it() -> None:
    rng = np.random.default_rng(0)
    base, candidate = run("base", list(rng.normal(0, 10, 5))), run("up", list(rng.normal(8, 10, 5)))
    found = compare(base, [candidate], Criteria())[0]
    assert found.verdict == "inconclusive"
    assert "5 seeds each show a true difference of" in str(found.next_step)
    assert found.more_seeds["seed"] == 6
    assert "`rlx compare --sequential`" in str(found.next_step)


def test_scores_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="bad: the score of seed 2 is nan"):
        run("bad", [1.0, float("nan")])


def test_any_number_of_seeds_and_candidates_gets_an_answer() -> None:
    rng = np.random.default_rng(5)
    for effect, alpha in ((0.0, 0.0001), (1.0, 0.05)):
        for n, m, count in ((1, 1, 1), (2, 3, 4), (5, 1000, 1), (4, 4, 12)):
            base = run("base", list(rng.normal(size=m)))
            candidates = [run(f"c{i}", list(rng.normal(size=n))) for i in range(count)]
            for looks in (None, (2, 4)):
                assert len(compare(base, candidates, Criteria(alpha, effect, looks))) == count


def test_a_difference_too_small_to_matter_needs_seeds_to_show_that() -> None:
    base, candidate = run("base", [0, 8, -8, 5, -5]), run("up", [1, 9, -7, 6, -4])
    found = compare(base, [candidate], Criteria(0.05, 5))[0]
    assert found.verdict == "inconclusive"
    assert "would show that it is too small to matter" in str(found.next_step)


def test_several_candidates_are_corrected_together() -> None:
    candidate = [103.0, 104, 102, 105, 103.5]
    alone = compare(BASE, [run("c", candidate)], Criteria())[0]
    among = compare(
        BASE, [run("c", candidate), *(run(f"n{i}", [100, 99, 101, 102, 98]) for i in range(5))], Criteria()
    )[0]
    assert alone.verdict == "improved"
    assert among.verdict == "inconclusive"
    assert among.p_value == pytest.approx(6 * alone.p_value)  # type: ignore[operator]
    assert among.difference.interval.level == pytest.approx(1 - 0.05 / 6)  # type: ignore[union-attr]


def test_family_wise_error_rate_of_six_equal_candidates() -> None:
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(150):
        draws = rng.normal(0, 1, (7, 5))
        found = compare(
            run("b", list(draws[0])), [run(f"c{i}", list(row)) for i, row in enumerate(draws[1:])], Criteria()
        )
        wrong += any(c.verdict in ("improved", "regressed") for c in found)
    assert wrong / 150 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 150)


def test_config_differences() -> None:
    one, other = flatten({"a": {"b": 1, "c": {}}, "d": [1]}), flatten({"a": {"b": 2}, "d": [1]})
    assert config_differences(one, other) == {"a.b": (1, 2), "a.c": ({}, None)}


def study(candidates: list[RunScores], effect: float = 0.0, base: RunScores = BASE) -> StudyComparison:
    return judge([base, *candidates], "base", Bars(CompareConfig(minimum_effect=effect)), {})


@pytest.mark.parametrize(
    ("candidate", "effect", "sentence"),
    [
        (run("up", [150, 152, 148, 149, 151]), 0, "up improved on base: +50.00 return [+47.69, +52.31], 5 seeds each."),
        (
            run("down", [50, 52, 48, 49, 51]),
            0,
            "down is worse than base: -50.00 return [-52.31, -47.69], 5 seeds each.",
        ),
        (
            run("same", many(100, 16)),
            10,
            "same is as good as base, to within 10: 0 return [-0.917, +0.917], 16 seeds each.",
        ),
        (
            run("near", [101, 104, 99, 103]),
            0,
            "near against base is inconclusive: +1.75 return [-1.58, +5.08], 4 against 5 seeds.",
        ),
        (
            run("copy", [100, 102, 98, 101, 99], policies="base"),
            0,
            "copy is identical to base: the trained policies are bit-equal, seed by seed.",
        ),
        (
            run("far", [1, 2], environment="Y-v0"),
            0,
            "far cannot be compared with base: they measure different things: environment ('X-v0' and 'Y-v0').",
        ),
    ],
)
def test_headlines(candidate: RunScores, effect: float, sentence: str) -> None:
    base = run("base", list(many(100, 16))) if len(candidate.scores) == 16 else BASE
    assert headlines(study([candidate], effect, base)) == [sentence]


def test_reports_hold_no_nan_and_every_run() -> None:
    import json

    found = study([run("one", [5.0]), run("up", [150, 152, 148, 149, 151])])
    text = json.dumps([to_data(found), metrics_of(found)], allow_nan=False)
    markdown = to_markdown(found)
    assert all(f'"{name}"' in text and name in markdown for name in ("base", "one", "up"))
    assert metrics_of(found)["up"]["verdict"] == "improved"
    assert "verdict" not in metrics_of(found)["base"]


def test_tables_and_numbers() -> None:
    assert table(["run", "mean"], [["a|b", "1"], ["c", "—"]]).splitlines()[2] == "| a\\|b |    1 |"
    assert [number(x) for x in (None, 0, 1e-9, 0.0123, 3.14159, 271.828, 12345.6)] == [
        "—",
        "0",
        "1e-09",
        "0.0123",
        "3.14",
        "271.8",
        "12,346",
    ]
