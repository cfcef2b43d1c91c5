"""The runs of algorithms that learn from a replay buffer: healthy ones, and ones with one known fault each. Data only.

Networks and budgets are small and a run has two seeds, so that a training takes seconds; the settings that count
(updates per step, target updates, exploration) are of the kind of rl-baselines3-zoo's.
"""

from __future__ import annotations

from benchmarks.diagnosis.case import Case, Settings

DQN: Settings = {
    "env.id": "CartPole-v1", "env.num_envs": 1, "algo.name": "dqn", "algo.total_timesteps": 6_000,
    "algo.iteration_steps": 200, "algo.learning_rate": 0.0023, "algo.batch_size": 64, "algo.buffer_size": 6_000,
    "algo.learning_starts": 500, "algo.target_update_interval": 160, "algo.train_freq": 16, "algo.gradient_steps": 8,
    "algo.exploration_fraction": 0.2, "policy.hidden_sizes": [64, 64],
}  # fmt: skip
"""As rl-baselines3-zoo's for CartPole-v1 and MountainCar-v0: 0.5 updates per step."""
REACH: Settings = {
    "env.id": "Reach-v0", "env.num_envs": 1, "algo.total_timesteps": 4_000, "algo.iteration_steps": 100,
    "algo.learning_rate": 0.003, "algo.batch_size": 64, "algo.buffer_size": 4_000, "algo.learning_starts": 300,
    "algo.train_freq": 2, "algo.gradient_steps": 1, "algo.gamma": 0.9, "algo.tau": 0.02, "policy.hidden_sizes": [32, 32],
    "eval.episodes": 2,
}  # fmt: skip
"""For a point that is to go to another."""
PENDULUM: Settings = {
    **REACH, "env.id": "Pendulum-v1", "algo.total_timesteps": 5_000, "algo.iteration_steps": 200, "algo.batch_size": 128,
    "algo.buffer_size": 5_000, "algo.gamma": 0.95, "policy.hidden_sizes": [64, 64],
}  # fmt: skip
"""As rl-baselines3-zoo's for Pendulum-v1, with a smaller network and fewer steps."""
SAC: Settings = {**REACH, "algo.name": "sac", "algo.entropy_coef": "auto_0.1"}
TD3: Settings = {**REACH, "algo.name": "td3", "algo.action_noise": {"type": "normal", "std": 0.1}}
DDPG: Settings = {**TD3, "algo.name": "ddpg"}
SHORT: Settings = {
    **DQN, "algo.total_timesteps": 2_000, "algo.iteration_steps": 100, "algo.learning_starts": 200, "algo.gradient_steps": 4,
    "algo.target_update_interval": 64,
}  # fmt: skip
"""For faults that the configuration alone shows."""
SHORT_SAC: Settings = {**SAC, "algo.total_timesteps": 1_500, "algo.iteration_steps": 50}
SCALED = "envs.wrappers.ScaledReward"

HEALTHY = (
    Case("dqn: cartpole", DQN, seeds=2),
    Case("sac: reach", SAC, seeds=2),
    Case("sac: pendulum", {**PENDULUM, "algo.name": "sac"}, seeds=2),
    Case("td3: reach", TD3, seeds=2),
)


def _fault(name: str, settings: Settings, *expected: str) -> Case:
    """Return a case whose suggestion is not tried."""
    return Case(name, settings, expected, tried=False, seeds=2)


FAULTS = (
    _fault("dqn: targets follow at once", {**DQN, "algo.total_timesteps": 3_000, "algo.iteration_steps": 100, "algo.target_update_interval": 1, "algo.train_freq": 4, "algo.learning_rate": 0.01}, "q-diverges"),
    _fault("dqn: learning rate x 100", {**SHORT, "algo.learning_rate": 0.23}, "q-diverges", "units-die", "step-size-unusual"),
    _fault("ddpg: learning rate x 30", {**DDPG, "algo.total_timesteps": 1_500, "algo.iteration_steps": 50, "algo.learning_rate": 0.1}, "q-diverges", "actions-saturated", "units-die", "step-size-unusual"),
    _fault("dqn: reward x 10000", {**SHORT, "env.wrappers": [{SCALED: {"factor": 1e4}}]}, "action-values-large"),
    _fault("dqn: noise taken for value", {**SHORT, "env.id": "Guess-v0", "env.kwargs": {"noise": 10.0, "actions": 16, "limit": 40}, "algo.gamma": 0.9, "algo.buffer_size": 1_000, "algo.train_freq": 4, "algo.gradient_steps": 8}, "q-overestimates"),
    _fault("sac: entropy coefficient collapsed", {**SHORT_SAC, "algo.entropy_coef": "auto_0.0001", "algo.target_entropy": -50.0}, "entropy-coefficient-collapsed"),
    _fault("sac: more entropy asked for than there is", {**SHORT_SAC, "algo.target_entropy": 20.0}, "entropy-coefficient-explodes"),
    _fault("dqn: explores to the end", {**SHORT, "algo.exploration_final_eps": 0.9}, "exploration-never-decays"),
    _fault("dqn: exploration ends before learning", {**SHORT, "algo.exploration_fraction": 0.01}, "exploration-ends-early"),
    _fault("dqn: one target update", {**SHORT, "algo.target_update_interval": 1_000}, "target-updates-rare"),
    _fault("dqn: replay of 100 steps", {**SHORT, "algo.buffer_size": 100}, "buffer-too-small"),
    _fault("sac: learning starts late", {**SHORT_SAC, "algo.learning_starts": 1_300}, "learning-starts-late"),
    _fault("dqn: one update in 100 steps", {**SHORT, "algo.train_freq": 100, "algo.gradient_steps": 1}, "updates-per-step-unusual"),
    _fault("sac: 8 updates per step", {**SHORT_SAC, "algo.total_timesteps": 600, "algo.iteration_steps": 25, "algo.learning_starts": 100, "algo.train_freq": 1, "algo.gradient_steps": 8}, "updates-per-step-unusual"),
    _fault("td3: no action noise", {**TD3, "env.id": "Push-v0", "algo.total_timesteps": 2_000, "algo.action_noise": None}, "deterministic-without-noise"),
    _fault("td3: actions at their bounds", {**TD3, "algo.total_timesteps": 1_500, "algo.iteration_steps": 50, "env.wrappers": [{"gymnasium.wrappers.RescaleObservation": {"min_obs": -10_000.0, "max_obs": 10_000.0}}]}, "actions-saturated"),
    _fault("sac: learning rate / 1000", {**SHORT_SAC, "algo.learning_rate": 3e-6}, "step-size-unusual"),
)  # fmt: skip
