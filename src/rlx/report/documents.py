"""The JSON that commands print with ``--json``: its schemas, and the page ``docs/json.md`` about them.

Fields may be added within a format; whoever renames, removes or changes one raises its number.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import BaseModel, ConfigDict

from rlx.report.analysis import Analyzed, Diagnosed, Suggested
from rlx.report.document import from_json, key_of

Number = float | None


class Document(BaseModel):
    """A part of a document; it has exactly these fields."""

    model_config = ConfigDict(extra="forbid", strict=True, use_attribute_docstrings=True)


class Interval(Document):
    """A confidence interval."""

    low: float
    """Lower end."""
    high: float
    """Upper end."""
    level: float
    """Its level, such as 0.95."""
    method: str
    """How it was made."""
    n: int
    """Training seeds it rests on."""


class Estimate(Document):
    """A mean with its interval."""

    mean: float
    """The mean."""
    interval: Interval | None
    """Its interval; null with one seed."""
    std: Number
    """Standard deviation over seeds."""
    n: int
    """Training seeds."""


class ListedRun(Document):
    """A run in a line."""

    id: str
    """What to type for it."""
    kind: Literal["run", "experiment"]
    """Of the workspace, or an experiment."""
    status: Literal[
        "finished",
        "running",
        "evaluating",
        "filming",
        "analysing",
        "stopped",
        "failed",
        "resolved",
        "unreadable",
        "elsewhere",
    ]
    """How it stands; `resolved`: nothing trained yet; `elsewhere`: its results are not here."""
    environment: str | None
    """Its environment's id."""
    algorithm: str | None
    """Its algorithm."""
    seeds: int | None
    """Seeds that are finished."""
    seeds_wanted: int | None
    """Of how many."""
    return_mean: Number
    """Mean held-out return of the final policies."""
    ci_low: Number
    """Lower end of its 95 % interval."""
    ci_high: Number
    """Upper end."""
    random_return: Number
    """What random actions score."""
    steps: int | None
    """Environment steps per seed."""
    updated: Number
    """When it last changed, in seconds since 1970."""
    tags: tuple[str, ...] | list[str]
    """Its tags."""
    note: str
    """Its note; empty if there is none."""
    problem: str | None
    """Why it cannot be read, or what to do about it."""
    progress: Number
    """While it runs: the share of its environment steps that is behind it."""


class Listing(Document):
    """`rlx ls --json`."""

    format: Literal[1]
    """Version of this schema."""
    runs: list[ListedRun]
    """A row each."""


class SeedFailure(Document):
    """Why a seed failed, as facts."""

    kind: Literal["non-finite", "environment", "process", "other"]
    """A number became NaN or infinite; the environment raised; the worker process died; something else."""
    step: int
    """Environment steps of the seed, or the last that is known."""
    what: str | None = None
    """Of `non-finite`: `reward`, `observation`, `weights`, or the metric."""
    value: str | None = None
    """Of `non-finite`: what it became, such as `nan`."""


class SeedFacts(Document):
    """How the seeds of a run stand."""

    wanted: list[int]
    """The training seeds."""
    finished: list[int]
    """Those that are finished."""
    failed: dict[str, str | None]
    """Those that failed, with the error."""
    failures: dict[str, SeedFailure]
    """The same as facts, of runs that noted them."""


class RunScore(Document):
    """A run's held-out score with one of its checkpoints."""

    return_mean: float
    """Mean over seeds."""
    ci_low: Number
    """Lower end of its 95 % interval."""
    ci_high: Number
    """Upper end."""
    seeds: dict[str, float]
    """Mean return of each seed."""
    steps: dict[str, int]
    """Environment steps behind each seed's policy."""


class RunFacts(Document):
    """`rlx info RUN --json`."""

    format: Literal[1]
    """Version of this schema."""
    run: str
    """What it is called."""
    folder: str
    """Where its files are (of runs read through Git: a disposable copy)."""
    title: str | None
    """Its `run_name`."""
    status: str
    """As in `rlx ls`."""
    problem: str | None
    """Why its results are not here, or that those here are of another configuration, and the command that mends it."""
    environment: str
    """Its environment's id."""
    algorithm: str
    """Its algorithm."""
    tags: list[str]
    """Its tags."""
    note: str | None
    """Its note."""
    progress: Number
    """While it runs: the share of its environment steps that is behind it."""
    continues: str | None
    """The run that it trains further."""
    seeds: SeedFacts
    """How its seeds stand."""
    scores: dict[str, RunScore] | None
    """By checkpoint (`latest`, `best`); null before evaluation."""
    random_return: Number
    """Mean return of random actions."""
    engine: dict[str, Any] | None
    """What computed it, and why that."""
    cost: dict[str, Any] | None
    """Steps and seconds."""
    started: str | None
    """When, in ISO 8601."""
    ended: str | None
    """When."""
    seconds: Number
    """Wall-clock time of the training stage."""
    git: dict[str, Any] | None
    """Commit, and files that differed from it."""
    versions: dict[str, str | None] | None
    """Of Python and the libraries."""
    host: dict[str, Any] | None
    """The machine."""
    sources: dict[str, str] | None
    """Where each value of the configuration comes from, by dotted key: a file, or `default`."""
    artifacts: list[str]
    """What is in the folder."""


class PlayedEpisode(Document):
    """One held-out episode."""

    episode: int
    """Its place in the list."""
    reset_seed: int
    """What the environment was reset with."""
    return_: float
    """Undiscounted sum of rewards (key `return`)."""
    length: int
    """Steps."""
    success: bool | None
    """As the environment reports it."""
    cut: bool
    """Whether it hit `final_eval.step_limit`."""

    model_config = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, alias_generator=lambda name: name.rstrip("_"), strict=True
    )


class PlayedPolicy(Document):
    """What one policy did."""

    checkpoint: str
    """As it was asked for."""
    file: str
    """The checkpoint file."""
    environment: str
    """Where it played."""
    seed: int
    """Its training seed."""
    step: int
    """Environment steps it was trained for."""
    return_mean: float
    """Mean return over the episodes."""
    return_std: Number
    """Standard deviation over them."""
    return_min: float
    """The worst."""
    return_max: float
    """The best."""
    length_mean: float
    """Mean length, in steps."""
    success_rate: Number
    """Share of successes, where reported."""
    cut: int
    """Episodes that hit the step limit."""
    episodes: list[PlayedEpisode]
    """Each of them."""


class Evaluated(Document):
    """`rlx eval CHECKPOINT... --json`."""

    format: Literal[1]
    """Version of this schema."""
    protocol: dict[str, Any]
    """The episodes: as `final_eval` in `params.yaml`."""
    policies: list[PlayedPolicy]
    """One per checkpoint and seed."""


class FilmedEpisode(Document):
    """An episode on film."""

    episode: int
    """Its place in the list."""
    reset_seed: int
    """What the environment was reset with."""
    return_: float
    """Its return (key `return`)."""
    length: int
    """Its steps."""

    model_config = PlayedEpisode.model_config


class Filmed(Document):
    """`rlx video CHECKPOINT --json`."""

    format: Literal[1]
    """Version of this schema."""
    file: str
    """The film."""
    checkpoint: str
    """As it was asked for."""
    seed: int
    """Training seed of the policy shown."""
    episodes: list[FilmedEpisode]
    """In the order of the film."""
    complete: bool
    """Whether every episode is shown to its end (`video.max_steps`)."""


class SweepPoint(Document):
    """A point of a sweep."""

    id: str | None
    """Its experiment."""
    state: Literal["kept", "stopped", "new", "finished", "failed"]
    """How it stands."""
    settings: dict[str, Any]
    """What it sets; empty: the config itself."""
    error: str | None
    """Why it failed."""
    return_mean: Number
    """Mean held-out return."""
    verdict: str | None
    """Against the baseline, corrected for the number of points."""
    difference: Number
    """To the baseline's mean return."""
    ci_low: Number
    """Lower end of the deciding interval of the difference."""
    ci_high: Number
    """Upper end."""
    p_value: Number
    """Of no difference, corrected."""


class Swept(Document):
    """`rlx sweep SWEEP --json`."""

    format: Literal[1]
    """Version of this schema."""
    sweep: str
    """Its name."""
    baseline: str | None
    """What the points were compared with."""
    headlines: list[str]
    """Sentences to repeat."""
    points: list[SweepPoint]
    """In the order of the grid."""


class ComparedRun(Document):
    """A run's scores."""

    run: str
    """Its name."""
    task: str
    """Its environment."""
    mean: Estimate
    """Mean over seeds."""
    median: float
    """Median over seeds."""
    median_interval: Interval | None
    """Its interval from order statistics."""
    iqm: float
    """Interquartile mean."""
    iqm_trims: int
    """Seeds it leaves out at each end."""
    minimum: float
    """The worst seed's score."""
    maximum: float
    """The best seed's."""
    worst_seed: dict[str, float | int]
    """`seed` and `return_mean`."""
    success: dict[str, int] | None
    """`successes` of `episodes`."""
    random_return: Number
    """Mean return of random actions."""
    environment_steps: int | None
    """Per seed."""
    seeds: dict[str, float]
    """Score of each seed."""


class Judgement(Document):
    """One run against the baseline."""

    run: str
    """The candidate."""
    baseline: str
    """What it is compared with."""
    verdict: Literal["improved", "regressed", "equivalent", "inconclusive", "identical", "not comparable"]
    """The verdict."""
    difference: Estimate | None
    """Candidate − baseline, with the deciding interval."""
    relative: Number
    """The difference as a share of the baseline's mean."""
    p_value: Number
    """Of no difference, corrected for the number of candidates."""
    p_beyond: Number
    """Of a difference no larger than the minimum effect, corrected."""
    test: dict[str, Any] | None
    """`p`, `smallest_p` possible, `method`, before correction."""
    probability_of_improvement: Number
    """Chance that a seed of the candidate beats one of the baseline."""
    seeds: list[int]
    """Of candidate and baseline."""
    reason: str
    """What the verdict rests on."""
    next_step: str | None
    """What would settle it."""
    more_seeds: dict[str, int]
    """The settings of the seeds that would, `seed` and `num_seeds`; empty where more seeds do not help."""
    command: str | None
    """The command that trains both runs so; null where nothing tells how they are made."""
    changes: dict[str, Any]
    """Settings that differ: key → [baseline's, candidate's]."""
    provenance: dict[str, Any]
    """The same of code, engine and libraries."""
    warnings: list[str]
    """What makes the comparison weaker than it looks."""
    looks: list[dict[str, Any]]
    """The looks taken, with `--sequential`."""
    fragility: int | None = None
    """How many further seeds, had they failed, would take `improved` or `regressed` away; null where ten would not, and for
    other verdicts."""
    unexcluded: float | None = None
    """The share of failing seeds that the better run's seeds do not exclude (of two that are alike, the larger one)."""
    minimum_effect: float = 0.0
    """The smallest difference in return that mattered."""
    derived: bool = False
    """Whether that was derived from the scores, since nobody said it."""


class Compared(Document):
    """`rlx compare --json`, and `analysis/compare/comparison.json`."""

    format: Literal[2]
    """Version of this schema."""
    headline: list[str]
    """Sentences to repeat."""
    baseline: str
    """The run, or method, that the others are compared with."""
    checkpoint: Literal["latest", "best"] | None
    """Which policies; null for `--scores`."""
    metric: str = "return"
    """What is compared; left out where it is the return."""
    criteria: dict[str, Any]
    """`alpha`, `minimum_effect` (that of all verdicts, or else the baseline's own), `looks`, `derived` (whether nobody
    said the minimum effect, so that it was derived from the scores), `fragility` (what verdicts must withstand)."""
    runs: list[ComparedRun]
    """Best mean first."""
    comparisons: list[Judgement]
    """One per candidate."""
    learning: dict[str, Any]
    """How fast each run learns: `threshold` and `runs`."""
    best_checkpoints: dict[str, Any]
    """What `best` checkpoints promised on validation episodes, and hold."""
    methods: list[Any]
    """Over several environments: each method's verdict."""
    references: dict[str, dict[str, float]]
    """For these: the returns that count as 0 (`low`) and 1 (`high`) on each environment."""


class SeedCurve(Document):
    """A metric of one seed."""

    x: list[float | int]
    """Steps or seconds."""
    values: list[float]
    """The metric there."""


class Curve(Document):
    """A metric of a run, as drawn."""

    x: list[float | int]
    """Where the mean is known."""
    mean: list[float]
    """Mean over seeds."""
    low: list[Number]
    """Lower end of its pointwise 95 % interval."""
    high: list[Number]
    """Upper end."""
    n: list[int]
    """Seeds at each point."""
    seeds: dict[str, SeedCurve]
    """Each seed's own."""


class PlottedRun(Document):
    """What is drawn of a run."""

    run: str
    """Its name."""
    environment: str
    """Its environment's id."""
    seeds_wanted: int
    """How many seeds it is to have."""
    random_return: Number
    """Mean return of random actions."""
    metrics: dict[str, Curve]
    """By metric."""


class Plotted(Document):
    """`rlx plot RUN... --json`."""

    format: Literal[1]
    """Version of this schema."""
    x: str
    """What the horizontal axis is."""
    runs: list[PlottedRun]
    """In the order asked for."""
    notes: list[str]
    """What is missing, and why."""


class UsualValues(Document):
    """What is usual for a metric."""

    text: str
    """In words."""
    source: str
    """Who says so; "no firm source" where nobody does."""
    low: Number
    """Below it is unusual; null where no number fits all tasks."""
    high: Number
    """Above it is unusual; likewise."""


class MetricCourse(Document):
    """What a metric did: medians over seeds of means over windows of training."""

    trend: Literal[
        "rises", "falls", "rises then falls", "falls then rises", "oscillates", "flat", "constant", "unknown"
    ]
    """Its shape, against its own noise; `unknown`: too few values."""
    early: float
    """Its level in the first window."""
    middle: float
    """In the middle tenth."""
    late: float
    """In the last tenth."""
    lowest: float
    """The lowest window."""
    highest: float
    """The highest window."""
    turn: int | None
    """The environment step of the turn, where it turned once."""
    settled: int | None
    """The environment step from which it stayed near its last level."""
    first_step: int
    """Where its values begin."""
    last_step: int
    """Where they end."""
    seeds: dict[str, float]
    """Each seed's last level."""
    alike: bool
    """Whether these are close to one another."""
    agreeing: list[int]
    """Of a metric that rises or falls: the seeds that clearly do."""
    below_usual: list[int]
    """Seeds with a window below the usual range."""
    above_usual: list[int]
    """Seeds with a window above it."""
    share_outside: float
    """The share of training that these spent outside (median over them)."""


class ExplainedMetric(Document):
    """One metric."""

    metric: str
    """Its name in `metrics.jsonl`."""
    group: str
    """What stands before the slash; empty for counters."""
    meaning: str
    """What it tells."""
    formula: str
    """How it is computed."""
    unit: str
    """What it is measured in."""
    usual: UsualValues
    """Which values are usual."""
    higher: str
    """What a high value means."""
    lower: str
    """What a low value means."""
    logged: bool
    """Whether any seed logged it."""
    sentences: list[str]
    """What it does in this run."""
    course: MetricCourse | None
    """The same in numbers; null where it was not logged, or in too few updates."""
    findings: list[str]
    """Ids of the diagnosis's findings that rest on it."""


class Explained(Document):
    """`rlx explain-metrics RUN [METRIC] --json`."""

    format: Literal[1]
    """Version of this schema."""
    run: str
    """Its name."""
    environment: str
    """Its environment's id."""
    status: str
    """As in `rlx ls`."""
    seeds: list[int]
    """The seeds that were looked at: those with enough updates."""
    notes: list[str]
    """What holds of all metrics."""
    metrics: list[ExplainedMetric]
    """All that were logged, or the one asked for."""


class RunSummed(Document):
    """`rlx summarize RUN --json`."""

    format: Literal[1]
    """Version of this schema."""
    kind: Literal["run"]
    """What was summed up."""
    name: str
    """Its name."""
    summary: str
    """The paragraph."""
    problem: str | None
    """What of it cannot be read."""
    headline: str | None
    """Its verdict, as a sentence."""
    comparison: Judgement | None
    """Its verdict."""
    run: RunFacts
    """Its facts."""


class SweepSummed(Document):
    """`rlx summarize SWEEP --json`."""

    format: Literal[1]
    """Version of this schema."""
    kind: Literal["sweep"]
    """What was summed up."""
    name: str
    """Its name."""
    summary: str
    """The paragraph."""
    headline: list[str]
    """Sentences to repeat."""
    baseline: str | None
    """What its experiments were compared with."""
    checkpoint: str
    """Which policies."""
    experiments: list[dict[str, Any]]
    """Each with `id`, `rank`, `status`, `changes`, scores and verdict."""


class ProjectSummed(Document):
    """`rlx summarize --json`."""

    format: Literal[1]
    """Version of this schema."""
    kind: Literal["project"]
    """What was summed up."""
    name: str
    """Its name."""
    summary: str
    """The paragraph."""
    headline: list[str]
    """Verdicts of the study, as sentences."""
    baseline: str
    """Its baseline."""
    runs: list[str]
    """Its runs."""
    without_scores: dict[str, str]
    """Those without results, and why."""
    experiments: int
    """Kept experiments beside it."""
    best: list[dict[str, Any]]
    """The highest mean return on each environment."""
    unfinished: list[dict[str, Any]]
    """What is stopped or failed, with the command that goes on."""


class Found(Document):
    """What one check found."""

    name: str
    """The check."""
    level: Literal["ok", "warning", "problem"]
    """How bad it is."""
    message: str
    """What was found."""
    cure: str | None
    """What to do."""
    fixable: bool
    """Whether `--fix` mends it."""
    mended: bool
    """Whether it just did."""


class Checked(Document):
    """`rlx doctor --json`."""

    format: Literal[1]
    """Version of this schema."""
    project: str | None
    """Its folder; null outside of one."""
    counts: dict[str, int]
    """Findings by level."""
    sections: dict[str, list[Found]]
    """`installation`, `project`, `state`, and `cache` with `--verify`."""


DOCUMENTS: dict[str, type] = {
    "ls": Listing,
    "info": RunFacts,
    "compare": Compared,
    "eval": Evaluated,
    "video": Filmed,
    "sweep": Swept,
    "plot": Plotted,
    "explain-metrics": Explained,
    "summarize RUN": RunSummed,
    "summarize SWEEP": SweepSummed,
    "summarize": ProjectSummed,
    "analyze": Analyzed,
    "diagnose": Diagnosed,
    "suggest": Suggested,
    "doctor": Checked,
}
"""By command, what its ``--json`` prints."""
NAMES = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    NoneType: "null",
    Any: "anything",
}
"""How types are called."""
HEAD = """# JSON

<!-- Made by `python -m rlx.report.documents > docs/json.md`. -->

Every command that reports prints JSON with `--json`, the same numbers as its tables with every digit. Each document
carries the number of its `format`: fields may be added to one; a field that changes or goes raises the number. Numbers
that do not exist are `null`, never NaN. Messages go to standard error, so that the output can be piped:
`rlx ls --json | python -m json.tool`.
"""


def check(command: str, text: str) -> None:
    """Check that a text is the document that a command prints.

    Raises:
        ValueError: It is not.
    """
    kind = DOCUMENTS[command]
    if issubclass(kind, Document):
        kind.model_validate_json(text)
    else:
        from_json(kind, text)


def render() -> str:
    """Return the page about all documents."""
    lines, told = [HEAD], set[type]()
    for command, document in DOCUMENTS.items():
        lines += [f"## rlx {command}", "", _meaning(document), ""]
        waiting = [document]
        while waiting:
            part = waiting.pop(0)
            if part in told:
                continue
            told.add(part)
            lines += [] if part is document else [f"**{part.__name__}**: {_meaning(part)}", ""]
            lines += ["| field | type | meaning |", "| --- | --- | --- |"]
            if issubclass(part, Document):
                for name, info in part.model_fields.items():
                    lines.append(f"| `{name.rstrip('_')}` | {_type(info.annotation, waiting)} | {info.description} |")
                lines.append("")
                continue
            meanings, kinds = _attributes(part), get_type_hints(part)
            lines += [
                f"| `{key_of(each.name)}` | {_type(kinds[each.name], waiting)} | {meanings[each.name]} |"
                for each in fields(part)  # type: ignore[arg-type]
                if each.metadata.get("document", True)
            ]
            lines.append("")
    return "\n".join(lines)


def _meaning(part: type) -> str:
    """Return the first paragraph of a class's docstring."""
    return _markdown((part.__doc__ or "").partition("\n\n")[0])


def _attributes(part: type) -> dict[str, str]:
    """Return what the docstrings of a class and its bases say of each field."""
    found: dict[str, str] = {}
    for each in reversed(part.__mro__):
        text = inspect.cleandoc(each.__doc__ or "").partition("Attributes:\n")[2]
        for name, meaning in re.findall(r"^    (\w+): ((?:.*\n?)(?:^ {8}.*\n?)*)", text, re.MULTILINE):
            found[name] = _markdown(meaning)
    return found


def _markdown(text: str) -> str:
    """Return the text of a docstring in a line of Markdown."""
    plain = re.sub(r":\w+:`(?:[^`]*\.)?([^`.]+)`", r"`\1`", text.replace("``", "`"))
    return " ".join(re.sub(r"\b(None|NaN)\b", "null", plain).split())


def _type(annotation: Any, waiting: list[type]) -> str:
    """Describe a type, and note which parts it consists of."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in arguments)
    if origin in (dict, Mapping):
        return "mapping" if arguments[1] is Any else f"mapping of {_type(arguments[1], waiting)}"
    if origin is not None:
        inner = ["number"] if origin is np.ndarray else [_type(each, waiting) for each in arguments if each is not ...]
        either = " or ".join(dict.fromkeys(inner))
        return either if origin in (Union, UnionType) else f"list of {either}"
    if annotation not in NAMES:
        waiting.append(annotation)
    return NAMES.get(annotation) or str(annotation.__name__)


if __name__ == "__main__":
    import sys

    sys.stdout.write(render())
