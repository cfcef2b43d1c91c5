"""PPO in one file: arguments, agent, rollout, update and evaluation, top to bottom."""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import dataclass, fields
from pathlib import Path

import gymnasium as gym
import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

try:
    from torch.utils.tensorboard import SummaryWriter
except ImportError:
    from tensorboardX import SummaryWriter


@dataclass
class Args:
    exp_name: str = "ppo"
    seed: int = 1
    torch_deterministic: bool = True
    env_id: str = "CartPole-v1"
    total_timesteps: int = 500000
    learning_rate: float = 2.5e-4
    num_envs: int = 4
    num_steps: int = 128
    gamma: float = 0.99
    gae_lambda: float = 0.95
    num_minibatches: int = 4
    update_epochs: int = 4
    clip_coef: float = 0.2
    ent_coef: float = 0.01
    vf_coef: float = 0.5
    max_grad_norm: float = 0.5
    eval_episodes: int = 10
    eval_seed: int = 0


def parse() -> Args:
    """Read the arguments with tyro, or where that is not installed with argparse, by the same names."""
    try:
        import tyro

        return tyro.cli(Args)
    except ImportError:
        parser = argparse.ArgumentParser()
        for each in fields(Args):
            name, default = f"--{each.name.replace('_', '-')}", each.default
            if isinstance(default, bool):
                parser.add_argument(name, action=argparse.BooleanOptionalAction, default=default)
            else:
                parser.add_argument(name, type=type(default), default=default)
        return Args(**vars(parser.parse_args()))


def layer(inputs: int, outputs: int, gain: float = 2**0.5) -> nn.Linear:
    made = nn.Linear(inputs, outputs)
    nn.init.orthogonal_(made.weight, gain)
    nn.init.zeros_(made.bias)
    return made


class Agent(nn.Module):
    def __init__(self, observations: int, actions: int):
        super().__init__()
        self.critic = nn.Sequential(layer(observations, 64), nn.Tanh(), layer(64, 64), nn.Tanh(), layer(64, 1, 1.0))
        self.actor = nn.Sequential(
            layer(observations, 64), nn.Tanh(), layer(64, 64), nn.Tanh(), layer(64, actions, 0.01)
        )

    def forward(self, observation: torch.Tensor) -> tuple[Categorical, torch.Tensor]:
        return Categorical(logits=self.actor(observation)), self.critic(observation).squeeze(-1)


class Rollout:
    """Steps of all copies, and the advantages of what was done in them."""

    def __init__(self, args: Args, writer: SummaryWriter):
        self.args, self.writer, self.step = args, writer, 0
        self.envs = [gym.make(args.env_id) for _ in range(args.num_envs)]
        self.observation = np.stack([env.reset(seed=args.seed + i)[0] for i, env in enumerate(self.envs)])
        self.returns = np.zeros(args.num_envs)
        self.lengths = np.zeros(args.num_envs, dtype=int)

    def collect(self, agent: Agent) -> dict[str, torch.Tensor]:
        kept: dict[str, list] = {name: [] for name in ("obs", "action", "logprob", "value", "reward", "done")}
        for _ in range(self.args.num_steps):
            self.step += self.args.num_envs
            observation = torch.as_tensor(self.observation, dtype=torch.float32)
            with torch.no_grad():
                distribution, value = agent(observation)
                action = distribution.sample()
            reward, done = self._act(action.numpy())
            for name, item in zip(
                kept, (observation, action, distribution.log_prob(action), value, reward, done), strict=True
            ):
                kept[name].append(torch.as_tensor(item, dtype=torch.float32) if name in ("reward", "done") else item)
        batch = {name: torch.stack(items) for name, items in kept.items()}
        with torch.no_grad():
            _, last = agent(torch.as_tensor(self.observation, dtype=torch.float32))
        batch["advantage"] = self._advantages(batch, last)
        return {name: item.flatten(0, 1) for name, item in batch.items()}

    def _act(self, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rewards, dones = np.zeros(len(self.envs)), np.zeros(len(self.envs))
        for i, env in enumerate(self.envs):
            self.observation[i], rewards[i], terminated, truncated, _ = env.step(int(actions[i]))
            self.returns[i] += rewards[i]
            self.lengths[i] += 1
            if terminated or truncated:
                dones[i] = 1.0
                self.writer.add_scalar("charts/episodic_return", self.returns[i], self.step)
                self.writer.add_scalar("charts/episodic_length", self.lengths[i], self.step)
                self.returns[i], self.lengths[i] = 0.0, 0
                self.observation[i] = env.reset()[0]
        return rewards, dones

    def _advantages(self, batch: dict[str, torch.Tensor], last: torch.Tensor) -> torch.Tensor:
        advantages, carried, following = torch.zeros_like(batch["reward"]), 0.0, last
        for t in reversed(range(self.args.num_steps)):
            goes_on = 1.0 - batch["done"][t]
            delta = batch["reward"][t] + self.args.gamma * following * goes_on - batch["value"][t]
            carried = delta + self.args.gamma * self.args.gae_lambda * goes_on * carried
            advantages[t], following = carried, batch["value"][t]
        return advantages


def update(agent: Agent, optimizer: torch.optim.Optimizer, batch: dict[str, torch.Tensor], args: Args) -> float:
    targets, size = batch["advantage"] + batch["value"], len(batch["action"])
    for _ in range(args.update_epochs):
        for part in torch.randperm(size).chunk(args.num_minibatches):
            distribution, value = agent(batch["obs"][part])
            advantage = batch["advantage"][part]
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
            ratio = (distribution.log_prob(batch["action"][part]) - batch["logprob"][part]).exp()
            clipped = ratio.clamp(1 - args.clip_coef, 1 + args.clip_coef)
            policy_loss = -torch.min(ratio * advantage, clipped * advantage).mean()
            value_loss = 0.5 * (value - targets[part]).pow(2).mean()
            loss = policy_loss - args.ent_coef * distribution.entropy().mean() + args.vf_coef * value_loss
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), args.max_grad_norm)
            optimizer.step()
    return float(value_loss)


def evaluate(agent: Agent, args: Args, path: Path) -> None:
    """Play held-out episodes, a line each."""
    env = gym.make(args.env_id)
    with path.open("w") as file:
        for index in range(args.eval_episodes):
            seed = args.eval_seed + index
            observation, done, total, length = env.reset(seed=seed)[0], False, 0.0, 0
            while not done:
                with torch.no_grad():
                    distribution, _ = agent(torch.as_tensor(observation, dtype=torch.float32)[None])
                observation, reward, terminated, truncated, _ = env.step(int(distribution.probs.argmax()))
                total, length, done = total + float(reward), length + 1, terminated or truncated
            row = {"episode": index, "reset_seed": seed, "return": total, "length": length, "truncated": truncated}
            file.write(json.dumps(row) + "\n")


def main() -> None:
    args = parse()
    random.seed(args.seed)
    np.random.seed(args.seed)  # noqa: NPY002 — as such scripts do
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    torch.backends.cudnn.deterministic = args.torch_deterministic
    run = Path("runs", f"{args.env_id}__{args.exp_name}__{args.seed}__{int(time.time())}")
    writer = SummaryWriter(str(run))
    env = gym.make(args.env_id)
    agent = Agent(int(np.prod(env.observation_space.shape)), int(env.action_space.n))
    optimizer = torch.optim.Adam(agent.parameters(), lr=args.learning_rate, eps=1e-5)
    rollout = Rollout(args, writer)
    iterations = args.total_timesteps // (args.num_envs * args.num_steps)
    for iteration in range(iterations):
        optimizer.param_groups[0]["lr"] = args.learning_rate * (1.0 - iteration / iterations)
        loss = update(agent, optimizer, rollout.collect(agent), args)
        writer.add_scalar("losses/value_loss", loss, rollout.step)
        print(f"global_step={rollout.step}", flush=True)
    writer.close()
    torch.save(agent.state_dict(), run / "model.pt")
    evaluate(agent, args, run / "episodes.jsonl")


if __name__ == "__main__":
    main()
