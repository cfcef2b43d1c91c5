"""What installed packages add: each kind is used for real, and a broken one costs a line where it was asked for."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rlx.config import ForeignAlgorithm, Plugin, RunConfig, Snapshot, compose_run, plugins, read_parameters
from rlx.config.schema import OWN_EXECUTORS
from rlx.diagnosis import Rule, RunRecord, diagnose
from rlx.errors import ConfigError, PluginBroken, UsageError
from rlx.experiments import SAMPLERS, more_rules, plan, read_sweep
from rlx.experiments.sweeps.samplers import GridSampler
from rlx.launch import EXECUTORS, ExecutorRow, Failure, Progress, Task, Terms, carry_out, executor
from rlx.launch.task import Events, write_event
from rlx.launch.task_command import run_task
from rlx.records import fingerprint
from rlx.report import plugin_packages
from rlx.report.doctor import additions
from rlx.training import chosen_executor
from rlx.training.seeds import train_run
from tests.conftest import REPOSITORY, Project
from tests.launch.test_environments_die import SAID, project_of

TOY = '''
import json, os, subprocess
import click
from rlx.diagnosis import Detection, Rule
from rlx.experiments import SamplerRow
from rlx.launch import ExecutorRow, Sight


class Commands:
    """Runs the command of each task; loses the first of those that are told to be lost."""

    pause, tries = 0.05, 3

    def __init__(self, terms):
        self.running, self.cancelled = {}, []

    def attach(self, tasks):
        return set()

    def submit(self, tasks):
        for task in tasks:
            handle = task.folder / "handle.json"
            lost = task.arguments.get("lose") and not handle.exists()
            with (task.folder / "said.txt").open("a") as log:
                self.running[task.key] = subprocess.Popen(task.command, stdout=log, stderr=log)
            handle.write_text(json.dumps({"backend": "toy", "pid": self.running[task.key].pid}))
            if lost:
                self.running[task.key].kill()

    def look(self):
        return {
            key: Sight("running" if process.poll() is None else "gone", f"exit code {process.poll()}", "here")
            for key, process in self.running.items()
        }

    def cancel(self, keys):
        self.cancelled += keys
        for key in keys:
            self.running[key].kill()
            self.running[key].wait()

    def close(self):
        for process in self.running.values():
            process.wait()


class Every:
    def __init__(self, choices):
        self.choices = choices

    def ask(self, number):
        (key, values), = self.choices.items()
        return {key: values[::-2][number]} if number < len(values[::-2]) else None

    def tell(self, number, value):
        pass


@click.command("greet")
@click.argument("name")
def greet(name):
    """Greet NAME."""
    click.echo(f"hello {name}")


def check(signals):
    return Detection(f"there are {len(signals.seeds)} seeds", ())


EXECUTOR = ExecutorRow("commands", "The commands of tasks.", Commands)
SAMPLER = SamplerRow("every", "Every second value from the last on.", Every)
RULE = Rule("counted-seeds", "Seeds were counted", "To test.", "tests", check)


def work(folder, arguments, emit):
    emit(f"begins {arguments['number']}")
    how = arguments["how"]
    if how == "raise":
        raise ValueError("no")
    if how == "exit":
        os._exit(7)
    if how == "sysexit":
        raise SystemExit(0)
    if arguments.get("wait"):
        import time
        time.sleep(600)
    (folder / "done.json").write_text(json.dumps({"twice": 2 * arguments["number"]}))
'''
ENTRIES = {
    "rlx.executors": {"commands": "rlx_toy:EXECUTOR", "nowhere": "rlx_nowhere:EXECUTOR", "odd": "rlx_toy:greet"},
    "rlx.samplers": {"every": "rlx_toy:SAMPLER", "nowhere": "rlx_nowhere:SAMPLER", "odd": "rlx_toy:RULE"},
    "rlx.rules": {"counted": "rlx_toy:RULE", "nowhere": "rlx_nowhere:RULE", "odd": "rlx_toy:SAMPLER"},
    "rlx.commands": {
        "greet": "rlx_toy:greet",
        "nowhere": "rlx_nowhere:greet",
        "odd": "rlx_toy:RULE",
        "ls": "rlx_toy:greet",
    },
}
BROKEN = "of the package rlx-toy 1.2 cannot be used: "
CURE = "upgrade that package, or `pip uninstall rlx-toy`"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `rlx-toy`, installed for this process and those it starts."""
    site = tmp_path / "site"
    info = site / "rlx_toy-1.2.dist-info"
    info.mkdir(parents=True)
    (site / "rlx_toy.py").write_text(TOY)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rlx-toy\nVersion: 1.2\n")
    groups = (
        f"[{group}]\n" + "".join(f"{name} = {at}\n" for name, at in names.items()) for group, names in ENTRIES.items()
    )
    (info / "entry_points.txt").write_text("\n".join(groups))
    monkeypatch.syspath_prepend(site)
    paths = [str(site), str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.setattr("rlx.config.plugin._said", set())
    return site


def rlx(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `rlx` in a process of its own, where the package is installed."""
    command = [sys.executable, "-c", "from rlx.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=folder, text=True, capture_output=True, check=False, timeout=300)


def test_names_are_known_without_importing_anything(installed: Path) -> None:
    assert "rlx_toy" not in sys.modules
    assert set(plugins("rlx.executors")) >= {"commands", "nowhere", "odd"}
    assert plugins("rlx.rules")["counted"].package == "rlx-toy 1.2"
    assert "rlx_toy" not in sys.modules
    with pytest.raises(PluginBroken, match="importing rlx_nowhere:RULE failed: ModuleNotFoundError") as told:
        plugins("rlx.rules")["nowhere"].load()
    assert str(told.value).startswith(f"the plugin 'nowhere' (rlx.rules) {BROKEN}")
    assert str(told.value).endswith(CURE)


def test_what_config_and_launch_call_executors_is_the_same() -> None:
    assert tuple(EXECUTORS) == OWN_EXECUTORS
    assert {row.name for row in (*EXECUTORS.values(), *SAMPLERS.values())} == {*EXECUTORS, *SAMPLERS}


# --- Commands --------------------------------------------------------------------------------------------------------


def test_commands_stand_under_a_heading_of_their_own_and_work(installed: Path, tmp_path: Path) -> None:
    shown = rlx(tmp_path, "--help")
    own, added = shown.stdout.split("Commands of installed packages:\n")
    assert "  ls " in own
    assert [line.split() for line in added.splitlines()[:2]] == [
        ["greet", "Of", "rlx-toy", "1.2."],
        ["nowhere", "Of", "rlx-toy", "1.2."],
    ]
    assert "`rlx ls` is a command of rlx itself" in shown.stderr
    assert shown.stderr.count("\n") == 1
    assert rlx(tmp_path, "greet", "you").stdout == "hello you\n"
    assert "--quiet" in rlx(tmp_path, "greet", "--help").stdout
    assert "did you mean `rlx greet`?" in rlx(tmp_path, "gret").stderr


@pytest.mark.parametrize(("name", "why"), [("nowhere", "ModuleNotFoundError"), ("odd", "it is no click command")])
def test_a_broken_command_is_told_in_a_line(installed: Path, tmp_path: Path, name: str, why: str) -> None:
    told = rlx(tmp_path, name)
    assert told.returncode == 3
    (line,) = told.stderr.splitlines()
    assert why in line
    assert CURE in line


# --- Samplers --------------------------------------------------------------------------------------------------------


def sweep_of(root: Path, **content: Any) -> Path:
    (root / "sweeps").mkdir(exist_ok=True)
    data = {"config": "a", "grid": {"algo.gamma": [0.9, 0.95, 0.99]}, **content}
    (root / "sweeps" / "s.yaml").write_text(json.dumps(data))
    return root


def test_a_sampler_says_which_points_a_sweep_has(installed: Path, tmp_path: Path) -> None:
    points = read_sweep(sweep_of(tmp_path, sampler="every"), "s").points
    assert points == ({"algo.gamma": 0.99}, {"algo.gamma": 0.9})


def test_the_grid_is_the_product_with_the_last_setting_fastest(tmp_path: Path) -> None:
    grid = GridSampler({"a": [1, 2], "b": ["x", "y", "z"]})
    asked = [grid.ask(number) for number in range(7)]
    assert [tuple((asked[n] or {}).values()) for n in range(6)] == [
        (1, "x"),
        (1, "y"),
        (1, "z"),
        (2, "x"),
        (2, "y"),
        (2, "z"),
    ]
    assert asked[6] is None
    assert [list(each or {}) for each in asked[:6]] == [["a", "b"]] * 6
    for named in ({}, {"sampler": "grid"}):
        assert len(read_sweep(sweep_of(tmp_path, **named), "s").points) == 3


def test_an_unknown_sampler_is_refused_with_the_nearest(installed: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"s.yaml:1:.*sampler: there is no sampler 'evry'; did you mean every\?"):
        read_sweep(sweep_of(tmp_path, sampler="evry"), "s")


@pytest.mark.parametrize(
    ("name", "why"), [("nowhere", "ModuleNotFoundError"), ("odd", "no rlx.experiments.SamplerRow")]
)
def test_a_broken_sampler_is_named_where_it_is_asked_for(installed: Path, tmp_path: Path, name: str, why: str) -> None:
    assert len(read_sweep(sweep_of(tmp_path), "s").points) == 3
    with pytest.raises(PluginBroken, match=why):
        read_sweep(sweep_of(tmp_path, sampler=name), "s")


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda number: {"algo.gamma": 0.9}, "asks for more than 1,000 points"),
        (lambda number: None, "asks for no settings at point 0: None"),
        (lambda number: [0.9], "asks for no settings at point 0"),
        (lambda number: {}["x"], "failed: KeyError"),
        (lambda number: sys.exit("enough"), "failed: SystemExit: enough"),
    ],
)
def test_a_sampler_that_misbehaves_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[[int], Any], said: str
) -> None:
    @dataclass
    class Odd:
        choices: Any

        def ask(self, number: int) -> Any:
            return ask(number)

        def tell(self, number: int, value: float) -> None:
            raise AssertionError

    monkeypatch.setitem(SAMPLERS, "grid", replace(SAMPLERS["grid"], make=Odd))
    with pytest.raises(PluginBroken, match=said):
        read_sweep(sweep_of(tmp_path), "s")


# --- Rules -----------------------------------------------------------------------------------------------------------


def test_doctor_says_what_is_added_and_what_of_it_is_broken(installed: Path, tmp_path: Path) -> None:
    (package,) = [each for each in plugin_packages(("ls",)) if each.package == "rlx-toy"]
    assert package.version == "1.2"
    assert package.adds == {
        "executors": ("commands",),
        "samplers": ("every",),
        "rules": ("counted-seeds",),
        "commands": ("greet",),
    }
    broken = {re.match(r"the plugin '(\w+)' \(rlx\.(\w+)\)", line).group(2, 1) for line in package.problems}  # type: ignore[union-attr]
    kinds = ("executors", "samplers", "rules", "commands")
    assert broken == {*((kind, "nowhere") for kind in kinds), *((kind, "odd") for kind in kinds), ("commands", "ls")}
    assert all(BROKEN in line and line.endswith(CURE) for line in package.problems)
    said = list(additions.packages([package]))
    assert [each.level for each in said] == ["ok", *["problem"] * len(package.problems)]
    assert said[0].message == "rlx-toy 1.2: executors commands; samplers every; rules counted-seeds; commands greet"
    assert list(additions.rules(tmp_path)) == []
    Project(tmp_path).write("rules/__init__.py", "RULES = (1,)\n")
    (rules,) = additions.rules(tmp_path)
    assert (rules.level, "neither an rlx.diagnosis.Rule nor a list" in rules.message) == ("problem", True)
    assert "rlx diagnose" in str(rules.cure)


HOSTILE = {
    "raises": ("raise ValueError('not today')", "[rlx.commands]\nspoiled = raises", "ValueError: not today"),
    "leaves": ("import sys; sys.exit(7)", "[rlx.rules]\nspoiled = leaves", "SystemExit: 7"),
    "base": ("raise BaseException('out')", "[rlx.sinks]\nspoiled = base:x", "BaseException: out"),
    "noplace": ("", "[rlx.algorithms]\nspoiled = no place", "is 'no place', which is no `module` or `module:name`"),
    "noname": ("", "[rlx.executors]\nspoiled = noname:x", "AttributeError"),
    "nothing": ("", "[rlx.algorithms]\nunregistered = nothing", "registers no algorithm 'unregistered'"),
    "command": ("", "[rlx.commands]\nls = command:x", "rlx itself has a command 'ls'"),
    "algorithm": ("", "[rlx.algorithms]\nppo = algorithm", "rlx itself has an algorithm 'ppo'"),
    "sink": ("", "[rlx.sinks]\ntensorboard = sink:x", "rlx itself has a sink 'tensorboard'"),
}
"""Packages that are broken: code, entry points, and what `rlx doctor` says of each."""


def installed_in(site: Path, packages: dict[str, tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, (code, entries, _) in packages.items():
        info = site / f"{name}-0.1.dist-info"
        info.mkdir(parents=True)
        (site / f"{name}.py").write_text(f"print('noise')\n{code}\n")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
        (info / "entry_points.txt").write_text(f"{entries}\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))


def test_broken_packages_take_no_command_down(study: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four commands of two seconds each, since what is installed is read by each."""
    installed_in(tmp_path / "site", HOSTILE, monkeypatch)
    passed_over = {
        "--help": ["`rlx ls` is a command of rlx itself"],
        "ls": [],
        "train cartpole": ["the plugin 'spoiled' (rlx.rules) of the package leaves 0.1"],
    }
    for command, told in passed_over.items():
        done = rlx(study.root, *command.split())
        assert done.returncode == 0, done.stdout + done.stderr
        said = [line for line in done.stderr.splitlines() if line.startswith("Passed over")]
        assert [each in line for each, line in zip(told, said, strict=True)] == [True] * len(told)
        assert "noise" not in done.stdout
    found = {each["package"]: each for each in json.loads(rlx(study.root, "doctor", "--json").stdout)["plugins"]}
    for name, (_, _, why) in HOSTILE.items():
        (problem,) = found[name]["problems"]
        assert why in problem
        assert problem.endswith(f"`pip uninstall {name}`")
        assert (found[name]["version"], found[name]["adds"], "\n" in problem) == ("0.1", {}, False)


@pytest.mark.parametrize(("version", "same"), [("0.1", True), ("0.2", False)])
def test_what_an_algorithm_of_a_package_trains_belongs_to_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, same: bool
) -> None:
    """What a killed training left is not gone on with by another version of the package."""
    snapshot = Snapshot(project_of(tmp_path, "").config.model_copy(update={"algo": ForeignAlgorithm(name="theirs")}))
    entry = ("", "[rlx.algorithms]\ntheirs = theirs", "")
    installed_in(tmp_path / "site", {"theirs": entry}, monkeypatch)
    monkeypatch.syspath_prepend(tmp_path / "site")
    before = fingerprint(tmp_path, snapshot, 1)
    (tmp_path / "site/theirs-0.1.dist-info/METADATA").write_text(
        f"Metadata-Version: 2.1\nName: theirs\nVersion: {version}\n"
    )
    assert (fingerprint(tmp_path, snapshot, 1) == before) is same


def test_a_broken_sink_that_was_typed_is_told_as_it_was_typed(
    study: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed_in(tmp_path / "site", {"base": HOSTILE["base"]}, monkeypatch)
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(
        PluginBroken, match=r"^-S log=\[spoiled\]: the plugin 'spoiled' \(rlx.sinks\) of the package base"
    ):
        plan(study.root, "cartpole", ["log=[spoiled]"])


THEIRS = """\
from rlx.algorithms import AlgorithmConfig, register

@register("theirs", Config=AlgorithmConfig, metrics={})
class Theirs: ...
"""


def test_a_package_does_not_replace_the_projects_own_page(
    study: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed_in(tmp_path / "site", {"packed": (THEIRS, "[rlx.algorithms]\ntheirs = packed", "")}, monkeypatch)
    monkeypatch.syspath_prepend(tmp_path / "site")
    study.write("configs/theirs.yaml", "algo: {name: theirs}\n")
    assert compose_run(study.root, "theirs").config.algo.name == "theirs"
    study.write("algorithms/own.py", THEIRS)
    with pytest.raises(ConfigError, match=r"'theirs' is registered twice, in packed and in algorithms.own; rename one"):
        compose_run(study.root, "theirs")
    (found,) = additions.algorithms(study.root)
    assert found.message == "'theirs' is registered in algorithms/own.py:3, and by packed 0.1"
    installed_in(tmp_path / "site", {"later": (THEIRS, "[rlx.algorithms]\ntheirs = later", "")}, monkeypatch)
    with pytest.raises(PluginBroken, match=r"the package (packed|later) 0.1 adds an algorithm 'theirs', too"):
        compose_run(study.root, "theirs")


def test_of_two_packages_that_add_the_same_the_second_is_named(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "later" / "later-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: later\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[rlx.samplers]\nevery = nowhere\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "later")])
    (package,) = [each for each in plugin_packages() if each.package == "later"]
    assert "rlx-toy 1.2 adds a sampler 'every', and is found first" in package.problems[0]
    assert plugins("rlx.samplers")["every"].package == "rlx-toy 1.2"


def test_rules_of_packages_and_of_the_project_are_applied(installed: Path, study: Project) -> None:
    """Commands start from nothing, where the package is installed: two seconds of imports each."""
    study.write(
        "rules/__init__.py",
        "from rlx_toy import RULE\nfrom dataclasses import replace\nRULES = [replace(RULE, id='own')]\n",
    )
    told = rlx(study.root, "diagnose", "cartpole", "--json")
    found = {finding["id"]: finding for finding in json.loads(told.stdout)["findings"]}
    assert found["counted-seeds"]["what"] == found["own"]["what"] == "there are 2 seeds"
    said = told.stderr.splitlines()
    assert sum(line.startswith("Passed over: the plugin 'nowhere' (rlx.rules)") for line in said) == 1
    assert sum("neither an rlx.diagnosis.Rule nor a list of them" in line for line in said) == 1
    assert "Traceback" not in told.stderr
    study.write("rules/__init__.py", "RULES = [1 / 0]\n")
    told = rlx(study.root, "diagnose", "cartpole")
    assert "Passed over: rules/__init__.py:1: importing `rules` failed: ZeroDivisionError" in told.stderr
    assert "Seeds were counted" in told.stdout
    assert "nowhere" not in rlx(study.root, "ls").stderr


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("theirs[:1]", "give it a name of its own"),
        ("[replace(theirs[0], id='../up')]", "a rule is called '../up'"),
        ("exit('enough')", "rules/__init__.py:3: importing `rules` failed: SystemExit: enough"),
    ],
)
def test_a_rule_with_a_name_that_cannot_be_is_passed_over(
    rules: str,
    said: str,
    tmp_path: Path,
    installed: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = f"from rlx.diagnosis import RULES as theirs\nfrom dataclasses import replace\nRULES = {rules}\n"
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "__init__.py").write_text(text)
    monkeypatch.delitem(sys.modules, "rules", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert [rule.id for rule in more_rules(tmp_path)] == ["counted-seeds"]
    assert said in capsys.readouterr().err
    monkeypatch.delitem(sys.modules, "rules", raising=False)


def test_a_rule_that_answers_nonsense_costs_no_analysis() -> None:
    config = RunConfig.model_validate({"env": {"id": "CartPole-v1"}})
    record = RunRecord("a", config, "resolved", (), seeds_wanted=5)
    plain, nonsense = diagnose(record), Rule("nonsense", "", "", "", lambda _: "yes", needs_training=False)  # type: ignore
    found = diagnose(record, [nonsense])
    assert found.findings == plain.findings
    (said,) = set(found.unchecked) - set(plain.unchecked)
    assert said.startswith("The rule nonsense could not be applied (TypeError: its check returned 'yes', no Detection)")
    leaves = Rule("leaves", "", "", "", lambda _: sys.exit("enough"), needs_training=False)
    assert any("SystemExit: enough" in each for each in diagnose(record, [leaves]).unchecked)


# --- Executors -------------------------------------------------------------------------------------------------------


@dataclass
class Heard:
    events: list[Any] = field(default_factory=list)
    ends: dict[str, Any] = field(default_factory=dict)

    def end(self, key: str, result: Any) -> None:
        assert key not in self.ends
        self.ends[key] = result


def tasks_of(folder: Path, *how: str, **arguments: Any) -> list[Task]:
    def task(number: int, how: str) -> Task:
        place = folder / f"task_{number}"

        def done() -> dict[str, Any] | None:
            path = place / "done.json"
            return json.loads(path.read_text()) if path.is_file() else None

        return Task(f"task {number}", place, "rlx_toy", {"number": number, "how": how, **arguments}, done, 60.0)

    return [task(number, each) for number, each in enumerate(how)]


def carried(name: str, tasks: list[Task]) -> Heard:
    heard = Heard()
    row = executor(name, plugins("rlx.executors"))
    carry_out(row.start(Terms(2, 60.0, heard.events.append)), tasks, heard.events.append, heard.end)
    return heard


@pytest.mark.parametrize("name", ["local", "commands"])
def test_every_executor_names_results_and_failures_the_same(
    installed: Path, tmp_path: Path, forked_workers: None, name: str
) -> None:
    """Each task is a command of its own, which starts from nothing."""
    tasks = tasks_of(tmp_path, "fine", "raise", "exit", "sysexit", "fine")
    heard = carried(name, tasks)
    assert heard.ends["task 0"] == {"twice": 0}
    assert heard.ends["task 4"] == {"twice": 8}
    failures = {key: end for key, end in heard.ends.items() if isinstance(end, Failure)}
    assert {key: each.message.split(" (")[0] for key, each in failures.items()} == {
        "task 1": "ValueError: no",
        "task 2": "its process ended with exit code 7",
        "task 3": "its environment raised SystemExit: 0",
    }
    assert "line" in failures["task 1"].details
    assert [failures[f"task {n}"].cause.kind for n in (1, 2, 3)] == ["other", "process", "environment"]
    assert sorted(heard.events) == [f"begins {n}" for n in range(5)]


def test_a_task_that_was_lost_is_started_again(installed: Path, tmp_path: Path) -> None:
    heard = carried("commands", tasks_of(tmp_path, "fine", lose=True))
    assert heard.ends == {"task 0": {"twice": 0}}
    assert [event for event in heard.events if "lost" in event] == [
        "task 0 was lost (exit code -9); started again, from its newest checkpoint"
    ]


def test_what_an_earlier_command_started_is_found_again_and_not_started_twice(installed: Path, tmp_path: Path) -> None:
    task = tasks_of(tmp_path, "fine")[0].prepared()
    row, heard = plugins("rlx.executors")["commands"].load(), Heard()
    earlier, later = (row.start(Terms(2, 60.0, heard.events.append)) for _ in range(2))
    earlier.submit([task])

    def attach(tasks: list[Task]) -> set[str]:
        later.running = earlier.running
        return {each.key for each in tasks}

    def submit(tasks: list[Task]) -> None:
        raise AssertionError

    later.attach, later.submit = attach, submit
    carry_out(later, [task], heard.events.append, heard.end)
    assert heard.ends == {"task 0": {"twice": 0}}
    assert heard.events == ["begins 0"]


@pytest.mark.parametrize(
    ("method", "answer", "told"),
    [
        ("submit", RuntimeError("closed"), r"its submit\(\) failed: RuntimeError: closed"),
        ("look", RuntimeError("closed"), r"its look\(\) failed: RuntimeError: closed"),
        ("look", {"task 0": "running"}, r"its look\(\) gives 'running', which is no rlx.launch.Sight"),
        ("attach", SystemExit("out"), r"its attach\(\) failed: SystemExit: out"),
        ("close", None, r"it has no method close\(\)"),
    ],
)
def test_what_an_added_executor_does_wrong_is_told_with_its_package(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, answer: Any, told: str
) -> None:
    """One that says neither `pause` nor `tries` has the usual; stopping its tasks fails, too, and hides nothing."""

    def act(*_: object) -> Any:
        if isinstance(answer, BaseException):
            raise answer
        return answer

    methods = {name: (lambda *_: ()) for name in ("attach", "submit", "close")} | {"look": lambda *_: {}, method: act}
    if answer is None:
        del methods[method]
    inner = SimpleNamespace(**methods)
    inner.cancel = methods["attach"] if answer is None else act
    plugin = plugins("rlx.executors")["commands"]
    monkeypatch.setattr(Plugin, "load", lambda _: ExecutorRow("commands", "Mine.", lambda _: inner))
    with pytest.raises(PluginBroken, match=f"'commands' .*{BROKEN}{told}"):
        made = executor("commands", {"commands": plugin}).start(Terms(2, 60.0, print))
        assert (made.pause, made.tries) == (1.0, 2)
        carry_out(made, tasks_of(tmp_path, "fine"))


@pytest.mark.parametrize("error", [ValueError("no queue"), SystemExit("no queue"), ImportError("no queue")])
def test_an_executor_that_cannot_be_made_is_named_with_its_package(
    installed: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fails(terms: Terms) -> Any:
        raise error

    import rlx_toy

    row = replace(rlx_toy.EXECUTOR, make=fails)
    monkeypatch.setattr(rlx_toy, "EXECUTOR", row)
    with pytest.raises(PluginBroken, match=f"'commands' .* {BROKEN}making it failed: {type(error).__name__}: no queue"):
        executor("commands", plugins("rlx.executors")).start(Terms(2, 60.0, print))
    monkeypatch.setattr(rlx_toy, "EXECUTOR", replace(row, extra="cloud"))
    if isinstance(error, ImportError):
        with pytest.raises(ConfigError, match=r'pip install "rlx\[cloud\]"'):
            executor("commands", plugins("rlx.executors")).start(Terms(2, 60.0, print))


@pytest.mark.parametrize("spec", [None, "{", "[1]", '{"format": 1, "worker": "x"}'])
def test_a_task_that_cannot_be_read_is_said_in_a_line(
    tmp_path: Path, spec: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if spec is not None:
        (tmp_path / "spec.json").write_text(spec)
    assert run_task(tmp_path) == 4
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {tmp_path / 'spec.json'}: ")


def test_a_task_that_is_always_lost_fails_in_the_end(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Task, "command", property(lambda task: ["false"]))
    heard = carried("commands", tasks_of(tmp_path, "fine"))
    failure = heard.ends["task 0"]
    assert failure.message == "its process at here is gone: exit code 1, and left neither a result nor an error"
    assert failure.cause.kind == "process"
    assert len(heard.events) == 2


@pytest.mark.parametrize("name", ["local", "commands"])
def test_ctrl_c_stops_every_task(installed: Path, tmp_path: Path, forked_workers: None, name: str) -> None:
    import psutil

    def interrupt(_: Any) -> None:
        raise KeyboardInterrupt

    row = executor(name, plugins("rlx.executors"))
    with pytest.raises(KeyboardInterrupt):
        carry_out(row.start(Terms(2, 60.0, interrupt)), tasks_of(tmp_path, "fine", "fine", wait=True), interrupt)
    ours = [child for child in psutil.Process().children(recursive=True) if str(tmp_path) in " ".join(child.cmdline())]
    assert not ours


def test_two_who_wait_for_one_folder_do_not_take_each_others_failure(installed: Path, tmp_path: Path) -> None:
    from rlx.launch.failures import failure_of
    from rlx.launch.task import write_failure

    (task,) = tasks_of(tmp_path, "fine")
    mine = task.prepared()
    write_failure(mine.folder, mine.attempt, failure_of(ValueError("mine")))
    assert str(mine.outcome()).startswith("Failure(message='ValueError: mine'")
    assert mine.begun() == mine
    assert task.outcome() is None
    theirs = task.prepared()
    assert (mine.outcome(), theirs.outcome()) == (None, None)
    assert mine.begun() == theirs


def test_events_are_read_as_they_grow(tmp_path: Path) -> None:
    events, sign = Events(tmp_path), Progress(3, 10, 20, 1.5, 0, {"name": "fast"}, "validating")
    assert not list(events.new())
    write_event(tmp_path, "a line\nof two")
    write_event(tmp_path, sign)
    assert list(events.new()) == ["a line\nof two", sign]
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"said": "ha')
        file.flush()
        assert not list(events.new())
        file.write('lf"}\n')
    assert list(events.new()) == ["half"]


def test_a_full_disk_costs_what_was_said_and_not_the_training(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").symlink_to("/dev/full")
    write_event(tmp_path, "a line")


def test_seeds_train_by_an_executor_of_a_package_to_the_same_bits(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each seed is a command of its own, which imports torch."""
    for name in ("local", "commands"):
        root = tmp_path / name
        snapshot = project_of(root, "")
        parameters = json.loads((root / "params.yaml").read_text())
        (root / "params.yaml").write_text(json.dumps({**parameters, "launch": {"executor": name}}))
        assert chosen_executor(root).name == name
        assert [outcome.status for outcome in train_run(root, "a", snapshot, lambda _: None)] == ["finished"] * 2
    mine, theirs = (
        {
            str(path.relative_to(root)): path.read_bytes()
            for root in [tmp_path / name / "runs" / "a"]
            for path in [*root.rglob("*.zip"), root / "metrics.jsonl", root / "config_snapshot.yaml"]
        }
        for name in ("local", "commands")
    )
    assert mine == theirs
    assert len(mine) > 4
    assert "launch" not in snapshot.to_yaml()


def test_an_environment_that_dies_is_named_by_an_executor_of_a_package(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task is a command of its own, which imports torch."""
    monkeypatch.setenv("RLX_CALL", json.dumps({"executor": "commands"}))
    snapshot = project_of(tmp_path / "p", "exit0", seeds=1)
    (outcome,) = train_run(tmp_path / "p", "a", replace(snapshot), lambda _: None)
    assert outcome.status == "failed"
    assert SAID["exit0"] in str(outcome.error)
    assert (outcome.failure or {})["kind"] in ("environment", "process")


def test_the_executor_is_checked_where_it_is_said(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = tmp_path / "params.yaml"
    for name in ("local", "commands", "nowhere"):
        said.write_text(f"study: {{runs: [a]}}\nlaunch: {{executor: {name}}}\n")
        assert read_parameters(tmp_path).launch.executor == name
    with pytest.raises(PluginBroken, match="ModuleNotFoundError"):
        chosen_executor(tmp_path)
    said.write_text("study: {runs: [a]}\nlaunch: {executor: comands}\n")
    with pytest.raises(ConfigError, match=r"params.yaml:2:.*launch.executor: .*did you mean commands\?.*'comands'"):
        read_parameters(tmp_path)
    said.write_text("study: {runs: [a]}\n")
    assert chosen_executor(tmp_path).name == "local"
    monkeypatch.setenv("RLX_CALL", json.dumps({"executor": "odd"}))
    with pytest.raises(PluginBroken, match=r"it is no rlx\.launch\.ExecutorRow"):
        chosen_executor(tmp_path)
    monkeypatch.setenv("RLX_CALL", json.dumps({"executor": "loca"}))
    with pytest.raises(UsageError, match=r"there is no executor 'loca'; did you mean local\?"):
        chosen_executor(tmp_path)


@pytest.mark.slow
def test_an_executor_chosen_for_one_command_trains_its_experiment(installed: Path, study: Project) -> None:
    """Half a minute: commands, DVC and stages start from nothing, where the package is installed."""
    refused = rlx(study.root, "train", "cartpole", "--executor", "nowhere")
    assert (refused.returncode, refused.stderr.count("\n")) == (3, 1)
    assert "ModuleNotFoundError" in refused.stderr
    made = rlx(study.root, "train", "cartpole", "-S", "algo.gamma=0.9", "--seeds", "1", "--executor", "commands")
    assert made.returncode == 0, made.stdout + made.stderr
    assert "training seed 1, by commands" in made.stdout
    assert "launch" not in (study.root / "runs/cartpole_001/config_snapshot.yaml").read_text()


@pytest.mark.slow
def test_a_sweep_sends_whole_experiments_to_an_executor(installed: Path, study: Project) -> None:
    """A minute: two experiments, each a command that starts DVC and stages from nothing."""
    study.write("sweeps/two.yaml", "config: cartpole\nnum_seeds: 1\ngrid: {algo.gamma: [0.9, 0.95]}\n")
    made = rlx(study.root, "sweep", "two", "--executor", "commands", "--json")
    assert made.returncode == 0, made.stdout + made.stderr
    names = [path.name for path in sorted((study.root / "runs").glob("two_*"))]
    assert len(names) >= 2
    assert len(json.loads(made.stdout)["points"]) >= 2
    assert all(f"{name} is made on" in made.stderr for name in names)
    for name in names:
        assert json.loads((study.root / "runs" / name / "metadata.json").read_text())["status"] == "finished"
    assert not list((study.root / ".dvc/tmp/rlx-experiments").iterdir())
    again = rlx(study.root, "sweep", "two", "--executor", "commands").stdout
    assert f"{len(names)} points, {len(names)} of them kept already" in again
    study.write("sweeps/bad.yaml", "config: cartpole\nnum_seeds: 1\ngrid: {algo.learning_rate: [1.0e+30]}\n")
    failed = rlx(study.root, "sweep", "bad", "--executor", "commands")
    assert failed.returncode == 1
    assert "bad_001" in failed.stdout + failed.stderr
    assert "`rlx sweep bad` makes these again" in failed.stderr
