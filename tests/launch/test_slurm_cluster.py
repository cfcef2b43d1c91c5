"""The executor ``slurm`` on a real cluster: slurmctld and two nodes on this machine, which ``.ci/slurm`` starts.

Jobs start from nothing, in seconds each, and Slurm takes half a minute to give a node up.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from rlx.errors import ConfigError
from rlx.training import ready_executor
from tests.conftest import REPOSITORY
from tests.launch.controlled import Controller, places, processes_with, results, slow_project, task_folder, wait_for

pytestmark = [pytest.mark.component, pytest.mark.timeout(600), pytest.mark.xdist_group("slurm")]
SCRIPT = REPOSITORY / ".ci/slurm"


class Cluster:
    """Slurm, as its commands and processes."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.variables = {"SLURM_CONF": str(folder / "slurm.conf")}

    def command(self, *words: str) -> str:
        done = subprocess.run(
            words, env={**os.environ, **self.variables}, text=True, capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def jobs(self, columns: str = "%i %T", states: str = "") -> list[str]:
        wanted = [f"--states={states}"] if states else []
        return self.command("squeue", "-h", "-r", *wanted, f"--format={columns}").splitlines()

    def restarts(self, job: str) -> int:
        told = self.command("scontrol", "show", "job", job)
        return int(told.partition("Restarts=")[2].split()[0])

    def process(self, name: str) -> psutil.Process:
        """Return the newest daemon of a name."""
        lines = [line.split() for line in (self.folder / "processes").read_text().splitlines()]
        return psutil.Process([int(number) for number, _, each in lines if each == name][-1])

    def steps(self) -> list[psutil.Process]:
        """Return who watches the jobs that run, by the log that is open there: other tests have clusters on this machine, too."""
        found = []
        for process in psutil.process_iter(["name"]):
            with suppress(psutil.Error):  # it has ended
                if process.info["name"] == "slurmstepd":
                    found += [process] * any(
                        Path(file.path).is_relative_to(self.folder) for file in process.open_files()
                    )
        return found


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))  # its sockets have short paths
    subprocess.run([SCRIPT, "start", folder], check=True)
    try:
        yield Cluster(folder)
    finally:
        subprocess.run([SCRIPT, "stop", folder], check=True)


@pytest.fixture(autouse=True)
def _nothing_is_left(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SLURM_CONF", cluster.variables["SLURM_CONF"])
    yield
    cluster.command("scancel", "--user=root")
    wait_for(lambda: not cluster.jobs())


def undisturbed(folder: Path, **arguments: object) -> dict[str, bytes]:
    """Return what the same training gives on this machine."""
    root = folder / "undisturbed"
    slow_project(root, {}, **arguments)  # type: ignore[arg-type]
    assert {each["status"] for each in Controller(root, {}).ended()} == {"finished"}
    return results(root)


def test_a_job_that_is_requeued_five_times_ends_with_the_same_bits(cluster: Cluster, tmp_path: Path) -> None:
    """Each of its six sessions starts from nothing."""
    root, size = tmp_path / "p", {"steps": 2048, "pause": 0.02}
    folder = task_folder(root, slow_project(root, {"executor": "slurm"}, **size))  # type: ignore[arg-type]
    controller = Controller(root, cluster.variables)
    (job,) = wait_for(lambda: cluster.jobs("%i"), controller)
    seen = 0
    for number in range(5):
        wait_for(lambda seen=seen: places(folder) != seen, controller)
        cluster.command("scancel", "--batch", "--signal=USR1", job)  # what Slurm sends before the time limit
        wait_for(lambda number=number: cluster.restarts(job) == number + 1, controller)
        seen = places(folder)
    (outcome,) = controller.ended()
    assert outcome["status"] == "finished"
    assert cluster.restarts(job) == 5
    assert "lost" not in controller.said
    assert controller.said.count("goes on from step") in range(
        3, 6
    )  # one that is stopped before it trains says nothing
    assert results(root) == undisturbed(tmp_path, **size)
    assert not (folder / "alive").exists()


def test_a_training_longer_than_its_time_limit_goes_on_in_the_next_job(cluster: Cluster, tmp_path: Path) -> None:
    """Slurm counts in minutes, and sends its signal up to a minute early."""
    root = tmp_path / "p"
    slurm = {"time": 1, "warning": 30}
    slow_project(root, {"executor": "slurm", "slurm": slurm}, steps=1024, pause=0.06)
    controller = Controller(root, cluster.variables)
    (job,) = wait_for(lambda: cluster.jobs("%i"), controller)
    (outcome,) = controller.ended(400)
    assert outcome["status"] == "finished", controller.said
    assert cluster.restarts(job) >= 1
    assert "lost" not in controller.said


def test_a_node_that_dies_is_no_reason_to_train_one_folder_twice(cluster: Cluster, tmp_path: Path) -> None:
    """Slurm gives a silent node up after half a minute; the job's process lives on there, which only its lease tells."""
    root, size = tmp_path / "p", {"steps": 4096, "pause": 0.02}
    folder = task_folder(root, slow_project(root, {"executor": "slurm"}, **size))  # type: ignore[arg-type]
    controller = Controller(root, cluster.variables)
    wait_for(lambda: places(folder), controller)
    (told,) = cluster.jobs("%i %N")
    job, node = told.split()
    daemon = cluster.process(f"slurmd.{node}")
    steps = cluster.steps()
    assert steps
    for process in [daemon, *steps]:
        process.kill()
    try:
        wait_for(lambda: f"{job} RUNNING" in cluster.jobs() and cluster.restarts(job) == 1, controller)
        (outcome,) = controller.ended()
    finally:
        subprocess.run([SCRIPT, "node", cluster.folder, node.removeprefix("n")], check=True)
        wait_for(lambda: len(cluster.command("sinfo", "-h", "-N", "-o", "%t").split()) == 2)
    assert outcome["status"] == "finished"
    assert "is at it; waiting until that has ended" in controller.said
    assert results(root) == undisturbed(tmp_path, **size)
    wait_for(lambda: set(cluster.command("sinfo", "-h", "-N", "-o", "%t").split()) == {"idle"})


def test_a_controller_that_was_killed_finds_its_jobs_and_starts_nothing_twice(cluster: Cluster, tmp_path: Path) -> None:
    root = tmp_path / "p"
    snapshot = slow_project(root, {"executor": "slurm"}, seeds=3, steps=2048, pause=0.02)
    folder = task_folder(root, snapshot)
    first = Controller(root, cluster.variables)
    wait_for(lambda: places(folder), first)
    first.kill()
    jobs = cluster.jobs("%i")
    assert len(jobs) == 3
    second = Controller(root, cluster.variables)
    assert {each["status"] for each in second.ended()} == {"finished"}
    assert sorted(cluster.jobs("%i", "all"))[-3:] == sorted(jobs)
    assert "goes on from step" not in second.said
    assert [cluster.restarts(job) for job in jobs] == [0, 0, 0]
    assert len({places(task_folder(root, snapshot, seed)) for seed in snapshot.seeds}) == 3


def test_ctrl_c_cancels_the_jobs_and_the_next_command_goes_on(cluster: Cluster, tmp_path: Path) -> None:
    root = tmp_path / "p"
    folder = task_folder(root, slow_project(root, {"executor": "slurm"}, steps=2048, pause=0.02))
    first = Controller(root, cluster.variables)
    wait_for(lambda: places(folder), first)
    assert first.interrupt() == 130
    wait_for(lambda: not cluster.jobs(), first)
    wait_for(lambda: not (folder / "alive").exists() or not _alive(folder))
    (outcome,) = Controller(root, cluster.variables).ended()
    assert outcome["status"] == "finished"
    assert "goes on from step" in first.said


def _alive(folder: Path) -> bool:
    from rlx.launch.lease import is_fresh

    return is_fresh(folder)


def test_a_job_that_somebody_cancels_is_not_started_again(cluster: Cluster, tmp_path: Path) -> None:
    root = tmp_path / "p"
    folder = task_folder(root, slow_project(root, {"executor": "slurm"}, steps=4096, pause=0.05))
    controller = Controller(root, cluster.variables)
    wait_for(lambda: places(folder), controller)
    cluster.command("scancel", *cluster.jobs("%i"))
    (outcome,) = controller.ended()
    assert (outcome["status"], outcome["failure"]["kind"]) == ("failed", "cancelled")
    assert "was cancelled in Slurm (scancel)" in outcome["error"]
    assert outcome["failure"]["step"] > 0


def test_an_exception_and_a_kill_are_named(cluster: Cluster, tmp_path: Path) -> None:
    root = tmp_path / "p"
    slow_project(root, {"executor": "slurm"}, fault="raise")
    (outcome,) = Controller(root, cluster.variables).ended()
    assert (outcome["failure"]["kind"], outcome["error"]) == ("environment", "ValueError: no such step")
    root = tmp_path / "q"
    folder = task_folder(root, slow_project(root, {"executor": "slurm"}, steps=4096, pause=0.05))
    controller = Controller(root, cluster.variables)
    wait_for(lambda: places(folder), controller)
    command = processes_with(str(folder))[0]
    max(command.children(), key=lambda each: each.memory_info().rss).kill()
    (outcome,) = controller.ended()
    assert (outcome["status"], outcome["failure"]["kind"]) == ("failed", "process")
    assert "SIGKILL" in outcome["error"]


def test_while_slurm_does_not_answer_nothing_is_taken_for_gone(cluster: Cluster, tmp_path: Path) -> None:
    """`squeue` gives up after ten seconds."""
    root = tmp_path / "p"
    folder = task_folder(root, slow_project(root, {"executor": "slurm"}, steps=3072, pause=0.02))
    controller = Controller(root, cluster.variables)
    wait_for(lambda: places(folder), controller)
    daemon = cluster.process("slurmctld")
    daemon.send_signal(signal.SIGSTOP)
    try:
        wait_for(lambda: "Slurm does not answer" in controller.said, controller)
        time.sleep(5)
    finally:
        daemon.send_signal(signal.SIGCONT)
    (outcome,) = controller.ended()
    assert outcome["status"] == "finished"
    assert controller.said.count("Slurm does not answer") == 1
    assert "lost" not in controller.said
    assert len(cluster.jobs("%i", "all")) == len(set(cluster.jobs("%i", "all")))


@pytest.mark.parametrize(
    ("slurm", "place", "words"),
    [
        ({"mem": "900G"}, "launch.slurm.mem", ""),
        ({"partition": "night"}, "launch.slurm.partition", "partition"),
        ({"extra": ["--fancy"]}, "launch.slurm.extra", "fancy"),
        ({"gpus": 4}, "launch.slurm.gpus", "gres"),
    ],
)
def test_what_slurm_refuses_is_a_mistake_of_the_configuration(
    cluster: Cluster, tmp_path: Path, slurm: dict[str, object], place: str, words: str
) -> None:
    slow_project(tmp_path / "p", {"executor": "slurm", "slurm": slurm})
    with pytest.raises(ConfigError) as told:
        ready_executor(tmp_path / "p")
    line = (tmp_path / "p/params.yaml").read_text().splitlines().index(
        next(each for each in (tmp_path / "p/params.yaml").read_text().splitlines() if each.startswith("  slurm:"))
    ) + 1
    assert str(told.value).startswith(f"params.yaml:{line}:")
    assert f"{place}: Slurm refuses such a job: " in str(told.value)
    assert words in str(told.value)
    assert Controller(tmp_path / "p", cluster.variables).process.wait(60) == 3
