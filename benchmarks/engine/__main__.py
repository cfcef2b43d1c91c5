"""How fast training is beside Stable-Baselines3, rl-baselines3-zoo and SBX: ratios from one interleaved run.

    python -m benchmarks.engine --repeats 3 --json engine.json     measure (about half an hour on two cores)
    python -m benchmarks.engine --table engine.json                print the tables of docs/engine.md

Programs take turns within each repeat, so that a noisy neighbour hits all of them; medians are reported. *Rates* are
environment steps per CPU second with learning, in processes of their own, after one rollout. *Prices* are whole
processes, wall-clock time with start-up, in units of one plain one-thread Stable-Baselines3 process on the same task;
rlx's are whole `train` stages: validation, checkpoints, metrics and TensorBoard events included.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from settings import SETTINGS, rlx_config, sb3_arguments, zoo_config  # noqa: E402 — probe.py, a plain script, shares them

PROGRAMS = {
    "fast": "rlx, fast engine",
    "fast-gymnasium": "rlx, fast engine, Gymnasium's environment",
    "stock": "rlx on Stable-Baselines3",
    "sb3": "Stable-Baselines3, one thread",
    "sb3-threads": "Stable-Baselines3, default threads",
    "zoo": "rl-baselines3-zoo",
    "sbx": "SBX (JAX)",
}
PLAIN = """
import json, sys, torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize
task, arguments, steps, seed = json.loads(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
if sys.argv[5] == "one":
    torch.set_num_threads(1)
env, policy = task["env"], task["policy"]
venv = make_vec_env(env["id"], env["num_envs"], seed=seed)
if env.get("normalize_observation"):
    venv = VecNormalize(venv, gamma=arguments.get("gamma", 0.99))
kwargs = {"net_arch": {"pi": policy["hidden_sizes"], "vf": policy["hidden_sizes"]}}
kwargs["activation_fn"] = torch.nn.ReLU if "activation" in policy else torch.nn.Tanh
kwargs |= {key: policy[key] for key in ("log_std_init", "ortho_init") if key in policy}
PPO("MlpPolicy", venv, policy_kwargs=kwargs, seed=seed, device="cpu", **arguments).learn(steps)
"""
SEEDS = (5, 20)
TWENTY = ("cartpole64", "lunarlander")


def run(command: list[str], folder: Path, threads: str | None) -> dict[str, float]:
    """Run a whole process; returns wall-clock and CPU seconds and the peak memory of its largest process (MiB)."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    environment |= {name: threads for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS") if threads}
    started = time.perf_counter()
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
    if status:
        raise SystemExit(f"{' '.join(command[:6])} … failed:\n{(folder / 'output.txt').read_text()[-3000:]}")
    peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return {"seconds": time.perf_counter() - started, "cpu": usage.ru_utime + usage.ru_stime, "peak_mib": peak}


def probe(program: str, task: str, seed: int, folder: Path) -> dict[str, float]:
    """Measure a rate (or the bound) in a process of its own."""
    threads = None if program == "sb3-threads" else "1"
    name = "sb3" if program == "sb3-threads" else program
    usage = run([sys.executable, str(HERE / "probe.py"), name, task, str(seed)], folder, threads)
    line = (folder / "output.txt").read_text().strip().splitlines()[-1]
    return {**json.loads(line), "peak_mib": usage["peak_mib"]}


def zoo(task: str, seed: int, folder: Path) -> dict[str, float]:
    """Measure rl-baselines3-zoo: its rate is the difference of a short and a longer process."""
    config = folder / "zoo.yml"
    config.write_text(yaml.safe_dump(zoo_config(task)))
    rollout = SETTINGS[task]["algo"]["rollout_steps"] * SETTINGS[task]["env"]["num_envs"]
    lengths = (rollout, rollout + max(rollout, SETTINGS[task]["steps"] // 5))
    found = []
    for steps in lengths:
        command = [sys.executable, "-m", "rl_zoo3.train", "--algo", "ppo", "--env", SETTINGS[task]["env"]["id"]]
        command += ["-n", str(steps), "--seed", str(seed), "--conf-file", str(config), "-f", str(folder / "zoo")]
        command += ["--num-threads", "1", "--eval-freq", "-1", "--verbose", "0", "--device", "cpu"]
        found.append(run(command, folder, "1"))
    taken = -(-(lengths[1] - lengths[0]) // rollout) * rollout
    return {"rate": taken / (found[1]["cpu"] - found[0]["cpu"]), "peak_mib": found[1]["peak_mib"]}


def price(task: str, seeds: int, first: int, folder: Path) -> dict[str, float]:
    """Measure the `train` stage of several seeds, from nothing, in a project of its own."""
    from rlx.config.schema import RunConfig
    from rlx.config.snapshot import Snapshot

    project = folder / f"project_{task}_{seeds}_{first}"
    (project / "runs" / "task").mkdir(parents=True)
    (project / ".dvc").mkdir()
    (project / "stages").symlink_to(HERE.parents[1] / "stages")
    (project / "params.yaml").write_text((HERE.parents[1] / "params.yaml").read_text())
    config = RunConfig.model_validate({**rlx_config(task, num_seeds=seeds), "seed": first})
    (project / "runs" / "task" / "config_snapshot.yaml").write_text(Snapshot(config).to_yaml())
    return run([sys.executable, "-m", "stages.train", "task"], project, None)


def plain(task: str, seed: int, folder: Path) -> dict[str, float]:
    """Measure one plain Stable-Baselines3 process on one thread."""
    facts = [
        json.dumps(SETTINGS[task]),
        json.dumps(sb3_arguments(task)),
        str(SETTINGS[task]["steps"]),
        str(seed),
        "one",
    ]
    return run([sys.executable, "-c", PLAIN, *facts], folder, "1")


def measure(tasks: list[str], repeats: int, folder: Path, save: Callable[[dict[str, Any]], None]) -> None:
    """Run everything in turn, ``repeats`` times; ``save`` gets the figures so far after each task."""
    from rlx.algorithms import prepare_kernels

    available = [
        p for p in PROGRAMS if p not in ("zoo", "sbx") or importlib.util.find_spec({"zoo": "rl_zoo3"}.get(p, p))
    ]
    prepare_kernels(
        lambda line: print(line, file=sys.stderr, flush=True)
    )  # compiling is paid once per machine, not measured
    results: dict[str, Any] = {task: {"rates": {}, "prices": {}, "plain": [], "bound": []} for task in tasks}
    for repeat in range(repeats):
        for task in tasks:
            found = results[task]
            found["bound"].append(probe("bound", task, repeat, folder))
            for program in available:
                if program == "fast-gymnasium" and not task.startswith("cartpole"):
                    continue
                measured = zoo(task, repeat, folder) if program == "zoo" else probe(program, task, repeat, folder)
                found["rates"].setdefault(program, []).append(measured)
                print(
                    f"{repeat + 1}/{repeats} {task} {program}: {measured['rate']:,.0f} steps/s",
                    file=sys.stderr,
                    flush=True,
                )
            found["plain"].append(plain(task, 1000 + repeat, folder))
            for seeds in SEEDS[: 1 + (task in TWENTY)]:
                found["prices"].setdefault(str(seeds), []).append(price(task, seeds, 1 + 100 * repeat, folder))
                ratio = found["prices"][str(seeds)][-1]["seconds"] / found["plain"][-1]["seconds"]
                print(
                    f"{repeat + 1}/{repeats} {task} {seeds} seeds: {ratio:.2f} of one plain run",
                    file=sys.stderr,
                    flush=True,
                )
            save({"machine": machine(), "tasks": results})


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    from rlx.records.runs import host

    facts = host()
    return {"processor": facts["processor"], "cores": facts["cores"], "python": platform.python_version()}


def median(rows: list[dict[str, float]], key: str) -> float:
    """Return the median of one figure over the repeats."""
    return statistics.median(row[key] for row in rows)


def tables(content: dict[str, Any]) -> str:
    """Return the Markdown tables of a measurement."""
    facts = content["machine"]
    lines = [
        f"{facts['processor']}, {facts['cores']} cores; medians of interleaved repeats.",
        "",
        "Price: whole processes, in units of one plain one-thread Stable-Baselines3 run of the same length.",
        "",
        "| task | repeats | steps per seed | one plain run | 5 seeds | 20 seeds | peak memory of a worker / of plain |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for task, found in content["tasks"].items():
        base = median(found["plain"], "seconds")
        prices = {
            seeds: statistics.median(
                ours["seconds"] / one["seconds"] for ours, one in zip(rows, found["plain"], strict=True)
            )
            for seeds, rows in found["prices"].items()
        }
        shown = [f"**{prices[str(seeds)]:.2f}**" if str(seeds) in prices else "" for seeds in SEEDS]
        memory = f"{median(found['prices']['5'], 'peak_mib'):.0f} / {median(found['plain'], 'peak_mib'):.0f} MiB"
        row = [
            SETTINGS[task]["title"],
            str(len(found["plain"])),
            f"{SETTINGS[task]['steps']:,}",
            f"{base:.1f} s",
            *shown,
            memory,
        ]
        lines.append(f"| {' | '.join(row)} |")
    lines += [
        "",
        "Rate: environment steps per CPU second, learning included, and as a multiple of plain one-thread "
        "Stable-Baselines3; the bound is what bare environment steps and torch's matrix products alone would allow.",
        "",
        "| task | " + " | ".join(PROGRAMS.values()) + " | bound | share of it |",
        "| --- |" + " ---: |" * (len(PROGRAMS) + 2),
    ]
    for task, found in content["tasks"].items():
        base = statistics.median(row["rate"] for row in found["rates"]["sb3"])
        cells = []
        for program in PROGRAMS:
            rows = found["rates"].get(program)
            cells.append(f"{median(rows, 'rate') / 1000:.1f}k ({median(rows, 'rate') / base:.1f}×)" if rows else "")
        bound = median(found["bound"], "bound_native" if "bound_native" in found["bound"][0] else "bound_gymnasium")
        share = median(found["rates"]["fast"], "rate") / bound
        lines.append(f"| {SETTINGS[task]['title']} | {' | '.join(cells)} | {bound / 1000:.1f}k | {share:.0%} |")
    return "\n".join(lines)


def main() -> None:
    """Measure, or print the tables of a measurement."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tasks", default=",".join(SETTINGS), help="which, with commas [default: all]")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where to write the figures, too")
    parser.add_argument("--table", type=Path, metavar="JSON", help="print the tables of a measurement, and stop")
    asked = parser.parse_args()
    if asked.table:
        print(tables(json.loads(asked.table.read_text())))
        return
    with tempfile.TemporaryDirectory() as folder:
        found: list[dict[str, Any]] = []

        def save(content: dict[str, Any]) -> None:
            found[:] = [content]
            if asked.json:
                asked.json.write_text(json.dumps(content, indent=1) + "\n")

        measure(asked.tasks.split(","), asked.repeats, Path(folder), save)
    print(tables(found[0]))


if __name__ == "__main__":
    main()
