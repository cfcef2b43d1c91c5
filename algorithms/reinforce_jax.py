"""REINFORCE with a mean baseline (Williams 1992) in JAX (`pip install "rlx[jax]"`): pure functions, and a learner."""

import copy
from typing import Annotated, Any, Literal

import jax
import numpy as np
import optax
from flax.serialization import from_state_dict, to_state_dict
from flax.training.train_state import TrainState
from pydantic import Field

from rlx.algorithms import AlgorithmConfig, Rollout, register
from rlx.policies import flax_mlp


class Settings(AlgorithmConfig):
    """REINFORCE over rollouts: the policy gradient, with returns that are cut where the rollout ends."""

    name: Literal["reinforce_jax"] = "reinforce_jax"
    learning_rate: Annotated[float, Field(gt=0)] = 3e-3
    """Adam's step size. (Usually 1e-3–1e-2.)"""
    gamma: Annotated[float, Field(ge=0, le=1)] = 0.99
    """Discount factor. (Usually 0.9–0.9999.)"""
    rollout_steps: Annotated[int, Field(ge=1)] = 256
    """Steps of each copy behind each update: more than an episode has. (Usually 128–1024.)"""


@jax.jit
def choose(state: TrainState, key: Any, observations: Any) -> tuple[Any, Any]:
    """Return for observations (…, O) the most likely actions, and drawn ones."""
    scores = state.apply_fn(state.params, observations)
    return scores.argmax(-1), jax.random.categorical(key, scores)


@jax.jit
def update(state: TrainState, observations: Any, actions_TN: Any, returns_TN: Any) -> tuple[TrainState, Any]:
    """Take a step along the policy gradient, and return the loss; as a pure function it can be vmapped over seeds."""
    advantages_TN = (returns_TN - returns_TN.mean()) / (returns_TN.std() + 1e-8)

    def loss(weights: Any) -> Any:
        log_p = jax.nn.log_softmax(state.apply_fn(weights, observations))
        return -(jax.numpy.take_along_axis(log_p, actions_TN[..., None], -1)[..., 0] * advantages_TN).mean()

    value, gradient = jax.value_and_grad(loss)(state.params)
    return state.apply_gradients(grads=gradient), value


@register("reinforce_jax", Config=Settings, metrics={"train/loss": "policy-gradient loss"}, actions=("discrete",))
class Reinforce:
    """One seed in training; `rlx.algorithms.Learner` says what each method promises."""

    def __init__(self, config: Any, env: Any, seed: int, device: str):
        self.algo, self.env, network = config.algo, env, flax_mlp(config, env.observation_space, env.action_space.n)
        weights, adam = network.init(jax.random.key(seed), np.zeros(network.shape)), optax.adam(self.algo.learning_rate)
        self.training = TrainState.create(apply_fn=network.apply, params=weights, tx=adam)

    def boundary(self, seed: int) -> None:
        """Begin fresh episodes, and a fresh key."""
        self.seen, self.key = self.env.reset(seed), jax.random.key(seed)

    def advance(self) -> dict[str, float]:
        """Play a rollout, then take one step along its gradient."""
        rollout = Rollout(self.env, self.algo.rollout_steps)
        self.seen = rollout.play(self.seen, lambda seen: self.act(seen, None, None, None, deterministic=False)[0])
        batch = rollout.observations, rollout.actions, rollout.returns(self.algo.gamma)
        self.training, loss = update(self.training, *batch)
        return {"train/loss": loss.item()}

    def state(self) -> dict[str, Any]:
        """Return everything that `boundary` does not make anew."""
        return {"policy": self.training.params, "optimizer": to_state_dict(self.training.opt_state)}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take a state over; `policy` alone is enough to act."""
        whole = to_state_dict(self.training) | {"params": state["policy"]}
        whole["opt_state"] = state.get("optimizer", whole["opt_state"])
        self.training = jax.tree.map(jax.numpy.asarray, from_state_dict(self.training, whole))

    def policy(self, seed: int) -> Any:
        """Return the present policy, with a key of its own."""
        actor = copy.copy(self)
        actor.key = jax.random.key(seed)
        return actor

    def act(self, observations: Any, memory: Any, starts_N: Any, masks: Any, deterministic: bool) -> Any:
        """Return the most likely actions, or drawn ones."""
        self.key, key = jax.random.split(self.key)
        likely_N, drawn_N = choose(self.training, key, observations)
        return np.asarray(likely_N if deterministic else drawn_N), memory
