"""`rlx video`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from rlx.cli.common import AS_JSON, CHECKPOINT, FORCE, OUTPUT, print_json, say, tell


@click.command("video")
@click.argument("checkpoint", type=CHECKPOINT)
@click.option("--show", type=click.Choice(["median", "best", "worst"]), default="median", show_default=True,
              help="Which seed, and which of its episodes.")  # fmt: skip
@click.option(
    "--episodes", type=click.IntRange(1, 100), default=1, metavar="N", help="How many episodes, one after another."
)
@click.option("--format", "kind", type=click.Choice(["mp4", "gif"]), help="Kind of film [default: as FILE, else mp4].")
@click.option("-o", "--output", type=OUTPUT, metavar="FILE", help="Where; - is standard output [default: in videos/].")
@FORCE
@AS_JSON
def command(  # noqa: PLR0913
    checkpoint: str, show: str, episodes: int, kind: str | None, output: Path | None, *, force: bool, as_json: bool
) -> None:
    """Film a policy on held-out episodes, with the return on the frame.

    CHECKPOINT is a file, or RUN:latest, RUN:best or RUN:step_50000, with #SEED for one seed. By default the film shows
    the median seed in its median episode: what the run typically does, not its luckiest moment.

    \b
    Example:
      rlx video cartpole:best --show worst --episodes 3
    """
    from rlx.errors import NoRenderer, UsageError
    from rlx.report import (
        STDOUT,
        FilmFacts,
        asked_policies,
        check_destination,
        delivered,
        filmed_episode,
        known_or_played,
    )
    from rlx.stats import number
    from rlx.training import film_played, representatives

    suffix = _suffix(kind, output)
    if output == STDOUT and as_json:
        raise UsageError("-o - and --json both want standard output; leave out one")
    if output is not None:
        check_destination(output, force=force)
    root, policies, protocol = asked_policies([checkpoint], {})
    played = known_or_played(root, policies, protocol, say)
    item, chosen = representatives(played, show, episodes)
    target = output or Path("videos") / f"{_file_name(checkpoint, item.seed, show)}{suffix}"
    try:
        with delivered(target, suffix, force=force, default=output is None) as path:
            complete = film_played(root, item, chosen, protocol, path, say)
    except NoRenderer as error:
        raise NoRenderer(str(error).removeprefix("no film: ")) from None
    if target == STDOUT:
        return
    if as_json:
        told = [filmed_episode(episode) for episode in chosen]
        print_json(FilmFacts(1, item.policy.label, item.seed, told, complete, str(target)))
        return
    shown = ", ".join(f"episode {episode.index}: return {number(episode.episode_return)}" for episode in chosen)
    trained = f" after {item.step:,} steps" if item.step else ""
    tell(f"{target}: seed {item.seed}{trained}, {shown}")
    if not complete:
        tell("Cut at video.max_steps (params.yaml)")


def _suffix(kind: str | None, output: Path | None) -> str:
    """Return what the film's name ends in: as asked for, else as the name says, else .mp4.

    Raises:
        UsageError: The name is not that of a film, or of another kind of film than asked for.
    """
    from rlx.errors import UsageError
    from rlx.report import STDOUT

    if output is None or output == STDOUT:
        return f".{kind or 'mp4'}"
    suffix = output.suffix.lower()
    if suffix not in (".mp4", ".gif"):
        raise UsageError(f"-o {output}: a film is an .mp4 or a .gif")
    if kind is not None and suffix != f".{kind}":
        raise UsageError(f"-o {output}: is not the name of a {kind} file; leave out --format, or end it in .{kind}")
    return suffix


def _file_name(reference: str, seed: int, show: str) -> str:
    text = Path(reference).stem if reference.endswith(".zip") else reference.partition("#")[0]
    return f"{re.sub(r'[^A-Za-z0-9_.@-]+', '-', text).strip('-')}-seed_{seed}-{show}"
