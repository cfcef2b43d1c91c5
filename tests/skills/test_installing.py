"""`rlx skills install`: what is written where, twice, over what a person changed, and never through a link."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, strategies

from rlx.errors import DataDamaged, DataRefused
from rlx.report.documents import check_document
from rlx.skills import HOSTS, PLAIN, SkillsInstalled, install, plugin_folder
from rlx.skills.hosts import codex_agent
from rlx.skills.plugin import Page, plugin_files
from tests.conftest import REPOSITORY, Project, run

SKILL = ".claude/skills/rlx-autoloop/SKILL.md"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def installed(folder: Path, plugin: Path | None = None, *, force: bool = False) -> SkillsInstalled:
    return install(folder, HOSTS, plugin or plugin_folder(), force=force)


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    return Path(shutil.copytree(plugin_folder(), tmp_path / "plugin"))


def states(done: SkillsInstalled) -> dict[str, str]:
    return {file.path: file.state for file in done.files}


def test_both_programs_find_all_skills_and_agents(tmp_path: Path) -> None:
    done = installed(tmp_path)
    found = contents(tmp_path)
    assert set(states(done).values()) == {"written"}
    for place in (".claude/skills", ".agents/skills"):
        assert sum(name.startswith(f"{place}/") for name in found) == 24
    assert found[SKILL] == (REPOSITORY / "plugins/rlx/skills/rlx-autoloop/SKILL.md").read_bytes()
    assert (
        found[".claude/agents/reward-reviewer.md"]
        == (REPOSITORY / "plugins/rlx/agents/reward-reviewer.md").read_bytes()
    )
    agents = {name: tomllib.loads(text.decode()) for name, text in found.items() if name.startswith(".codex/agents/")}
    assert len(agents) == 3
    for name, agent in agents.items():
        assert set(agent) == {"name", "description", "developer_instructions"}
        assert agent["name"] == Path(name).stem
        assert agent["developer_instructions"].startswith("# ")
        assert "tools:" not in agent["developer_instructions"]


def test_the_plugin_itself_is_copied_whole(tmp_path: Path) -> None:
    install(tmp_path, {"plugin": PLAIN}, plugin_folder())
    found = contents(tmp_path)
    found.pop("rlx-skills.json")
    assert found == {name: path.read_bytes() for name, path in plugin_files(plugin_folder()).items()}


def test_installing_twice_changes_nothing(tmp_path: Path) -> None:
    installed(tmp_path)
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*") if path.is_file()}
    assert set(states(installed(tmp_path)).values()) == {"same"}
    assert {path: path.stat().st_ino for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_newer_plugin_replaces_its_own_files_and_keeps_a_persons(tmp_path: Path, plugin: Path) -> None:
    target = tmp_path / "project"
    installed(target, plugin)
    for skill in ("rlx-autoloop", "rlx-dr-probe"):
        path = plugin / "skills" / skill / "SKILL.md"
        path.write_text(path.read_text() + "\nnewer\n")
    shutil.rmtree(plugin / "skills" / "rl-task-audit")
    shutil.rmtree(plugin / "skills" / "rl-experiment-plan")
    edited = target / SKILL
    edited.write_text(edited.read_text() + "\nmine\n")
    (target / ".claude/skills/rl-experiment-plan/SKILL.md").write_text("mine")
    found = states(installed(target, plugin))
    assert found[SKILL] == "kept"
    assert edited.read_text().endswith("\nmine\n")
    assert found[".claude/skills/rlx-dr-probe/SKILL.md"] == "updated"
    assert found[".claude/skills/rl-task-audit/SKILL.md"] == "removed"
    assert not (target / ".claude/skills/rl-task-audit").exists()
    assert (target / ".claude/skills/rl-experiment-plan/SKILL.md").read_text() == "mine"
    assert states(installed(target, plugin))[SKILL] == "kept"
    assert states(installed(target, plugin, force=True))[SKILL] == "updated"
    assert set(states(installed(target, plugin)).values()) == {"same"}


def test_what_a_killed_install_left_is_deleted(tmp_path: Path) -> None:
    installed(tmp_path)
    agents = tmp_path / ".claude/agents"
    left, busy, mine = (agents / f".reward-reviewer.md.{end}" for end in ("ab12_xyz.md", "ab12_xyy.md", "swp"))
    for path in (left, busy, mine):
        path.write_text("---")
    for path in (left, mine):
        os.utime(path, (1, 1))
    installed(tmp_path)
    assert [path.exists() for path in (left, busy, mine)] == [False, True, True]


def test_a_file_that_was_there_before_is_a_persons(tmp_path: Path) -> None:
    (tmp_path / SKILL).parent.mkdir(parents=True)
    (tmp_path / SKILL).write_text("mine")
    assert states(installed(tmp_path))[SKILL] == "kept"
    assert states(installed(tmp_path))[SKILL] == "kept"
    assert (tmp_path / SKILL).read_text() == "mine"


@pytest.mark.parametrize(
    "link", [".claude", ".claude/skills", ".claude/skills/rlx-dr-probe", SKILL, ".claude/rlx-skills.json"]
)
def test_nothing_is_written_through_a_link(tmp_path: Path, link: str) -> None:
    target, outside = tmp_path / "project", tmp_path / "outside"
    (target / link).parent.mkdir(parents=True)
    outside.mkdir()
    (outside / "file").write_text("theirs")
    (target / link).symlink_to(outside / "file" if "." in Path(link).name[1:] else outside)
    with pytest.raises(DataRefused, match="is a link to"):
        installed(target, force=True)
    assert contents(outside) == {"file": b"theirs"}
    assert not (target / ".agents").exists()


@pytest.mark.parametrize(
    ("there", "says"), [(".claude/skills", "is no folder"), (f"{SKILL}/folder/file", "is no file")]
)
def test_what_is_in_the_way_is_named_and_nothing_written(tmp_path: Path, there: str, says: str) -> None:
    (tmp_path / there).parent.mkdir(parents=True)
    (tmp_path / there).write_text("theirs")
    with pytest.raises(DataRefused, match=says):
        installed(tmp_path, force=True)
    assert contents(tmp_path) == {there: b"theirs"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": {"a": 1}}', '{"files": []}', "\xff"])
def test_a_damaged_note_is_refused_with_its_cure(tmp_path: Path, text: str) -> None:
    installed(tmp_path)
    (tmp_path / ".claude/rlx-skills.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataDamaged, match="Delete it"):
        installed(tmp_path)


@pytest.mark.parametrize("named", ["params.yaml", ".claude/settings.json"])
def test_a_note_cannot_have_other_files_deleted(tmp_path: Path, named: str) -> None:
    installed(tmp_path)
    (tmp_path / named).write_text("theirs")
    note(tmp_path, named)
    assert "removed" not in states(installed(tmp_path)).values()
    assert (tmp_path / named).read_text() == "theirs"


def test_a_note_leads_nowhere_else(tmp_path: Path) -> None:
    target = tmp_path / "project"
    installed(target)
    (tmp_path / "victim").write_text("theirs")
    note(target, ".claude/skills/../../../victim")
    with pytest.raises(DataRefused, match="leads out"):
        installed(target)
    assert (tmp_path / "victim").read_text() == "theirs"


def note(folder: Path, named: str) -> None:
    """Note that a file was installed as it is."""
    path = folder / ".claude/rlx-skills.json"
    content = json.loads(path.read_text())
    content["files"][named] = hashlib.sha256(b"theirs").hexdigest()
    path.write_text(json.dumps(content))


def test_the_command_says_what_it_did(project: Project) -> None:
    done = project.rlx("skills", "install", "--claude")
    assert "27 written" in done.stdout
    assert not (project.root / ".agents").exists()
    (project.root / SKILL).write_text("mine")
    again = project.rlx("skills", "install", "--claude", check=False)
    assert again.returncode == 1
    assert f"kept    {SKILL}" in again.stdout
    assert "--force" in again.stdout
    assert max(map(len, (done.stdout + again.stdout).splitlines())) <= 80
    told = project.rlx("skills", "install", "--claude", "--force", "--json").stdout
    check_document("skills install", told)
    assert {"path": SKILL, "state": "updated"} in json.loads(told)["files"]


def test_outside_a_project_a_folder_must_be_named(tmp_path: Path) -> None:
    done = run(["rlx", "skills", "install"], tmp_path)
    assert done.returncode == 4
    assert "`rlx skills install --to DIR`" in " ".join(done.stdout.split())
    assert run(["rlx", "skills", "install", "--codex", "--to", "there"], tmp_path).returncode == 0
    assert (tmp_path / "there/.agents/skills/rlx-autoloop/SKILL.md").is_file()
    (tmp_path / "file").write_text("")
    assert run(["rlx", "skills", "install", "--to", "file"], tmp_path).returncode == 2


@given(strategies.text(), strategies.text())
def test_agents_in_toml_keep_every_letter(description: str, body: str) -> None:
    page = Page("agents/x.md", {"name": "x", "description": description}, body, 5)
    found = tomllib.loads(codex_agent(page))
    assert found["description"] == description
    assert found["developer_instructions"] == f"{body}\n"
