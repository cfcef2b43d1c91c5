"""`rlx info`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from rlx.cli.common import AS_JSON, RUN, print_json, tell_fact

if TYPE_CHECKING:
    from rlx.report import RunFacts


@click.command("info")
@click.argument("run", type=RUN)
@AS_JSON
def command(run: str, *, as_json: bool) -> None:
    """Show the facts of RUN: status, scores, seeds, cost, code, versions.

    RUN is a run of the workspace (cartpole), a kept experiment (cartpole_001), a run at a Git revision
    (cartpole@v1.0), or a run folder.

    \b
    Example:
      rlx info cartpole@main
    """
    from rlx.config import find_root
    from rlx.experiments import find_run
    from rlx.report import facts_of_run

    root = find_root()
    facts = facts_of_run(root, find_run(root, run))
    if as_json:
        print_json(facts)
        return
    lines = list(_lines(facts))
    width = max(len(name) for name, _ in lines) + 2
    for name, text in lines:
        tell_fact(name.ljust(width), text)


def _lines(facts: RunFacts) -> Iterator[tuple[str, str]]:
    """Yield what to show: a name and a text each."""
    from rlx.config import told_sources
    from rlx.stats import number

    yield "run", facts.run + (f" ({facts.title})" if facts.title else "")
    done = "" if facts.progress is None else f", {100 * facts.progress:.0f} % of its environment steps"
    yield "status", f"{facts.status}{done}"
    if facts.problem:
        yield "results", facts.problem
    yield "environment", f"{facts.environment}, {facts.algorithm}"
    if facts.continues:
        yield "continues", facts.continues
    lineage = {"parent": facts.parent, "study": facts.study, "candidate": facts.candidate}
    yield from ((name, value) for name, value in lineage.items() if value is not None and value != facts.continues)
    if facts.tags:
        yield "tags", " ".join(facts.tags)
    if facts.note:
        yield "note", facts.note
    seeds = facts.seeds
    yield "seeds", f"{len(seeds.finished)} of {len(seeds.wanted)} finished"
    for seed, error in seeds.failed.items():
        yield f"seed {seed}", f"failed: {error}"
    for name, score in (facts.scores or {}).items():
        between = "" if score.ci_low is None else f" [{number(score.ci_low)}, {number(score.ci_high)}]"
        worst = min(score.seeds, key=lambda seed: score.seeds[seed])
        yield (
            name,
            f"mean return {number(score.return_mean)}{between}, worst seed {worst}: {number(score.seeds[worst])}",
        )
    if facts.random_return is not None:
        yield "random", f"mean return {number(facts.random_return)}"
    if facts.cost:
        yield "cost", f"{facts.cost['environment_steps']:,} steps, {facts.seconds or 0:,.0f} s"
    if facts.engine:
        yield "engine", f"{facts.engine['name']}: {facts.engine['reason']}"
    if facts.git:
        dirty = facts.git.get("dirty") or []
        shown = ", ".join(dirty[:8]) + (f" and {len(dirty) - 8} more (--json lists them)" if len(dirty) > 8 else "")
        changed = f", with {len(dirty)} changed files: {shown}" if dirty else ""
        yield "code", f"{(facts.git.get('commit') or 'no commit')[:10]}{changed}"
    if facts.versions:
        yield "versions", ", ".join(f"{name} {version}" for name, version in facts.versions.items() if version)
    for index, line in enumerate(told_sources(facts.sources or {})):
        yield "values from" if index == 0 else "", line
    yield "files", f"{facts.folder}: {', '.join(facts.artifacts)}"
