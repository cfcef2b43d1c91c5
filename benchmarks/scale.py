"""What ten thousand tasks and experiments cost, without training any: python -m benchmarks.scale.

Tasks: the executor `slurm` carries them out with commands in the place of Slurm's, behind which a simulation ends so many
a second. Measured are the controller's processor time (its own, and that of the commands it calls), its memory, and how
long one that takes over from a killed one needs until it knows of every task. Experiments: as many commits of one real
experiment, listed by `rlx ls` and shown by `rlx report`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ENVIRONMENT = {**os.environ, "DVC_NO_ANALYTICS": "1"}
SNAPSHOT = "a line of configuration\n" * 150
"""Of the size of a real one, which stands in each task's ``spec.json``."""
COMMANDS = {
    "sbatch": 'touch "$P/inbox/$$.part"; { for word in "$@"; do echo "$word"; done; echo; cat; } > "$P/inbox/$$.part"; '
    'mv "$P/inbox/$$.part" "$P/inbox/$$"; echo $$',
    "squeue": 'cat "$P/rows"',
    "scontrol": "echo MaxArraySize = 1001",
    "sinfo": ":",
    "scancel": ":",
}


class Simulation:
    """A cluster whose jobs do nothing: takes what was submitted, and ends so many jobs a second."""

    def __init__(self, place: Path, at_once: int, rate: float):
        self._place, self._at_once, self._rate = place, at_once, rate
        self._waiting: list[tuple[str, str, str]] = []
        self._running: list[tuple[str, str, str]] = []
        self._ended: list[tuple[str, str, str]] = []
        self._over = threading.Event()
        (place / "inbox").mkdir(parents=True)
        (place / "bin").mkdir()
        (place / "rows").touch()
        for name, does in COMMANDS.items():
            path = place / "bin" / name
            path.write_text(f"#!/bin/sh\nP={place}\n{does}\n")
            path.chmod(0o755)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        last, owed = time.monotonic(), 0.0
        while not self._over.wait(0.25):
            for path in [path for path in (self._place / "inbox").iterdir() if path.suffix != ".part"]:
                options, _, script = path.read_text().partition("\n\n")
                name = next(line[11:] for line in options.splitlines() if line.startswith("--job-name="))
                folders = script[script.index("folders=(") : script.index("\n)\n")].splitlines()[1:]
                self._waiting += [(path.name, str(place), f"{name}|{folder}") for place, folder in enumerate(folders)]
                path.unlink()
            now = time.monotonic()
            owed, last = owed + self._rate * (now - last), now
            self._running += [
                self._waiting.pop(0) for _ in range(min(len(self._waiting), self._at_once - len(self._running)))
            ]
            for _ in range(min(int(owed), len(self._running))):
                job = self._running.pop(0)
                folder = Path(job[2].partition("|")[2].strip("'"))
                (folder / "events.jsonl").write_text('{"said": "begun"}\n')
                (folder / "done.new").write_text("{}")
                (folder / "done.new").replace(folder / "done.json")
                self._ended.append(job)
            owed = min(owed - int(owed), 1.0)
            states = (("PENDING", self._waiting), ("RUNNING", self._running), ("COMPLETED", self._ended))
            rows = (
                f"{array}|{place}|{state}|{name.partition('|')[0]}|n1|None\n"
                for state, jobs in states
                for array, place, name in jobs
            )
            (self._place / "rows.new").write_text("".join(rows))
            (self._place / "rows.new").replace(self._place / "rows")

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self._thread.join()


def control(folder: Path, count: int) -> None:
    """Carry the tasks out; the process that this is told to be measures itself."""
    from rlx.launch import Task, Terms, carry_out
    from rlx.launch.slurm import Slurm

    def task(number: int) -> Task:
        place = folder / f"task_{number:05d}"

        def done() -> dict[str, Any] | None:
            try:
                content: dict[str, Any] = json.loads((place / "done.json").read_text())
            except OSError:
                return None
            return content

        return Task(f"task {number}", place, "nobody", {"snapshot": SNAPSHOT, "seed": number}, done, 300.0)

    began = time.monotonic()
    tasks = [each for number in range(count) if (each := task(number)).done() is None]
    first: list[float] = []

    class Timed(Slurm):
        def look(self) -> Any:
            found = super().look()
            if not first:
                first.append(time.monotonic() - began)
                print(json.dumps({"open": len(tasks), "knows_after": first[0]}), flush=True)
            return found

    ends: list[str] = []
    carry_out(Timed(Terms(1, 300.0, lambda _: None)), tasks, on_end=lambda key, _: ends.append(key))
    own, called = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {"ended": len(ends), "seconds": own.ru_utime + own.ru_stime, "commands": called.ru_utime + called.ru_stime}
    print(json.dumps({**told, "megabytes": own.ru_maxrss / 1024}), flush=True)


def tasks(count: int, at_once: int, rate: float) -> None:
    """Measure a controller of so many tasks, and one that takes over."""
    for killed in (False, True):
        with tempfile.TemporaryDirectory() as temporary:
            place, folder = Path(temporary) / "slurm", Path(temporary) / "bench"
            simulation = Simulation(place, at_once, rate)
            path = f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"
            command = [sys.executable, "-m", "benchmarks.scale", "--control", str(folder), "--tasks", str(count)]
            process = subprocess.Popen(command, env={**os.environ, "PATH": path}, stdout=subprocess.PIPE, text=True)
            assert process.stdout is not None
            begun = json.loads(process.stdout.readline())
            if killed:
                while sum(1 for _ in folder.glob("*/done.json")) < count // 2:
                    time.sleep(1)
                process.send_signal(signal.SIGKILL)
                process.wait()
                process = subprocess.Popen(command, env={**os.environ, "PATH": path}, stdout=subprocess.PIPE, text=True)
                assert process.stdout is not None
                begun = json.loads(process.stdout.readline())
            told = json.loads(process.stdout.readline())
            process.wait()
            simulation.stop()
        what = (
            f"taken over with {begun['open']:,} open" if killed else f"{count:,} tasks, {at_once} at once, {rate:g}/s"
        )
        print(f"{what}: knew of all after {begun['knows_after']:.1f} s; {told['ended']:,} ended; processor time per task "
              f"{1000 * told['seconds'] / told['ended']:.2f} ms + {1000 * told['commands'] / told['ended']:.2f} ms of "
              f"commands; {told['megabytes']:.0f} MB")  # fmt: skip


def call(folder: Path, *command: str, text: str | None = None) -> tuple[str, float, float]:
    """Return what a command prints, the seconds it takes, and the megabytes of its largest process."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr or done.stdout}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return done.stdout, time.perf_counter() - began, max(after, before) / 1024


def commits(root: Path, ref: str, count: int) -> Iterator[str]:
    """Yield as many experiments like one, as `git fast-import` reads them: each has held-out scores of its own in DVC's cache."""
    parent, tree = (call(root, "git", "rev-parse", f"{ref}{end}")[0].strip() for end in ("^", "^{tree}"))
    message, lock = (
        call(root, "git", *words)[0] for words in (["log", "-1", "--format=%B", ref], ["show", f"{ref}:dvc.lock"])
    )
    cache = root / ".dvc/cache/files/md5"
    old = re.search(r"path: runs/cartpole/eval\n\s+hash: md5\n\s+md5: (\w+)\.dir", lock)
    assert old is not None
    files = json.loads((cache / old[1][:2] / f"{old[1][2:]}.dir").read_text())
    place = next(index for index, each in enumerate(files) if each["relpath"] == "summary.json")
    summary = json.loads((cache / files[place]["md5"][:2] / files[place]["md5"][2:]).read_text())

    def kept(content: str, end: str = "") -> str:
        digest = hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()
        path = cache / digest[:2] / f"{digest[2:]}{end}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        return digest

    for index in range(count):
        name = f"cartpole_{index + 2:05d}"
        files[place] = {"md5": kept(json.dumps({**summary, "number": index})), "relpath": "summary.json"}
        said, changed = message.replace("cartpole_001", name), lock.replace(old[1], kept(json.dumps(files), ".dir"))
        yield (f"commit {ref.rpartition('/')[0]}/{name}\ncommitter b <b@localhost> {1_700_000_000 + index} +0000\n"
               f"data {len(said.encode())}\n{said}\nfrom {parent}\nM 040000 {tree} \n"
               f"M 100644 inline dvc.lock\ndata {len(changed.encode())}\n{changed}\n")  # fmt: skip


def experiments(count: int) -> None:
    """Measure `rlx ls` and `rlx report` of a project with so many experiments."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "project"
        call(root.parent, "rlx", "init", str(root))
        settings = ["-S", "algo.total_timesteps=1024", "-S", "eval.every=1024", "-S", "final_eval.episodes=5"]
        call(root, "rlx", "train", "cartpole", "--seeds", "5", *settings)
        ref = call(root, "git", "for-each-ref", "--format=%(refname)", "refs/exps")[0].split()[0]
        call(root, "git", "fast-import", "--quiet", text="".join(commits(root, ref, count)))
        text, cold, most = call(root, "rlx", "ls", "--csv")
        warm = min(call(root, "rlx", "ls", "--csv")[1] for _ in range(3))
        table = min(call(root, "rlx", "ls")[1] for _ in range(2))
        print(f"{len(text.splitlines()) - 1:,} experiments: rlx ls first {cold:.1f} s ({most:.0f} MB), "
              f"then {warm:.2f} s as CSV and {table:.2f} s as a table")  # fmt: skip
        page = root / "page.html"
        _, took, _ = call(root, "rlx", "report", "-o", str(page))
        print(f"rlx report: {took:.1f} s, {page.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    """Print the figures of docs/scale.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=500)
    parser.add_argument("--rate", type=float, default=200.0, help="Jobs that end in a second.")
    parser.add_argument("--experiments", type=int, default=10_000)
    parser.add_argument("--only", choices=["tasks", "experiments"])
    parser.add_argument("--control", metavar="FOLDER", help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.control:
        control(Path(said.control), said.tasks)
        return
    if said.only != "experiments":
        tasks(said.tasks, said.at_once, said.rate)
    if said.only != "tasks":
        experiments(said.experiments)


if __name__ == "__main__":
    main()
