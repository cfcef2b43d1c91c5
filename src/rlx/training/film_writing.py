"""Frames into a film: H.264 in an mp4 that browsers play, or a GIF; step and return stand on each frame."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from rlx.config import replacing
from rlx.stats import number

CAPTION_HEIGHT = 28
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
        path: The file to write (atomically), of at least :data:`SHORTEST` seconds: an ``.mp4`` in H.264, or a ``.gif`` of at most 25 frames per second.
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
    with replacing(path) as temporary:  # noqa: SIM117 — the container must be closed before the file is flushed
        with av.open(str(temporary), "w", format=path.suffix[1:].lower(), options=options) as container:
            stream: Any = None
            palette: Any = None
            picture, written = None, 0
            for index, scene in enumerate(scenes):
                last = scene
                if index % every and not scene.ended:
                    continue
                picture = _captioned(scene, max_width)
                if stream is None:
                    stream = _stream(container, fps / every, picture, gif=gif)
                    palette = _palette(picture) if gif else None
                container.mux(stream.encode(_frame(picture, palette)))
                written += 1
            for _ in range(written, math.ceil(SHORTEST * fps / every)):
                container.mux(stream.encode(_frame(picture, palette)))
            container.mux(stream.encode(None))
    assert last is not None
    return last


def _stream(container: Any, fps: float, picture: Any, *, gif: bool) -> Any:
    rate = Fraction(fps).limit_denominator(1000)
    stream = container.add_stream("gif" if gif else "libx264", rate=rate)
    stream.height, stream.width = picture.shape[:2]
    stream.pix_fmt = "pal8" if gif else "yuv420p"
    stream.options = {} if gif else {"crf": "23", "preset": "veryfast"}
    stream.thread_count = 1
    return stream


def _palette(picture: Any) -> Any:
    """Return the 256 colours that the first frame of a film needs most; the others make do with them."""
    from PIL import Image

    return Image.fromarray(picture).quantize(256, dither=Image.Dither.NONE)


def _frame(picture: Any, palette: Any) -> Any:
    """Return a picture as a frame for the encoder: in full colour, or in those of a palette."""
    import av
    from PIL import Image

    if palette is None:
        return av.VideoFrame.from_ndarray(picture, format="rgb24")
    indices = np.asarray(Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE))
    colours = np.zeros((256, 4), np.uint8)
    known = np.array(palette.getpalette(), np.uint8).reshape(-1, 3)
    colours[: len(known), 0], colours[: len(known), 1:] = 255, known
    picked: Any = (indices, colours)
    return av.VideoFrame.from_ndarray(picked, format="pal8")


def _captioned(scene: Scene, max_width: int) -> Any:
    """Put a strip with step and return above the frame; sides are made even, as yuv420p needs."""
    from PIL import Image, ImageDraw, ImageFont

    frame = Image.fromarray(scene.frame)
    narrowest = min(NARROWEST, max_width)
    times = min(-(-narrowest // frame.width), MOST_HEIGHT // frame.height)
    if times > 1:
        frame = frame.resize((frame.width * times, frame.height * times), Image.Resampling.NEAREST)
    scale = min(1.0, max_width / frame.width, MOST_HEIGHT / frame.height)
    if scale < 1:
        size = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
        frame = frame.resize(size, Image.Resampling.LANCZOS)
    width, height = max(narrowest, frame.width), frame.height
    canvas = Image.new("RGB", (width + width % 2, height + height % 2 + CAPTION_HEIGHT), (24, 24, 28))
    canvas.paste(frame, ((width - frame.width) // 2, CAPTION_HEIGHT))
    title = scene.title
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(14)
    facts = f"step {scene.step}   return {number(scene.total)}"
    right = canvas.width - 8 - draw.textlength(facts, font=font)
    draw.text((right, 6), facts, fill=(255, 255, 255), font=font)
    while title and draw.textlength(title, font=font) > right - 20:
        title = title[:-1]
    draw.text((8, 6), title, fill=(170, 170, 180), font=font)
    return np.asarray(canvas)
