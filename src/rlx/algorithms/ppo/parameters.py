"""A policy's parameters and Adam moments in flat memory, and what its outputs mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import nn

from rlx.algorithms.flat_memory import FlatMemory, is_wide, network_of
from rlx.algorithms.kernels import Network
from rlx.algorithms.kernels.network import turn
from rlx.algorithms.ppo.kernels import Head, Policy
from rlx.algorithms.ppo.kernels.distributions import BERNOULLI, CATEGORICAL, GAUSSIAN, of_head
from rlx.launch import has_fma

Array = np.ndarray[Any, Any]


class Layout:
    """Where each of a Stable-Baselines3 policy's parameters lies in one flat vector, one after another.

    Attributes:
        places: Where each begins, by its name.
        size: Numbers in all (P).
        actor, critic: Where the two networks lie.
        head: What the actor's outputs mean.
    """

    def __init__(self, policy: Any):
        named = list(policy.named_parameters())
        begins = np.cumsum([0, *(parameter.numel() for _, parameter in named)])
        self.places = {name: int(begin) for (name, _), begin in zip(named, begins, strict=False)}
        self.size = int(begins[-1])
        extractor = policy.mlp_extractor
        self.actor = self._network("mlp_extractor.policy_net", extractor.policy_net, "action_net", policy.action_net)
        self.critic = self._network("mlp_extractor.value_net", extractor.value_net, "value_net", policy.value_net)
        self.head = head(policy.action_space, self.places.get("log_std", -1))

    def turn(self, values: Array, turned: Array) -> None:
        """Write a policy's parameters as acting takes them: with weight matrices transposed."""
        for network in (self.actor, self.critic):
            turn(values, network, turned)
        if self.head.log_std >= 0:
            of_head(self.head, turned)[:] = of_head(self.head, values)

    def _network(self, name: str, hidden: nn.Sequential, last: str, output: nn.Linear) -> Network:
        layers = [(f"{name}.{index}", layer) for index, layer in enumerate(hidden) if isinstance(layer, nn.Linear)]
        layers.append((last, output))
        kinds = [layer for layer in hidden if not isinstance(layer, nn.Linear)]
        places = [[self.places[f"{layer}.weight"], self.places[f"{layer}.bias"]] for layer, _ in layers]
        return network_of(np.array(places), [layer for _, layer in layers], kinds)


def acting_copy(policy: Any) -> Policy:
    """Return a policy as playing takes it, apart from torch's: what is learned later does not change it."""
    layout = Layout(policy)
    values = np.concatenate([each.detach().reshape(-1).cpu().numpy() for each in policy.parameters()])
    turned = np.zeros_like(values)
    layout.turn(values, turned)
    return Policy(turned, layout.actor, layout.critic, layout.head)


class FlatParameters(FlatMemory):
    """The flat memory of a Stable-Baselines3 actor-critic policy and its Adam.

    Attributes:
        layout: Where in it what lies.
        head: What the actor's outputs mean.
        own: Whether an update's products are our own; acting's are wherever processors have what makes them fast.
    """

    def __init__(self, policy: Any, *, portable: bool):
        self.layout = Layout(policy)
        self.actor, self.critic, self.head = self.layout.actor, self.layout.critic, self.layout.head
        self.own = has_fma() and (portable or not is_wide(self.actor, self.critic))
        super().__init__(list(policy.parameters()), policy.optimizer)

    @property
    def policy(self) -> Policy:
        """The policy as the update takes it."""
        actor, critic = (each._replace(turned=self.own, own=self.own) for each in (self.actor, self.critic))
        return Policy(self.values, actor, critic, self.head)

    @property
    def acting(self) -> Policy:
        """The policy as acting takes it: the turned copy."""
        actor, critic = (each._replace(own=has_fma()) for each in (self.actor, self.critic))
        return Policy(self.turned, actor, critic, self.head)

    def refresh(self) -> None:
        """Bring ``turned`` up to date."""
        self.layout.turn(self.values, self.turned)


def head(space: spaces.Space[Any], log_std: int) -> Head:
    """Return what the actor's outputs mean for an action space."""
    if isinstance(space, spaces.Box):
        return Head(GAUSSIAN, np.ones(int(np.prod(space.shape)), np.int64), log_std)
    if isinstance(space, spaces.MultiBinary):
        return Head(BERNOULLI, np.ones(int(np.prod(space.shape)), np.int64), -1)
    options = [space.n] if isinstance(space, spaces.Discrete) else np.ravel(space.nvec)  # type: ignore[attr-defined]
    return Head(CATEGORICAL, np.array(options, np.int64), -1)


def bounds_of(space: spaces.Space[Any], elements: int) -> Array:
    """Return the lowest and the highest number of each element of an action (2 × A); infinite where it has no bounds."""
    bounds = np.array([[-np.inf], [np.inf]]).repeat(elements, axis=1).astype(np.float32)
    if isinstance(space, spaces.Box):
        bounds[:] = np.ravel(space.low), np.ravel(space.high)
    return bounds


def log_std_of(policy: Policy) -> Array:
    """Return a policy's log σ (others, never looked at, where it has none)."""
    found: Array = of_head(policy.head, policy.parameters)
    return found


def noise_views(head: Head, noise_TW: torch.Tensor, rows: int) -> list[torch.Tensor]:
    """Return views of a rollout's random numbers in the order in which Stable-Baselines3 would draw them."""
    if head.kind != CATEGORICAL:
        return list(noise_TW.unbind(0))
    return [part for noise_W in noise_TW.unbind(0) for part in torch.split(noise_W, (rows * head.options).tolist())]


def refresh(head: Head, views: list[torch.Tensor]) -> None:
    """Draw new random numbers from torch's global generator, call by call as its distributions would."""
    if head.kind == CATEGORICAL:
        for view in views:
            view.exponential_()
    elif head.kind == GAUSSIAN:
        for view in views:
            view.normal_()
    else:
        for view in views:
            view.uniform_()
