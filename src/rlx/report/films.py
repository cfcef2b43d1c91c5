"""The film of a run, for the page: its bytes, a still of it and what it shows, read through Git where the run is."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rlx.config import parse_json, read_bytes
from rlx.errors import DataDamaged, Missing
from rlx.experiments import add_to_view
from rlx.records import RunFolder
from rlx.report.run_memory import RunMemory
from rlx.stats import number

FOLDER, STEM = "videos", "median"
MOST_BYTES = 20_000_000
"""Of films that a page carries; mail servers and browsers take that much."""
MOST_FILM_BYTES = 500_000_000
"""Of one film that is looked at."""
POSTER_WIDTH, MOST_PIXELS = 480, 4096 * 4096


@dataclass(frozen=True)
class ShownFilm:
    """A film as a page shows it.

    Attributes:
        run: The run.
        content: The mp4; None where there is no film, or it is left out.
        caption: What it shows, or why there is none.
        poster: A still of it as JPEG; None where there is none.
    """

    run: str
    content: bytes | None
    caption: str
    poster: bytes | None = None


def films_of(
    root: Path, folders: Sequence[RunFolder], memory: RunMemory, *, inside: bool, most: int = MOST_BYTES
) -> Iterator[ShownFilm]:
    """Yield the film of each run's median seed in its median episode, or why there is none.

    Args:
        root: The project.
        folders: The runs.
        memory: What was read of runs before.
        inside: Whether the page is to have the films; their stills it has always.
        most: So many bytes of films it has at most; the captions of others say where they are.
    """
    held = 0
    for folder in folders:
        film = memory.of("film", folder, partial(film_of, root, folder))
        size = len(film.content or b"")
        if size and (not inside or held + size > most):
            why = f" because the films together are larger than {most // 1_000_000} MB" if inside else ""
            where = f"{folder.name}: {FOLDER}/{STEM}.mp4" if folder.origin else _place(root, folder)
            yield replace(film, content=None, caption=f"{film.caption} The film is left out here{why}; it is {where}.")
            continue
        held += size
        yield film


def film_of(root: Path, folder: RunFolder) -> ShownFilm:
    """Return the film of a run's median seed in its median episode, or why there is none."""
    told, content = _file(root, folder, f"{STEM}.json"), _file(root, folder, f"{STEM}.mp4")
    try:
        facts = parse_json(told) if told else {}
        if content is None:
            return ShownFilm(folder.name, None, f"No film: {facts.get('reason') or 'none was made'}.")
        caption = _caption(facts) if facts else "What it shows is not recorded."
    except (ValueError, KeyError, TypeError, AttributeError):
        caption = f"{FOLDER}/{STEM}.json is damaged: what the film shows is not known."
    return ShownFilm(folder.name, content, caption, None if content is None else _poster(content))


def _place(root: Path, folder: RunFolder) -> str:
    path = folder.path / FOLDER / f"{STEM}.mp4"
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _caption(facts: Mapping[str, Any]) -> str:
    seed, steps = facts["seed"], facts["steps"]
    whole = f"{steps} steps, the whole episode" if facts["complete"] else f"the first {steps} steps of the episode"
    filmed, evaluated = facts["filmed_return"], float(facts["evaluated_return"])
    other = "" if filmed == evaluated else f" (on film so far: {number(float(filmed))})"
    policy = "final" if facts["checkpoint"] == "latest" else facts["checkpoint"]
    return f"Seed {seed}'s {policy} policy: return {number(evaluated)}{other}; {whole}."


def _poster(content: bytes) -> bytes | None:
    """Return the first picture of a film as JPEG; None where it cannot be decoded."""
    import av

    try:
        with av.open(io.BytesIO(content), "r") as container:
            shape = container.streams.video[0].codec_context
            if shape.width * shape.height > MOST_PIXELS:
                return None
            frame: Any = next(container.decode(video=0))
            picture = frame.to_image()
    except (av.FFmpegError, StopIteration, IndexError, ValueError):
        return None
    picture.thumbnail((POSTER_WIDTH, POSTER_WIDTH))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()


def _file(root: Path, folder: RunFolder, name: str) -> bytes | None:
    path = folder.path / FOLDER / name
    try:
        if not path.is_file() and folder.origin is not None:
            path = add_to_view(root, folder.origin, f"{FOLDER}/{name}")
        return read_bytes(path, MOST_FILM_BYTES)
    except (Missing, OSError, DataDamaged):
        return None
