"""Refresh the README's pictures from the pipeline's own results: run `dvc repro`, then `python docs/pictures.py`."""

from pathlib import Path

import av
from PIL import Image

root = Path(__file__).parents[1]
images = root / "docs" / "images"
for name in ("scores", "learning_curves"):
    (images / f"{name}.png").write_bytes((root / "analysis" / "compare" / f"{name}.png").read_bytes())
with av.open(str(root / "runs" / "cartpole_epochs" / "videos" / "median.mp4")) as film:
    frames = [frame.to_image() for frame in film.decode(video=0)]
frame = frames[len(frames) // 2]
frame.resize((frame.width // 2, frame.height // 2), Image.Resampling.LANCZOS).save(images / "film.png")
