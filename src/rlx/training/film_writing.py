"""Frames into a film: H.264 in an mp4 that browsers play, or a GIF; step and return stand on each frame."""

from __future__ import annotations

import functools
import math
import operator
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from rlx.stats import number

CAPTION_HEIGHT = 28
GROUND = (24, 24, 28)
NARROWEST, MOST_HEIGHT = 320, 2160
"""Pixels: narrower frames are enlarged, so that the caption has room, and higher ones scaled down."""
GIF_FPS = 25
SHORTEST = 3.0
"""Seconds that a film lasts at least: its last frame stays, so that a short episode can be seen at all."""


@dataclass(frozen=True)
class Scene:
    """One frame and what had happened by then."""

    frame: Any
    title: str
    step: int
    total: float
    ended: bool


def write_film(path: Path, scenes: Iterator[Scene], fps: float, max_width: int) -> Scene:
    """Encode scenes as they come; only one frame is in memory at a time.

    Args:
        path: The file to write, which whoever asks puts in its place; of at least :data:`SHORTEST` seconds: an ``.mp4`` in H.264, or a ``.gif`` of at most 25 frames per second.
        scenes: The frames; title, step and return so far stand on each.
        fps: Frames per second.
        max_width: Wider frames are scaled down.

    Returns:
        The last scene.
    """
    import av

    gif = path.suffix.lower() == ".gif"
    every = math.ceil(fps / GIF_FPS) if gif else 1
    last: Scene | None = None
    options = {} if gif else {"movflags": "faststart"}
    with av.open(str(path), "w", format=path.suffix[1:].lower(), options=options) as container:
        picture, written = None, 0
        with _Encoder(container, fps / every, gif=gif) as encoder:
            for index, scene in enumerate(scenes):
                last = scene
                if index % every and not scene.ended:
                    continue
                picture = _captioned(scene, max_width)
                encoder.take(picture)
                written += 1
            for _ in range(written, math.ceil(SHORTEST * fps / every)):
                encoder.take(picture)
    assert last is not None
    return last


class _Encoder:
    """Encodes pictures, in order, in a thread of its own while the next ones are drawn; a few wait at most."""

    def __init__(self, container: Any, fps: float, *, gif: bool):
        self._container, self._fps, self._gif = container, fps, gif
        self._waiting: queue.Queue[Any] = queue.Queue(8)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> _Encoder:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait until all is encoded; an error of the encoder's is raised, unless there is one already."""
        self._waiting.put(None)
        self._thread.join()
        if kind is None and self._error is not None:
            raise self._error

    def take(self, picture: Any) -> None:
        """Hand the next picture over."""
        if self._error is not None:
            raise self._error
        self._waiting.put(picture)

    def _work(self) -> None:
        from av.video.reformatter import VideoReformatter

        stream, palette, reformatter = None, None, VideoReformatter()
        while (picture := self._waiting.get()) is not None:
            try:
                if self._error is not None:
                    continue
                if stream is None:
                    stream = _stream(self._container, self._fps, picture, gif=self._gif)
                    palette = _palette(picture) if self._gif else None
                self._container.mux(stream.encode(_frame(picture, palette, reformatter)))
            except BaseException as error:  # noqa: BLE001 — raised where pictures are drawn
                self._error = error
        try:
            if stream is not None and self._error is None:
                self._container.mux(stream.encode(None))
        except BaseException as error:  # noqa: BLE001 — likewise
            self._error = error


def _stream(container: Any, fps: float, picture: Any, *, gif: bool) -> Any:
    rate = Fraction(fps).limit_denominator(1000)
    stream = container.add_stream("gif" if gif else "libx264", rate=rate)
    stream.height, stream.width = picture.shape[:2]
    stream.pix_fmt = "pal8" if gif else "yuv420p"
    stream.options = (
        {} if gif else {"crf": "23", "preset": "veryfast", "x264-params": "mbtree=0"}
    )  # it reads what nobody wrote
    stream.thread_count = 1
    return stream


def _palette(picture: Any) -> Any:
    """Return the 256 colours that the first frame of a film needs most; the others make do with them."""
    from PIL import Image

    return Image.fromarray(picture).quantize(256, dither=Image.Dither.NONE)


def _frame(picture: Any, palette: Any, reformatter: Any) -> Any:
    """Return a picture as a frame for the encoder: in full colour, or in those of a palette."""
    import av
    from PIL import Image

    if palette is None:
        return reformatter.reformat(
            av.VideoFrame.from_ndarray(picture, format="rgb24"), format="yuv420p", interpolation=_exactly()
        )
    indices = np.asarray(Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE))
    colours = np.zeros((256, 4), np.uint8)
    known = np.array(palette.getpalette(), np.uint8).reshape(-1, 3)
    colours[: len(known), 0], colours[: len(known), 1:] = 255, known
    picked: Any = (indices, colours)
    return av.VideoFrame.from_ndarray(picked, format="pal8")


@functools.cache
def _exactly() -> Any:
    """Return how colours are converted: rounded alike on every processor, where this version of PyAV can say so."""
    from av.video.reformatter import Interpolation

    flags = [getattr(Interpolation, name) for name in ("ACCURATE_RND", "BITEXACT") if hasattr(Interpolation, name)]
    return functools.reduce(operator.or_, flags, Interpolation.BICUBIC) if flags else "BICUBIC"


def _captioned(scene: Scene, max_width: int) -> Any:
    """Put a strip with step and return above the frame; sides are made even, as yuv420p needs."""
    narrowest = min(NARROWEST, max_width)
    frame = _resized(scene.frame, narrowest, max_width)
    height, width = frame.shape[:2]
    wide = max(narrowest, width)
    canvas = np.empty((height + height % 2 + CAPTION_HEIGHT, wide + wide % 2, 3), np.uint8)
    left = (wide - width) // 2
    if canvas.shape != (height + CAPTION_HEIGHT, width, 3):
        canvas[CAPTION_HEIGHT:] = GROUND
    canvas[CAPTION_HEIGHT : CAPTION_HEIGHT + height, left : left + width] = frame
    canvas[:CAPTION_HEIGHT] = _strip(canvas.shape[1], scene.title, f"step {scene.step}   return {number(scene.total)}")
    return canvas


def _resized(frame: Any, narrowest: int, max_width: int) -> Any:
    """Return a frame enlarged by a whole number, or scaled down, so that it is neither too narrow nor too large."""
    from PIL import Image

    height, width = frame.shape[:2]
    times = max(1, min(-(-narrowest // width), MOST_HEIGHT // height))
    frame = frame.repeat(times, axis=0).repeat(times, axis=1) if times > 1 else frame
    scale = min(1.0, max_width / (times * width), MOST_HEIGHT / (times * height))
    if scale == 1:
        return frame
    size = max(1, round(times * width * scale)), max(1, round(times * height * scale))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))


def _strip(width: int, title: str, facts: str) -> Any:
    """Return the strip with a caption as pixels: the title, cut where it does not fit, and the facts at the right."""
    from PIL import ImageDraw

    right = width - 8 - _font().getlength(facts)
    while title and _font().getlength(title) > right - 20:
        title = title[:-1]
    strip = _titled(width, title).copy()
    ImageDraw.Draw(strip).text((right, 6), facts, fill=(255, 255, 255), font=_font())
    return np.asarray(strip)


@functools.lru_cache(4)
def _titled(width: int, title: str) -> Any:
    """Return the strip with the title alone, which is the same for all frames of an episode."""
    from PIL import Image, ImageDraw

    strip = Image.new("RGB", (width, CAPTION_HEIGHT), GROUND)
    ImageDraw.Draw(strip).text((8, 6), title, fill=(170, 170, 180), font=_font())
    return strip


@functools.cache
def _font() -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(14)
