"""Zip files that somebody else may have written: looked at before anything of them is read.

What rlx and torch write is stored, not compressed, so an archive of a bounded size holds no more than it weighs; whoever
repeats, overlaps, compresses or multiplies members is refused by the table of contents alone.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlx.config.files.reading import require

MOST_ARCHIVE_BYTES = 2 * 2**30
MOST_CONTENTS_BYTES = 2**20
"""Of a table of contents; one of rlx's has a kilobyte."""
MOST_MEMBERS = 2_000


class _Guarded(io.BufferedReader):
    """A file of which no more than a bounded piece is read at once, until that is lifted."""

    most: int | None = MOST_CONTENTS_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as a file does."""
        if self.most is None:
            return super().read(size)
        wanted = self.most + 1 if size is None or size < 0 else size
        content = super().read(min(wanted, self.most + 1))
        require(len(content) <= self.most, "its table of contents is larger than any of rlx's")
        return content


@contextmanager
def opened(content: Path | bytes) -> Iterator[zipfile.ZipFile]:
    """Give an archive whose members can all be read within the bounds.

    Raises:
        ValueError: It is not such an archive; also where a member turns out damaged while it is read.
    """
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    require(size <= MOST_ARCHIVE_BYTES, f"has {size:,} bytes, more than any checkpoint of rlx")
    raw = io.BytesIO(content) if isinstance(content, bytes) else io.FileIO(content)
    with _Guarded(raw) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                _check(archive.infolist(), size)
                file.most = None
                yield archive
        except ValueError:
            raise
        except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, KeyError, RuntimeError) as error:
            raise ValueError((str(error).splitlines() or ["is no zip file"])[0][:200]) from None


def _check(members: list[zipfile.ZipInfo], size: int) -> None:
    require(len(members) <= MOST_MEMBERS, f"has {len(members):,} members, and none of rlx has so many")
    require(len({member.filename for member in members}) == len(members), "has a member twice")
    stored = all(
        member.compress_type == zipfile.ZIP_STORED and member.compress_size == member.file_size for member in members
    )
    require(stored, "was not written by rlx: its members are compressed")
    require(sum(member.file_size for member in members) <= size, "its members are larger than the file")
