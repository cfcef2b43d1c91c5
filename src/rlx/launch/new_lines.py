"""Files that grow line by line, followed by somebody who does not write them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


class NewLines:
    """Whole lines of a file that grows, or is replaced by another one, as a resumed training trims its own."""

    def __init__(self, path: Path):
        self._path, self._file, self._offset = path, 0, 0

    def read(self) -> Iterator[str]:
        """Yield the lines that have come since; of a file that was replaced, all. One that is being written comes later."""
        with suppress(OSError), self._path.open("rb") as file:  # not there yet, or not to be seen for a moment
            number = os.fstat(file.fileno()).st_ino
            if number != self._file:
                self._file, self._offset = number, 0
            file.seek(self._offset)
            while (line := file.readline()).endswith(b"\n"):
                self._offset += len(line)
                yield line.decode("utf-8", "replace")
