"""REINFORCE with a mean baseline: a page to copy and change for an algorithm of your own.

Williams 1992, Simple statistical gradient-following algorithms for connectionist reinforcement learning. The environments
keep the clock, the episodes and the normaliser; what is here is the learning alone.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from rlx.algorithms import AlgorithmConfig, register


class Settings(AlgorithmConfig):
    """REINFORCE: the policy gradient of whole episodes, against the mean return of the update."""

    shapes_policy: ClassVar[tuple[str, ...]] = ("hidden_size",)
    name: Literal["reinforce"] = "reinforce"
    """The algorithm."""
    learning_rate: Annotated[float, Field(gt=0)] = 3e-3
    """Adam's step size. (Usually 1e-3–1e-2.)"""
    gamma: Annotated[float, Field(ge=0, le=1)] = 0.99
    """Discount factor. (Usually 0.9–0.9999.)"""
    episodes: Annotated[int, Field(ge=1)] = 8
    """Episodes behind each update. (Usually 4–32.)"""
    hidden_size: Annotated[int, Field(ge=1)] = 64
    """Width of the hidden layer."""


METRICS = {
    "train/loss": "policy-gradient loss of the update",
    "train/entropy": "mean entropy of the policy over the update's samples, in nats",
}


@register("reinforce", Config=Settings, metrics=METRICS, actions=("discrete",), reads_policy=False)
class Reinforce:
    """One seed in training; see `rlx.algorithms.Learner` for what each method promises."""

    def __init__(self, config: Any, env: Any, seed: int, device: str):
        import torch
        from torch import nn

        torch.manual_seed(seed)
        self.algo, self.env, width = config.algo, env, config.algo.hidden_size
        first = nn.Linear(int(np.prod(env.observation_space.shape)), width)
        self.network = nn.Sequential(nn.Flatten(), first, nn.Tanh(), nn.Linear(width, env.action_space.n)).to(device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=self.algo.learning_rate)
        self.device = device

    def boundary(self, seed: int) -> None:
        """Begin fresh episodes; torch, which draws the actions, is seeded already."""
        self.seen = self.env.reset(seed)
        self.running: list[list[Any]] = [[] for _ in range(self.env.num_envs)]

    def advance(self) -> dict[str, float]:
        """Play until enough episodes have ended, then take one step along their gradient."""
        import torch

        ended: list[list[Any]] = []
        while len(ended) < self.algo.episodes:
            with torch.no_grad():
                actions_N = self._distribution(self.seen).sample().cpu().numpy()
            step = self.env.step(actions_N)
            for n, episode in enumerate(self.running):
                episode.append((self.seen[n], actions_N[n], step.rewards_N[n]))
                if step.ended_N[n]:
                    ended, self.running[n] = [*ended, episode], []
            self.seen = step.observations
        observations, actions, returns = (
            np.concatenate(part) for part in zip(*map(self._with_returns, ended), strict=True)
        )
        distribution = self._distribution(observations)
        advantages = torch.as_tensor((returns - returns.mean()) / (returns.std() + 1e-8), dtype=torch.float32)
        log_probs = distribution.log_prob(torch.as_tensor(actions, device=self.device))
        loss = -(log_probs * advantages.to(self.device)).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"train/loss": loss.item(), "train/entropy": distribution.entropy().mean().item()}

    def _with_returns(self, episode: list[Any]) -> tuple[Any, Any, Any]:
        observations, actions, rewards = map(np.array, zip(*episode, strict=True))
        discounted = rewards * self.algo.gamma ** np.arange(len(rewards))
        return observations, actions, np.cumsum(discounted[::-1])[::-1]

    def _distribution(self, observations: Any) -> Any:
        import torch

        seen = torch.as_tensor(observations, dtype=torch.float32, device=self.device)
        return torch.distributions.Categorical(logits=self.network(seen))

    def state(self) -> dict[str, Any]:
        """Return everything that `boundary` does not make anew."""
        return {"policy": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take a state over; `policy` alone is enough to act."""
        self.network.load_state_dict(state["policy"])
        if "optimizer" in state:
            self.optimizer.load_state_dict(state["optimizer"])

    def policy(self, seed: int) -> Reinforce:
        """Return the present policy: this learner can act itself."""
        return self

    def act(self, observations: Any, memory: Any, episode_starts_N: Any, masks: Any, deterministic: bool) -> Any:
        """Return the most likely actions, or drawn ones."""
        import torch

        with torch.no_grad():
            distribution = self._distribution(observations)
            chosen = distribution.probs.argmax(1) if deterministic else distribution.sample()
        return chosen.cpu().numpy(), memory
