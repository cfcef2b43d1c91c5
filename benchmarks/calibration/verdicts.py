"""How often verdicts are wrong, and how often they see what is there: through ``rlx.comparison.compare``."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats as scipy_stats

from benchmarks.calibration.distributions import DISTRIBUTIONS, Distribution, failing
from benchmarks.calibration.published import published_scores
from rlx import stats
from rlx.comparison import DEFAULT_LOOKS, Comparison, Criteria, RunScores, compare

ALPHA = 0.05
CHANGED = ("improved", "regressed")
NORMAL = DISTRIBUTIONS[0]


@dataclass(frozen=True)
class Cell:
    """One line of a table: a situation simulated many times.

    Attributes:
        table: Which table it belongs to.
        name: The situation in words.
        size: Numbers of seeds, in words.
        simulate: From a generator to what was found once.
        repeats: How often.
        goal: What the share should be at most (or about), in words.
    """

    table: str
    name: str
    size: str
    simulate: Callable[[np.random.Generator], bool]
    repeats: int
    goal: str = ""

    def run(self, seed: int = 0) -> dict[str, object]:
        """Simulate, and return the share with its simulation error."""
        rng = np.random.default_rng([len(self.name), sum(map(ord, self.table + self.name + self.size)), *again(seed)])
        share = float(np.mean([self.simulate(rng) for _ in range(self.repeats)]))
        error = float(np.sqrt(max(share * (1 - share), 1 / self.repeats) / self.repeats))
        return {
            "table": self.table,
            "situation": self.name,
            "seeds": self.size,
            "share": round(share, 4),
            "error": round(error, 4),
            "repeats": self.repeats,
            "goal": self.goal,
        }


def again(seed: int) -> list[int]:
    """Return what another seed than 0 adds to the seeds of generators."""
    return [seed] if seed else []


def run_of(name: str, scores_S: np.ndarray) -> RunScores:
    """Return scores as a run, with policies of its own."""
    seeds = range(len(scores_S))
    return RunScores(name, dict(enumerate(scores_S.tolist())), {seed: f"{name}{seed}" for seed in seeds}, {}, {})


def judge(baseline_S: np.ndarray, candidates: list[np.ndarray], criteria: Criteria) -> list[Comparison]:
    """Judge arrays of scores as the compare stage judges runs."""
    runs = [run_of(f"c{index}", scores_S) for index, scores_S in enumerate(candidates)]
    return compare(run_of("b", baseline_S), runs, criteria)


def changed(found: list[Comparison]) -> bool:
    """Return whether any verdict says that something changed."""
    return any(comparison.verdict in CHANGED for comparison in found)


def cells(scale: float) -> Iterator[Cell]:
    """Return everything to simulate; ``scale`` multiplies the numbers of repeats."""
    yield from _false_alarms(scale)
    yield from _power(scale)
    yield from _equivalence(scale)
    yield from _families(scale)
    yield from _published(scale)
    for below, demand in ((3, 0), (3, 1), (5, 1), (10, 1)):
        name = f"failing {below} sd below" if demand else "nothing demanded"
        yield Cell("power, fragility demanded", name, "16, 16", _demanding(below, demand), round(scale * 500))


def _false_alarms(scale: float) -> Iterator[Cell]:
    sizes = ((3, 3), (5, 5), (10, 10), (20, 20), (5, 20), (20, 5))
    for distribution, (n, m) in itertools.product(DISTRIBUTIONS, sizes):
        repeats = round(scale * (4000 if n + m <= 10 else 2000))
        yield Cell("one candidate", distribution.name, f"{n}, {m}", _null(distribution, n, m, 1), repeats, "≤ 0.05")
    for distribution, n in itertools.product(DISTRIBUTIONS, (5, 10)):
        repeats = round(scale * 400)
        yield Cell("six candidates", distribution.name, f"{n}, {n}", _null(distribution, n, n, 6), repeats, "≤ 0.05")
    for share, n in itertools.product((0.05, 0.2), (5, 10, 20)):
        simulate = _called_worse(failing(share), n)
        yield Cell(
            "rare failures, equal means", f"{100 * share:.0f} % fail", f"{n}, {n}", simulate, round(scale * 1000)
        )
    for distribution in DISTRIBUTIONS:
        looks = Criteria(ALPHA, looks=DEFAULT_LOOKS)
        shown = ", ".join(map(str, DEFAULT_LOOKS))
        yield Cell(
            "sequential",
            distribution.name,
            shown,
            _null(distribution, 20, 20, 1, looks),
            round(scale * 2000),
            "≤ 0.05",
        )
        yield Cell("naive adding of seeds", distribution.name, shown, _peeking(distribution), round(scale * 500))
    for n, m in ((5, 5), (10, 10), (5, 20), (20, 5)):
        name, simulate = "normal against three times the spread", _mixed(NORMAL, _normal(0, 3), n, m)
        yield Cell("same mean, other shape", name, f"{n}, {m}", simulate, round(scale * 2000), "≈ 0.05")
    skewed, bimodal = DISTRIBUTIONS[2], DISTRIBUTIONS[1]
    pairs = {"skewed against normal": (skewed, 1.0), "80/20 bimodal against narrow normal": (bimodal, 0.05)}
    for (name, (odd, spread)), n in itertools.product(pairs.items(), (5, 10, 20)):
        simulate = _mixed(odd, _normal(odd.mean, spread), n, n)
        yield Cell("same mean, other shape", name, f"{n}, {n}", simulate, round(scale * 2000), "≈ 0.05")
    for distribution in DISTRIBUTIONS:
        effect = 0.5 * distribution.std
        for criteria, size in ((Criteria(ALPHA, effect), 10), (Criteria(ALPHA, effect, DEFAULT_LOOKS), 20)):
            simulate = _shifted(distribution, size, effect, criteria)
            seeds = f"{size}, {size}" if criteria.looks is None else "sequential to 20"
            yield Cell("at the minimum effect", distribution.name, seeds, simulate, round(scale * 500), "≤ 0.05")


def _published(scale: float) -> Iterator[Cell]:
    scores = published_scores("HalfCheetah")
    sac, td3 = (scores[name].to_numpy() for name in ("SAC", "TD3"))
    pairs = {"SAC against itself": (sac, sac), "TD3 against itself": (td3, td3), "SAC against TD3": (sac, td3)}
    for (name, pair), n in itertools.product(pairs.items(), (3, 5, 10, 20)):
        yield Cell("published scores", name, f"{n}, {n}", _sampled(*pair, n), round(scale * 1000))


def _sampled(one: np.ndarray, other: np.ndarray, n: int) -> Callable[[np.random.Generator], bool]:
    """Judge n of the published trainings each; of one algorithm, no training twice."""

    def simulate(rng: np.random.Generator) -> bool:
        if one is other:
            base, candidate = np.split(rng.choice(one, 2 * n, replace=False), 2)
        else:
            base, candidate = rng.choice(other, n, replace=False), rng.choice(one, n, replace=False)
        return changed(judge(base, [candidate], Criteria(ALPHA)))

    return simulate


def _normal(mean: float, spread: float) -> Distribution:
    return Distribution("normal", lambda rng, shape: rng.normal(mean, spread, shape), mean, spread, "")


def _null(
    distribution: Distribution, n: int, m: int, count: int, criteria: Criteria | None = None
) -> Callable[[np.random.Generator], bool]:
    def simulate(rng: np.random.Generator) -> bool:
        candidates = [distribution.draw(rng, (n,)) for _ in range(count)]
        return changed(judge(distribution.draw(rng, (m,)), candidates, criteria or Criteria(ALPHA)))

    return simulate


def _peeking(distribution: Distribution) -> Callable[[np.random.Generator], bool]:
    """Judge once at each look, as if it were the only one: what the sequential procedure is there to replace."""

    def simulate(rng: np.random.Generator) -> bool:
        one, other = distribution.draw(rng, (2, DEFAULT_LOOKS[-1]))
        return any(changed(judge(one[:n], [other[:n]], Criteria(ALPHA))) for n in DEFAULT_LOOKS)

    return simulate


def _mixed(one: Distribution, other: Distribution, n: int, m: int) -> Callable[[np.random.Generator], bool]:
    return lambda rng: changed(judge(other.draw(rng, (m,)), [one.draw(rng, (n,))], Criteria(ALPHA)))


def _power(scale: float) -> Iterator[Cell]:
    for distribution, n in itertools.product(DISTRIBUTIONS, (5, 10, 20)):
        shift = 1.5 * distribution.std
        welch = f"Welch's t: {_power_of_welch(distribution, n, shift):.3f}"
        repeats = round(scale * (2000 if n == 5 else 1000))
        yield Cell("power at d = 1.5", distribution.name, f"{n}, {n}", _shifted(distribution, n, shift), repeats, welch)
    for distribution in DISTRIBUTIONS:
        looks = Criteria(ALPHA, looks=DEFAULT_LOOKS)
        simulate = _shifted(distribution, 20, 1.5 * distribution.std, looks)
        yield Cell("power at d = 1.5", distribution.name, "sequential to 20", simulate, round(scale * 1000))


def _families(scale: float) -> Iterator[Cell]:
    for distribution, (name, others) in itertools.product(DISTRIBUTIONS, FAMILIES.items()):
        simulate = _sixth(distribution, others)
        yield Cell("power in a family", distribution.name, name, simulate, round(scale * 250))
    for distribution in DISTRIBUTIONS:
        simulate = _family_covered(distribution)
        yield Cell(
            "coverage: family", distribution.name, "10, 10", simulate, round(scale * 250), "≥ 0.95 of all six together"
        )


FAMILIES = {
    "no other candidate": None,
    "five are clearly better": 5.0,
    "all are as good": 1.5,
    "five are no better": 0.0,
}


def _family(distribution: Distribution, others: float | None, rng: np.random.Generator) -> list[Comparison]:
    """Judge six candidates, the sixth of them better by 1.5 standard deviations; 10 seeds each."""
    shifts = [*([] if others is None else [others] * 5), 1.5]
    candidates = [distribution.draw(rng, (10,)) + shift * distribution.std for shift in shifts]
    return judge(distribution.draw(rng, (10,)), candidates, Criteria(ALPHA))


def _sixth(distribution: Distribution, others: float | None) -> Callable[[np.random.Generator], bool]:
    return lambda rng: _family(distribution, others, rng)[-1].verdict == "improved"


def _family_covered(distribution: Distribution) -> Callable[[np.random.Generator], bool]:
    """Whether the intervals of six candidates cover their true differences, all of them: 1.5 of half, 0 of the others."""
    shifts = [0.0, 0.0, 0.0, 1.5, 1.5, 1.5]

    def simulate(rng: np.random.Generator) -> bool:
        candidates = [distribution.draw(rng, (10,)) + shift * distribution.std for shift in shifts]
        found = judge(distribution.draw(rng, (10,)), candidates, Criteria(ALPHA))
        ends = [each.difference.interval for each in found if each.difference]
        return all(
            end is not None and end.low <= shift * distribution.std <= end.high
            for end, shift in zip(ends, shifts, strict=True)
        )

    return simulate


def _called_worse(sometimes: Distribution, n: int) -> Callable[[np.random.Generator], bool]:
    """Whether a run that sometimes fails is told from a narrow one of the same mean."""
    narrow = _normal(sometimes.mean, 0.05)
    return lambda rng: changed(judge(narrow.draw(rng, (n,)), [sometimes.draw(rng, (n,))], Criteria(ALPHA)))


def _demanding(below: float, demand: int) -> Callable[[np.random.Generator], bool]:
    """Whether 1.5 standard deviations are seen where one more seed, so far below the baseline, must not undo it."""

    def simulate(rng: np.random.Generator) -> bool:
        baseline_S, candidate_S = rng.normal(size=(2, 16))
        base = replace(run_of("b", baseline_S), random_return=-below)
        criteria = Criteria(ALPHA, 0.2, fragility=demand)
        return compare(base, [run_of("c", candidate_S + 1.5)], criteria)[0].verdict == "improved"

    return simulate


def _power_of_welch(distribution: Distribution, n: int, shift: float) -> float:
    rng = np.random.default_rng(5)
    one, other = distribution.draw(rng, (4000, n)) + shift, distribution.draw(rng, (4000, n))
    return float(np.mean(scipy_stats.ttest_ind(one, other, axis=1, equal_var=False).pvalue <= ALPHA))


def _shifted(
    distribution: Distribution, n: int, shift: float, criteria: Criteria | None = None
) -> Callable[[np.random.Generator], bool]:
    def simulate(rng: np.random.Generator) -> bool:
        one, other = distribution.draw(rng, (2, n))
        return judge(one, [other + shift], criteria or Criteria(ALPHA))[0].verdict == "improved"

    return simulate


def _equivalence(scale: float) -> Iterator[Cell]:
    effect = 0.5
    for distribution, (n, m) in itertools.product(DISTRIBUTIONS, ((5, 5), (10, 10), (20, 20), (14, 40))):
        width = effect * distribution.std
        simulate = _shifted_equivalent(distribution, (n, m), width, width)
        repeats = round(scale * (1000 if n == 5 else 500))
        yield Cell(
            "equivalent, wrongly: shifted by the minimum effect", distribution.name, f"{n}, {m}", simulate, repeats
        )
    for share, n in itertools.product((0.2, 0.1, 0.05), (5, 10, 14, 20)):
        name = f"never failing against {100 * share:.0f} % failing, minimum effect {share / 2:g}"
        simulate = _never_against(failing(share), share / 2, n)
        yield Cell("equivalent, wrongly: unseen failures", name, f"{n}, {n}", simulate, round(scale * 1000))
    for n in (5, 10, 14, 20):
        simulate = _shifted_equivalent(NORMAL, (n, n), 0.0, 1.0)
        yield Cell("equivalent, rightly", "normal, minimum effect 1 sd", f"{n}, {n}", simulate, round(scale * 500))
    for n in (14, 20, 40, 60):
        simulate = _never_against(failing(0.0), 0.05, n)
        name = "never failing, minimum effect 0.05 of the way from random actions"
        yield Cell("equivalent, rightly", name, f"{n}, {n}", simulate, round(scale * 100))


def _shifted_equivalent(
    distribution: Distribution, seeds: tuple[int, int], shift: float, effect: float
) -> Callable[[np.random.Generator], bool]:
    def simulate(rng: np.random.Generator) -> bool:
        candidate, baseline = (distribution.draw(rng, (n,)) for n in seeds)
        return judge(baseline, [candidate + shift], Criteria(ALPHA, effect))[0].verdict == "equivalent"

    return simulate


def _never_against(sometimes: Distribution, effect: float, n: int) -> Callable[[np.random.Generator], bool]:
    def simulate(rng: np.random.Generator) -> bool:
        never = failing(0.0).draw(rng, (n,))
        base = replace(run_of("b", never), random_return=0.0)
        return (
            compare(base, [run_of("c", sometimes.draw(rng, (n,)))], Criteria(ALPHA, effect))[0].verdict == "equivalent"
        )

    return simulate


def interval_cells(scale: float) -> Iterator[Cell]:
    """Return the coverage of intervals that only come with a procedure: repeated ones, and those over several tasks."""
    for distribution in DISTRIBUTIONS:
        yield Cell(
            "coverage: repeated interval",
            distribution.name,
            ", ".join(map(str, DEFAULT_LOOKS)),
            _repeated(distribution),
            round(scale * 1000),
            "≥ 0.95 at all looks together",
        )
    for n in (3, 5, 10):
        draws = round(scale * 400)
        yield Cell("coverage: three tasks", "mean difference, stratified Welch", str(n), _tasks(n, "difference"), draws)
        yield Cell("coverage: three tasks", "IQM, stratified bootstrap", str(n), _tasks(n, "iqm"), draws)
        yield Cell("coverage: three tasks", "verdict wrongly changed", str(n), _tasks(n, "alarm"), draws, "≤ 0.05")
        name = "verdict wrongly changed, scales from the scores"
        yield Cell("coverage: three tasks", name, str(n), _tasks(n, "scaled alarm"), draws, "≤ 0.05")


def _repeated(distribution: Distribution) -> Callable[[np.random.Generator], bool]:
    def simulate(rng: np.random.Generator) -> bool:
        one, other = distribution.draw(rng, (2, DEFAULT_LOOKS[-1]))
        looks = stats.group_sequential_test(one, other, DEFAULT_LOOKS, ALPHA)
        found = [look.difference.interval for look in looks]
        return all(interval is None or interval.low <= 0 <= interval.high for interval in found)

    return simulate


def _tasks(n: int, question: str) -> Callable[[np.random.Generator], bool]:
    """Three tasks: normal, bimodal and bounded scores, each in units of its own standard deviation."""
    three = [DISTRIBUTIONS[0], DISTRIBUTIONS[1], DISTRIBUTIONS[4]]
    reference = np.random.default_rng(9)
    large = np.concatenate([d.draw(reference, (200_000,)) / d.std for d in three])
    truth = float(scipy_stats.trim_mean(large, 0.25))

    def simulate(rng: np.random.Generator) -> bool:
        one, other = ([d.draw(rng, (n,)) / d.std for d in three] for _ in range(2))
        if question.startswith("scaled"):  # 0 is one standard deviation below the true mean, 1 the mean of all seeds
            lows = [d.mean / d.std - 1 for d in three]
            sizes = [np.mean([a, b]) - low for a, b, low in zip(one, other, lows, strict=True)]
            if min(sizes) <= 0:
                return False
            one, other = ([scores / size for scores, size in zip(side, sizes, strict=True)] for side in (one, other))
        if question == "iqm":
            found, true = stats.interquartile_mean_across_tasks(one).interval, truth
        else:
            found, true = stats.difference_across_tasks(one, other).interval, 0.0
        assert found is not None
        covered = found.low <= true <= found.high
        if question.endswith("alarm"):
            return not covered and stats.permutation_test_across_tasks(one, other).p <= ALPHA
        return covered

    return simulate
