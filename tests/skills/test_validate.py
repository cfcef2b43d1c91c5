"""The release gate: what ships passes, and every kind of damage is found at its place."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from rlx.cli import cli
from rlx.errors import Problem
from rlx.skills import plugin_folder, validate
from rlx.skills.manifests import manifest_problems
from rlx.skills.named_commands import command_problems, named_commands
from rlx.skills.plugin import Page
from rlx.skills.roster import AGENTS, ALIASES, MOST_DESCRIPTIONS, SKILLS
from rlx.skills.rules import frontmatter_problems, length_problems, read_plugin
from rlx.skills.validate import GateCheck, main, toy_study
from tests.conftest import REPOSITORY

LOOP = "skills/rlx-autoloop/SKILL.md"
SHIPPED, _ = read_plugin(plugin_folder())


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    return Path(shutil.copytree(plugin_folder(), tmp_path / "plugin"))


def found(plugin: Path) -> list[str]:
    """Return what is wrong with a plugin's pages."""
    pages, unread = read_plugin(plugin)
    changed = {name: page for name, page in pages.items() if page != SHIPPED[name]}
    named = [problem for name, page in changed.items() for problem in command_problems(name, page, cli)]
    return [str(each) for each in (*unread, *frontmatter_problems(pages), *length_problems(pages), *named)]


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_what_ships_is_whole() -> None:
    assert len(SKILLS) == 20
    assert len(ALIASES) == 4
    assert len(AGENTS) == 3
    assert set(SHIPPED) == {*SKILLS, *ALIASES, *AGENTS}
    assert found(plugin_folder()) == []
    assert manifest_problems(plugin_folder(), REPOSITORY) == []


def test_the_gate_passes_as_it_is() -> None:
    done = CliRunner().invoke(main, [])
    assert done.exit_code == 0, done.output
    assert [line[6:] for line in done.output.splitlines() if line.startswith("ok")] == [
        *("files", "frontmatter", "length", "manifests", "commands", "launching", "toy study")
    ]


def test_the_gate_ends_with_1_where_a_check_found_something(monkeypatch: pytest.MonkeyPatch) -> None:
    for checks, end in (
        ([GateCheck("files")], 0),
        ([GateCheck("files", (Problem("x", 1, None, "", "is wrong"),)), GateCheck("length")], 1),
    ):
        monkeypatch.setattr(validate, "gate", lambda *_, found=checks: found)
        assert CliRunner().invoke(main, []).exit_code == end


def test_each_skill_says_when_to_stop() -> None:
    for name in (*SKILLS, *AGENTS):
        assert re.search(r"^## (Stop|Must not)", SHIPPED[name].body, re.MULTILINE), name
        assert "Use " in SHIPPED[name].description


DAMAGES: list[tuple[str, Callable[[Path], None], str]] = [
    ("no frontmatter", lambda path: path.write_text("# Loop\n"), rf"{LOOP}:1: has no frontmatter"),
    ("open frontmatter", lambda path: path.write_text("---\nname: x\n"), rf"{LOOP}:1: has no frontmatter"),
    ("bad YAML", lambda path: change(path, "license: ", "license: a: "), rf"{LOOP}:2: the frontmatter is no YAML"),
    ("a list", lambda path: path.write_text("---\n- a\n---\ntext\n"), rf"{LOOP}:2: the frontmatter is no mapping"),
    ("no UTF-8", lambda path: path.write_bytes(b"---\n\xff\n---\n"), rf"{LOOP}: is not UTF-8"),
    ("missing", Path.unlink, rf"{LOOP}: is missing"),
    ("another name", lambda path: change(path, "name: rlx-autoloop", "name: rlx-loop"), "name: is 'rlx-loop'"),
    ("long description", lambda path: change(path, 'description: "', 'description: "' + "x" * 160), "more than 160"),
    ("no description", lambda path: change(path, "description: ", "descriptions: "), "description: is missing"),
    ("allowed-tools", lambda path: change(path, "license:", "allowed-tools: Bash\nlicense:"), "restricts nothing"),
    ("another key", lambda path: change(path, "license:", "model: x\nlicense:"), "model: is none of"),
    ("metadata", lambda path: change(path, "package: rlx", "package: 3"), "metadata: is no mapping of texts"),
    ("long body", lambda path: path.write_text(path.read_text() + "more\n" * 60), "lines of text, more than 60"),
    (
        "unknown command",
        lambda path: path.write_text(path.read_text() + "\n`rlx lsx --json`\n"),
        "no command `rlx lsx`",
    ),
    ("unknown option", lambda path: path.write_text(path.read_text() + "\n`rlx ls --jsno`\n"), "has no option --jsno"),
    (
        "a command below",
        lambda path: path.write_text(path.read_text() + "\n`rlx skills remove`\n"),
        "no command `rlx skills remove`",
    ),
    ("training", lambda path: path.write_text(path.read_text() + "\n`rlx train cartpole`\n"), "starts something"),
    (
        "in prose",
        lambda path: path.write_text(path.read_text() + "\nNow use rlx train to train.\n"),
        "starts something",
    ),
    (
        "after another",
        lambda path: path.write_text(path.read_text() + "\n`git log && rlx train x`\n"),
        "starts something",
    ),
    ("in a block", lambda path: path.write_text(path.read_text() + "\n```\nrlx train x\n```\n"), "starts something"),
    ("a pipe", lambda path: path.write_text(path.read_text() + "\n```sh\nrlx ls|xargs rm\n```\n"), "none of the"),
    ("a span over lines", lambda path: path.write_text(path.read_text() + "\n`rlx\ntrain`\n"), "starts something"),
    ("sweep", lambda path: path.write_text(path.read_text() + "\n```bash\nrlx sweep x\n```\n"), "starts something"),
    ("dvc", lambda path: path.write_text(path.read_text() + "\n`dvc repro`\n"), "beside the gate"),
    ("another program", lambda path: path.write_text(path.read_text() + "\n```bash\nbash x.sh\n```\n"), "none of the"),
    (
        "approving",
        lambda path: path.write_text(path.read_text() + "\n```bash\nrlx promote cartpole_001\n```\n"),
        "a person's to type",
    ),
    ("answering", lambda path: path.write_text(path.read_text() + "\n`rlx advisor run RUN --yes`\n"), "answers for"),
]


@pytest.mark.parametrize(("damage", "says"), [pytest.param(*row[1:], id=row[0]) for row in DAMAGES])
def test_damage_of_a_skill_is_found(plugin: Path, damage: Callable[[Path], None], says: str) -> None:
    damage(plugin / LOOP)
    told = found(plugin)
    assert any(re.search(says, line) for line in told), told
    assert all(line.startswith(LOOP) for line in told), told


@pytest.mark.parametrize(
    ("name", "line"),
    [("rlx-analyze-run", "rlx study run --execute"), ("rlx-dr-design", "rlx study probe RUN --execute")],
)
def test_a_skill_starts_only_what_its_row_allows(plugin: Path, name: str, line: str) -> None:
    """The loop may run rounds, and analysing may not; a dry plan is everybody's."""
    path = plugin / "skills" / name / "SKILL.md"
    path.write_text(path.read_text() + f"\n`{line}`\n`{line.removesuffix(' --execute')}`\n")
    (told,) = found(plugin)
    assert f"and {name} is not to" in told


def test_an_agent_without_writing_tools_stays_so(plugin: Path) -> None:
    path = plugin / "agents/reward-reviewer.md"
    change(path, "tools: Read", "tools: Write, Read")
    (told,) = found(plugin)
    assert "tools: has Write" in told
    change(path, "tools: Write, Read, Grep, Glob\n", "")
    assert {line.split(": ", 1)[1] for line in found(plugin)} == {
        "tools: is missing",
        "tools: names no tools, and an agent without a list has all of them",
    }


def test_what_is_not_in_the_roster_is_named(plugin: Path) -> None:
    (plugin / "skills/rlx-more").mkdir()
    (plugin / "skills/rlx-more/SKILL.md").write_text("---\nname: rlx-more\n---\ntext\n")
    (plugin / "agents/more.md").write_text("")
    assert [line.partition(":")[0] for line in found(plugin)] == ["agents/more.md", "skills/rlx-more/SKILL.md"]


def test_an_alias_is_short_and_descriptions_are_few(plugin: Path) -> None:
    alias = plugin / "skills/rl-task-audit/SKILL.md"
    alias.write_text(alias.read_text() + "more\nmore\n")
    (told,) = found(plugin)
    assert "more than 5" in told
    pages = {str(index): Page("x", {"description": "y" * 160}, "", 1) for index in range(MOST_DESCRIPTIONS // 160 + 1)}
    assert "all together" in str(frontmatter_problems(pages)[-1])


def test_commands_are_found_with_their_lines() -> None:
    body = "# Loop\n\n1. Say `rlx ls --json`, `x` and\n\n   ```bash\n   $ rlx info \\\n     RUN  # facts\n   ```\n\n```yaml\nrlx: train\n```"
    found = [(" ".join(named.words), named.line, named.typed) for named in named_commands(Page("x", {}, body, 10))]
    assert sorted(found, key=lambda row: row[1]) == [
        ("rlx ls --json", 12, False),
        ("x", 12, False),
        ("rlx info RUN", 15, True),
    ]


def test_commands_and_options_that_are_not_there_are_found() -> None:
    """With a group `study` that has only `status`, all else that skills say is wrong."""

    @click.group()
    def tree() -> None: ...

    @tree.group()
    def study() -> None: ...

    @study.command()
    @click.option("--json", is_flag=True)
    def status() -> None: ...

    page = Page("x", {}, "`rlx study status --json` `rlx study status --wtach` `rlx study run` `rlx research RUN`", 1)
    told = [str(problem) for problem in command_problems("rlx-autoloop", page, tree)]
    assert len(told) == 3
    assert "has no option --wtach" in told[0]
    assert "there is no command `rlx study run`" in told[1]
    assert "there is no command `rlx research`" in told[2]


def test_a_command_that_cannot_be_imported_is_named() -> None:
    class Broken(click.Group):
        def list_commands(self, ctx: click.Context) -> list[str]:
            return ["ls"]

        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
            raise ImportError("no module")

    page = Page("x", {}, "`rlx ls --json`", 1)
    (told,) = command_problems("rlx-autoloop", page, Broken())
    assert "the command 'ls' cannot be imported: no module" in str(told)


def edit(path: Path, **changes: object) -> None:
    content = json.loads(path.read_text())
    for key, value in changes.items():
        place = content
        *above, last = key.split("__")
        for part in above:
            place = place[int(part) if part.isdigit() else part]
        place[last] = value
    path.write_text(json.dumps(content))


MANIFESTS = [
    (".claude-plugin/plugin.json", {"version": "9"}, "version: is '9'"),
    (".claude-plugin/plugin.json", {"name": "x"}, "name: is 'x'"),
    (".codex-plugin/plugin.json", {"skills": "../skills"}, "skills: is"),
    (".codex-plugin/plugin.json", {"skills": "./nowhere/"}, "skills: is"),
    (".codex-plugin/plugin.json", {"interface__defaultPrompt": ["a"] * 4}, "4 prompts"),
    (".codex-plugin/plugin.json", {"interface__defaultPrompt": ["a" * 129]}, "129 characters"),
    (".codex-plugin/plugin.json", {"interface": None}, "interface: is no mapping"),
    (".claude-plugin/marketplace.json", {"owner": {}}, "owner: has no name"),
    (".claude-plugin/marketplace.json", {"plugins": []}, "does not list the plugin"),
    (".claude-plugin/marketplace.json", {"plugins__0__source": "./plugins"}, "plugins.source: is './plugins'"),
    (".agents/plugins/marketplace.json", {"plugins__0__source__path": "../rlx"}, "plugins.source: is '../rlx'"),
    (".agents/plugins/marketplace.json", {"plugins__0__policy": {}}, "plugins.policy: does not say"),
]


@pytest.mark.parametrize(("file", "changes", "says"), MANIFESTS)
def test_damage_of_a_manifest_is_found(tmp_path: Path, file: str, changes: dict[str, object], says: str) -> None:
    for folder in (".claude-plugin", ".agents", "plugins"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder)
    plugin = tmp_path / "plugins/rlx"
    path = plugin / file if file.endswith("/plugin.json") else tmp_path / file
    edit(path, **changes)
    (told,) = manifest_problems(plugin, tmp_path)
    assert str(told).startswith(file)
    assert says in str(told)
    path.write_text("{")
    assert "is no JSON" in str(manifest_problems(plugin, tmp_path)[0])
    path.unlink()
    assert "is missing" in str(manifest_problems(plugin, tmp_path)[0])


def test_what_a_toy_study_finds_wrong_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert toy_study() == GateCheck("toy study")
    monkeypatch.setattr(validate, "TOY", "tests.skills.no_such_study")
    assert "no_such_study" in str(toy_study().problems[0])
