"""CartPole, a small network and REINFORCE, composed in Python and trained, in a project in the folder cartpole-reinforce.

The algorithm is a page of that project, algorithms/reinforce.py, to read and to change. Running this again trains only what
has changed; `rlx ls`, `rlx plot` and `rlx diagnose` work in the folder.
"""

import rlx

environment = {"id": "CartPole-v1", "num_envs": 8, "normalize_observation": True}
network = {"type": "mlp", "hidden_sizes": [32, 32], "activation": "tanh"}
algorithm = {"name": "reinforce", "total_timesteps": 20_000, "learning_rate": 0.01, "episodes": 8}

run = rlx.train(
    {"run_name": "CartPole REINFORCE", "env": environment, "policy": network, "algo": algorithm},
    {"eval.every": 5_000, "eval.episodes": 5, "final_eval.episodes": 20},
    project="cartpole-reinforce",
    seeds=3,
)
print(run.scores.to_string(index=False))
act = run.policy("best", seed=run.config.seed)
print("action for a pole that leans right:", act([0.0, 0.0, 0.1, 0.0]))
