"""Prints which share of the lines of each room the tests ran that `pytest --cov=rlx` has just run.

Only what runs in the processes of the tests is seen: not commands that start from nothing or are forked from the warm process, workers that
train, and compiled kernels, which are left out. So the shares are lower bounds, to be held against those of the run before.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import PurePath


def main() -> None:
    """Print a table."""
    told = subprocess.run(["coverage", "json", "--quiet", "-o", "-"], text=True, capture_output=True, check=True).stdout
    ran, in_all = Counter[str](), Counter[str]()
    for name, file in json.loads(told)["files"].items():
        parts = PurePath(name).parts
        inside = parts[len(parts) - parts[::-1].index("rlx") :]
        room = inside[0] if len(inside) > 1 else "rlx itself"
        for key in (room, "total"):
            ran[key] += file["summary"]["covered_lines"]
            in_all[key] += file["summary"]["num_statements"]
    for room in sorted(in_all, key=lambda room: (room == "total", room)):
        sys.stdout.write(f"{room:<12} {100 * ran[room] / in_all[room]:3.0f} % of {in_all[room]:>6,} lines\n")


if __name__ == "__main__":
    main()
