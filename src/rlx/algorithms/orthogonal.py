"""Orthogonal initial weights (Saxe et al. 2014, https://arxiv.org/abs/1312.6120) with the same bits on every processor.

torch takes them from LAPACK's QR decomposition, whose last bits depend on the processor. These are the same matrices but for
rounding: the factor Q of the same random numbers, with R's diagonal positive, which makes it unique; by Gram and Schmidt's process,
each vector twice ("twice is enough": Giraud, Langou & Rozložník 2005), in float64.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from rlx.launch import elementwise


@elementwise
def orthonormalize(v_RC):
    """Make rows orthogonal, and of length 1."""
    for i in range(v_RC.shape[0]):
        for _ in range(2):
            for j in range(i):
                along = 0.0
                for k in range(v_RC.shape[1]):
                    along += v_RC[j, k] * v_RC[i, k]
                for k in range(v_RC.shape[1]):
                    v_RC[i, k] -= along * v_RC[j, k]
        length = 0.0
        for k in range(v_RC.shape[1]):
            length += v_RC[i, k] * v_RC[i, k]
        length = math.sqrt(length)
        for k in range(v_RC.shape[1]):
            v_RC[i, k] /= length


def orthogonal_(tensor: torch.Tensor, gain: float = 1.0, generator: torch.Generator | None = None) -> torch.Tensor:
    """Do what ``torch.nn.init.orthogonal_`` does, from the same random numbers: its weights but for rounding.

    Args:
        tensor: With two axes or more; all but the first count as one.
        gain: What the matrix is multiplied with.
        generator: Of the random numbers; torch's global one by default.

    Raises:
        ValueError: It has fewer axes.
    """
    if tensor.ndim < 2:
        raise ValueError("only tensors with two axes or more can be orthogonal")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    drawn = torch.empty(rows, tensor.numel() // rows).normal_(generator=generator).numpy().astype(np.float64)
    is_tall = drawn.shape[0] >= drawn.shape[1]
    vectors = np.ascontiguousarray(drawn.T if is_tall else drawn)
    orthonormalize(vectors)
    made = np.ascontiguousarray(vectors.T if is_tall else vectors)
    with torch.no_grad():
        tensor.copy_(torch.from_numpy(made * gain).view_as(tensor))
    return tensor


@contextmanager
def same_initial_weights() -> Iterator[None]:
    """Let networks that are made in this block, by whoever's code, begin with :func:`orthogonal_` where they ask torch for that."""
    init: Any = torch.nn.init
    original = init.orthogonal_
    init.orthogonal_ = orthogonal_
    try:
        yield
    finally:
        init.orthogonal_ = original
