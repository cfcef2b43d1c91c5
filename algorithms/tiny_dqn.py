"""Double DQN (Mnih et al. 2015, Nature 518; van Hasselt et al. 2016) with n-step returns: an off-policy page to copy."""

import copy
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field

from rlx.algorithms import AlgorithmConfig, Replay, register
from rlx.policies import backbone, compose, head


class Settings(AlgorithmConfig):
    """DQN, with n-step returns."""

    name: Literal["tiny_dqn"] = "tiny_dqn"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Adam's step size. (Usually 1e-4–1e-3.)"""
    gamma: Annotated[float, Field(ge=0, le=1)] = 0.99
    """Discount factor. (Usually 0.9–0.9999.)"""
    buffer_size: Annotated[int, Field(ge=1)] = 50_000
    """Transitions kept. (Usually 10,000–1,000,000.)"""
    batch_size: Annotated[int, Field(ge=1)] = 64
    """Transitions behind each gradient step. (Usually 32–256.)"""
    return_steps: Annotated[int, Field(ge=1)] = 1
    """Rewards summed before bootstrapping. (Usually 1–5.)"""
    learning_starts: Annotated[int, Field(ge=0)] = 1000
    """Environment steps of random play before the first update."""
    tau: Annotated[float, Field(gt=0, le=1)] = 0.01
    """How far the target network follows at each update. (Usually 0.005–0.05.)"""
    exploration: Annotated[float, Field(ge=0, le=1)] = 0.1
    """ε, the share of random actions. (Usually 0.01–0.2.)"""


METRICS = {"train/loss": "Huber loss of the values", "train/q_mean": "mean value of the actions that were taken"}
SEES = ("vector", "image", "dict", "discrete")


@register("tiny_dqn", Config=Settings, metrics=METRICS, observations=SEES, actions=("discrete",), family="off-policy")
class TinyDQN:
    """One seed in training; `rlx.algorithms.Learner` says what each method promises."""

    def __init__(self, config: Any, env: Any, seed: int, device: str):
        torch.manual_seed(seed)
        self.algo, self.env, self.device = config.algo, env, device
        seen = backbone(config, env.observation_space, env.root)
        self.network = compose(seen, head("q_values", env.action_space)).to(device)
        self.target = copy.deepcopy(self.network)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=self.algo.learning_rate)
        returns = {"n_step": self.algo.return_steps, "gamma": self.algo.gamma}
        self.replay = Replay(self.algo.buffer_size, env.num_envs, env.observation_space, env.action_space, **returns)

    def boundary(self, seed: int) -> None:
        """Begin fresh episodes, with draws of their own; the replay cuts the returns that it does not know yet."""
        self.seen, self.rng = self.env.reset(seed), np.random.default_rng(seed)
        self.replay.boundary()

    def advance(self) -> dict[str, float]:
        """Take 100 steps in every copy, with an update after each once there is something to learn from."""
        learned = []
        for _ in range(100):
            actions_N, _ = self.act(self.seen, None, None, None, deterministic=False)
            step = self.env.step(actions_N)
            self.replay.add(self.seen, actions_N, step)
            self.seen = step.observations
            if self.env.steps >= self.algo.learning_starts and len(self.replay):
                learned.append(self.update())
        return dict(zip(METRICS, np.mean(learned, axis=0), strict=True)) if learned else {}

    def update(self) -> tuple[float, float]:
        """Take a step towards r + γⁿ Q'(s', argmax Q(s', ·)) on a batch; return the loss and the mean value."""
        batch = self.replay.sample(self.rng, self.algo.batch_size).to(self.device)
        with torch.no_grad():
            torch._foreach_lerp_([*self.target.parameters()], [*self.network.parameters()], self.algo.tau)
            best_B1 = self.network(batch.next_observations).argmax(1, keepdim=True)
            targets_B = batch.rewards + batch.discounts * self.target(batch.next_observations).gather(1, best_B1)[:, 0]
        values_B = self.network(batch.observations).gather(1, batch.actions[:, None])[:, 0]
        loss = torch.nn.functional.smooth_l1_loss(values_B, targets_B)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item(), values_B.mean().item()

    def state(self) -> dict[str, Any]:
        """Return everything that `boundary` does not make anew."""
        networks = {"policy": self.network.state_dict(), "target": self.target.state_dict()}
        return {**networks, "optimizer": self.optimizer.state_dict(), "replay": self.replay.rows()}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take a state over; `policy` alone is enough to act."""
        self.network.load_state_dict(state["policy"])
        if "optimizer" in state:
            self.target.load_state_dict(state["target"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.replay.restore(state["replay"])

    def policy(self, seed: int) -> Any:
        """Return the present policy, with draws of its own."""
        actor = copy.copy(self)
        actor.rng = np.random.default_rng(seed)
        return actor

    @torch.no_grad()
    def act(self, observations: Any, memory: Any, starts_N: Any, masks: Any, deterministic: bool) -> Any:
        """Return the actions of the highest values, or, for a share of ε of the rows, random ones."""
        actions_N = self.network(observations).argmax(1).cpu().numpy()
        explores_N = self.rng.random(len(actions_N)) < (0.0 if deterministic else self.algo.exploration)
        actions_N[explores_N] = self.rng.integers(self.env.action_space.n, size=explores_N.sum())
        return actions_N, memory
