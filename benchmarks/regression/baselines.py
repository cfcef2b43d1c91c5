"""`baselines/<algorithm>-<environment>.json`: what a reference run gave when it was last measured."""

from __future__ import annotations

import dataclasses
import datetime
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.regression.trained import Trained

FOLDER = Path(__file__).resolve().parents[2] / "baselines"
FORMAT = 1


@dataclass(frozen=True)
class Baseline:
    """A stored reference run.

    Attributes:
        name: An algorithm and an environment.
        date: When it was measured.
        trained: What it gave.
    """

    name: str
    date: str
    trained: Trained

    @property
    def environment(self) -> str:
        """The id of its environment."""
        return str(self.trained.config["env"]["id"])

    @property
    def first_seed(self) -> int:
        """The first of its seeds, by which drift is looked for."""
        return min(self.trained.scores)


def read_baselines(folder: Path = FOLDER) -> dict[str, Baseline]:
    """Return the stored reference runs by name, cheapest first."""
    found = [_read(path) for path in sorted(folder.glob("*.json"))]
    return {each.name: each for each in sorted(found, key=lambda each: each.trained.cost["cpu_seconds"])}


def write_baseline(name: str, trained: Trained, folder: Path = FOLDER) -> Path:
    """Write a reference run's file, and return its path."""
    date = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    data: dict[str, Any] = {"format": FORMAT, "name": name, "date": date, **dataclasses.asdict(trained)}
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return path


def _read(path: Path) -> Baseline:
    data = json.loads(path.read_text(encoding="utf-8"))
    if data.pop("format") != FORMAT:
        raise SystemExit(f"{path} has another format than {FORMAT}; measure it again: --write --only {path.stem}")
    name, date = data.pop("name"), data.pop("date")
    by_seed = {key: {int(seed): value for seed, value in data[key].items()} for key in ("scores", "policies")}
    return Baseline(name, date, Trained(**{**data, **by_seed}))
