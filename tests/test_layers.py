"""The layers of DESIGN: imports point one way, pure modules stay pure, and nothing imports in circles."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "rlx"
PURE = {"rlx", "errors", "config", "stats", "comparison", "diagnosis", "wording", "containment", "reading", "restoring"}
LAYERS: list[set[str]] = [
    {"rlx", "errors", "atomic", "compiled", "threads", "containment", "reading", "archives", "watch", "processes", "signals", "surroundings", "restoring"},
    {"config", "stats", "comparison", "diagnosis", "wording"},
    {"destination", "closing", "episodes", "failures", "terminal", "tools", "streams", "project", "project_code", "source_hashes", "live", "live_notes", "dvc_cache", "reset_seeds", "normalization", "metrics", "envs", "env_wrappers", "space_facts", "space_wrappers", "observation_wrappers", "value_checks", "global_generators", "environment_facts", "project_data", "environment_misfits", "reward_components", "success", "vector_envs", "policies", "algorithms",
     "checkpoints", "actors", "results", "metadata_shape", "tensorboard_log"},
    {"evaluation", "training", "held_out", "held_out_play", "playing", "film_writing", "filming", "shooting", "video", "runs", "run_state", "elsewhere", "bench", "workers", "worker_pool", "worker_process", "progress", "inheritance", "seeds", "environment_trial", "environment_probe", "environment_check", "environment_notices", "watched_data", "resolving"},
    {"experiments", "references", "checkpoint_references", "labels", "run_index", "catalogue", "row_filter", "sweeps", "plots", "run_metrics", "metric_pictures", "interactive_curves", "report", "template", "known", "creation", "doctor"},
    {"entry", "cli"},
]  # fmt: skip


def modules() -> dict[str, Path]:
    names = {}
    for path in SOURCE.rglob("*.py"):
        if "template" in path.relative_to(SOURCE).parts[:1]:
            continue
        parts = ["rlx", *path.relative_to(SOURCE).with_suffix("").parts]
        names[".".join(parts).removesuffix(".__init__")] = path
    return names


def imports(name: str, path: Path, known: set[str]) -> set[str]:
    """Modules of rlx that a module imports when it runs (what only type checkers import does not count)."""
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    checking = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in checking:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {
                f"{node.module}.{alias.name}" if f"{node.module}.{alias.name}" in known else node.module
                for alias in node.names
            }
    return found


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "rlx"


def layer(module: str) -> int:
    found = [index for index, rooms in enumerate(LAYERS) if room(module) in rooms]
    assert found, f"{module} has no layer: add it to LAYERS where it belongs"
    return found[0]


def graph() -> dict[str, set[str]]:
    known = modules()
    return {
        name: {i for i in imports(name, path, set(known)) if i.split(".")[0] == "rlx"} for name, path in known.items()
    }


def test_imports_point_down() -> None:
    upward = [f"{name} imports {used}" for name, uses in graph().items() for used in uses if layer(used) > layer(name)]
    assert not upward


def test_pure_modules_import_neither_torch_nor_dvc() -> None:
    known = modules()
    heavy = {"torch", "dvc", "gymnasium", "stable_baselines3", "git", "subprocess", "matplotlib", "pandas"}
    guilty = [
        f"{name} imports {used}"
        for name, path in known.items()
        if room(name) in PURE
        for used in imports(name, path, set(known))
        if used.split(".")[0] in heavy or (used.startswith("rlx") and room(used) not in PURE)
    ]
    assert not guilty


def test_only_two_rooms_talk_to_git_and_dvc() -> None:
    known = modules()
    guilty = [
        name
        for name, path in known.items()
        if room(name) not in ("experiments", "tools", "compiled")  # the last starts Python, to compile
        and any(used.split(".")[0] in ("dvc", "git", "subprocess") for used in imports(name, path, set(known)))
    ]
    assert not guilty


def test_no_import_circles() -> None:
    edges, done, path = graph(), set(), []

    def visit(module: str) -> None:
        if module in path:
            pytest.fail(" → ".join([*path[path.index(module) :], module]))
        if module in done or module not in edges:
            return
        path.append(module)
        for used in sorted(edges[module]):
            visit(used)
        path.pop()
        done.add(module)

    for module in edges:
        visit(module)


@pytest.mark.parametrize(
    "statement", ["import rlx", "import rlx.cli; rlx.cli.cli.get_help(__import__('click').Context(rlx.cli.cli))"]
)
def test_start_up_is_light(statement: str) -> None:
    heavy = "torch dvc gymnasium matplotlib pandas stable_baselines3 pydantic scipy numpy numba".split()
    code = f"{statement}; import sys; print([name for name in {heavy} if name in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
