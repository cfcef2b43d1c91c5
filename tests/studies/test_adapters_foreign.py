"""A foreign repository driven from end to end: what it trains is recorded, and however it misbehaves has a name."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from rlx.errors import ConfigError, DataRefused, Missing, UsageError
from rlx.records import read_episodes
from rlx.studies import ForeignOutcome, ForeignTraining, Running, read_adapter, worktrees_folder
from tests.studies.foreign_repositories import adapter_text, git, repository

QUICK = Running(pauses=(0.3, 0.3))


def slow(*values: str) -> Any:
    """Mark a case that differs little from one of the default ring."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    repository("toy", tmp_path / "theirs")
    return tmp_path


def training(root: Path, overrides: dict[str, Any] | None = None, **changes: Any) -> ForeignTraining:
    of_start = {name: changes.pop(name) for name in ("patch", "seeds", "folder", "steps") if name in changes}
    path = root / "adapter.yaml"
    path.write_text(adapter_text(git(root / "theirs", "rev-parse", "HEAD"), **changes))
    start = {"patch": None, "seeds": [1], "folder": root / "start", "steps": 1000, **of_start}
    return ForeignTraining(
        read_adapter(path), overrides or {}, list_seed=77, episodes=4, root=root, running=QUICK, **start
    )


def outcome(root: Path, mode: str, **changes: Any) -> ForeignOutcome:
    return training(root, {"mode": mode}, **changes).run()[1]


def worktrees(root: Path) -> list[str]:
    return git(root / "theirs", "worktree", "list").splitlines()


def test_every_seed_is_trained_played_and_recorded(root: Path) -> None:
    events = []
    found = training(root, {"skill": 2.0}, seeds=[3, 4]).run(events.append)
    assert [(each.seed, each.what) for each in events] == [
        (seed, what) for seed in (3, 4) for what in ("started", "trained", "ended")
    ]
    assert set(found) == {3, 4}
    for each in found.values():
        assert each.failure is None
        assert each.steps == 1000
        assert [episode.reset_seed for episode in each.episodes] == [77, 78, 79, 80]
        assert each.values("length") == (10.0, 11.0, 12.0, 13.0)
        assert each.values("success") == (1.0,) * 4
        assert each.values("info/velocity") == pytest.approx([value / 10 for value in each.values("return")])
        assert each.checkpoint is not None
        assert len(each.checkpoint) == 64
        assert each.size > 0
    table = read_episodes(root / "start")
    assert list(table["seed"]) == [3] * 4 + [4] * 4
    assert list(table["return"]) == [*found[3].values("return"), *found[4].values("return")]
    assert "info/velocity" in (root / "start" / "episodes.csv").read_text().splitlines()[0]
    told = json.loads((root / "start" / "outcome.json").read_text())
    assert told["plan"]["overrides"] == {"skill": 2.0}
    assert told["seeds"]["3"]["steps"] == 1000
    out = (root / "start" / "seed_3" / "out").resolve()
    said = json.loads((out / "told.json").read_text())["argv"]
    assert said == ["skill=2.0", "--seed=3", "--steps=1000", f"--log-dir={out}"]
    assert (out / "ep.jsonl").is_file()
    assert len(worktrees(root)) == 1


def test_a_seed_that_has_ended_is_not_trained_again(root: Path) -> None:
    first = training(root, seeds=[3]).run()
    events = []
    both = training(root, seeds=[3, 4]).run(events.append)
    assert both[3] == first[3]
    assert [(each.seed, each.what) for each in events] == [(3, "reused"), (4, "started"), (4, "trained"), (4, "ended")]


def test_a_check_starts_nothing(root: Path) -> None:
    planned = training(root, {"note": "a b"})
    planned.check()
    assert not (root / "start").exists()
    with pytest.raises(Missing, match="has no commit 0123456"):
        training(root, repository__commit="0123456").check()
    with pytest.raises(Missing, match="is not a Git repository"):
        training(root, repository__path="elsewhere").run()
    assert not (root / "start").exists()


def test_a_folder_of_another_start_is_refused(root: Path) -> None:
    training(root, {"skill": 1.0}).run()
    with pytest.raises(UsageError, match="another overrides"):
        training(root, {"skill": 2.0}).run()


@pytest.mark.parametrize(
    ("mode", "kind", "what", "words"),
    [
        ("crash", "exception", "", "ValueError: the toy is broken"),
        ("short", "lied", "steps", "500 steps, fewer than the 1,000"),
        ("few", "lied", "episodes", "3 episodes, and was asked for 4"),
        ("other-seeds", "lied", "seeds", "reset with seed 78"),
        ("link", "lied", "files", "link out of its folder"),
        ("nan", "non-finite", "", "its return is nan"),
        slow("silent", "lied", "files", "progress.csv"),
        slow("long", "lied", "steps", "3,000 steps, more than"),
        slow("no-policy", "lied", "checkpoint", "model_final.pt"),
        slow("no-episodes", "lied", "files", "ep.jsonl"),
        slow("planted", "lied", "files", "ep.jsonl"),
        slow("words", "lied", "values", "long is not a number"),
        slow("numbers", "lied", "episodes", "count"),
    ],
)
def test_what_goes_wrong_has_a_name(root: Path, mode: str, kind: str, what: str, words: str) -> None:
    found = outcome(root, mode)
    assert found.failure is not None
    assert (found.failure.kind, found.failure.what) == (kind, what)
    assert words in found.failure.message.replace("'", "")
    assert found.episodes == ()
    assert not (root / "start" / "episodes.csv").exists()
    assert json.loads((root / "start" / "outcome.json").read_text())["seeds"]["1"]["failure"]["kind"] == kind
    assert len(worktrees(root)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["hang", "stubborn", "fork-hang"])
def test_what_hangs_is_stopped_with_all_that_it_started(root: Path, mode: str) -> None:
    found = outcome(root, mode, train__timeout="20s")
    assert found.failure is not None
    assert found.failure.kind == "timed-out"
    child = root / "start" / "seed_1" / "out" / "child.pid"
    if mode == "fork-hang":
        assert not lives(int(child.read_text()))


def test_a_child_that_leaves_its_group_ends_with_the_training(root: Path) -> None:
    found = outcome(root, "fork")
    assert found.failure is None
    assert not lives(int((root / "start" / "seed_1" / "out" / "child.pid").read_text()))


@pytest.mark.slow
def test_an_evaluation_that_hangs_is_stopped(root: Path) -> None:
    found = outcome(root, "play-hangs", evaluate__timeout="1s")
    assert found.failure is not None
    assert found.failure.kind == "timed-out"
    assert found.steps == 1000


@pytest.mark.slow
def test_what_a_signal_killed_is_started_once_more_and_no_more(root: Path) -> None:
    found = outcome(root, "killed")
    assert found.failure is not None
    assert found.failure.kind == "killed"
    assert "SIGKILL" in found.failure.message
    assert found.attempts == 2
    assert (root / "start" / "seed_1.starts").read_text() == "start\n" * 2


def test_what_was_killed_once_counts_when_it_then_ends(root: Path) -> None:
    found = outcome(root, "killed-once")
    assert (found.failure, found.attempts) == (None, 2)


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_nothing_of_a_value_is_executed_and_all_of_it_arrives(root: Path) -> None:
    mean = '$(touch pwned); `touch pwned` && touch pwned | ; it\'s {seed} "quoted"\n--seed=5 *'
    found = training(root, {"note": mean}).run()[1]
    assert found.failure is None
    told = json.loads((root / "start" / "seed_1" / "out" / "told.json").read_text())
    assert told["told"]["note"] == mean
    assert told["told"]["seed"] == "1"
    assert not list(root.rglob("pwned"))


def test_a_setting_cannot_become_another_argument(root: Path) -> None:
    for name in ("--log-dir=/tmp/x", "a b", "x=1", "-m", "$(id)", "skill=3 --steps"):
        with pytest.raises(UsageError, match="can be called"):
            training(root, {name: 1}).run()
    assert not (root / "start").exists()


def test_only_named_variables_are_passed_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    training(root).run()
    seen = json.loads((root / "start" / "seed_1" / "out" / "told.json").read_text())["variables"]
    assert set(seen) <= {
        "PATH",
        "HOME",
        "LANG",
        "CUDA_VISIBLE_DEVICES",
        "WANDB_MODE",
        "LC_CTYPE",
    }  # the last: Python's own
    assert seen["WANDB_MODE"] == "offline"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_a_session_of_tmux_is_waited_for_and_takes_values_as_they_are(root: Path) -> None:
    words = ["python", "train.py", "--seed={seed}", "--steps={steps}", "--log-dir={out}", "{overrides}"]
    changes = {"hardware": {"launcher": "tmux"}, "train__command": words, "train__overrides": {"style": "argparse"}}
    overrides = {"note": "x; touch pwned ;", "last": "run-shell 'touch pwned';"}
    found = training(root, overrides, **changes).run()[1]
    assert found.failure is None
    told = json.loads((root / "start" / "seed_1" / "out" / "told.json").read_text())["told"]
    assert {name: told[name] for name in overrides} == overrides
    assert not list(root.rglob("pwned"))
    stuck = training(root, {"mode": "fork-hang"}, folder=root / "stuck", **changes, train__timeout="20s").run()[1]
    assert stuck.failure is not None
    assert stuck.failure.kind == "timed-out"
    assert trainers(root) == []


def test_what_stands_uncommitted_does_not_matter_and_is_left_alone(root: Path) -> None:
    (root / "theirs" / "train.py").write_text("broken")
    (root / "theirs" / "new.txt").write_text("new")
    assert training(root).run()[1].failure is None
    assert (root / "theirs" / "train.py").read_text() == "broken"


PATCH = """--- a/{name}
+++ b/{name}
@@ -1,6 +1,6 @@
 \"\"\"What the toy pays.\"\"\"
{blank}
-BONUS = 0.0
+BONUS = 100.0
{blank}
{blank}
 def reward(skill: float, noise: float) -> float:
""".replace("{blank}", " ")


def test_a_patch_trains_changed_code_and_moves_no_yardstick(root: Path) -> None:
    (root / "bonus.patch").write_text(PATCH.format(name="toy/rewards.py"))
    plain = training(root).run()[1]
    changes: dict[str, Any] = {"patch": root / "bonus.patch", "folder": root / "patched"}
    patched = training(root, **changes).run()[1]
    rows = (root / "patched" / "seed_1" / "out" / "progress.csv").read_text().splitlines()
    assert float(rows[-1].split(",")[1]) > 100  # training was paid the bonus
    assert patched.values("return") == plain.values("return")  # but what measures it has not changed
    both = training(root, **changes | {"folder": root / "both"}, evaluate__code="patched").run()[1]
    assert both.values("return") == pytest.approx([value + 100 for value in plain.values("return")])
    assert "BONUS = 0.0" in (root / "theirs" / "toy" / "rewards.py").read_text()
    assert git(root / "theirs", "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PATCH.format(name="train.py").replace("What the toy pays.", "x"), "does not apply"),
        ("--- /dev/null\n+++ b/sitecustomize.py\n@@ -0,0 +1 @@\n+print(1)\n", "touches 'sitecustomize.py'"),
        ("--- /dev/null\n+++ b/../../outside.py\n@@ -0,0 +1 @@\n+print(1)\n", "does not apply"),
        ("diff --git a/toy/rewards.py b/toy/rewards.py\ndeleted file mode 100644\n", "does not apply"),
        (
            "diff --git a/toy/rewards.py b/moved.py\nsimilarity index 100%\nrename from toy/rewards.py\nrename to moved.py\n",
            "touches 'moved.py'",
        ),
        ("diff --git a/train.py b/train.py\nold mode 100644\nnew mode 100755\n", "touches 'train.py'"),
        ("nothing\n", "does not apply"),
    ],
)
def test_a_patch_that_touches_other_files_is_refused(root: Path, text: str, words: str) -> None:
    (root / "evil.patch").write_text(text)
    with pytest.raises(DataRefused, match=words):
        training(root, patch=root / "evil.patch").run()
    assert not list(root.rglob("outside.py"))
    assert len(worktrees(root)) == 1


def test_a_patch_cannot_make_a_link(root: Path) -> None:
    rewards = root / "theirs" / "toy" / "rewards.py"
    rewards.unlink()
    rewards.symlink_to("/etc/passwd")
    (root / "link.patch").write_text(git(root / "theirs", "diff") + "\n")
    git(root / "theirs", "checkout", "-q", ".")
    with pytest.raises(DataRefused, match="something else than a regular file"):
        training(root, patch=root / "link.patch").run()


def test_what_a_training_does_to_its_worktree_nothing_else_sees(root: Path) -> None:
    found = training(root, {"mode": "litter"}, seeds=[1, 2]).run()
    assert [each.failure for each in found.values()] == [None, None]  # neither its evaluation, nor the next training


def test_aggregates_are_one_value_a_seed_and_say_so(root: Path) -> None:
    changes = {
        "evidence": "aggregate",
        "episodes": {"format": "json", "file": "{out}/summary.json", "fields": {"return": "eval.mean_return"}},
    }
    found = training(root, {"skill": 2.0}, **changes).run()[1]
    assert found.is_aggregate
    assert found.episodes == ()
    assert len(found.values("return")) == 1
    assert found.values("return")[0] == pytest.approx(20.0, abs=3.0)
    assert json.loads((root / "start" / "outcome.json").read_text())["plan"]["evidence"] == "aggregate"
    assert training(root, {"skill": 2.0}, **changes).run()[1] == found


def test_an_adapter_with_something_unknown_starts_nothing(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"train\.overrides\.style: is unknown"):
        training(root, train__overrides={"style": "unknown"}).run()
    assert not (root / "start").exists()


SCRIPT = """
import sys
from pathlib import Path
from tests.studies.test_adapters_foreign import training
training(Path(sys.argv[1]), {"mode": "hang"}).run(lambda event: print(event.what, flush=True))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whoever_is_stopped_leaves_nothing_running_and_nothing_in_the_way(root: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        told = root / "start" / "seed_1" / "out" / "told.json"
        until = time.monotonic() + 60
        while not told.exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert told.exists()
        os.kill(process.pid, number)
        process.wait(60)
    until = time.monotonic() + 30
    while trainers(root) and time.monotonic() < until:
        time.sleep(0.1)
    assert trainers(root) == []
    left = [path for path in worktrees_folder(root).iterdir() if path.is_dir()]
    assert len(left) == (1 if number == signal.SIGKILL else 0)
    assert not (root / "start" / "outcome.json").exists()
    assert training(root, folder=root / "next").run()[1].failure is None
    assert {path.suffix for path in worktrees_folder(root).iterdir()} <= {".lock"}
    assert len(worktrees(root)) == 1


@pytest.mark.slow
def test_what_a_killed_command_left_running_is_waited_for(root: Path) -> None:
    script = SCRIPT.replace("hang", "stubborn-once")
    with subprocess.Popen([sys.executable, "-c", script, str(root)], stdout=subprocess.PIPE, text=True) as process:
        old = root / "start" / "seed_1" / "out" / "old"
        until = time.monotonic() + 60
        while not old.exists() and time.monotonic() < until:
            time.sleep(0.05)
        assert old.exists()
        process.kill()
    events = []
    found = training(root, {"mode": "stubborn-once"}).run(events.append)[1]
    assert [each.what for each in events] == ["waiting", "started", "trained", "ended"]
    assert found.failure is None
    assert not old.exists()


def test_a_link_in_the_place_of_its_folder_is_not_followed(root: Path) -> None:
    found = outcome(root, "link-out")
    assert found.failure is not None
    assert (found.failure.kind, found.failure.what) == ("lied", "files")
    assert found.size == 0


def trainers(root: Path) -> list[list[str]]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "train.py" in words and any(str(root) in word for word in words):
            found.append(words)
    return found
