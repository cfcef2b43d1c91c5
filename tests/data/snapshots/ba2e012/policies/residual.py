"""A residual network for vector observations: `policy: {type: residual, kwargs: {width: 64, blocks: 2}}`.

Normalised pre-activation blocks (He et al. 2016; layer normalisation as in Ba et al. 2016): a deeper network that
still trains with PPO's usual learning rates. The actor's and critic's own layers (`policy.hidden_sizes`) follow it.
"""

from __future__ import annotations

import gymnasium as gym
import torch
from rlx.policies import register
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import nn


class Block(nn.Module):
    """x + W₂ relu(W₁ norm(x))."""

    def __init__(self, width: int):
        super().__init__()
        self.inner = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map (batch, width) to (batch, width)."""
        return features + self.inner(features)


@register("residual")
class Residual(BaseFeaturesExtractor):
    """Turns (batch, *observation) into (batch, width) features."""

    def __init__(self, observation_space: gym.Space, width: int = 64, blocks: int = 2):
        super().__init__(observation_space, features_dim=width)
        size = gym.spaces.utils.flatdim(observation_space)
        layers = [nn.Flatten(), nn.Linear(size, width), *(Block(width) for _ in range(blocks)), nn.LayerNorm(width)]
        self.layers = nn.Sequential(*layers)

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Map a batch of observations to features."""
        return self.layers(observations)
