"""Looks for a regular expression in the lines of a file; a program of its own, which imports nothing of rlx.

Python's regular expressions know no time limit, and a pattern such as ``(a+)+b`` takes for ever on a line of a's. So the
search runs in a process that can be ended, and lines longer than :data:`MOST` are looked at in pieces.

It is given the pattern and the file, and writes the named groups of each match as a line of JSON.
"""

import json
import re
import sys
import warnings

MOST = 10_000
"""Characters that are looked at together."""


def main() -> None:
    """Search the file."""
    warnings.simplefilter("ignore")
    pattern, path = re.compile(sys.argv[1]), sys.argv[2]
    with open(path, encoding="utf-8", errors="replace", newline="\n") as file:  # noqa: PTH123 — starts without pathlib
        while line := file.readline(MOST):
            found = pattern.search(line)
            if found:
                print(json.dumps(found.groupdict()))


if __name__ == "__main__":
    main()
