"""What a command printed, looked through for a pattern; by a process that can be ended, see ``line_search.py``."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from rlx.config import lines
from rlx.errors import DataDamaged, DataRefused
from rlx.launch import Conditions, run_supervised
from rlx.stats import shown

SEARCH_SECONDS = 20.0
"""That looking for a pattern in what was printed may take."""
SEARCH = Path(__file__).with_name("line_search.py")
MOST_BYTES = 256 * 2**20
"""Of what is found."""


def printed_rows(pattern: str, printed: Path) -> list[dict[str, str | None]]:
    """Return the named groups of a pattern in every line that has it.

    Args:
        pattern: A regular expression with named groups.
        printed: The file that took what a command printed.

    Raises:
        DataRefused: It takes too long.
        DataDamaged: There is no such file.
    """
    with tempfile.TemporaryDirectory(prefix="rlx-search-") as place:
        output = Path(place, "rows.jsonl")
        conditions = Conditions(
            Path(place),
            {"PATH": os.environ.get("PATH", os.defpath)},
            output,
            SEARCH_SECONDS,
            pauses=(0.1, 0.1),
            most_bytes=MOST_BYTES,
        )
        ended = run_supervised([sys.executable, "-I", "-S", str(SEARCH), pattern, str(printed)], conditions)
        if ended.timed_out:
            raise DataRefused(
                f"the pattern {shown(pattern)} took longer than {SEARCH_SECONDS:g} s on what was printed; write one without "
                "repeats inside of repeats"
            )
        if ended.status or ended.dropped:
            raise DataDamaged(f"the pattern {shown(pattern)} cannot be looked for in {printed}")
        return [json.loads(line) for _, line in lines(output)]
