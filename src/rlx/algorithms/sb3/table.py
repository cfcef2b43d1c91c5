"""Stable-Baselines3's and sb3-contrib's algorithms by name: where each is, and what it handles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rlx.algorithms.sb3.off_policy_settings import (
    CrossQConfig,
    DDPGConfig,
    DQNConfig,
    QRDQNConfig,
    SACConfig,
    TD3Config,
    TQCConfig,
)
from rlx.algorithms.sb3.on_policy_settings import (
    A2CConfig,
    ARSConfig,
    MaskablePPOConfig,
    RecurrentPPOConfig,
    TRPOConfig,
)
from rlx.algorithms.sb3.settings import PerIteration

Family = Literal["on-policy", "off-policy", "evolution"]
SB3, CONTRIB = "stable_baselines3", "sb3_contrib"
HAVE_KERNELS = ("dqn", "sac", "td3")
"""Those whose policies, and trainings where they are covered, are computed by compiled kernels."""
ENGINES = {SB3: "stable-baselines3", CONTRIB: "sb3-contrib"}
ALL = ("vector", "image", "dict", "discrete", "other")
FLAT = ("vector", "discrete", "other")
DISCRETE, CONTINUOUS = ("discrete",), ("continuous",)


@dataclass(frozen=True)
class Library:
    """An algorithm of a library.

    Attributes:
        package: What to import.
        cls: Its class there.
        Config: Its settings.
        family: See :class:`rlx.algorithms.Algorithm`.
        observations: Likewise.
        actions: Likewise.
        masks: Likewise.
    """

    package: str
    cls: str
    Config: type[PerIteration]
    family: Family
    observations: Sequence[str]
    actions: Sequence[str]
    masks: Literal["ignored", "needed"] = "ignored"


TABLE: dict[str, Library] = {
    "a2c": Library(SB3, "A2C", A2CConfig, "on-policy", ALL, ("discrete", "continuous", "multi")),
    "dqn": Library(SB3, "DQN", DQNConfig, "off-policy", ALL, DISCRETE),
    "sac": Library(SB3, "SAC", SACConfig, "off-policy", ALL, CONTINUOUS),
    "td3": Library(SB3, "TD3", TD3Config, "off-policy", ALL, CONTINUOUS),
    "ddpg": Library(SB3, "DDPG", DDPGConfig, "off-policy", ALL, CONTINUOUS),
    "tqc": Library(CONTRIB, "TQC", TQCConfig, "off-policy", ALL, CONTINUOUS),
    "qrdqn": Library(CONTRIB, "QRDQN", QRDQNConfig, "off-policy", ALL, DISCRETE),
    "crossq": Library(CONTRIB, "CrossQ", CrossQConfig, "off-policy", FLAT, CONTINUOUS),
    "trpo": Library(CONTRIB, "TRPO", TRPOConfig, "on-policy", ALL, ("discrete", "continuous", "multi")),
    "ars": Library(CONTRIB, "ARS", ARSConfig, "evolution", FLAT, ("discrete", "continuous")),
    "recurrent_ppo": Library(
        CONTRIB, "RecurrentPPO", RecurrentPPOConfig, "on-policy", ALL, ("discrete", "continuous", "multi")
    ),
    "maskable_ppo": Library(
        CONTRIB, "MaskablePPO", MaskablePPOConfig, "on-policy", ALL, ("discrete", "multi"), "needed"
    ),
}
