"""``import rlx`` is light, and its names are there for people, editors and type checkers."""

from __future__ import annotations

import subprocess
import sys

import pytest

import rlx
from tests.conftest import REPOSITORY

HEAVY = "numpy scipy torch pandas gymnasium matplotlib dvc pydantic numba stable_baselines3 yaml click".split()


def loaded(statement: str) -> list[str]:
    code = f"{statement}; import sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_importing_rlx_loads_nothing_heavy() -> None:
    assert loaded("import rlx; dir(rlx); rlx.__version__") == []


def test_the_check_of_heavy_imports_can_fail() -> None:
    assert "numpy" in loaded("import rlx; rlx.open")


def test_reading_a_project_loads_nothing_that_trains(tmp_path) -> None:
    found = loaded("import rlx; rlx.open; rlx.Run; rlx.Runs; rlx.Project")
    assert not {"torch", "gymnasium", "dvc", "matplotlib", "pandas", "stable_baselines3", "numba"} & {*found}


def test_every_public_name_is_there_and_others_are_not() -> None:
    assert {*rlx.__all__} <= {*dir(rlx)}
    for name in rlx.__all__:
        assert getattr(rlx, name).__doc__
    with pytest.raises(AttributeError, match="opne"):
        _ = rlx.opne


@pytest.mark.slow  # without its cache mypy takes a minute for what these names bring with them
def test_type_checkers_see_what_there_is(tmp_path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import rlx\n"
        "project = rlx.open('.')\n"
        "reveal_type(project.runs['cartpole'])\n"
        "reveal_type(rlx.compare('a', 'b').verdict)\n"
        "rlx.open(3)\n"
    )
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file",
        str(REPOSITORY / "pyproject.toml"),
        str(script),
    ]
    command += ["--cache-dir", str(REPOSITORY / ".mypy_cache")]
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY).stdout
    assert 'Revealed type is "rlx.api.run.Run"' in told
    assert "Literal['improved']" in told
    assert 'Argument 1 to "open" has incompatible type "int"' in told
