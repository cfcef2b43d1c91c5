"""Run the commands of a page in a fresh project, and put what they print under them: python docs/tutorial.py [PAGE]."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PAGES = tuple(Path(__file__).with_name(name) for name in ("tutorial.md", "afternoon.md"))
"""Pages whose outputs are those of their commands."""
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
VARIABLES = {"COLUMNS": "80", "NO_COLOR": "1", "DVC_NO_ANALYTICS": "1", "GIT_CONFIG_COUNT": "0"}
MASKS = (
    (r"(?ms)^(\$ rlx (?:diagnose|suggest|compare|study run|study status|study report|study audit)\b[^\n]*\n).*?(?=^\$ |^```)", r"\1"),
    (r"(?m)^.*\d+ (?:warning|error)s?(?: and \d+ \w+)?, first: .*\n(?:`rlx diagnose .*\n)?", ""),
    (r"(?m)^[\w ]*: Nothing was found that would need attention.*\n", ""),
    (r", unless one seed in \d+ fails", ""),
    (r"(?s)To settle it[:,] .*?(?=\n\w+ (?:against|improved|is )|\n\$ |```)", ""),
    (r"\b(?:improved on|is worse than|is as good as|against) (\w+)(?: is inconclusive)?", r"against \1"),
    (r"\b(improved|regressed|inconclusive|equivalent)\b", "verdict"),
    (r"seed_\d+-", "seed_0-"),
    (r"(?m)^.*\b(evaluating|filming)\b.*: \d+ of \d+ episodes.*\n", ""),
    (r"\b(refs/exps/)\S+ [0-9a-f]{40}", r"\g<1>… …"),
    (r"[-+]?\d[\d,.]*(e-?\d+)?", "0"),
    (r"\b(s|min|h|d)\b", "s"),
    (r"\s+", " "),
)
"""What may differ between processors, on which the last bits of training differ: verdicts and what is found in a run, signs
of life, hashes, numbers (with their widths) and units of time."""


def rerun(page: str) -> str:
    """Return the page with every output as it is now."""
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)

        def block(match: re.Match[str]) -> str:
            nonlocal here
            lines = []
            for command in (line[2:] for line in match[1].splitlines() if line.startswith("$ ")):
                lines.append(f"$ {command}")
                if command.startswith("cd "):
                    here = here / command.removeprefix("cd ")
                    continue
                lines += _output(command.partition("  #")[0], here)
            return "```console\n" + "\n".join(lines) + "\n```"

        return BLOCK.sub(block, page)


def _output(command: str, folder: Path) -> list[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env={**os.environ, **VARIABLES, "PATH": path}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{command}: exit code {done.returncode}\n{done.stdout}")
    return [line.rstrip() for line in done.stdout.replace(str(folder.resolve()), "…").strip("\n").splitlines()]


def masked(page: str) -> str:
    """Return a page without what may differ between machines."""
    for pattern, mask in MASKS:
        page = re.sub(pattern, mask, page)
    return page


if __name__ == "__main__":
    for page in [Path(name) for name in sys.argv[1:]] or PAGES:
        page.write_text(rerun(page.read_text(encoding="utf-8")), encoding="utf-8")
