"""Where the page's runs come from, what differs between them, and how they were judged: tables and sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rlx.comparison import Comparison, StudyComparison, task_name
from rlx.config import Parameters
from rlx.errors import RlxError
from rlx.records import RunFolder
from rlx.report.comparison_words import change_rows
from rlx.report.run_facts import RunFacts
from rlx.report.text import setting
from rlx.stats import MISSING, Grid, listed, number

MOST_SIDE_BY_SIDE = 3
"""Comparisons that have a table of their own; more share one."""
MOST_FILES = 3
"""Uncommitted files that are named; `rlx info` has them all."""


def changes_grids(comparisons: Sequence[Comparison]) -> Iterator[Grid]:
    """Yield what differs: a table for each comparison, or of many, one with a row for each run."""
    if len(comparisons) <= MOST_SIDE_BY_SIDE:
        for found in comparisons:
            rows = change_rows(found)
            note = "" if rows else "Nothing differs in settings, code or libraries."
            yield Grid(f"{found.run} and {found.baseline}", ["what differs", found.baseline, found.run], rows, note, 3)
        return
    for baseline in dict.fromkeys(found.baseline for found in comparisons):
        against = [found for found in comparisons if found.baseline == baseline]
        differing = [{**found.changes, **found.provenance} for found in against]
        keys = list(dict.fromkeys(key for each in differing for key in each))
        old = {key: next(each[key][0] for each in differing if key in each) for key in keys}
        rows = [[f"{baseline} *", *(setting(old[key]) for key in keys)]]
        for found, each in zip(against, differing, strict=True):
            rows.append([found.run, *(setting(each[key][1]) if key in each else "same" for key in keys)])
        yield Grid(f"All runs and {baseline}", ["run", *keys], rows, "* baseline; same: as there.", len(keys) + 1)


def seeds_grids(study: StudyComparison) -> Iterator[Grid]:
    """Yield every seed's score, a table for each task."""
    tasks = list(dict.fromkeys(task_name(run) for run in study.scores))
    for task in tasks:
        runs = [run for run in study.scores if task_name(run) == task]
        seeds = sorted({seed for run in runs for seed in run.scores})
        rows = [[str(seed), *(number(run.scores.get(seed)) for run in runs)] for seed in seeds]
        title = "Held-out return of each seed" + (f" on {task}" if len(tasks) > 1 else "")
        yield Grid(title, ["seed", *(run.run for run in runs)], rows)


def made_grid(facts: Mapping[str, RunFacts]) -> Grid:
    """Return where each run comes from, and what it cost."""
    from rlx.launch import shown_duration

    table = []
    for name, run in facts.items():
        git, cost, engine = run.git or {}, run.cost or {}, run.engine or {}
        dirty = git.get("dirty") or []
        seconds = cost.get("training_seconds_all_seeds")
        table.append(
            [
                name,
                str(run.environment),
                (git.get("commit") or MISSING)[:10],
                listed(dirty, MOST_FILES) or "none",
                engine.get("name") or MISSING,
                str(run.ended or MISSING).replace("T", " ")[:16],
                f"{len(run.seeds.finished)}/{len(run.seeds.wanted)}",
                f"{cost['environment_steps']:,}" if cost else MISSING,
                MISSING if seconds is None else shown_duration(seconds),
            ]
        )
    head = ["run", "environment", "commit", "uncommitted changes", "engine", "ended (UTC)", "seeds", "steps", "time"]
    note = "Steps and training time over all seeds together; `rlx info RUN --json` has every uncommitted file."
    return Grid("Where each run comes from", head, table, note, left=6)


def version_lines(facts: Mapping[str, RunFacts]) -> list[str]:
    """Return the libraries and processors behind the runs: a sentence for all runs that share them."""
    found: dict[str, list[str]] = {}
    for name, run in facts.items():
        known = [f"{library} {version}" for library, version in (run.versions or {}).items() if version]
        processor = (run.host or {}).get("processor")
        found.setdefault(", ".join([*known, *([processor] if processor else [])]), []).append(name)
    return [
        f"{'All runs' if len(found) == 1 else ', '.join(runs)}: {text or 'not recorded'}"
        for text, runs in found.items()
    ]


def method(parameters: Parameters, folders: Mapping[str, RunFolder], effects: Sequence[str]) -> list[str]:
    """Return how the scores were made and judged, in sentences."""
    settings = parameters.compare
    protocols = []
    for folder in folders.values():
        try:
            protocols.append(dict(folder.evaluation.task.get("protocol") or {}))
        except RlxError:
            continue
    protocol = protocols[0] if protocols and all(found == protocols[0] for found in protocols) else {}
    episodes = f"{protocol['episodes']} held-out episodes" if "episodes" in protocol else "held-out episodes"
    actions = "most likely" if protocol.get("deterministic", True) else "sampled"
    policy = "final policy" if settings.checkpoint == "latest" else "best policy, chosen on validation episodes,"
    lines = [
        f"Each seed's {policy} played {episodes} with its {actions} actions: a fixed list that no training and no choice "
        "ever saw, the same for every run. A seed's score is its mean return over them; the mean and its interval are "
        "over seeds, because a seed, not an episode, is what one would get by training again.",
    ]
    looks = f", judged look by look at {', '.join(map(str, settings.looks))} seeds each" if settings.looks else ""
    lines.append(
        f"Verdicts between runs that do not differ are wrong at most {100 * settings.alpha:g} % of the time, over all "
        f"candidates together{looks}." + "".join(f" {line}" for line in effects)
    )
    return lines
