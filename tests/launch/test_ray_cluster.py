"""The executor ``ray`` on a real cluster: `ray start` with a head and nodes on this machine, where it has the loopback interface alone.

``.ci/ray`` runs them there. Ray takes ten seconds and more to start, and each task starts from nothing.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from rlx.errors import ConfigError
from rlx.training import ready_executor
from tests.launch.controlled import Controller, places, processes_with, results, slow_project, task_folder, wait_for

pytestmark = [
    pytest.mark.component,
    pytest.mark.timeout(600),
    pytest.mark.skipif("RLX_LOOPBACK" not in os.environ, reason="it listens on every interface: run .ci/ray"),
]
QUICK = {
    f"RAY_health_check_{name}": value
    for name, value in {
        "period_ms": "1000",
        "failure_threshold": "3",
        "initial_delay_ms": "1000",
        "timeout_ms": "1000",
    }.items()
}
"""A node counts as lost after three seconds."""
TOKEN = {"RAY_AUTH_TOKEN": "5" * 64}
"""What the clusters ask of whoever joins them; that they do, rlx has to find out."""


class Cluster:
    """A head, which runs nothing, and nodes for one task each."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ray-"))  # its sockets have short paths
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            self.port = held.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.head: subprocess.Popen[bytes] | None = None
        self.nodes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        self.head = self._started(f"--head --port={self.port} --num-cpus=0 --include-dashboard=false".split())
        wait_for(self._answers)

    def add_node(self) -> None:
        self.nodes.append(self._started([f"--address={self.address}", "--num-cpus=1"]))

    def _started(self, options: list[str]) -> subprocess.Popen[bytes]:
        own = [f"--temp-dir={self.folder}"] if "--head" in options else []
        usual = ["--block", "--disable-usage-stats", "--node-ip-address=127.0.0.1", "--object-store-memory=80000000"]
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("ray")), "start", *options, *own, *usual],
            env={**os.environ, **QUICK, **TOKEN, "RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @staticmethod
    def kill(process: subprocess.Popen[bytes]) -> None:
        """Kill a node with all its processes, as a power cut does."""
        every = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for each in every:
                with suppress(psutil.Error):
                    each.send_signal(number)
        process.wait()

    def stop(self) -> None:
        for process in [*self.nodes, *([self.head] if self.head else [])]:
            if process.poll() is None:
                self.kill(process)
        self.nodes, self.head = [], None


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    assert {name for _, name in socket.if_nameindex()} <= {"lo", "sit0", "ip6tnl0", "tunl0"}
    found = Cluster()
    try:
        found.start()
        found.add_node()
        yield found
    finally:
        found.stop()


def launch(cluster: Cluster) -> dict[str, object]:
    return {"executor": "ray", "ray": {"address": cluster.address}}


def test_seeds_train_on_a_cluster_to_the_same_bits_though_the_controller_was_killed(
    cluster: Cluster, tmp_path: Path
) -> None:
    root = tmp_path / "p"
    snapshot = slow_project(root, launch(cluster), seeds=2, steps=1024, pause=0.01)
    first = Controller(root, TOKEN)
    wait_for(lambda: places(task_folder(root, snapshot)) or places(task_folder(root, snapshot, 1)), first)
    first.kill()
    second = Controller(root, TOKEN)
    assert {each["status"] for each in second.ended()} == {"finished"}
    assert "goes on from step" not in second.said
    assert "lost" not in second.said
    alone = tmp_path / "alone"
    slow_project(alone, {}, seeds=2, steps=1024, pause=0.01)
    Controller(alone, {}).ended()
    assert results(root) == results(alone)


def test_a_task_whose_node_dies_goes_on_elsewhere_from_its_bench(cluster: Cluster, tmp_path: Path) -> None:
    root = tmp_path / "p"
    folder = task_folder(root, slow_project(root, launch(cluster), steps=1536, pause=0.02))
    controller = Controller(root, TOKEN)
    wait_for(lambda: places(folder), controller)
    cluster.kill(cluster.nodes.pop())
    cluster.add_node()
    (outcome,) = controller.ended()
    assert outcome["status"] == "finished", controller.said
    assert controller.said.count("started again, from its newest checkpoint") == 1
    assert "the node that it ran on is gone" in controller.said
    assert "goes on from step" in controller.said
    alone = tmp_path / "alone"
    slow_project(alone, {}, steps=1536, pause=0.02)
    Controller(alone, {}).ended()
    assert results(root) == results(alone)


def test_failures_come_back_by_name(cluster: Cluster, tmp_path: Path) -> None:
    root = tmp_path / "p"
    slow_project(root, launch(cluster), fault="raise")
    (outcome,) = Controller(root, TOKEN).ended()
    assert (outcome["failure"]["kind"], outcome["error"]) == ("environment", "ValueError: no such step")
    root = tmp_path / "q"
    folder = task_folder(root, slow_project(root, launch(cluster), steps=1536, pause=0.02))
    controller = Controller(root, TOKEN)
    wait_for(lambda: places(folder), controller)
    (actor,) = processes_with("ray::Runner")
    actor.kill()  # its command ends with it
    (outcome,) = controller.ended()
    assert outcome["status"] == "finished"
    assert "its process was killed" in controller.said


def test_ctrl_c_ends_the_tasks(cluster: Cluster, tmp_path: Path) -> None:
    root = tmp_path / "p"
    folder = task_folder(root, slow_project(root, launch(cluster), steps=2048, pause=0.02))
    controller = Controller(root, TOKEN)
    wait_for(lambda: places(folder), controller)
    assert controller.interrupt() == 130
    wait_for(lambda: not processes_with(str(folder)))
    assert not (folder / "handle.json").exists()


def test_a_cluster_that_goes_away_and_comes_back_is_waited_for(tmp_path: Path) -> None:
    """What ran there is gone with it, which only the cluster that answers again can tell."""
    own = Cluster()
    try:
        own.start()
        own.add_node()
        root = tmp_path / "p"
        folder = task_folder(root, slow_project(root, launch(own), steps=2048, pause=0.01))
        controller = Controller(root, TOKEN)
        wait_for(lambda: places(folder), controller)
        own.stop()
        wait_for(lambda: "Ray does not answer" in controller.said, controller, 180)
        own.start()
        own.add_node()
        (outcome,) = controller.ended()
    finally:
        own.stop()
    assert outcome["status"] == "finished", (controller.said, outcome)
    assert controller.said.count("Ray does not answer") == 1
    assert "Ray answers again" in controller.said


def test_a_cluster_of_its_own_ends_with_the_command(tmp_path: Path) -> None:
    root = tmp_path / "p"
    slow_project(root, {"executor": "ray", "ray": {"address": "local"}})
    (outcome,) = Controller(root, {"HOME": str(tmp_path)}).ended()
    assert outcome["status"] == "finished"
    assert not (tmp_path / ".ray").exists()


def test_a_cluster_that_wants_another_token_says_so(cluster: Cluster, tmp_path: Path) -> None:
    root = tmp_path / "p"
    slow_project(root, launch(cluster))
    controller = Controller(root, {"RAY_AUTH_TOKEN": "6" * 64})
    assert controller.process.wait(300) != 0
    assert "launch.ray.address: Ray at" in controller.said
    assert "token" in controller.said


def test_where_no_cluster_answers_nothing_begins(tmp_path: Path) -> None:
    slow_project(tmp_path, {"executor": "ray", "ray": {"address": "127.0.0.1:1"}})
    with pytest.raises(ConfigError, match=r"params.yaml:\d+:\d+: launch.ray.address: nothing answers at 127.0.0.1:1"):
        ready_executor(tmp_path)
