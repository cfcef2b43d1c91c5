"""Verdicts, and the sentences they are told in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rlx import stats
from rlx.comparison import (
    Bars,
    Comparison,
    Criteria,
    RunScores,
    StudyComparison,
    choice_of,
    compare,
    config_differences,
    flatten,
    judge,
)
from rlx.comparison.unseen import failed_seeds
from rlx.config.schema import CompareConfig, ReferenceScore
from rlx.report.comparison_files import compared, metrics_of
from rlx.report.comparison_words import comparison_markdown, headlines
from rlx.report.document import to_json
from rlx.stats import SeedCurve, markdown_table
from rlx.stats.wording import number


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
    assert few.reason.startswith("no difference seen; up to 21 % failing is not excluded (")
    assert few.more_seeds == {"seed": 14, "num_seeds": 14}  # seeds 1 to 13 were looked at


def test_equivalent_needs_that_failures_nobody_saw_would_not_matter() -> None:
    def judged(n: int, effect: float, random_return: float) -> Comparison:
        sides = (replace(run(name, many(100, n)), random_return=random_return) for name in ("base", "same"))
        return compare(next(sides), [next(sides)], Criteria(0.05, effect))[0]

    assert judged(14, 10, 95).verdict == "equivalent"  # 19 % failing would cost 0.97
    found = judged(14, 10, 0)  # … would cost 19
    assert found.verdict == "inconclusive"
    assert found.reason.startswith("no difference seen; up to 19 % failing is not excluded (")
    assert str(found.next_step).startswith("29 seeds each, none of them failing")
    assert judged(28, 10, 0).verdict == "inconclusive"
    assert judged(29, 10, 0).verdict == "equivalent"  # 1 − 0.05^(1/29) = 9.8 %


def test_fragility_is_the_number_of_failing_seeds_that_undo_a_verdict() -> None:
    base = replace(run("base", [100, 102, 98, 101, 99]), random_return=0.0)
    for gain in (3, 5, 10, 50, 400):
        better = run("up", [100 + gain, 103 + gain, 97 + gain, 101 + gain, 99 + gain])
        found = compare(base, [better], Criteria())[0]
        if found.verdict != "improved":
            continue
        withstood = []
        for added in range(1, 11):
            failing = run("up", [*better.scores.values(), *[0.0] * added])
            withstood.append(compare(base, [failing], Criteria())[0].verdict == "improved")
        assert found.fragility == (withstood.index(False) + 1 if False in withstood else None)
        turned = compare(better, [base], Criteria())[0]
        assert (turned.verdict, turned.fragility) == ("regressed", found.fragility)
        demanding = compare(base, [better], Criteria(fragility=found.fragility or 0))[0]
        assert demanding.verdict == ("inconclusive" if found.fragility else "improved")
        assert found.unexcluded == pytest.approx(1 - 0.05 ** (1 / 5))
    assert compare(base, [run("same", [100, 101, 98, 103, 99])], Criteria())[0].fragility is None


def test_a_verdict_that_one_failing_seed_undoes_says_so_first() -> None:
    base = replace(run("base", [100, 102, 98, 101, 99]), random_return=0.0)
    better = run("up", [150, 152, 148, 149, 151])
    assert compare(base, [better], Criteria())[0].fragility == 1
    assert headlines(study([better], 0.0, base))[0].startswith("up improved on base, unless one seed in 6 fails: +50")


@pytest.mark.parametrize("effect", [0.0, 0.3])
def test_verdicts_and_intervals_never_contradict_each_other(effect: float) -> None:
    rng = np.random.default_rng(5)
    moved = 0
    for _ in range(25):
        n = int(rng.integers(3, 9))
        candidates = [run(f"c{index}", list(rng.normal(shift, 1, n))) for index, shift in enumerate((0, 1, 2, 2))]
        for found in compare(run("base", list(rng.normal(size=n))), candidates, Criteria(0.05, effect)):
            interval = found.difference.interval  # type: ignore[union-attr]
            assert interval is not None
            assert (interval.low > effect) == (found.verdict == "improved")
            assert (interval.high < -effect) == (found.verdict == "regressed")
            moved += "ended by" in interval.method
    assert moved


def test_failed_seeds_are_counted() -> None:
    assert failed_seeds(np.array([100, 99, 101, 3, 98]), 0.0) == 1
    assert failed_seeds(np.array([100, 99, 101, 60, 98]), 0.0) == 0
    assert failed_seeds(np.array([100, 99, 101, 3, 98]), None) == 1  # two groups
    assert failed_seeds(np.array([100, 96, 101, 93, 98]), None) == 0
    assert failed_seeds(np.array([500.0, 500, 500, 0]), None) == 1
    assert failed_seeds(np.array([500.0, 500, 500, 499]), None) == 0
    assert failed_seeds(np.array([100, 99, 3, 4]), None) == 0  # which of two halves has failed?
    assert failed_seeds(np.array([-200.0, -200, -200]), -200.0) == 0
    assert failed_seeds(np.array([9.5, 72.0, 40.0]), 38.5) == 0  # nothing was learned: they are as random actions are
    assert failed_seeds(np.array([13.75, 72.25]), 38.5) == 0


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


def test_tied_scores_are_not_identical() -> None:
    def bare(name: str, scores: list[float]) -> RunScores:
        return RunScores(name, dict(enumerate(scores)), {}, {}, {})

    for scores in ([1.0, 2.0], [500.0] * 5):
        assert compare(bare("a", scores), [bare("b", scores)], Criteria())[0].verdict == "inconclusive"


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
    assert (found.verdict, found.seeds, len(found.looks)) == ("improved", (10, 10), 2)
    assert looked(far, base).verdict == "regressed"
    early = looked(base[:10], far[:10])
    assert (early.verdict, early.reason) == (found.verdict, found.reason)


def test_a_look_that_is_too_fragile_is_not_the_last() -> None:
    rng = np.random.default_rng(6)
    base = replace(run("base", list(rng.normal(0, 1, 20))), random_return=-8.0)
    better = run("c", list(rng.normal(2.5, 1, 20)))
    plain = compare(base, [better], Criteria(0.05, 0.0, (5, 10, 20)))[0]
    assert (plain.verdict, plain.seeds) == ("improved", (10, 10))
    assert plain.fragility is not None
    demanding = compare(base, [better], Criteria(0.05, 0.0, (5, 10, 20), fragility=plain.fragility))[0]
    assert (demanding.verdict, demanding.seeds) == ("improved", (20, 20))
    most = compare(base, [better], Criteria(0.05, 0.0, (5, 10, 20), fragility=9))[0]
    assert (most.verdict, "compare.fragility demands" in most.reason) == ("inconclusive", True)


def test_looks_go_on_while_it_is_not_clear() -> None:
    rng = np.random.default_rng(2)
    base, near = list(rng.normal(0, 1, 20)), list(rng.normal(0.3, 1, 20))
    first = looked(base[:3], near[:3])
    assert (first.next_step, first.more_seeds) == ("go on to the first look", {"num_seeds": 5})
    assert first.difference is not None
    assert first.difference.interval is None
    assert looked(base[:7], near[:7]).more_seeds == {"num_seeds": 10}
    assert any(
        "beyond the look with 5: they count at the look with 10" in told for told in looked(base[:7], near[:7]).warnings
    )
    more = looked([*base, 0.1, 0.2, 0.3], near)
    assert "3 of base's seeds are beyond the look with 20: add a look to compare.looks to count them" in more.warnings
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
    plain = judge(runs, "ppo", Bars(CompareConfig()), methods)
    assert [method.method for method in plain.methods] == ["wide", "ppo"]
    assert (plain.methods[0].verdict, plain.methods[0].iqm, plain.references) == ("improved", None, {})
    assert headlines(plain)[0].startswith(
        "wide improved on ppo over 2 environments: a seed of it beats one of ppo's with probability 0."
    )
    assert {(c.run, c.baseline) for c in plain.comparisons} == {("wide_A", "ppo_A"), ("wide_B", "ppo_B")}
    scales = {"A-v0": ReferenceScore(low=-1.0, high=9.0), "B-v0": ReferenceScore(high=10_000.0)}
    found = judge(runs, "ppo", Bars(CompareConfig(reference_scores=scales)), methods)
    assert found.references == {"A-v0": (-1.0, 9.0), "B-v0": (0.0, 10_000.0)}  # 0 is what random actions score
    assert headlines(found)[0].startswith("wide improved on ppo over 2 environments: +0.")
    looked_at = judge(runs, "ppo", Bars(CompareConfig(looks=[4, 8], reference_scores=scales)), methods)
    assert looked_at.methods[0].looks
    assert "group-sequential" in comparison_markdown(looked_at)
    assert "need reference scores" in str(
        judge(runs, "ppo", Bars(CompareConfig(looks=[4, 8])), methods).methods[0].reason
    )
    markdown = comparison_markdown(found)
    assert markdown.index("## All environments together") < markdown.index("## Environments")


def tasks_of(rng: np.random.Generator, methods: dict[str, float], n: int = 5) -> list[RunScores]:
    scales = {"A-v0": 1.0, "B-v0": 100.0, "C-v0": 3.0}
    return [
        run(f"{method} on {task}", list(scale * (gain + rng.normal(size=n))), environment=task)
        for task, scale in scales.items()
        for method, gain in methods.items()
    ]


def judged_methods(runs: list[RunScores], references: dict[str, ReferenceScore]) -> dict[str, Any]:
    """Return everything that is said of each method against ``base``, single environments included."""
    groups: dict[str, list[str]] = {}
    for each in runs:
        groups.setdefault(each.run.partition(" on ")[0], []).append(each.run)
    found = judge(runs, "base", Bars(CompareConfig(reference_scores=references)), groups)
    said = {one.run: (one.verdict, round(one.p_value or 0, 9)) for one in found.comparisons}
    for method in found.methods:
        said[method.method] = (method.verdict, None if method.p_value is None else round(method.p_value, 9))
    return said


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_a_verdict_over_environments_depends_on_the_two_methods_alone(seed: int, scaled: bool) -> None:
    rng = np.random.default_rng(seed)
    runs = tasks_of(rng, {"base": 0.0, "wide": 0.6, "odd": 20.0})
    references = {
        task: ReferenceScore(low=0.0, high=high) for task, high in (("A-v0", 1.0), ("B-v0", 100.0), ("C-v0", 3.0))
    }
    references = references if scaled else {}
    everything = judged_methods(runs, references)
    alone = judged_methods([each for each in runs if not each.run.startswith("odd")], references)
    assert {name: said for name, said in everything.items() if name in alone} == alone
    shuffled = [runs[index] for index in rng.permutation(len(runs))]
    assert judged_methods(shuffled, references) == everything
    moved = [
        replace(each, scores={key: 7 * score - 300 for key, score in each.scores.items()})
        if "B-v0" in each.run
        else each
        for each in runs
    ]
    if scaled:
        references["B-v0"] = ReferenceScore(low=-300.0, high=400.0)
    again = judged_methods(moved, references)
    assert {name: said[0] for name, said in again.items()} == {name: said[0] for name, said in everything.items()}


def test_interquartile_means_are_those_of_normalised_scores() -> None:
    runs = tasks_of(np.random.default_rng(3), {"base": 1.0, "wide": 2.0}, n=7)
    references = {task: ReferenceScore(low=-1.0, high=4.0) for task in ("A-v0", "B-v0", "C-v0")}
    groups = {name: [each.run for each in runs if each.run.startswith(name)] for name in ("base", "wide")}
    found = judge(runs, "base", Bars(CompareConfig(reference_scores=references)), groups)
    for method in found.methods:
        normalised = [(each.scores_S + 1) / 5 for each in runs if each.run in groups[method.method]]
        weighed = np.sort(np.concatenate(normalised))
        inside = np.clip(np.minimum(np.arange(1, 22) / 21, 0.75) - np.maximum(np.arange(21) / 21, 0.25), 0, None)
        assert method.iqm is not None
        assert method.iqm.mean == pytest.approx(float(weighed @ inside / inside.sum()))


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
        curves = {seed: SeedCurve(steps, np.array([0.0, end + seed, end + seed])) for seed in range(1, 6)}
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
    assert "Learning" in comparison_markdown(found)


def test_learning_by_validation_episodes_is_compared_with_the_same_alone() -> None:
    steps = np.array([0.0, 50, 100])

    def learner(name: str, end: float, **config: Any) -> RunScores:
        curves = {seed: SeedCurve(steps, np.array([0.0, end + seed, end + seed])) for seed in range(1, 6)}
        return replace(run(name, [end] * 5), curves=curves, environment_steps=100, config=config)

    bent = {"env.training.ranges.length": [0.4, 0.7]}
    found = judge([learner("base", 50), learner("bent", 90, **bent)], "base", Bars(CompareConfig()), {})
    assert [each.difference for each in found.learning] == [None, None]
    assert "Those of bent are not of the task (env.training): of validation episodes" in comparison_markdown(found)
    alike = judge([learner("base", 50, **bent), learner("bent", 90, **bent)], "base", Bars(CompareConfig()), {})
    assert alike.learning[1].difference is not None
    empty = learner("plain", 90, **{"env.training.stages": [], "env.training.interpolate": False})
    assert "not of the task" not in comparison_markdown(
        judge([learner("base", 50), empty], "base", Bars(CompareConfig()), {})
    )


def test_different_tasks_are_named_and_never_averaged() -> None:
    word, reason, _ = verdict(run("other", [1, 2, 3], environment="Y-v0"))
    assert word == "not comparable"
    assert "environment ('Y-v0' and 'X-v0')" in reason
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
    assert found.next_step == "train at least 5 seeds each"
    assert found.more_seeds == {"num_seeds": 5}
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
    assert among.p_value > 1.5 * alone.p_value  # type: ignore[operator]
    assert among.difference.interval.level == pytest.approx(1 - 0.05 / 6)  # type: ignore[union-attr]


def test_six_equal_candidates_rarely_get_a_verdict() -> None:
    """A smoke: the rate is measured by ``benchmarks/calibration`` ("six candidates"), on five kinds of scores."""
    rng, wrong = np.random.default_rng(3), 0
    for _ in range(15):
        draws = rng.normal(0, 1, (7, 5))
        candidates = [run(f"c{i}", list(row)) for i, row in enumerate(draws[1:])]
        found = compare(run("b", list(draws[0])), candidates, Criteria())
        wrong += any(c.verdict in ("improved", "regressed") for c in found)
    assert wrong / 15 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 15)


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
            "near against base is inconclusive: +1.75 return [-1.58, +5.08], 4 against 5 seeds. "
            "To settle it, train 21 fresh seeds each.",
        ),
        (
            run("copy", [100, 102, 98, 101, 99], policies="base"),
            0,
            "copy is identical to base: the trained policies are bit-equal, seed by seed.",
        ),
        (
            run("far", [1, 2], environment="Y-v0"),
            0,
            "far cannot be compared with base: they measure different things: environment ('Y-v0' and 'X-v0').",
        ),
    ],
)
def test_headlines(candidate: RunScores, effect: float, sentence: str) -> None:
    base = run("base", list(many(100, 16))) if len(candidate.scores) == 16 else BASE
    assert headlines(study([candidate], effect, base)) == [sentence]


def test_reports_hold_no_nan_and_every_run() -> None:
    import json

    found = study([run("one", [5.0]), run("up", [150, 152, 148, 149, 151])])
    text = json.dumps([to_json(compared(found)), metrics_of(found)], allow_nan=False)
    markdown = comparison_markdown(found)
    assert all(f'"{name}"' in text and name in markdown for name in ("base", "one", "up"))
    assert metrics_of(found)["up"]["verdict"] == "improved"
    assert "verdict" not in metrics_of(found)["base"]


def test_tables_and_numbers() -> None:
    assert markdown_table(["run", "mean"], [["a|b", "1"], ["c", "—"]]).splitlines()[2] == "| a\\|b |    1 |"
    assert [number(x) for x in (None, 0, 1e-9, 0.0123, 3.14159, 271.828, 12345.6)] == [
        "—",
        "0",
        "1e-09",
        "0.0123",
        "3.14",
        "271.8",
        "12,346",
    ]


def test_a_study_is_judged_from_scores_alone() -> None:
    """No folder, no file: scores and settings in, verdicts and what choosing brought out."""
    up, down = run("up", [150, 152, 148, 149, 151]), run("down", [50, 52, 48, 49, 51])
    study = judge([BASE, up, down], "base", Bars(CompareConfig()), {})
    assert {found.run: found.verdict for found in study.comparisons} == {"up": "improved", "down": "regressed"}
    assert [scores.run for scores in study.scores] == ["up", "base", "down"]
    warned = study.warned({"up": "up is old"})
    assert {found.run: found.warnings[:1] for found in warned.comparisons}["up"] == ("up is old",)
    assert {found.run: found.warnings for found in warned.comparisons}["down"] == study.comparisons[1].warnings
    alone = study.without_verdicts("lost")
    assert (alone.baseline, alone.comparisons, alone.scores) == ("lost", (), study.scores)


def test_what_choosing_brought_is_told_seed_by_seed() -> None:
    held_out, validation = {1: 110.0, 2: 130.0}, {1: 120.0, 2: 140.0}
    brought = choice_of(held_out, validation, {1: 105.0, 2: 125.0}, {1: 100.0, 2: 130.0, 3: 0.0})
    assert brought is not None
    assert (brought.held_out.mean, brought.validation, brought.promised) == (120.0, 130.0, 15.0)
    assert brought.optimism.mean == 10.0  # 15 more in validation, 5 of it held out
    assert choice_of(held_out, {1: 120.0}, held_out, validation) is None
    assert choice_of(held_out, validation, held_out, {1: 100.0}) is None
    assert choice_of({}, {}, {}, {}) is None
