"""A fake trainer: settings as key=value, a learning curve in progress.csv, a policy in model_final.pt."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from toy.rewards import reward


def settings(words: list[str]) -> dict[str, str]:
    """Return `key=value` and `--key=value` words as a mapping; values in Hydra's quotes lose them."""
    found = {}
    for word in words:
        key, _, value = word.lstrip("-").partition("=")
        if len(value) > 1 and value[0] == value[-1] == "'":
            value = value[1:-1].replace("\\'", "'")
        found[key] = value
    return found


def misbehave(mode: str, out: Path) -> None:
    """Do what the mode says that a training should not."""
    if mode == "crash":
        raise ValueError("the toy is broken")
    if mode == "hang":
        time.sleep(600)
    if mode == "stubborn":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)
    if mode == "fork":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        (out / "child.pid").write_text(str(child.pid))
    if mode == "fork-hang":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (out / "child.pid").write_text(str(child.pid))
        time.sleep(600)
    if mode == "killed":
        with (out.parent.parent / f"{out.parent.name}.starts").open("a") as file:
            file.write("start\n")
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "killed-once" and not (marker := out.parent.parent / f"{out.parent.name}.starts").exists():
        marker.write_text("start\n")
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "stubborn-once" and not (marker := out.parent.parent / "stubborn").exists():
        marker.write_text("start")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            (out / "old").write_text("written by one that was told to stop")
            time.sleep(0.05)
    if mode == "link-out":
        out.rename(out.with_name("moved"))
        out.symlink_to("/etc")
    if mode == "planted":
        row = {"i": 0, "seed": 77, "ret": 1e9, "len": 1, "ok": True, "vel": 0.0}
        (out / "ep.jsonl").write_text((json.dumps(row) + "\n") * 4)
    if mode == "litter":
        Path("toy/rewards.py").write_text("broken")


def main() -> None:
    told = settings(sys.argv[1:])
    mode, out, seed, steps = told.get("mode", ""), Path(told["log-dir"]), int(told["seed"]), int(told["steps"])
    (out / "told.json").write_text(json.dumps({"argv": sys.argv[1:], "variables": dict(os.environ), "told": told}))
    print(f"training seed {seed}", flush=True)
    misbehave(mode, out)
    if mode == "silent":
        return
    skill = float(told.get("skill", 1.0))
    draw = random.Random(seed if mode != "irreproducible" else None)
    taken = steps // 2 if mode == "short" else steps * 3 if mode == "long" else steps
    with (out / "progress.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["total_steps", "mean_reward", "reward_skill"])
        for share in (0.25, 0.5, 0.75, 1.0):
            mean = float("nan") if mode == "nan-learning" else reward(skill * share, draw.gauss(0, 1))
            rows.writerow([int(taken * share), mean, 10.0 * skill * share])
    if mode != "no-policy":
        policy = {"skill": skill, "noise": draw.gauss(0, 0.1), "mode": mode}
        (out / "model_final.pt").write_text(json.dumps(policy))
    print(f"done: {taken} steps", flush=True)


if __name__ == "__main__":
    main()
