"""What differs between two runs: settings, tasks, provenance, and whether anything does at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rlx import stats
from rlx.comparison.effort import budgets_differ
from rlx.comparison.runs import RunScores

Differences = Mapping[str, tuple[Any, Any]]
ALGO = "algo."
_HASH = re.compile(r"[0-9a-f]{32,}")
WITHOUT_EFFECT = ("versions.rlx", "versions.dvc")
"""Versions that change no result: what of rlx does is versioned as part of the task."""


def config_differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the settings that differ, as dotted key → (of ``one``, of ``other``); a missing one is None."""
    return {
        key: (one.get(key), other.get(key)) for key in sorted(set(one) | set(other)) if one.get(key) != other.get(key)
    }


@dataclass(frozen=True)
class OwnSettings:
    """What only one of two algorithms has.

    Attributes:
        baseline: Settings of the baseline's algorithm, by key.
        candidate: Those of the candidate's.
    """

    baseline: Mapping[str, Any]
    candidate: Mapping[str, Any]


def settings_in_common(one: RunScores, other: RunScores) -> tuple[dict[str, tuple[Any, Any]], OwnSettings | None]:
    """Return the settings that differ, and where the algorithms do, what each of these has of its own.

    Of different algorithms ``algo.name`` stands first, and only settings that both have are held together.
    """
    found = config_differences(one.config, other.config)
    if one.algorithm == other.algorithm or None in (one.algorithm, other.algorithm):
        return found, None
    ours, theirs = ({_setting_of(key) for key in run.config if key.startswith(ALGO)} for run in (one, other))
    own = [
        {
            key.removeprefix(ALGO): value
            for key, value in run.config.items()
            if key.startswith(ALGO) and _setting_of(key) not in both
        }
        for run, both in ((one, theirs), (other, ours))
    ]
    name = {"algo.name": found.pop("algo.name")}
    alone = {f"{ALGO}{key}" for each in own for key in each}
    return name | {key: pair for key, pair in found.items() if key not in alone}, OwnSettings(*own)


def _setting_of(key: str) -> str:
    """Return the setting that a dotted key is a part of: ``algo.learning_rate.start`` of ``learning_rate``."""
    return key.removeprefix(ALGO).partition(".")[0]


def flatten(
    data: Mapping[str, Any], prefix: str = "", *, keep: Callable[[Any], bool] = lambda _: False
) -> dict[str, Any]:
    """Return nested settings under dotted keys; empty mappings, and those that ``keep`` names, stay as they are."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping) and value and not keep(value):
            flat |= flatten(value, f"{prefix}{key}.", keep=keep)
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def task_differences(one: RunScores, other: RunScores) -> list[str]:
    """Return in which respects two runs' scores measure different things."""
    found = config_differences(flatten(one.task), flatten(other.task))
    if "environment" in found:  # then the rest differs too, and says nothing
        found = {"environment": found["environment"]}
    code = [key.partition(".")[2] for key in found if key.startswith("environment_code.")]
    told = [_told(key, old, new) for key, (old, new) in found.items() if not key.startswith("environment_code")]
    return told + [f"the code of {path}" for path in code]


def _told(key: str, old: Any, new: Any) -> str:
    """Return one difference in words; a hash tells people nothing."""
    if any(isinstance(value, str) and _HASH.fullmatch(value) for value in (old, new)):
        return key.replace("_sha256", "").replace("_", " ")
    return f"{key} ({old!r} and {new!r})"


def run_identity(one: RunScores, other: RunScores) -> str | None:
    """Return why two runs are the same training rather than two, or None.

    They are where all seeds they share have bit-equal policies. Equal scores are no such proof: two trainings that both solve
    a task have them.
    """
    shared = sorted(set(one.scores) & set(other.scores))
    if not shared or not (one.policies and other.policies):
        return None
    if any(one.policies.get(seed) != other.policies.get(seed) or seed not in one.policies for seed in shared):
        return None
    if set(one.scores) == set(other.scores):
        return "the trained policies are bit-equal, seed by seed"
    return f"the policies of all {len(shared)} seeds they share are bit-equal: it is one training, counted twice"


def warnings(baseline: RunScores, candidate: RunScores, alpha: float | None) -> tuple[str, ...]:
    """Return what makes a comparison weaker than it looks: no seeds in the environment, other engines or libraries, more seeds.

    Args:
        baseline: One run.
        candidate: The other.
        alpha: At which it is judged once; looks with so few seeds that none could have been decisive do no harm. None
            where looks are accounted for.
    """
    found = []
    if False in (baseline.seeded, candidate.seeded):
        found.append(
            "`reset(seed)` has no effect in their environment, so they did not meet the same held-out episodes, and neither run can "
            "be repeated"
        )
    for key, (old, new) in config_differences(baseline.provenance, candidate.provenance).items():
        if old is None or new is None or key in WITHOUT_EFFECT:
            continue
        if (key == "engine" and baseline.algorithm == candidate.algorithm) or key.startswith("versions."):
            what = key.removeprefix("versions.")
            found.append(f"they were made with different {what} ({old} and {new}), which may be the difference")
    if budgets_differ(baseline, candidate):
        found.append(
            f"their budgets differ ({baseline.environment_steps:,} and {candidate.environment_steps:,} environment steps), and each is "
            "judged at the end of its own; what they score in training at equal steps is told beside"
        )
    for run in [] if alpha is None else [baseline, candidate]:
        growth = [n for n in run.steps_of_growth if stats.smallest_p(n, n) <= (alpha or 0) or n == len(run.scores)]
        if len(growth) > 1:
            path = ", then ".join(map(str, growth))
            found.append(
                f"{run.run} was finished with {path} seeds: if you looked in between, p and interval are too "
                "optimistic; judge with `rlx compare --sequential`, or confirm on fresh seeds"
            )
    return tuple(found)
