"""Parameters and Adam moments in one flat vector each, shared between torch and the kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from rlx.algorithms.kernels import WIDE, Network, Optimizer
from rlx.algorithms.kernels.network import ELU, LEAKY_RELU, RELU, TANH

Array = np.ndarray[Any, Any]
ACTIVATIONS: dict[type[nn.Module], int] = {nn.Tanh: TANH, nn.ReLU: RELU, nn.LeakyReLU: LEAKY_RELU, nn.ELU: ELU}


class FlatMemory:
    """Binds torch's parameters, and the state of their Adam, to flat float32 memory.

    They become views of it, so both sides always see the same numbers, and ``state_dict`` works as ever.

    Attributes:
        places: Where each parameter begins, by itself.
        values, moments1, moments2, gradient: Arrays (P,), float32.
        turned: The values with weight matrices transposed (brought up to date by whoever reads it).
        adam_steps: Adam steps taken.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], adam: Any = None):
        """Bind them, in the order in which they are to lie; without ``adam`` they are not learned (those of a target network)."""
        self._adam, self.places = adam, places_of(parameters)
        size = sum(parameter.numel() for parameter in parameters)
        self._flat = [torch.zeros(size) for _ in range(3)]
        self.values, self.moments1, self.moments2 = (tensor.numpy() for tensor in self._flat)
        self.gradient, self.turned = np.zeros_like(self.values), np.zeros_like(self.values)
        self.adam_steps, self._steps = 0, torch.zeros(len(parameters))
        self.bind()

    def bind(self) -> None:
        """Take in torch's present numbers, and make its tensors views of the flat memory again.

        To be called after anything that may have replaced them, such as loading an optimiser's state.
        """
        values, first, second = self._flat
        for number, (parameter, begin) in enumerate(self.places.items()):
            here = slice(begin, begin + parameter.numel())
            values[here] = parameter.data.reshape(-1)
            parameter.data = values[here].view(parameter.shape)
            if self._adam is None:
                continue
            known = self._adam.state.get(parameter) or {}
            for flat, key in ((first, "exp_avg"), (second, "exp_avg_sq")):
                flat[here] = known[key].reshape(-1) if known else 0.0
            self.adam_steps = int(known["step"]) if known else 0
            self._steps[number] = float(self.adam_steps)
            self._adam.state[parameter] = {
                "step": self._steps[number],
                "exp_avg": first[here].view(parameter.shape),
                "exp_avg_sq": second[here].view(parameter.shape),
            }

    @property
    def optimizer(self) -> Optimizer:
        """What Adam keeps, as the update takes it."""
        return Optimizer(self.gradient, self.moments1, self.moments2, self.turned)

    def count(self, adam_steps: int) -> None:
        """Note how many Adam steps have been taken."""
        self.adam_steps = adam_steps
        self._steps.fill_(float(adam_steps))


def places_of(parameters: Sequence[nn.Parameter]) -> dict[nn.Parameter, int]:
    """Return where each parameter begins in a flat vector that holds them in this order."""
    begins = np.cumsum([0, *(parameter.numel() for parameter in parameters)])
    return {parameter: int(begin) for parameter, begin in zip(parameters, begins, strict=False)}


def network_of(places: Array, layers: Sequence[nn.Linear], kinds: Sequence[nn.Module]) -> Network:
    """Return where a multilayer perceptron lies.

    Args:
        places: For each layer, where its weights and its biases begin.
        layers: Its linear layers.
        kinds: The activations between them.
    """
    widths = [layers[0].in_features, *(layer.out_features for layer in layers)]
    activation = ACTIVATIONS[type(kinds[0])] if kinds else TANH
    return Network(np.array(widths), np.array(places), activation, turned=True, own=True)


def perceptron(places: Mapping[nn.Parameter, int], modules: Any) -> Network:
    """Return where a multilayer perceptron of stock modules lies; a last tanh is the caller's."""
    layers: list[Any] = [layer for layer in modules if isinstance(layer, nn.Linear)]
    found = np.array([[places[layer.weight], places[layer.bias]] for layer in layers])
    return network_of(found, layers, [layer for layer in modules if not isinstance(layer, nn.Linear)])


def is_wide(*networks: Network) -> bool:
    """Tell whether a layer is so wide that BLAS multiplies it faster than we do."""
    return any(min(sides) >= WIDE for network in networks for sides in pairwise(network.widths.tolist()))
