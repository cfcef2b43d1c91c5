"""The factual analysis of one run: ``analysis.json``, ``analysis.md`` and ``plots/``."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from rlx import stats
from rlx.atomic import write_json, write_text
from rlx.diagnosis.facts import LearningFacts, learning_facts, windowed
from rlx.metrics import read_rows
from rlx.report.text import table
from rlx.results import Score, Summary
from rlx.runs import RunFolder
from rlx.wording import MISSING, interval, number

FORMAT = 1
CURVE_POINTS = 25


@dataclass(frozen=True)
class Curves:
    """A run's metrics by seed and update.

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


def read_curves(folder: RunFolder) -> Curves:
    """Read ``metrics.jsonl`` of a run into arrays."""
    rows = pd.DataFrame(read_rows(folder.path / "metrics.jsonl"))
    for key in ("rollout/return_mean", "rollout/episodes"):
        if key not in rows:
            rows[key] = np.nan
    returns = rows.pivot_table(index="seed", columns="step", values="rollout/return_mean", dropna=False)
    episodes = rows.pivot_table(index="seed", columns="step", values="rollout/episodes", dropna=False).reindex_like(
        returns
    )
    return Curves(
        [int(seed) for seed in returns.index],
        returns.columns.to_numpy(),
        returns.to_numpy(),
        episodes.fillna(0).to_numpy(),
    )


def analyze_run(folder: RunFolder) -> dict[str, Any]:
    """Write the analysis and plots of a run, and return the content of ``analysis.json``."""
    from rlx import plots

    summary, curves, config = folder.evaluation, read_curves(folder), folder.snapshot.config
    facts = learning_facts(curves.steps_U, curves.returns_SU, curves.episodes_SU, summary.random_return)
    steps_W, returns_SW = windowed(curves.steps_U, curves.returns_SU, curves.episodes_SU, CURVE_POINTS)
    curve = pd.DataFrame(
        [
            {"step": int(step), "seed": seed, "return_mean": value}
            for seed, row in zip(curves.seeds, returns_SW, strict=True)
            for step, value in zip(steps_W, row, strict=True)
            if np.isfinite(value)
        ],
        columns=["step", "seed", "return_mean"],
    )
    target = folder.path / "plots"
    write_text(target / "learning_curve.csv", curve.to_csv(index=False, lineterminator="\n"))
    title = f"{folder.name} on {config.env.id}: return of training episodes"
    if len(curve):
        for kind in ("png", "svg"):
            figure = plots.learning_curve(curve, folder.name, title, summary.random_return)
            plots.save(figure, target / f"learning_curve.{kind}")
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
    plots.save(drawn, target / "scores.png")
    content = _content(folder, summary, facts)
    write_json(folder.path / "analysis.json", content)
    write_text(folder.path / "analysis.md", _markdown(folder, content))
    return content


def _content(folder: RunFolder, summary: Summary, facts: LearningFacts | None) -> dict[str, Any]:
    config = folder.snapshot.config
    return {
        "format": FORMAT,
        "run": folder.name,
        "environment": config.env.id,
        "steps_per_seed": max(summary.scores["latest"].steps.values()),
        "outcome": {name: _outcome(score, summary.random_return) for name, score in summary.scores.items()},
        "random_return": summary.random_return,
        "learning": None if facts is None else _learning(facts, sorted(summary.scores["latest"].seeds)),
    }


def _outcome(score: Score, random_return: float) -> dict[str, Any]:
    found, values = score.estimate.interval, list(score.seeds.values())
    worst, best = min(score.seeds, key=score.seeds.__getitem__), max(score.seeds, key=score.seeds.__getitem__)
    success = stats.success_interval(*score.success) if score.success else None
    return {
        "return_mean": score.estimate.mean,
        "interval": None
        if found is None
        else {"low": found.low, "high": found.high, "level": found.level, "method": found.method, "n": found.n},
        "std_over_seeds": score.estimate.std,
        "median_over_seeds": median(values),
        "worst_seed": {"seed": worst, "return_mean": score.seeds[worst]},
        "best_seed": {"seed": best, "return_mean": score.seeds[best]},
        "seeds_above_random": sum(value > random_return for value in values),
        "above_random_by_interval": None if found is None else found.low > random_return,
        "success_rate": None if score.success is None else score.success[0] / score.success[1],
        "success_interval_over_episodes": None if success is None else [success.low, success.high],
        "validation_return_of_choice": (sum(score.validation.values()) / len(score.validation))
        if score.validation
        else None,
    }


def _learning(facts: LearningFacts, seeds: list[int]) -> dict[str, Any]:
    return {
        "scale": {
            "0": facts.range_low,
            "1": facts.range_high,
            "meaning": "0 is the random policy, 1 the best window of any seed",
        },
        "window_steps": [int(step) for step in facts.windows_W],
        "steps_to": {
            f"{level:g}": dict(zip(map(str, seeds), reached, strict=True)) for level, reached in facts.steps_to.items()
        },
        "area_under_curve": dict(zip(map(str, seeds), facts.area, strict=True)),
        "drop_from_best_window_to_last": dict(zip(map(str, seeds), facts.final_drop, strict=True)),
        "late_swing": dict(zip(map(str, seeds), facts.late_swing, strict=True)),
        "gain_in_last_window": dict(zip(map(str, seeds), facts.improving_at_end, strict=True)),
    }


def _markdown(folder: RunFolder, content: dict[str, Any]) -> str:
    latest, best, learning = content["outcome"]["latest"], content["outcome"].get("best"), content["learning"]
    seeds = folder.evaluation.scores["latest"].seeds
    lines = [f"# {folder.name} on {content['environment']}", "", _headline(content), "", "## Outcome", ""]
    rows = [["latest (judged)", *_outcome_cells(latest)]] + (
        [["best (by validation)", *_outcome_cells(best)]] if best else []
    )
    rows.append(["random policy", number(content["random_return"]), MISSING, MISSING, MISSING])
    lines += [table(["policy", "mean return", "interval", "worst seed", "best seed"], rows), ""]
    if latest["interval"]:
        found = latest["interval"]
        lines += [f"Interval: {100 * found['level']:g} %, {found['method']}, over n = {found['n']} training seeds."]
    else:
        lines += ["One seed has no spread to judge by, so there is no interval; train at least 5."]
    if best and best["validation_return_of_choice"] is not None:
        chosen = f"`best` was chosen at {number(best['validation_return_of_choice'])} on validation episodes and scores {number(best['return_mean'])} on held-out ones."
        lines += [chosen]
    if latest["success_rate"] is not None:
        low, high = latest["success_interval_over_episodes"]
        lines += [
            f"Success rate {100 * latest['success_rate']:.1f} % of held-out episodes (over episodes, Wilson: {100 * low:.1f}–{100 * high:.1f} %)."
        ]
    lines += ["", "## Learning", ""]
    if learning is None:
        return "\n".join([*lines, "No training episode ended, so nothing can be said about learning.", ""])
    lines += [
        f"Returns are placed between the random policy (0 %, {number(learning['scale']['0'])}) and the best window of any seed "
        f"(100 %, {number(learning['scale']['1'])}); training is cut into {len(learning['window_steps'])} windows.",
        "",
    ]
    rows = []
    for seed in map(str, sorted(seeds)):
        cells = [_steps(learning["steps_to"]["0.5"].get(seed)), _steps(learning["steps_to"]["0.9"].get(seed))]
        shares = [
            learning[key].get(seed) for key in ("area_under_curve", "drop_from_best_window_to_last", "late_swing")
        ]
        rows.append(
            [seed, number(seeds[int(seed)]), *cells, *(MISSING if x is None else f"{100 * x:.0f} %" for x in shares)]
        )
    head = ["seed", "held-out return", "steps to 50 %", "steps to 90 %", "mean level", "final drop", "late swing"]
    lines += [table(head, rows), ""]
    lines += [
        "*mean level*: average over training; *final drop*: best window minus last; *late swing*: standard deviation over the last quarter's windows.",
        "",
        "![learning curve](plots/learning_curve.png)",
        "",
    ]
    return "\n".join(lines)


def _headline(content: dict[str, Any]) -> str:
    latest, random_return = content["outcome"]["latest"], content["random_return"]
    found = latest["interval"]
    shown = (
        f" ({100 * found['level']:g} % interval [{number(found['low'])}, {number(found['high'])}], n = {found['n']} seeds)"
        if found
        else ""
    )
    text = f"The final policies score {number(latest['return_mean'])}{shown} after {content['steps_per_seed']:,} steps each."
    if latest["above_random_by_interval"]:
        return f"{text} Random actions score {number(random_return)}: this run learned."
    if found is None:
        return f"{text} Random actions score {number(random_return)}; with one seed, luck cannot be told from learning."
    return f"{text} Random actions score {number(random_return)}: that this run learned anything is not shown."


def _outcome_cells(outcome: dict[str, Any]) -> list[str]:
    found = outcome["interval"]
    shown = interval(stats.Interval(**found)) if found else MISSING
    worst, best = outcome["worst_seed"], outcome["best_seed"]
    return [
        number(outcome["return_mean"]),
        shown,
        f"{number(worst['return_mean'])} (seed {worst['seed']})",
        f"{number(best['return_mean'])} (seed {best['seed']})",
    ]


def _steps(value: int | None) -> str:
    return "never" if value is None else f"{value:,}"
