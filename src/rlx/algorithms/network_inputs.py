"""Observations as networks take them: ``float32`` tensors, images with channels in front, discrete ones as ones and zeros."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch.nn.functional import one_hot

from rlx.envs import is_image, is_image_channels_first


def shown_space(space: Any) -> Any:
    """Return the space of what a network is shown: images have their channels in front."""
    if isinstance(space, spaces.Dict):
        return spaces.Dict({key: shown_space(one) for key, one in space.items()})
    if not is_image(space) or is_image_channels_first(space):
        return space
    return spaces.Box(0, 255, (space.shape[2], *space.shape[:2]), np.uint8)


def prepared(observations: Any, space: Any, device: torch.device) -> Any:
    """Return observations of a space, B rows, as a network takes them.

    Images are divided by 255; discrete observations become (B, choices) ones and zeros, those of several choices side by side; all
    else keeps its shape.
    """
    if isinstance(space, spaces.Dict):
        return {key: prepared(observations[key], one, device) for key, one in space.items()}
    seen = torch.as_tensor(observations, device=device)
    if isinstance(space, spaces.Discrete):
        return one_hot(seen.long().view(-1) - int(space.start), int(space.n)).float()
    if isinstance(space, spaces.MultiDiscrete):
        parts = zip(seen.long().view(len(seen), -1).unbind(1), space.nvec.reshape(-1), strict=True)
        return torch.cat([one_hot(part, int(size)) for part, size in parts], dim=1).float()
    if not is_image(space):
        return seen.float()
    return (seen if is_image_channels_first(space) else seen.permute(0, 3, 1, 2)).float() / 255.0
