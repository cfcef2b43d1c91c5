"""A fake evaluation: plays a policy of train.py and writes an episode a line."""

from __future__ import annotations

import json
import random
import sys
import time
from pathlib import Path

from toy.rewards import reward
from train import settings


def main() -> None:
    told = settings(sys.argv[1:])
    policy = json.loads(Path(told["checkpoint"]).read_text())
    episodes, first, mode = int(told["episodes"]), int(told["seed"]), policy["mode"]
    if mode == "play-hangs":
        time.sleep(600)
    if mode == "few":
        episodes -= 1
    if mode == "other-seeds":
        first += 1
    rows = []
    for index in range(episodes):
        draw = random.Random(first + index)
        score = reward(policy["skill"] + policy["noise"], draw.gauss(0, 1))
        row = {"i": index, "seed": first + index, "ret": score, "len": 10 + index, "ok": score > 5.0, "vel": score / 10}
        if mode == "nan" and index == 1:
            row["ret"] = float("nan")
        if mode == "words" and index == 1:
            row["len"] = "long"
        if mode == "numbers" and index == 1:
            row["i"] = 0
        rows.append(row)
    place = Path(told["json"])
    if mode == "link":
        outside = place.parent.parent / "elsewhere.jsonl"
        outside.write_text("".join(json.dumps(row) + "\n" for row in rows))
        place.symlink_to(outside)
    elif mode not in ("no-episodes", "planted"):
        place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    returns = [row["ret"] for row in rows]
    (place.parent / "summary.json").write_text(json.dumps({"eval": {"mean_return": sum(returns) / len(returns)}}))


if __name__ == "__main__":
    main()
