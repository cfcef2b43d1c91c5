"""The reference run of each algorithm, as data: `references.yaml` beside this file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rlx.config.presets import presets_of

FILE = Path(__file__).with_name("references.yaml")


@dataclass(frozen=True)
class Reference:
    """What is trained.

    Attributes:
        name: An algorithm and an environment: `sac-Pendulum`.
        config: What `configs/<run>.yaml` says of it.
        is_preset: Whether that is a preset as it stands, so that its scores are the preset's.
    """

    name: str
    config: dict[str, Any]
    is_preset: bool

    @property
    def algorithm(self) -> str:
        """Its name in rlx."""
        return self.name.partition("-")[0]


def references() -> dict[str, Reference]:
    """Return the reference runs by name."""
    data = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {name: _reference(name, said, data["base"]) for name, said in data["references"].items()}


def quick() -> list[str]:
    """Return the names of the reference runs that a quick check trains."""
    return list(yaml.safe_load(FILE.read_text(encoding="utf-8"))["quick"])


def margins() -> dict[str, float]:
    """Return how much worse does not matter, by environment."""
    return dict(yaml.safe_load(FILE.read_text(encoding="utf-8"))["margins"])


def _reference(name: str, said: dict[str, Any], base: dict[str, Any]) -> Reference:
    algorithm, _, environment = name.partition("-")
    config: dict[str, Any] = {**base, "env": {}, "algo": {"name": algorithm}, "policy": {}}
    own = {part: said.get(part, {}) for part in ("env", "algo", "policy")}
    config["final_eval"] = {**base["final_eval"], **said.get("final_eval", {})}
    is_preset = said.get("preset", False)
    preset = presets_of(algorithm).entries[environment] if is_preset else None
    for part, settings in own.items():
        config[part] = {**config[part], **(getattr(preset, part) if preset else {}), **settings}
    if is_preset and "id" not in config["env"]:
        config["env"]["id"] = IDS[environment]
    config["eval"] = {**config["eval"], "every": config["algo"]["total_timesteps"]}  # only the finished policy
    return Reference(name, config, is_preset and not any(own.values()))


IDS = {"CartPole": "CartPole-v1", "Pendulum": "Pendulum-v1", "MountainCarContinuous": "MountainCarContinuous-v0"}
"""The versions of environments that presets do not say."""
