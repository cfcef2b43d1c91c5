"""``docs/presets.md``, generated from the data: ``python -m rlx.config.presets.reference > docs/presets.md``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlx.config.presets import Presets, all_presets

RESULTS = Path(__file__).parents[4] / "benchmarks" / "presets" / "results.json"
"""What `python -m benchmarks.presets` measured; in a checkout only."""
INTRODUCTION = """# Presets

Made from `src/rlx/config/presets/*.yaml` by `python -m rlx.config.presets.reference > docs/presets.md`; a test keeps it true.

`rlx init NAME --env ID --algo ALGORITHM` starts a project with these settings: `params.yaml` says them, and where they come from.
An environment is looked up by its id without the version. The figures are rl-baselines3-zoo's (the package `rl_zoo3`, MIT licence),
in rlx's names. A pair that is not here starts with its library's defaults, images with rl-zoo's entry for Atari where there is one,
and `rlx init` says so. An algorithm that does not fit the environment's actions is refused, with those that fit.

**Confirmed** is what rlx itself scored with the preset: the mean held-out return over seeds and its 95 % interval, by
`python -m benchmarks.presets`; — where that was not measured yet.

Atari's games: `env: {wrappers: [stable_baselines3.common.atari_wrappers.AtariWrapper]}` on a `…NoFrameskip-v4` is what rl-zoo
trains in; `rlx init` leaves wrappers to you.
"""


def presets_page(results: Mapping[str, Any]) -> str:
    """Return the whole page.

    Args:
        results: What was measured, by algorithm and environment (``ppo-CartPole``).
    """
    presets = all_presets()
    lines = [
        INTRODUCTION,
        "| environment | algorithm | steps per seed | source | confirmed |",
        "| --- | --- | ---: | --- | --- |",
    ]
    environments = dict.fromkeys(name for known in presets.values() for name in known.entries)
    for environment in environments:
        for algorithm, known in presets.items():
            if environment in known.entries:
                steps = known.entries[environment].algo["total_timesteps"]
                score = _confirmed(results.get(f"{algorithm}-{environment}"))
                lines.append(f"| {environment} | `{algorithm}` | {steps:,} | {known.source} | {score} |")
    lines += [
        "",
        "## Without an entry",
        "",
        "| algorithm | images | continuous actions | any other |",
        "| --- | --- | --- | --- |",
    ]
    for algorithm, known in presets.items():
        told = [_told(known, kind) for kind in ("images", "continuous", "default")]
        lines.append(f"| `{algorithm}` | {' | '.join(told)} |")
    return "\n".join(lines) + "\n"


def _told(presets: Presets, kind: str) -> str:
    entry = presets.otherwise.get(kind)
    if entry is None:
        return "as any other"
    return entry.told or f"{presets.source} for Atari"


def _confirmed(result: Mapping[str, Any] | None) -> str:
    if result is None:
        return "—"
    interval = "" if result["low"] is None else f" [{result['low']:.1f}, {result['high']:.1f}]"
    return f"{result['mean']:.1f}{interval}, {result['seeds']} seeds of {result['environment']}"


def recorded() -> dict[str, Any]:
    """Return what was measured, by pair; nothing outside of a checkout."""
    if not RESULTS.is_file():
        return {}
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))["results"]
    return found


if __name__ == "__main__":
    sys.stdout.write(presets_page(recorded()))
