"""The analysis of one run: outcome, learning, stability, seeds, findings, what to try; ``analysis.json`` and ``analysis.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal, TypeVar, cast

import numpy as np

from rlx import stats
from rlx.config import write_json, write_text
from rlx.diagnosis import Diagnosis, LearningFacts, RunRecord, Signals, components, diagnose, learning_facts, windowed
from rlx.experiments import more_rules, record_of
from rlx.records import RunFolder, Score, Summary
from rlx.report.analysis import Analyzed, ComponentReturns, Learned, PolicyOutcome, SeedScore, Status
from rlx.report.analysis_words import analysis_markdown
from rlx.report.diagnosis_words import suggests, with_suggested_commands
from rlx.report.document import to_json
from rlx.report.train_commands import Remaking, remaking

FORMAT: Literal[1] = 1
CURVE_POINTS = 25
Value = TypeVar("Value")


@dataclass(frozen=True)
class Curves:
    """Returns of a run's training episodes by seed and update.

    Attributes:
        seeds: The seeds, in the order of the first axis.
        steps_U: Environment steps at each update.
        returns_SU: Mean return of the training episodes that ended in each rollout, NaN where none did.
        episodes_SU: How many did.
    """

    seeds: list[int]
    steps_U: np.ndarray[Any, Any]
    returns_SU: np.ndarray[Any, Any]
    episodes_SU: np.ndarray[Any, Any]


@dataclass(frozen=True)
class Analysis:
    """An analysis before it is written.

    Attributes:
        record: What is known of the run.
        diagnosis: What is said of it.
        curves: Its learning curves; None before the first update.
        content: What is told of it, and stands in ``analysis.json``.
    """

    record: RunRecord
    diagnosis: Diagnosis
    curves: Curves | None
    content: Analyzed


def analyze(root: Path, folder: RunFolder, *, in_stage: bool = False) -> Analysis:
    """Return the analysis of a run, finished or not; nothing is written.

    Args:
        root: The project.
        folder: Any run that :func:`rlx.experiments.references.find_run` gives.
        in_stage: Whether this is a stage, perhaps of an experiment whose ``params.yaml`` is not the person's own:
            suggestions then have no commands.

    Raises:
        ConfigError: Its snapshot cannot be read.
        DataDamaged: One of its other files cannot be read.
    """
    record = record_of(root, folder)
    summary = folder.evaluation if folder.is_evaluated else None
    curves = _curves(record)
    facts = None
    if curves is not None:
        random_return = summary.random_return if summary else None
        facts = learning_facts(curves.steps_U, curves.returns_SU, curves.episodes_SU, random_return)
    diagnosis = diagnose(record, more_rules(root))
    again = None if in_stage or not suggests(diagnosis) else remaking(root, folder)
    return Analysis(record, diagnosis, curves, _content(record, summary, curves, facts, diagnosis, again))


def analyze_run(folder: RunFolder) -> Analyzed:
    """Write the analysis and plots of a finished run, and return the analysis."""
    from rlx.report.diagnosis_pictures import write_pictures  # matplotlib takes a second, and few need it

    found = analyze(folder.path.parent.parent, folder, in_stage=True)
    target = folder.path / "plots"
    _write_plots(folder, found.content.curves or {}, target)
    pictures = write_pictures(found.record, found.diagnosis, target)
    write_json(folder.path / "analysis.json", to_json(found.content))
    paths = {name: f"plots/{file}" for name, file in pictures.items()}
    write_text(folder.path / "analysis.md", analysis_markdown(found.content, paths, "plots/learning_curve.png"))
    return found.content


def _curves(record: RunRecord) -> Curves | None:
    """Return the learning curves on the grid of all steps that any seed logged."""
    seeds = [seed for seed in record.seeds if len(seed.steps_U)]
    if not seeds:
        return None
    steps_U = np.unique(np.concatenate([seed.steps_U for seed in seeds]))
    returns_SU, episodes_SU = np.full((len(seeds), len(steps_U)), np.nan), np.zeros((len(seeds), len(steps_U)))
    for row, seed in enumerate(seeds):
        at_U = np.searchsorted(steps_U, seed.steps_U)
        returns_SU[row, at_U] = seed.metric("rollout/return_mean")
        episodes_SU[row, at_U] = np.nan_to_num(seed.metric("rollout/episodes"))
    return Curves([seed.seed for seed in seeds], steps_U, returns_SU, episodes_SU)


def _of_the_task(record: RunRecord, curves: Curves) -> Curves:
    """Return the learning curves of the task: where training has another environment, those of the validation episodes."""
    if not record.config.env.differs_in_training:
        return curves
    returns_SU = np.full(curves.returns_SU.shape, np.nan)
    for row, seed in enumerate(seed for seed in record.seeds if len(seed.steps_U)):
        returns_SU[row, np.searchsorted(curves.steps_U, seed.steps_U)] = seed.metric("validation/return_mean")
    episodes_SU = np.where(np.isfinite(returns_SU), float(record.config.eval.episodes), 0.0)
    return Curves(curves.seeds, curves.steps_U, returns_SU, episodes_SU)


def _seed_curves(curves: Curves) -> dict[int, stats.SeedCurve]:
    """Return each seed's learning curve in windows of training, without those in which none of its episodes ended."""
    steps_W, returns_SW = windowed(curves.steps_U, curves.returns_SU, curves.episodes_SU, CURVE_POINTS)
    found = {
        seed: stats.SeedCurve(steps_W[np.isfinite(row_W)], row_W[np.isfinite(row_W)])
        for seed, row_W in zip(curves.seeds, returns_SW, strict=True)
    }
    return {seed: curve for seed, curve in found.items() if len(curve.x_T)}


def _write_plots(folder: RunFolder, curves: Mapping[int, stats.SeedCurve], target: Path) -> None:
    """Write the learning curve and the scores: the tables, and the pictures of them."""
    import pandas as pd

    from rlx.report import plots

    summary, config = folder.evaluation, folder.snapshot.config
    rows = [
        {"step": int(step), "seed": seed, "return_mean": value}
        for seed, one in curves.items()
        for step, value in zip(one.x_T, one.values_T, strict=True)
    ]
    curve = pd.DataFrame(rows, columns=["step", "seed", "return_mean"])
    write_text(target / "learning_curve.csv", curve.to_csv(index=False, lineterminator="\n"))
    which = "validation" if config.env.differs_in_training else "training"
    title = f"{folder.name} on {config.env.id}: return of {which} episodes"
    if len(curve):
        for kind in ("png", "svg"):
            figure = plots.learning_curve(curve, folder.name, title, summary.random_return)
            plots.save_figure(figure, target / f"learning_curve.{kind}")
    scores = pd.DataFrame(
        [
            {"checkpoint": name, "seed": seed, "return_mean": mean}
            for name, score in summary.scores.items()
            for seed, mean in score.seeds.items()
        ]
    )
    write_text(target / "scores.csv", scores.to_csv(index=False, lineterminator="\n"))
    name = folder.name
    drawn = plots.final_scores(
        [folder.scores("latest")],
        {name: config.env.id},
        {name: summary.random_return},
        "latest",
        {name: plots.colour_of(0)},
    )
    plots.save_figure(drawn, target / "scores.png")


def _content(  # noqa: PLR0913
    record: RunRecord,
    summary: Summary | None,
    curves: Curves | None,
    facts: LearningFacts | None,
    diagnosis: Diagnosis,
    again: Remaking | None,
) -> Analyzed:
    steps = max((int(seed.steps_U[-1]) for seed in record.seeds if len(seed.steps_U)), default=0)
    outcome = None
    if summary is not None:
        outcome = {name: _outcome(score, summary.random_return) for name, score in summary.scores.items()}
    told = with_suggested_commands(diagnosis, again)
    return Analyzed(
        format=FORMAT,
        run=record.run,
        environment=record.config.env.id,
        status=cast("Status", "stopped" if record.stale else record.status),
        steps_per_seed=steps,
        outcome=outcome,
        random_return=summary.random_return if summary else None,
        learning=None
        if facts is None or curves is None
        else _learning(facts, curves.seeds, measured=summary is not None),
        reward_components=_components(record),
        curves={} if curves is None else _seed_curves(_of_the_task(record, curves)),
        findings=told.findings,
        consequences=told.consequences,
        suggestions=told.suggestions,
        unchecked=told.unchecked,
    )


def _components(record: RunRecord) -> dict[str, ComponentReturns]:
    """Return each reward component's sum per episode: early and late in training, medians over seeds."""
    signals = Signals(record)
    found = {}
    for name in components(signals) if signals.seeds else []:
        values_SW = signals.windowed(name)
        early_S, late_S = signals.early(values_SW), signals.late(values_SW)
        if np.isfinite(early_S).any() and np.isfinite(late_S).any():
            found[name] = ComponentReturns(float(np.nanmedian(early_S)), float(np.nanmedian(late_S)))
    return found


def _outcome(score: Score, random_return: float) -> PolicyOutcome:
    found, values = score.estimate.interval, list(score.seeds.values())
    worst, best = min(score.seeds, key=score.seeds.__getitem__), max(score.seeds, key=score.seeds.__getitem__)
    success = stats.success_interval(*score.success) if score.success else None
    chosen = list(score.validation.values())
    return PolicyOutcome(
        return_mean=score.estimate.mean,
        interval=found,
        seeds=dict(sorted(score.seeds.items())),
        std_over_seeds=score.estimate.std,
        median_over_seeds=median(values),
        worst_seed=SeedScore(worst, score.seeds[worst]),
        best_seed=SeedScore(best, score.seeds[best]),
        seeds_above_random=sum(value > random_return for value in values),
        above_random_by_interval=None if found is None else found.low > random_return,
        success_rate=None if score.success is None else score.success[0] / score.success[1],
        success_interval_over_episodes=None if success is None else (success.low, success.high),
        validation_return_of_choice=sum(chosen) / len(chosen) if chosen else None,
    )


def _learning(facts: LearningFacts, seeds: list[int], *, measured: bool) -> Learned:
    low = "the random policy" if measured else "the first window of training (random actions were not measured yet)"

    def by_seed(values_S: Sequence[Value]) -> dict[int, Value]:
        return dict(zip(seeds, values_S, strict=True))

    return Learned(
        scale={"0": facts.range_low, "1": facts.range_high, "meaning": f"0 is {low}, 1 the best window of any seed"},
        window_steps=tuple(int(step) for step in facts.windows_W),
        steps_to={f"{level:g}": by_seed(reached) for level, reached in facts.steps_to.items()},
        area_under_curve=by_seed(facts.area),
        drop_from_best_window_to_last=by_seed(facts.final_drop),
        late_swing=by_seed(facts.late_swing),
        gain_in_last_window=by_seed(facts.improving_at_end),
    )
