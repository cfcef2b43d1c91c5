"""What the source of a foreign repository says of itself, read as text and never run: entries, arguments, logs, rewards."""

from __future__ import annotations

import ast
import re
import tomllib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from rlx.launch import git, git_blobs

MOST_FILES = 5000
MOST_BYTES = 512 * 1024
"""Of a source file that is looked at."""
SYSTEMS = ("hydra", "tyro", "gin", "argparse")
"""Ways to configure a program, the one that decides first."""
LOGS = {
    "SummaryWriter": "tensorboard",
    "add_scalar": "tensorboard",
    "csv.writer": "csv",
    "csv.DictWriter": "csv",
    "DictWriter": "csv",
    "to_csv": "csv",
}
"""What programs that log call, and what they then write."""
_REWARD = re.compile(r"reward", re.IGNORECASE)
_ENDING = re.compile(r"terminat|truncat|(?:^|_)(?:is_)?done$|is_healthy", re.IGNORECASE)


@dataclass(frozen=True)
class SourceFact:
    """Something that the source says, with its place.

    Attributes:
        topic: entry, config, argument, logging, tag, reward, termination, or unreadable.
        file: Relative to the repository.
        line: From 1.
        text: What it is: a name, as it stands there.
    """

    topic: str
    file: str
    line: int
    text: str


@dataclass(frozen=True)
class Sources:
    """All that was read of a repository at its commit.

    Attributes:
        commit: The commit, in full.
        files: Names of all files.
        facts: What the Python files say, in the order of files and lines.
        scripts: Console scripts of ``pyproject.toml``: names, and ``module:function``.
        names: The project's name and those it depends on.
        left_out: Python files that were not looked at: there are too many, or they are too large.
    """

    commit: str
    files: tuple[str, ...]
    facts: tuple[SourceFact, ...]
    scripts: dict[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()
    left_out: int = 0

    def of(self, topic: str, file: str | None = None) -> list[SourceFact]:
        """Return the facts of a topic, of one file if it is named."""
        return [fact for fact in self.facts if fact.topic == topic and file in (None, fact.file)]


def read_sources(repository: Path) -> Sources:
    """Read the sources of a repository at the commit it is at; nothing of them is imported or run.

    Raises:
        CommandFailed: It is no Git repository, or has no commit.
    """
    commit = git(repository, "rev-parse", "--verify", "HEAD^{commit}").strip()
    files: list[str] = []
    sizes: dict[str, int] = {}
    for entry in filter(None, git(repository, "ls-tree", "-r", "-l", "-z", "--full-tree", commit).split("\0")):
        facts, _, name = entry.partition("\t")
        mode, kind, _, size = facts.split()
        if kind == "blob" and mode != "120000" and "\n" not in name:
            files.append(name)
            sizes[name] = int(size)
    python = [name for name in files if name.endswith(".py")]
    read = [name for name in python if sizes[name] <= MOST_BYTES][:MOST_FILES]
    texts = git_blobs(repository, [f"{commit}:{name}" for name in read])
    found = [fact for name, text in zip(read, texts, strict=True) for fact in python_facts(name, text or b"")]
    project = (
        next(iter(git_blobs(repository, [f"{commit}:pyproject.toml"])), None) if "pyproject.toml" in files else None
    )
    scripts, names = _project_of(project or b"")
    return Sources(commit, tuple(files), tuple(found), scripts, names, len(python) - len(read))


def python_facts(name: str, content: bytes) -> list[SourceFact]:
    """Return what one Python file says."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
        found = sorted(_facts(tree), key=lambda fact: fact[1])
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return [SourceFact("unreadable", name, getattr(error, "lineno", None) or 1, "is not Python that can be read")]
    return [SourceFact(topic, name, line, text) for topic, line, text in found]


def _facts(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    by_tyro = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for top in _imported(node):
                if top in SYSTEMS:
                    by_tyro = by_tyro or top == "tyro"
                    yield "config", node.lineno, top
                if top == "wandb":
                    yield "logging", node.lineno, top
        elif isinstance(node, ast.If) and _is_main(node.test):
            yield "entry", node.lineno, "__main__"
        elif isinstance(node, ast.Call):
            yield from _of_call(node)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            topic = "reward" if _REWARD.search(node.name) else "termination" if _ENDING.search(node.name) else None
            if topic:
                yield topic, node.lineno, node.name
    if by_tyro:
        yield from _fields(tree)


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [] if node.level or node.module is None else [node.module.partition(".")[0]]
    return [alias.name.partition(".")[0] for alias in node.names]


def _is_main(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def _of_call(node: ast.Call) -> Iterator[tuple[str, int, str]]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    first = node.args[0] if node.args else None
    told = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
    if name == "add_argument":
        for argument in node.args:
            if isinstance(argument, ast.Constant) and str(argument.value).startswith("--"):
                yield "argument", node.lineno, str(argument.value)[2:]
    whole = (
        f"{node.func.value.id}.{name}"
        if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
        else name
    )
    if log := LOGS.get(whole) or LOGS.get(name):
        yield "logging", node.lineno, log
    if name == "add_scalar" and told:
        yield "tag", node.lineno, told
    if name in ("RewardTermCfg", "RewTerm"):
        yield "reward", node.lineno, name
    if name in ("TerminationTermCfg", "DoneTerm"):
        yield "termination", node.lineno, name


def _fields(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """Yield the fields of dataclasses, which tyro makes arguments of."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any("dataclass" in ast.unparse(each) for each in node.decorator_list):
            for item in node.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    yield "argument", item.lineno, item.target.id


def _project_of(content: bytes) -> tuple[dict[str, str], frozenset[str]]:
    """Return the console scripts of a ``pyproject.toml``, and the names of the project and what it depends on."""
    try:
        project: Any = tomllib.loads(content.decode()).get("project", {})
        scripts = {str(name): str(target) for name, target in project.get("scripts", {}).items()}
        wanted: Sequence[Any] = [project.get("name", ""), *project.get("dependencies", [])]
    except (ValueError, AttributeError, TypeError, RecursionError):
        return {}, frozenset()
    names = (re.match(r"[A-Za-z0-9._\-]+", str(each).strip()) for each in wanted)
    return scripts, frozenset(found[0].lower().replace("_", "-") for found in names if found)


def stem(name: str) -> str:
    """Return a file's name without folder and suffix."""
    return PurePosixPath(name).stem
