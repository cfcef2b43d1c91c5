"""REINFORCE with a mean baseline (Williams 1992, Machine Learning 8, 229–256): a page to copy and change.

The environments keep the clock, the episodes and the normaliser; `policy` says what the network is. Here is the learning alone.
`rlx check-algorithm reinforce` tells whether a changed page still does what `rlx.algorithms.Learner` promises.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field

from rlx.algorithms import AlgorithmConfig, discounted_returns, register, row_of, stack
from rlx.policies import backbone, compose, head


class Settings(AlgorithmConfig):
    """REINFORCE: the policy gradient of whole episodes, against the mean return of the update."""

    name: Literal["reinforce"] = "reinforce"
    """The algorithm."""
    learning_rate: Annotated[float, Field(gt=0)] = 3e-3
    """Adam's step size. (Usually 1e-3–1e-2.)"""
    gamma: Annotated[float, Field(ge=0, le=1)] = 0.99
    """Discount factor. (Usually 0.9–0.9999.)"""
    episodes: Annotated[int, Field(ge=1)] = 8
    """Episodes behind each update. (Usually 4–32.)"""


METRICS = {"train/loss": "policy-gradient loss", "train/entropy": "mean entropy of the policy's choices, in nats"}
SEES = ("vector", "image", "dict", "discrete")


@register("reinforce", Config=Settings, metrics=METRICS, observations=SEES, actions=("discrete", "continuous"))
class Reinforce:
    """One seed in training; `rlx.algorithms.Learner` says what each method promises."""

    def __init__(self, config: Any, env: Any, seed: int, device: str):
        torch.manual_seed(seed)
        self.algo, self.env, self.device = config.algo, env, device
        seen = backbone(config, env.observation_space, env.root)
        self.network = compose(seen, head("policy", env.action_space)).to(device)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=self.algo.learning_rate)

    def boundary(self, seed: int) -> None:
        """Begin fresh episodes; torch, which draws the actions, is seeded already."""
        self.seen, self.running = self.env.reset(seed), [[] for _ in range(self.env.num_envs)]

    def advance(self) -> dict[str, float]:
        """Play until enough episodes have ended, then take one step along their gradient."""
        ended: list[list[Any]] = []
        while len(ended) < self.algo.episodes:
            actions_N, _ = self.act(self.seen, None, None, None, deterministic=False)
            step = self.env.step(actions_N)
            for n, episode in enumerate(self.running):
                episode.append((row_of(self.seen, n), actions_N[n], step.rewards_N[n]))
                if step.ended_N[n]:
                    ended, self.running[n] = [*ended, episode], []
            self.seen = step.observations
        observations, actions, _ = zip(*(taken for episode in ended for taken in episode), strict=True)
        returns = np.concatenate([discounted_returns(np.array([r for *_, r in e]), self.algo.gamma) for e in ended])
        advantages = torch.as_tensor((returns - returns.mean()) / (returns.std() + 1e-8)).float().to(self.device)
        distribution = self.network(stack(observations))
        loss = -(distribution.log_prob(torch.as_tensor(np.array(actions)).to(self.device)) * advantages).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"train/loss": loss.item(), "train/entropy": distribution.entropy().mean().item()}

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

    @torch.no_grad()
    def act(self, observations: Any, memory: Any, starts_N: Any, masks: Any, deterministic: bool) -> Any:
        """Return the most likely actions, or drawn ones."""
        distribution = self.network(observations)
        return (distribution.mode if deterministic else distribution.sample()).cpu().numpy(), memory
