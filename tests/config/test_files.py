"""Files that are never half-written, seeds that never overlap, and the project's code in the right hashes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from rlx.algorithms import vocabulary
from rlx.config.files import atomic
from rlx.config.project_code import check_unchanged, hashes_of
from rlx.config.source_hashes import hash_files, is_unchanged, program_hash
from rlx.envs.reset_seeds import HELD_OUT, TRAINING, VALIDATION, boundary_seed, held_out_seeds, validation_seeds
from rlx.errors import ConfigError, DataDamaged, NonFiniteValue, TrainingFailed
from rlx.experiments import git_state
from rlx.records.metrics import MetricsWriter, checked, read_rows, write_rows
from tests.conftest import Project


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    atomic.write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="Out of range float"):
        atomic.write_json(path, {"a": float("nan")})
    with pytest.raises(RuntimeError), atomic.replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert list(tmp_path.iterdir()) == [path]


@given(st.integers(0, 2**31 - 1), st.integers(0, 10**6))
def test_training_validation_and_held_out_seeds_never_meet(seed: int, boundary: int) -> None:
    assert boundary_seed(seed, boundary) + 1024 < VALIDATION.start
    assert boundary_seed(seed, boundary) in TRAINING
    assert set(validation_seeds(50)) <= set(VALIDATION[:50])
    held_out = held_out_seeds(50, seed)
    assert len(set(held_out)) == 50
    assert all(value in HELD_OUT for value in held_out)
    assert VALIDATION.stop <= HELD_OUT.start
    assert held_out_seeds(20, seed) == held_out[:20]


def test_metrics_are_trimmed_never_doubled(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write_rows(path, [{"seed": 1, "step": step, "iteration": step // 10} for step in (10, 20, 30)])
    with path.open("a") as file:
        file.write('{"seed": 1, "st')
    writer = MetricsWriter(path, 20, vocabulary())
    writer.append({"seed": 1, "step": 30, "iteration": 3, "train/loss": 0.5, "train/explained_variance": float("nan")})
    writer.close()
    assert [row["step"] for row in read_rows(path)] == [10, 20, 30]
    assert "train/explained_variance" not in read_rows(path)[-1]


def test_a_quantity_that_is_not_finite_fails_by_name() -> None:
    with pytest.raises(NonFiniteValue, match=r"train/loss became nan at step 64"):
        checked({"seed": 1, "step": 64, "iteration": 1, "train/loss": float("nan")}, vocabulary())
    with pytest.raises(TrainingFailed, match="train/los : the algorithm logs it and does not say what it means"):
        checked({"train/los ": 1.0}, vocabulary())


def test_what_is_written_of_a_truth_value_is_read_again(tmp_path: Path) -> None:
    writer = MetricsWriter(tmp_path / "metrics.jsonl", 0, vocabulary())
    writer.append({"seed": 1, "step": 64, "iteration": 1, "train/loss": True})
    writer.close()
    assert read_rows(tmp_path / "metrics.jsonl") == [{"seed": 1, "step": 64, "iteration": 1, "train/loss": 1.0}]


def test_rows_of_older_versions_are_read_by_their_present_names(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"seed": 1, "step": 2, "update": 1, "train/loss": 0.5}\n')
    assert read_rows(path) == [{"seed": 1, "step": 2, "iteration": 1, "train/loss": 0.5}]


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"seed": 1, "step": 2}\nnonsense\n{"seed": 1, "step": 3}\n')
    with pytest.raises(DataDamaged, match=r"metrics\.jsonl:2"):
        read_rows(path)


def project_files(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_code_is_followed_through_every_kind_of_import(tmp_path: Path) -> None:
    root = project_files(
        tmp_path,
        {
            "envs/__init__.py": "from envs import a, z\nLIMIT = 3\n",
            "envs/a.py": "from . import b\nfrom .sub.c import thing\nimport envs.d as d\n",
            "envs/b.py": "import numpy\n",
            "envs/sub/__init__.py": "",
            "envs/sub/c.py": "from ..e import x\n",
            "envs/d.py": "",
            "envs/e.py": "x = 1\n",
            "envs/z.py": "",
            "envs/limit.py": "from envs import LIMIT\n",
            "policies/__init__.py": "",
        },
    )
    assert set(hashes_of(root, ["envs.a"])) == {
        f"envs/{name}" for name in ("a.py", "b.py", "sub/__init__.py", "sub/c.py", "d.py", "e.py")
    }
    assert set(hashes_of(root, ["envs.z", "gymnasium.envs.classic_control"])) == {"envs/z.py"}
    assert "envs/__init__.py" in hashes_of(root, ["envs.limit"])


def test_what_cannot_be_followed_counts_as_used(tmp_path: Path) -> None:
    root = project_files(
        tmp_path,
        {
            "envs/__init__.py": "",
            "envs/dynamic.py": "import importlib\nm = importlib.import_module('envs.' + 'hidden')\n",
            "envs/hidden.py": "",
            "envs/levels/one.json": "{}",
            "envs/.dynamic.py.swp": "an editor's",
        },
    )
    found = hashes_of(root, ["envs.dynamic"])
    assert {"envs/hidden.py", "envs/levels/one.json"} <= set(found)
    assert "envs/.dynamic.py.swp" not in found
    check_unchanged(root, found)
    (root / "envs" / "hidden.py").write_text("edited = True")
    with pytest.raises(ConfigError, match=r"envs/hidden\.py: was changed after the configuration was resolved"):
        check_unchanged(root, found)


def test_code_outside_the_packages_is_refused(tmp_path: Path) -> None:
    root = project_files(tmp_path, {"envs/__init__.py": "", "envs/a.py": "import physics\n", "physics.py": ""})
    with pytest.raises(ConfigError, match=r"physics\.py: is used by .* but lies outside"):
        hashes_of(root, ["envs.a"])


PROGRAM = Path(__file__).parents[1] / "data" / "program.py.txt"


def test_the_hash_of_a_program_is_the_same_on_every_python() -> None:
    """Computed on Python 3.11.7, 3.12.1 and 3.13.2 (the latter two are CPython for WebAssembly, from npm's pyodide)."""
    text = PROGRAM.read_bytes()
    assert program_hash(text) == "program-1:7f0d5cbecb8c45cb22b0a2c79ce91320489546c511486efc7bd42dbe203f3211"
    with_docstrings = program_hash(text, docstrings=True)
    assert with_docstrings == "program-1:e937b04275898dc88edb7fc07a58e49a68abd7ce83cabd7f20ff15e21dcb1179"


@pytest.mark.parametrize(
    ("before", "after", "equal"),
    [
        ("x = 1  # one\n", "\n\n# first\nx=1", True),
        (
            "def f(a, b):\n    return g('a', b)\n",
            'def f(\n  a,\n  b,\n):\n  """What."""\n  return (g("a",\n   b,))',
            True,
        ),
        ("class A:\n    pass\n", 'class A:\r\n    """Doc."""\r\n', True),
        ("x = (1,)", "x = (1)", False),
        ("if a:\n    b\nc", "if a:\n    b\n    c", False),
        ("def f(): 'doc'\nx = 1", "def f(): x = 1", False),
        ("x = 1", "x = 1.0", False),
        ("x = 1", "x = True", False),
        ("x = 'a'", "x = b'a'", False),
        ("x = f'{a}'", "x = f'{a!r}'", False),
        ("x = f'{a}b'", "x = f'{a}' 'b'", True),
        ("def f():\n    'a'\nprint(f.__doc__)", "def f():\n    'b'\nprint(f.__doc__)", False),
        ("import inspect\ninspect.getsource(f)", "import inspect\ninspect.getsource(f)  # x", False),
        ("not python at all", "not  python at all", False),
    ],
)
def test_layout_and_comments_are_no_part_of_a_program(tmp_path: Path, before: str, after: str, equal: bool) -> None:
    (tmp_path / "a.py").write_bytes(before.encode())
    (tmp_path / "b.py").write_bytes(after.encode())
    found = [hash_files(tmp_path, [tmp_path / name])[name] for name in ("a.py", "b.py")]
    assert (found[0] == found[1]) is equal
    assert is_unchanged(tmp_path / "b.py", found[0]) is equal


def test_equal_code_keeps_the_hash_of_an_older_version(tmp_path: Path) -> None:
    root = project_files(tmp_path, {"envs/__init__.py": "", "envs/a.py": "x = 1\n"})
    old = atomic.sha256_of(root / "envs" / "a.py")
    assert hashes_of(root, ["envs.a"], {"envs/a.py": {old}}) == {"envs/a.py": old}
    check_unchanged(root, {"envs/a.py": old})
    (root / "envs" / "a.py").write_text("x = 2\n")
    assert hashes_of(root, ["envs.a"], {"envs/a.py": {old}})["envs/a.py"].startswith("program-1:")


def test_renamed_files_count_once_under_their_new_name(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.git("init", "-q")
    for name in ("old.py", "kept.py", "runs/x.json"):
        project.write(name, f"content of {name}\n" * 5)
    project.commit()
    project.git("mv", "old.py", "new name.py")
    project.write("kept.py", "edited\n")
    project.write("runs/x.json", "edited\n")
    assert git_state(tmp_path).dirty == ("kept.py", "new name.py")


def test_comments_and_layout_of_an_environment_change_no_snapshot(project: Project) -> None:
    """The resolve stage starts from nothing after each edit, with torch for the network."""

    def resolve() -> str:
        project.run("python", "-m", "stages.resolve", "bossfight_residual")
        return (project.root / "runs/bossfight_residual/config_snapshot.yaml").read_text()

    before = resolve()
    for name in ("envs/bossfight.py", "policies/residual.py"):
        text = (project.root / name).read_text()
        head, quote, rest = text.partition('"""')
        project.write(name, f"# a note\n{head}{quote}Another docstring. {rest}\n\n\n# the end\n")
    assert resolve() == before
    code = project.root / "envs/bossfight.py"
    by_bytes = before.replace(program_hash(code.read_bytes()) or "", atomic.sha256_of(code))
    assert by_bytes != before
    project.write("runs/bossfight_residual/config_snapshot.yaml", by_bytes)
    assert resolve() == by_bytes, "a hash of an older version that still holds is carried over"
    code.write_text(f"{code.read_text()}\nMORE = 1\n")
    assert resolve() not in (before, by_bytes)
