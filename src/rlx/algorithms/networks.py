"""Networks put together from ``policy``: a backbone that makes features of observations, and a head that says something of them.

A backbone (:func:`backbone`) is chosen by ``policy.type`` and the observation space, and ends with the layers of
``policy.hidden_sizes``; a head (:func:`head`) by what is to be said and the action space. :func:`compose` joins them. Modules are
torch's alone; a network that the project registered (``rlx.policies.register``) is taken as it is.

Initial weights are orthogonal where ``policy.ortho_init`` says so, with the gains that PPO's are usually given: √2 in hidden layers,
0.01 in front of actions, 1 in front of values (Andrychowicz et al. 2021, https://arxiv.org/abs/2006.05990, section 3.2; Huang et al.
2022, *The 37 Implementation Details of PPO*, detail 2); torch's own otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from gymnasium.spaces.utils import flatdim
from torch import nn
from torch.distributions import Categorical, Distribution, Independent, Normal

from rlx.algorithms.learner import Observations
from rlx.algorithms.network_inputs import prepared, shown_space
from rlx.algorithms.orthogonal import orthogonal_
from rlx.algorithms.policies import ACTIVATIONS, own_network
from rlx.config import PolicyConfig, RunConfig, hidden_sizes
from rlx.envs import is_image

if TYPE_CHECKING:
    from gymnasium import Space

HIDDEN_GAIN, POLICY_GAIN, VALUE_GAIN = math.sqrt(2), 0.01, 1.0
NATURE = ((32, 8, 4), (64, 4, 2), (64, 3, 1))
"""Channels, kernel and stride of each layer (Mnih et al. 2015, Nature 518, extended data table 1); 512 features follow."""
KINDS = ("policy", "categorical", "gaussian", "value", "q_values")


class Head(nn.Module):
    """Says something of features: a layer, and what is made of its outputs; see :func:`head`."""

    def __init__(self, kind: str, action_space: Space[Any] | None):
        super().__init__()
        from gymnasium import spaces

        if kind == "policy":
            kind = "gaussian" if isinstance(action_space, spaces.Box) else "categorical"
        self.kind, self.gain = kind, VALUE_GAIN if kind in ("value", "q_values") else POLICY_GAIN
        self.shape: tuple[int, ...] = (1,)
        if kind == "gaussian" and isinstance(action_space, spaces.Box):
            self.shape = action_space.shape
        elif kind in ("categorical", "q_values") and isinstance(action_space, spaces.Discrete):
            self.shape = (int(action_space.n),)
        elif kind != "value":
            raise ValueError(f"a {kind} head is not for the actions {action_space}")

    def build(self, features: int, policy: PolicyConfig) -> None:
        """Make the layer, for a number of features."""
        self.layer = nn.Linear(features, math.prod(self.shape))
        initialise(self.layer, self.gain, orthogonal=policy.ortho_init)
        if self.kind == "gaussian":
            self.log_std = nn.Parameter(torch.full(self.shape, policy.log_std_init))

    def forward(self, features: torch.Tensor) -> torch.Tensor | Distribution:
        """Return what :func:`head` says, for (B, features)."""
        outputs: torch.Tensor = self.layer(features)
        if self.kind == "categorical":
            return Categorical(logits=outputs)
        if self.kind == "gaussian":
            means = outputs.view(-1, *self.shape)
            return Independent(Normal(means, self.log_std.exp().expand_as(means)), len(self.shape))
        return outputs.squeeze(-1) if self.kind == "value" else outputs


class Backbone(nn.Module):
    """Makes (B, features_dim) features of observations as environments give them; see :func:`backbone`."""

    def __init__(self, config: RunConfig, space: Space[Any], root: Path | None, role: Literal["actor", "critic"]):
        super().__init__()
        self.policy, self.space = config.policy, space
        network = None if root is None else own_network(root, config.policy.type)
        convolves = config.policy.type == "cnn" or isinstance(space, Mapping)
        made = network(shown_space(space), **config.policy.kwargs) if network else EachPart(space, convolves=convolves)
        width, layers = int(made.features_dim), list[nn.Module]()
        for size in hidden_sizes(config)[role == "critic"]:
            layers += [nn.Linear(width, size), getattr(nn, ACTIVATIONS[config.policy.activation])()]
            width = size
        self.seen, self.layers, self.features_dim = made, nn.Sequential(*layers), width
        initialise(self.layers if network else self, HIDDEN_GAIN, orthogonal=config.policy.ortho_init)

    def forward(self, observations: Observations) -> torch.Tensor:
        """Map observations (arrays, tensors or dicts of them, B rows) to features."""
        device = next((parameter.device for parameter in self.parameters()), torch.device("cpu"))
        features: torch.Tensor = self.layers(self.seen(prepared(observations, self.space, device)))
        return features


class EachPart(nn.Module):
    """Makes (B, features_dim) features of prepared observations: images by a CNN if asked to, all else as it is, side by side."""

    def __init__(self, space: Space[Any], *, convolves: bool):
        super().__init__()
        shown, self.features_dim = shown_space(space), 0
        self.keys = list(shown) if isinstance(shown, Mapping) else []
        self.parts = nn.ModuleList()
        for part in [shown[key] for key in self.keys] if self.keys else [shown]:
            self.parts.append(NatureCNN(part.shape) if convolves and is_image(part) else nn.Flatten())
            self.features_dim += getattr(self.parts[-1], "features_dim", flatdim(part))

    def forward(self, observations: Any) -> torch.Tensor:
        """Map them."""
        each = [observations[key] for key in self.keys] if self.keys else [observations]
        return torch.cat([part(seen) for part, seen in zip(self.parts, each, strict=True)], dim=1)


class NatureCNN(nn.Sequential):
    """Mnih et al.'s convolutions: (B, channels, height, width) to (B, 512)."""

    features_dim = 512

    def __init__(self, shape: tuple[int, int, int]):
        (channels, *size), layers = shape, list[nn.Module]()
        for made, kernel, stride in NATURE:
            layers += [nn.Conv2d(channels, made, kernel, stride), nn.ReLU()]
            channels, size = made, [(side - kernel) // stride + 1 for side in size]
        if min(size) < 1:
            raise ValueError(f"images of {shape[1]} × {shape[2]} are too small for the cnn")
        super().__init__(*layers, nn.Flatten(), nn.Linear(channels * math.prod(size), self.features_dim), nn.ReLU())


class Composed(nn.Module):
    """A backbone with a head on it: ``network(observations)`` is what the head says of B rows.

    Attributes:
        backbone: Makes (B, features_dim) features.
        head: Says something of them.
    """

    def __init__(self, backbone: nn.Module, head: nn.Module):
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, observations: Any) -> Any:
        """Return what the head says of observations."""
        return self.head(self.backbone(observations))


def backbone(
    config: RunConfig,
    observation_space: Space[Any],
    root: Path | None = None,
    role: Literal["actor", "critic"] = "actor",
) -> Backbone:
    """Return what makes features of observations, as ``policy`` of a configuration says.

    Vectors go through as they are, discrete observations as ones and zeros, byte images (divided by 255, channels in front) through
    the Nature CNN where ``policy.type`` is ``cnn``, a dict's parts each by its kind and side by side; then come the layers of ``policy.hidden_sizes`` with
    ``policy.activation``. A registered network takes the place of all but those layers.

    Args:
        config: The run.
        observation_space: Of one copy.
        root: The project (``env.root``), for networks of its own.
        role: Whose ``hidden_sizes``, where actor and critic have their own.

    Raises:
        PolicyUnusable: There is no such network.
    """
    return Backbone(config, observation_space, root, role)


def head(kind: str, action_space: Space[Any] | None = None) -> Head:
    """Return what says something of features; :func:`compose` makes its layer.

    ============  =========================================================================================================
    ``kind``      what it gives of B rows
    ============  =========================================================================================================
    policy        a distribution that fits the actions: categorical of discrete ones, gaussian of continuous ones
    categorical   ``torch.distributions.Categorical`` over the actions, B
    gaussian      a normal distribution of (B, …) actions, their elements independent; its deviation is a parameter of its own
                  (``log_std``, from ``policy.log_std_init``), the same for all observations
    value         (B,), one number
    q_values      (B, A), one number per discrete action
    ============  =========================================================================================================

    Raises:
        ValueError: There is no such kind, or it does not fit the actions.
    """
    if kind not in KINDS:
        raise ValueError(f"there is no head {kind!r}; one of {', '.join(KINDS)}, or a module of your own")
    return Head(kind, action_space)


def compose(backbone: nn.Module, head: nn.Module) -> Composed:
    """Return a network of a backbone and a head: any modules of which the one gives what the other takes.

    A head of :func:`head` gets its layer now, for ``backbone.features_dim`` features.
    """
    if isinstance(head, Head):
        head.build(int(getattr(backbone, "features_dim")), getattr(backbone, "policy", PolicyConfig()))  # noqa: B009
    return Composed(backbone, head)


def initialise(module: nn.Module, gain: float, *, orthogonal: bool) -> None:
    """Let the layers of a module begin orthogonal, with zero biases, where that is wanted."""
    for layer in module.modules() if orthogonal else ():
        if isinstance(layer, nn.Linear | nn.Conv2d) and layer.bias is not None:
            orthogonal_(layer.weight, gain)
            nn.init.zeros_(layer.bias)
