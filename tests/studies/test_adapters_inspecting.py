"""A look at a foreign repository: what its source says is drafted, what it does not say is `unknown`, and nothing runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from rlx.errors import Missing
from rlx.studies import Inspection, inspect_repository, problems, read_adapter
from rlx.studies.adapters.source_facts import python_facts
from tests.studies.foreign_repositories import git, repository


def made(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "all")
    return folder


def drafted(tmp_path: Path, found: Inspection) -> Any:
    path = tmp_path / "adapter.yaml"
    path.write_text(found.adapter)
    return read_adapter(path)


def unknown(adapter: Any) -> list[str]:
    return [told.partition(":")[0] for told in problems(adapter)]


def test_one_file_with_a_command_line(tmp_path: Path) -> None:
    commit = repository("cleanrl_form", tmp_path / "theirs")
    found = inspect_repository(tmp_path / "theirs", tmp_path)
    adapter = drafted(tmp_path, found)
    assert adapter.repository.path == "theirs"
    assert adapter.repository.commit == commit == found.commit
    assert adapter.train.command == [
        "python",
        "{worktree}/ppo.py",
        "{overrides}",
        "--seed={seed}",
        "--total-timesteps={steps}",
        "--eval-episodes={episodes}",
        "--eval-seed={list_seed}",
    ]
    assert adapter.evaluate is None  # it plays at its end
    assert adapter.train.folder == "out"  # it has no argument for where it writes
    assert adapter.train.overrides.style == "tyro"
    assert (adapter.train.steps.format, adapter.train.steps.field) == ("tensorboard", "step")
    assert adapter.learning.metrics == {"return": "charts/episodic_return"}
    assert "train.timeout" in unknown(adapter)
    assert not [place for place in unknown(adapter) if place.startswith(("train.command", "train.steps", "learning"))]
    assert "- ppo.py:" in found.card
    assert found.hint == "generic"


def test_console_scripts(tmp_path: Path) -> None:
    repository("uv_form", tmp_path / "theirs")
    found = inspect_repository(tmp_path / "theirs", tmp_path)
    adapter = drafted(tmp_path, found)
    assert adapter.train.command[0] == "train"
    assert {"--seed={seed}", "--log-dir={out}"} <= set(adapter.train.command)
    assert "--iterations={steps}" in adapter.train.command
    assert "train.steps.unit" in unknown(adapter)  # it counts iterations, and does not say of how many steps
    assert adapter.evaluate.command == ["play", "--num-episodes={episodes}", "--seed={list_seed}"]
    assert re.search(r"- walker/task\.py:[0-9]+ `reward_terms`", found.card)
    assert "is_terminated" in found.card
    assert "- `train`: `walker.train:main`" in found.card


HINTED = {
    "mjlab": {
        "pyproject.toml": '[project]\nname = "my_robot"\ndependencies = ["mjlab>=1.0", "torch"]\n',
        "uv.lock": "",
        "src/my_robot/rewards.py": "class Upright:\n    pass\n\nterm = RewardTermCfg(func=None, weight=1.0)\n",
    },
    "holosoma": {
        "src/holosoma/holosoma/train_agent.py": "import tyro\n\nif __name__ == '__main__':\n    tyro.cli(object)\n"
    },
    "generic": {"README.md": "nothing here\n"},
}


@pytest.mark.parametrize("hint", HINTED)
def test_hints_are_chosen_by_what_a_repository_has(tmp_path: Path, hint: str) -> None:
    found = inspect_repository(made(tmp_path / "theirs", HINTED[hint]), tmp_path)
    adapter = drafted(tmp_path, found)
    assert found.hint == hint
    assert "train.timeout" in unknown(adapter)
    if hint != "generic":
        assert adapter.train.overrides.style == "tyro"
        assert {"train.steps.unit", "train.steps.rounding"} <= set(unknown(adapter))
        assert "# Note:" in found.adapter
    else:
        assert adapter.train.command[0] == "unknown"
        assert "unknown: nothing in the source is called like it" in found.card


def test_hydra_and_argparse_are_told_apart(tmp_path: Path) -> None:
    hydra = "import hydra\n\n@hydra.main(config_path='conf')\ndef main(cfg): ...\n\nif __name__ == '__main__':\n    main()\n"
    found = drafted(tmp_path, inspect_repository(made(tmp_path / "one", {"scripts/train.py": hydra}), tmp_path))
    assert found.train.overrides.style == "hydra"
    assert "unknown={seed}" in found.train.command
    argparse = (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('-s', '--random_seed')\n"
        "p.add_argument('--num_timesteps')\np.add_argument('--output-dir')\nif __name__ == '__main__':\n    p.parse_args()\n"
    )
    found = drafted(tmp_path, inspect_repository(made(tmp_path / "other", {"train.py": argparse}), tmp_path))
    assert found.train.overrides.style == "argparse"
    assert found.train.command == [
        "python",
        "train.py",
        "{overrides}",
        "--random_seed={seed}",
        "--num_timesteps={steps}",
        "--output-dir={out}",
    ]


def test_nothing_of_a_repository_is_run_or_believed(tmp_path: Path) -> None:
    evil = (
        "import argparse, pathlib\npathlib.Path('pwned').touch()\nraise SystemExit\nif __name__ == '__main__': pass\n"
    )
    files = {
        "train.py": evil,
        "conftest.py": evil,
        "setup.py": evil,
        "broken.py": "def (",
        "nul.py": "x = 1\0",
        "deep.py": "(" * 5000 + ")" * 5000,
        "evil`\x1b[2J.py": "class Reward: ...\n",
        "pyproject.toml": "[project\n",
        ".gitmodules": "",
    }
    theirs = made(tmp_path / "theirs", files)
    (theirs / "link.py").symlink_to("/etc/passwd")
    hook = theirs / ".git" / "hooks" / "post-checkout"
    hook.write_text("#!/bin/sh\ntouch pwned\n")
    hook.chmod(0o755)
    found = inspect_repository(theirs, tmp_path, help_timeout=30)
    assert not list(tmp_path.rglob("pwned"))  # `--help` ran in a worktree that is gone, and no hook did
    assert "\x1b" not in found.card + found.adapter
    assert "- broken.py:1 `is not Python that can be read`" in found.card
    assert "submodules" in found.card
    assert "evil'" in found.card
    drafted(tmp_path, found)


def test_help_is_run_only_when_asked_and_adds_what_it_lists(tmp_path: Path) -> None:
    source = (
        "import argparse\np = argparse.ArgumentParser()\nfor n in ('seed', 'total-steps', 'logdir'):\n"
        "    p.add_argument('--' + n)\nif __name__ == '__main__':\n    p.parse_args()\n"
    )
    theirs = made(tmp_path / "theirs", {"train.py": source})
    without = drafted(tmp_path, inspect_repository(theirs, tmp_path))
    assert "--unknown={seed}" in without.train.command
    found = inspect_repository(theirs, tmp_path, help_timeout=60)
    assert drafted(tmp_path, found).train.command[2:] == [
        "{overrides}",
        "--seed={seed}",
        "--total-steps={steps}",
        "--logdir={out}",
    ]
    assert "lists 4 options" in found.card
    assert len(git(theirs, "worktree", "list").splitlines()) == 1


def test_a_folder_that_is_no_repository_is_told(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    with pytest.raises(Missing, match="is not a Git repository"):
        inspect_repository(tmp_path / "theirs", tmp_path)
    git(tmp_path / "theirs", "init", "-q")
    with pytest.raises(Missing, match="has no commit"):
        inspect_repository(tmp_path / "theirs", tmp_path)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_source_is_read_or_said_not_to_be(content: bytes) -> None:
    for fact in python_facts("x.py", content):
        assert fact.line >= 1
