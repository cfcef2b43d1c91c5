"""SBX's algorithms by name: where each is, and what it handles."""

from __future__ import annotations

from rlx.algorithms.sb3.table import CONTINUOUS, DISCRETE, Library
from rlx.algorithms.sbx.settings import (
    SBXCrossQConfig,
    SBXDQNConfig,
    SBXPPOConfig,
    SBXSACConfig,
    SBXTD3Config,
    SBXTQCConfig,
)

SBX = "sbx"
TABLE: dict[str, Library] = {
    "sbx_ppo": Library(SBX, "PPO", SBXPPOConfig, "on-policy", ("vector", "image"), ("discrete", "continuous", "multi")),
    "sbx_sac": Library(SBX, "SAC", SBXSACConfig, "off-policy", ("vector", "dict"), CONTINUOUS),
    "sbx_td3": Library(SBX, "TD3", SBXTD3Config, "off-policy", ("vector", "dict"), CONTINUOUS),
    "sbx_dqn": Library(SBX, "DQN", SBXDQNConfig, "off-policy", ("vector", "image"), DISCRETE),
    "sbx_crossq": Library(SBX, "CrossQ", SBXCrossQConfig, "off-policy", ("vector", "dict"), CONTINUOUS),
    "sbx_tqc": Library(SBX, "TQC", SBXTQCConfig, "off-policy", ("vector", "dict"), CONTINUOUS),
}
