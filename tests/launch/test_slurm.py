"""The executor ``slurm`` with commands in the place of Slurm's that say what a test has written down: no cluster is needed."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from rlx.config import read_parameters
from rlx.errors import ConfigError
from rlx.launch import EXECUTORS, Failure, Task, Terms, carry_out, executor
from rlx.launch.ray_actors import ended
from rlx.launch.shared_folder import kind_of_disk, trouble
from rlx.launch.slurm import Slurm
from rlx.launch.slurm_commands import ENDED, WAITING, option_of, read_rows
from rlx.launch.slurm_script import Request, array_options, script
from rlx.training.executor_choice import ready_executor
from tests.launch.controlled import slow_project

FAKE = """#!{python} -SE
import json, os, sys
from pathlib import Path
place = Path({place!r})
name = Path(sys.argv[0]).name
with (place / "calls.jsonl").open("a") as log:
    log.write(json.dumps([name, *sys.argv[1:]]) + "\\n")
said = json.loads((place / "said.json").read_text())
if name == "sbatch" and "--test-only" not in sys.argv and not said.get("sbatch"):
    jobs = json.loads((place / "jobs.json").read_text())
    options = dict(word[2:].split("=", 1) for word in sys.argv[1:] if "=" in word)
    number = 1 + len(jobs)
    first, last = options["array"].split("%")[0].split("-")
    jobs.append([number, options["job-name"], int(last) + 1])
    (place / "jobs.json").write_text(json.dumps(jobs))
    (place / f"script-{{number}}").write_text(sys.stdin.read())
    Path(options["output"]).parent.mkdir(parents=True, exist_ok=True)
    print(number)
elif name == "squeue" and not said.get("squeue"):
    wanted = [word for word in sys.argv if word.startswith("--name=")][0][7:].split(",")
    for number, job, count in json.loads((place / "jobs.json").read_text()):
        for index in range(count):
            state = said.get("states", {{}}).get(f"{{number}}_{{index}}", said.get("state", "RUNNING"))
            if job in wanted and state:
                print(f"{{number}}|{{index}}|{{state}}|{{job}}|n1|{{said.get('reason', 'None')}}")
elif name == "scontrol":
    print("MaxArraySize            = 1001")
elif name == "sinfo":
    print("\\n".join(said.get("hosts", [])))
if said.get(name):
    sys.stderr.write(said[name] + "\\n")
    sys.exit(1)
"""


class FakeSlurm:
    """Slurm's commands, which answer as :meth:`says` last said."""

    def __init__(self, place: Path):
        self.place = place
        (place / "bin").mkdir(parents=True)
        for name in ("sbatch", "squeue", "scancel", "scontrol", "sinfo"):
            path = place / "bin" / name
            path.write_text(FAKE.format(python=sys.executable, place=str(place)))
            path.chmod(0o755)
        (place / "jobs.json").write_text("[]")
        (place / "calls.jsonl").touch()
        self.says()

    def says(self, **said: Any) -> None:
        temporary = self.place / ".said"
        temporary.write_text(json.dumps(said))
        temporary.replace(self.place / "said.json")

    def calls(self, name: str) -> list[list[str]]:
        lines = (self.place / "calls.jsonl").read_text().splitlines()
        return [words[1:] for line in lines if (words := json.loads(line))[0] == name]


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    fake = FakeSlurm(tmp_path / "slurm")
    monkeypatch.setenv("PATH", f"{fake.place / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(Slurm, "pause", 0.05)
    return fake


def tasks_of(folder: Path, count: int = 1) -> list[Task]:
    def task(number: int) -> Task:
        place = folder / f"task_{number}"

        def done() -> dict[str, Any] | None:
            path = place / "done.json"
            return json.loads(path.read_text()) if path.is_file() else None

        return Task(f"task {number}", place, "nobody", {"number": number}, done, 60.0)

    return [task(number) for number in range(count)]


def terms(heard: list[Any], **options: Any) -> Terms:
    return Terms(2, 60.0, heard.append, options=options)


def finish(*tasks: Task) -> None:
    for task in tasks:
        (task.folder / "done.json").write_text("{}")


# --- What Slurm is given, and what it says -----------------------------------------------------------------------------


def test_one_array_of_jobs_has_every_task_in_its_place(slurm: FakeSlurm, tmp_path: Path) -> None:
    tasks = [task.prepared() for task in tasks_of(tmp_path / "it's here", 3)]
    doing = Slurm(terms([], cpus=2, mem="4G", gpus=1, time=90, partition="gpu", parallel=2, extra=["--qos=high"]))
    doing.submit(tasks)
    (words,) = slurm.calls("sbatch")
    for option in (
        "--array=0-2%2", "--cpus-per-task=2", "--mem=4G", "--gres=gpu:1", "--time=90", "--partition=gpu", "--qos=high",
        "--requeue", "--open-mode=append", "--signal=B:USR1@120",
    ):  # fmt: skip
        assert option in words
    assert not [word for word in words if word.startswith("--account")]
    text = (slurm.place / "script-1").read_text()
    assert text.count("task_") == 4  # three folders, and the command
    assert text.splitlines()[-1].startswith("exec ")
    assert {sight.state for sight in doing.look().values()} == {"running"}
    assert len(slurm.calls("squeue")) == 1


def test_the_script_runs_the_command_of_its_task(tmp_path: Path) -> None:
    """With no Slurm at all: it is a script."""
    import subprocess

    task = tasks_of(tmp_path / "it's here", 1)[0].prepared()
    (task.folder / "spec.json").write_text("{")
    path = tmp_path / "script"
    path.write_text(script([task], Request()))
    variables = {**os.environ, "SLURM_ARRAY_TASK_ID": "0", "SLURM_JOB_ID": "7"}
    done = subprocess.run(["bash", str(path)], env=variables, text=True, capture_output=True, check=False, timeout=60)
    assert done.returncode == 4
    assert f"{task.folder}/spec.json: is damaged" in done.stderr
    (task.folder / "spec.json").unlink()
    done = subprocess.run(["bash", str(path)], env=variables, text=True, capture_output=True, check=False, timeout=60)
    assert (done.returncode, "does not see" in done.stderr) == (71, True)


@given(
    st.lists(st.tuples(st.sampled_from([*ENDED, *WAITING, "RUNNING", "COMPLETING", "NEW_STATE"]), st.text(max_size=9)))
)
def test_rows_are_read_and_nothing_else(found: list[tuple[str, str]]) -> None:
    text = "".join(f"7|{n}|{state}|rlx|n1|{''.join(w.split())}\n" for n, (state, w) in enumerate(found))
    rows = read_rows(f"slurm_load: a word of warning\n{text}\n")
    assert [(row.job, row.state) for row in rows] == [(f"7_{n}", state) for n, (state, _) in enumerate(found)]
    for row in rows:
        assert row.life == ("waiting" if row.state in WAITING else "gone" if row.state in ENDED else "running")


def test_arrays_are_no_longer_than_they_may_be(slurm: FakeSlurm, tmp_path: Path) -> None:
    doing = Slurm(terms([]))
    doing.submit([task.prepared() for task in tasks_of(tmp_path / "t", 1003)])
    assert [word for words in slurm.calls("sbatch") for word in words if word.startswith("--array")] == [
        "--array=0-1000",
        "--array=0-1",
    ]
    assert len(doing.look()) == 1003


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("Memory specification can not be satisfied", "mem"),
        ("invalid partition specified: night", "partition"),
        ("Invalid account or account/partition combination specified", "partition"),
        ("Requested time limit is invalid (missing or exceeds some limit)", "time"),
        ("sbatch: unrecognized option '--fancy'", "extra"),
        ("Invalid generic resource (gres) specification", "gpus"),
        ("CPU count per node can not be satisfied", "cpus"),
        ("something else", ""),
    ],
)
def test_a_refusal_is_about_an_option(words: str, option: str) -> None:
    assert option_of(words) == option


# --- What becomes of tasks ---------------------------------------------------------------------------------------------


def test_nothing_known_is_never_gone_and_told_once(slurm: FakeSlurm, tmp_path: Path) -> None:
    heard: list[Any] = []
    tasks = [task.prepared() for task in tasks_of(tmp_path / "t", 2)]
    doing = Slurm(terms(heard))
    doing.submit(tasks)
    assert {sight.state for sight in doing.look().values()} == {"running"}
    slurm.says(squeue="slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    for _ in range(3):
        assert {sight.state for sight in doing.look().values()} == {"running"}
    assert len(heard) == 1
    assert heard[0].startswith("Slurm does not answer (slurm_load_jobs error: Unable to contact slurm controller")
    slurm.says()
    doing.look()
    assert heard[1:] == ["Slurm answers again"]
    slurm.says(state="")  # it knows them no more: gone, and the files decide
    assert {sight.state for sight in doing.look().values()} == {"gone"}


def test_patience_ends_after_a_day_and_jobs_are_left_alone(
    slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: dict[str, Any] = {}
    (task,) = tasks_of(tmp_path / "t")
    doing = Slurm(terms([]))
    doing.submit([task.prepared()])
    slurm.says(squeue="slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    doing.look()
    monkeypatch.setattr("rlx.launch.patience.LIMIT", 0.0)
    sight = doing.look()["task 0"]
    assert sight.final
    assert sight.failure is not None
    assert sight.failure.cause.kind == "engine-away"
    monkeypatch.undo()
    slurm.says()
    assert not ends
    assert slurm.calls("scancel") == []


def test_a_submission_without_an_answer_is_not_repeated_if_it_came_through(slurm: FakeSlurm, tmp_path: Path) -> None:
    heard: list[Any] = []
    (task,) = (task.prepared() for task in tasks_of(tmp_path / "t"))
    slurm.says(sbatch="Batch job submission failed: Socket timed out on send/recv operation")
    doing = Slurm(terms(heard))
    doing.submit([task])
    assert doing.look()["task 0"].state == "waiting"
    name = json.loads((task.folder / "handle.json").read_text())["name"]
    (slurm.place / "jobs.json").write_text(json.dumps([[5, name, 1]]))
    slurm.says()
    assert doing.look()["task 0"].state == "running"
    assert len(slurm.calls("sbatch")) == 1
    assert heard[-1] == "Slurm answers again"


def test_where_it_takes_no_more_jobs_the_rest_is_submitted_later(
    slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []
    monkeypatch.setattr("rlx.launch.slurm.ASK_AGAIN", 0.0)
    slurm.says(sbatch="Batch job submission failed: Job violates accounting/QOS policy (job submit limit, …)")
    doing = Slurm(terms(heard))
    doing.submit([task.prepared() for task in tasks_of(tmp_path / "t")])
    assert doing.look()["task 0"].state == "waiting"
    assert len(heard) == 1
    slurm.says()
    assert doing.look()["task 0"].state == "waiting"  # what was just taken is not gone because it was not seen before
    assert doing.look()["task 0"].state == "running"


@pytest.mark.parametrize(
    ("state", "kind", "starts"),
    [
        ("CANCELLED", "cancelled", 1),
        ("TIMEOUT", "time-limit", 3),
        ("NODE_FAIL", "node-lost", 3),
        ("OUT_OF_MEMORY", "out-of-memory", 3),
        ("FAILED", "process", 3),
    ],
)
def test_failures_come_back_by_name(slurm: FakeSlurm, tmp_path: Path, state: str, kind: str, starts: int) -> None:
    slurm.says(state=state, reason="SomeReason")
    ends: dict[str, Any] = {}
    heard: list[Any] = []
    (task,) = tasks_of(tmp_path / "t")

    class Talking(Slurm):
        """One whose jobs have said something."""

        def submit(self, tasks: Any) -> None:
            super().submit(tasks)
            for folder in (tmp_path / "t/.slurm").iterdir():
                for number in range(1, 4):
                    (folder / f"{number}_0.out").write_text("a line\nthe last words\n\n")

    carry_out(Talking(terms(heard)), [task], heard.append, ends.__setitem__)
    failure = ends["task 0"]
    assert isinstance(failure, Failure)
    assert failure.cause.kind == kind
    assert len(slurm.calls("sbatch")) == starts
    assert sum("was lost" in str(line) for line in heard) == starts - 1
    if kind != "cancelled":
        assert "the last words" in failure.message


def test_a_node_that_does_not_see_the_folder_is_named(slurm: FakeSlurm, tmp_path: Path) -> None:
    slurm.says(state="FAILED")
    ends: dict[str, Any] = {}
    carry_out(Slurm(terms([])), tasks_of(tmp_path / "t"), on_end=ends.__setitem__)
    assert "n1 does not see" in ends["task 0"].message
    assert "on a disk that all nodes share" in ends["task 0"].message
    assert len(slurm.calls("sbatch")) == 1


def test_what_lives_is_found_again_and_not_submitted_twice(slurm: FakeSlurm, tmp_path: Path) -> None:
    tasks = tasks_of(tmp_path / "t", 3)
    first = Slurm(terms([]))
    first.submit([task.prepared() for task in tasks])
    slurm.says(states={"1_1": "COMPLETED", "1_2": "PENDING"})
    finish(tasks[1])
    later, ends = Slurm(terms([])), {}

    def end(key: str, outcome: Any) -> None:
        ends[key] = outcome

    attached = later.attach([task for task in tasks if task.done() is None])
    assert attached == {"task 0", "task 2"}
    assert {key: sight.state for key, sight in later.look().items()} == {"task 0": "running", "task 2": "waiting"}
    finish(*tasks)
    slurm.says(state="COMPLETED")
    carry_out(later, tasks[:1], on_end=end)
    assert ends == {"task 0": {}}
    assert len(slurm.calls("sbatch")) == 1


def test_a_controller_waits_to_know_before_it_starts_anything(
    slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (task,) = tasks_of(tmp_path / "t")
    Slurm(terms([])).submit([task.prepared()])
    slurm.says(squeue="slurm_load_jobs error: Unable to contact slurm controller")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.extend([seconds] * (seconds >= 1.0))  # not what waits for the commands
        if len(slept) == 2:
            slurm.says()

    monkeypatch.setattr(time, "sleep", sleep)
    assert Slurm(terms([])).attach([task]) == {"task 0"}
    assert len(slept) == 2


def test_a_cancelled_task_is_begun_anew_by_the_next_command(slurm: FakeSlurm, tmp_path: Path) -> None:
    (task,) = tasks_of(tmp_path / "t")
    doing = Slurm(terms([]))
    doing.submit([task.prepared()])
    doing.cancel(["task 0", "unknown"])
    assert slurm.calls("scancel") == [["--quiet", "1"]]
    assert Slurm(terms([])).attach([task]) == set()


def test_whoever_is_deserted_leaves_jobs_alone(
    slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (task,) = tasks_of(tmp_path / "t")
    doing = Slurm(terms([]))
    doing.submit([task.prepared()])
    monkeypatch.setattr("rlx.launch.signals._Received.deserted", True)
    doing.cancel(["task 0"])
    assert slurm.calls("scancel") == []
    assert Slurm(terms([])).attach([task]) == {"task 0"}


def test_a_reason_to_wait_that_does_not_pass_is_told_once(slurm: FakeSlurm, tmp_path: Path) -> None:
    heard: list[Any] = []
    doing = Slurm(terms(heard))
    doing.submit([task.prepared() for task in tasks_of(tmp_path / "t", 2)])
    slurm.says(state="PENDING", reason="Resources")
    doing.look()
    assert heard == []
    slurm.says(state="PENDING", reason="launch failed requeued held")
    doing.look()
    doing.look()
    assert heard[0].startswith("Slurm lets 1 wait: launch failed requeued held; `scontrol release 1_")
    assert len(heard) == 2  # a line for each job that is held


# --- Ray's words -------------------------------------------------------------------------------------------------------

DIED = """The actor died unexpectedly before finishing this task.
The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: Worker unexpectedly
exits with a connection error code 2. End of file. There are some potential root causes. (1) The process is killed by SIGKILL by
OOM killer due to high memory usage. (2) ray stop --force is called. (3) The worker is crashed unexpectedly due to SIGSEGV."""


@pytest.mark.parametrize(
    ("outcome", "kind", "final"),
    [
        ({"error": "ActorDiedError", "words": DIED}, "process", False),
        ({"error": "ActorDiedError", "words": "The actor died because its node has died."}, "node-lost", False),
        ({"error": "OutOfMemoryError", "words": "Task was killed"}, "out-of-memory", False),
        ({"error": "ActorDiedError", "words": "dead because it was killed by `ray.kill`"}, "cancelled", True),
        ({"status": -9, "host": "n1"}, "process", False),
        ({"unseen": "/here", "host": "n1"}, "other", True),
    ],
)
def test_what_became_of_an_actor_is_named(outcome: dict[str, Any], kind: str, final: bool) -> None:
    sight = ended(outcome)
    assert (sight.state, sight.final) == ("gone", final)
    assert sight.failure is not None
    assert sight.failure.cause.kind == kind


# --- What is refused before anything begins ----------------------------------------------------------------------------


def test_a_refusal_has_its_line_in_params_yaml(slurm: FakeSlurm, tmp_path: Path) -> None:
    slow_project(tmp_path / "p", {"executor": "slurm", "slurm": {"mem": "900G"}})
    slurm.says(
        sbatch="sbatch: error: Memory specification can not be satisfied\nsbatch: error: Batch job submission failed"
    )
    with pytest.raises(ConfigError) as told:
        ready_executor(tmp_path / "p")
    assert str(told.value).startswith("params.yaml:10:")
    assert "launch.slurm.mem: Slurm refuses such a job: Memory specification can not be satisfied" in str(told.value)
    assert all("--test-only" in words for words in slurm.calls("sbatch"))
    slurm.says(sbatch="allocation failure: Requested node configuration is not available")
    with pytest.raises(ConfigError, match=r"launch.slurm.mem: .*node configuration is not available"):
        ready_executor(tmp_path / "p")
    slurm.says(sbatch="sbatch: error: Unable to contact slurm controller (connect failure)")
    assert ready_executor(tmp_path / "p").name == "slurm"  # nothing is known, so nothing is refused


def test_without_slurm_the_cure_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="needs sbatch, squeue, scancel, scontrol, which this machine does not have"):
        EXECUTORS["slurm"].ready(Terms(1, 60.0, print))


def test_without_ray_the_cure_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for call in (executor("ray").ready, executor("ray").start):
        with pytest.raises(
            ConfigError, match=r'the executor ray needs ray, which is not here; `pip install "rlx\[ray\]"`'
        ) as told:
            call(Terms(1, 60.0, print))
        assert told.value.exit_code == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{slurm: {mem: lots}}", r"launch.slurm.mem: 'lots' is not an amount of memory; allowed: .*4G"),
        ("{slurm: {time: soon}}", r"launch.slurm.time: 'soon' is not a time limit; allowed: minutes"),
        ("{slurm: {partition: a b}}", r"launch.slurm.partition: 'a b' is not one word"),
        ("{slurm: {extra: [--array=3]}}", r"rlx itself sets --array; leave it out"),
        ("{slurm: {extra: [qos]}}", r"qos is no option of sbatch in its long form"),
        ("{slurm: {warning: 5}}", r"launch.slurm.warning"),
        ("{slurm: {nodes: 5}}", r"launch.slurm.nodes"),
        ("{ray: {cpus: 0}}", r"launch.ray.cpus"),
        ("slrm", r"launch.*did you mean slurm\?"),
    ],
)
def test_options_are_checked_where_they_are_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "params.yaml").write_text(f"study: {{runs: [a]}}\nlaunch: {text}\n")
    with pytest.raises(ConfigError, match=rf"params.yaml:2:.*{said}"):
        read_parameters(tmp_path)


def test_a_name_alone_chooses_the_executor(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("study: {runs: [a]}\nlaunch: ray\n")
    assert read_parameters(tmp_path).launch.executor == "ray"
    said = "{executor: slurm, slurm: {time: 2-00:00:00, mem: 4G, parallel: 8}}"
    (tmp_path / "params.yaml").write_text(f"study: {{runs: [a]}}\nlaunch: {said}\n")
    launch = read_parameters(tmp_path).launch
    assert (launch.slurm.time, launch.slurm.parallel) == ("2-00:00:00", 8)
    options = array_options(Request(**launch.slurm.model_dump()), "rlx", 2, tmp_path, tmp_path)
    assert "--array=0-1%8" in options


# --- Where the project is ----------------------------------------------------------------------------------------------


def test_where_a_folder_is_is_read_from_the_mounts(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 259:2 / / rw - ext4 /dev/root rw\n"
        "23 22 0:5 / /tmp rw,nosuid shared:2 - tmpfs tmpfs rw\n"
        f"24 23 0:40 / {str(tmp_path).replace(' ', chr(92) + '040')}/shared rw - nfs4 server:/x rw\n"
        "no mount at all\n"
    )
    assert kind_of_disk(Path("/home/me"), mounts) == "ext4"
    assert kind_of_disk(tmp_path / "shared/project", mounts) == "nfs4"
    assert kind_of_disk(Path("/tmp/x"), mounts) == "tmpfs"
    assert kind_of_disk(Path("/home/me"), tmp_path / "none") == ""
    here = os.uname().nodename
    assert trouble(Path("/tmp/x"), [here, f"{here}.local"], mounts) == (None, None)
    wrong, _ = trouble(Path("/tmp/x"), [here, "n7"], mounts)
    assert "which n7 cannot see: move the project to a disk that all nodes see" in str(wrong)
    wrong, doubt = trouble(Path("/home/me"), ["n7"], mounts)
    assert wrong is None
    assert "unless n7 see it under the same name" in str(doubt)
    assert trouble(tmp_path / "shared/project", ["n7"], mounts) == (None, None)


def test_a_folder_in_memory_is_refused_before_anything_begins(
    slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm.says(hosts=["n7", "n8"])
    monkeypatch.setattr("rlx.launch.shared_folder.kind_of_disk", lambda folder, mounts: "tmpfs")
    with pytest.raises(ConfigError, match=r"of this machine alone .tmpfs., which n7, n8 cannot see"):
        EXECUTORS["slurm"].ready(replace(terms([]), folder=tmp_path))
