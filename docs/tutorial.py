"""Do what pages say, in a fresh folder, and put what their commands print under them: python docs/tutorial.py [PAGE]."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
HOW_TOS = tuple(path for path in sorted((HERE / "how-to").glob("*.md")) if path.stem != "index")
PAGES = (HERE / "tutorial.md", HERE / "afternoon.md", *HOW_TOS)
"""Pages whose outputs are those of their commands."""
FENCE = re.compile(
    r"(?P<mark><!-- not played -->\n\n?)?```(?P<kind>\w+)(?: (?P<who>\w+))?\n(?P<text>.*?)```", re.DOTALL
)
NAME = re.compile(r"# ((?:[\w.-]+/)*[\w-]+\.(?:yaml|py|toml))\n")
"""The first line of a block that is a file: its name, as a comment."""
SHELL = ("console", "bash", "sh", "shell")
HIDDEN = ("sbatch", "squeue", "scancel", "scontrol")
"""Commands that a reader does not have, though this machine may: pages show a laptop."""
VARIABLES = {"COLUMNS": "80", "NO_COLOR": "1", "DVC_NO_ANALYTICS": "1", "GIT_CONFIG_COUNT": "0"}
MASKS = (
    (
        r"(?ms)^(\$ rlx (?:diagnose|suggest|compare|sweep rates -q|ls --sweep|study run|study status|study report|study audit)\b[^\n]*\n).*?(?=^\$ |^```)",
        r"\1",
    ),
    (r"(?m)^.*\d+ (?:warning|error)s?(?: and \d+ \w+)?, first: .*\n(?:`rlx diagnose .*\n)?", ""),
    (r"(?m)^[\w ]*: Nothing was found that would need attention.*\n", ""),
    (r"(?m)^not shown to beat random actions: .*\n", ""),
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


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        kind: Its language.
        who: Who does it, on pages of several people.
        text: What stands in it.
        is_played: Whether a reader with nothing but this machine can do it; ``<!-- not played -->`` above a block says no.
    """

    kind: str
    who: str
    text: str
    is_played: bool

    @property
    def commands(self) -> list[str]:
        """What is typed in it, without remarks."""
        if self.kind not in SHELL:
            return []
        return [line[2:].partition("  #")[0].strip() for line in self.text.splitlines() if line.startswith("$ ")]

    @property
    def file(self) -> str | None:
        """The name of the file that it shows whole, where it shows one."""
        named = NAME.match(self.text)
        return named[1] if named and self.kind not in SHELL else None


def blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page, in order."""
    yield from map(_block, FENCE.finditer(page))


def _block(match: re.Match[str]) -> Block:
    return Block(match["kind"], match["who"] or "", match["text"], is_played=not match["mark"])


class Reader:
    """Somebody who does what a page says, in a folder, and moves on with ``cd``.

    Nothing is fetched: ``pip install -e FOLDER`` lets Python find the package and its entry points, and no more.
    """

    def __init__(self, folder: Path, path: str | None = None):
        """Begin in a folder, with the commands of these folders (``$PATH`` by default)."""
        self.here, self.packages = folder, [each for each in [os.environ.get("PYTHONPATH")] if each]
        self.path = f"{Path(sys.executable).parent}{os.pathsep}{path or os.environ['PATH']}"

    def write(self, block: Block) -> None:
        """Write the file that a block shows."""
        if block.file:
            path = self.here / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")

    def type(self, command: str) -> str:
        """Run a command and return what it prints.

        Raises:
            SystemExit: Its exit code is not 0.
        """
        if command.startswith("cd "):
            self.here = self.here / command.removeprefix("cd ")
            return ""
        if command.startswith("pip install -e "):
            self._install(self.here / command.removeprefix("pip install -e "))
            return ""
        variables = {**os.environ, **VARIABLES, "PATH": self.path}
        if self.packages:
            variables["PYTHONPATH"] = os.pathsep.join(self.packages)
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.here, env=variables, text=True, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if done.returncode:
            raise SystemExit(f"{command}: exit code {done.returncode}\n{done.stdout}")
        return done.stdout.replace(str(self.here.resolve()), "…")

    def _install(self, package: Path) -> None:
        project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        name, version = project["name"], project["version"]
        info = package / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
        lines = [
            f"[{group}]\n" + "".join(f"{entry} = {value}\n" for entry, value in entries.items())
            for group, entries in project["entry-points"].items()
        ]
        (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
        self.packages.insert(0, str(package.resolve()))


def laptop(links: Path) -> str:
    """Return ``$PATH`` without `HIDDEN`: a folder that has one of them is replaced by links, made in ``links``, to its others."""
    places = os.environ["PATH"].split(os.pathsep)
    for number, place in enumerate(places):
        if any(shutil.which(command, path=place) for command in HIDDEN):
            places[number] = str(links / str(number))
            Path(places[number]).mkdir()
            for command in Path(place).iterdir():
                if command.name not in HIDDEN:
                    (links / str(number) / command.name).symlink_to(command.absolute())
    return os.pathsep.join(places)


def rerun(page: str) -> str:
    """Return the page with every output as it is now; files that it shows are written first, in their place."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as links:
        reader = Reader(Path(folder), laptop(Path(links)))

        def again(match: re.Match[str]) -> str:
            block = _block(match)
            if not block.is_played:
                return match[0]
            reader.write(block)
            if block.kind != "console":
                return match[0]
            lines = []
            for line in block.text.splitlines():
                if line.startswith("$ "):
                    output = reader.type(line[2:].partition("  #")[0].strip())
                    lines += [line, *(said.rstrip() for said in output.strip("\n").splitlines())]
            return "```console\n" + "\n".join(lines) + "\n```"

        return FENCE.sub(again, page)


def masked(page: str) -> str:
    """Return a page without what may differ between machines."""
    for pattern, mask in MASKS:
        page = re.sub(pattern, mask, page)
    return page


if __name__ == "__main__":
    for page in [Path(name) for name in sys.argv[1:]] or PAGES:
        page.write_text(rerun(page.read_text(encoding="utf-8")), encoding="utf-8")
