"""What rlx has ever written into projects: every version of every file that it keeps there, to know and to merge them by.

``shipped.json`` holds their texts, the oldest first and the present one last; a test holds it to the files of a new project.
After a change of one of them, ``python -m rlx.experiments.shipped`` adds the new version.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from rlx.config import read_bytes, write_text
from rlx.experiments.template import template_files

KEPT_BY_RLX = (
    "stages/__init__.py",
    "stages/resolve.py",
    "stages/train.py",
    "stages/eval.py",
    "stages/video.py",
    "stages/analyze.py",
    "stages/compare.py",
    "dvc.yaml",
    ".dvcignore",
    ".gitattributes",
    ".gitignore",
    ".dvc/.gitignore",
    ".dvc/plots/seed_band.json",
    "runs/README.md",
)
"""Files of a project that newer versions of rlx change; configs and code of a person's own are not among them."""
FILE = Path(__file__).with_name("shipped.json")
ALIKE = 0.5
"""Share of lines in common from which on a file counts as descended from one that was shipped."""


@cache
def _texts() -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(read_bytes(FILE))
    return found


def shipped_versions(name: str) -> list[bytes]:
    """Return all texts that a file of a project was shipped with, the oldest first; the present one is the last."""
    return [text.encode("utf-8") for text in _texts().get(name, [])]


def nearest_shipped(content: bytes, among: list[bytes]) -> bytes | None:
    """Return the text that another was made from, as far as that can be told; of equally near ones the newest."""
    lines = content.splitlines()
    best: tuple[float, int] | None = None
    for index, text in enumerate(among):
        share = difflib.SequenceMatcher(None, text.splitlines(), lines, autojunk=False).ratio()
        if share >= ALIKE and (best is None or (share, index) > best):
            best = (share, index)
    return among[best[1]] if best else None


def _grown() -> Iterator[tuple[str, list[str]]]:
    """Yield every file with its texts and, where that is another one, the present."""
    here = template_files()
    for name in KEPT_BY_RLX:
        texts = _texts().get(name, [])
        present = here[name].read_text(encoding="utf-8")
        yield name, [*(text for text in texts if text != present), present]


def main() -> None:
    """Add the present version of every file."""
    write_text(FILE, json.dumps(dict(_grown()), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
