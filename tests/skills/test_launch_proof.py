"""The proof that only ``launch()`` starts what a study starts: it holds, and smuggled launchers are found."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rlx.skills import launch_proof, launch_table, prove_launches
from rlx.skills.launch_table import PERMITS, in_scope, is_permitted, matches, starter
from tests.conftest import REPOSITORY

LAUNCHING = """
from rlx.experiments import make_points

def launch(study):
    _start(study)

def resume(study):
    _start(study)

def _start(study):
    make_points(study)
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of what is judged; of the search's modules that may start something, the real ones."""
    package = tmp_path / "rlx"
    (package / "studies/evidence").mkdir(parents=True)
    (package / "cli").mkdir()
    for name in ("confirming.py", "searching.py", "seeds.py", "objective.py"):
        shutil.copy(REPOSITORY / "src/rlx/studies" / name, package / "studies")
    for file in ("__init__.py", "studies/__init__.py", "cli/__init__.py"):
        (package / file).write_text("")
    (package / "studies/__init__.pyi").write_text("from .searching import run_search as run_search\n")
    (package / "studies/launching.py").write_text(LAUNCHING)
    return package


def told(package: Path) -> list[str]:
    return [str(problem) for problem in prove_launches(package).problems]


def test_it_holds() -> None:
    assert told(REPOSITORY / "src" / "rlx") == []


def test_it_holds_of_a_launcher(package: Path) -> None:
    assert prove_launches(package).has_launch
    (package / "studies/loop.py").write_text("from rlx.studies.launching import launch\n\ndef go(s):\n    launch(s)\n")
    assert told(package) == []
    (package / "studies/launching.py").unlink()
    assert not prove_launches(package).has_launch


SMUGGLED = {
    "a function": "from rlx.experiments import make\n\ndef go():\n    make()\n",
    "an alias": "from rlx.experiments import make as look\n\ndef go():\n    look()\n",
    "inside a function": "def go():\n    from rlx.training import train_run\n    train_run()\n",
    "an inner module": "from rlx.experiments.sweeps.running import make_points\n\nhand_on(make_points)\n",
    "a module": "import rlx.experiments as e\n\ndef go():\n    e.make()\n",
    "handed on": "from functools import partial\nfrom rlx.launch import carry_out\n\nGO = partial(carry_out, 1)\n",
    "a process": "import subprocess\n\ndef go():\n    subprocess.Popen(['true'])\n",
    "a shell": "import os\n\ndef go():\n    os.system('true')\n",
    "dvc": "from rlx.launch import dvc\n\ndef go():\n    dvc('repro')\n",
    "a trainer's method": "def go(trainer, call):\n    trainer.carry_out(call)\n",
    "the method of what a call gives": "def go(call):\n    trainer().carry_out(call)\n",
    "through the door": "from rlx.studies import run_search\n\ndef go():\n    run_search()\n",
    "a class of a search": "from rlx.studies.seeds import SeedTrainer\n\ndef go():\n    with SeedTrainer(): ...\n",
    "the gate's private part": "from rlx.studies.launching import _start\n\ndef go():\n    _start()\n",
    "another command": "import rlx.cli.train\n\ndef go():\n    rlx.cli.train.command()\n",
    "a name made up": "def go():\n    __import__('rlx.experiments').experiments.make()\n",
    "importlib": "import importlib\n\ndef go():\n    importlib.import_module('rlx.experiments').make()\n",
    "text": "def go():\n    exec('import os')\n",
    "in a default": "import subprocess\n\ndef go(run=subprocess.run):\n    run('true')\n",
    "in a decorator": "from rlx.launch import run_alone\n\n@run_alone\ndef go(): ...\n",
    "in a method": "from rlx.experiments import make\n\nclass Loop:\n    def step(self):\n        make()\n",
    "all of a module": "from rlx.experiments import *\n",
    "relative": "from .searching import run_search\n\ndef go():\n    run_search()\n",
}


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in SMUGGLED.items()])
def test_a_smuggled_launcher_is_found(package: Path, text: str) -> None:
    (package / "cli/train.py").write_text("from rlx.experiments import make\n\ndef command():\n    make()\n")
    (package / "studies/loop.py").write_text(text)
    found = told(package)
    assert found
    last = len(text.rstrip().splitlines())
    assert any(line.startswith(f"rlx/studies/loop.py:{number}:") for line in found for number in range(1, last + 1)), (
        found
    )


@pytest.mark.parametrize("file", ["cli/study.py", "cli/study_run.py", "cli/advisor.py", "cli/research.py"])
def test_commands_of_studies_are_judged_too(package: Path, file: str) -> None:
    (package / file).write_text(SMUGGLED["a function"])
    assert [line.partition(":")[0] for line in told(package)] == [f"rlx/{file}"]


def test_it_is_followed_through_modules(package: Path) -> None:
    """A function of a permitted file that starts something is a starter itself; so is what is defined by it."""
    (package / "studies/evidence/probe.py").write_text(
        "from rlx.training import play_varied\n\ndef run_probe():\n    return _play()\n\ndef _play():\n    play_varied()\n"
    )
    (package / "studies/evidence/__init__.py").write_text(
        "from rlx.studies.evidence.probe import run_probe as run_probe\n"
    )
    assert told(package) == []
    (package / "studies/loop.py").write_text("import rlx.studies.evidence as e\n\ndef go():\n    e.run_probe()\n")
    (found,) = told(package)
    assert found.startswith("rlx/studies/loop.py:4: rlx.studies.evidence.probe.run_probe:")


def test_a_trainer_may_be_made_and_not_called(package: Path) -> None:
    (package / "studies/trainer.py").write_text(
        "from rlx.experiments import make\n\nclass Own:\n    def carry_out(self, call):\n        self._make()\n\n"
        "    def _make(self):\n        make()\n"
    )
    (package / "studies/loop.py").write_text("from rlx.studies.trainer import Own\n\ndef go():\n    return Own()\n")
    assert told(package) == []
    (package / "studies/loop.py").write_text(
        "from rlx.studies.trainer import Own\n\ndef go(call, other):\n    Own().carry_out(call)\n    other._make()\n"
    )
    assert [line.split(":")[1] for line in told(package)] == ["4", "5"]
    (package / "studies/trainer.py").write_text(
        "from rlx.experiments import make\n\nclass Own:\n    def go(self, call):\n        make()\n"
    )
    (package / "studies/loop.py").write_text("from rlx.studies.trainer import Own\n\ndef go():\n    return Own()\n")
    assert [line.split(":")[1] for line in told(package)] == ["4"]


def test_the_gates_module_has_two_public_functions_that_start(package: Path) -> None:
    (package / "studies/launching.py").write_text(LAUNCHING + "\ndef start_anyway(study):\n    _start(study)\n")
    (found,) = told(package)
    assert found.startswith("rlx/studies/launching.py:14: start_anyway: starts something")


def test_importing_a_permitted_module_starts_nothing(package: Path) -> None:
    (package / "studies/confirming.py").write_text("from rlx.experiments import make_points\n\nmake_points()\n")
    (found,) = told(package)
    assert "merely imported" in found


def test_what_starts_nothing_is_fine(package: Path) -> None:
    (package / "studies/loop.py").write_text(
        "from __future__ import annotations\nimport subprocess\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from rlx.experiments import make\n    x = make\n\n"
        "def go(process: subprocess.Popen[bytes], row) -> subprocess.Popen[bytes]:\n    row.make()\n    return process\n"
    )
    assert told(package) == []


def test_a_file_that_is_no_python_is_named(package: Path) -> None:
    (package / "studies/loop.py").write_text("def go(:\n")
    (found,) = told(package)
    assert "loop.py:1: is no Python" in found


def test_the_table_says_why_and_matches_by_part() -> None:
    assert all(row.why and row.names for row in PERMITS)
    assert matches("studies/a/b.py", "studies/**")
    assert not matches("studies/a/trainer.py", "studies/*trainer*.py")
    assert in_scope("cli/study_set.py")
    assert not in_scope("cli/sweep.py")
    assert starter("rlx.experiments.sweeps.running.make_points") == "rlx.experiments.make_points"
    assert starter("rlx.envs.make") is None
    assert starter("subprocess.CalledProcessError") is None
    assert is_permitted("studies/seeds.py", "carry_out")
    assert not is_permitted("studies/seeds.py", "make")


@pytest.mark.slow  # the proof is made anew for each of some twenty names
def test_every_permit_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    package = REPOSITORY / "src" / "rlx"
    sources = launch_proof.read_sources(package, launch_proof.FOLLOWED)
    monkeypatch.setattr(launch_proof, "read_sources", lambda *_: sources)
    for row in PERMITS:
        for name in row.names:
            rest = tuple(each for each in row.names if each != name)
            others = [replace(each, names=rest) if each is row else each for each in PERMITS]
            monkeypatch.setattr(launch_table, "PERMITS", tuple(each for each in others if each.names))
            assert told(package), f"{row.files} may name {name}, and nothing there does: take it from the table"
