"""What stands beside the code: security, citation, licences, hooks; each says what is so."""

from __future__ import annotations

import ast
import re
import runpy
import shutil
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

import rlx
from tests.conftest import REPOSITORY

LICENCES = REPOSITORY / ".ci" / "licences.py"


def functions_of(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_every_promise_of_security_has_its_tests() -> None:
    text = (REPOSITORY / "SECURITY.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert len(rows) >= 15
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, row
        assert len(named) == row.count("tests/"), row
        for path, function in named:
            assert function in functions_of(REPOSITORY / path), f"{path}::{function}"
            assert function.startswith("test_")


def test_the_citation_names_this_version() -> None:
    """The keys that the format (1.2.0) asks for, and no others than it has."""
    cited = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    needed = {"cff-version", "message", "title", "authors"}
    assert needed <= cited.keys() <= needed | {"type", "abstract", "version", "license", "keywords", "date-released"}
    assert (cited["cff-version"], cited["type"], cited["license"]) == ("1.2.0", "software", "Apache-2.0")
    assert cited["version"] == rlx.__version__
    assert cited["authors"] == [{"name": "The rlx authors"}]


@pytest.fixture(scope="module")
def licences() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(LICENCES)))


def test_the_page_of_licences_is_current(licences: SimpleNamespace) -> None:
    pinned = dict(
        line.split("==") for line in (REPOSITORY / "constraints.txt").read_text().splitlines() if "==" in line
    )
    others = {name: here for name, pin in pinned.items() for here in [installed(name)] if here not in (None, pin)}
    assert not others, "install as CI does: pip install -c constraints.txt -e '.[dev]'"
    assert (REPOSITORY / "docs/licences.md").read_text() == licences.page(), "python .ci/licences.py > docs/licences.md"


def installed(name: str) -> str | None:
    try:
        return version(name).partition("+")[0]
    except ModuleNotFoundError:
        return None


def test_every_installed_package_has_a_licence_that_was_looked_at(licences: SimpleNamespace) -> None:
    assert licences.complaints() == []


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"License-Expression": "MIT"}, "permissive"),
        ({"License-Expression": "Apache-2.0 OR GPL-2.0-or-later"}, "permissive"),
        ({"License-Expression": "GPL-3.0-only AND (MIT OR Apache-2.0)"}, "strong"),
        ({"Classifier": "License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)"}, "weak"),
        ({"Classifier": "License :: OSI Approved :: GNU General Public License v2 (GPLv2)"}, "strong"),
        ({"License": "GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3"}, "strong"),
        ({"License": "Proprietary"}, "strong"),
        ({"License": "see the file"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_what_a_licence_asks_is_told_apart(licences: SimpleNamespace, said: dict[str, str], kind: str) -> None:
    class Metadata(dict[str, str]):
        def get_all(self, name: str) -> list[str] | None:
            return [self[name]] if name in self else None

    package: Any = SimpleNamespace(name="theirs", metadata=Metadata(said))
    assert licences.kind(package) == kind


def test_hooks_before_a_commit_are_local_and_run_what_ci_runs() -> None:
    """No hook comes from elsewhere: they work without a network, in the environment that the project is developed in."""
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())
    assert [repository["repo"] for repository in hooks["repos"]] == ["local"]
    (local,) = hooks["repos"]
    scripts = {entry.name for entry in entry_points(group="console_scripts")} | {"ruff"}
    ci = (REPOSITORY / ".ci/run").read_text()
    for hook in local["hooks"]:
        program, *arguments = hook["entry"].split()
        assert hook["language"] == "system"
        assert hook.keys() <= {"id", "name", "entry", "language", "types", "types_or", "pass_filenames", "files"}
        assert program in scripts or program == "python"
        assert shutil.which(program, path=str(Path(sys.executable).parent)), program
        assert f"\n{program}" in ci, f"CI runs {program}, too"
        helped = subprocess.run(
            [program, *arguments[:1], "--help"], cwd=REPOSITORY, text=True, capture_output=True, check=False
        )
        assert helped.returncode == 0, helped.stderr
    assert {hook["id"] for hook in local["hooks"]} == {"ruff-format", "ruff", "mypy", "lint-imports"}
