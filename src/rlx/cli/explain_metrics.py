"""`rlx explain-metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from rlx.cli.common import AS_JSON, AS_MARKDOWN, METRIC, RUN, print_json, tell, tell_fact

if TYPE_CHECKING:
    from rlx.report import ExplainedRun


@click.command("explain-metrics")
@click.argument("run", type=RUN)
@click.argument("metric", required=False, type=METRIC)
@AS_JSON
@AS_MARKDOWN
def command(run: str, metric: str | None, *, as_json: bool, as_markdown: bool) -> None:
    """Explain the numbers that RUN logged: meaning, usual values, what they do.

    METRIC is a name of docs/files.md; its end is enough (approx_kl, kl). With it, also formula, unit, sources, what
    high and low values mean, and related findings. RUN is as in `rlx info`, and may be still training.

    \b
    Example:
      rlx explain-metrics cartpole approx_kl
    """
    from rlx.config import find_root
    from rlx.experiments import find_run
    from rlx.report import explain_run, explanation_markdown

    root = find_root()
    explained = explain_run(root, find_run(root, run), metric)
    if as_json:
        print_json(explained)
    elif as_markdown:
        click.echo(explanation_markdown(explained, full=metric is not None), nl=False)
    else:
        _show(explained, full=metric is not None)


def _show(explained: ExplainedRun, *, full: bool) -> None:
    from rlx.report import facts

    tell(f"{explained.run} on {explained.environment}, {explained.status}", "bold")
    for line in explained.notes:
        tell(line, "dim")
    group = None
    for note in explained.metrics:
        click.echo()
        if note.group != group and not full:
            group = note.group
            tell(group.upper(), "bold")
        tell(note.metric, "bold")
        for name, text in facts(note, full=full):
            tell_fact(f"  {name:<9}", text)
