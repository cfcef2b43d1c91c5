"""Films of a policy: which episodes, and what becomes of them.

The environment is drawn in a process of its own (:mod:`rlx.training.filming`): whichever way it dies or hangs there, only the film
is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlx.config import FinalEvalConfig, Snapshot, VideoConfig, read_parameters, replacing, step_timeout, write_json
from rlx.errors import EnvironmentUnusable, FilmFailed, NoRenderer, RlxError
from rlx.launch import ENVIRONMENT, PROCESS, Failure, run_alone
from rlx.records import results
from rlx.stats import number
from rlx.training import films_ready
from rlx.training.shooting import Filmed, Shooting, Shot

if TYPE_CHECKING:  # torch and the environments are imported where the film is made
    from rlx.envs import Episode
    from rlx.training.playing import Played


@dataclass(frozen=True)
class Film:
    """What a film shows; written beside it as ``<name>.json``.

    Attributes:
        file: The film, or None if there is none.
        reason: Why there is none.
        seed: Training seed of the policy.
        checkpoint: Which of its checkpoints.
        episode: Index of the held-out episode.
        reset_seed: What the environment was reset with.
        evaluated_return: The episode's return in evaluation.
        filmed_return: Its return up to the end of the film.
        steps: Steps on film.
        complete: Whether the film reaches the episode's end.
    """

    file: str | None
    reason: str | None
    seed: int
    checkpoint: str
    episode: int
    reset_seed: int
    evaluated_return: float
    filmed_return: float | None = None
    steps: int | None = None
    complete: bool | None = None


def representative(table: Any, checkpoint: str = "latest") -> tuple[int, int]:
    """Return (training seed, held-out episode) of the median episode of the median seed.

    With an even number the lower of the two in the middle is taken: never the more flattering one.

    Args:
        table: The run's ``episodes.csv``.
        checkpoint: Which policies.
    """
    rows = table[table["checkpoint"] == checkpoint]
    means = rows.groupby("seed")["return"].mean().reset_index().sort_values(["return", "seed"], kind="stable")
    seed = int(means["seed"].iloc[(len(means) - 1) // 2])
    episodes = rows[rows["seed"] == seed].sort_values(["return", "episode"], kind="stable")
    return seed, int(episodes["episode"].iloc[(len(episodes) - 1) // 2])


def representatives(played: Sequence[Played], show: str, episodes: int) -> tuple[Played, list[Episode]]:
    """Return the policy, and its episodes, that stand for all: the median ones, the best, or the worst.

    Seeds are ordered by their mean return, episodes by their return; of an even number the lower of the two in the middle
    is the median: never the more flattering one.

    Args:
        played: What each seed's policy did.
        show: ``median``, ``best`` or ``worst``.
        episodes: How many episodes; around the median, or from the best (worst) on.
    """
    ordered = sorted(
        played, key=lambda item: (sum(e.episode_return for e in item.episodes) / len(item.episodes), item.seed)
    )
    place = {"best": -1, "worst": 0, "median": (len(ordered) - 1) // 2}[show]
    item = ordered[place]
    ranked = sorted(item.episodes, key=lambda episode: (episode.episode_return, episode.index))
    if show == "best":
        return item, ranked[::-1][:episodes]
    first = 0 if show == "worst" else max(0, (len(ranked) - 1) // 2 - (episodes - 1) // 2)
    return item, ranked[first : first + episodes]


def film_run(  # noqa: PLR0913
    root: Path,
    run: str,
    snapshot: Snapshot,
    protocol: FinalEvalConfig,
    video: VideoConfig,
    say: Callable[[str], None] = print,
) -> Film:
    """Film the representative episode of a run into ``runs/<run>/videos/``.

    Args:
        root: The project.
        run: The run's name.
        snapshot: Its effective configuration.
        protocol: The held-out episodes, of which one is filmed.
        video: How.
        say: Called with a line now and then.

    Returns:
        What was filmed; where the environment cannot be rendered, a film without a file and the reason why.
    """
    planned = planned_film(root, run, snapshot, protocol, video)
    target = root / "runs" / run / "videos" / planned.name
    made = films_ready.take(root, run, planned.key, target)
    film = make_film(planned, target, lambda line: say(f"{run}: {line}")) if made is None else Film(**made)
    write_json(target.with_suffix(".json"), asdict(film))
    return film


@dataclass(frozen=True)
class PlannedFilm:
    """The film that stands for a run.

    Attributes:
        name: Of its file.
        film: What it is to show.
        arguments: How it is made: project, snapshot, checkpoint, what is shot.
        limit: Seconds that one call of the environment may take.
        key: See :func:`rlx.training.films_ready.film_key`.
    """

    name: str
    film: Film
    arguments: tuple[Path, Snapshot, Path, Shooting]
    limit: float
    key: str


def planned_film(
    root: Path, run: str, snapshot: Snapshot, protocol: FinalEvalConfig, video: VideoConfig
) -> PlannedFilm:
    """Return which film stands for a run; the arguments are those of :func:`film_run`."""
    folder = root / "runs" / run
    table = results.read_episodes(folder / "eval")
    seed, episode = representative(table)
    row = table[(table["checkpoint"] == "latest") & (table["seed"] == seed) & (table["episode"] == episode)].iloc[0]
    film = Film(None, None, seed, "latest", episode, int(row["reset_seed"]), float(row["return"]))
    shooting = Shooting([Shot(episode, film.reset_seed, f"{run}  seed {seed}")], protocol, video)
    checkpoint = folder / "checkpoints" / f"seed_{seed}" / f"{film.checkpoint}.zip"
    limit = step_timeout(root, snapshot.config.env, run)
    key = films_ready.film_key(root, snapshot, protocol, video, checkpoint, film)
    return PlannedFilm("median.mp4", film, (root, snapshot, checkpoint, shooting), limit, key)


def make_film(planned: PlannedFilm, target: Path, say: Callable[[str], None]) -> Film:
    """Make a film; where the environment cannot be rendered, there is one without a file and the reason why."""
    try:
        with replacing(target) as temporary:  # here, since whoever films may be ended at any moment
            last = _apart(_film_of_run, (*planned.arguments, temporary), planned.limit, say, planned.arguments[1])
    except (NoRenderer, EnvironmentUnusable) as error:
        return replace(planned.film, reason=str(error))
    film = planned.film
    return replace(film, file=target.name, filmed_return=last.total, steps=last.steps, complete=last.complete)


def film_played(  # noqa: PLR0913
    root: Path,
    played: Played,
    chosen: Sequence[Episode],
    protocol: FinalEvalConfig,
    target: Path,
    say: Callable[[str], None],
) -> bool:
    """Film episodes that a policy played, one after another, and return whether every one is shown to its end.

    Args:
        root: The project.
        played: The policy.
        chosen: The episodes.
        protocol: How it plays them.
        target: An ``.mp4`` (H.264) or a ``.gif``; of a film that is not finished a part may be left there.
        say: Called with a line now and then, and where the environment does not repeat itself.

    Raises:
        NoRenderer: The environment cannot be filmed on this machine; the message says what to install or set.
        RlxError: The policy cannot be used; see :func:`rlx.training.playing.open_policy`.
    """
    from rlx.training.playing import open_policy

    policy = played.policy
    video = read_parameters(root).video if (root / "params.yaml").is_file() else VideoConfig()
    title = f"{policy.run or policy.path.name}  {policy.name}  seed {played.seed}"
    titles = [f"{title}  episode {each.index}" if len(chosen) > 1 else title for each in chosen]
    shots = [Shot(each.index, each.reset_seed, told) for each, told in zip(chosen, titles, strict=True)]
    _, snapshot = open_policy(root, policy)
    limit = step_timeout(root, snapshot.config.env, policy.run)
    arguments = (root, policy, Shooting(shots, protocol, video), target)
    filmed = _apart(_film_of_policy, arguments, limit, say, snapshot)
    if filmed.complete and filmed.total != chosen[-1].episode_return:
        say(
            f"the filmed episode returned {number(filmed.total)}: this environment does not repeat itself with its reset seed"
        )
    return all(each.length <= video.max_steps for each in chosen)


def _film_of_run(*arguments: Any) -> Filmed | RlxError:
    from rlx.training.filming import film_of_run

    return film_of_run(*arguments)


def _film_of_policy(*arguments: Any) -> Filmed | RlxError:
    from rlx.training.filming import film_of_policy

    return film_of_policy(*arguments)


def _apart(
    film: Callable[..., Filmed | RlxError],
    arguments: tuple[Any, ...],
    limit: float,
    say: Callable[[str], None],
    snapshot: Snapshot,
) -> Filmed:
    """Film in a process of its own; whatever is the environment's fault there is no film, anything else an error.

    One that dies is begun once more: what killed it may have been meant for others, and a run keeps that it has no film.
    """
    make = partial(run_alone, film, arguments, say, step_timeout=limit, portable=snapshot.config.portable)
    found = make()
    if isinstance(found, Failure) and found.cause.kind == PROCESS:
        found = make()
    if isinstance(found, Failure):
        if found.cause.kind in (ENVIRONMENT, PROCESS):
            raise NoRenderer(f"no film: {found.message}")
        raise FilmFailed(f"the film could not be made: {found.message}")
    if isinstance(found, RlxError):
        raise found
    filmed: Filmed = found
    return filmed
