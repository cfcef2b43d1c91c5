"""The backbone and head of ``policy`` in Flax, for pages in JAX; see :mod:`rlx.algorithms.networks` for torch's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
from flax import linen as nn

from rlx.config import RunConfig, hidden_sizes
from rlx.errors import PolicyUnusable

if TYPE_CHECKING:
    from gymnasium import Space


class FlaxMLP(nn.Module):
    """A multilayer perceptron: observations (…, *shape) to (…, outputs).

    Attributes:
        shape: Of one observation.
        widths: Of the hidden layers.
        outputs: How many numbers it gives.
        activation: Between layers, by its name in ``flax.linen``.
        gain: Of the last layer's orthogonal weights; √2 in the others; None: Flax's own initial weights (LeCun's).
    """

    shape: tuple[int, ...]
    widths: tuple[int, ...]
    outputs: int
    activation: str = "tanh"
    gain: float | None = 0.01

    @nn.compact
    def __call__(self, observations: Any) -> Any:
        """Return the outputs."""
        seen = jnp.asarray(observations, jnp.float32)
        seen = seen.reshape(*seen.shape[: seen.ndim - len(self.shape)], math.prod(self.shape))
        for width in self.widths:
            seen = getattr(nn, self.activation)(nn.Dense(width, kernel_init=self._weights(math.sqrt(2)))(seen))
        return nn.Dense(self.outputs, kernel_init=self._weights(self.gain))(seen)

    def _weights(self, gain: float | None) -> Any:
        plain = self.gain is None or gain is None
        return nn.initializers.lecun_normal() if plain else nn.initializers.orthogonal(gain)


def flax_mlp(
    config: RunConfig, observation_space: Space[Any], outputs: int, gain: float = 0.01, *, critic: bool = False
) -> FlaxMLP:
    """Return the network that ``policy`` of a configuration describes; ``network.init(key, observation)`` gives its weights.

    Args:
        config: The run; ``hidden_sizes``, ``activation`` and ``ortho_init`` of its ``policy`` are read.
        observation_space: Of one copy, a vector.
        outputs: How many numbers it gives: scores of actions, or one value.
        gain: Of the last layer's orthogonal weights. (0.01 in front of actions, 1 in front of values.)
        critic: Whether it has the critic's hidden sizes, where those are others.

    Raises:
        PolicyUnusable: ``policy.type`` asks for another network than an mlp.
    """
    policy = config.policy
    if policy.type != "mlp":
        raise PolicyUnusable(
            f"policy.type: {config.algo.name} is a page in JAX and has an mlp alone, not {policy.type!r}"
        )
    widths = tuple(hidden_sizes(config)[critic])
    return FlaxMLP(
        observation_space.shape or (), widths, outputs, policy.activation, gain if policy.ortho_init else None
    )
