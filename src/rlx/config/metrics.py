"""The vocabulary of metrics: one row for every number that a training may log.

The rows here are those of every training; each algorithm's own, and what it means by those of every training where more can
be said, stand beside it (:attr:`rlx.algorithms.Algorithm.metrics`).
What a run was trained with stands in its ``metadata.json``, so that reading an old run needs neither its algorithm nor a
plugin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

NO_SOURCE = "no firm source"
COMPONENT = "reward/"
"""What the names of reward components begin with."""
UPDATE_SECONDS = "time/update_seconds"
"""What an iteration may tell beside its metrics: how long its update took, without its steps in the environment."""
_COMPONENT = re.compile(r"reward/[A-Za-z0-9_]+")
_NAME = re.compile(r"[a-z][a-z0-9_]*(/[A-Za-z0-9_.\-]+)+")


@dataclass(frozen=True)
class Usual:
    """What is usual for a metric.

    Attributes:
        text: In words.
        source: Who says so; :data:`NO_SOURCE` where nobody does.
        low: Below it is unusual; None where no number fits all tasks.
        high: Above it is unusual; likewise.
    """

    text: str = ""
    source: str = NO_SOURCE
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Metric:
    """A number that a training logs.

    Attributes:
        name: As rows of ``metrics.jsonl`` have it.
        summary: What it is, in a line.
        meaning: What it tells, in a sentence or two.
        formula: How it is computed.
        unit: What it is measured in.
        usual: Which values are usual, and who says so.
        higher: What a high value means.
        lower: What a low value means.
        per_episode: Whether it is a mean over the training episodes that ended, and counts by how many these were.
        may_be_undefined: Whether it can be NaN in a sound training; it is left out of the row then.
        title: What a chart calls it, where its name says too little.
        sb3_name: What Stable-Baselines3 calls it, where that is another name.
    """

    name: str
    summary: str
    meaning: str = ""
    formula: str = ""
    unit: str = ""
    usual: Usual = Usual()
    higher: str = ""
    lower: str = ""
    per_episode: bool = False
    may_be_undefined: bool = False
    title: str = ""
    sb3_name: str = ""

    @property
    def group(self) -> str:
        """What stands before the slash of its name; empty for counters."""
        return self.name.rpartition("/")[0]

    @property
    def is_counter(self) -> bool:
        """Whether it counts how far training is, rather than measures something."""
        return "/" not in self.name

    def to_data(self) -> dict[str, Any]:
        """Return what ``metadata.json`` keeps of it: enough to read it without the algorithm."""
        usual = {"text": self.usual.text, "source": self.usual.source, "low": self.usual.low, "high": self.usual.high}
        return {"summary": self.summary, "unit": self.unit, "usual": usual} | (
            {"per_episode": True} if self.per_episode else {}
        )


def is_component(key: str) -> bool:
    """Tell whether a key names a part of the reward.

    ``reward/forward`` is the mean, over the training episodes that ended in an iteration, of ``info["reward_forward"]``
    added up over the episode. It is the one pattern beside the rows.
    """
    return _COMPONENT.fullmatch(key) is not None


def metric_rows(metrics: Mapping[str, Metric | str]) -> dict[str, Metric]:
    """Return the rows of an algorithm's own metrics, given in full or by their meaning in words.

    Raises:
        ValueError: One has a name that a metric cannot have.
    """
    for name in metrics:
        if name not in COMMON and not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a metric: it has the form group/name, such as train/loss")
    return {
        name: told if isinstance(told, Metric) else Metric(name, told, told[:1].upper() + told[1:])
        for name, told in metrics.items()
    }


def metrics_from(data: Any) -> dict[str, Metric] | None:
    """Return the rows that a ``metadata.json`` holds; None where it has none, or none that can be read."""
    try:
        rows = {
            str(name): Metric(
                str(name),
                str(row["summary"]),
                unit=str(row["unit"]),
                usual=Usual(**row["usual"]),
                per_episode=bool(row.get("per_episode", False)),
            )
            for name, row in data.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return rows or None


def metric_of(name: str, vocabulary: Mapping[str, Metric]) -> Metric | None:
    """Return what a metric is; None for a name that is neither in a vocabulary nor a reward component's."""
    if is_component(name):
        part = name.removeprefix(COMPONENT)
        return replace(
            REWARD,
            name=name,
            meaning=REWARD.meaning.replace("<name>", part),
            formula=REWARD.formula.replace("<name>", part),
        )
    return vocabulary.get(name)


def by_name(rows: Iterable[Metric]) -> dict[str, Metric]:
    """Return rows by their names."""
    return {row.name: row for row in rows}


LECTURE = "Schulman, Nuts and Bolts of Deep RL (the lecture of 2017, not its slides): look at episode lengths"
TASK = Usual("It depends on the task alone; what random actions score is the natural zero.")
_ALL = (
    Metric(
        "seed",
        "training seed of the row",
        "The training seed of the row. Each seed is a training of its own, of the same configuration: seeds differ in initial weights, episodes, sampled actions and the order of minibatches, and so by chance alone.",
        "the setting `seed`, then +1 for each further seed of the run",
        "none (a label)",
        Usual("At least 5 seeds for a verdict, better 10.", "Henderson et al. 2018 on how much seeds differ; the 5 and 10 are rlx's own"),
        "A label: its size means nothing.",
        "A label: its size means nothing.",
    ),
    Metric(
        "step",
        "environment steps taken so far, all copies together",
        "Environment steps taken so far, all copies of the environment together; the x-axis of every curve.",
        "grows by the steps of an iteration",
        "environment steps",
        Usual("It ends at algo.total_timesteps, rounded up to whole iterations."),
        "Far into training.",
        "Early in training.",
    ),
    Metric(
        "iteration",
        "iterations made so far: the algorithm's natural unit of work, one row each",
        "Iterations made so far, each the algorithm's natural unit of work: some steps in the environment, and what is learned from them.",
        "count",
        "iterations",
        Usual("Tens to thousands; with fewer than 20 the policy hardly has the occasion to learn.", f"{NO_SOURCE}: 20 is rlx's own threshold"),
        "Many small updates: fresher data, fewer samples behind each.",
        "Few large ones.",
    ),
    Metric(
        "rollout/return_mean",
        "mean return of the training episodes that ended in this rollout (original reward units; absent if none ended)",
        "Mean return of the training episodes that ended in this iteration. Actions explore, as training needs them to, so the most likely actions (validation and held-out episodes) may score better or worse.",
        "mean over those episodes of Σ_t reward_t: undiscounted, in the environment's own units also under normalize_reward; absent where no episode ended",
        "return (the environment's reward, summed over an episode)",
        TASK,
        "The task goes well, if the reward says what you mean.",
        "At the level of random actions nothing has been learned. Early on, where episodes are longer than an iteration, the first to end are the short ones, which bends the beginning of the curve.",
        per_episode=True,
        title="return of training episodes",
        sb3_name="rollout/ep_rew_mean",
    ),
    Metric(
        "rollout/length_mean",
        "mean length of those episodes, in steps",
        "Mean length of the training episodes that ended in this iteration.",
        "mean over those episodes of their number of steps; absent where no episode ended",
        "environment steps",
        Usual("It depends on the task. It often moves before the return does.", LECTURE),
        "Good where surviving is the task; where reaching a goal is, the agent wanders until the time limit.",
        "Good where a goal is to be reached soon; else the agent fails early, or has learned to end episodes.",
        per_episode=True,
        title="length of training episodes",
        sb3_name="rollout/ep_len_mean",
    ),
    Metric(
        "rollout/episodes",
        "how many they are",
        "How many training episodes ended in this iteration, which is how many rollout/return_mean rests on.",
        "count, over all copies of the environment",
        "episodes",
        Usual("About the steps of an iteration / rollout/length_mean; 0 in some iterations where episodes are longer than one."),
        "Short episodes: means over them are precise.",
        "Long episodes: means over them are noisy, and missing where there are none.",
    ),
    Metric(
        "rollout/truncated_share",
        "share of them that a time limit ended (absent if none ended)",
        "Share of the training episodes that ended in this iteration which a time limit ended, rather than the task itself (truncation, not termination).",
        "truncated episodes / rollout/episodes; absent where no episode ended",
        "share, 0–1",
        Usual("It depends on the task: 1 throughout where only the limit ends an episode (Pendulum), rising with skill where surviving is the task (CartPole)."),
        "Most episodes run into the limit: success where surviving counts, idling where a goal is to be reached.",
        "Most episodes end by themselves.",
        per_episode=True,
    ),
    Metric(
        "rollout/success_rate",
        "share of them that succeeded (where the environment reports success)",
        "Share of the training episodes that ended in this iteration which succeeded, by what the environment itself reports (`is_success` or `success` in its info).",
        "successes / episodes that report one; absent where none does",
        "share, 0–1",
        Usual("It should rise with the return."),
        "The task is done as its author means it.",
        "The task is not done. Where the return rises all the same, the reward pays for something else.",
        per_episode=True,
        title="success in training",
    ),
    Metric(
        "validation/return_mean",
        "mean return over the validation episodes (absent where none were played)",
        "Mean return of the validation episodes: the same starts every time, played between updates, by which the `best` checkpoint is chosen. Scores are reported on other, held-out episodes.",
        "mean over eval.episodes of Σ_t reward_t, undiscounted, in the environment's own units; most likely actions unless eval.deterministic is false; the normaliser's statistics stay as they are",
        "return (the environment's reward, summed over an episode)",
        TASK,
        "The policy plays well. The highest of many is partly luck: `rlx compare` tells what it holds on held-out episodes.",
        "Far below rollout/return_mean, the policy relies on the randomness of its actions, or is evaluated otherwise than trained.",
        title="validation return",
        sb3_name="eval/mean_reward",
    ),
    Metric(
        "validation/length_mean",
        "mean length of the validation episodes, in steps",
        "Mean length of the validation episodes.",
        "mean over eval.episodes of their number of steps",
        "environment steps",
        Usual("It depends on the task."),
        "As rollout/length_mean.",
        "As rollout/length_mean.",
        title="length of validation episodes",
        sb3_name="eval/mean_ep_length",
    ),
    Metric(
        "validation/success_rate",
        "share of the validation episodes that succeeded (where reported)",
        "Share of the validation episodes that succeeded, by what the environment itself reports (`is_success` or `success` in its info).",
        "successes / validation episodes that report one; absent where none does",
        "share, 0–1",
        Usual("It should rise with the return."),
        "The task is done as its author means it.",
        "The task is not done. Where the return rises all the same, the reward pays for something else.",
        title="success in validation",
        sb3_name="eval/success_rate",
    ),
)  # fmt: skip
COMMON: dict[str, Metric] = by_name(_ALL)
"""Those of every training, by name."""
REWARD = Metric(
    f"{COMPONENT}<name>",
    "mean, over the training episodes that ended in this rollout, of one part of the reward added up over the episode",
    "One part of the reward, as the environment reports it in its info (`reward_<name>`): what this part added to an episode's return.",
    "mean over the training episodes that ended in this rollout of Σ_t info[\"reward_<name>\"]; undiscounted, in the environment's own units; absent where none reports it",
    "return (the environment's reward, summed over an episode)",
    Usual("It depends on the task. All parts together should make up the return, if the environment reports them all."),
    "This part pays. Where it makes up nearly all of the return, the others have no say in what is learned.",
    "This part pays little, or costs (below 0). One that falls while another rises was traded for it: the start of reward hacking.",
    per_episode=True,
)  # fmt: skip
"""What a part of the reward is."""
