"""What DESIGN asks of imports beyond floors and doors, which ``lint-imports`` checks: pure rooms, and a light start."""

from __future__ import annotations

import subprocess
import sys

import grimp
import pytest

PURE = ("stats", "comparison", "diagnosis")
"""Rooms of arithmetic: nothing of the machine in them."""
HEAVY = ("torch", "dvc", "gymnasium", "stable_baselines3", "git", "matplotlib", "pandas")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("rlx", include_external_packages=True, exclude_type_checking_imports=True)


def uses(graph: grimp.ImportGraph, room: str) -> set[tuple[str, str]]:
    members = {f"rlx.{room}", *graph.find_descendants(f"rlx.{room}")}
    return {(name, used) for name in members for used in graph.find_modules_directly_imported_by(name)}


@pytest.mark.parametrize("room", [*PURE, "config"])
def test_pure_rooms_import_nothing_heavy(graph: grimp.ImportGraph, room: str) -> None:
    outside = HEAVY if room == "config" else (*HEAVY, "subprocess")
    assert not [(name, used) for name, used in uses(graph, room) if used.split(".")[0] in outside]


def test_one_room_talks_to_git_and_dvc_as_programs_and_one_as_libraries(graph: grimp.ImportGraph) -> None:
    talking = {
        name
        for name in graph.modules
        if name.startswith("rlx.")
        for used in graph.find_modules_directly_imported_by(name)
        if used in ("dvc", "git", "subprocess")
    }
    assert {name.split(".")[1] for name in talking} <= {"experiments", "launch", "config"}
    assert [name for name in talking if name.startswith("rlx.config")] == ["rlx.config.project"]


def test_there_are_few_rooms(graph: grimp.ImportGraph) -> None:
    rooms = {name for name in graph.find_children("rlx") if graph.find_children(name)}
    assert len(rooms) <= 20


@pytest.mark.parametrize(
    "statement", ["import rlx", "import rlx.cli; rlx.cli.cli.get_help(__import__('click').Context(rlx.cli.cli))"]
)
def test_start_up_is_light(statement: str) -> None:
    heavy = "torch dvc gymnasium matplotlib pandas stable_baselines3 pydantic scipy numpy numba".split()
    code = f"{statement}; import sys; print([name for name in {heavy} if name in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


@pytest.mark.parametrize(
    ("statement", "light"),
    [
        ("import rlx.experiments.index", "torch gymnasium numpy pandas matplotlib dvc"),
        ("from rlx.algorithms import vocabulary; vocabulary()", "torch gymnasium numba stable_baselines3"),
        (
            "import rlx.experiments.run_record; from rlx.diagnosis import diagnose",
            "gymnasium numba stable_baselines3 torch",
        ),
        ("import rlx.comparison.study", "torch gymnasium pandas dvc"),
    ],
)
def test_what_looks_at_results_imports_nothing_that_trains(statement: str, light: str) -> None:
    code = f"{statement}; import sys; print([name for name in {light.split()} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
